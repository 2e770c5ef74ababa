//! The mean of all values: a running sum and a count.
//!
//! Keys are vertical, (0, ky), and queries look up, so the winners are all
//! positions with the greatest ky, whatever qx. In a machine's prefix sums
//! position 0 has (0, 0) and all others (0, 1): the first real key resets the sum.
//! Values are added in order of position, as a scan would.

use super::door::Door;
use super::tied::Tied;
use super::{Broken, Memory};
use crate::model::{HeadKind, TieBreak};

/// The highest keys so far.
#[derive(Clone, Debug)]
pub struct Mean {
    door: Door,
    highest: Option<(f64, Tied)>,
}

impl Mean {
    /// A memory of no position. Only [`TieBreak::Average`] gives means.
    pub fn new(tie: TieBreak) -> Result<Self, Broken> {
        match tie {
            TieBreak::Average => Ok(Self { door: Door::new(), highest: None }),
            TieBreak::Latest => Err(Broken::UnfitTieBreak { kind: HeadKind::Mean, tie }),
        }
    }
}

impl Memory for Mean {
    fn insert(&mut self, key: [f64; 2], value: [f64; 2]) -> Result<(), Broken> {
        let position = self.door.key(key)?;
        if key[0] != 0.0 {
            return Err(Broken::NotVertical { position, key });
        }
        let this = Tied::one(TieBreak::Average, position, value);
        match &mut self.highest {
            Some((height, tied)) if key[1] == *height => tied.merge(TieBreak::Average, this),
            Some((height, _)) if key[1] < *height => {}
            highest => *highest = Some((key[1], this)),
        }
        self.door.admit();
        Ok(())
    }

    fn answer(&mut self, query: [f64; 2]) -> Result<[f64; 2], Broken> {
        let position = self.door.query(query)?;
        if position > 0 && query[1] <= 0.0 {
            return Err(Broken::Direction { kind: HeadKind::Mean, position, query });
        }
        self.highest.map(|(_, tied)| tied.answer(TieBreak::Average)).ok_or(Broken::Empty)
    }

    fn heap_bytes(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean() -> Mean {
        Mean { door: Door::new(), highest: None }
    }

    #[test]
    fn a_higher_key_starts_anew_and_a_lower_one_is_ignored() {
        let mut memory = mean();
        for (height, value, answer) in [(0., 50., 50.), (1., 2., 2.), (1., 4., 3.), (0., 9., 3.)] {
            assert_eq!(memory.insert([0., height], [value, 0.]), Ok(()));
            assert_eq!(memory.answer([-3., 1.]), Ok([answer, 0.]));
        }
    }

    #[test]
    fn the_latest_is_no_mean() {
        let tie = TieBreak::Latest;
        let refused = Broken::UnfitTieBreak { kind: HeadKind::Mean, tie };
        assert_eq!(Mean::new(tie).err(), Some(refused));
    }

    #[test]
    fn slanted_keys_and_queries_that_do_not_look_up_are_refused() {
        let mut memory = mean();
        let key = [1e-9, 1.];
        assert_eq!(memory.insert(key, [0., 0.]), Err(Broken::NotVertical { position: 0, key }));
        assert_eq!(memory.insert([-0.0, 0.], [6., 6.]), Ok(()));
        assert_eq!(memory.answer([0., -1.]), Ok([6., 6.]));
        assert_eq!(memory.insert([0., 1.], [6., 6.]), Ok(()));
        for query in [[1., 0.], [0., -1.]] {
            let refused = Broken::Direction { kind: HeadKind::Mean, position: 1, query };
            assert_eq!(memory.answer(query), Err(refused));
        }
    }
}
