//! Comparing generated tokens with the greatest logits.
//!
//! A generated token is right if its logit is the greatest of its position, or the first of several
//! equal ones. So count the logits that are not below it by more than roundings are off: almost
//! always that is it alone, and nobody need know which is second. Only where there are others, or
//! it is no number, are all logits computed, and the token found by the rule that all engines share
//! (`engine/greatest.rs`).
//!
//! Not every logit is needed for that: of tokens that differ in few weights only the two greatest
//! (`groups.rs`).

mod groups;

use pulp::Arch;

use super::block::Block;
use super::chunk::{CHUNK, Chunk, Row};
use super::products::{Products, Shrunk, Terms};
use super::report::{Logits, Mismatch};
use super::vectors::widest;
use crate::engine::EngineError;
use crate::engine::greatest::{Greatest, logit};
use crate::linalg::Kernel;
use crate::model::{Model, Token};
use groups::{Found, Groups};

/// Judges tokens by the logits that the output head computes.
pub struct Judge {
    /// All rows, over the columns that are not all zero.
    head: Shrunk,
    /// The same, without zeros.
    terms: Terms,
    groups: Groups,
    greatest: Greatest,
    kernel: Kernel,
}

/// What one thread needs room for.
#[derive(Default)]
pub struct Scratch {
    arch: Arch,
    /// The slots that decide the next token.
    input: Vec<Row>,
    found: Found,
    /// A row for each token.
    logits: Vec<Row>,
}

/// Positions that are judged together, at most [`CHUNK`].
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
    /// The first position for which no logit is a number. Where numbers have bounds (`bounds.rs`)
    /// there is none; the judge is right without them, too.
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
}

impl Judge {
    pub fn new(model: &Model, products: Products, kernel: Kernel) -> Judge {
        let rows: Vec<usize> = (0..model.shape().vocabulary).collect();
        let head = Shrunk::new(model.head(), &rows, |_| true);
        let column = |slot: usize| head.columns().binary_search(&slot).ok();
        let terms = Terms::new(model.head(), &rows, column);
        let rows = || rows.iter().map(|&token| head.row(token));
        let greatest = Greatest::new(rows(), head.columns().len());
        let groups = Groups::new(rows().collect(), products, kernel);
        Judge { terms, groups, greatest, kernel, head }
    }

    /// How many slots decide the next token.
    pub fn inputs(&self) -> usize {
        self.head.columns().len()
    }

    /// These slots of a position.
    pub fn inputs_of<'c>(&'c self, chunk: &'c Chunk, at: usize) -> impl Iterator<Item = f64> + 'c {
        self.head.columns().iter().map(move |&slot| chunk.x[slot][at])
    }

    /// Judges every generated token of a block.
    pub fn block(&self, block: &Block, scratch: &mut Scratch) -> Tally {
        let mut tally = Tally::default();
        for chunk in block.chunks() {
            let (expected, from, first) = block.expected(chunk);
            if from < expected.len() {
                scratch.input.clear();
                scratch.input.extend(self.head.columns().iter().map(|&slot| chunk.x[slot]));
                let positions = &|at| first + at as u64;
                tally.add(self.judge(scratch, Columns { expected, from, positions }));
            }
        }
        tally
    }

    /// Judges positions whose inputs were gathered: a row for each input.
    pub fn gathered(&self, input: Vec<Row>, columns: Columns<'_>, scratch: &mut Scratch) -> Tally {
        scratch.input = input;
        self.judge(scratch, columns)
    }

    fn judge(&self, scratch: &mut Scratch, columns: Columns<'_>) -> Tally {
        let Scratch { arch, input, found, logits } = scratch;
        let Columns { expected, from, positions } = columns;
        let apart = widest(
            *arch,
            #[inline(always)]
            || self.greatest.all_apart(input),
        );
        // What logits must be below: that of the trace's token, less what roundings may be.
        let mut least = [f64::NAN; CHUNK];
        for (at, token) in expected.iter().enumerate().filter(|&(at, _)| apart[at].is_finite()) {
            let terms = self.terms.row(token.index());
            let own = terms.fold(0.0, |sum, (weight, from)| sum + weight * input[from][at]);
            least[at] = own - apart[at];
        }
        self.groups.count_not_below(*arch, input, &least, found);

        let mut tally = Tally { positions: (expected.len() - from) as u64, ..Tally::default() };
        let undecided = |&at: &usize| found.not_below[at] != 1.0;
        for (number, at) in (from..expected.len()).filter(undecided).enumerate() {
            if number == 0 {
                logits.resize(self.head.rows(), [0.0; CHUNK]);
                self.head.multiply(self.kernel, input, logits);
            }
            let [x, logits] = [&*input, logits].map(|rows| rows.iter().map(move |row| row[at]));
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

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::model::{ModelParts, Shape};

    /// Without layers: the logits of the four tokens are the first four of the six slots.
    pub fn model() -> Model {
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
        model.unwrap()
    }

    fn judges() -> [Judge; 2] {
        let judge = |products| Judge::new(&model(), products, Kernel::Portable);
        [Products::Dense, Products::Sparse].map(judge)
    }

    /// A row for each input, of at most [`CHUNK`] positions.
    fn rows(inputs: &[[f64; 4]]) -> Vec<Row> {
        let number = |slot: usize, at: usize| inputs.get(at).map_or(0.0, |input| input[slot]);
        (0..4).map(|slot| std::array::from_fn(|at| number(slot, at))).collect()
    }

    /// Of all orders of four logits, many of them equal, with any token in the trace.
    #[test]
    fn a_token_is_right_if_it_is_the_first_of_the_greatest() {
        let logit = |number: usize, token: u32| (number / 3usize.pow(token) % 3) as f64 - 1.0;
        let all: Vec<(usize, u32)> =
            (0..81).flat_map(|number| (0..4).map(move |token| (number, token))).collect();
        for judge in judges() {
            assert_eq!(judge.inputs(), 4);
            for (cases, from) in all.chunks(CHUNK).flat_map(|cases| [(cases, 0), (cases, 1)]) {
                let inputs: Vec<[f64; 4]> = cases
                    .iter()
                    .map(|case| [0, 1, 2, 3].map(|token| logit(case.0, token)))
                    .collect();
                let expected: Vec<Token> = cases.iter().map(|case| Token(case.1)).collect();
                let positions = &|at: usize| 100 + at as u64;
                let columns = Columns { expected: &expected, from, positions };
                let found = judge.gathered(rows(&inputs), columns, &mut Scratch::default());
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
                    let logits = Logits {
                        expected: logit(number, token),
                        predicted: logit(number, predicted),
                    };
                    let [expected, predicted] = [token, predicted].map(Token);
                    Mismatch {
                        position: 100 + at as u64,
                        expected,
                        predicted,
                        logits: Some(logits),
                    }
                });
                assert_eq!(found.first, first);
                assert!(found.no_logit.is_none());
            }
        }
    }

    /// An infinite slot makes every other logit no number, for 0 times it is none.
    #[test]
    fn a_token_whose_logit_is_no_number_is_wrong() {
        for judge in judges() {
            let positions = &|at: usize| at as u64;
            let judged = |x: [f64; 4], token: u32| {
                let expected = &[Token(token)];
                let columns = Columns { expected, from: 0, positions };
                judge.gathered(rows(&[x]), columns, &mut Scratch::default())
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
            let mut all = Tally::default();
            order.map(tally).into_iter().for_each(|tally| all.add(tally));
            assert_eq!((all.positions, all.mismatches), (16, 32));
            assert_eq!(
                all.first.map(|first| (first.position, first.expected)),
                Some((3, Token(3)))
            );
            assert_eq!(all.no_logit.map(|fault| fault.0), Some(4));
        }
    }
}
