//! A table from whole keys to the latest position written under them: what a
//! plan keeps of a keyed head. Values are read from the history at that position.
//!
//! Keys below [`PAGED`] live in pages of 256 positions, found by an index; whole numbers that
//! are small touch few pages, densely. All other keys, negative ones too, are in a hash table. An ordered
//! index of all keys serves misses: the nearest key, and of two equally near the one written later
//! (`attention/nearest.rs`).
//!
//! Where the reference computes the head by a hull, whose keys are rounded, keys and queries must
//! stay within ±2^26, but for keys beyond ±2^27, which no such query can find; anything else is a guard
//! failure (lemma 15 of docs/plan.md). So it is where rounding could outweigh the recency (`hull_keys.rs`).

use rustc_hash::FxHashMap;

use super::execute::GuardFailure;
use super::hull_keys::HullKeys;
use crate::attention::{Keys, Nearest};
use crate::plan::{Hull, MAX_HULL_KEY};

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
    /// Keys from 0 to below this have pages: [`PAGED`], or beside a hull all that it tells apart.
    paged: u64,
    /// Where the reference computes the head by a hull, how that orders its keys.
    hull: Option<HullKeys>,
}

impl Positions {
    /// With position 0 under key 0, and how the hull orders keys where one serves in the reference.
    pub fn new(hull: Option<&Hull>) -> Positions {
        let mut page = [0; PAGE];
        page[0] = 1;
        let mut keys = Keys::default();
        keys.insert(0);
        let paged = if hull.is_some() { MAX_HULL_KEY as u64 + 1 } else { PAGED };
        Positions {
            index: vec![1],
            pages: vec![page],
            far: FxHashMap::default(),
            keys,
            paged,
            hull: hull.map(HullKeys::new),
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

    /// Writes a position, later than all before, under a key that is off by at most so many times
    /// 2^-53.
    #[inline]
    pub fn insert_inexact(
        &mut self,
        key: i64,
        steps: i64,
        position: u32,
    ) -> Result<(), GuardFailure> {
        if key.unsigned_abs() >= self.paged {
            HullKeys::check_far(steps)?;
            return self.insert_new(key, position);
        }
        let before = self.get(key);
        if let Some(hull) = &mut self.hull {
            hull.insert(key, steps, position, before)?;
        }
        self.insert(key, position)
    }

    #[cold]
    fn insert_new(&mut self, key: i64, position: u32) -> Result<(), GuardFailure> {
        if self.hull.is_some() && key.unsigned_abs() >= self.paged {
            return if key.unsigned_abs() > 2 * MAX_HULL_KEY.unsigned_abs() {
                Ok(())
            } else {
                Err(GuardFailure::HullKey)
            };
        }
        if key as u64 >= self.paged {
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

    /// The nearest key and its position. Beside a hull the query may be off by so many times 2^-53.
    #[inline]
    pub fn find(&self, key: i64, steps: i64) -> Result<(i64, u32), GuardFailure> {
        match self.get(key) {
            Some(position) => Ok((key, position)),
            None => self.nearest(key, steps),
        }
    }

    #[cold]
    fn nearest(&self, wanted: i64, steps: i64) -> Result<(i64, u32), GuardFailure> {
        if self.hull.is_some() && wanted.unsigned_abs() >= self.paged {
            return Err(GuardFailure::HullKey);
        }
        let position = |key| self.get(key).unwrap_or(0);
        // Key 0 is always there.
        let Some(Nearest { key, is_tied }) = self.keys.nearest(wanted, position) else {
            return Ok((0, 0));
        };
        let found = (key, position(key));
        if let Some(hull) = &self.hull {
            let other = if is_tied { 2 * wanted - key } else { key };
            if !hull.reaches(key, wanted) || !hull.reaches(other, wanted) {
                return Err(GuardFailure::InexactKey);
            }
            if is_tied && !hull.is_decided([found, (other, position(other))], steps) {
                return Err(GuardFailure::HullTie);
            }
        }
        Ok(found)
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
            + self.hull.as_ref().map_or(0, HullKeys::heap_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attention::{Keyed, Memory};
    use crate::model::TieBreak;
    use proptest::prelude::*;

    fn key() -> impl Strategy<Value = i64> {
        prop_oneof![-9..20i64, 240..270i64, (PAGED as i64 - 3)..(PAGED as i64 + 3), Just(1 << 33)]
    }

    proptest! {
        #[test]
        fn positions_equal_a_keyed_memory(steps in prop::collection::vec((key(), key()), 1..60)) {
            let mut keyed = Keyed::new(TieBreak::Latest).unwrap();
            keyed.insert([0.0, 0.0], [0.0, 0.0]).unwrap();
            let mut positions = Positions::new(None);
            for (at, (write, ask)) in (1u32..).zip(steps) {
                let (n, position) = (write as f64, f64::from(at));
                keyed.insert([2.0 * n, -n * n], [n, position]).unwrap();
                positions.insert(write, at).unwrap();
                let expected = keyed.output([ask as f64, 1.0]).unwrap();
                let (key, position) = positions.find(ask, 0).unwrap();
                prop_assert_eq!([key as f64, f64::from(position)], expected);
            }
        }
    }

    #[test]
    fn beside_a_hull_far_keys_and_undecided_ties_are_guard_failures() {
        let hull = Hull { recency: 0.3, steps: None, is_one_number: true };
        let mut positions = Positions::new(Some(&hull));
        positions.insert(8, 1).unwrap();
        positions.insert(MAX_HULL_KEY, 2).unwrap();
        assert_eq!(positions.insert(MAX_HULL_KEY + 1, 3), Err(GuardFailure::HullKey));
        assert_eq!(positions.find(MAX_HULL_KEY, 8), Ok((MAX_HULL_KEY, 2)));
        assert_eq!(positions.insert(-MAX_HULL_KEY - 1, 3), Err(GuardFailure::HullKey));
        for end in [2 * MAX_HULL_KEY, -2 * MAX_HULL_KEY] {
            assert_eq!(positions.insert(end, 3), Err(GuardFailure::HullKey));
            positions.insert(end + end.signum(), 3).unwrap();
        }
        assert_eq!(positions.find(MAX_HULL_KEY + 1, 8), Err(GuardFailure::HullKey));
        assert_eq!(positions.find(-MAX_HULL_KEY, 8), Ok((0, 0)));
        assert_eq!(positions.find(3, 8), Ok((0, 0)));
        assert_eq!(positions.find(4, 8), Ok((8, 1)));
        assert_eq!(positions.find(4, 1 << 48), Err(GuardFailure::HullTie));
        assert_eq!(positions.find(5, 8), Ok((8, 1)));
        positions.insert(-MAX_HULL_KEY, 3).unwrap();
        assert_eq!(positions.find(-MAX_HULL_KEY, 8), Ok((-MAX_HULL_KEY, 3)));
    }
}
