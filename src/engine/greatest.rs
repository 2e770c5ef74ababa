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
//!
//! Where all weights are multiples of 2⁻ᵍ and all x are whole, so are all products and their sums.
//! Up to 2⁵³⁻ᵍ each of these is an f64, so as long as Σ|wᵢxᵢ| is no more, no sum rounds, in whatever
//! order: logits that differ are in the order of those that count.

use std::cmp::Ordering;

use crate::model::Token;

/// The tokens' logits, and how far roundings may take them.
pub struct Greatest {
    /// By slot, the greatest magnitude of a weight.
    weights: Vec<f64>,
    /// Up to this sum of magnitudes no sum of whole multiples of weights rounds.
    exact: f64,
}

impl Greatest {
    /// For an output head with a row for each token, all of them `slots` long.
    pub fn new<'h>(rows: impl Iterator<Item = &'h [f64]>, slots: usize) -> Greatest {
        let mut weights = vec![0.0f64; slots];
        let mut places = 0;
        for row in rows {
            for (most, weight) in weights.iter_mut().zip(row) {
                *most = most.max(weight.abs());
                places = places.max(binary_places(*weight));
            }
        }
        // Half of what is exact: the sum of magnitudes rounds itself.
        Greatest { weights, exact: 2f64.powi(52 - places) }
    }

    /// Logits of one position that lie further apart are in the order of those that count. Not
    /// finite where sums may overflow.
    pub fn apart(&self, x: impl Iterator<Item = f64>) -> f64 {
        let (mut sum, mut off) = (0.0, 0.0);
        for (weight, x) in self.weights.iter().zip(x) {
            sum += weight * x.abs();
            off += off_whole(x);
        }
        self.apart_of(sum, off)
    }

    /// The same for many positions: x has a row for each slot.
    #[inline(always)]
    pub fn all_apart<const N: usize>(&self, x: &[[f64; N]]) -> [f64; N] {
        let (mut sums, mut offs) = ([0.0; N], [0.0; N]);
        for (&weight, row) in self.weights.iter().zip(x) {
            for ((sum, off), x) in sums.iter_mut().zip(&mut offs).zip(row) {
                *sum += weight * x.abs();
                *off += off_whole(*x);
            }
        }
        std::array::from_fn(|at| self.apart_of(sums[at], offs[at]))
    }

    /// From a sum of magnitudes, itself rounded, and how far off whole numbers are.
    fn apart_of(&self, magnitudes: f64, off: f64) -> f64 {
        if off == 0.0 && magnitudes <= self.exact {
            return 0.0;
        }
        // Else a sum may overflow in one order and not in another.
        if magnitudes.is_nan() || magnitudes > f64::MAX / 4.0 {
            return f64::INFINITY;
        }
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

/// How many binary places behind the point a number needs, at most 1074.
fn binary_places(number: f64) -> i32 {
    if number == 0.0 {
        return 0;
    }
    let bits = number.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32;
    // Of subnormal numbers, too, the last bit of the fraction is 2^-1074.
    let last = exponent.max(1) - 1075 + (bits | 1 << 52).trailing_zeros() as i32;
    (-last).max(0)
}

/// How far a number is from a whole one; more than 0 also beyond 2^51, and for what is no number.
#[inline(always)]
fn off_whole(x: f64) -> f64 {
    /// Sums with it are whole.
    const WHOLE: f64 = 1.5 * (1u64 << 52) as f64;
    let whole = (x + WHOLE) - WHOLE;
    if x.abs() <= (1u64 << 51) as f64 { (x - whole).abs() } else { 1.0 }
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
    fn numbers_have_as_many_places_as_their_last_bit() {
        let places = [(0.0, 0), (3.0, 0), (-1e14, 0), (0.5, 1), (-1.25, 2), (6.5, 1), (0.1, 55)];
        for (number, places) in places {
            assert_eq!(binary_places(number), places, "{number}");
        }
        assert_eq!(binary_places(f64::from_bits(1)), 1074);
        assert_eq!(binary_places(f64::MIN_POSITIVE), 1022);
        assert_eq!(binary_places(f64::from_bits(6)), 1073);
    }

    #[test]
    fn whole_numbers_are_not_off_and_others_are() {
        for x in [0.0, -0.0, 1.0, -7.0, 2f64.powi(51), -2f64.powi(51)] {
            assert_eq!(off_whole(x), 0.0, "{x}");
        }
        for x in [0.5, -0.25, 1e-300, f64::from_bits(1), 3.0f64.next_up(), 2f64.powi(51).next_up()]
        {
            assert!(off_whole(x) > 0.0, "{x}");
        }
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(off_whole(x) > 0.0, "{x}");
        }
    }

    /// Weights of halves and whole x, up to where sums begin to round: in any order the same, and
    /// one step further not.
    #[test]
    fn where_nothing_is_apart_no_sum_rounds() {
        let random = &mut Rng::with_seed(4);
        let (mut exact, mut rounds) = (0, 0);
        for _ in 0..20_000 {
            let k = random.usize(1..8);
            let scale = 2f64.powi(random.i32(40..56));
            let row: Vec<f64> = (0..k).map(|_| (random.f64() * scale).round() / 2.0).collect();
            let x: Vec<f64> = (0..k).map(|_| f64::from(random.i8(..))).collect();
            let greatest = Greatest::new([&row[..]].into_iter(), k);
            if greatest.apart(x.iter().copied()) > 0.0 {
                rounds += 1;
                continue;
            }
            exact += 1;
            let wholes: i128 =
                row.iter().zip(&x).map(|(w, x)| (2.0 * w) as i128 * (*x as i128)).sum();
            let mut order: Vec<usize> = (0..k).collect();
            for _ in 0..4 {
                random.shuffle(&mut order);
                let sum = order.iter().fold(0.0, |sum, &i| sum + row[i] * x[i]);
                let fused = order.iter().fold(0.0, |sum, &i| row[i].mul_add(x[i], sum));
                assert_eq!([sum, fused], [wholes as f64 / 2.0; 2]);
                assert_eq!((2.0 * sum) as i128, wholes);
            }
        }
        assert!(exact > 5000 && rounds > 2000, "{exact} {rounds}");
    }

    #[test]
    fn bounds_of_many_positions_are_those_of_one() {
        let greatest = Greatest::new([&[1.0, -2.0][..], &[-3.0, 0.5]].into_iter(), 2);
        let apart = greatest.all_apart(&[[1.5, 2.0, f64::INFINITY], [-1.0, 0.0, 1.0]]);
        for (at, x) in [[1.5, -1.0], [2.0, 0.0], [f64::INFINITY, 1.0]].into_iter().enumerate() {
            assert_eq!(apart[at], greatest.apart(x.into_iter()));
        }
        assert_eq!(apart[1], 0.0);
        assert!(apart[0] > 15.0 * f64::EPSILON && apart[0] < 1e-13 && apart[2].is_infinite());
    }
}
