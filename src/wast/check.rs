//! Programs, out of what was asked, and whether the answers are right.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::script::{Check, Event, Not, Script, is_refusal};
use super::{Finding, Report};
use crate::machine::Symbol;
use crate::oracle::Stopped;
use crate::program::Walk;
use crate::wasm::link::{InstanceId, LinkError, Step};
use crate::wasm::{Compiled, Entry, Options, compile};

/// What a program came to.
struct Ran {
    /// The lines that it wrote.
    lines: Vec<String>,
    stopped: Stopped,
    /// Why it trapped, if it did.
    reason: String,
}

/// What is done with instances that share something.
#[derive(Default)]
struct Group {
    /// All that is to end, in order: one program.
    events: Vec<Event>,
    /// What is to trap, for a reason, and how many events come before.
    traps: Vec<(usize, Event, String)>,
}

impl Group {
    fn new(events: impl IntoIterator<Item = Event>) -> Group {
        let mut group = Group::default();
        for event in events {
            let Check::Traps(reason) = &event.check else {
                group.events.push(event);
                continue;
            };
            group.traps.push((group.events.len(), event.clone(), reason.clone()));
            if let Step::Instantiate { instance, .. } = event.step {
                let step = Step::Instantiate { instance, traps: true };
                group.events.push(Event { step, check: Check::Ends { lines: 0 }, ..event });
            }
        }
        group
    }
}

impl Script<'_> {
    /// Executes all that was noted.
    pub fn finish(mut self) -> Report {
        let groups = self.store.groups(Some(self.spectest));
        let mut by_group: BTreeMap<InstanceId, Vec<Event>> = BTreeMap::new();
        for event in std::mem::take(&mut self.events) {
            by_group.entry(groups[event.step.instance().number()]).or_default().push(event);
        }
        by_group.into_values().for_each(|events| self.group(events));
        self.report.refused.sort_by_key(|finding| finding.line);
        self.report.failed.sort_by_key(|finding| finding.line);
        self.report
    }

    fn group(&mut self, events: Vec<Event>) {
        let mut group = Group::new(events.iter().cloned());
        let mut ran = self.run(&group.events, None);
        if let Err(Not::Refused(_)) = ran {
            group = Group::new(self.compilable(events));
            ran = self.run(&group.events, None);
        }
        self.returned(&group.events, ran);
        // Where nothing is beyond the end of memory it is not known what traps.
        let traps = if self.options.endless_memory { Vec::new() } else { group.traps };
        for (before, event, reason) in traps {
            let ran = self.run(&group.events[..before], Some(&event.step));
            self.trapped(&event, ran, &reason);
        }
    }

    /// Those that the compiler does not refuse.
    fn compilable(&mut self, events: Vec<Event>) -> Vec<Event> {
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
            if let Err(refused @ Not::Refused(_)) = self.compile(&steps) {
                // A call without results is made for what it changes.
                let returns = matches!(&event.check, Check::Returns(all) if !all.is_empty());
                unknown = (!returns).then_some(event.line);
                self.report.note(event.line, refused);
                continue;
            }
            if let Step::Instantiate { instance, .. } = event.step {
                let traps = matches!(event.check, Check::Traps(_));
                begun.push(Step::Instantiate { instance, traps });
            }
            kept.push(event);
        }
        kept
    }

    fn compile(&self, steps: &[Step]) -> Result<Compiled, Not> {
        let linked = self.store.program(steps, None).map_err(|error| match error {
            LinkError::OutOfBounds { .. } => Not::Traps(error.to_string()),
            LinkError::Module(reason) if is_refusal(&reason) => Not::Refused(reason.to_string()),
            _ => Not::Failed(error.to_string()),
        })?;
        let options = Options {
            entry: Entry::Invoke(linked.calls),
            endless_memory: self.options.endless_memory,
            ..Options::default()
        };
        compile(&linked.wasm, &options).map_err(|error| match is_refusal(&error) {
            true => Not::Refused(error.to_string()),
            false => Not::Failed(error.to_string()),
        })
    }

    fn run(&mut self, events: &[Event], last: Option<&Step>) -> Result<Ran, Not> {
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
        let stopped = stopped.map_err(Not::Failed)?;
        let output = String::from_utf8_lossy(&output);
        let reason = match stopped {
            Stopped::Trapped => places.trap(&program, &walk, 0).reason.to_string(),
            _ => String::new(),
        };
        Ok(Ran { lines: output.lines().map(str::to_owned).collect(), stopped, reason })
    }

    /// Judges what was to trap.
    fn trapped(&mut self, event: &Event, ran: Result<Ran, Not>, message: &str) {
        let trap = match ran {
            Ok(Ran { stopped: Stopped::Trapped, reason, .. }) | Err(Not::Traps(reason)) => reason,
            Ok(Ran { stopped, .. }) => {
                let ended = ended(stopped, "");
                let message = format!("{ended} instead of trap {message:?}");
                return self.report.note(event.line, Not::Failed(message));
            }
            Err(not) => return self.report.note(event.line, not),
        };
        // A script may say more than the machine, as in `uninitialized element 7`, and the linker than a script.
        if message.starts_with(&trap) || trap.starts_with(message) {
            self.report.passed += 1;
        } else {
            let message = format!("trap {trap:?} instead of {message:?}");
            self.report.note(event.line, Not::Failed(message));
        }
    }

    /// Judges all that was to end.
    fn returned(&mut self, events: &[Event], ran: Result<Ran, Not>) {
        let (lines, stopped, reason) = match ran {
            Ok(Ran { lines, stopped, reason }) => (lines, stopped, reason),
            Err(not) => {
                let asserted = events.iter().filter(|it| matches!(it.check, Check::Returns(_)));
                asserted.for_each(|event| self.report.note(event.line, not.clone()));
                return;
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
                self.report.note(event.line, Not::Failed(message));
            }
        }
        // What returns nothing cannot say that it did not return.
        if stopped != Stopped::Halted && !fails {
            let line = events.last().map_or(0, |event| event.line);
            let message = format!("{} before this", ended(stopped, &reason));
            self.report.note(line, Not::Failed(message));
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
