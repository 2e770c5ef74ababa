//! What every memory asks of every key and query, whatever its kind.
//!
//! Components are finite and below [`LIMIT`], so that no product, difference or sum
//! behind this door overflows; positions are counted and fit u32.

use super::{Broken, Part};

/// The greatest magnitude of a component. Scores are sums of two products:
/// 2^500 squared leaves room for differences and exact splitting below 2^1024.
const LIMIT: f64 = f64::from_bits((1023 + 500) << 52);

/// Counts positions and turns away what no memory could answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Door {
    inserted: u32,
}

impl Door {
    /// How many positions fit: one less than u32 holds, so that counts fit as well.
    pub(super) const POSITIONS: u32 = u32::MAX;

    pub(super) fn new() -> Self {
        Self::default()
    }

    /// The position that this key would take.
    #[inline]
    pub(super) fn key(&self, key: [f64; 2]) -> Result<u32, Broken> {
        if self.inserted == Self::POSITIONS {
            return Err(Broken::TooManyPositions { limit: Self::POSITIONS });
        }
        check(Part::Key, self.inserted, key)?;
        Ok(self.inserted)
    }

    /// Counts a key that was found good.
    #[inline]
    pub(super) fn admit(&mut self) {
        self.inserted += 1;
    }

    /// The latest position, for a query that can be asked.
    #[inline]
    pub(super) fn query(&self, query: [f64; 2]) -> Result<u32, Broken> {
        let latest = self.inserted.checked_sub(1).ok_or(Broken::Empty)?;
        check(Part::Query, latest, query)?;
        Ok(latest)
    }
}

#[inline]
fn check(part: Part, position: u32, pair: [f64; 2]) -> Result<(), Broken> {
    let within = |c: f64| c.abs() <= LIMIT;
    if within(pair[0]) && within(pair[1]) {
        return Ok(());
    }
    Err(if pair.iter().all(|c| c.is_finite()) {
        Broken::TooLarge { part, position, pair, limit: LIMIT }
    } else {
        Broken::NotFinite { part, position, pair }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_two_to_the_500() {
        assert_eq!(LIMIT, 2f64.powi(500));
    }

    #[test]
    fn the_last_position_that_fits_is_followed_by_none() {
        let mut door = Door { inserted: Door::POSITIONS - 1 };
        assert_eq!(door.key([0.0; 2]), Ok(u32::MAX - 1));
        door.admit();
        assert_eq!(door.key([0.0; 2]), Err(Broken::TooManyPositions { limit: u32::MAX }));
        assert_eq!(door.query([0.0; 2]), Ok(u32::MAX - 1));
    }

    #[test]
    fn what_cannot_be_scored_is_turned_away_with_its_place() {
        let mut door = Door::new();
        assert_eq!(door.query([0.0; 2]), Err(Broken::Empty));
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(matches!(
                door.key([0.0, bad]),
                Err(Broken::NotFinite { part: Part::Key, position: 0, .. })
            ));
        }
        door.admit();
        assert!(matches!(
            door.query([f64::NAN, 0.0]),
            Err(Broken::NotFinite { part: Part::Query, position: 0, .. })
        ));
        assert!(matches!(
            door.key([-1e200, 0.0]),
            Err(Broken::TooLarge { part: Part::Key, position: 1, .. })
        ));
    }
}
