//! The key nearest to one under which nothing was written.
//!
//! Tables from whole keys to what was written last serve a hit from a table of their own. A miss
//! needs the order of the keys: the nearest, and of two equally near the one written later, as the
//! recency of keys on the parabola decides it (`recency.rs`).

use std::collections::BTreeMap;

/// All keys of a table, in order. They change only when a key is new. Keys of a program are mostly
/// neighbours, addresses among them: so those that share all but their lowest six bits are one entry,
/// with a bit for each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys(BTreeMap<i64, u64>);

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
        *self.0.entry(key >> 6).or_default() |= 1 << (key & 63);
    }

    /// The key nearest to one that is not there, if there is any. `written` tells the position at
    /// which a key was written last; no two have the same.
    pub(crate) fn nearest(&self, wanted: i64, written: impl Fn(i64) -> u32) -> Option<Nearest> {
        let (below, above) = (self.below(wanted), self.from(wanted));
        let (Some(low), Some(high)) = (below, above) else {
            return below.or(above).map(|key| Nearest { key, is_tied: false });
        };
        let (down, up) = (low.abs_diff(wanted), high.abs_diff(wanted));
        let is_high = up < down || (up == down && written(high) > written(low));
        Some(Nearest { key: if is_high { high } else { low }, is_tied: up == down })
    }

    /// The greatest key below this one.
    fn below(&self, key: i64) -> Option<i64> {
        let highest = |(high, bits): (i64, u64)| high << 6 | i64::from(63 - bits.leading_zeros());
        let (high, lower) = (key >> 6, (1u64 << (key & 63)) - 1);
        let beside = self.0.get(&high).map(|bits| (high, bits & lower)).filter(|it| it.1 != 0);
        beside
            .or_else(|| self.0.range(..high).next_back().map(|(&h, &bits)| (h, bits)))
            .map(highest)
    }

    /// The least key from this one on.
    fn from(&self, key: i64) -> Option<i64> {
        let lowest = |(high, bits): (i64, u64)| high << 6 | i64::from(bits.trailing_zeros());
        let (high, upper) = (key >> 6, u64::MAX << (key & 63));
        let beside = self.0.get(&high).map(|bits| (high, bits & upper)).filter(|it| it.1 != 0);
        let after = || self.0.range(high + 1..).next().map(|(&h, &bits)| (h, bits));
        beside.or_else(after).map(lowest)
    }

    /// All keys, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = i64> {
        self.0.iter().flat_map(|(&high, &bits)| {
            (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| high << 6 | bit)
        })
    }

    /// Bytes of heap held: a tree's nodes are two thirds full on average.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.0.len() * size_of::<(i64, u64)>() * 3 / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_found_in_order_wherever_they_lie() {
        let mut random = fastrand::Rng::with_seed(5);
        for _ in 0..200 {
            let span = [3, 70, 1000, i64::MAX / 2][random.usize(..4)];
            let set: std::collections::BTreeSet<i64> =
                (0..random.usize(1..40)).map(|_| random.i64(-span..=span)).collect();
            let mut keys = Keys::default();
            set.iter().for_each(|&key| keys.insert(key));
            assert!(keys.iter().eq(set.iter().copied()));
            for _ in 0..50 {
                let wanted = random.i64(-span..=span);
                assert_eq!(keys.below(wanted), set.range(..wanted).next_back().copied());
                assert_eq!(keys.from(wanted), set.range(wanted..).next().copied());
            }
        }
    }

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
