//! A random sample of positions, drawn while they stream by in any order.
//!
//! Every position has a priority, the first number of a random generator that is seeded with it and
//! the sample's seed; the positions with the N least priorities are the sample, and of equal ones
//! the earlier. Of a kept position only the slots that decide the next token are kept; what they
//! predict is computed at the end.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::block::Block;
use super::chunk::CHUNK;
use super::judge::{Columns, Judge, Scratch, Tally};
use crate::model::Token;

/// Which sample to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Its size; all positions if there are no more.
    pub count: usize,
    /// The same seed draws the same positions of the same trace.
    pub seed: u64,
}

/// A sample that is being drawn.
pub struct Sample {
    count: usize,
    /// What positions are added to, to be seeds.
    seed: u64,
    /// By priority and position.
    kept: BTreeMap<(u64, u64), Kept>,
}

struct Kept {
    expected: Token,
    inputs: Box<[f64]>,
}

impl Sample {
    pub fn new(spot: Spot) -> Sample {
        let seed = Rng::with_seed(spot.seed).u64(..);
        Sample { count: spot.count, seed, kept: BTreeMap::new() }
    }

    /// Draws from a block's generated tokens.
    pub fn draw(&mut self, judge: &Judge, block: &Block) {
        for chunk in block.chunks() {
            let (expected, from, first) = block.expected(chunk);
            for (at, &expected) in expected.iter().enumerate().skip(from) {
                let position = first + at as u64;
                self.keep(position, || {
                    let inputs = judge.inputs_of(chunk, at).collect();
                    Kept { expected, inputs }
                });
            }
        }
    }

    /// Keeps a position, if it is of the sample as far as that is known.
    fn keep(&mut self, position: u64, kept: impl FnOnce() -> Kept) {
        let priority = Rng::with_seed(self.seed.wrapping_add(position)).u64(..);
        let place = (priority, position);
        let is_full = self.kept.len() >= self.count;
        if is_full && self.kept.last_key_value().is_none_or(|(&last, _)| place >= last) {
            return;
        }
        self.kept.insert(place, kept());
        if is_full {
            self.kept.pop_last();
        }
    }

    /// Judges what is kept.
    pub fn judge(&self, judge: &Judge, scratch: &mut Scratch) -> Tally {
        let mut tally = Tally::default();
        let kept: Vec<(&(u64, u64), &Kept)> = self.kept.iter().collect();
        for kept in kept.chunks(CHUNK) {
            let row = |input: usize| {
                let number = |at: usize| kept.get(at).map_or(0.0, |kept| kept.1.inputs[input]);
                std::array::from_fn(number)
            };
            let input = (0..judge.inputs()).map(row).collect();
            let expected: Vec<Token> = kept.iter().map(|kept| kept.1.expected).collect();
            let positions = &|at: usize| kept[at].0.1;
            let columns = Columns { expected: &expected, from: 0, positions };
            tally.add(judge.gathered(input, columns, scratch));
        }
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(spot: Spot, positions: impl Iterator<Item = u64>) -> Vec<u64> {
        let mut sample = Sample::new(spot);
        for position in positions {
            sample.keep(position, || Kept { expected: Token(0), inputs: Box::default() });
        }
        let mut drawn: Vec<u64> = sample.kept.keys().map(|&(_, position)| position).collect();
        drawn.sort_unstable();
        drawn
    }

    #[test]
    fn every_position_is_drawn_equally_often() {
        let (count, positions, draws) = (5, 50, 4000);
        let mut times = vec![0u32; positions];
        for seed in 0..draws {
            let drawn = drawn(Spot { count, seed }, 0..positions as u64);
            assert_eq!(drawn.len(), count);
            drawn.iter().for_each(|&position| times[position as usize] += 1);
        }
        // 400 are expected of each, with a deviation of 19.
        assert!(times.iter().all(|&times| (300..500).contains(&times)), "{times:?}");
    }

    #[test]
    fn the_order_does_not_matter_and_of_few_all_are_drawn() {
        let spot = Spot { count: 7, seed: 3 };
        assert_eq!(drawn(spot, 100..1000), drawn(spot, (100..1000).rev()));
        assert_ne!(drawn(spot, 100..1000), drawn(Spot { seed: 4, ..spot }, 100..1000));
        assert_eq!(drawn(spot, 3..8), [3, 4, 5, 6, 7]);
    }
}
