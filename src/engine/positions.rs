//! A table from whole keys to the latest position written under them: what a
//! plan keeps of a keyed head. Values are read from the history at that position.
//!
//! Keys below [`PAGED`] live in pages of 256 positions, found by an index; whole numbers that
//! are small touch few pages, densely. All other keys are in a hash table. An ordered index of
//! all keys serves misses: the nearest key, and of two equally near the one written later
//! (`attention/nearest.rs`).
//!
//! Where the reference computes the head by a hull, whose keys are rounded, keys and queries must
//! stay within ±2^26, and which of two equally near keys wins is the rounding's affair: either is
//! a guard failure (lemma 15 of docs/plan.md).

use rustc_hash::FxHashMap;

use super::execute::GuardFailure;
use crate::attention::Keys;
use crate::plan::MAX_HULL_KEY;

const PAGE: usize = 256;

/// Keys from 0 to below this are found through the index of pages: the addresses of an input of 100
/// MB among them.
const PAGED: u64 = 1 << 27;

/// The latest position of every key.
#[derive(Clone, Debug)]
pub struct Positions {
    /// By key / 256: one more than the page's number, or 0.
    index: Vec<u32>,
    /// One more than the position, or 0.
    pages: Vec<[u32; PAGE]>,
    far: FxHashMap<i64, u32>,
    keys: Keys,
    /// Whether the reference computes the head by a hull.
    hull: bool,
    /// Keys from 0 to below this have pages: [`PAGED`], or beside a hull all that it tells apart.
    paged: u64,
}

impl Positions {
    /// With position 0 under key 0; `hull` where the reference computes the head by a hull.
    pub fn new(hull: bool) -> Positions {
        let mut page = [0; PAGE];
        page[0] = 1;
        let mut keys = Keys::default();
        keys.insert(0);
        let paged = if hull { MAX_HULL_KEY as u64 + 1 } else { PAGED };
        Positions {
            index: vec![1],
            pages: vec![page],
            far: FxHashMap::default(),
            keys,
            hull,
            paged,
        }
    }

    #[inline]
    fn get(&self, key: i64) -> Option<u32> {
        if (key as u64) < self.paged {
            let page = *self.index.get(key as usize / PAGE)?;
            let page = self.pages.get((page as usize).wrapping_sub(1))?;
            page[key as usize % PAGE].checked_sub(1)
        } else {
            self.far.get(&key).copied()
        }
    }

    /// Writes a position, later than all before, under a key.
    #[inline]
    pub fn insert(&mut self, key: i64, position: u32) -> Result<(), GuardFailure> {
        if (key as u64) < self.paged
            && let Some(&page) = self.index.get(key as usize / PAGE)
            && let Some(page) = self.pages.get_mut((page as usize).wrapping_sub(1))
        {
            let entry = &mut page[key as usize % PAGE];
            if std::mem::replace(entry, position + 1) == 0 {
                self.keys.insert(key);
            }
            Ok(())
        } else {
            self.insert_new(key, position)
        }
    }

    #[cold]
    fn insert_new(&mut self, key: i64, position: u32) -> Result<(), GuardFailure> {
        if key as u64 >= self.paged {
            if self.hull {
                return Err(GuardFailure::HullKey);
            }
            self.keys.insert(key);
            self.far.insert(key, position);
            return Ok(());
        }
        self.keys.insert(key);
        let at = key as usize / PAGE;
        if self.index.len() <= at {
            self.index.resize(at + 1, 0);
        }
        let mut page = [0; PAGE];
        page[key as usize % PAGE] = position + 1;
        self.pages.push(page);
        // At most one page for 256 of 2^27 keys.
        self.index[at] = self.pages.len() as u32;
        Ok(())
    }

    /// The nearest key and its position.
    #[inline]
    pub fn find(&self, key: i64) -> Result<(i64, u32), GuardFailure> {
        match self.get(key) {
            Some(position) => Ok((key, position)),
            None => self.nearest(key),
        }
    }

    #[cold]
    fn nearest(&self, wanted: i64) -> Result<(i64, u32), GuardFailure> {
        if self.hull && wanted.unsigned_abs() >= self.paged {
            return Err(GuardFailure::HullKey);
        }
        let position = |key| self.get(key).unwrap_or(0);
        match self.keys.nearest(wanted, position) {
            Some(nearest) if self.hull && nearest.is_tied => Err(GuardFailure::HullTie),
            Some(nearest) => Ok((nearest.key, position(nearest.key))),
            // Key 0 is always there.
            None => Ok((0, 0)),
        }
    }

    /// The key under which a position is the latest, if there is one.
    pub fn key_of(&self, position: u32) -> Option<i64> {
        self.keys.iter().find(|&key| self.get(key) == Some(position))
    }

    /// Bytes of heap held.
    pub fn heap_bytes(&self) -> usize {
        self.index.capacity() * 4
            + self.pages.capacity() * PAGE * 4
            + self.far.capacity() * 17
            + self.keys.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attention::{Keyed, Memory};
    use crate::model::TieBreak;
    use proptest::prelude::*;

    fn key() -> impl Strategy<Value = i64> {
        prop_oneof![0..20i64, 240..270i64, (PAGED as i64 - 3)..(PAGED as i64 + 3), Just(1 << 33)]
    }

    proptest! {
        #[test]
        fn positions_equal_a_keyed_memory(steps in prop::collection::vec((key(), key()), 1..60)) {
            let mut keyed = Keyed::new(TieBreak::Latest).unwrap();
            keyed.insert([0.0, 0.0], [0.0, 0.0]).unwrap();
            let mut positions = Positions::new(false);
            for (at, (write, ask)) in (1u32..).zip(steps) {
                let (n, position) = (write as f64, f64::from(at));
                keyed.insert([2.0 * n, -n * n], [n, position]).unwrap();
                positions.insert(write, at).unwrap();
                let expected = keyed.output([ask as f64, 1.0]).unwrap();
                let (key, position) = positions.find(ask).unwrap();
                prop_assert_eq!([key as f64, f64::from(position)], expected);
            }
        }
    }

    #[test]
    fn beside_a_hull_far_keys_and_ties_are_guard_failures() {
        let mut positions = Positions::new(true);
        positions.insert(8, 1).unwrap();
        positions.insert(MAX_HULL_KEY, 2).unwrap();
        assert_eq!(positions.insert(MAX_HULL_KEY + 1, 3), Err(GuardFailure::HullKey));
        assert_eq!(positions.find(MAX_HULL_KEY), Ok((MAX_HULL_KEY, 2)));
        assert_eq!(positions.find(MAX_HULL_KEY + 1), Err(GuardFailure::HullKey));
        assert_eq!(positions.find(-MAX_HULL_KEY), Ok((0, 0)));
        assert_eq!(positions.find(3), Ok((0, 0)));
        assert_eq!(positions.find(4), Err(GuardFailure::HullTie));
        assert_eq!(positions.find(5), Ok((8, 1)));
    }
}
