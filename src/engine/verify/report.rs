//! What a verification found.

use thiserror::Error;

use crate::engine::{EngineError, Fallback};
use crate::model::Token;

/// The outcome of a verification.
#[derive(Clone, Debug, PartialEq)]
pub struct Verification {
    /// Tokens of the trace, the prompt included, up to the stop token.
    pub tokens: u64,
    /// Those after the prompt.
    pub generated: u64,
    /// Generated tokens that were compared: all, or a sample.
    pub positions: u64,
    /// Those of them that the model does not predict.
    pub mismatches: u64,
    /// The first of these.
    pub first: Option<Mismatch>,
    /// How the trace ends.
    pub end: End,
    /// What the memories of all heads hold at the end.
    pub attention_bytes: usize,
    /// Where and why products took over from the plan.
    pub fallback: Option<Fallback>,
}

impl Verification {
    /// Whether nothing was found wrong.
    pub fn passed(&self) -> bool {
        self.mismatches == 0 && matches!(self.end, End::Halted | End::Open)
    }
}

/// A token of a trace that is not what the model predicts there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mismatch {
    /// Where it stands in the trace, from 0.
    pub position: u64,
    /// The token that the trace has there.
    pub expected: Token,
    /// The token with the greatest logit.
    pub predicted: Token,
    /// Their logits, as products give them: after a mismatch by the plan all tokens before it
    /// go through these, too. `None` where a head cannot compute them.
    pub logits: Option<Logits>,
}

/// The logits of a mismatch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Logits {
    /// Of the trace's token.
    pub expected: f64,
    /// Of the token that is predicted.
    pub predicted: f64,
}

/// How a trace ends.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// With the stop token.
    Halted,
    /// Without it: there is more that the model would generate.
    Open,
    /// Not with it: a token follows, which no engine would have generated.
    AfterStop {
        /// Of the token that follows.
        position: u64,
    },
    /// From this position on nothing can be said.
    Broken {
        /// The first position that could not be computed.
        position: u64,
        /// Why it could not be computed.
        error: EngineError,
    },
}

/// Why there is no outcome.
#[derive(Debug, Error)]
pub enum VerifyError<E> {
    /// The model or the prompt cannot be run at all.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The trace cannot be read to its end.
    #[error("{0}")]
    Source(E),
}
