//! `hardmax run`: execute a program by the model.

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use super::check::compare;
use super::output::ProgramOutput;
use super::report::{self, Check, grouped, rate};
use super::trace_file::{self, Recorder};
use super::verification::{self, Road, VerifyReport};
use super::{CliError, Verdict, inputs};
use crate::engine::verify::{DEFAULT_BLOCK, Settings, Spot};
use crate::engine::{Attention, Reference, Stopped, generate};
use crate::linalg::Kernel;
use crate::machine::Symbol;
use crate::model::{Model, Shape, Token};

/// Execute a program by the model, token for token, then verify what it generated.
///
/// Program output goes to standard output as it appears, the summary to standard
/// error. Exit code 1 means that a limit was hit, or a check or the
/// verification failed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hardmax run tests/vectors/countdown.txt
  hardmax run tests/vectors/countdown.txt --check tests/vectors/countdown_ref.txt
  hardmax run tests/vectors/countdown.txt --attention hull --trace /tmp/trace.txt --json
  hardmax run tests/vectors/countdown.txt --trace /tmp/trace.hmt --verify spot=100")]
pub struct Run {
    /// Program file
    program: PathBuf,
    /// Model file [default: the one in the binary]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// How heads are answered
    #[arg(long, value_enum, default_value = "kinds")]
    attention: Attention,
    /// Dense products: portable, or openblas or accelerate where built in
    #[arg(long, value_name = "NAME")]
    kernel: Option<String>,
    /// Stop after this many generated tokens, and fail
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    max_tokens: u64,
    /// Write the trace: in binary and while running if the name ends in .hmt, else as text
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Compare every token with this trace
    #[arg(long, value_name = "REF_FILE")]
    check: Option<PathBuf>,
    /// Recompute what was generated and compare: dgemm, spot, spot=N (so many positions) or none
    #[arg(long, value_name = "ROAD", default_value = "dgemm")]
    verify: Road,
    /// Threads of the verification [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
    /// Print one JSON object instead of program output and summary
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    program: String,
    model: String,
    shape: Shape,
    engine: &'static str,
    attention: Attention,
    kernel: &'static str,
    kernel_description: String,
    threads: usize,
    prompt_tokens: u64,
    generated_tokens: u64,
    seconds: f64,
    tokens_per_second: f64,
    load_seconds: f64,
    attention_bytes: usize,
    halted: bool,
    check: Check,
    verify: Option<VerifyReport>,
    output_bytes: u64,
    output: Option<String>,
}

impl Run {
    pub fn run(&self) -> Result<Verdict, CliError> {
        let program = inputs::program(&self.program)?;
        let kernel = self.kernel.as_deref().map_or(Ok(Kernel::preferred()), Kernel::named)?;

        let loading = Instant::now();
        let model = inputs::model(self.model.as_deref())?;
        let attention = self.attention;
        let prompt = program.prompt();
        let tokens = inputs::encode(&model, &prompt)?;
        let meanings = inputs::meanings(&model);
        let failed = |position, source| CliError::Engine { position, source };
        let mut engine = Reference::new(&model, attention, kernel).map_err(|e| failed(0, e))?;
        let load_seconds = loading.elapsed().as_secs_f64();

        let reference = self.check.as_deref().map(|p| trace_file::whole(p, &model)).transpose()?;
        let recorder = |path| Recorder::new(path, &model, &tokens);
        let mut recorder = self.trace.as_deref().map(recorder).transpose()?;
        let keeps_trace = self.trace.is_some() || reference.is_some() || self.verify != Road::None;
        let mut generated: Vec<Token> = Vec::new();
        let mut output = ProgramOutput::new(!self.json);
        let running = Instant::now();
        let result = generate(&mut engine, &tokens, model.stop(), self.max_tokens, |token| {
            let meaning = meanings[token.index()];
            output.take(if let Some(Symbol::Out(byte)) = meaning { Some(byte) } else { None });
            if let Some(recorder) = &mut recorder {
                recorder.push(token);
            }
            if keeps_trace {
                generated.push(token);
            }
        });
        let seconds = running.elapsed().as_secs_f64();
        let (output_bytes, output) = output.finish()?;
        let run = result.map_err(|error| failed(engine.position(), error))?;

        let verify = self.verified(&model, kernel, &tokens, &generated)?;
        let generated = generated
            .into_iter()
            .map(|token| {
                meanings[token.index()].ok_or_else(|| CliError::ForeignToken {
                    name: model.vocabulary().name(token).to_owned(),
                })
            })
            .collect::<Result<Vec<Symbol>, _>>()?;
        if let Some(recorder) = recorder {
            recorder.finish(&program, &generated)?;
        }
        let prompt_tokens = prompt.len() as u64;
        let report = Report {
            program: self.program.display().to_string(),
            model: self.model.as_ref().map_or("built in".into(), |path| path.display().to_string()),
            shape: model.shape(),
            engine: "reference",
            attention,
            kernel: kernel.name(),
            kernel_description: kernel.description(),
            threads: 1,
            prompt_tokens,
            generated_tokens: run.tokens,
            seconds,
            tokens_per_second: rate(prompt_tokens + run.tokens, seconds),
            load_seconds,
            attention_bytes: engine.heap_bytes(),
            halted: run.stopped == Stopped::Halted,
            check: Check::of(reference.map(|reference| compare(&reference, &prompt, &generated))),
            verify,
            output_bytes,
            output,
        };
        report.tell(self)
    }

    /// Verifies what was generated, unless that was not wanted.
    fn verified(
        &self,
        model: &Model,
        kernel: Kernel,
        prompt: &[Token],
        generated: &[Token],
    ) -> Result<Option<VerifyReport>, CliError> {
        let spot = match self.verify {
            Road::None => return Ok(None),
            Road::Dgemm => None,
            Road::Spot(count) => Some(Spot { count, seed: 0 }),
        };
        let settings = Settings { attention: self.attention, kernel, block: DEFAULT_BLOCK, spot };
        let pool = verification::pool(self.threads)?;
        let trace = prompt.iter().chain(generated).map(|&token| Ok(token));
        let total = (prompt.len() + generated.len()) as u64;
        let progress = (Some(total), |tokens| tokens);
        let prompt = prompt.len() as u64;
        verification::run(model, prompt, trace, settings, &pool, progress).map(Some)
    }
}

impl Report {
    fn tell(&self, run: &Run) -> Result<Verdict, CliError> {
        if run.json {
            report::json(self)?;
        } else {
            let Shape { layers, width, units, .. } = self.shape;
            let end = if self.halted { "halted" } else { "stopped at --max-tokens" };
            eprintln!(
                "{}: {end} after {} prompt and {} generated tokens, {:.3} s, {} tokens/s",
                self.program,
                grouped(self.prompt_tokens),
                grouped(self.generated_tokens),
                self.seconds,
                grouped(self.tokens_per_second as u64)
            );
            eprintln!(
                "model {} (L={layers} D={width} F={units}), engine {}, attention {}, kernel {} ({}), \
                 {} thread",
                self.model,
                self.engine,
                self.attention.name(),
                self.kernel,
                self.kernel_description,
                self.threads
            );
            self.check.tell();
            if let Some(verify) = &self.verify {
                verify.tell();
            }
        }
        let verified = self.verify.as_ref().is_none_or(|v| v.verdict() == Verdict::Done);
        let done = self.halted && !self.check.failed() && verified;
        Ok(if done { Verdict::Done } else { Verdict::Failed })
    }
}
