//! A random sample of positions, drawn while they stream by.
//!
//! How many there will be is not known, so this is reservoir sampling: the first N
//! are kept, and the i-th after them takes the place of a random one with
//! probability N/i. Every set of N positions is equally likely. Of a kept
//! position only the slots that decide the next token are kept; what
//! they predict is computed at the end.

use super::block::Block;
use super::columns::CHUNK;
use super::judge::{Columns, Judge, Tally};
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
    random: fastrand::Rng,
    seen: u64,
    kept: Vec<Kept>,
    /// The inputs of what is kept, `inputs` numbers each.
    numbers: Vec<f64>,
    inputs: usize,
}

struct Kept {
    position: u64,
    expected: Token,
}

impl Sample {
    pub fn new(spot: Spot, inputs: usize) -> Sample {
        Sample {
            count: spot.count,
            random: fastrand::Rng::with_seed(spot.seed),
            seen: 0,
            kept: Vec::new(),
            numbers: Vec::new(),
            inputs,
        }
    }

    /// Draws from a block's generated tokens.
    pub fn draw(&mut self, judge: &Judge, block: &Block) {
        for chunk in block.chunks() {
            let (expected, from, first) = block.expected(chunk);
            for (at, &expected) in expected.iter().enumerate().skip(from) {
                self.seen += 1;
                let Some(place) = self.place() else { continue };
                let kept = Kept { position: first + at as u64, expected };
                if place == self.kept.len() {
                    self.kept.push(kept);
                    self.numbers.extend(judge.inputs_of(chunk, at));
                } else {
                    self.kept[place] = kept;
                    let numbers = &mut self.numbers[place * self.inputs..][..self.inputs];
                    numbers.iter_mut().zip(judge.inputs_of(chunk, at)).for_each(|(n, x)| *n = x);
                }
            }
        }
    }

    /// Where the position seen last goes, if it is kept.
    fn place(&mut self) -> Option<usize> {
        if self.kept.len() < self.count {
            return Some(self.kept.len());
        }
        let place = self.random.u64(0..self.seen) as usize;
        (place < self.count).then_some(place)
    }

    /// Judges what is kept.
    pub fn judge(&self, judge: &Judge) -> Tally {
        let mut tally = Tally::default();
        for (part, kept) in self.kept.chunks(CHUNK).enumerate() {
            let number =
                |at: usize, input: usize| self.numbers[(part * CHUNK + at) * self.inputs + input];
            let input: Vec<f64> = (0..self.inputs)
                .flat_map(|input| (0..kept.len()).map(move |at| number(at, input)))
                .collect();
            let expected: Vec<Token> = kept.iter().map(|kept| kept.expected).collect();
            let positions = &|at: usize| kept[at].position;
            tally.add(judge.gathered(&input, Columns { expected: &expected, from: 0, positions }));
        }
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_position_is_drawn_equally_often() {
        let (count, positions, draws) = (5, 50, 4000);
        let mut drawn = vec![0u32; positions];
        for seed in 0..draws {
            let mut sample = Sample::new(Spot { count, seed }, 0);
            for position in 0..positions as u64 {
                sample.seen += 1;
                let kept = Kept { position, expected: Token(0) };
                match sample.place() {
                    Some(place) if place == sample.kept.len() => sample.kept.push(kept),
                    Some(place) => sample.kept[place] = kept,
                    None => {}
                }
            }
            assert_eq!(sample.kept.len(), count);
            sample.kept.iter().for_each(|kept| drawn[kept.position as usize] += 1);
        }
        // 400 are expected of each, with a deviation of 19.
        assert!(drawn.iter().all(|&times| (300..500).contains(&times)), "{drawn:?}");
    }
}
