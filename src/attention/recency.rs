//! The recency term ε of keys on the parabola: what is left of it, and that it never shrinks.
//!
//! A key (2n, -n² + ε) is one f64 rounding away from what it means, so ε is known
//! as an interval, y + n² give or take a *slack*: some units in the last place of n². Near
//! address 2^33 the slack exceeds 1 and the interval says nothing; for
//! small n it says all. Accepted are keys for which some ε in [0, 1) that never
//! shrinks lies in every interval. More is not needed: where two positions
//! compete whose keys are equally near, an equal ε and a greater one both let the later win.

use super::Violation;
use crate::model::HeadKind;

/// -n² is rounded once, the sum with ε once, and n² itself may come from one more product.
const MAX_ULPS: f64 = 4.0;

/// The least that the ε of the latest key can be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recency {
    floor: f64,
}

impl Recency {
    /// How far y + n² may be from ε, for a key that stands for n but is off by `off`.
    #[inline]
    pub(super) fn slack(n: f64, off: f64) -> f64 {
        MAX_ULPS * f64::EPSILON * n * n + 2.0 * (n * off).abs()
    }

    /// The recency after a key for which y + n² is `found`.
    #[inline]
    pub(super) fn after(
        self,
        kind: HeadKind,
        position: u32,
        key: [f64; 2],
        (found, slack): (f64, f64),
    ) -> Result<Self, Violation> {
        if found < -slack || found >= 1.0 + slack {
            return Err(Violation::OffParabola { kind, position, key, by: found });
        }
        if found + slack < self.floor {
            return Err(Violation::Recency { kind, position, recency: found, earlier: self.floor });
        }
        Ok(Self { floor: self.floor.max(found - slack) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(recency: Recency, n: f64, epsilon: f64) -> Result<Recency, Violation> {
        let key = [2.0 * n, -n * n + epsilon];
        recency.after(HeadKind::Keyed, 9, key, (key[1] + n * n, Recency::slack(n, 0.0)))
    }

    #[test]
    fn recency_may_stay_or_grow_but_not_shrink() {
        let earlier = after(Recency::default(), 3.0, 0.25);
        assert!(earlier.is_ok());
        let recency = earlier.unwrap_or_default();
        assert!(after(recency, 3.0, 0.25).is_ok());
        assert!(after(recency, -70.0, 0.26).is_ok());
        assert!(matches!(
            after(recency, 0.0, 0.24),
            Err(Violation::Recency { kind: HeadKind::Keyed, position: 9, .. })
        ));
    }

    #[test]
    fn recency_lies_between_0_and_1() {
        for epsilon in [-0.001, 1.0, 1.5, -1e20] {
            assert!(matches!(
                after(Recency::default(), 0.0, epsilon),
                Err(Violation::OffParabola { position: 9, .. })
            ));
        }
    }

    #[test]
    fn a_key_may_be_off_its_number_as_far_as_the_slack_says() {
        let (n, epsilon) = (1e6, 0.25);
        for off in [1e-7, -1e-7] {
            let x = n + off;
            let slack = Recency::slack(n, x - n);
            let admitted = |by: f64| {
                let found = -x * x + epsilon + n * n + by;
                let key = [2.0 * x, found - n * n];
                Recency::default().after(HeadKind::Keyed, 9, key, (found, slack)).is_ok()
            };
            assert!(admitted(0.0) && slack > 0.2 && slack < 0.21, "{slack}");
            assert!(!admitted(-1.0) && !admitted(1.5));
        }
    }

    #[test]
    fn what_drowned_in_the_square_is_not_held_against_a_key() {
        let mut recency = Recency::default();
        for (n, epsilon) in [(0.0, 0.4), (2f64.powi(33), 0.41), (65_600.0, 0.41), (3.0, 0.42)] {
            let next = after(recency, n, epsilon);
            assert!(next.is_ok(), "{n} {next:?}");
            recency = next.unwrap_or_default();
        }
    }
}
