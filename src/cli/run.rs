//! `hardmax run`: execute a program by the model.

use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::check::compare;
use super::output::ProgramOutput;
use super::report::{self, Check, grouped, rate};
use super::source::Source;
use super::{CliError, Verdict, inputs};
use crate::engine::{Attention, Engine, Fallback, Planned, Reference, Stopped, generate};
use crate::linalg::Kernel;
use crate::machine::Symbol;
use crate::model::{Shape, Token};
use crate::plan::Plan;
use crate::program::text;

/// Which way through the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum Way {
    /// The model compiled to the few operations that matter.
    Plan,
    /// Every matrix dense, every head by its memory.
    Reference,
}

/// Execute a program by the model, token for token.
///
/// Program output goes to standard output as it appears, the summary to standard
/// error. Exit code 1 means that the program trapped, a limit was hit or a check failed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hardmax run hello
  hardmax run hello --args you --json
  hardmax run tests/vectors/countdown.txt
  hardmax run tests/vectors/countdown.txt --check tests/vectors/countdown_ref.txt
  hardmax run tests/vectors/countdown.txt --attention hull --trace /tmp/trace.txt --json")]
pub struct Run {
    #[command(flatten)]
    source: Source,
    /// Model file [default: the one in the binary]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Which way through the model [default: plan, or reference where --attention is given]
    #[arg(long, value_enum, value_name = "NAME")]
    engine: Option<Way>,
    /// How the reference answers heads [default: kinds]
    #[arg(long, value_enum)]
    attention: Option<Attention>,
    /// Dense products: portable, or openblas or accelerate where built in
    #[arg(long, value_name = "NAME")]
    kernel: Option<String>,
    /// Stop after this many generated tokens, and fail
    #[arg(long, value_name = "N", default_value_t = 1_000_000_000)]
    max_tokens: u64,
    /// Write the trace: the program and all generated tokens
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Compare every token with this trace
    #[arg(long, value_name = "REF_FILE")]
    check: Option<PathBuf>,
    /// Print one JSON object instead of program output and summary
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    program: String,
    model: String,
    shape: Shape,
    engine: Way,
    fallback: Option<Fallback>,
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
    trapped: bool,
    check: Check,
    output_bytes: u64,
    output: Option<String>,
}

impl Run {
    pub fn run(&self) -> Result<Verdict, CliError> {
        let program = self.source.program()?;
        let reference = self.check.as_deref().map(inputs::trace).transpose()?;
        let kernel = self.kernel.as_deref().map_or(Ok(Kernel::preferred()), Kernel::named)?;

        let loading = Instant::now();
        let model = inputs::model(self.model.as_deref())?;
        let attention = self.attention.unwrap_or(Attention::Kinds);
        let way = match (self.engine, self.attention) {
            (Some(way), _) => way,
            (None, Some(_)) => Way::Reference,
            (None, None) => Way::Plan,
        };
        let prompt = program.prompt();
        let tokens = inputs::encode(&model, &prompt)?;
        let meanings = inputs::meanings(&model);
        let failed = |position, source| CliError::Engine { position, source };
        let opening = tokens.first().copied().unwrap_or(Token(0));
        let plan = (way == Way::Plan).then(|| Plan::new(&model, opening));
        let mut engine = match &plan {
            Some(plan) => Engine::Plan(Box::new(Planned::new(&model, plan, attention, kernel))),
            None => {
                let reference = Reference::new(&model, attention, kernel);
                Engine::Reference(Box::new(reference.map_err(|e| failed(0, e))?))
            }
        };
        let load_seconds = loading.elapsed().as_secs_f64();

        let keeps_trace = self.trace.is_some() || reference.is_some();
        let mut generated: Vec<Token> = Vec::new();
        let mut trapped = false;
        let mut output = ProgramOutput::new(!self.json);
        let running = Instant::now();
        let result = generate(&mut engine, &tokens, model.stop(), self.max_tokens, |token| {
            let meaning = meanings[token.index()];
            output.take(if let Some(Symbol::Out(byte)) = meaning { Some(byte) } else { None });
            trapped |= meaning == Some(Symbol::Trap);
            if keeps_trace {
                generated.push(token);
            }
        });
        let seconds = running.elapsed().as_secs_f64();
        let (output_bytes, output) = output.finish()?;
        let run = result.map_err(|error| failed(engine.position(), error))?;

        let generated = generated
            .into_iter()
            .map(|token| {
                meanings[token.index()].ok_or_else(|| CliError::ForeignToken {
                    name: model.vocabulary().name(token).to_owned(),
                })
            })
            .collect::<Result<Vec<Symbol>, _>>()?;
        if let Some(path) = &self.trace {
            inputs::write(path, text::write_trace(&program, &generated).as_bytes())?;
        }
        let prompt_tokens = prompt.len() as u64;
        let report = Report {
            program: self.source.name(),
            model: self.model.as_ref().map_or("built in".into(), |path| path.display().to_string()),
            shape: model.shape(),
            engine: way,
            fallback: engine.fallback(),
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
            trapped,
            check: Check::of(reference.map(|reference| compare(&reference, &prompt, &generated))),
            output_bytes,
            output,
        };
        report.tell(self)
    }
}

impl Report {
    fn tell(&self, run: &Run) -> Result<Verdict, CliError> {
        if run.json {
            report::json(self)?;
        } else {
            let Shape { layers, width, units, .. } = self.shape;
            let end = report::end(self.halted, self.trapped);
            eprintln!(
                "{}: {end} after {} prompt and {} generated tokens, {:.3} s, {} tokens/s",
                self.program,
                grouped(self.prompt_tokens),
                grouped(self.generated_tokens),
                self.seconds,
                grouped(self.tokens_per_second as u64)
            );
            let model = format!("model {} (L={layers} D={width} F={units})", self.model);
            let reference = format!(
                "attention {}, kernel {} ({}), {} thread",
                self.attention.name(),
                self.kernel,
                self.kernel_description,
                self.threads
            );
            match (self.engine, self.fallback) {
                (Way::Reference, _) => eprintln!("{model}, engine reference, {reference}"),
                (Way::Plan, None) => eprintln!("{model}, engine plan, 1 thread"),
                (Way::Plan, Some(Fallback { position, reason })) => eprintln!(
                    "{model}, engine plan, but from position {position} on engine reference, \
                     {reference}: {reason}"
                ),
            }
            self.check.tell();
        }
        let done = self.halted && !self.trapped && !self.check.failed();
        Ok(if done { Verdict::Done } else { Verdict::Failed })
    }
}
