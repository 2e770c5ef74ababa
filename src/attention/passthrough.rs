//! Every position attends to itself: the last value is the output.
//!
//! For keys (2s, 1) and a query along (t, 1) the score of s is 2ts + 1, greatest
//! at s = t. The check needs less than that form: as long as kx grows strictly,
//! ky never shrinks, qx > 0 and qy ≥ 0, the score grows strictly with s.
//! At position 0 there is nothing else to attend to, so any query will do.

use super::admission::Admission;
use super::{Memory, Violation};
use crate::model::HeadKind;

/// The key and the value of the latest position.
#[derive(Clone, Debug, Default)]
pub struct Passthrough {
    admission: Admission,
    latest: Option<Latest>,
}

#[derive(Clone, Copy, Debug)]
struct Latest {
    key: [f64; 2],
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
        let position = self.admission.check_key(key)?;
        if let Some(Latest { key: previous, .. }) = self.latest
            && !(key[0] > previous[0] && key[1] >= previous[1])
        {
            return Err(Violation::NotAscending { position, key, previous });
        }
        self.latest = Some(Latest { key, value });
        self.admission.admit();
        Ok(())
    }

    fn output(&mut self, query: [f64; 2]) -> Result<[f64; 2], Violation> {
        let position = self.admission.check_query(query)?;
        if position > 0 && !(query[0] > 0.0 && query[1] >= 0.0) {
            return Err(Violation::Direction { kind: HeadKind::Passthrough, position, query });
        }
        self.latest.map(|latest| latest.value).ok_or(Violation::Empty)
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
}
