//! Greedy decoding: each next token is the one with the greatest logit.

use super::EngineError;
use crate::model::Token;

/// Why [`generate()`] generated no more tokens.
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

/// What generates: takes tokens, and predicts the next.
pub trait Decoder {
    /// Takes the next token of the history. Only if it `predicts` may
    /// [`Decoder::next_token`] be called before the next one.
    fn take(&mut self, token: Token, predicts: bool) -> Result<(), EngineError>;

    /// The token with the greatest logit, the lowest id on a tie.
    fn next_token(&mut self) -> Result<Token, EngineError>;
}

/// Takes the prompt, then appends the token with the greatest logit until that is
/// `stop`, or `limit` tokens are generated. Every one is given to `emit`.
pub fn generate(
    engine: &mut impl Decoder,
    prompt: &[Token],
    stop: Token,
    limit: u64,
    mut emit: impl FnMut(Token),
) -> Result<Generated, EngineError> {
    let Some((&last, before)) = prompt.split_last() else {
        return Err(EngineError::EmptyPrompt);
    };
    for &token in before {
        engine.take(token, false)?;
    }
    engine.take(last, true)?;
    let mut tokens = 0;
    while tokens < limit {
        let token = engine.next_token()?;
        tokens += 1;
        emit(token);
        if token == stop {
            return Ok(Generated { tokens, stopped: Stopped::Halted });
        }
        engine.take(token, true)?;
    }
    Ok(Generated { tokens, stopped: Stopped::TokenLimit })
}
