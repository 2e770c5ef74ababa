//! Verification through the plan, with products where the plan does not go.
//!
//! The plan is executed along the trace (`segments.rs`) and shares no arithmetic with
//! products; it is many times faster. What it cannot give is logits: for the two of
//! the first mismatch everything before it goes through products, in the time that they need.
//!
//! If there is no plan, or a guard of it fails on the way, as a wrong token may bring about,
//! the tokens from there on are verified by products, and the result says so.

use std::borrow::Cow;
use std::convert::Infallible;

use rayon::ThreadPool;

use super::explain::logits;
use super::report::{End, Mismatch, Verification, VerifyError};
use super::segments::{Found, Segments};
use super::{Settings, verify};
use crate::engine::{EngineError, Reason};
use crate::model::{Model, Token, Tokens};
use crate::plan::{Plan, Refusal};

/// Compares the tokens of a trace after the first `prompt` with what the plan of `model`
/// predicts, as [`verify`] does, on the threads of `pool`; all tokens at all positions.
/// `settings` are those of the products. `progress` is told how many tokens are done.
pub fn verify_by_plan(
    model: &Model,
    plan: &Result<Plan, Refusal>,
    prompt: u64,
    trace: &Tokens,
    settings: Settings,
    pool: &ThreadPool,
    mut progress: impl FnMut(u64) + Send,
) -> Result<Verification, EngineError> {
    if prompt == 0 {
        return Err(EngineError::EmptyPrompt);
    }
    let (tokens, end) = extent(model, prompt, trace);
    let known = narrow(trace, tokens);
    let found = match plan {
        _ if known.is_empty() => Found::default(),
        Err(refusal) => Found::nothing(Reason::Refused(*refusal)),
        Ok(plan) if u32::from(known[0]) != plan.bos().0 => Found::nothing(Reason::OtherBos),
        Ok(plan) => {
            let segments = Segments::new(plan, &known, prompt, pool.current_num_threads());
            segments.follow(pool, &mut progress)
        }
    };
    let mismatch = |(position, predicted): (u64, Token)| {
        let before = &known[..position as usize];
        let expected = Token(known[position as usize].into());
        let logits = logits(model, before, [expected, predicted], settings, pool);
        Mismatch { position, expected, predicted, logits }
    };
    let mut verification = Verification {
        tokens: tokens as u64,
        generated: (tokens as u64).saturating_sub(prompt),
        positions: found.positions,
        mismatches: found.mismatches,
        first: found.first.map(mismatch),
        end,
        attention_bytes: found.heap_bytes,
        fallback: found.fallback.map(|(fallback, _)| fallback),
    };
    if let Some((_, unjudged)) = found.fallback {
        let tokens = trace.iter().map(Ok::<_, Infallible>);
        let rest = verify(model, prompt.max(unjudged), tokens, settings, pool, progress);
        let rest = rest.map_err(|error| match error {
            VerifyError::Engine(error) => error,
            VerifyError::Source(never) => match never {},
        })?;
        verification.positions += rest.positions;
        verification.mismatches += rest.mismatches;
        verification.first = verification.first.or(rest.first);
        verification.end = rest.end;
        verification.attention_bytes = rest.attention_bytes;
    }
    Ok(verification)
}

/// How many tokens of a trace are to be verified, and how it ends.
fn extent(model: &Model, prompt: u64, trace: &Tokens) -> (usize, End) {
    let vocabulary = model.shape().vocabulary;
    for (at, token) in trace.iter().enumerate() {
        let position = at as u64;
        if token.index() >= vocabulary {
            let error = EngineError::NoToken { token: token.0, vocabulary };
            return (at, End::Broken { position, error });
        }
        if token == model.stop() && position >= prompt {
            let is_last = at + 1 == trace.len();
            let end = if is_last { End::Halted } else { End::AfterStop { position: position + 1 } };
            return (at + 1, end);
        }
    }
    (trace.len(), End::Open)
}

/// The first `count` tokens, all of the vocabulary. A model with ids beyond 16 bits has no plan,
/// and needs none of them.
fn narrow(trace: &Tokens, count: usize) -> Cow<'_, [u16]> {
    match trace.narrow() {
        Some(ids) => Cow::Borrowed(&ids[..count]),
        None => trace.iter().take(count).map(|token| token.0 as u16).collect(),
    }
}
