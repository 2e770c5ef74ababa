//! A live head on its way through a trace: its memory, and its outputs for the block at hand.
//!
//! Heads of a layer do not depend on each other. Each has its memory and its
//! outputs to itself and takes the positions of a block in order, so they run in
//! parallel, without a lock, and with the result of one thread.

use super::columns::Chunk;
use crate::attention::{Memory, Steps, Violation};
use crate::engine::EngineError;
use crate::engine::guard::Guard;

/// Both components of a head's outputs, for each position of a block.
pub type HeadOutputs = [Vec<f64>; 2];

/// A head that has an effect.
pub struct LiveHead {
    pub layer: usize,
    pub head: usize,
    memory: Box<dyn Memory>,
    guard: Option<Guard>,
}

impl LiveHead {
    pub fn new(layer: usize, head: usize, memory: Box<dyn Memory>, guard: Option<Guard>) -> Self {
        LiveHead { layer, head, memory, guard }
    }

    /// Takes the first `limit` positions of the block that starts at `position`; `place` is this
    /// head's among the live ones of its layer. Gives the first position in the block
    /// that cannot be computed, if there is one.
    pub fn advance(
        &mut self,
        place: usize,
        chunks: &[Chunk],
        position: u64,
        limit: usize,
        outputs: &mut HeadOutputs,
    ) -> Option<(usize, EngineError)> {
        let [first, second] = outputs;
        for chunk in chunks {
            let places = chunk.offset..limit.clamp(chunk.offset, chunk.offset + chunk.len);
            let rows = |part: usize| {
                [0, 1].map(|c| &chunk.projection(6 * place + 2 * part + c)[..places.len()])
            };
            let steps = Steps { queries: rows(0), keys: rows(1), values: rows(2) };
            let refused = self.guarded(position + chunk.offset as u64, steps.keys);
            let room = [&mut first[places.clone()], &mut second[places.clone()]];
            let violated = self.memory.advance(steps, room).err();
            let violated = violated.map(|at| (at.before, self.error(at.violation)));
            // At one position the guard comes first, as in the reference.
            let earliest = match (refused, violated) {
                (Some(refused), Some(violated)) if violated.0 < refused.0 => Some(violated),
                (refused, violated) => refused.or(violated),
            };
            if let Some((at, error)) = earliest {
                // Whatever is computed from here on is not used, but has to be a number.
                first[chunk.offset + at..].fill(0.0);
                second[chunk.offset + at..].fill(0.0);
                return Some((chunk.offset + at, error));
            }
        }
        None
    }

    /// The first key that this attention cannot be exact for.
    fn guarded(&self, position: u64, keys: [&[f64]; 2]) -> Option<(usize, EngineError)> {
        let guard = self.guard?;
        (0..keys[0].len()).find_map(|at| {
            let key = [keys[0][at], keys[1][at]];
            let checked = guard.check(self.layer, self.head, position + at as u64, key);
            checked.err().map(|error| (at, error))
        })
    }

    fn error(&self, violation: Violation) -> EngineError {
        EngineError::Head { layer: self.layer, head: self.head, violation }
    }

    /// Bytes of heap that its memory holds.
    pub fn heap_bytes(&self) -> usize {
        self.memory.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Attention;
    use crate::model::HeadKind;

    /// Refuses the key of one position, and gives the number of positions before.
    struct Refuses {
        at: usize,
        inserted: usize,
    }

    impl Memory for Refuses {
        fn insert(&mut self, _: [f64; 2], _: [f64; 2]) -> Result<(), Violation> {
            let refused = self.inserted == self.at;
            self.inserted += 1;
            if refused { Err(Violation::Empty) } else { Ok(()) }
        }

        fn output(&mut self, _: [f64; 2]) -> Result<[f64; 2], Violation> {
            Ok([self.inserted as f64, -(self.inserted as f64)])
        }

        fn heap_bytes(&self) -> usize {
            77
        }
    }

    /// Takes eight positions from 100 on, in two chunks. The key of one is beyond what a hull is
    /// exact for, that of another is refused by the memory.
    fn advanced(beyond: usize, refused: usize) -> (Option<(usize, EngineError)>, HeadOutputs) {
        let chunk = |offset: usize| {
            let mut projected = vec![0.0; 6 * 4];
            if (offset..offset + 4).contains(&beyond) {
                projected[2 * 4 + beyond - offset] = 2.0 * (67_108_864.0 + 1.0);
            }
            Chunk { offset, len: 4, x: Vec::new(), projected }
        };
        let guard = Guard::new(HeadKind::Keyed, Attention::Hull);
        let memory = Box::new(Refuses { at: refused, inserted: 0 });
        let mut head = LiveHead::new(2, 3, memory, guard);
        assert_eq!(head.heap_bytes(), 77);
        let mut outputs = [vec![9.0; 8], vec![9.0; 8]];
        (head.advance(0, &[chunk(0), chunk(4)], 100, 8, &mut outputs), outputs)
    }

    #[test]
    fn the_first_fault_counts_and_at_one_position_that_of_the_guard() {
        let never = usize::MAX;
        for (beyond, refused, at) in
            [(1, 3, 1), (3, 1, 1), (6, 7, 6), (7, 6, 6), (2, 2, 2), (5, 5, 5), (5, never, 5)]
        {
            let (fault, [first, second]) = advanced(beyond, refused);
            let (place, error) = fault.unwrap();
            assert_eq!(place, at, "{beyond} {refused}");
            match error {
                EngineError::Inexact { layer: 2, head: 3, position, .. } => {
                    assert!(beyond <= refused);
                    assert_eq!(position, 100 + at as u64);
                }
                EngineError::Head { layer: 2, head: 3, .. } => assert!(refused < beyond),
                other => panic!("{other}"),
            }
            // What comes before keeps its outputs, and what follows are numbers.
            for place in 0..8 {
                let output = if place < at { place as f64 + 1.0 } else { 0.0 };
                assert_eq!((first[place], second[place]), (output, -output), "{beyond} {refused}");
            }
        }
        assert_eq!(advanced(never, never).0, None);
        assert!(matches!(advanced(never, 4).0, Some((4, EngineError::Head { .. }))));
    }
}
