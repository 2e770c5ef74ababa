//! Comparing generated tokens with the greatest logits.
//!
//! A chunk's logits are one product with the output head, a row for each token of
//! the vocabulary. A generated token is right if its logit is the greatest of
//! its column, or the first of several equal ones. So count, column by column,
//! the logits that are not below it by more than roundings are off: almost always that is it
//! alone, and nobody need know which is second. Only where there are others, or it is no number,
//! is the column looked through, by the rule that all engines share (`engine/greatest.rs`).

use rayon::prelude::*;

use super::block::Block;
use super::columns::Chunk;
use super::report::{Logits, Mismatch};
use super::reused::Reused;
use super::shrunk::Shrunk;
use crate::engine::EngineError;
use crate::engine::greatest::{Greatest, logit};
use crate::linalg::{Dims, Kernel};
use crate::model::{Model, Token};

/// Judges tokens by the logits that the output head computes.
pub struct Judge {
    head: Shrunk,
    greatest: Greatest,
    kernel: Kernel,
    scratch: Reused<Scratch>,
}

#[derive(Default)]
struct Scratch {
    input: Vec<f64>,
    /// A row for each token, a column for each position.
    logits: Vec<f64>,
    /// How far apart logits of each position must be.
    apart: Vec<f64>,
    /// What logits of each position must be below: that of its token, less what is apart.
    least: Vec<f64>,
    /// How many logits of a position are not below that.
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
        let tokens = 0..head.rows().len();
        let greatest = Greatest::new(tokens.map(|token| head.row(token)), head.columns().len());
        Judge { head, greatest, kernel, scratch: Reused::default() }
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
            let columns = Columns { expected, from, positions };
            self.judge(scratch, chunk.len, columns)
        })
    }

    /// Judges positions whose inputs were gathered: a row for each input.
    pub fn gathered(&self, gathered: &[f64], columns: Columns<'_>) -> Tally {
        let dims = Dims { n: columns.expected.len(), m: self.head.rows().len(), k: self.inputs() };
        self.scratch.with(|scratch| {
            let Scratch { input, logits, .. } = scratch;
            input.clear();
            input.extend_from_slice(gathered);
            self.head.multiply(self.kernel, dims, input, logits);
            self.judge(scratch, dims.n, columns)
        })
    }

    fn judge(&self, scratch: &mut Scratch, n: usize, columns: Columns<'_>) -> Tally {
        let Scratch { input, logits, apart, least, not_below } = scratch;
        let Columns { expected, from, positions } = columns;
        apart.resize(n, 0.0);
        self.greatest.all_apart(input, apart);
        let own = expected.iter().enumerate().map(|(at, token)| logits[token.index() * n + at]);
        least.clear();
        least.extend(own.zip(apart.iter()).map(|(own, apart)| own - apart));
        not_below.clear();
        not_below.resize(least.len(), 0);
        count_not_below(logits, n, least, not_below);

        let mut tally = Tally { positions: (expected.len() - from) as u64, ..Tally::default() };
        for at in (from..expected.len()).filter(|&at| not_below[at] != 1) {
            let [x, logits] =
                [&*input, logits].map(|rows| rows.iter().copied().skip(at).step_by(n));
            let (position, expected) = (positions(at), expected[at]);
            match self.greatest.token(|token| self.head.row(token), x.clone(), logits) {
                None => {
                    let fault = (position, EngineError::NoLogit { position });
                    tally.add(Tally { no_logit: Some(fault), ..Tally::default() });
                }
                Some((predicted, _)) if predicted == expected => {}
                Some((predicted, greatest)) => {
                    let own = logit(self.head.row(expected.index()), x);
                    let logits = Some(Logits { expected: own, predicted: greatest });
                    let first = Some(Mismatch { position, expected, predicted, logits });
                    tally.add(Tally { mismatches: 1, first, ..Tally::default() });
                }
            }
        }
        tally
    }
}

/// The inner loop of verification: rows of n logits, compared with one number a column.
fn count_not_below(logits: &[f64], n: usize, least: &[f64], not_below: &mut [u64]) {
    for row in logits.chunks_exact(n) {
        for ((count, logit), least) in not_below.iter_mut().zip(row).zip(least) {
            *count += u64::from(logit >= least);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ModelParts, Shape};

    /// Without layers: the logits of the four tokens are the first four of the six slots.
    fn judge() -> Judge {
        let shape = Shape { vocabulary: 4, width: 6, layers: 0, heads: 3, units: 0 };
        let head =
            (0..4).flat_map(|token| (0..6).map(move |slot| f64::from(u8::from(slot == token))));
        let model = Model::new(ModelParts {
            shape,
            stop: Token(3),
            vocabulary: ["a", "b", "c", "d"].map(str::to_owned).to_vec(),
            embedding: vec![0.0; 24],
            layers: Vec::new(),
            head: head.collect(),
            clears: None,
            ties: None,
            kinds: None,
        });
        Judge::new(&model.unwrap(), Kernel::Portable)
    }

    /// Of all orders of four logits, many of them equal, with any token in the trace.
    #[test]
    fn a_token_is_right_if_it_is_the_first_of_the_greatest() {
        let judge = judge();
        assert_eq!(judge.inputs(), 4);
        let logit = |number: usize, token: u32| (number / 3usize.pow(token) % 3) as f64 - 1.0;
        let cases: Vec<(usize, u32)> =
            (0..81).flat_map(|number| (0..4).map(move |token| (number, token))).collect();
        for from in [0, 1, cases.len()] {
            let input: Vec<f64> = (0..4)
                .flat_map(|token| cases.iter().map(move |case| logit(case.0, token)))
                .collect();
            let expected: Vec<Token> = cases.iter().map(|case| Token(case.1)).collect();
            let positions = &|at: usize| 100 + at as u64;
            let found = judge.gathered(&input, Columns { expected: &expected, from, positions });
            let right = |number| {
                let before = |best, token| logit(number, best) >= logit(number, token);
                (1..4).fold(0, |best, token| if before(best, token) { best } else { token })
            };
            let wrong = |at: &usize| right(cases[*at].0) != cases[*at].1;
            let wrongs = (from..cases.len()).filter(wrong);
            assert_eq!(found.positions as usize, cases.len() - from);
            assert_eq!(found.mismatches as usize, wrongs.clone().count());
            let first = wrongs.min().map(|at| {
                let (number, token) = cases[at];
                let predicted = right(number);
                let logits =
                    Logits { expected: logit(number, token), predicted: logit(number, predicted) };
                let [expected, predicted] = [token, predicted].map(Token);
                Mismatch { position: 100 + at as u64, expected, predicted, logits: Some(logits) }
            });
            assert_eq!(found.first, first);
            assert!(found.no_logit.is_none());
        }
    }

    /// An infinite slot makes every other logit no number, for 0 times it is none.
    #[test]
    fn a_token_whose_logit_is_no_number_is_wrong() {
        let positions = &|at: usize| at as u64;
        let judged = |x: [f64; 4], token: u32| {
            let expected = &[Token(token)];
            judge().gathered(&x, Columns { expected, from: 0, positions })
        };
        let infinite = [1.0, f64::INFINITY, 5.0, 2.0];
        assert_eq!(judged(infinite, 1).mismatches, 0);
        for token in [0, 2, 3] {
            let found = judged(infinite, token);
            assert_eq!(found.first.map(|first| first.predicted), Some(Token(1)));
        }
        let none = judged([0.0, f64::NAN, 0.0, 0.0], 1);
        assert_eq!((none.positions, none.mismatches, none.first), (1, 0, None));
        assert_eq!(none.no_logit, Some((0, EngineError::NoLogit { position: 0 })));
    }

    #[test]
    fn what_equals_the_least_is_not_below_it() {
        // Three tokens, two positions.
        let logits = [1.0, 5.0, 2.0, f64::NAN, 3.0, 6.0];
        let mut not_below = [0, 0];
        count_not_below(&logits, 2, &[2.0, 5.0], &mut not_below);
        assert_eq!(not_below, [2, 2]);
        count_not_below(&logits, 2, &[3.5, f64::NAN], &mut not_below);
        assert_eq!(not_below, [2, 2]);
    }

    #[test]
    fn a_tally_of_tallies_has_their_sums_and_their_first() {
        let tally = |position: u64| {
            let (expected, predicted) = (Token(position as u32), Token(7));
            Tally {
                positions: position,
                mismatches: 2 * position,
                first: Some(Mismatch { position, expected, predicted, logits: None }),
                no_logit: Some((position + 1, EngineError::NoLogit { position: position + 1 })),
            }
        };
        for order in [[3, 5, 8], [8, 5, 3], [5, 3, 8]] {
            let all = order.map(tally).into_iter().fold(Tally::default(), Tally::both);
            assert_eq!((all.positions, all.mismatches), (16, 32));
            assert_eq!(
                all.first.map(|first| (first.position, first.expected)),
                Some((3, Token(3)))
            );
            assert_eq!(all.no_logit.map(|fault| fault.0), Some(4));
        }
    }
}
