//! Upper bounds of magnitudes and errors, rounded upwards.
//!
//! An [`Upper`] is at least the real number that it bounds: every operation rounds to the next
//! f64 above (lemma 1 of docs/plan.md). It cannot be taken for a number: it is only compared.

use std::iter::Sum;

/// Not less than what it bounds; infinite where nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Upper(f64);

impl Upper {
    /// The bound of 0, exactly.
    pub const ZERO: Upper = Upper(0.0);

    /// Of the magnitude of a number.
    pub fn of(x: f64) -> Upper {
        Upper(if x.is_nan() { f64::INFINITY } else { x.abs() })
    }

    /// Of a whole magnitude.
    pub fn of_whole(magnitude: u128) -> Upper {
        let near = magnitude as f64;
        Upper(if magnitude <= 1 << 53 { near } else { near.next_up() })
    }

    /// Of the sum of two.
    pub fn plus(self, other: Upper) -> Upper {
        if self.0 == 0.0 {
            other
        } else if other.0 == 0.0 {
            self
        } else {
            Upper((self.0 + other.0).next_up())
        }
    }

    /// Of the product of two.
    pub fn times(self, other: Upper) -> Upper {
        if self.0 == 0.0 || other.0 == 0.0 {
            Upper::ZERO
        } else {
            Upper((self.0 * other.0).next_up())
        }
    }

    /// Whether it is 0: nothing is less.
    pub fn is_zero(self) -> bool {
        self.0 == 0.0
    }

    /// Whether what it bounds is less than a number.
    pub fn is_below(self, x: f64) -> bool {
        self.0 < x
    }

    /// As a number, for reports.
    pub fn number(self) -> f64 {
        self.0
    }
}

impl Sum for Upper {
    fn sum<I: Iterator<Item = Upper>>(all: I) -> Upper {
        all.fold(Upper::ZERO, Upper::plus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uppers_are_never_below_what_they_bound() {
        let third = Upper::of(1.0 / 3.0);
        assert!(third.plus(third).plus(third).number() > 1.0);
        assert!(Upper::of(1e-200).times(Upper::of(-1e-200)).number() > 0.0);
        assert!(Upper::of_whole((1 << 53) + 1).number() > 2f64.powi(53) + 1.0);
        assert_eq!(Upper::of(f64::NAN).number(), f64::INFINITY);
        assert!(Upper::ZERO.times(Upper::of(f64::INFINITY)).is_zero());
        let sum: Upper = [0.1; 10].into_iter().map(Upper::of).sum();
        assert!(sum.number() > 1.0 && sum.is_below(1.0 + 1e-14));
    }
}
