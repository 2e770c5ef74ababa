//! The query names a position: look it up.
//!
//! Which positions win is said in `own_keys.rs`.

use super::own_keys::OwnKeys;
use super::tied::Tied;
use super::values::Values;
use super::{Memory, Violation};
use crate::model::TieBreak;

/// All values, in order.
#[derive(Clone, Debug)]
pub struct Gather {
    tie: TieBreak,
    keys: OwnKeys,
    values: Values,
}

impl Gather {
    /// A memory of no position.
    pub fn new(tie: TieBreak) -> Self {
        Self { tie, keys: OwnKeys::new(tie), values: Values::default() }
    }
}

impl Memory for Gather {
    fn insert(&mut self, key: [f64; 2], value: [f64; 2]) -> Result<(), Violation> {
        self.keys.insert(key)?;
        self.values.push(value);
        Ok(())
    }

    fn output(&mut self, query: [f64; 2]) -> Result<[f64; 2], Violation> {
        let (low, high) = self.keys.winners(query)?;
        let later = self.values.at(high);
        if low == high {
            return Ok(later);
        }
        let mut both = Tied::one(self.tie, low, self.values.at(low));
        both.merge(self.tie, Tied::one(self.tie, high, later));
        Ok(both.output(self.tie))
    }

    fn heap_bytes(&self) -> usize {
        self.values.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HeadKind;

    const KIND: HeadKind = HeadKind::Gather;

    fn filled(tie: TieBreak, n: u32) -> Gather {
        let mut memory = Gather::new(tie);
        for s in (0..n).map(f64::from) {
            assert_eq!(memory.insert([2.0 * s, -s * s], [s, -s]), Ok(()));
        }
        memory
    }

    #[test]
    fn the_query_names_a_position_and_is_clamped_to_those_there_are() {
        let mut memory = filled(TieBreak::Latest, 10);
        for (q, s) in [(0., 0.), (3., 3.), (3.4, 3.), (3.6, 4.), (-7., 0.), (9.2, 9.), (1e99, 9.)] {
            for scale in [1.0, 1e10 * std::f64::consts::SQRT_2] {
                assert_eq!(memory.output([q * scale, scale]), Ok([s, -s]), "{q}");
            }
        }
    }

    #[test]
    fn half_way_gives_both_or_the_later_and_only_if_it_is_exact() {
        for (tie, s) in [(TieBreak::Average, 3.5), (TieBreak::Latest, 4.0)] {
            let mut memory = filled(tie, 10);
            assert_eq!(memory.output([7., 2.]), Ok([s, -s]));
            // These quotients round to 3.5 but are not.
            let qy = 1.0f64.next_up().next_up();
            let (below, beyond) = ((3.5 * qy).next_down(), 3.5 * qy);
            assert_eq!((below / qy, beyond / qy), (3.5, 3.5));
            assert_eq!(memory.output([below, qy]), Ok([3., -3.]));
            assert_eq!(memory.output([beyond, qy]), Ok([4., -4.]));
            assert_eq!(memory.output([9.5, 1.]), Ok([9., -9.]));
            assert_eq!(memory.output([-0.5, 1.]), Ok([0., 0.]));
        }
    }

    #[test]
    fn keys_of_other_positions_or_off_the_parabola_are_refused() {
        let mut memory = filled(TieBreak::Latest, 3);
        let refused = Violation::NotThisPosition { position: 3, key: [4., -4.] };
        assert_eq!(memory.insert([4., -4.], [0., 0.]), Err(refused));
        let refused = Violation::OffParabola { kind: KIND, position: 3, key: [6., -7.5], by: 1.5 };
        assert_eq!(memory.insert([6., -7.5], [0., 0.]), Err(refused));
        assert_eq!(memory.insert([6., -8.5], [0., 0.]), Ok(()));
        let refused = memory.insert([8., -15.75], [0., 0.]);
        assert!(matches!(refused, Err(Violation::Recency { position: 4, .. })));

        let mut memory = filled(TieBreak::Average, 3);
        let refused = Violation::OffParabola { kind: KIND, position: 3, key: [6., -8.5], by: 0.5 };
        assert_eq!(memory.insert([6., -8.5], [0., 0.]), Err(refused));
    }

    #[test]
    fn a_query_must_look_up_but_at_position_0() {
        let mut memory = filled(TieBreak::Average, 1);
        assert_eq!(memory.output([0., -1.]), Ok([0., 0.]));
        let mut memory = filled(TieBreak::Average, 2);
        let refused = Violation::Direction { kind: KIND, position: 1, query: [1., 0.] };
        assert_eq!(memory.output([1., 0.]), Err(refused));
    }
}
