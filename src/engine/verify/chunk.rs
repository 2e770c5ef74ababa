//! Activations of some neighbouring positions, side by side.
//!
//! A *chunk* is a matrix with a row for each slot and a column for each position. With
//! positions side by side whatever is done to a slot is done to neighbours, in vector registers. A
//! chunk and what is computed of it between two rounds of heads fit into the first caches.

use pulp::Arch;

use super::bounds::{MAX_NUMBER, is_great};
use super::vectors::widest;
use crate::engine::recency::recency;
use crate::model::{Model, Token};

/// Positions of a chunk. A row is eight cache lines, so that those of a layer fit into the first two
/// caches, and wide enough for any kernel.
pub const CHUNK: usize = 64;

/// A number for each position of a chunk. Those behind its last position mean nothing.
pub type Row = [f64; CHUNK];

/// Neighbouring positions of a block.
#[derive(Default)]
pub struct Chunk {
    /// The place of the first one in its block.
    pub offset: usize,
    /// How many there are.
    pub len: usize,
    /// The residual stream: a row for each slot.
    pub x: Vec<Row>,
}

impl Chunk {
    /// The residual stream at the latest position.
    pub fn last(&self) -> Vec<f64> {
        self.x.iter().map(|row| row[self.len - 1]).collect()
    }

    /// The first position at which the residual stream is beyond what bounds all that a layer or the
    /// output head makes of it (`bounds.rs`), and the slot.
    pub fn first_great(&self, arch: Arch) -> Option<(usize, usize)> {
        let rows = &self.x;
        let is_bounded = widest(
            arch,
            #[inline(always)]
            || {
                let mut greatest = [0.0f64; CHUNK];
                let mut none_is_nan = true;
                for row in rows {
                    for (greatest, x) in greatest.iter_mut().zip(row) {
                        *greatest = greatest.max(x.abs());
                        none_is_nan &= !x.is_nan();
                    }
                }
                none_is_nan & greatest.iter().all(|&greatest| greatest <= MAX_NUMBER)
            },
        );
        if is_bounded {
            return None;
        }
        let slot = |at: usize| rows.iter().position(|row| is_great(row[at]));
        (0..self.len).find_map(|at| slot(at).map(|slot| (at, slot)))
    }

    /// Sets the residual stream to what the tokens, the first at `position`, put into it.
    pub fn embed(&mut self, embedding: &Embedding, position: u64, tokens: &[Token]) {
        self.len = tokens.len();
        self.x.resize(embedding.slots.len(), [0.0; CHUNK]);
        for (row, slot) in self.x.iter_mut().zip(&embedding.slots) {
            match slot {
                Slot::Constant(number) => row.fill(*number),
                Slot::ByToken(numbers) => {
                    for (x, token) in row.iter_mut().zip(tokens) {
                        *x = numbers[token.index()];
                    }
                }
            }
            row[self.len..].fill(0.0);
        }
        for at in 0..self.len {
            let t = (position + at as u64) as f64;
            self.x[0][at] += t;
            self.x[1][at] += recency(position + at as u64);
            self.x[2][at] += t * t;
        }
    }
}

/// The embedding, turned round: for each slot its numbers, so that those of a row are near each
/// other.
pub struct Embedding {
    slots: Vec<Slot>,
}

enum Slot {
    /// The same for every token.
    Constant(f64),
    ByToken(Vec<f64>),
}

impl Embedding {
    pub fn new(model: &Model) -> Embedding {
        let embedding = model.embedding();
        let slot = |slot: usize| {
            let column: Vec<f64> = (0..embedding.rows).map(|t| embedding.row(t)[slot]).collect();
            match column.iter().all(|number| number == &column[0]) {
                true => Slot::Constant(column[0]),
                false => Slot::ByToken(column),
            }
        };
        Embedding { slots: (0..embedding.cols).map(slot).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_without_a_bound_is_found_among_the_positions_that_there_are() {
        let arch = Arch::new();
        let chunk = |numbers: &[(usize, usize, f64)]| {
            let mut chunk = Chunk { offset: 0, len: 10, x: vec![[1.0; CHUNK]; 3] };
            numbers.iter().for_each(|&(slot, at, number)| chunk.x[slot][at] = number);
            chunk
        };
        assert_eq!(chunk(&[(0, 4, MAX_NUMBER), (2, 5, -MAX_NUMBER)]).first_great(arch), None);
        let beyond = MAX_NUMBER.next_up();
        for number in [beyond, -beyond, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            for at in [0, 3, 9] {
                assert_eq!(chunk(&[(1, at, number)]).first_great(arch), Some((at, 1)), "{number}");
            }
            assert_eq!(chunk(&[(1, 10, number)]).first_great(arch), None, "{number}");
            // The first position, and of one position the first slot.
            let several = [(0, 7, number), (2, 5, number), (1, 5, f64::NAN), (0, 12, number)];
            assert_eq!(chunk(&several).first_great(arch), Some((5, 1)), "{number}");
        }
    }
}
