//! A table from whole keys to the latest position written under them: what a
//! plan keeps of a keyed head. Values are read from the history at that position.
//!
//! Keys below [`NEAR`] live in pages of 256 positions, found by an index; stack, locals
//! and memory of a program touch few pages, densely. All other keys are in a hash
//! table. An ordered index of all keys answers misses: the nearest key, and of two
//! equally near the one written later, as `attention/keyed.rs` does. It changes only when a
//! key is new.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

const PAGE: usize = 256;

/// Keys below this are found through the index of pages.
const NEAR: u64 = 1 << 26;

/// The latest position of every key.
#[derive(Clone, Debug)]
pub struct Positions {
    /// By key / 256: one more than the page's number, or 0.
    index: Vec<u32>,
    /// One more than the position, or 0.
    pages: Vec<[u32; PAGE]>,
    far: FxHashMap<i64, u32>,
    keys: BTreeSet<i64>,
}

impl Positions {
    /// With position 0 under key 0.
    pub fn new() -> Positions {
        let mut positions = Positions {
            index: Vec::new(),
            pages: Vec::new(),
            far: FxHashMap::default(),
            keys: BTreeSet::new(),
        };
        positions.insert(0, 0);
        positions
    }

    #[inline]
    fn get(&self, key: i64) -> Option<u32> {
        if (key as u64) < NEAR {
            let page = *self.index.get(key as usize / PAGE)?;
            let page = self.pages.get((page as usize).wrapping_sub(1))?;
            page[key as usize % PAGE].checked_sub(1)
        } else {
            self.far.get(&key).copied()
        }
    }

    /// Writes a position, later than all before, under a key.
    #[inline]
    pub fn insert(&mut self, key: i64, position: u32) {
        if (key as u64) < NEAR
            && let Some(&page) = self.index.get(key as usize / PAGE)
            && let Some(page) = self.pages.get_mut((page as usize).wrapping_sub(1))
        {
            let entry = &mut page[key as usize % PAGE];
            if std::mem::replace(entry, position + 1) != 0 {
                return;
            }
            self.keys.insert(key);
        } else {
            self.insert_new(key, position);
        }
    }

    #[cold]
    fn insert_new(&mut self, key: i64, position: u32) {
        self.keys.insert(key);
        if key as u64 >= NEAR {
            self.far.insert(key, position);
            return;
        }
        let at = key as usize / PAGE;
        if self.index.len() <= at {
            self.index.resize(at + 1, 0);
        }
        let mut page = [0; PAGE];
        page[key as usize % PAGE] = position + 1;
        self.pages.push(page);
        // At most one page for 256 of 2^26 keys.
        self.index[at] = self.pages.len() as u32;
    }

    /// The nearest key and its position.
    #[inline]
    pub fn find(&self, key: i64) -> (i64, u32) {
        match self.get(key) {
            Some(position) => (key, position),
            None => self.nearest(key),
        }
    }

    #[cold]
    fn nearest(&self, wanted: i64) -> (i64, u32) {
        let with_position = |&key: &i64| self.get(key).map(|position| (key, position));
        let below = self.keys.range(..wanted).next_back().and_then(with_position);
        let above = self.keys.range(wanted..).next().and_then(with_position);
        match (below, above) {
            (Some(below), Some(above)) => {
                let (down, up) = (below.0.abs_diff(wanted), above.0.abs_diff(wanted));
                if up < down || (up == down && above.1 > below.1) { above } else { below }
            }
            // Key 0 is always there.
            (below, above) => below.or(above).unwrap_or((0, 0)),
        }
    }

    /// Bytes of heap held.
    pub fn heap_bytes(&self) -> usize {
        self.index.capacity() * 4
            + self.pages.capacity() * PAGE * 4
            + self.far.capacity() * 17
            + self.keys.len() * 12
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attention::{Keyed, Memory};
    use crate::model::TieBreak;
    use proptest::prelude::*;

    fn key() -> impl Strategy<Value = i64> {
        prop_oneof![0..20i64, 240..270i64, (NEAR as i64 - 3)..(NEAR as i64 + 3), Just(1 << 33)]
    }

    proptest! {
        #[test]
        fn positions_equal_a_keyed_memory(steps in prop::collection::vec((key(), key()), 1..60)) {
            let mut keyed = Keyed::new(TieBreak::Latest).unwrap();
            keyed.insert([0.0, 0.0], [0.0, 0.0]).unwrap();
            let mut positions = Positions::new();
            for (at, (write, ask)) in (1u32..).zip(steps) {
                let (n, position) = (write as f64, f64::from(at));
                keyed.insert([2.0 * n, -n * n], [n, position]).unwrap();
                positions.insert(write, at);
                let expected = keyed.answer([ask as f64, 1.0]).unwrap();
                let (key, position) = positions.find(ask);
                prop_assert_eq!([key as f64, f64::from(position)], expected);
            }
        }
    }
}
