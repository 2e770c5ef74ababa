//! The two predicates of plane geometry that the hull needs, decided exactly.
//!
//! Both are signs of small polynomials in f64s. Each is first evaluated in
//! plain f64 with a bound on its error; only a result within the bound is
//! computed again without any rounding. So the hull knows a true tie from a near
//! one, and its chain of vertices is strictly convex, not nearly so.
//! Exact means barring underflow: products below 2^-1022 round to 0.
//!
//! The method is that of Shewchuk's adaptive predicates: a product of two f64s
//! is the unevaluated sum of two f64s, and a sum of f64s is kept as an
//! *expansion*, components that do not overlap, least first, so that the last one
//! that is not 0 has the sign of the whole.

use robust::{Coord, orient2d};

/// Three rounded operations (difference, product, sum) err by less than
/// 3 + 16·2^-53 units of 2^-53; four is a round number above that.
const MAX_ERROR: f64 = 4.0 * f64::EPSILON / 2.0;

/// Positive when b lies above the line from a to c (a left of c), 0 when on it, negative below.
#[inline]
pub(super) fn above(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> f64 {
    let coord = |p: [f64; 2]| Coord { x: p[0], y: p[1] };
    orient2d(coord(a), coord(c), coord(b))
}

/// A number with the sign of q·(b - a): positive when q scores b above a, 0 when they tie.
#[inline]
pub(super) fn climb(q: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let across = q[0] * (b[0] - a[0]);
    let up = q[1] * (b[1] - a[1]);
    let sum = across + up;
    if sum.abs() > MAX_ERROR * (across.abs() + up.abs()) { sum } else { climb_exactly(q, a, b) }
}

#[cold]
fn climb_exactly(q: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let mut expansion = [0.0; 8];
    let factors = [(q[0], b[0]), (-q[0], a[0]), (q[1], b[1]), (-q[1], a[1])];
    for (i, (x, y)) in factors.into_iter().enumerate() {
        let product = x * y;
        let error = x.mul_add(y, -product);
        grow(&mut expansion[..=2 * i], error);
        grow(&mut expansion[..=2 * i + 1], product);
    }
    expansion.into_iter().rev().find(|&c| c != 0.0).unwrap_or(0.0)
}

/// Adds a term to an expansion whose last component is still free.
fn grow(expansion: &mut [f64], term: f64) {
    let mut carry = term;
    let Some((free, components)) = expansion.split_last_mut() else {
        return;
    };
    for component in components {
        let sum = carry + *component;
        let part = sum - carry;
        *component = (carry - (sum - part)) + (*component - part);
        carry = sum;
    }
    *free = carry;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wide() -> impl Strategy<Value = i64> {
        (0u32..60, any::<i64>()).prop_map(|(bits, n)| (n >> (63 - bits)) as f64 as i64)
    }

    fn climb_in_integers(q: [i64; 2], a: [i64; 2], b: [i64; 2]) -> i128 {
        let d = |i: usize| i128::from(q[i]) * (i128::from(b[i]) - i128::from(a[i]));
        d(0) + d(1)
    }

    proptest! {
        #[test]
        fn climb_has_the_sign_of_integer_arithmetic(
            q in [wide(), wide()], a in [wide(), wide()], b in [wide(), wide()],
        ) {
            let float = |p: [i64; 2]| p.map(|c| c as f64);
            let sign = climb_in_integers(q, a, b).signum() as f64;
            let (q, a, b) = (float(q), float(a), float(b));
            prop_assert_eq!(sign, sign_of(climb(q, a, b)));
            prop_assert_eq!(sign, sign_of(climb_exactly(q, a, b)));
        }

        #[test]
        fn climb_sees_a_tie_and_the_least_step_away_from_it(
            d in [1i64..1 << 26, 1i64..1 << 26], a in [-1i64 << 50..1 << 50, -1i64 << 50..1 << 50],
            scale in 1i64..1 << 26,
        ) {
            let a = a.map(|c| c as f64);
            let b = [a[0] + d[0] as f64, a[1] + d[1] as f64];
            let q = [(-d[1] * scale) as f64, (d[0] * scale) as f64];
            prop_assert_eq!(climb(q, a, b), 0.0);
            prop_assert!(climb([q[0], q[1].next_up()], a, b) > 0.0);
            prop_assert!(climb([q[0].next_down(), q[1]], a, b) < 0.0);
        }
    }

    #[test]
    fn climb_is_not_fooled_by_differences_that_round() {
        // b - a is (2^53 + 3, 3·2^53 + 10), which rounds up in x and down in y:
        // 3x - y is -1, not 4.
        let big = 2f64.powi(53);
        let (q, a, b) = ([3., -1.], [-3., -2.], [big, 3. * big + 8.]);
        assert_eq!(q[0] * (b[0] - a[0]) + q[1] * (b[1] - a[1]), 4.0);
        assert!(climb(q, a, b) < 0.0);
        // The bound on the error is relative: a scale that is a power of two changes nothing.
        for scale in [2f64.powi(-150), 2f64.powi(150)] {
            assert!(climb(q.map(|c| c * scale), a, b) < 0.0);
        }
    }

    fn sign_of(x: f64) -> f64 {
        if x == 0.0 { 0.0 } else { x.signum() }
    }

    #[test]
    fn a_point_is_above_on_or_below_a_line_exactly() {
        let n = 67_108_864.0; // 2^26: n² and its neighbours fill all 53 bits
        let key = |n: f64| [2.0 * n, -n * n];
        assert!(above(key(n - 1.0), key(n), key(n + 1.0)) > 0.0);
        assert_eq!(above([0., 0.], [n, 3. * n], [2. * n, 6. * n]), 0.0);
        assert!(above([0., 0.], [n, (3. * n).next_down()], [2. * n, 6. * n]) < 0.0);
    }
}
