//! Verifying a trace, and what is reported of it: shared by `run` and `verify`.

use std::num::NonZero;
use std::str::FromStr;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::Serialize;

use super::report::{grouped, rate};
use super::trace_file::TraceFile;
use super::{CliError, Verdict};
use crate::engine::Attention;
use crate::engine::verify::{
    End, HeadDifference, Mismatch, Settings, Spot, VerifyError, differing_heads, verify,
};
use crate::linalg::Kernel;
use crate::machine::Symbol;
use crate::model::{Model, Token};
use crate::program::Counter;

/// Positions of a sample if no number is given.
pub const DEFAULT_SPOT: usize = 1000;

/// By which road a run is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Road {
    /// Every position, through dense products.
    Dgemm,
    /// A sample of so many.
    Spot(usize),
    /// Not at all.
    None,
}

impl FromStr for Road {
    type Err = String;

    fn from_str(text: &str) -> Result<Road, String> {
        match (text, text.strip_prefix("spot=")) {
            ("dgemm", _) => Ok(Road::Dgemm),
            ("spot", _) => Ok(Road::Spot(DEFAULT_SPOT)),
            ("none", _) => Ok(Road::None),
            (_, Some(count)) => count.parse().map(Road::Spot).map_err(|error| format!("{error}")),
            _ => Err("expected dgemm, spot, spot=N or none".into()),
        }
    }
}

/// What was verified, how, and with what result.
#[derive(Clone, Debug, Serialize)]
pub struct VerifyReport {
    pub road: &'static str,
    pub attention: Attention,
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

/// A token that the model does not predict.
#[derive(Clone, Debug, Serialize)]
pub struct MismatchReport {
    pub position: u64,
    pub expected: String,
    pub predicted: String,
    pub expected_logit: f64,
    pub predicted_logit: f64,
    pub instruction: Option<String>,
    /// Heads that kind and hull answer differently before it; `null` where that was not looked for.
    pub differing_heads: Option<Vec<String>>,
}

/// A number beyond this is a slip, and making so many threads would keep the system busy.
pub const MOST_THREADS: i64 = 1024;

/// How many threads there are to be.
pub fn pool(threads: Option<u16>) -> Result<ThreadPool, CliError> {
    let there = || std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = threads.map_or_else(there, usize::from);
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| CliError::Threads { threads, reason: error.to_string() })
}

/// Verifies a trace of which `prompt` tokens are the prompt. `done` says, for the
/// progress bar, how much of `total` is done after so many tokens.
pub fn run(
    model: &Model,
    prompt: u64,
    trace: impl Iterator<Item = Result<Token, CliError>> + Send,
    settings: Settings,
    pool: &ThreadPool,
    (total, done): (Option<u64>, impl Fn(u64) -> u64 + Send + Sync),
) -> Result<VerifyReport, CliError> {
    let bar = progress_bar(total);
    let begun = Instant::now();
    let update = |tokens| {
        if !bar.is_hidden() {
            let per_second = rate(tokens, begun.elapsed().as_secs_f64()) as u64;
            let (tokens, per_second) = (grouped(tokens), grouped(per_second));
            bar.set_message(format!("{tokens} tokens, {per_second} tokens/s"));
        }
        bar.set_position(done(tokens));
    };
    let outcome = verify(model, prompt, trace, settings, pool, update);
    let seconds = begun.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let verification = outcome.map_err(|error| match error {
        VerifyError::Engine(error) => CliError::Verification(error),
        VerifyError::Source(error) => error,
    })?;
    let (end, end_problem) = match &verification.end {
        End::Halted => ("halted", None),
        End::Open => ("open", None),
        End::AfterStop { position } => {
            ("after_stop", Some(format!("a token after the stop token, at position {position}")))
        }
        // Bad input, unless the tokens before are wrong already: then it is what they led to.
        End::Broken { position, error } if verification.mismatches == 0 => {
            return Err(CliError::Uncomputable { position: *position, source: error.clone() });
        }
        End::Broken { position, error } => {
            ("broken", Some(format!("not computable beyond position {position}: {error}")))
        }
    };
    Ok(VerifyReport {
        road: if settings.spot.is_some() { "spot" } else { "dgemm" },
        attention: settings.attention,
        kernel: settings.kernel.name(),
        kernel_description: settings.kernel.description(),
        threads: pool.current_num_threads(),
        block: settings.block,
        seed: settings.spot.map(|spot: Spot| spot.seed),
        prompt_tokens: prompt.min(verification.tokens),
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

/// On standard error, and only if that is a terminal.
fn progress_bar(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), "verifying {bar:30} {percent}% {msg}, {eta} left"),
        None => (ProgressBar::no_length(), "verifying {spinner} {msg}"),
    };
    let style = ProgressStyle::with_template(template).expect("the templates are well formed");
    bar.with_style(style)
}

impl MismatchReport {
    fn new(mismatch: Mismatch, model: &Model) -> MismatchReport {
        let name = |token| model.vocabulary().name(token).to_owned();
        MismatchReport {
            position: mismatch.position,
            expected: name(mismatch.expected),
            predicted: name(mismatch.predicted),
            expected_logit: mismatch.expected_logit,
            predicted_logit: mismatch.predicted_logit,
            instruction: None,
            differing_heads: None,
        }
    }

    /// Reads the trace a second time, up to the mismatch: which instruction is it, and does
    /// it depend on how heads are answered?
    pub fn explain(
        &mut self,
        model: &Model,
        trace: TraceFile,
        kernel: Kernel,
        pool: &ThreadPool,
    ) -> Result<(), CliError> {
        let program = trace.program().clone();
        let prompt = trace.prompt_tokens();
        let mut counter = Counter::new(&program);
        let mut position = 0;
        let tokens = trace.take(self.position as usize).inspect(|token| {
            if position >= prompt
                && let Ok(token) = token
                && let Some(symbol) = Symbol::from_name(model.vocabulary().name(*token))
            {
                counter.step(symbol);
            }
            position += 1;
        });
        // One token more: a position is computed only if a token follows.
        let tokens = tokens.chain(std::iter::once(Ok(model.stop())));
        let heads = differing_heads(model, tokens, kernel, pool);
        self.instruction = counter.instruction(&program).map(|instruction| {
            format!(
                "{} at program counter {}, after {} instructions",
                instruction.op.name(),
                counter.program_counter(),
                grouped(counter.executed())
            )
        });
        match heads {
            Ok(heads) => self.differing_heads = Some(heads.iter().map(head_sentence).collect()),
            Err(VerifyError::Source(error)) => return Err(error),
            // A model that kinds cannot answer at all: nothing can be told.
            Err(VerifyError::Engine(_)) => {}
        }
        Ok(())
    }

    fn sentences(&self) -> String {
        let MismatchReport { position, expected, predicted, .. } = self;
        let mut text = format!(
            "first mismatch at position {position}: the trace has `{expected}` (logit {}), the \
             model predicts `{predicted}` (logit {})",
            self.expected_logit, self.predicted_logit
        );
        if let Some(instruction) = &self.instruction {
            text += &format!("\n  in {instruction}");
        }
        match self.differing_heads.as_deref() {
            None => {}
            Some([]) => text += "\n  kinds and hulls answer every head alike up to there",
            Some(heads) => text += &format!("\n  {}", heads.join("\n  ")),
        }
        text
    }
}

fn head_sentence(difference: &HeadDifference) -> String {
    let HeadDifference { layer, head, kind, position, query, by_kind, by_hull } = difference;
    format!(
        "layer {layer}, head {head} ({kind:?}), asked for {query:?} at position {position}: \
         {by_kind:?} by kind, {by_hull:?} by hull"
    )
}

impl VerifyReport {
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
        eprintln!(
            "verified {}{of} generated tokens by {}: {} mismatches, {:.3} s, {} tokens/s",
            grouped(self.positions),
            self.road,
            grouped(self.mismatches),
            self.seconds,
            grouped(self.tokens_per_second as u64),
        );
        eprintln!(
            "verification: attention {}, kernel {} ({}), {} threads",
            self.attention.name(),
            self.kernel,
            self.kernel_description,
            self.threads
        );
        if let Some(first) = &self.first_mismatch {
            eprintln!("verification failed: {}", first.sentences());
        }
        if let Some(problem) = &self.end_problem {
            eprintln!("verification failed: {problem}");
        }
    }
}
