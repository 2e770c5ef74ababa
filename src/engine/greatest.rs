//! The next token: that with the greatest logit, the lowest id of several equal ones.
//!
//! A logit is a sum over the slots. Where it rounds, its last bits depend on the order of
//! summation: kernels differ in it, and one kernel sums otherwise for one position than for
//! many. So that engines and methods of verification cannot differ here, *the logits that count*
//! are those of one order: products in the order of the slots, each product and each sum rounded.
//! What a kernel computes stands for them wherever it tells the greatest by more than roundings
//! can be off; the others are summed again.
//!
//! Any f64 sum of k products is off from the real one by at most (k+1)·2⁻⁵²·Σ|wᵢxᵢ| (lemma 7 of
//! docs/plan.md), so the difference of two logits, in one order and in another, by at most four
//! times that. Σ|wᵢxᵢ| is bounded for all tokens at once, by the greatest weight of each slot.

use std::cmp::Ordering;

use crate::model::Token;

/// The tokens' logits, and how far roundings may take them.
pub struct Greatest {
    /// By slot, the greatest magnitude of a weight.
    weights: Vec<f64>,
}

impl Greatest {
    /// For an output head with a row for each token, all of them `slots` long.
    pub fn new<'h>(rows: impl Iterator<Item = &'h [f64]>, slots: usize) -> Greatest {
        let mut weights = vec![0.0f64; slots];
        for row in rows {
            for (most, weight) in weights.iter_mut().zip(row) {
                *most = most.max(weight.abs());
            }
        }
        Greatest { weights }
    }

    /// Logits of one position that lie further apart are in the order of those that count. Not
    /// finite where sums may overflow.
    pub fn apart(&self, x: impl Iterator<Item = f64>) -> f64 {
        self.apart_of(self.weights.iter().zip(x).map(|(weight, x)| weight * x.abs()).sum())
    }

    /// The same for many positions: x has a row for each slot, as long as `apart`.
    pub fn all_apart(&self, x: &[f64], apart: &mut [f64]) {
        apart.fill(0.0);
        for (&weight, row) in self.weights.iter().zip(x.chunks_exact(apart.len().max(1))) {
            for (sum, x) in apart.iter_mut().zip(row) {
                *sum += weight * x.abs();
            }
        }
        for sum in apart {
            *sum = self.apart_of(*sum);
        }
    }

    /// From a sum of magnitudes, itself rounded.
    fn apart_of(&self, magnitudes: f64) -> f64 {
        // Where products are subnormal they round by less than 2^-1074 each.
        4.0 * (self.weights.len() + 2) as f64 * f64::EPSILON * magnitudes + f64::MIN_POSITIVE
    }

    /// The next token and its logit, if any logit is a number. `row` gives a token's weights,
    /// `logits` are a kernel's.
    pub fn token<'h>(
        &self,
        row: impl Fn(usize) -> &'h [f64],
        x: impl Iterator<Item = f64> + Clone,
        logits: impl Iterator<Item = f64> + Clone,
    ) -> Option<(Token, f64)> {
        let most = logits.clone().fold(f64::NEG_INFINITY, f64::max);
        let least = most - self.apart(x.clone());
        // Nothing is below what is no number.
        let near = logits
            .enumerate()
            .filter(|(_, logit)| logit.partial_cmp(&least) != Some(Ordering::Less));
        let mut best: Option<(Token, f64)> = None;
        for (id, logit) in near.map(|(id, _)| (id, logit(row(id), x.clone()))) {
            if best.map_or(!logit.is_nan(), |best| logit > best.1) {
                best = Some((Token(id as u32), logit));
            }
        }
        best
    }
}

/// The logit that counts.
pub fn logit(row: &[f64], x: impl Iterator<Item = f64>) -> f64 {
    row.iter().zip(x).fold(0.0, |sum, (weight, x)| sum + weight * x)
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    fn token(head: &[&[f64]], x: &[f64], logits: &[f64]) -> Option<u32> {
        let greatest = Greatest::new(head.iter().copied(), x.len());
        let found = greatest.token(|id| head[id], x.iter().copied(), logits.iter().copied());
        found.map(|(token, _)| token.0)
    }

    #[test]
    fn the_lowest_id_wins_a_tie_and_what_is_no_number_never() {
        let of = |logits: [f64; 3]| {
            let rows = logits.map(|logit| [logit]);
            token(&rows.each_ref().map(|row| &row[..]), &[1.0], &logits)
        };
        assert_eq!(of([1.0, 3.0, 3.0]), Some(1));
        assert_eq!(of([f64::NAN, -1.0, -2.0]), Some(1));
        assert_eq!(of([f64::NEG_INFINITY, f64::NAN, f64::NAN]), Some(0));
        assert_eq!(of([f64::NAN; 3]), None);
        assert_eq!(of([-1.0, f64::INFINITY, 5.0]), Some(1));
    }

    /// 0.1 + 0.2 + 0.3 and 0.3 + 0.2 + 0.1 differ in the last bit.
    #[test]
    fn sums_that_round_count_in_the_order_of_slots() {
        let (up, down) = ([0.1, 0.2, 0.3], [0.3, 0.2, 0.1]);
        let [counts, other] = [up, down].map(|row| row[0] + row[1] + row[2]);
        assert!(counts > other);
        for logits in [[counts, other], [other, counts], [counts, counts]] {
            assert_eq!(token(&[&up, &down], &[1.0; 3], &logits), Some(0));
            assert_eq!(token(&[&down, &up], &[1.0; 3], &logits), Some(1));
        }
    }

    #[test]
    fn sums_in_any_order_give_the_same_token() {
        let random = &mut Rng::with_seed(9);
        let mut near = 0;
        for _ in 0..20_000 {
            let k = random.usize(1..8);
            let number = |random: &mut Rng| (random.f64() - 0.5) * 2f64.powi(random.i32(-30..30));
            let x: Vec<f64> = (0..k).map(|_| number(random)).collect();
            let mut head: Vec<Vec<f64>> =
                (0..4).map(|_| (0..k).map(|_| number(random)).collect()).collect();
            // Two that are all but alike.
            head[3] = head[1].clone();
            let nudged = random.usize(..k);
            head[3][nudged] = head[1][nudged] * (1.0 + f64::EPSILON * random.f64() * 3.0);
            let rows: Vec<&[f64]> = head.iter().map(Vec::as_slice).collect();
            let mut sums = |order: &mut Vec<usize>| -> Vec<f64> {
                rows.iter()
                    .map(|row| {
                        random.shuffle(order);
                        let fused = random.bool();
                        order.iter().fold(0.0, |sum, &i| {
                            if fused { row[i].mul_add(x[i], sum) } else { sum + row[i] * x[i] }
                        })
                    })
                    .collect()
            };
            let mut order: Vec<usize> = (0..k).collect();
            let (one, other) = (sums(&mut order), sums(&mut order));
            let expected = token(&rows, &x, &one);
            let counting = rows.iter().map(|row| logit(row, x.iter().copied()));
            let plain = counting.enumerate().fold((0, f64::NEG_INFINITY), |best, (id, logit)| {
                if logit > best.1 { (id, logit) } else { best }
            });
            assert_eq!(expected, Some(plain.0 as u32), "{head:?} {x:?}");
            assert_eq!(token(&rows, &x, &other), expected, "{head:?} {x:?}");
            near += usize::from(one != other);
        }
        assert!(near > 10_000, "{near}");
    }

    #[test]
    fn bounds_of_many_positions_are_those_of_one() {
        let greatest = Greatest::new([&[1.0, -2.0][..], &[-3.0, 0.5]].into_iter(), 2);
        let mut apart = [0.0; 3];
        greatest.all_apart(&[1.0, 2.0, f64::INFINITY, -1.0, 0.0, 1.0], &mut apart);
        for (at, x) in [[1.0, -1.0], [2.0, 0.0], [f64::INFINITY, 1.0]].into_iter().enumerate() {
            assert_eq!(apart[at], greatest.apart(x.into_iter()));
        }
        assert!(apart[0] > 15.0 * f64::EPSILON && apart[0] < 1e-13 && apart[2].is_infinite());
    }
}
