//! What a set of tied positions gives, without the positions.
//!
//! Under *average* a set is its sum and its count; under *latest* it is the
//! value of its greatest position. Either way two sets with no position in
//! common merge in any order to the set of both, in 20 bytes. (Sums are f64:
//! any order gives the same sum when values are whole.)

use crate::model::TieBreak;

/// A non-empty set of positions with equal scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tied {
    /// The sum of the values, or the latest value.
    pub(super) value: [f64; 2],
    /// How many positions, or the latest one.
    pub(super) mark: u32,
}

impl Tied {
    /// The set of one position.
    #[inline]
    pub(super) fn one(tie: TieBreak, position: u32, value: [f64; 2]) -> Self {
        let mark = match tie {
            TieBreak::Average => 1,
            TieBreak::Latest => position,
        };
        Self { value, mark }
    }

    /// The union with a set that shares no position with this one.
    #[inline]
    pub(super) fn merge(&mut self, tie: TieBreak, other: Self) {
        match tie {
            TieBreak::Average => {
                self.value[0] += other.value[0];
                self.value[1] += other.value[1];
                self.mark += other.mark;
            }
            TieBreak::Latest if other.mark > self.mark => *self = other,
            TieBreak::Latest => {}
        }
    }

    /// What the set gives as winners.
    #[inline]
    pub(super) fn output(self, tie: TieBreak) -> [f64; 2] {
        match tie {
            TieBreak::Average => self.value.map(|sum| sum / f64::from(self.mark)),
            TieBreak::Latest => self.value,
        }
    }
}

/// The union of two sets either of which may be empty.
pub(super) fn union(tie: TieBreak, a: Option<Tied>, b: Option<Tied>) -> Option<Tied> {
    match (a, b) {
        (Some(mut a), Some(b)) => {
            a.merge(tie, b);
            Some(a)
        }
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(tie: TieBreak, order: [u32; 3]) -> [f64; 2] {
        order
            .map(|s| Some(Tied::one(tie, s, [f64::from(s), 1.0])))
            .into_iter()
            .fold(None, |a, b| union(tie, a, b))
            .map(|set| set.output(tie))
            .unwrap_or_default()
    }

    #[test]
    fn merging_gives_the_same_in_any_order() {
        for order in [[0, 1, 5], [0, 5, 1], [5, 1, 0], [1, 5, 0]] {
            assert_eq!(merged(TieBreak::Average, order), [2.0, 1.0]);
            assert_eq!(merged(TieBreak::Latest, order), [5.0, 1.0]);
        }
    }
}
