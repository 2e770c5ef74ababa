//! Every position attends to itself: the last value is the output.
//!
//! For keys (2s, 1) and a query along (t, 1) the score of s is 2ts + 1, greatest
//! at s = t. The check needs less than that form: as long as kx grows strictly,
//! ky never shrinks, qx > 0 and qy ≥ 0, the score grows strictly with s.
//! At position 0 there is nothing else to attend to, so any query will do.
//! Values do not come into it: heads with the same keys and queries are checked once.

use super::admission::{Admission, is_within};
use super::{Memory, Violation, ViolationAt};
use crate::model::HeadKind;

/// Keys of which at every position the latest wins.
#[derive(Clone, Debug, Default)]
pub(crate) struct AscendingKeys {
    admission: Admission,
    latest: Option<[f64; 2]>,
}

impl AscendingKeys {
    /// Takes the key of the next position.
    #[inline]
    fn insert(&mut self, key: [f64; 2]) -> Result<(), Violation> {
        let position = self.admission.check_key(key)?;
        if let Some(previous) = self.latest
            && !(key[0] > previous[0] && key[1] >= previous[1])
        {
            return Err(Violation::NotAscending { position, key, previous });
        }
        self.latest = Some(key);
        self.admission.admit();
        Ok(())
    }

    /// Refuses a query at the latest position that might prefer an earlier one.
    #[inline]
    fn check_query(&self, query: [f64; 2]) -> Result<(), Violation> {
        let position = self.admission.check_query(query)?;
        if position > 0 && !(query[0] > 0.0 && query[1] >= 0.0) {
            return Err(Violation::Direction { kind: HeadKind::Passthrough, position, query });
        }
        Ok(())
    }

    /// Takes keys and queries of the next positions, component by component.
    #[inline(always)]
    pub(crate) fn advance_all(
        &mut self,
        keys: [&[f64]; 2],
        queries: [&[f64]; 2],
    ) -> Result<(), ViolationAt> {
        let count = keys[0].len();
        if let Some(latest) = self.latest
            && count > 0
            && are_fine(latest, keys, queries)
            && self.admission.admit_all(count)
        {
            self.latest = Some(keys.map(|component| component[count - 1]));
            return Ok(());
        }
        for before in 0..count {
            let pair = |part: [&[f64]; 2]| part.map(|component| component[before]);
            let violation_at = |violation| ViolationAt { before, violation };
            self.insert(pair(keys)).map_err(violation_at)?;
            self.check_query(pair(queries)).map_err(violation_at)?;
        }
        Ok(())
    }
}

/// Whether none of these is refused after `latest`, in vector registers.
#[inline(always)]
fn are_fine(latest: [f64; 2], keys: [&[f64]; 2], queries: [&[f64]; 2]) -> bool {
    let mut fine = keys[0][0] > latest[0] && keys[1][0] >= latest[1];
    for component in keys.into_iter().chain(queries) {
        fine &= component.iter().fold(true, |fine, &c| fine & is_within(c));
    }
    let ascends = |(before, after): (&f64, &f64)| after > before;
    let never_shrinks = |(before, after): (&f64, &f64)| after >= before;
    fine &= keys[0].iter().zip(&keys[0][1..]).fold(true, |fine, pair| fine & ascends(pair));
    fine &= keys[1].iter().zip(&keys[1][1..]).fold(true, |fine, pair| fine & never_shrinks(pair));
    fine &= queries[0].iter().fold(true, |fine, &x| fine & (x > 0.0));
    fine & queries[1].iter().fold(true, |fine, &y| fine & (y >= 0.0))
}

/// The keys, and the value of the latest position.
#[derive(Clone, Debug, Default)]
pub struct Passthrough {
    keys: AscendingKeys,
    value: [f64; 2],
}

impl Passthrough {
    /// A memory of no position.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Memory for Passthrough {
    fn insert(&mut self, key: [f64; 2], value: [f64; 2]) -> Result<(), Violation> {
        self.keys.insert(key)?;
        self.value = value;
        Ok(())
    }

    fn output(&mut self, query: [f64; 2]) -> Result<[f64; 2], Violation> {
        self.keys.check_query(query)?;
        Ok(self.value)
    }

    fn heap_bytes(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_position_attends_to_itself() {
        let mut memory = Passthrough::new();
        for s in [0.0, 1.0, 2.0, 3.0] {
            assert_eq!(memory.insert([2.0 * s, 1.0], [s, -s]), Ok(()));
            assert_eq!(memory.output([s * 1e10, 1e10]), Ok([s, -s]));
            // To the right alone is as good.
            assert_eq!(memory.output([1e-300, 0.0]), Ok([s, -s]));
        }
    }

    #[test]
    fn position_0_takes_any_query() {
        let mut memory = Passthrough::new();
        assert_eq!(memory.output([1., 1.]), Err(Violation::Empty));
        assert_eq!(memory.insert([0., 0.], [7., 8.]), Ok(()));
        assert_eq!(memory.output([-1., -1.]), Ok([7., 8.]));
    }

    #[test]
    fn a_key_that_does_not_advance_is_refused() {
        for key in [[2., 1.], [1., 1.], [4., 0.5]] {
            let mut memory = Passthrough::new();
            assert_eq!(memory.insert([2., 1.], [0., 0.]), Ok(()));
            let refused = Violation::NotAscending { position: 1, key, previous: [2., 1.] };
            assert_eq!(memory.insert(key, [0., 0.]), Err(refused));
            assert_eq!(memory.insert([4., 1.], [5., 5.]), Ok(()));
        }
    }

    #[test]
    fn a_query_that_could_prefer_an_earlier_key_is_refused() {
        let mut memory = Passthrough::new();
        assert_eq!(memory.insert([0., 1.], [0., 0.]), Ok(()));
        assert_eq!(memory.insert([2., 1.], [0., 0.]), Ok(()));
        for query in [[0., 1.], [-1., 1.], [1., -1.]] {
            let refused = Violation::Direction { kind: HeadKind::Passthrough, position: 1, query };
            assert_eq!(memory.output(query), Err(refused));
        }
    }

    /// Steps of which one is odd, after none, one or more that were fine.
    #[test]
    fn many_positions_at_once_are_refused_as_each_is() {
        let odd = [f64::NAN, -1.0, 0.0, 1e200, 3.0];
        for before in 0..3 {
            for (part, &number) in (0..4).flat_map(|part| odd.iter().map(move |odd| (part, odd))) {
                for at in 0..5 {
                    let steps: Vec<[f64; 4]> = (before..before + 5)
                        .map(|s| [2.0 * s as f64, 1.0, s as f64 + 0.5, 1.0])
                        .enumerate()
                        .map(|(place, mut step)| {
                            if place == at {
                                step[part] = number;
                            }
                            step
                        })
                        .collect();
                    let mut keys = AscendingKeys::default();
                    for s in 0..before {
                        keys.insert([2.0 * s as f64, 1.0]).unwrap();
                    }
                    let mut one = keys.clone();
                    let columns: Vec<Vec<f64>> =
                        (0..4).map(|part| steps.iter().map(|step| step[part]).collect()).collect();
                    let all =
                        keys.advance_all([&columns[0], &columns[1]], [&columns[2], &columns[3]]);
                    let each = steps.iter().enumerate().try_for_each(|(before, step)| {
                        let violation_at = |violation| ViolationAt { before, violation };
                        one.insert([step[0], step[1]]).map_err(violation_at)?;
                        one.check_query([step[2], step[3]]).map_err(violation_at)
                    });
                    assert_eq!(format!("{all:?}"), format!("{each:?}"), "{part} {number} {at}");
                    if each.is_ok() {
                        assert_eq!(format!("{keys:?}"), format!("{one:?}"));
                    }
                }
            }
        }
    }
}
