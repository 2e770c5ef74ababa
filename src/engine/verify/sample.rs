//! A random sample of positions, drawn while they stream by in any order.
//!
//! Every position has a priority, a mix of its number and the seed; the positions with the N least
//! priorities are the sample. Mixing is a bijection, so no two are equal, and every set of N
//! positions is as likely as any other as far as the mix is random. Of a kept position only the
//! slots that decide the next token are kept; what they predict is computed at the end.

use std::collections::BTreeMap;

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
    spot: Spot,
    /// By priority.
    kept: BTreeMap<u64, Kept>,
}

struct Kept {
    position: u64,
    expected: Token,
    inputs: Box<[f64]>,
}

impl Sample {
    pub fn new(spot: Spot) -> Sample {
        Sample { spot, kept: BTreeMap::new() }
    }

    /// Draws from a block's generated tokens.
    pub fn draw(&mut self, judge: &Judge, block: &Block) {
        for chunk in block.chunks() {
            let (expected, from, first) = block.expected(chunk);
            for (at, &expected) in expected.iter().enumerate().skip(from) {
                let position = first + at as u64;
                if let Some(priority) = self.priority(position) {
                    let inputs = judge.inputs_of(chunk, at).collect();
                    self.kept.insert(priority, Kept { position, expected, inputs });
                    if self.kept.len() > self.spot.count {
                        self.kept.pop_last();
                    }
                }
            }
        }
    }

    /// The priority of a position, if it is of the sample as far as it is known.
    fn priority(&self, position: u64) -> Option<u64> {
        let priority = mixed(position ^ mixed(self.spot.seed));
        let is_full = self.kept.len() >= self.spot.count;
        let greatest = self.kept.last_key_value().map_or(0, |(&priority, _)| priority);
        (!is_full || priority < greatest).then_some(priority)
    }

    /// Judges what is kept.
    pub fn judge(&self, judge: &Judge, scratch: &mut Scratch) -> Tally {
        let mut tally = Tally::default();
        let kept: Vec<&Kept> = self.kept.values().collect();
        for kept in kept.chunks(CHUNK) {
            let row = |input: usize| {
                let number = |at: usize| kept.get(at).map_or(0.0, |kept| kept.inputs[input]);
                std::array::from_fn(number)
            };
            let input = (0..judge.inputs()).map(row).collect();
            let expected: Vec<Token> = kept.iter().map(|kept| kept.expected).collect();
            let positions = &|at: usize| kept[at].position;
            let columns = Columns { expected: &expected, from: 0, positions };
            tally.add(judge.gathered(input, columns, scratch));
        }
        tally
    }
}

/// A bijection of 64 bits: xors with what is shifted right and products with odd numbers.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ number >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let number = (number ^ number >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    number ^ number >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(spot: Spot, positions: impl Iterator<Item = u64>) -> Vec<u64> {
        let mut sample = Sample::new(spot);
        for position in positions {
            if let Some(priority) = sample.priority(position) {
                let kept = Kept { position, expected: Token(0), inputs: Box::default() };
                sample.kept.insert(priority, kept);
                if sample.kept.len() > spot.count {
                    sample.kept.pop_last();
                }
            }
        }
        let mut drawn: Vec<u64> = sample.kept.values().map(|kept| kept.position).collect();
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
