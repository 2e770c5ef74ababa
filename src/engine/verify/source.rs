//! The trace as it streams in, cut into blocks.
//!
//! A position is worth computing only if a token follows: the prediction after
//! the last one is compared with nothing. So tokens come in pairs with their successors,
//! one token is held back, and the stop token is always a successor.

use super::block::Block;
use super::report::End;
use crate::engine::EngineError;
use crate::model::{Model, Token};

/// A trace that is being read.
pub struct Source<'m, I> {
    trace: I,
    model: &'m Model,
    prompt: u64,
    /// The token read last, which stands at position `taken` - 1.
    held: Option<Token>,
    taken: u64,
    /// Set once nothing more is to be read.
    end: Option<End>,
}

impl<'m, E, I: Iterator<Item = Result<Token, E>>> Source<'m, I> {
    pub fn new(model: &'m Model, prompt: u64, trace: I) -> Self {
        Source { trace, model, prompt, held: None, taken: 0, end: None }
    }

    /// Fills an empty block with the next positions, at most `most`.
    pub fn fill(&mut self, block: &mut Block, most: usize) -> Result<(), E> {
        block.begin(self.taken.saturating_sub(1), self.prompt);
        while block.len() < most && self.end.is_none() {
            let Some(token) = self.trace.next().transpose()? else {
                self.end = Some(End::Open);
                break;
            };
            let vocabulary = self.model.shape().vocabulary;
            if token.index() >= vocabulary {
                let error = EngineError::NoToken { token: token.0, vocabulary };
                self.end = Some(End::Broken { position: self.taken, error });
                break;
            }
            if let Some(held) = self.held.replace(token) {
                block.push(held, token);
            }
            self.taken += 1;
            if token == self.model.stop() && self.taken > self.prompt {
                self.end = Some(match self.trace.next().transpose()? {
                    None => End::Halted,
                    Some(_) => End::AfterStop { position: self.taken },
                });
            }
        }
        Ok(())
    }

    /// How the trace ended, once it has.
    pub fn end(&mut self) -> End {
        self.end.take().unwrap_or(End::Open)
    }

    /// Tokens read so far.
    pub fn taken(&self) -> u64 {
        self.taken
    }
}
