//! `hardmax run`: execute a program by the model, or by a model that has it inside, or give any model any
//! prompt (`run/raw.rs`).

mod raw;
mod report;

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum, value_parser};
use serde::Serialize;

use super::check::Reference as Compared;
use super::output::ProgramOutput;
use super::prompt::Given;
use super::report::{Check, grouped, rate};
use super::source::{Source, SourceOrInput};
use super::trace_output::{self, Recorder, is_binary_name, write_name};
use super::verification::{self, MOST_THREADS, RunMethod, VerifyReport};
use super::{CliError, Verdict, inputs, outputs};
use crate::engine::verify::{DEFAULT_BLOCK, Method, Settings, Spot};
use crate::engine::{Attention, Engine, Fallback, Planned, Reference, Stopped, generate};
use crate::linalg::Kernel;
use crate::machine::Symbol;
use crate::model::{Model, Token, Tokens};
use crate::oracle;
use crate::plan::{Plan, Refusal};
use crate::program::{Program, Prompt, text};
use crate::tokenizer::Tokenizer;
use report::Report;

/// Which engine runs the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum EngineName {
    /// The model compiled to the few operations that matter.
    Plan,
    /// Every matrix dense, every head by its memory.
    Reference,
}

/// Execute a program by the model, token for token, then verify what it generated.
///
/// Program output goes to standard output as it appears, the summary to standard
/// error. Exit code 1 means that the program trapped, a limit was hit, a token program is
/// ill-formed (takes from an empty stack, say), or a check or the verification failed; 2, also
/// that its output or trace could not be written; 3, that all of this is well, but the program ended with an
/// exit code other than 0, which the summary says.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hardmax run hello
  hardmax run hello --args you --json
  hardmax run tests/wasi/echo.wat --env GREETING=hello --args input -- some arguments
  hardmax run tests/vectors/countdown.txt
  hardmax run tests/vectors/countdown.txt --check tests/vectors/countdown_ref.txt
  hardmax run tests/vectors/countdown.txt --attention hull --trace /tmp/trace.txt --json
  hardmax run tests/vectors/countdown.txt --trace /tmp/trace.hmt --verify spot=100
  hardmax run tests/vectors/countdown.txt --engine reference --verify plan
  hardmax specialise hello -o /tmp/hello.bin
  hardmax run --model /tmp/hello.bin --args you
  hardmax run --prompt tests/vectors/countdown.txt --raw --trace /tmp/raw.hmt")]
pub struct Run {
    #[command(flatten)]
    source: SourceOrInput,
    /// Give the model this prompt instead of a program: names of its tokens, separated by white space
    #[arg(long, value_name = "FILE", requires = "raw")]
    #[arg(conflicts_with_all = ["source", "args", "input", "input_hex", "env", "arguments", "endless_memory", "invoke"])]
    prompt: Option<PathBuf>,
    /// Print the names of generated tokens, one a line, whatever they mean
    #[arg(long, requires = "prompt", conflicts_with = "source")]
    raw: bool,
    /// Model file [default: the one in the binary]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Which engine runs the model [default: plan, or reference where --attention is given]
    #[arg(long, value_enum, value_name = "NAME")]
    engine: Option<EngineName>,
    /// How the reference computes the outputs of heads [default: kinds]
    #[arg(long, value_enum)]
    attention: Option<Attention>,
    /// Dense products: portable, or openblas or accelerate where built in
    #[arg(long, value_name = "NAME")]
    kernel: Option<String>,
    /// Stop after this many generated tokens, as in 5000, 10k or 2G, and fail
    #[arg(long, value_name = "N", default_value = "1G", value_parser = super::values::tokens)]
    max_tokens: u64,
    /// Write the trace: in binary and while running if the name ends in .hmt, else as text
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Compare every token with this trace, text or binary; for a model that has its program inside it may
    /// be the program's, of which only what was generated counts
    #[arg(long, value_name = "REF_FILE")]
    check: Option<PathBuf>,
    /// Recompute what was generated and compare: sparse, dgemm, plan, spot, spot=N (so many
    /// positions) or none. Only plan shares arithmetic with a run by the plan [default: sparse, or
    /// dgemm for a model with few weights that are 0]
    #[arg(long, value_name = "METHOD")]
    verify: Option<RunMethod>,
    /// Threads of the verification, of which at most 4 for each core run [default: one for each
    /// core, but one through the plan below 8 million tokens]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=MOST_THREADS))]
    threads: Option<u16>,
    /// Print one JSON object instead of program output and summary
    #[arg(long)]
    json: bool,
}

impl Run {
    pub fn run(&self) -> Result<Verdict, CliError> {
        match &self.prompt {
            Some(prompt) => self.run_raw(prompt),
            None => self.run_machine(),
        }
    }

    /// Generates behind a prompt whose tokens are those of the machine.
    fn run_machine(&self) -> Result<Verdict, CliError> {
        let mut read = self.source.files();
        read.extend([("the model", self.model.as_deref()), ("the trace", self.check.as_deref())]);
        outputs::check(self.trace.as_deref(), &read)?;
        let kernel = self.kernel.as_deref().map_or(Ok(Kernel::preferred()), Kernel::named)?;

        let loading = Instant::now();
        let model = inputs::model(self.model.as_deref())?;
        let tokenizer = Tokenizer::new(model.vocabulary());
        let Given { name, tokens, prompt, compiled } =
            self.source.given(&model, self.model.as_deref())?;
        let program = prompt.as_ref().and_then(Prompt::program);
        let bos = tokens.first().copied().unwrap_or(Token(0));
        let needs_plan =
            self.engine_name() == EngineName::Plan || self.verify == Some(RunMethod::Plan);
        let plan = needs_plan.then(|| Plan::new(&model, bos));
        let mut engine = self.engine(&model, plan.as_ref(), kernel)?;
        let load_seconds = loading.elapsed().as_secs_f64();

        let begins = (&tokens[..], prompt.as_ref());
        let reference = |path| Compared::read(path, &model, begins, self.max_tokens);
        let reference = self.check.as_deref().map(reference).transpose()?;
        let recorder = |path| Recorder::new(path, &model, &tokens);
        let mut recorder = self.trace.as_deref().map(recorder).transpose()?;
        // A binary trace is written as it comes; all else wants the tokens afterwards.
        let keeps_trace = self.trace.as_deref().is_some_and(|path| !is_binary_name(path))
            || reference.is_some()
            || self.verify != Some(RunMethod::None);
        let mut trace = Tokens::default();
        if keeps_trace {
            trace.extend(tokens.iter().copied());
        }
        let mut trapped = false;
        let mut output = ProgramOutput::new(!self.json);
        let running = Instant::now();
        let result = generate(&mut engine, &tokens, model.stop(), self.max_tokens, |token| {
            let meaning = tokenizer.symbol(token);
            output.take(meaning);
            trapped |= meaning == Some(Symbol::Trap);
            if let Some(recorder) = &mut recorder {
                recorder.push(token);
            }
            if keeps_trace {
                trace.push(token);
            }
        });
        let seconds = running.elapsed().as_secs_f64();
        let output = output.finish();
        let position = engine.position();
        let generated = || trace.iter().skip(tokens.len());
        let run = result.map_err(|source| CliError::Engine { position, source }).and_then(|run| {
            match generated().find(|&token| tokenizer.symbol(token).is_none()) {
                Some(foreign) if prompt.is_some() => {
                    let name = model.vocabulary().name(foreign).to_owned();
                    Err(CliError::ForeignToken { name })
                }
                _ => Ok(run),
            }
        });
        let vocabulary = model.vocabulary();
        // The trace first: it is what cannot be had again, whatever becomes of the rest.
        match (recorder, &run) {
            (Some(recorder), Ok(_)) => recorder.finish(|file| match &prompt {
                Some(prompt) => {
                    let symbols = generated().filter_map(|token| tokenizer.symbol(token));
                    text::write_trace_to(file, prompt, symbols)
                }
                None => trace.iter().enumerate().try_for_each(|(position, token)| {
                    write_name(file, vocabulary.name(token), position + 1 < tokens.len())
                }),
            })?,
            (Some(recorder), Err(_)) => recorder.break_off(),
            (None, _) => {}
        }
        let run = run?;
        let prompt_tokens = tokens.len() as u64;
        let mut report = Report {
            program: name,
            model: inputs::model_name(self.model.as_deref()),
            shape: model.shape(),
            engine: self.engine_name(),
            fallback: engine.fallback(),
            attention: self.attention(),
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
            exit_code: output.exit_code,
            trap: compiled.zip(program).filter(|_| trapped).map(|(compiled, program)| {
                let symbols = generated().filter_map(|token| tokenizer.symbol(token));
                match keeps_trace {
                    true => compiled.trap(program, symbols),
                    false => compiled.trap_of_oracle(program, run.tokens),
                }
            }),
            ill_formed: self
                .source
                .source
                .as_ref()
                .zip(program)
                .and_then(|(source, program)| ill_formed(source, program, run.tokens)),
            check: Check::of(reference.map(|reference| {
                let name = |token: Token| vocabulary.name(token);
                reference.compare(tokens.iter().copied().map(name), generated().map(name))
            })),
            verify: None,
            output_bytes: output.bytes,
            output: output.text,
        };
        if !self.json {
            report.tell_run();
        }
        report.verify =
            self.verified(&model, kernel, plan.as_ref(), program, (tokens.len(), &trace))?;
        let printed = report.tell(self.json).and_then(|verdict| output.complete.map(|()| verdict));
        trace_output::reassure(printed, self.trace.as_deref())
    }

    /// Who says how heads are computed means the reference.
    fn engine_name(&self) -> EngineName {
        match (self.engine, self.attention) {
            (Some(name), _) => name,
            (None, Some(_)) => EngineName::Reference,
            (None, None) => EngineName::Plan,
        }
    }

    fn attention(&self) -> Attention {
        self.attention.unwrap_or(Attention::Kinds)
    }

    fn engine<'m>(
        &self,
        model: &'m Model,
        plan: Option<&'m Result<Plan, Refusal>>,
        kernel: Kernel,
    ) -> Result<Engine<'m>, CliError> {
        let attention = self.attention();
        Ok(match plan {
            Some(plan) if self.engine_name() == EngineName::Plan => {
                let planned = Planned::new(model, plan, attention, kernel);
                let quiet = self.json;
                Engine::Plan(Box::new(planned.telling(move |Fallback { position, reason }| {
                    // The summary says it, too, but with a long history that comes much later.
                    if !quiet && position > 0 {
                        let position = grouped(position);
                        note!(
                            "the plan ended at position {position} ({reason}): the reference goes \
                             on, and first takes all tokens so far"
                        );
                    }
                })))
            }
            _ => {
                let failed = |source| CliError::Engine { position: 0, source };
                let reference = Reference::new(model, attention, kernel).map_err(failed)?;
                Engine::Reference(Box::new(reference))
            }
        })
    }

    /// Verifies what was generated, unless that was not wanted; a mismatch is explained where there is a
    /// program.
    fn verified(
        &self,
        model: &Model,
        kernel: Kernel,
        plan: Option<&Result<Plan, Refusal>>,
        program: Option<&Program>,
        (prompt, trace): (usize, &Tokens),
    ) -> Result<Option<VerifyReport>, CliError> {
        let (method, sample) = match self.verify.map(RunMethod::method) {
            None => (verification::preferred_method(model), None),
            Some(None) => return Ok(None),
            Some(Some(method)) => method,
        };
        let spot = sample.map(|count| Spot { count, seed: 0 });
        let attention = self.attention();
        let products = verification::products(method, model);
        let settings = Settings { attention, products, kernel, block: DEFAULT_BLOCK, spot };
        let threads = self.threads.and_then(NonZero::new);
        let pool = method.pool(threads, Some(trace.len()))?;
        verification::tell_threads(threads, &pool);
        let prompt = prompt as u64;
        let mut report = match (method, plan) {
            (Method::Plan, Some(plan)) => {
                verification::by_plan(model, plan, prompt, trace, settings, &pool)?
            }
            _ => {
                let progress = (Some(trace.len() as u64), |tokens| tokens);
                let tokens = trace.iter().map(Ok);
                verification::by_products(model, prompt, tokens, settings, &pool, progress)?
            }
        };
        if let Some(first) = &mut report.first_mismatch {
            first.explain(model, program, prompt, trace.iter().map(Ok), kernel, &pool)?;
        }
        Ok(Some(report))
    }
}

/// What a token program does within so many generated tokens that no program may.
fn ill_formed(source: &Source, program: &Program, generated: u64) -> Option<String> {
    if !source.is_token_program() {
        return None;
    }
    let mut emitted = 0;
    let executed = oracle::execute(program, generated, |_| emitted += 1);
    executed.err().filter(|_| emitted < generated).map(|error| error.to_string())
}
