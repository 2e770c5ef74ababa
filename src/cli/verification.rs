//! Verifying a trace, and what is reported of it: shared by `run` and `verify`.

use std::num::NonZero;
use std::str::FromStr;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use rayon::ThreadPool;
use serde::Serialize;

use super::mismatch::MismatchReport;
use super::report::{grouped, rate};
use super::{CliError, Verdict};
use crate::engine::verify::{
    End, MOST_FOR_A_CORE, Method, Products, Settings, Spot, Verification, VerifyError,
    WORTH_THREADS, verify, verify_by_plan,
};
use crate::engine::{Attention, Fallback};
use crate::model::{Model, Token, Tokens};
use crate::plan::{Plan, Refusal};

/// Positions of a sample if no number is given.
pub const DEFAULT_SPOT: usize = 1000;

/// By which method a run is verified, if it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunMethod {
    /// Every position, through dense products.
    Dgemm,
    /// Every position, through sparse products.
    Sparse,
    /// Every position, through the plan.
    Plan,
    /// A sample of so many.
    Spot(usize),
    /// Not at all.
    None,
}

impl RunMethod {
    /// The method, and the size of the sample for `spot`.
    pub fn method(self) -> Option<(Method, Option<usize>)> {
        match self {
            RunMethod::Dgemm => Some((Method::Dgemm, None)),
            RunMethod::Sparse => Some((Method::Sparse, None)),
            RunMethod::Plan => Some((Method::Plan, None)),
            RunMethod::Spot(count) => Some((Method::Spot, Some(count))),
            RunMethod::None => None,
        }
    }
}

impl FromStr for RunMethod {
    type Err = String;

    fn from_str(text: &str) -> Result<RunMethod, String> {
        match (text, text.strip_prefix("spot=")) {
            ("dgemm", _) => Ok(RunMethod::Dgemm),
            ("sparse", _) => Ok(RunMethod::Sparse),
            ("plan", _) => Ok(RunMethod::Plan),
            ("spot", _) => Ok(RunMethod::Spot(DEFAULT_SPOT)),
            ("none", _) => Ok(RunMethod::None),
            (_, Some(count)) => {
                let count: Result<NonZero<usize>, _> = count.parse();
                count.map(|count| RunMethod::Spot(count.get())).map_err(|error| format!("{error}"))
            }
            _ => Err("expected sparse, dgemm, plan, spot, spot=N or none".into()),
        }
    }
}

/// The method of every position that is expected to be the fastest for a model, of those that share
/// no arithmetic with a run by the plan.
pub fn preferred_method(model: &Model) -> Method {
    Method::of(Products::preferred(model))
}

/// The products of a method, or those that take over from it.
pub fn products(method: Method, model: &Model) -> Products {
    match method {
        Method::Dgemm => Products::Dense,
        Method::Sparse => Products::Sparse,
        Method::Spot | Method::Plan => Products::preferred(model),
    }
}

/// What was verified, how, and with what result.
#[derive(Clone, Debug, Serialize)]
pub struct VerifyReport {
    pub method: Method,
    /// Where and why products took over from the plan.
    pub fallback: Option<Fallback>,
    pub attention: Attention,
    /// Those of the method, or those that take over from the plan.
    pub products: Products,
    pub kernel: &'static str,
    pub kernel_description: String,
    pub threads: usize,
    pub block: usize,
    /// Of the sample, if not all positions were compared.
    pub seed: Option<u64>,
    pub prompt_tokens: u64,
    pub generated_tokens: u64,
    /// Generated tokens that were compared.
    pub positions: u64,
    pub mismatches: u64,
    pub first_mismatch: Option<MismatchReport>,
    /// `halted`, or `open` without the stop token, or `after_stop`, or `broken`.
    pub end: &'static str,
    /// What is wrong with the end.
    pub end_problem: Option<String>,
    pub seconds: f64,
    pub tokens_per_second: f64,
    pub attention_bytes: usize,
}

// The help of `--threads` says so.
const _: () = assert!(WORTH_THREADS == 8_000_000);

/// A number beyond this is a slip, and making so many threads would keep the system busy.
pub const MOST_THREADS: i64 = 1024;

/// Verifies a trace of which `prompt` tokens are the prompt by products. `done` says, for the
/// progress bar, how much of `total` is done after so many tokens.
pub fn by_products(
    model: &Model,
    prompt: u64,
    trace: impl Iterator<Item = Result<Token, CliError>> + Send,
    settings: Settings,
    pool: &ThreadPool,
    (total, done): (Option<u64>, impl Fn(u64) -> u64 + Send + Sync),
) -> Result<VerifyReport, CliError> {
    let method = settings.spot.map_or(Method::of(settings.products), |_| Method::Spot);
    let (outcome, seconds) =
        timed(total, done, |update| verify(model, prompt, trace, settings, pool, update));
    let verification = outcome.map_err(|error| match error {
        VerifyError::Engine(error) => CliError::Verification(error),
        VerifyError::Source(error) => error,
    })?;
    VerifyReport::new(model, method, verification, settings, pool, seconds)
}

/// Verifies a trace of which `prompt` tokens are the prompt through the plan. `settings` are
/// those of the products that take over where it does not go.
pub fn by_plan(
    model: &Model,
    plan: &Result<Plan, Refusal>,
    prompt: u64,
    trace: &Tokens,
    settings: Settings,
    pool: &ThreadPool,
) -> Result<VerifyReport, CliError> {
    let (outcome, seconds) = timed(
        Some(trace.len() as u64),
        |tokens| tokens,
        |update| verify_by_plan(model, plan, prompt, trace, settings, pool, update),
    );
    let verification = outcome.map_err(CliError::Verification)?;
    VerifyReport::new(model, Method::Plan, verification, settings, pool, seconds)
}

/// Does the work with a progress bar, and says how long it took.
fn timed<R>(
    total: Option<u64>,
    done: impl Fn(u64) -> u64 + Send + Sync,
    work: impl FnOnce(&mut (dyn FnMut(u64) + Send)) -> R,
) -> (R, f64) {
    let bar = progress_bar(total);
    let begun = Instant::now();
    let mut update = |tokens| {
        if !bar.is_hidden() {
            let per_second = rate(tokens, begun.elapsed().as_secs_f64()) as u64;
            let (tokens, per_second) = (grouped(tokens), grouped(per_second));
            bar.set_message(format!("{tokens} tokens, {per_second} tokens/s"));
        }
        bar.set_position(done(tokens));
    };
    let result = work(&mut update);
    let seconds = begun.elapsed().as_secs_f64();
    bar.finish_and_clear();
    (result, seconds)
}

/// On standard error, and only if that is a terminal.
fn progress_bar(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), "verifying {bar:30} {percent}% {msg}, {eta} left"),
        None => (ProgressBar::no_length(), "verifying {spinner} {msg}"),
    };
    let style = ProgressStyle::with_template(template).expect("the templates are well formed");
    bar.with_style(style)
}

/// Says that fewer threads run than were asked for, where that is so.
pub fn tell_threads(asked: Option<NonZero<u16>>, pool: &ThreadPool) {
    let asked = asked.map_or(0, |asked| usize::from(asked.get()));
    let run = pool.current_num_threads();
    if run < asked {
        note!(
            "{run} threads, not {asked}: more than {MOST_FOR_A_CORE} for each core would only wait"
        );
    }
}

impl VerifyReport {
    fn new(
        model: &Model,
        method: Method,
        verification: Verification,
        settings: Settings,
        pool: &ThreadPool,
        seconds: f64,
    ) -> Result<VerifyReport, CliError> {
        let (end, end_problem) = match verification.end {
            End::Halted => ("halted", None),
            End::Open => ("open", None),
            End::AfterStop { position } => {
                let problem = format!("a token after the stop token, at position {position}");
                ("after_stop", Some(problem))
            }
            // Bad input, unless the tokens before are wrong already: then it is what they led to.
            End::Broken { position, error } if verification.mismatches == 0 => {
                return Err(CliError::Uncomputable { position, source: error });
            }
            End::Broken { position, error } => {
                ("broken", Some(format!("not computable beyond position {position}: {error}")))
            }
        };
        Ok(VerifyReport {
            method,
            fallback: verification.fallback,
            attention: settings.attention,
            products: settings.products,
            kernel: settings.kernel.name(),
            kernel_description: settings.kernel.description(),
            threads: pool.current_num_threads(),
            block: settings.block,
            seed: settings.spot.map(|spot: Spot| spot.seed),
            prompt_tokens: verification.tokens - verification.generated,
            generated_tokens: verification.generated,
            positions: verification.positions,
            mismatches: verification.mismatches,
            first_mismatch: verification.first.map(|first| MismatchReport::new(first, model)),
            end,
            end_problem,
            seconds,
            tokens_per_second: rate(verification.tokens, seconds),
            attention_bytes: verification.attention_bytes,
        })
    }

    /// Whether the trace is the model's.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self.mismatches == 0 && self.end_problem.is_none())
    }

    /// Says what was found.
    pub fn tell(&self) {
        let of = match self.seed {
            None => String::new(),
            Some(seed) => {
                format!(" of {} (a sample, seed {seed})", grouped(self.generated_tokens))
            }
        };
        let es = if self.mismatches == 1 { "" } else { "es" };
        note!(
            "verified {}{of} generated tokens by {}: {} mismatch{es}, {:.3} s, {} tokens/s",
            grouped(self.positions),
            self.method.name(),
            grouped(self.mismatches),
            self.seconds,
            grouped(self.tokens_per_second as u64),
        );
        let plural = if self.threads == 1 { "" } else { "s" };
        let threads = format!("{} thread{plural}", self.threads);
        let attention = self.attention.name();
        let products = match self.products {
            Products::Sparse => format!("attention {attention}, sparse products"),
            Products::Dense => {
                format!(
                    "attention {attention}, kernel {} ({})",
                    self.kernel, self.kernel_description
                )
            }
        };
        match (self.method, self.fallback) {
            (Method::Plan, None) => note!("verification: {threads}"),
            (_, None) => note!("verification: {products}, {threads}"),
            (_, Some(Fallback { position, reason })) => note!(
                "verification: {threads}, but from position {position} on by {}, {products}: \
                 {reason}",
                Method::of(self.products).name()
            ),
        }
        if let Some(first) = &self.first_mismatch {
            note!("verification failed: {}", first.sentences());
        }
        if let Some(problem) = &self.end_problem {
            note!("verification failed: {problem}");
        }
    }
}
