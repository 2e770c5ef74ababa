//! The mean of all values: a running sum and a count.
//!
//! Keys are vertical, (0, ky), and queries look up, so the winners are all
//! positions with the greatest ky, whatever qx. In a machine's prefix sums
//! position 0 has (0, 0) and all others (0, 1): the first real key resets the sum.
//! Values are added in order of position, as a scan would.
//! Values do not come into it as far as keys are concerned: heads with the same keys share what
//! becomes of their sums.

use super::admission::Admission;
use super::{Memory, Violation};
use crate::model::{HeadKind, TieBreak};

/// Vertical keys: how many of them are the highest so far.
#[derive(Clone, Debug)]
pub(crate) struct VerticalKeys {
    admission: Admission,
    height: Option<f64>,
    /// Positions with this height.
    count: u32,
}

/// What becomes of the sum of the highest keys' values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sum {
    /// It is the value of the latest position, which is higher than all before.
    Begins,
    /// That value is added.
    Grows,
    /// It stays: there are higher keys.
    Stays,
}

impl VerticalKeys {
    /// Without a key. Only [`TieBreak::Average`] gives means.
    pub(crate) fn new(tie: TieBreak) -> Result<Self, Violation> {
        match tie {
            TieBreak::Average => Ok(Self { admission: Admission::new(), height: None, count: 0 }),
            TieBreak::Latest => Err(Violation::UnfitTieBreak { kind: HeadKind::Mean, tie }),
        }
    }

    /// Takes the key of the next position.
    #[inline]
    pub(crate) fn insert(&mut self, key: [f64; 2]) -> Result<Sum, Violation> {
        let position = self.admission.check_key(key)?;
        if key[0] != 0.0 {
            return Err(Violation::NotVertical { position, key });
        }
        let sum = match self.height {
            Some(height) if key[1] == height => Sum::Grows,
            Some(height) if key[1] < height => Sum::Stays,
            _ => Sum::Begins,
        };
        match sum {
            Sum::Begins => (self.height, self.count) = (Some(key[1]), 1),
            Sum::Grows => self.count += 1,
            Sum::Stays => {}
        }
        self.admission.admit();
        Ok(sum)
    }

    /// By how many the sum is divided, for a query at the latest position.
    #[inline]
    pub(crate) fn count(&self, query: [f64; 2]) -> Result<f64, Violation> {
        let position = self.admission.check_query(query)?;
        if position > 0 && query[1] <= 0.0 {
            return Err(Violation::Direction { kind: HeadKind::Mean, position, query });
        }
        Ok(f64::from(self.count))
    }
}

impl Sum {
    /// The sum after a value.
    #[inline]
    pub(crate) fn after(self, sum: f64, value: f64) -> f64 {
        match self {
            Sum::Begins => value,
            Sum::Grows => sum + value,
            Sum::Stays => sum,
        }
    }
}

/// The highest keys so far, and the sum of their values.
#[derive(Clone, Debug)]
pub struct Mean {
    keys: VerticalKeys,
    sum: [f64; 2],
}

impl Mean {
    /// A memory of no position. Only [`TieBreak::Average`] gives means.
    pub fn new(tie: TieBreak) -> Result<Self, Violation> {
        Ok(Self { keys: VerticalKeys::new(tie)?, sum: [0.0; 2] })
    }
}

impl Memory for Mean {
    fn insert(&mut self, key: [f64; 2], value: [f64; 2]) -> Result<(), Violation> {
        let sum = self.keys.insert(key)?;
        self.sum = [0, 1].map(|part| sum.after(self.sum[part], value[part]));
        Ok(())
    }

    fn output(&mut self, query: [f64; 2]) -> Result<[f64; 2], Violation> {
        let count = self.keys.count(query)?;
        Ok(self.sum.map(|sum| sum / count))
    }

    fn heap_bytes(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean() -> Mean {
        Mean::new(TieBreak::Average).unwrap()
    }

    #[test]
    fn a_higher_key_starts_anew_and_a_lower_one_is_ignored() {
        let mut memory = mean();
        for (height, value, output) in [(0., 50., 50.), (1., 2., 2.), (1., 4., 3.), (0., 9., 3.)] {
            assert_eq!(memory.insert([0., height], [value, 0.]), Ok(()));
            assert_eq!(memory.output([-3., 1.]), Ok([output, 0.]));
        }
    }

    #[test]
    fn the_latest_is_no_mean() {
        let tie = TieBreak::Latest;
        let refused = Violation::UnfitTieBreak { kind: HeadKind::Mean, tie };
        assert_eq!(Mean::new(tie).err(), Some(refused));
    }

    #[test]
    fn slanted_keys_and_queries_that_do_not_look_up_are_refused() {
        let mut memory = mean();
        let key = [1e-9, 1.];
        assert_eq!(memory.insert(key, [0., 0.]), Err(Violation::NotVertical { position: 0, key }));
        assert_eq!(memory.insert([-0.0, 0.], [6., 6.]), Ok(()));
        assert_eq!(memory.output([0., -1.]), Ok([6., 6.]));
        assert_eq!(memory.insert([0., 1.], [6., 6.]), Ok(()));
        for query in [[1., 0.], [0., -1.]] {
            let refused = Violation::Direction { kind: HeadKind::Mean, position: 1, query };
            assert_eq!(memory.output(query), Err(refused));
        }
    }
}
