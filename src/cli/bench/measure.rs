//! Measuring a program: both engines and every method of verification in turns, and all tokens compared.
//!
//! A round is all of them once, so that a machine whose speed changes changes it for all. The first round
//! does not count: it warms up caches and the processor, and its tokens are those that all others are
//! compared with. Ratios are of one round.

use std::num::NonZero;
use std::time::Instant;

use rayon::ThreadPool;

use super::machine::PeakMemory;
use super::report::{Measurement, ProgramReport, Task};
use super::spread::Spread;
use crate::cli::prompt::Given;
use crate::cli::trace_output::binary_bytes;
use crate::cli::verification;
use crate::cli::{CliError, Verdict};
use crate::engine::verify::{DEFAULT_BLOCK, Method, Settings};
use crate::engine::{Attention, Engine, Fallback, Planned, Reference, Stopped, generate};
use crate::linalg::Kernel;
use crate::model::{Model, Token, Tokens};
use crate::plan::{Plan, Refusal};
use crate::shown;

/// How programs are measured.
pub struct Bench<'m> {
    pub model: &'m Model,
    /// How the reference computes heads.
    pub attention: Attention,
    pub kernel: Kernel,
    /// Rounds that count.
    pub runs: u32,
    /// Tokens that a run generates, at most.
    pub max_tokens: u64,
    /// Tokens that the reference generates, at most.
    pub reference_tokens: u64,
    /// One for each number of threads of verifications.
    pub pools: Vec<ThreadPool>,
}

/// A pool for each number of threads.
pub fn pools(threads: &[NonZero<u16>]) -> Result<Vec<ThreadPool>, CliError> {
    // Where the number is given, a pool is the same for every method.
    let pool = |&threads| Ok(Method::Sparse.pool(Some(threads), None)?);
    threads.iter().map(pool).collect()
}

/// A run or a verification, once.
pub struct Part {
    pub task: Task,
    pub method: &'static str,
    pub threads: usize,
    pub tokens: u64,
    pub seconds: f64,
    /// What history and memories of heads hold.
    pub history_bytes: u64,
    pub peak_bytes: Option<u64>,
    pub fallback: Option<Fallback>,
}

/// All parts once, in the same order every time.
pub struct Round {
    pub planning_seconds: f64,
    pub parts: Vec<Part>,
    /// The first tokens that differ, as a sentence.
    difference: Option<String>,
}

impl Bench<'_> {
    /// Measures a program, until all rounds are done or tokens differ.
    pub fn measure(&self, given: &Given) -> Result<ProgramReport, CliError> {
        let prompt = &given.tokens[..];
        let (warm_up, trace, stopped) = self.round(prompt, None)?;
        let mut difference = warm_up.difference.clone();
        let mut rounds = Vec::new();
        while difference.is_none() && rounds.len() < self.runs as usize {
            let (round, ..) = self.round(prompt, Some(&trace))?;
            difference = round.difference.clone();
            rounds.push(round);
        }
        let counted = if rounds.is_empty() { std::slice::from_ref(&warm_up) } else { &rounds[..] };
        Ok(ProgramReport {
            program: given.name.clone(),
            prompt_tokens: prompt.len() as u64,
            generated_tokens: (trace.len() - prompt.len()) as u64,
            halted: stopped == Stopped::Halted,
            trace_bytes: binary_bytes(self.model, prompt, &trace),
            planning_seconds: Spread::of(counted.iter().map(|round| round.planning_seconds)),
            measurements: Measurement::of_rounds(counted, trace.len() as u64),
            difference,
        })
    }

    /// All parts once, and the trace of the run by the plan: the prompt and all that it generated. `expected`
    /// is that of the first round, if this is not it.
    fn round(
        &self,
        prompt: &[Token],
        expected: Option<&Tokens>,
    ) -> Result<(Round, Tokens, Stopped), CliError> {
        let since = Instant::now();
        let plan = Plan::new(self.model, prompt[0]);
        let planning_seconds = since.elapsed().as_secs_f64();

        let planned = Planned::new(self.model, &plan, self.attention, self.kernel);
        let planned = Engine::Plan(Box::new(planned));
        let (by_plan, trace, stopped) = self.run("plan", planned, prompt, self.max_tokens)?;
        let reference = Reference::new(self.model, self.attention, self.kernel)
            .map_err(|source| CliError::Engine { position: 0, source })?;
        let reference = Engine::Reference(Box::new(reference));
        let limit = self.reference_tokens.min(self.max_tokens);
        let (by_reference, prefix, _) = self.run("reference", reference, prompt, limit)?;

        let expected = expected.unwrap_or(&trace);
        let at_limit = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(prompt.len());
        let by_plan_differs = self.difference("plan", expected, expected.len(), &trace);
        let mut difference = by_plan_differs.or_else(|| {
            self.difference("reference", expected, expected.len().min(at_limit), &prefix)
        });
        let mut parts = vec![by_plan, by_reference];
        for method in [Method::Sparse, Method::Dgemm, Method::Plan] {
            for pool in &self.pools {
                let (part, wrong) = self.verify(method, &plan, prompt.len(), &trace, pool)?;
                parts.push(part);
                difference = difference.or(wrong);
            }
        }
        Ok((Round { planning_seconds, parts, difference }, trace, stopped))
    }

    /// Runs an engine; gives the prompt with all that it generated, too.
    fn run(
        &self,
        method: &'static str,
        mut engine: Engine,
        prompt: &[Token],
        limit: u64,
    ) -> Result<(Part, Tokens, Stopped), CliError> {
        let mut trace: Tokens = prompt.iter().copied().collect();
        let peak = PeakMemory::begin();
        let since = Instant::now();
        let end =
            generate(&mut engine, prompt, self.model.stop(), limit, |token| trace.push(token));
        let seconds = since.elapsed().as_secs_f64();
        let position = engine.position();
        let end = end.map_err(|source| CliError::Engine { position, source })?;
        let part = Part {
            task: Task::Run,
            method,
            threads: 1,
            tokens: trace.len() as u64,
            seconds,
            history_bytes: engine.heap_bytes() as u64,
            peak_bytes: peak.and_then(|peak| peak.bytes()),
            fallback: engine.fallback(),
        };
        Ok((part, trace, end.stopped))
    }

    /// Verifies a trace; says what is wrong with it, too, if something is.
    fn verify(
        &self,
        method: Method,
        plan: &Result<Plan, Refusal>,
        prompt: usize,
        trace: &Tokens,
        pool: &ThreadPool,
    ) -> Result<(Part, Option<String>), CliError> {
        let settings = Settings {
            attention: Attention::Kinds,
            products: verification::products(method, self.model),
            kernel: self.kernel,
            block: DEFAULT_BLOCK,
            spot: None,
        };
        let prompt = prompt as u64;
        let peak = PeakMemory::begin();
        let report = match method {
            Method::Plan => verification::by_plan(self.model, plan, prompt, trace, settings, pool)?,
            _ => {
                let progress = (Some(trace.len() as u64), |tokens| tokens);
                let tokens = trace.iter().map(Ok);
                verification::by_products(self.model, prompt, tokens, settings, pool, progress)?
            }
        };
        let part = Part {
            task: Task::Verify,
            method: method.name(),
            threads: report.threads,
            tokens: trace.len() as u64,
            seconds: report.seconds,
            history_bytes: report.attention_bytes as u64,
            peak_bytes: peak.and_then(|peak| peak.bytes()),
            fallback: report.fallback,
        };
        let wrong = (report.verdict() != Verdict::Done).then(|| {
            let first = report.first_mismatch.as_ref().map(|first| first.sentences());
            let problem = first.or(report.end_problem.clone()).unwrap_or_default();
            format!("verification by {}: {problem}", method.name())
        });
        Ok((part, wrong))
    }

    /// The first token of a run that is not the expected one, of which there are `count`.
    fn difference(
        &self,
        who: &str,
        expected: &Tokens,
        count: usize,
        found: &Tokens,
    ) -> Option<String> {
        let at = first_difference(expected, count, found)?;
        let name = |token: Option<Token>| {
            let name = |token| shown::quoted(self.model.vocabulary().name(token));
            token.map_or("nothing more".to_owned(), name)
        };
        let (wanted, found) = (expected.get(at).filter(|_| at < count), found.get(at));
        Some(format!(
            "position {at}: the {who} generated {}, and the plan in its first run {}",
            name(found),
            name(wanted)
        ))
    }
}

/// Where tokens are not the first `count` of those that are expected.
fn first_difference(expected: &Tokens, count: usize, found: &Tokens) -> Option<usize> {
    let equal = expected.iter().take(count).zip(found.iter()).take_while(|(a, b)| a == b).count();
    (equal < count || equal < found.len()).then_some(equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_token_one_too_few_and_one_too_many_are_differences() {
        let tokens = |ids: &[u32]| ids.iter().copied().map(Token).collect::<Tokens>();
        let expected = tokens(&[5, 6, 7, 8]);
        assert_eq!(first_difference(&expected, 4, &tokens(&[5, 6, 7, 8])), None);
        assert_eq!(first_difference(&expected, 2, &tokens(&[5, 6])), None);
        assert_eq!(first_difference(&expected, 4, &tokens(&[5, 9, 7, 8])), Some(1));
        assert_eq!(first_difference(&expected, 4, &tokens(&[5, 6, 7])), Some(3));
        assert_eq!(first_difference(&expected, 2, &tokens(&[5, 6, 7])), Some(2));
    }
}
