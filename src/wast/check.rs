//! Programs, out of what was asked, and whether the answers are right.

use std::fmt::Display;

use super::script::{Check, Event, Script, is_refusal};
use super::{Finding, Report};
use crate::machine::Symbol;
use crate::oracle::Stopped;
use crate::program::Walk;
use crate::wasm::link::{LinkError, Step};
use crate::wasm::{Compiled, Entry, Options, compile};

/// What a program came to.
struct Ran {
    /// The lines that it wrote.
    lines: Vec<String>,
    stopped: Stopped,
    /// Why it trapped, if it did.
    reason: String,
}

/// Why there is no such program, or none that ran.
enum NotRun {
    /// It traps before it begins, for this reason.
    Traps(String),
    Refused(String),
    Failed(String),
}

impl Script<'_> {
    /// Executes all that was noted.
    pub fn finish(mut self) -> Report {
        let groups = self.store.groups(Some(self.spectest));
        let mut all = groups.clone();
        all.sort_unstable();
        all.dedup();
        for group in all {
            let events = std::mem::take(&mut self.events);
            let (events, rest) = events
                .into_iter()
                .partition(|event| groups[event.step.instance().number()] == group);
            self.events = rest;
            self.group(events);
        }
        self.report.refused.sort_by_key(|finding| finding.line);
        self.report.failed.sort_by_key(|finding| finding.line);
        self.report
    }

    /// What is done with instances that share something.
    fn group(&mut self, events: Vec<Event>) {
        let events = self.compilable(events);
        let mut before: Vec<Event> = Vec::new();
        for event in events {
            let Check::Traps(message) = &event.check else {
                before.push(event);
                continue;
            };
            if !self.options.endless_memory {
                let ran = self.run(&before, Some(&event.step));
                self.trapped(&event, ran, message);
            }
            if let Step::Instantiate { instance, .. } = event.step {
                let step = Step::Instantiate { instance, traps: true };
                before.push(Event { step, check: Check::Ends { lines: 0 }, ..event });
            }
        }
        let ran = self.run(&before, None);
        self.returned(&before, ran);
    }

    /// Those that the compiler does not refuse; mostly all.
    fn compilable(&mut self, events: Vec<Event>) -> Vec<Event> {
        let steps = |events: &[Event]| events.iter().map(|it| it.step.clone()).collect::<Vec<_>>();
        if !matches!(self.compile(&steps(&events)), Err(NotRun::Refused(_))) {
            return events;
        }
        let (mut kept, mut begun): (Vec<Event>, Vec<Step>) = Default::default();
        // Since when nobody knows what the instances are like.
        let mut unknown = None;
        for event in events {
            if let Some(line) = unknown {
                if !matches!(event.check, Check::Ends { .. }) {
                    let message = format!("what line {line} does, which is refused, is not known");
                    self.report.refused.push(Finding { line: event.line, message });
                }
                continue;
            }
            let mut steps = begun.clone();
            steps.push(event.step.clone());
            match self.compile(&steps) {
                Err(NotRun::Refused(message)) => {
                    // A call without results is made for what it changes.
                    let returns = matches!(&event.check, Check::Returns(all) if !all.is_empty());
                    unknown = (!returns).then_some(event.line);
                    self.report.refused.push(Finding { line: event.line, message });
                }
                _ => {
                    if let Step::Instantiate { instance, .. } = event.step {
                        let traps = matches!(event.check, Check::Traps(_));
                        begun.push(Step::Instantiate { instance, traps });
                    }
                    kept.push(event);
                }
            }
        }
        kept
    }

    fn compile(&self, steps: &[Step]) -> Result<Compiled, NotRun> {
        let linked = self.store.program(steps, None).map_err(|error| match error {
            LinkError::OutOfBounds { .. } => NotRun::Traps(error.to_string()),
            LinkError::Module(reason) if is_refusal(&reason) => NotRun::Refused(reason.to_string()),
            _ => NotRun::Failed(error.to_string()),
        })?;
        let options = Options {
            entry: Entry::Invoke(linked.calls),
            endless_memory: self.options.endless_memory,
            ..Options::default()
        };
        compile(&linked.wasm, &options).map_err(|error| match is_refusal(&error) {
            true => NotRun::Refused(error.to_string()),
            false => NotRun::Failed(error.to_string()),
        })
    }

    fn run(&mut self, events: &[Event], last: Option<&Step>) -> Result<Ran, NotRun> {
        let steps: Vec<Step> =
            events.iter().map(|event| &event.step).chain(last).cloned().collect();
        let Compiled { program, places, .. } = self.compile(&steps)?;
        let (mut output, mut walk, mut tokens) = (Vec::new(), Walk::new(&program), 0);
        let stopped = (self.options.execute)(&program, &mut |token| {
            tokens += 1;
            walk.step(token);
            if let Symbol::Out(byte) = token {
                output.push(byte);
            }
        });
        self.report.tokens += program.prompt().len() as u64 + tokens;
        let stopped = stopped.map_err(NotRun::Failed)?;
        let output = String::from_utf8_lossy(&output);
        let reason = match stopped {
            Stopped::Trapped => places.trap(&program, &walk, 0).reason.to_string(),
            _ => String::new(),
        };
        Ok(Ran { lines: output.lines().map(str::to_owned).collect(), stopped, reason })
    }

    /// Judges what was to trap.
    fn trapped(&mut self, event: &Event, ran: Result<Ran, NotRun>, message: &str) {
        let line = event.line;
        let trap = match ran {
            Ok(Ran { stopped: Stopped::Trapped, reason, .. }) | Err(NotRun::Traps(reason)) => {
                reason
            }
            Ok(Ran { stopped, .. }) => {
                let message = format!("{} instead of trap {message:?}", ended(stopped, ""));
                return self.report.failed.push(Finding { line, message });
            }
            Err(NotRun::Refused(message)) => {
                return self.report.refused.push(Finding { line, message });
            }
            Err(NotRun::Failed(message)) => {
                return self.report.failed.push(Finding { line, message });
            }
        };
        // A script may say more than the machine: `uninitialized element 7`.
        if message.starts_with(&trap) || trap.starts_with(message) {
            self.report.passed += 1;
        } else {
            let message = format!("trap {trap:?} instead of {message:?}");
            self.report.failed.push(Finding { line, message });
        }
    }

    /// Judges all that was to end.
    fn returned(&mut self, events: &[Event], ran: Result<Ran, NotRun>) {
        let (lines, stopped, reason) = match ran {
            Ok(Ran { lines, stopped, reason }) => (lines, stopped, reason),
            Err(NotRun::Traps(message) | NotRun::Refused(message) | NotRun::Failed(message)) => {
                let asserted = events.iter().filter(|it| matches!(it.check, Check::Returns(_)));
                let findings: Vec<_> = asserted
                    .map(|event| Finding { line: event.line, message: message.clone() })
                    .collect();
                return self.report.failed.extend(findings);
            }
        };
        let mut lines = lines.iter();
        let mut fails = false;
        for event in events {
            let wanted = match &event.check {
                Check::Returns(expected) => expected.len(),
                Check::Ends { lines } => *lines,
                Check::Traps(_) => 0,
            };
            let got: Vec<&String> = lines.by_ref().take(wanted).collect();
            let Check::Returns(expected) = &event.check else { continue };
            let equal = expected.iter().zip(&got).all(|(expected, line)| expected.is(line));
            if got.len() == wanted && equal {
                self.report.passed += 1;
            } else {
                fails = true;
                let got_all = got.len() == wanted;
                let ended = if got_all { "" } else { &format!("; {}", ended(stopped, &reason)) };
                let message = format!("{} instead of {}{ended}", list(&got), list(expected));
                self.report.failed.push(Finding { line: event.line, message });
            }
        }
        // What returns nothing cannot say that it did not return.
        if stopped != Stopped::Halted && !fails {
            let line = events.last().map_or(0, |event| event.line);
            let message = format!("{} before this", ended(stopped, &reason));
            self.report.failed.push(Finding { line, message });
        }
    }
}

fn ended(stopped: Stopped, reason: &str) -> String {
    match stopped {
        Stopped::Halted => "it returned".into(),
        Stopped::Trapped => format!("it trapped: {reason}"),
        Stopped::TokenLimit => "it came to the limit of tokens".into(),
    }
}

/// Results, as a person reads them.
fn list(results: &[impl Display]) -> String {
    match results {
        [] => "nothing".into(),
        _ => results.iter().map(|result| result.to_string()).collect::<Vec<_>>().join(", "),
    }
}
