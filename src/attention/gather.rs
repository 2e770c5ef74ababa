//! The query names a position: look it up.
//!
//! With keys (2s, -s² + ε) and q = qx/qy the score over qy is q² - (s - q)² + ε.
//! Missing a whole q by one costs at least 1, more than ε < 1 can give back, so
//! the winner is s = round(q), clamped to 0..=t. Half-way between two positions
//! both tie under average, where ε must be 0, and the later wins under latest,
//! where ε never shrinks. Whether q *is* half-way is decided exactly: the
//! remainder of a division, qx - q·qy, is itself an f64.

use std::sync::Arc;

use super::admission::Admission;
use super::history::History;
use super::recency::Recency;
use super::tied::Tied;
use super::values::Values;
use super::{Memory, Violation};
use crate::model::{HeadKind, TieBreak};

const KIND: HeadKind = HeadKind::Gather;

/// All values, in order.
#[derive(Clone, Debug)]
pub struct Gather {
    tie: TieBreak,
    admission: Admission,
    recency: Recency,
    values: Values,
}

impl Gather {
    /// A memory of no position.
    pub fn new(tie: TieBreak) -> Self {
        Self {
            tie,
            admission: Admission::new(),
            recency: Recency::default(),
            values: Values::new(),
        }
    }

    /// The same, next to a list that has the token of every position before it is inserted: values
    /// that depend on it alone take no room.
    pub(crate) fn along(tie: TieBreak, history: Arc<History>) -> Self {
        Self { values: Values::along(history), ..Self::new(tie) }
    }

    /// Whether this is the key of its position, and the recency after it.
    #[inline]
    fn check(&self, position: u32, key: [f64; 2]) -> Result<Recency, Violation> {
        let s = f64::from(position);
        if key[0] != 2.0 * s {
            return Err(Violation::NotThisPosition { position, key });
        }
        let found = key[1] + s * s;
        match self.tie {
            // s² of a whole s is rounded at most once, here and by the builder alike.
            TieBreak::Average if found == 0.0 => Ok(self.recency),
            TieBreak::Average => {
                Err(Violation::OffParabola { kind: KIND, position, key, by: found })
            }
            TieBreak::Latest => {
                let slack = Recency::slack(s, 0.0);
                self.recency.after(KIND, position, key, (found, slack))
            }
        }
    }
}

/// The positions in 0..=latest nearest to qx/qy, for qy > 0: one, or two when it is half-way.
#[inline]
fn nearest([qx, qy]: [f64; 2], latest: u32) -> (u32, u32) {
    let q = qx / qy;
    if q <= 0.0 {
        return (0, 0);
    }
    if q >= f64::from(latest) {
        return (latest, latest);
    }
    // The cast truncates: below <= q < below + 1 <= latest.
    let below = q as u32;
    let half = match q - f64::from(below) {
        part if part != 0.5 => part - 0.5,
        _ => (-q).mul_add(qy, qx),
    };
    if half < 0.0 {
        (below, below)
    } else if half > 0.0 {
        (below + 1, below + 1)
    } else {
        (below, below + 1)
    }
}

impl Memory for Gather {
    fn insert(&mut self, key: [f64; 2], value: [f64; 2]) -> Result<(), Violation> {
        let position = self.admission.check_key(key)?;
        self.recency = self.check(position, key)?;
        self.values.push(value);
        self.admission.admit();
        Ok(())
    }

    fn output(&mut self, query: [f64; 2]) -> Result<[f64; 2], Violation> {
        let latest = self.admission.check_query(query)?;
        if latest == 0 {
            return Ok(self.values.at(0));
        }
        if query[1] <= 0.0 {
            return Err(Violation::Direction { kind: KIND, position: latest, query });
        }
        let (low, high) = nearest(query, latest);
        let later = self.values.at(high);
        if low == high || self.tie == TieBreak::Latest {
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
    fn keys_hold_their_form_at_two_to_the_31() {
        for epsilon in [0.0, 0.4] {
            for position in [0, 1, 1000, (1 << 26) + 3, (1 << 31) - 1] {
                let s = f64::from(position);
                let memory = Gather::new(TieBreak::Latest);
                assert!(memory.check(position, [2.0 * s, -s * s + epsilon]).is_ok());
                let far = -s * s * (1.0 + 1e-14) - 1.0;
                assert!(memory.check(position, [2.0 * s, far]).is_err());
            }
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
