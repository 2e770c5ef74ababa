//! What every memory asks of every key and query, whatever its kind.
//!
//! Components are finite and below [`MAX_COMPONENT`], so that no product, difference or sum
//! of what is admitted overflows; positions are counted and fit u32.

use super::{Part, Violation};

/// The greatest magnitude of a component. Scores are sums of two products:
/// 2^500 squared leaves room for differences and exact splitting below 2^1024.
const MAX_COMPONENT: f64 = f64::from_bits((1023 + 500) << 52);

/// Counts positions and refuses keys and queries with which no memory could compute.
#[derive(Clone, Debug, Default)]
pub(super) struct Admission {
    /// Positions so far, at most [`Admission::MAX_POSITIONS`].
    inserted: u32,
}

impl Admission {
    /// How many positions fit: one less than u32 holds, so that counts fit as well.
    pub(super) const MAX_POSITIONS: u32 = u32::MAX;

    pub(super) fn new() -> Self {
        Self::default()
    }

    /// The position that this key would take.
    #[inline]
    pub(super) fn check_key(&self, key: [f64; 2]) -> Result<u32, Violation> {
        if self.inserted == Self::MAX_POSITIONS {
            return Err(Violation::TooManyPositions { limit: Self::MAX_POSITIONS });
        }
        check(Part::Key, self.inserted, key)?;
        Ok(self.inserted)
    }

    /// Counts a key that was found good.
    #[inline]
    pub(super) fn admit(&mut self) {
        self.inserted += 1;
    }

    /// Counts so many keys that were found good, if there is room for all of them.
    #[inline]
    pub(super) fn admit_all(&mut self, count: usize) -> bool {
        let room = Self::MAX_POSITIONS - self.inserted;
        let has_room = count <= room as usize;
        if has_room {
            self.inserted += count as u32;
        }
        has_room
    }

    /// Positions so far.
    #[inline]
    pub(super) fn count(&self) -> u32 {
        self.inserted
    }

    /// As it is after so many positions.
    #[cfg(test)]
    pub(super) fn after(inserted: u32) -> Self {
        Self { inserted }
    }

    /// The latest position, if there is any.
    #[inline]
    pub(super) fn latest(&self) -> Result<u32, Violation> {
        self.inserted.checked_sub(1).ok_or(Violation::Empty)
    }

    /// The latest position, for a query that can be scored.
    #[inline]
    pub(super) fn check_query(&self, query: [f64; 2]) -> Result<u32, Violation> {
        let latest = self.latest()?;
        check(Part::Query, latest, query)?;
        Ok(latest)
    }

    /// Refuses a query at a position, if it cannot be scored.
    #[inline]
    pub(super) fn check_query_at(position: u32, query: [f64; 2]) -> Result<(), Violation> {
        check(Part::Query, position, query)
    }
}

/// Whether a component is one that can be scored.
#[inline(always)]
pub(super) fn is_within(component: f64) -> bool {
    component.abs() <= MAX_COMPONENT
}

#[inline]
fn check(part: Part, position: u32, pair: [f64; 2]) -> Result<(), Violation> {
    if is_within(pair[0]) && is_within(pair[1]) {
        return Ok(());
    }
    Err(if pair.iter().all(|c| c.is_finite()) {
        Violation::TooLarge { part, position, pair, limit: MAX_COMPONENT }
    } else {
        Violation::NotFinite { part, position, pair }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_two_to_the_500() {
        assert_eq!(MAX_COMPONENT, 2f64.powi(500));
        let mut admission = Admission::new();
        assert_eq!(admission.check_key([MAX_COMPONENT, -MAX_COMPONENT]), Ok(0));
        admission.admit();
        assert_eq!(admission.check_query([-MAX_COMPONENT, MAX_COMPONENT]), Ok(0));
        let beyond = MAX_COMPONENT.next_up();
        for pair in [[beyond, 0.0], [0.0, beyond], [-beyond, 0.0], [0.0, -beyond]] {
            let limit = MAX_COMPONENT;
            let too_large = |part, position| Violation::TooLarge { part, position, pair, limit };
            assert_eq!(admission.check_key(pair), Err(too_large(Part::Key, 1)));
            assert_eq!(admission.check_query(pair), Err(too_large(Part::Query, 0)));
        }
    }

    #[test]
    fn the_last_position_that_fits_is_followed_by_none() {
        let mut admission = Admission { inserted: Admission::MAX_POSITIONS - 1 };
        assert_eq!(admission.check_key([0.0; 2]), Ok(u32::MAX - 1));
        admission.admit();
        assert_eq!(
            admission.check_key([0.0; 2]),
            Err(Violation::TooManyPositions { limit: u32::MAX })
        );
        assert_eq!(admission.check_query([0.0; 2]), Ok(u32::MAX - 1));
    }

    #[test]
    fn many_positions_are_counted_if_all_of_them_fit() {
        let most = Admission::MAX_POSITIONS;
        let mut admission = Admission::after(most - 9);
        for (count, fit, positions) in
            [(10, false, most - 9), (4, true, most - 5), (6, false, most - 5), (5, true, most)]
        {
            assert_eq!(admission.admit_all(count), fit, "{count}");
            assert_eq!(admission.count(), positions);
        }
        assert!(admission.admit_all(0) && !admission.admit_all(1));
        let mut empty = Admission::new();
        assert!(!empty.admit_all(1 << 32) && empty.admit_all(3));
        assert_eq!(empty.count(), 3);
    }

    #[test]
    fn a_query_of_many_is_refused_at_its_position() {
        assert_eq!(Admission::check_query_at(7, [1.0, -MAX_COMPONENT]), Ok(()));
        assert!(matches!(
            Admission::check_query_at(7, [f64::NAN, 0.0]),
            Err(Violation::NotFinite { part: Part::Query, position: 7, .. })
        ));
        assert!(matches!(
            Admission::check_query_at(8, [0.0, 1e200]),
            Err(Violation::TooLarge { part: Part::Query, position: 8, .. })
        ));
    }

    #[test]
    fn what_cannot_be_scored_is_refused_with_its_place() {
        let mut admission = Admission::new();
        assert_eq!(admission.check_query([0.0; 2]), Err(Violation::Empty));
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(matches!(
                admission.check_key([0.0, bad]),
                Err(Violation::NotFinite { part: Part::Key, position: 0, .. })
            ));
        }
        admission.admit();
        assert!(matches!(
            admission.check_query([f64::NAN, 0.0]),
            Err(Violation::NotFinite { part: Part::Query, position: 0, .. })
        ));
        assert!(matches!(
            admission.check_key([-1e200, 0.0]),
            Err(Violation::TooLarge { part: Part::Key, position: 1, .. })
        ));
    }
}
