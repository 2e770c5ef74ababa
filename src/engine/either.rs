//! The engine that was chosen at run time.

use super::generate::Decoder;
use super::{EngineError, Fallback, Planned, Reference};
use crate::model::Token;

/// An engine of either kind.
pub enum Engine<'m> {
    /// The forward pass as the format defines it.
    Reference(Box<Reference<'m>>),
    /// A plan, with the reference behind it.
    Plan(Box<Planned<'m>>),
}

impl Engine<'_> {
    /// Tokens taken so far.
    pub fn position(&self) -> u64 {
        match self {
            Engine::Reference(reference) => reference.position(),
            Engine::Plan(planned) => planned.position(),
        }
    }

    /// Bytes that history and memories hold.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Engine::Reference(reference) => reference.heap_bytes(),
            Engine::Plan(planned) => planned.heap_bytes(),
        }
    }

    /// Where and why the reference took over from a plan, if it did.
    pub fn fallback(&self) -> Option<Fallback> {
        match self {
            Engine::Reference(_) => None,
            Engine::Plan(planned) => planned.fallback(),
        }
    }
}

impl Decoder for Engine<'_> {
    #[inline]
    fn take(&mut self, token: Token, predicts: bool) -> Result<(), EngineError> {
        match self {
            Engine::Reference(reference) => reference.take(token, predicts),
            Engine::Plan(planned) => planned.take(token, predicts),
        }
    }

    #[inline]
    fn next_token(&mut self) -> Result<Token, EngineError> {
        match self {
            Engine::Reference(reference) => reference.next_token(),
            Engine::Plan(planned) => planned.next_token(),
        }
    }
}
