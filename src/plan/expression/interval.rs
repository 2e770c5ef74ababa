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

        /// No interval is wider than it has to be, as long as its ends are finite.
        #[test]
        fn ends_are_reached(
            (a, x) in interval(), (b, _) in interval(), k in any::<i32>(),
        ) {
            let ends = |interval: Interval| [interval.low, interval.high];
            let finite = ends(a).into_iter().chain(ends(b)).all(|end| end.abs() < 1 << 59);
            let hull = |of: &[i128]| {
                Interval::new(*of.iter().min().unwrap(), *of.iter().max().unwrap())
            };
            if finite {
                prop_assert_eq!(a.plus(b), hull(&[a.low + b.low, a.high + b.high]));
                let corners = ends(a).map(|end| ends(b).map(|other| end * other));
                prop_assert_eq!(a.product(b), hull(corners.as_flattened()));
                prop_assert_eq!(a.times(k), hull(&ends(a).map(|end| end * i128::from(k))));
                prop_assert_eq!(a.union(b), hull(&[ends(a), ends(b)].concat()));
                prop_assert_eq!(a.including(b.low), hull(&[a.low, a.high, b.low]));
                prop_assert_eq!(a.positive_part(), hull(&ends(a).map(|end| end.max(0))));
                prop_assert_eq!(a.is_within(1 << 40), ends(a).iter().all(|e| e.abs() <= 1 << 40));
                let both = (a.low.max(b.low), a.high.min(b.high));
                let both = if both.0 <= both.1 { hull(&[both.0, both.1]) } else { Interval::EMPTY };
                prop_assert_eq!(a.intersection(b), both);
            }
            prop_assert_eq!(a.as_point().is_some(), a.low == a.high && i64::try_from(x).is_ok());
        }
    }

    #[test]
    fn nothing_is_computed_of_no_number_and_0_times_anything_is_0() {
        let empty = Interval::EMPTY;
        for other in [Interval::point(3), Interval::new(-9, INFINITE - 1), empty] {
            assert_eq!([other.plus(empty), empty.plus(other)], [empty; 2]);
            assert_eq!([other.product(empty), empty.product(other)], [empty; 2]);
            assert_eq!(other.intersection(empty), empty);
            assert_eq!(other.union(empty), other);
        }
        assert_eq!([empty.times(-2), empty.times(0), empty.positive_part()], [empty; 3]);
        let ends = [(BELOW, 5), (-5, ABOVE), (BELOW, ABOVE)];
        for anything in ends.map(|(low, high)| Interval::new(low, high)) {
            assert_eq!(anything.times(0), Interval::point(0));
            assert_eq!(anything.product(Interval::point(0)), Interval::point(0));
        }
        assert_eq!(Interval::new(BELOW, 5).times(-2), Interval::new(-10, ABOVE));
        assert_eq!(Interval::new(BELOW, 5).positive_part(), Interval::new(0, 5));
        let half = Interval::new(2, ABOVE);
        assert_eq!(half.product(Interval::new(-3, -1)), Interval::new(BELOW, -2));
        assert_eq!(half.product(Interval::new(-3, 1)), Interval::new(BELOW, ABOVE));
        assert_eq!(half.map(|x| x / 2), Interval::new(1, ABOVE));
        assert!(Interval::new(-5, 3).is_within(5) && Interval::new(-3, 5).is_within(5));
        assert!(!Interval::new(-5, 3).is_within(4) && !Interval::new(-3, 5).is_within(4));
        let most = Interval::new(1 - INFINITE, INFINITE - 1);
        assert_eq!([most.low, most.high], [1 - INFINITE, INFINITE - 1]);
        let infinite = Interval::new(-INFINITE, INFINITE);
        assert_eq!([infinite.low, infinite.high], [BELOW, ABOVE]);
        // What is infinite at its nearer end is bounded there by what is not.
        let far = Interval::new(INFINITE + 1, INFINITE + 9);
        assert_eq!(far, Interval { low: INFINITE - 1, high: ABOVE });
        let far = Interval::new(-INFINITE - 9, -INFINITE - 1);
        assert_eq!(far, Interval { low: BELOW, high: 1 - INFINITE });
    }
}
