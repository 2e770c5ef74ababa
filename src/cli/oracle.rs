//! `hardmax oracle`: execute a program directly.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use super::check::Reference;
use super::output::ProgramOutput;
use super::places::TrapReport;
use super::report::{self, Check, grouped, rate};
use super::source::Source;
use super::trace_output::{self, Recorder};
use super::{CliError, Verdict, inputs, outputs};
use crate::machine::Symbol;
use crate::oracle::{Stopped, execute};
use crate::program::{Prompt, text};
use crate::shown;
use crate::specialise;
use crate::tokenizer::Tokenizer;

/// Execute a program directly, and write the trace that the model must generate.
///
/// Exit codes are those of `hardmax run`: 3 means that the program ended with an exit code other than 0.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hardmax oracle sudoku
  hardmax oracle programs/gcd.wat --invoke gcd 84 36
  hardmax oracle tests/wasi/echo.wat --args input -- some arguments
  hardmax oracle tests/vectors/countdown.txt --trace /tmp/countdown_ref.txt
  hardmax oracle tests/vectors/countdown.txt --check tests/vectors/countdown_ref.txt --json
  hardmax specialise hello -o /tmp/hello.bin
  hardmax oracle hello --args you --model /tmp/hello.bin --trace /tmp/hello.hmt")]
pub struct Oracle {
    #[command(flatten)]
    source: Source,
    /// Model file, for the prompt and the tokens of traces: one that has the program inside is given only
    /// the input [default: the one in the binary]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Stop after this many generated tokens, as in 5000, 10k or 2G, and fail
    #[arg(long, value_name = "N", default_value = "1G", value_parser = super::values::tokens)]
    max_tokens: u64,
    /// Write the trace, the program and all generated tokens, as text, or in binary if the name
    /// ends in .hmt
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Compare every token with this trace, text or binary
    #[arg(long, value_name = "REF_FILE")]
    check: Option<PathBuf>,
    /// Print one JSON object instead of program output and summary
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    program: String,
    prompt_tokens: u64,
    generated_tokens: u64,
    seconds: f64,
    tokens_per_second: f64,
    halted: bool,
    trapped: bool,
    /// Of a program of WASI that ended.
    exit_code: Option<u32>,
    /// Why and where it trapped.
    trap: Option<TrapReport>,
    check: Check,
    output_bytes: u64,
    output: Option<String>,
}

impl Oracle {
    pub fn run(&self) -> Result<Verdict, CliError> {
        let mut read = self.source.files();
        read.extend([("the trace", self.check.as_deref()), ("the model", self.model.as_deref())]);
        outputs::check(self.trace.as_deref(), &read)?;
        let resolved = self.source.resolve()?;
        let takes = resolved.takes;
        let (program, compiled) = (resolved.program, resolved.compiled);
        // Binary traces say of which model they are, and are read and written by its token ids.
        let keeps_trace = self.trace.is_some() || self.check.is_some();
        let keeps_trace = keeps_trace || self.model.is_some();
        let model = keeps_trace.then(|| inputs::model(self.model.as_deref())).transpose()?;
        let shape = match &model {
            Some(model) if specialise::has_program_inside(model) => {
                specialise::prompt(&program, takes)
            }
            _ => Prompt::Program(program.clone()),
        };
        let prompt = shape.symbols();
        let reference = match (&self.check, &model) {
            (Some(path), Some(model)) => {
                Some(Reference::read(path, model, (&[], Some(&shape)), self.max_tokens)?)
            }
            _ => None,
        };
        let mut recorder = match (&self.trace, &model) {
            (Some(path), Some(model)) => {
                let tokenizer = Tokenizer::new(model.vocabulary());
                let recorder = Recorder::new(path, model, &tokenizer.encode(&prompt)?)?;
                Some((recorder, tokenizer))
            }
            _ => None,
        };
        let mut generated = Vec::new();
        let mut count = 0;
        let mut lacks = None;
        let mut output = ProgramOutput::new(!self.json);
        let running = Instant::now();
        let result = execute(&program, self.max_tokens, |token| {
            output.take(Some(token));
            count += 1;
            if let Some((recorder, tokenizer)) = &mut recorder {
                match tokenizer.token_at(token, prompt.len() as u64 + count - 1) {
                    Ok(token) => recorder.push(token),
                    Err(no_token) => lacks = lacks.take().or(Some(no_token)),
                }
            }
            if keeps_trace {
                generated.push(token);
            }
        });
        let seconds = running.elapsed().as_secs_f64();
        let output = output.finish();
        match (recorder, &result) {
            (Some((recorder, _)), Ok(_)) if lacks.is_none() => {
                recorder
                    .finish(|file| text::write_trace_to(file, &shape, generated.iter().copied()))?;
            }
            (Some((recorder, _)), _) => recorder.break_off(),
            (None, _) => {}
        }
        let path = self.source.path().to_owned();
        let stopped = result.map_err(|source| CliError::Oracle { path, source })?;
        if let Some(no_token) = lacks {
            return Err(no_token.into());
        }
        let prompt_tokens = prompt.len() as u64;
        let report = Report {
            program: self.source.name(),
            prompt_tokens,
            generated_tokens: count,
            seconds,
            tokens_per_second: rate(prompt_tokens + count, seconds),
            halted: stopped != Stopped::TokenLimit,
            trapped: stopped == Stopped::Trapped,
            exit_code: output.exit_code,
            trap: (stopped == Stopped::Trapped).then(|| compiled.trap_of_oracle(&program, count)),
            check: Check::of(reference.map(|reference| {
                let names: Vec<String> = Symbol::all().iter().map(Symbol::to_string).collect();
                let name = |symbol: &Symbol| names[symbol.id() as usize].as_str();
                reference.compare(prompt.iter().map(name), generated.iter().map(name))
            })),
            output_bytes: output.bytes,
            output: output.text,
        };
        let printed = report.tell(self.json).and_then(|verdict| output.complete.map(|()| verdict));
        trace_output::reassure(printed, self.trace.as_deref())
    }
}

impl Report {
    fn tell(&self, json: bool) -> Result<Verdict, CliError> {
        if json {
            report::json(self)?;
        } else {
            let end = report::end(self.halted, self.trapped, self.exit_code);
            note!(
                "{}: {end} after {} prompt and {} generated tokens, by the oracle",
                shown::path(&self.program),
                grouped(self.prompt_tokens),
                grouped(self.generated_tokens),
            );
            self.trap.iter().for_each(TrapReport::tell);
            self.check.tell();
        }
        let fine = self.halted && !self.trapped && !self.check.failed();
        Ok(Verdict::of_run(fine, self.exit_code))
    }
}
