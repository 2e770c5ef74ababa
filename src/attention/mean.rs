//! The mean of all values: a running sum and a count.
//!
//! Keys are vertical, (0, ky), and queries look up, so the winners are all
//! positions with the greatest ky, whatever qx. In a machine's prefix sums
//! position 0 has (0, 0) and all others (0, 1): the first real key resets the sum.
//! Values are added in order of position, as a scan would.

use super::admission::Admission;
use super::tied::Tied;
use super::{Memory, Violation};
use crate::model::{HeadKind, TieBreak};

/// The highest keys so far.
#[derive(Clone, Debug)]
pub struct Mean {
    admission: Admission,
    highest: Option<(f64, Tied)>,
}

impl Mean {
    /// A memory of no position. Only [`TieBreak::Average`] gives means.
    pub fn new(tie: TieBreak) -> Result<Self, Violation> {
        match tie {
            TieBreak::Average => Ok(Self { admission: Admission::new(), highest: None }),
            TieBreak::Latest => Err(Violation::UnfitTieBreak { kind: HeadKind::Mean, tie }),
        }
    }
}

impl Memory for Mean {
    fn insert(&mut self, key: [f64; 2], value: [f64; 2]) -> Result<(), Violation> {
        let position = self.admission.check_key(key)?;
        if key[0] != 0.0 {
            return Err(Violation::NotVertical { position, key });
        }
        let this = Tied::one(TieBreak::Average, position, value);
        match &mut self.highest {
            Some((height, tied)) if key[1] == *height => tied.merge(TieBreak::Average, this),
            Some((height, _)) if key[1] < *height => {}
            highest => *highest = Some((key[1], this)),
        }
        self.admission.admit();
        Ok(())
    }

    fn output(&mut self, query: [f64; 2]) -> Result<[f64; 2], Violation> {
        let position = self.admission.check_query(query)?;
        if position > 0 && query[1] <= 0.0 {
            return Err(Violation::Direction { kind: HeadKind::Mean, position, query });
        }
        self.highest.map(|(_, tied)| tied.output(TieBreak::Average)).ok_or(Violation::Empty)
    }

    fn heap_bytes(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean() -> Mean {
        Mean { admission: Admission::new(), highest: None }
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
