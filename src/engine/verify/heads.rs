//! A live head on its way through a trace: its memory, and its answers for the block at hand.
//!
//! Heads of a layer do not depend on each other. Each has its memory and its
//! answers to itself and takes the positions of a block in order, so they run in
//! parallel, without a lock, and with the result of one thread.

use super::columns::Chunk;
use crate::attention::{Broken, BrokenAt, Memory, Steps};
use crate::engine::EngineError;
use crate::engine::guard::Guard;

/// Both components of a head's answers, for each position of a block.
pub type HeadAnswers = [Vec<f64>; 2];

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
    /// head's among the live ones of its layer. Gives the position in the block that broke it, if
    /// one did.
    pub fn advance(
        &mut self,
        place: usize,
        chunks: &[Chunk],
        position: u64,
        limit: usize,
        answers: &mut HeadAnswers,
    ) -> Option<(usize, EngineError)> {
        let [first, second] = answers;
        for chunk in chunks {
            let places = chunk.offset..limit.clamp(chunk.offset, chunk.offset + chunk.len);
            let rows = |part: usize| {
                [0, 1].map(|c| &chunk.projection(6 * place + 2 * part + c)[..places.len()])
            };
            let steps = Steps { queries: rows(0), keys: rows(1), values: rows(2) };
            let refused = self.guarded(position + chunk.offset as u64, steps.keys);
            let room = [&mut first[places.clone()], &mut second[places.clone()]];
            let broke = self.memory.advance(steps, room).err();
            let broke = broke.map(|BrokenAt { answered, broken }| (answered, self.error(broken)));
            // At one position the guard comes first, as in the reference.
            let earliest = match (refused, broke) {
                (Some(refused), Some(broke)) if broke.0 < refused.0 => Some(broke),
                (refused, broke) => refused.or(broke),
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

    fn error(&self, broken: Broken) -> EngineError {
        EngineError::Head { layer: self.layer, head: self.head, broken }
    }

    /// Bytes of heap that its memory holds.
    pub fn heap_bytes(&self) -> usize {
        self.memory.heap_bytes()
    }
}
