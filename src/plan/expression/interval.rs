//! Bounds of whole numbers, in exact arithmetic.
//!
//! An end is a whole number below 2^120 in magnitude, or infinite. Infinity is sticky: what was
//! computed from an infinite end is infinite, so an interval always holds every value that the
//! expression can take (lemma 1 of docs/plan.md). Nothing here rounds and nothing wraps.

/// Least and greatest value. An interval that is empty (low above high) bounds what never happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Interval {
    /// Least.
    pub low: i128,
    /// Greatest.
    pub high: i128,
}

/// Ends of this magnitude or more are infinite.
const INFINITE: i128 = 1 << 120;

const BELOW: i128 = i128::MIN;
const ABOVE: i128 = i128::MAX;

fn is_infinite(end: i128) -> bool {
    end == BELOW || end == ABOVE
}

/// An end, infinite if it is beyond what ends may be.
fn end(x: i128) -> i128 {
    if x <= -INFINITE {
        BELOW
    } else if x >= INFINITE {
        ABOVE
    } else {
        x
    }
}

/// The sum of two ends on the side of `infinite`.
fn add(a: i128, b: i128, infinite: i128) -> i128 {
    if a == infinite || b == infinite {
        infinite
    } else if is_infinite(a) || is_infinite(b) {
        -1 - infinite
    } else {
        end(a + b)
    }
}

/// The product of two ends; 0 times anything is 0.
fn multiply(a: i128, b: i128) -> i128 {
    let infinite = || if (a < 0) == (b < 0) { ABOVE } else { BELOW };
    if a == 0 || b == 0 {
        0
    } else if is_infinite(a) || is_infinite(b) {
        infinite()
    } else {
        a.checked_mul(b).map_or_else(infinite, end)
    }
}

impl Interval {
    /// The bounds of no number at all.
    pub const EMPTY: Interval = Interval { low: ABOVE, high: BELOW };

    /// From least to greatest. Only a low end is infinite downwards, and only a high one upwards.
    pub fn new(low: i128, high: i128) -> Interval {
        let (low, high) = (end(low), end(high));
        if low > high {
            return Interval::EMPTY;
        }
        Interval { low: low.min(INFINITE - 1), high: high.max(1 - INFINITE) }
    }

    /// The bounds of one number.
    pub fn point(x: i64) -> Interval {
        Interval { low: x.into(), high: x.into() }
    }

    /// The only number, if there is only one.
    pub fn as_point(self) -> Option<i64> {
        (self.low == self.high).then(|| i64::try_from(self.low).ok()).flatten()
    }

    /// How far its ends are apart, at most what fits.
    pub fn width(self) -> u128 {
        if is_infinite(self.low) || is_infinite(self.high) {
            return u128::MAX;
        }
        self.high.abs_diff(self.low)
    }

    /// Of the sum of two.
    pub fn plus(self, other: Interval) -> Interval {
        Interval::new(add(self.low, other.low, BELOW), add(self.high, other.high, ABOVE))
    }

    /// Of a multiple.
    pub fn times(self, k: impl Into<i128>) -> Interval {
        let k = k.into();
        let (a, b) = (multiply(self.low, k), multiply(self.high, k));
        if self == Interval::EMPTY {
            self
        } else if k < 0 {
            Interval::new(b, a)
        } else {
            Interval::new(a, b)
        }
    }

    /// Of the product of two.
    pub fn product(self, other: Interval) -> Interval {
        if self == Interval::EMPTY || other == Interval::EMPTY {
            return Interval::EMPTY;
        }
        let (a, b) = (other.times(self.low), other.times(self.high));
        Interval::new(a.low.min(b.low), a.high.max(b.high))
    }

    /// With one more number.
    pub fn including(self, x: i128) -> Interval {
        Interval::new(self.low.min(x), self.high.max(x))
    }

    /// Of either.
    pub fn union(self, other: Interval) -> Interval {
        Interval { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// Of what lies in both.
    pub fn intersection(self, other: Interval) -> Interval {
        Interval::new(self.low.max(other.low), self.high.min(other.high))
    }

    /// Of a monotone function that keeps infinite ends where they are.
    pub fn map(self, f: impl Fn(i128) -> i128) -> Interval {
        let of = |x: i128| if is_infinite(x) { x } else { f(x) };
        Interval::new(of(self.low), of(self.high))
    }

    /// Of its greatest with 0.
    pub fn positive_part(self) -> Interval {
        if self == Interval::EMPTY {
            self
        } else {
            Interval::new(self.low.max(0), self.high.max(0))
        }
    }

    /// The greatest magnitude.
    pub fn magnitude(self) -> u128 {
        self.low.unsigned_abs().max(self.high.unsigned_abs())
    }

    /// Whether every number in it lies within ±`most`.
    pub fn is_within(self, most: i64) -> bool {
        self.magnitude() <= u128::from(most.unsigned_abs())
    }
}

/// Bounds of the greatest of several numbers.
pub fn greatest(of: impl Iterator<Item = Interval>) -> Interval {
    let higher =
        |all: Interval, one: Interval| Interval::new(all.low.max(one.low), all.high.max(one.high));
    of.reduce(higher).unwrap_or(Interval::EMPTY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number() -> impl Strategy<Value = i128> {
        prop_oneof![
            -9i128..10,
            any::<i64>().prop_map(i128::from),
            (0u32..120, -3i128..4).prop_map(|(k, off)| (1i128 << k) + off),
            (0u32..120, -3i128..4).prop_map(|(k, off)| -(1i128 << k) + off),
        ]
    }

    fn interval() -> impl Strategy<Value = (Interval, i128)> {
        (number(), number(), 0.0..1.0).prop_map(|(a, b, part)| {
            let (low, high) = (a.min(b), a.max(b));
            let inside = low + ((high - low) as f64 * part) as i128;
            (Interval::new(low, high), inside.clamp(low, high))
        })
    }

    fn holds(interval: Interval, exact: Option<i128>) -> bool {
        // Beyond i128 only infinite ends are known to hold the number.
        exact.is_none_or(|x| interval.low <= x && x <= interval.high)
    }

    proptest! {
        #[test]
        fn intervals_hold_what_is_computed_from_their_numbers(
            (a, x) in interval(), (b, y) in interval(), k in any::<i64>(),
        ) {
            prop_assert!(holds(a.plus(b), x.checked_add(y)));
            prop_assert!(holds(a.product(b), x.checked_mul(y)));
            prop_assert!(holds(a.times(k), x.checked_mul(k.into())));
            prop_assert!(holds(a.union(b), Some(x)) && holds(a.union(b), Some(y)));
            prop_assert!(holds(a.positive_part(), Some(x.max(0))));
            prop_assert!(x.unsigned_abs() <= a.magnitude());
            // Infinity is sticky: nothing that follows an overflow is bounded on that side.
            let wide = Interval::new(-INFINITE, 5).plus(Interval::new(INFINITE - 1, 9));
            prop_assert_eq!(wide.low, BELOW);
        }
    }
}
