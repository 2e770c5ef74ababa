//! Whole keys that are written again and again, as heads of kind keyed have them: which write wins.
//!
//! With keys (2n, -n² + ε) the score over qy is q² - (n - q)² + ε, so for a whole
//! q = qx/qy the nearest n wins, missing by one more costs at least 1 > ε, and
//! among equals the greatest ε, that is the latest. A *dead* token's key lies
//! at least 1e29 lower: it loses against every live one.
//!
//! - *hit*: a live token has n = q: one look into a table.
//! - *miss*: the nearest live key on either side, in an ordered index; of two
//!   equally near the one written later (`nearest.rs`).
//! - *no live key at all*: dead keys compete among themselves, with what f64 has left
//!   of their form; only a hull knows. It is kept until the first live key.
//!
//! n and q *stand for* whole numbers: they may come out of a prefix sum, which
//! is a rounded average times a position, and q is a quotient of scaled
//! numbers. Both are taken as the nearest whole number if they are within
//! [`MAX_OFF`] of it, or within four units in the last place. So outputs are exact to 2^53 as long
//! as the pair still tells its whole number: a query scaled by anything but a
//! power of two does so up to about 2^50.
//!
//! Values do not come into it: each live key has an *entry*, a number counted from 0, under which
//! whoever keeps values finds the latest. So heads with the same keys share one table.

use rustc_hash::FxHashMap;

use super::admission::{Admission, is_within};
use super::hull::Hull;
use super::nearest::Keys;
use super::recency::Recency;
use super::{Memory, Part, Violation};
use crate::model::{HeadKind, TieBreak};

const KIND: HeadKind = HeadKind::Keyed;

/// How far a number may be from the whole one it stands for. Rounding leaves
/// 1e-9 at most at addresses of 32 bits; a number further off was not meant as whole.
const MAX_OFF: f64 = 1e-6;

/// Up to here every whole number is an f64.
const MAX_WHOLE: f64 = (1u64 << f64::MANTISSA_DIGITS) as f64;

/// Below this, y + n² says that the token was cleared: C is at least 1e29, and
/// rounding of n² ≤ 2^106 disturbs no more than 2^54.
const DEAD: f64 = -1e28;

/// Keys from 0 to below this have their entries side by side: one look, without a hash.
const SMALL: i64 = 1 << 16;

/// Of a small key that is not live.
const NO_ENTRY: u32 = u32::MAX;

/// The latest write of every live key.
#[derive(Clone, Debug)]
pub(crate) struct KeyTable {
    admission: Admission,
    recency: Recency,
    /// Entries of small keys, as far as there are any.
    small: Vec<u32>,
    entries: FxHashMap<i64, u32>,
    /// By entry, where its key was written last.
    positions: Vec<u32>,
    live: Keys,
    /// All positions so far, as long as no key is live.
    dead: Option<Box<Hull>>,
}

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Under this entry.
    Live(u32),
    /// At this position, and no key has been live so far.
    Dead(u32),
}

impl KeyTable {
    /// Without a key. Only [`TieBreak::Latest`] gives the latest.
    pub(crate) fn new(tie: TieBreak) -> Result<Self, Violation> {
        match tie {
            TieBreak::Average => Err(Violation::UnfitTieBreak { kind: KIND, tie }),
            TieBreak::Latest => Ok(Self {
                admission: Admission::new(),
                recency: Recency::default(),
                small: Vec::new(),
                entries: FxHashMap::default(),
                positions: Vec::new(),
                live: Keys::default(),
                dead: Some(Box::new(Hull::new(tie))),
            }),
        }
    }

    /// Takes the key of the next position. Says where its value goes, if that is anywhere.
    #[inline]
    pub(crate) fn insert(&mut self, key: [f64; 2]) -> Result<Option<Place>, Violation> {
        let position = self.admission.check_key(key)?;
        let number = key[0] / 2.0;
        let n = whole(number).filter(|n| n.abs() <= MAX_WHOLE).ok_or(Violation::NotWhole {
            part: Part::Key,
            position,
            pair: key,
            number,
        })?;
        let found = key[1] + n * n;
        let place = if found < DEAD {
            match &mut self.dead {
                Some(hull) => {
                    hull.insert(key, [f64::from(position), 0.0])?;
                    Some(Place::Dead(position))
                }
                None => None,
            }
        } else {
            let slack = Recency::slack(n, number - n);
            self.recency = self.recency.after(KIND, position, key, (found, slack))?;
            Some(Place::Live(self.write(n as i64, position)))
        };
        self.admission.admit();
        Ok(place)
    }

    /// Whether a key is live, and there is room for 2^16 positions more.
    pub(crate) fn is_live(&self) -> bool {
        self.dead.is_none() && self.admission.count() < Admission::MAX_POSITIONS - (1 << 16)
    }

    /// [`KeyTable::insert`] of a plain key, once a key is live. Gives the entry of one that is live.
    #[inline]
    pub(crate) fn insert_plain(
        &mut self,
        keys: &PlainKeys,
        place: usize,
        key: [f64; 2],
    ) -> Result<Option<u32>, Violation> {
        let (n, found) = (keys.numbers[place], keys.found[place]);
        let mut entry = None;
        if found >= DEAD {
            let position = self.admission.count();
            let found = (found, Recency::slack(n, key[0] / 2.0 - n));
            self.recency = self.recency.after(KIND, position, key, found)?;
            entry = Some(self.write(n as i64, position));
        }
        self.admission.admit();
        Ok(entry)
    }

    /// The entry that [`KeyTable::find`] finds for a plain query, once a key is live.
    #[inline]
    pub(crate) fn find_plain(&self, number: f64) -> u32 {
        let q = number as i64;
        // There is a live key, so there is a nearest one.
        self.entry(q).or_else(|| self.nearest(q)).unwrap_or_default()
    }

    /// The entry of a live key, a new one if it has none.
    #[inline]
    fn write(&mut self, n: i64, position: u32) -> u32 {
        match self.entry(n) {
            Some(entry) => {
                self.positions[entry as usize] = position;
                entry
            }
            None => self.add(n, position),
        }
    }

    #[cold]
    fn add(&mut self, n: i64, position: u32) -> u32 {
        // There are no more than positions.
        let entry = self.positions.len() as u32;
        self.positions.push(position);
        if (0..SMALL).contains(&n) {
            let n = n as usize;
            if n >= self.small.len() {
                self.small.resize((n + 1).next_power_of_two(), NO_ENTRY);
            }
            self.small[n] = entry;
        } else {
            self.entries.insert(n, entry);
        }
        self.live.insert(n);
        self.dead = None;
        entry
    }

    /// The entry of a key, if it is live.
    #[inline]
    fn entry(&self, n: i64) -> Option<u32> {
        if (0..SMALL).contains(&n) {
            return self.small.get(n as usize).copied().filter(|&entry| entry != NO_ENTRY);
        }
        self.entries.get(&n).copied()
    }

    /// Where the value is that wins at the latest position.
    #[inline]
    pub(crate) fn find(&mut self, query: [f64; 2]) -> Result<Place, Violation> {
        let position = self.admission.check_query(query)?;
        if position > 0 && query[1] <= 0.0 {
            return Err(Violation::Direction { kind: KIND, position, query });
        }
        if let Some(hull) = &mut self.dead {
            return hull.output(query).map(|[position, _]| Place::Dead(position as u32));
        }
        let number = query[0] / query[1];
        let Some(q) = whole(number) else {
            // Position 0 is all there is, and wins whatever is asked.
            return match self.nearest(0) {
                Some(only) if position == 0 => Ok(Place::Live(only)),
                _ => Err(Violation::NotWhole { part: Part::Query, position, pair: query, number }),
            };
        };
        // Beyond i64 the cast saturates, which leaves every key on the same side.
        let q = q as i64;
        let entry = self.entry(q).or_else(|| self.nearest(q));
        entry.map(Place::Live).ok_or(Violation::Empty)
    }

    /// The entry of the live key nearest to one that is not live.
    #[cold]
    fn nearest(&self, q: i64) -> Option<u32> {
        let position = |n| self.entry(n).map_or(0, |entry| self.positions[entry as usize]);
        self.live.nearest(q, position).and_then(|nearest| self.entry(nearest.key))
    }

    /// Bytes of heap held.
    pub(crate) fn heap_bytes(&self) -> usize {
        // Tables have a power of two of buckets, 7/8 used at most, and a control byte each.
        let buckets = (self.entries.capacity() * 8 / 7).next_power_of_two();
        let table = if self.entries.capacity() == 0 { 0 } else { buckets };
        table * (size_of::<(i64, u32)>() + 1)
            + (self.small.capacity() + self.positions.capacity()) * size_of::<u32>()
            + self.live.heap_bytes()
            + self.dead.as_ref().map_or(0, |hull| size_of::<Hull>() + hull.heap_bytes())
    }
}

/// Keys of consecutive positions, as far as they are the same for all tables: most stand for whole
/// numbers that need no second look.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlainKeys {
    /// The whole numbers.
    numbers: Vec<f64>,
    /// What is left of the keys' heights when their squares are added.
    found: Vec<f64>,
}

impl PlainKeys {
    /// Takes keys, component by component. Says whether all are plain; otherwise nothing is said of
    /// any.
    #[inline(always)]
    pub(crate) fn set(&mut self, keys: [&[f64]; 2]) -> bool {
        let count = keys[0].len();
        self.numbers.resize(count, 0.0);
        self.found.resize(count, 0.0);
        let mut plain = true;
        let room = self.numbers.iter_mut().zip(&mut self.found);
        for ((&x, &y), (number, found)) in keys[0].iter().zip(keys[1]).zip(room) {
            let (n, is_plain) = plain_whole(x / 2.0);
            plain &= is_plain & is_within(y);
            *number = n;
            *found = y + n * n;
        }
        plain
    }
}

/// Takes queries of consecutive positions after position 0, component by component, and gives the
/// whole numbers that are asked for. Says whether all are plain.
#[inline(always)]
pub(crate) fn plain_queries(queries: [&[f64]; 2], numbers: &mut [f64]) -> bool {
    let mut plain = true;
    for ((&x, &y), number) in queries[0].iter().zip(queries[1]).zip(numbers) {
        let (q, is_plain) = plain_whole(x / y);
        plain &= is_plain & is_within(x) & is_within(y) & (y > 0.0);
        *number = q;
    }
    plain
}

/// What [`whole`] gives, and whether it is that: for numbers up to 2^51, to whose nearest whole one
/// a sum rounds.
#[inline(always)]
fn plain_whole(x: f64) -> (f64, bool) {
    const MAX_PLAIN: f64 = (1u64 << 51) as f64;
    /// Sums with it are whole.
    const WHOLE: f64 = 1.5 * (1u64 << 52) as f64;
    let n = (x + WHOLE) - WHOLE;
    (n, (x.abs() <= MAX_PLAIN) & ((x - n).abs() <= MAX_OFF))
}

/// The whole number that x stands for.
#[inline]
fn whole(x: f64) -> Option<f64> {
    // Most are what they stand for.
    let truncated = x as i64 as f64;
    if truncated == x {
        return Some(x);
    }
    let n = x.round();
    ((x - n).abs() <= MAX_OFF.max(4.0 * f64::EPSILON * n.abs())).then_some(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_within_a_millionth_stands_for_the_whole_one() {
        for (x, n) in [(1e-6, 0.0), (-1e-6, 0.0), (5.0 - 0.9e-6, 5.0), (1e15 + 0.25, 1e15)] {
            assert_eq!(whole(x), Some(n), "{x}");
        }
        for x in [1e-6f64.next_up(), 0.5, 7.000_001_1, 1e9 + 1e-5, -3.4, f64::NAN] {
            assert_eq!(whole(x), None, "{x}");
        }
    }

    /// Numbers around whole ones, and those that are none.
    #[test]
    fn what_is_plainly_whole_is_whole() {
        let random = &mut fastrand::Rng::with_seed(6);
        let mut plain = 0;
        for _ in 0..100_000 {
            let n = (random.f64() * 2f64.powi(random.i32(0..60))).round();
            let off = random.f64() * 10f64.powi(random.i32(-12..1));
            let x = if random.bool() { n + off } else { -n - off };
            let (found, is_plain) = plain_whole(x);
            if is_plain {
                plain += 1;
                assert_eq!(whole(x), Some(found), "{x}");
            }
        }
        assert!(plain > 50_000, "{plain}");
        for x in [f64::NAN, f64::INFINITY, -1e300, 0.5, 1.0 + 1.1e-6] {
            assert!(!plain_whole(x).1, "{x}");
        }
    }

    #[test]
    fn every_live_key_has_an_entry_of_its_own_wherever_it_lies() {
        let mut table = KeyTable::new(TieBreak::Latest).unwrap();
        assert_eq!(table.insert([0.0, -1e30]), Ok(Some(Place::Dead(0))));
        assert!(table.dead.is_some());
        let keys = [0, 1, SMALL - 1, SMALL, -1, 1 << 40, 0, -1, SMALL - 1, 1 << 40];
        for (at, n) in keys.into_iter().enumerate() {
            let first = keys.iter().position(|&other| other == n).unwrap() as u32;
            let n = n as f64;
            assert_eq!(table.insert([2.0 * n, -n * n]), Ok(Some(Place::Live(first))), "{n}");
            assert_eq!(table.find([3.0 * n, 3.0]), Ok(Place::Live(first)));
            assert_eq!(table.positions[first as usize] as usize, at + 1);
        }
        assert!(table.dead.is_none());
        assert_eq!(table.positions.len(), 6);
        assert_eq!(table.insert([0.0, -1e30]), Ok(None));
        // Between these two, the nearer.
        assert_eq!(table.find([30_000.0, 1.0]), Ok(Place::Live(1)));
        assert_eq!(table.find([50_000.0, 1.0]), Ok(Place::Live(2)));
    }
}
