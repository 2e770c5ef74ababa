//! A head with a memory of its own: of the kind that presumes nothing, or computed in a way
//! that does not ask for kinds.

use super::{At, Fault, pair};
use crate::attention::{Memory, Steps};
use crate::engine::EngineError;
use crate::engine::guard::Guard;
use crate::engine::verify::chunk::Row;

/// A head that shares nothing with others.
pub struct SingleHead {
    head: usize,
    /// Rows of the projection: queries, keys and values.
    parts: [[usize; 2]; 3],
    /// The first of its two rows of the outputs.
    output: usize,
    memory: Box<dyn Memory>,
    guard: Option<Guard>,
}

impl SingleHead {
    pub fn new(
        head: usize,
        parts: [[usize; 2]; 3],
        output: usize,
        memory: Box<dyn Memory>,
        guard: Option<Guard>,
    ) -> SingleHead {
        SingleHead { head, parts, output, memory, guard }
    }

    /// Takes the positions of a chunk.
    pub fn advance(
        &mut self,
        at: &At<'_>,
        projected: &[Row],
        outputs: &mut [Row],
    ) -> Option<Fault> {
        let [queries, keys, values] = self.parts.map(|rows| pair(projected, rows, at.len));
        let steps = Steps { queries, keys, values };
        let refused = self.guarded(at, keys);
        let (first, second) = outputs[self.output..].split_at_mut(1);
        let room = [&mut first[0][..at.len], &mut second[0][..at.len]];
        let violated = self.memory.advance(steps, room).err();
        let violated = violated.map(|violated| at.fault(self.head, violated));
        // At one position the guard comes first, as in the reference.
        match (refused, violated) {
            (Some(refused), Some(violated)) if violated.place < refused.place => Some(violated),
            (refused, violated) => refused.or(violated),
        }
    }

    /// The first key that this attention cannot be exact for.
    fn guarded(&self, at: &At<'_>, keys: [&[f64]; 2]) -> Option<Fault> {
        let guard = self.guard?;
        (0..at.len).find_map(|place| {
            let key = [keys[0][place], keys[1][place]];
            let checked = guard.check(at.layer, self.head, at.position + place as u64, key);
            let fault = |error: EngineError| Fault { place, head: self.head, error };
            checked.err().map(fault)
        })
    }

    /// Bytes of heap that its memory holds.
    pub fn heap_bytes(&self) -> usize {
        self.memory.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use pulp::Arch;

    use super::*;
    use crate::attention::{History, Violation};
    use crate::engine::Attention;
    use crate::engine::verify::chunk::CHUNK;
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

    /// Takes eight positions from 100 on. The key of one is beyond what a hull is
    /// exact for, that of another is refused by the memory.
    fn advanced(beyond: usize, refused: usize) -> (Option<Fault>, Vec<Row>) {
        let mut projected = vec![[0.0; CHUNK]; 6];
        if beyond < 8 {
            projected[2][beyond] = 2.0 * (67_108_864.0 + 1.0);
        }
        let guard = Guard::new(HeadKind::Keyed, Attention::Hull);
        let memory = Box::new(Refuses { at: refused, inserted: 0 });
        let mut head = SingleHead::new(3, [[0, 1], [2, 3], [4, 5]], 0, memory, guard);
        assert_eq!(head.heap_bytes(), 77);
        let mut outputs = vec![[9.0; CHUNK]; 2];
        let history = History::default();
        let arch = Arch::new();
        let at = At { layer: 2, arch, position: 100, len: 8, tokens: &[], history: &history };
        (head.advance(&at, &projected, &mut outputs), outputs)
    }

    #[test]
    fn the_first_fault_counts_and_at_one_position_that_of_the_guard() {
        let never = usize::MAX;
        for (beyond, refused, at) in
            [(1, 3, 1), (3, 1, 1), (6, 7, 6), (7, 6, 6), (2, 2, 2), (5, 5, 5), (5, never, 5)]
        {
            let (fault, outputs) = advanced(beyond, refused);
            let Fault { place, error, .. } = fault.unwrap();
            assert_eq!(place, at, "{beyond} {refused}");
            match error {
                EngineError::Inexact { layer: 2, head: 3, position, .. } => {
                    assert!(beyond <= refused);
                    assert_eq!(position, 100 + at as u64);
                }
                EngineError::Head { layer: 2, head: 3, .. } => assert!(refused < beyond),
                other => panic!("{other}"),
            }
            // What comes before keeps its outputs.
            for (place, (first, second)) in outputs[0].iter().zip(&outputs[1]).enumerate().take(at)
            {
                let output = place as f64 + 1.0;
                assert_eq!([*first, *second], [output, -output]);
            }
        }
        assert_eq!(advanced(never, never).0, None);
        let last = advanced(never, 4).0;
        assert!(matches!(last, Some(Fault { place: 4, error: EngineError::Head { .. }, .. })));
    }
}
