//! `hardmax verify`: is a trace the one that the model generates?

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Instant;

use clap::{Args, value_parser};
use serde::Serialize;

use super::report;
use super::trace_file::TraceFile;
use super::verification::{self, DEFAULT_SPOT, MOST_THREADS, VerifyReport};
use super::{CliError, Verdict, inputs};
use crate::engine::Attention;
use crate::engine::verify::{DEFAULT_BLOCK, Method, Settings, Spot};
use crate::linalg::Kernel;
use crate::model::{Token, Tokens};
use crate::plan::Plan;
use crate::shown;

/// A block of this size takes gigabytes: a number beyond it is a slip.
const LARGEST_BLOCK: i64 = 1 << 20;

/// Compare every generated token of a trace with what the model predicts there.
///
/// Positions are computed in blocks, by products over many at once, dense or sparse, so a
/// trace is verified many times faster than the model's own engine generates it; through the plan,
/// which shares no arithmetic with these products, still faster. Exit code 1 means
/// that a token is not what the model predicts, or that the trace is not known to be whole.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hardmax verify tests/vectors/reverse_ref.txt
  hardmax verify tests/vectors/reverse_ref.txt --method dgemm
  hardmax verify tests/vectors/reverse_ref.txt --method plan
  hardmax verify tests/vectors/countdown_ref.txt --prompt tests/vectors/countdown.txt
  hardmax verify tests/vectors/reverse_ref.txt --attention hull --threads 1 --block 64
  hardmax verify tests/vectors/reverse_ref.txt --spot 100 --seed 7 --json")]
pub struct Verify {
    /// Trace file, text or binary, or - for standard input
    trace: PathBuf,
    /// Model file [default: the one in the binary]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// The prompt that a text trace begins with, if that is no program: names of tokens, separated by
    /// white space. A binary trace knows its own
    #[arg(long, value_name = "FILE")]
    prompt: Option<PathBuf>,
    /// By which method; where the plan does not go, products take over [default: sparse, or dgemm
    /// for a model with few weights that are 0]
    #[arg(long, alias = "road", value_enum, value_name = "METHOD")]
    method: Option<Method>,
    /// How the outputs of heads are computed
    #[arg(long, value_enum, default_value = "kinds")]
    attention: Attention,
    /// Dense products: portable, or openblas or accelerate where built in
    #[arg(long, value_name = "NAME")]
    kernel: Option<String>,
    /// Positions of a block
    #[arg(long, value_name = "N", default_value_t = DEFAULT_BLOCK as u32)]
    #[arg(value_parser = value_parser!(u32).range(1..=LARGEST_BLOCK))]
    block: u32,
    /// Threads, of which at most 4 for each core run [default: one for each core, but one through
    /// the plan below 8 million tokens]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=MOST_THREADS))]
    threads: Option<u16>,
    /// Compare a random sample of N positions only [default: 1000]
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = default_spot())]
    #[arg(conflicts_with = "method")]
    spot: Option<NonZero<usize>>,
    /// Take a trace that ends before the stop token for what it is: exit code 0 if all that there
    /// is of it is right
    #[arg(long)]
    allow_cut: bool,
    /// Which sample
    #[arg(long, value_name = "N", default_value_t = 0, requires = "spot")]
    seed: u64,
    /// Print one JSON object instead of a summary
    #[arg(long)]
    json: bool,
}

fn default_spot() -> &'static str {
    const TEXT: &str = "1000";
    debug_assert_eq!(TEXT.parse(), Ok(DEFAULT_SPOT));
    TEXT
}

#[derive(Serialize)]
struct Report {
    trace: String,
    model: String,
    /// Whether the file broke off.
    cut: bool,
    /// What of the run is not verified, because the trace does not have it.
    unverified: Option<&'static str>,
    /// Before the verification: the model, and for the plan itself and the trace.
    load_seconds: f64,
    #[serde(flatten)]
    verification: VerifyReport,
}

impl Verify {
    pub fn run(&self) -> Result<Verdict, CliError> {
        let kernel = self.kernel.as_deref().map_or(Ok(Kernel::preferred()), Kernel::named)?;
        let loading = Instant::now();
        let model = inputs::model(self.model.as_deref())?;
        let model_name = inputs::model_name(self.model.as_deref());
        let known = self.prompt.as_deref().map(|path| inputs::prompt(path, model.vocabulary()));
        let known = known.transpose()?;
        let mut trace = TraceFile::open_for(&self.trace, &model, &model_name, known.as_deref())?;
        let method = self.method.unwrap_or_else(|| verification::preferred_method(&model));
        let settings = Settings {
            attention: self.attention,
            products: verification::products(method, &model),
            kernel,
            block: self.block as usize,
            spot: self.spot.map(|count| Spot { count: count.get(), seed: self.seed }),
        };
        let prompt = trace.prompt_tokens();
        let program = trace.program().cloned();
        let threads = self.threads.and_then(NonZero::new);
        let load_seconds;
        let verification = match method {
            Method::Dgemm | Method::Sparse | Method::Spot => {
                let pool = method.pool(threads, None)?;
                verification::tell_threads(threads, &pool);
                load_seconds = loading.elapsed().as_secs_f64();
                let (size, read) = trace.progress();
                let progress = (size, move |_| read.load(Ordering::Relaxed));
                let mut report = verification::by_products(
                    &model, prompt, &mut trace, settings, &pool, progress,
                )?;
                if let Some(first) = &mut report.first_mismatch {
                    if trace.is_file() {
                        // Whatever becomes of the file meanwhile, the mismatch is told.
                        let explained = trace.again(&self.trace, &model).and_then(|again| {
                            first.explain(&model, program.as_ref(), prompt, again, kernel, &pool)
                        });
                        first.unexplained = explained.err().map(|error| error.to_string());
                    } else {
                        let why = "the trace came through a pipe and cannot be read again";
                        first.unexplained = Some(why.to_owned());
                    }
                }
                report
            }
            Method::Plan => {
                let tokens = trace.by_ref().collect::<Result<Tokens, CliError>>()?;
                let pool = Method::Plan.pool(threads, Some(tokens.len()))?;
                verification::tell_threads(threads, &pool);
                let bos = tokens.iter().next().unwrap_or(Token(0));
                let plan = Plan::new(&model, bos);
                load_seconds = loading.elapsed().as_secs_f64();
                let mut report =
                    verification::by_plan(&model, &plan, prompt, &tokens, settings, &pool)?;
                if let Some(first) = &mut report.first_mismatch {
                    let tokens = tokens.iter().map(Ok);
                    first.explain(&model, program.as_ref(), prompt, tokens, kernel, &pool)?;
                }
                report
            }
        };
        let (trace, cut) = (trace.name().to_owned(), trace.is_cut());
        let unverified = unverified(cut, &verification);
        let report =
            Report { trace, model: model_name, cut, unverified, load_seconds, verification };
        report.tell(self.json, self.allow_cut)
    }
}

/// What keeps a trace without wrong tokens from being known as a whole run of the model.
fn unverified(cut: bool, verification: &VerifyReport) -> Option<&'static str> {
    if verification.positions == 0 {
        Some("it has no generated token, so nothing was compared")
    } else if cut {
        Some("the file breaks off; only its whole blocks were verified")
    } else if verification.end == "open" {
        Some("it ends before the stop token; what the run generated after that is not verified")
    } else {
        None
    }
}

impl Report {
    fn tell(&self, json: bool, allow_cut: bool) -> Result<Verdict, CliError> {
        if json {
            report::json(self)?;
        } else {
            self.verification.tell();
            if let Some(unverified) = self.unverified {
                let hint = if allow_cut { "" } else { " (--allow-cut takes it for what it is)" };
                let trace = shown::path(&self.trace);
                note!("not known to be whole: {trace}: {unverified}{hint}");
            }
        }
        let compared = self.verification.positions > 0;
        let whole = self.unverified.is_none() || (allow_cut && compared);
        Ok(if whole { self.verification.verdict() } else { Verdict::Failed })
    }
}
