//! A program as a model has it inside.

use super::{Instruction, Symbol};

/// What the weights of a machine know of the program that it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embedded {
    /// All instructions; the program counter counts them from 0.
    pub code: Vec<Instruction>,
    /// The instruction at which a run begins: behind each `input_base` whose payload is in `memory`.
    pub begin: usize,
    /// What memory has before a run, besides zeros: addresses and stretches of bytes, ascending, with at least
    /// one address between them.
    pub memory: Vec<(u64, Vec<u8>)>,
    /// The first token that a run generates after `start`, the prompt of a program that takes no
    /// input. Of one that takes an input it is the end of the payload that is missing.
    pub first: Symbol,
    /// The logit of that token behind `start`, where all others are 0: one more than an input may have
    /// bytes, and 1 where there is no input.
    pub told: u64,
}
