//! A map from whole numbers to the value written last.
//!
//! With keys (2n, -n² + ε) the score over qy is q² - (n - q)² + ε, so for a whole
//! q = qx/qy the nearest n wins, missing by one more costs at least 1 > ε, and
//! among equals the greatest ε, that is the latest. A *dead* token's key lies
//! at least 1e29 lower: it loses against every live one.
//!
//! - *hit*: a live token has n = q: one look into a hash table.
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

use super::admission::Admission;
use super::hull::Hull;
use super::nearest::Keys;
use super::recency::Recency;
use super::{Memory, Part, Violation};
use crate::model::{HeadKind, TieBreak};
use rustc_hash::FxHashMap;

const KIND: HeadKind = HeadKind::Keyed;

/// How far a number may be from the whole one it stands for. Rounding leaves
/// 1e-9 at most at addresses of 32 bits; a number further off was not meant as whole.
const MAX_OFF: f64 = 1e-6;

/// Up to here every whole number is an f64.
const MAX_WHOLE: f64 = (1u64 << f64::MANTISSA_DIGITS) as f64;

/// Below this, y + n² says that the token was cleared: C is at least 1e29, and
/// rounding of n² ≤ 2^106 disturbs no more than 2^54.
const DEAD: f64 = -1e28;

/// The latest live value of every key.
#[derive(Clone, Debug)]
pub struct Keyed {
    admission: Admission,
    recency: Recency,
    latest: FxHashMap<i64, Written>,
    live: Keys,
    /// All positions so far, as long as no key is live.
    dead: Option<Hull>,
}

/// A value and where it was written.
#[derive(Clone, Copy, Debug)]
struct Written {
    value: [f64; 2],
    position: u32,
}

impl Keyed {
    /// A memory of no position. Only [`TieBreak::Latest`] gives the latest.
    pub fn new(tie: TieBreak) -> Result<Self, Violation> {
        match tie {
            TieBreak::Average => Err(Violation::UnfitTieBreak { kind: KIND, tie }),
            TieBreak::Latest => Ok(Self {
                admission: Admission::new(),
                recency: Recency::default(),
                latest: FxHashMap::default(),
                live: Keys::default(),
                dead: Some(Hull::new(tie)),
            }),
        }
    }

    /// What was written under the live key nearest to one that is not live.
    #[cold]
    fn nearest(&self, q: i64) -> Option<&Written> {
        let position = |n| self.latest.get(&n).map_or(0, |written| written.position);
        self.live.nearest(q, position).and_then(|nearest| self.latest.get(&nearest.key))
    }
}

/// The whole number that x stands for.
#[inline]
fn whole(x: f64) -> Option<f64> {
    let n = x.round();
    ((x - n).abs() <= MAX_OFF.max(4.0 * f64::EPSILON * n.abs())).then_some(n)
}

impl Memory for Keyed {
    fn insert(&mut self, key: [f64; 2], value: [f64; 2]) -> Result<(), Violation> {
        let position = self.admission.check_key(key)?;
        let number = key[0] / 2.0;
        let n = whole(number).filter(|n| n.abs() <= MAX_WHOLE).ok_or(Violation::NotWhole {
            part: Part::Key,
            position,
            pair: key,
            number,
        })?;
        let found = key[1] + n * n;
        if found < DEAD {
            if let Some(hull) = &mut self.dead {
                hull.insert(key, value)?;
            }
        } else {
            let slack = Recency::slack(n, number - n);
            self.recency = self.recency.after(KIND, position, key, (found, slack))?;
            let n = n as i64;
            if self.latest.insert(n, Written { value, position }).is_none() {
                self.live.insert(n);
                self.dead = None;
            }
        }
        self.admission.admit();
        Ok(())
    }

    fn output(&mut self, query: [f64; 2]) -> Result<[f64; 2], Violation> {
        let position = self.admission.check_query(query)?;
        if position > 0 && query[1] <= 0.0 {
            return Err(Violation::Direction { kind: KIND, position, query });
        }
        if let Some(hull) = &mut self.dead {
            return hull.output(query);
        }
        let number = query[0] / query[1];
        let Some(q) = whole(number) else {
            // Position 0 is all there is, and wins whatever is asked.
            return match self.nearest(0) {
                Some(only) if position == 0 => Ok(only.value),
                _ => Err(Violation::NotWhole { part: Part::Query, position, pair: query, number }),
            };
        };
        // Beyond i64 the cast saturates, which leaves every key on the same side.
        let q = q as i64;
        let winner = self.latest.get(&q).or_else(|| self.nearest(q));
        winner.map(|written| written.value).ok_or(Violation::Empty)
    }

    fn heap_bytes(&self) -> usize {
        // Tables have a power of two of buckets, 7/8 used at most, and a control byte each.
        let buckets = (self.latest.capacity() * 8 / 7).next_power_of_two();
        let table = if self.latest.capacity() == 0 { 0 } else { buckets };
        table * (size_of::<(i64, Written)>() + 1)
            + self.live.heap_bytes()
            + self.dead.as_ref().map_or(0, Hull::heap_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fresh memory without a Result, for tests of one line.
    fn keyed() -> Keyed {
        Keyed {
            admission: Admission::new(),
            recency: Recency::default(),
            latest: FxHashMap::default(),
            live: Keys::default(),
            dead: Some(Hull::new(TieBreak::Latest)),
        }
    }

    /// Writes value t at position t, under the given keys, with recency growing.
    fn written(keys: &[(f64, bool)]) -> Keyed {
        let mut memory = keyed();
        for (t, &(n, dead)) in (0..).zip(keys) {
            let t = f64::from(t);
            let clear = if dead { 1e30 } else { 0.0 };
            let key = [2.0 * n, -n * n + t / 1024.0 - clear];
            assert_eq!(memory.insert(key, [t, -t]), Ok(()));
        }
        memory
    }

    #[test]
    fn a_hit_gives_the_latest_live_value() {
        let mut memory = written(&[(5., false), (7., false), (5., false), (5., true)]);
        assert_eq!(memory.output([5., 1.]), Ok([2., -2.]));
        assert_eq!(memory.output([7e10, 1e10]), Ok([1., -1.]));
    }

    #[test]
    fn a_miss_gives_the_nearest_and_of_two_the_later_written() {
        let mut memory = written(&[(2., false), (8., false), (20., false), (5., true)]);
        for (q, t) in [(3., 0.), (6., 1.), (5., 1.), (-900., 0.), (1e18, 2.), (-1e99, 0.)] {
            assert_eq!(memory.output([q, 1.]), Ok([t, -t]), "{q}");
        }
        assert_eq!(memory.insert([4., -4. + 0.5], [9., 9.]), Ok(()));
        assert_eq!(memory.output([5., 1.]), Ok([9., 9.]));
    }

    #[test]
    fn neighbouring_keys_stay_apart_up_to_2_to_the_53() {
        let mut memory =
            written(&[(MAX_WHOLE, false), (MAX_WHOLE - 1., false), (-MAX_WHOLE, false)]);
        assert_eq!(memory.output([MAX_WHOLE, 1.]), Ok([0., 0.]));
        assert_eq!(memory.output([MAX_WHOLE - 1., 1.]), Ok([1., -1.]));
        assert_eq!(memory.output([-MAX_WHOLE, 1.]), Ok([2., -2.]));
        let key = [2.0 * (MAX_WHOLE + 2.0), 0.0];
        assert!(matches!(
            memory.insert(key, [0., 0.]),
            Err(Violation::NotWhole { position: 3, .. })
        ));
    }

    #[test]
    fn dead_keys_are_left_to_the_hull_until_one_lives() {
        let keys = [(3., true), (4., true), (-2., true)];
        let mut memory = written(&keys);
        let mut hull = Hull::new(TieBreak::Latest);
        for (t, (n, _)) in [0., 1., 2.].into_iter().zip(keys) {
            assert_eq!(hull.insert([2. * n, -n * n + t / 1024. - 1e30], [t, -t]), Ok(()));
        }
        for q in [-9., 0., 3., 5.] {
            assert_eq!(memory.output([q, 1.]), hull.output([q, 1.]));
        }
        assert_eq!(memory.insert([200., -10_000. + 0.5], [9., 9.]), Ok(()));
        assert!(memory.dead.is_none());
        assert_eq!(memory.output([3., 1.]), Ok([9., 9.]));
    }

    #[test]
    fn numbers_stand_for_the_whole_one_next_to_them() {
        let third = 3f64.next_down();
        let mut memory = keyed();
        assert_eq!(memory.insert([2. * third, -third * third], [1., 1.]), Ok(()));
        assert_eq!(memory.insert([8., -16.], [2., 2.]), Ok(()));
        assert_eq!(memory.output([third, 1.]), Ok([1., 1.]));
        let scale = 1e10 * std::f64::consts::SQRT_2;
        assert_eq!(memory.output([4. * scale, scale]), Ok([2., 2.]));
    }

    #[test]
    fn what_stands_for_no_whole_number_is_refused() {
        let mut memory = written(&[(0., false), (1., false)]);
        let refused =
            Violation::NotWhole { part: Part::Key, position: 2, pair: [3., -2.25], number: 1.5 };
        assert_eq!(memory.insert([3., -2.25], [0., 0.]), Err(refused));
        let refused =
            Violation::NotWhole { part: Part::Query, position: 1, pair: [1., 4.], number: 0.25 };
        assert_eq!(memory.output([1., 4.]), Err(refused));
    }

    #[test]
    fn keys_off_the_parabola_or_with_shrinking_recency_are_refused() {
        let mut memory = written(&[(0., false), (1., false)]);
        let refused = Violation::OffParabola { kind: KIND, position: 2, key: [4., -2.5], by: 1.5 };
        assert_eq!(memory.insert([4., -2.5], [0., 0.]), Err(refused));
        assert!(matches!(memory.insert([4., -1e20], [0., 0.]), Err(Violation::OffParabola { .. })));
        assert!(matches!(
            memory.insert([4., -4.], [0., 0.]),
            Err(Violation::Recency { position: 2, .. })
        ));
    }

    #[test]
    fn a_query_must_look_up_but_at_position_0() {
        let mut memory = written(&[(5., false)]);
        for query in [[0., 0.], [1., -1.], [0.5, 1.]] {
            assert_eq!(memory.output(query), Ok([0., 0.]));
        }
        let mut memory = written(&[(5., false), (6., false)]);
        let refused = Violation::Direction { kind: KIND, position: 1, query: [5., 0.] };
        assert_eq!(memory.output([5., 0.]), Err(refused));
    }

    #[test]
    fn an_average_is_not_the_latest() {
        let tie = TieBreak::Average;
        let refused = Violation::UnfitTieBreak { kind: KIND, tie };
        assert_eq!(Keyed::new(tie).err(), Some(refused));
    }

    #[test]
    fn a_number_within_a_millionth_stands_for_the_whole_one() {
        for (x, n) in [(1e-6, 0.0), (-1e-6, 0.0), (5.0 - 0.9e-6, 5.0), (1e15 + 0.25, 1e15)] {
            assert_eq!(whole(x), Some(n), "{x}");
        }
        for x in [1e-6f64.next_up(), 0.5, 7.000_001_1, 1e9 + 1e-5, -3.4, f64::NAN] {
            assert_eq!(whole(x), None, "{x}");
        }
    }

    #[test]
    fn a_key_is_dead_below_1e28_and_no_key_at_it() {
        let mut memory = Keyed::new(TieBreak::Latest).unwrap();
        let by = -1e28;
        let refused = Violation::OffParabola { kind: KIND, position: 0, key: [0., by], by };
        assert_eq!(memory.insert([0., by], [1., 1.]), Err(refused));
        assert_eq!(memory.insert([0., by.next_down()], [2., 2.]), Ok(()));
        assert_eq!(memory.output([0., 1.]), Ok([2., 2.]));
    }
}
