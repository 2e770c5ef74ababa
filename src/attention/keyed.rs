//! A map from whole numbers to the value written last: `key_table.rs`, with values.

use super::key_table::{KeyTable, Place};
use super::{Memory, Violation};
use crate::model::TieBreak;

/// The latest live value of every key.
#[derive(Clone, Debug)]
pub struct Keyed {
    keys: KeyTable,
    /// By entry.
    live: Vec<[f64; 2]>,
    /// By position, as long as no key is live.
    dead: Vec<[f64; 2]>,
}

impl Keyed {
    /// A memory of no position. Only [`TieBreak::Latest`] gives the latest.
    pub fn new(tie: TieBreak) -> Result<Self, Violation> {
        let keys = KeyTable::new(tie)?;
        Ok(Self { keys, live: Vec::new(), dead: Vec::new() })
    }
}

impl Memory for Keyed {
    fn insert(&mut self, key: [f64; 2], value: [f64; 2]) -> Result<(), Violation> {
        match self.keys.insert(key)? {
            Some(Place::Dead(_)) => self.dead.push(value),
            Some(Place::Live(entry)) if entry as usize == self.live.len() => {
                self.live.push(value);
                self.dead = Vec::new();
            }
            Some(Place::Live(entry)) => self.live[entry as usize] = value,
            None => {}
        }
        Ok(())
    }

    fn output(&mut self, query: [f64; 2]) -> Result<[f64; 2], Violation> {
        Ok(match self.keys.find(query)? {
            Place::Live(entry) => self.live[entry as usize],
            Place::Dead(position) => self.dead[position as usize],
        })
    }

    fn heap_bytes(&self) -> usize {
        let values = self.live.capacity() + self.dead.capacity();
        self.keys.heap_bytes() + values * size_of::<[f64; 2]>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attention::{Hull, Part};
    use crate::model::HeadKind;

    const KIND: HeadKind = HeadKind::Keyed;

    /// Up to here every whole number is an f64.
    const MAX_WHOLE: f64 = (1u64 << f64::MANTISSA_DIGITS) as f64;

    /// A fresh memory without a Result, for tests of one line.
    fn keyed() -> Keyed {
        Keyed::new(TieBreak::Latest).unwrap()
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
        assert!(memory.dead.is_empty());
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
    fn a_key_is_dead_below_1e28_and_no_key_at_it() {
        let mut memory = Keyed::new(TieBreak::Latest).unwrap();
        let by = -1e28;
        let refused = Violation::OffParabola { kind: KIND, position: 0, key: [0., by], by };
        assert_eq!(memory.insert([0., by], [1., 1.]), Err(refused));
        assert_eq!(memory.insert([0., by.next_down()], [2., 2.]), Ok(()));
        assert_eq!(memory.output([0., 1.]), Ok([2., 2.]));
    }
}
