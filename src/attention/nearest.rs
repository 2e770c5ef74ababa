//! The key nearest to one under which nothing was written.
//!
//! Tables from whole keys to what was written last serve a hit from a table of their own. A miss
//! needs the order of the keys: the nearest, and of two equally near the one written later, as the
//! recency of keys on the parabola decides it (`recency.rs`).

use std::collections::BTreeSet;

/// All keys of a table, in order. They change only when a key is new.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys(BTreeSet<i64>);

/// What is nearest to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nearest {
    /// The nearest key; of two equally near, the one written later.
    pub key: i64,
    /// Whether there are two.
    pub is_tied: bool,
}

impl Keys {
    /// Adds a key, if it is new.
    pub(crate) fn insert(&mut self, key: i64) {
        self.0.insert(key);
    }

    /// The key nearest to one that is not there, if there is any. `written` tells the position at
    /// which a key was written last; no two have the same.
    pub(crate) fn nearest(&self, wanted: i64, written: impl Fn(i64) -> u32) -> Option<Nearest> {
        let below = self.0.range(..wanted).next_back().copied();
        let above = self.0.range(wanted..).next().copied();
        let (Some(low), Some(high)) = (below, above) else {
            return below.or(above).map(|key| Nearest { key, is_tied: false });
        };
        let (down, up) = (low.abs_diff(wanted), high.abs_diff(wanted));
        let is_high = up < down || (up == down && written(high) > written(low));
        Some(Nearest { key: if is_high { high } else { low }, is_tied: up == down })
    }

    /// All keys, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = i64> {
        self.0.iter().copied()
    }

    /// Bytes of heap held: a tree's nodes are two thirds full on average.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.0.len() * size_of::<i64>() * 3 / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_wins_and_of_two_the_later_written() {
        let mut keys = Keys::default();
        assert_eq!(keys.nearest(5, |_| 0), None);
        for key in [2, 8, i64::MIN] {
            keys.insert(key);
        }
        let nearest = |key, is_tied| Some(Nearest { key, is_tied });
        assert_eq!(keys.nearest(4, |_| 0), nearest(2, false));
        assert_eq!(keys.nearest(6, |_| 0), nearest(8, false));
        assert_eq!(keys.nearest(5, |key| key as u32), nearest(8, true));
        assert_eq!(keys.nearest(5, |key| 8 - key as u32), nearest(2, true));
        assert_eq!(keys.nearest(i64::MAX, |_| 0), nearest(8, false));
        assert_eq!(keys.nearest(i64::MIN + 1, |_| 0), nearest(i64::MIN, false));
    }
}
