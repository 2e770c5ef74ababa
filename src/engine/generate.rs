//! Greedy decoding.

use super::{EngineError, Reference};
use crate::model::Token;

/// Why generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// At the stop token.
    Halted,
    /// At the greatest number of tokens that was asked for.
    TokenLimit,
}

/// What a run made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generated {
    /// Tokens after the prompt, the stop token included.
    pub tokens: u64,
    /// Why there are no more.
    pub stopped: Stopped,
}

/// Takes the prompt, then appends the token with the greatest logit until that is
/// `stop`, or `limit` tokens are generated. Every one is given to `emit`.
pub fn generate(
    engine: &mut Reference<'_>,
    prompt: &[Token],
    stop: Token,
    limit: u64,
    mut emit: impl FnMut(Token),
) -> Result<Generated, EngineError> {
    if prompt.is_empty() {
        return Err(EngineError::EmptyPrompt);
    }
    for &token in prompt {
        engine.step(token)?;
    }
    let mut tokens = 0;
    while tokens < limit {
        let token = engine.next_token()?;
        tokens += 1;
        emit(token);
        if token == stop {
            return Ok(Generated { tokens, stopped: Stopped::Halted });
        }
        engine.step(token)?;
    }
    Ok(Generated { tokens, stopped: Stopped::TokenLimit })
}
