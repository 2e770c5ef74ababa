//! Comparing generated tokens with the greatest logits.
//!
//! A chunk's logits are one product with the output head, a row for each token of
//! the vocabulary. A generated token is right if its logit is the greatest of
//! its column, or the first of several equal ones. So count, column by column,
//! the logits that are not below it: almost always that is it alone, and nobody need know which
//! is second. Only where there are others, or it is no number, is the column looked through.

use rayon::prelude::*;

use super::block::Block;
use super::columns::Chunk;
use super::report::{Logits, Mismatch};
use super::reused::Reused;
use super::shrunk::Shrunk;
use crate::engine::EngineError;
use crate::linalg::{Dims, Kernel};
use crate::model::{Model, Token};

/// Judges tokens by the logits that the output head computes.
pub struct Judge {
    head: Shrunk,
    kernel: Kernel,
    scratch: Reused<Scratch>,
}

#[derive(Default)]
struct Scratch {
    input: Vec<f64>,
    /// A row for each token, a column for each position.
    logits: Vec<f64>,
    /// The logit of each position's token.
    own: Vec<f64>,
    /// How many logits of a position are not below it.
    not_below: Vec<u64>,
}

/// Positions that are judged together.
pub struct Columns<'a> {
    /// The tokens that the trace has after them.
    pub expected: &'a [Token],
    /// Those before this one are of the prompt.
    pub from: usize,
    /// Where these tokens stand.
    pub positions: &'a (dyn Fn(usize) -> u64 + Sync),
}

/// What was found so far.
#[derive(Default)]
pub struct Tally {
    pub positions: u64,
    pub mismatches: u64,
    pub first: Option<Mismatch>,
    /// The first position for which no logit is a number.
    pub no_logit: Option<(u64, EngineError)>,
}

impl Tally {
    /// Takes in what was found elsewhere.
    pub fn add(&mut self, other: Tally) {
        self.positions += other.positions;
        self.mismatches += other.mismatches;
        let firsts = self.first.into_iter().chain(other.first);
        self.first = firsts.min_by_key(|mismatch| mismatch.position);
        let faults = self.no_logit.take().into_iter().chain(other.no_logit);
        self.no_logit = faults.min_by_key(|fault| fault.0);
    }

    fn both(mut self, other: Tally) -> Tally {
        self.add(other);
        self
    }
}

impl Judge {
    pub fn new(model: &Model, kernel: Kernel) -> Judge {
        let rows = (0..model.shape().vocabulary).collect();
        let head = Shrunk::new(model.head(), rows, |_| true);
        Judge { head, kernel, scratch: Reused::default() }
    }

    /// How many slots decide the next token.
    pub fn inputs(&self) -> usize {
        self.head.columns().len()
    }

    /// These slots of a position.
    pub fn inputs_of<'c>(&'c self, chunk: &'c Chunk, at: usize) -> impl Iterator<Item = f64> + 'c {
        self.head.columns().iter().map(move |&slot| chunk.slot(slot)[at])
    }

    /// Judges every generated token of a block.
    pub fn block(&self, block: &Block) -> Tally {
        let chunks = block.chunks().par_iter();
        chunks.map(|chunk| self.chunk(block, chunk)).reduce(Tally::default, Tally::both)
    }

    fn chunk(&self, block: &Block, chunk: &Chunk) -> Tally {
        let (expected, from, first) = block.expected(chunk);
        if from == expected.len() {
            return Tally::default();
        }
        let positions = &|at| first + at as u64;
        self.scratch.with(|scratch| {
            let Scratch { input, logits, .. } = scratch;
            self.head.apply(self.kernel, chunk.len, |slot| chunk.slot(slot), input, logits);
            self.judge(scratch, chunk.len, Columns { expected, from, positions })
        })
    }

    /// Judges positions whose inputs were gathered: a row for each input.
    pub fn gathered(&self, input: &[f64], columns: Columns<'_>) -> Tally {
        let dims = Dims { n: columns.expected.len(), m: self.head.rows().len(), k: self.inputs() };
        self.scratch.with(|scratch| {
            self.head.multiply(self.kernel, dims, input, &mut scratch.logits);
            self.judge(scratch, dims.n, columns)
        })
    }

    fn judge(&self, scratch: &mut Scratch, n: usize, columns: Columns<'_>) -> Tally {
        let Scratch { logits, own, not_below, .. } = scratch;
        let Columns { expected, from, positions } = columns;
        own.clear();
        own.extend(expected.iter().enumerate().map(|(at, token)| logits[token.index() * n + at]));
        not_below.clear();
        not_below.resize(own.len(), 0);
        count_not_below(logits, n, own, not_below);

        let mut tally = Tally { positions: (expected.len() - from) as u64, ..Tally::default() };
        for at in (from..expected.len()).filter(|&at| not_below[at] != 1) {
            let column = logits.iter().copied().skip(at).step_by(n);
            let (position, expected) = (positions(at), expected[at]);
            match greatest(column) {
                None => {
                    let fault = (position, EngineError::NoLogit { position });
                    tally.add(Tally { no_logit: Some(fault), ..Tally::default() });
                }
                Some((predicted, _)) if predicted == expected => {}
                Some((predicted, predicted_logit)) => {
                    let logits = Logits { expected: own[at], predicted: predicted_logit };
                    let logits = Some(logits);
                    let first = Some(Mismatch { position, expected, predicted, logits });
                    tally.add(Tally { mismatches: 1, first, ..Tally::default() });
                }
            }
        }
        tally
    }
}

/// The inner loop of verification: rows of n logits, compared with one number a column.
fn count_not_below(logits: &[f64], n: usize, own: &[f64], not_below: &mut [u64]) {
    for row in logits.chunks_exact(n) {
        for ((count, logit), own) in not_below.iter_mut().zip(row).zip(own) {
            *count += u64::from(logit >= own);
        }
    }
}

/// The greatest logit, the lowest id on a tie, what is no number left out.
fn greatest(column: impl Iterator<Item = f64>) -> Option<(Token, f64)> {
    let mut best: Option<(Token, f64)> = None;
    for (id, logit) in (0..).zip(column) {
        if best.map_or(!logit.is_nan(), |best| logit > best.1) {
            best = Some((Token(id), logit));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_id_wins_a_tie_and_what_is_no_number_never() {
        let nan = f64::NAN;
        let id = |logits: &[f64]| greatest(logits.iter().copied()).map(|best| best.0.0);
        assert_eq!(id(&[1., 3., 3.]), Some(1));
        assert_eq!(id(&[nan, -1., -2.]), Some(1));
        assert_eq!(id(&[f64::NEG_INFINITY, nan]), Some(0));
        assert_eq!(id(&[nan, nan]), None);
    }
}
