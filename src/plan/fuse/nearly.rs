//! Whole numbers that are a little off, and their squares.
//!
//! A bound of an error that holds for all histories is too great for keys of which a hull decides: the
//! error of a running sum grows with the sum, and the square of a key with the key. So beside its
//! bound a [`Number`] may say more:
//!
//! - it is no farther from a whole number than *steps* of 2^-53, whose count is an expression of running
//!   sums (lemma 24 of docs/plan.md);
//! - it is the square of such a number, made of the products of units (lemma 25).
//!
//! Products of other numbers that are a little off are so, too (lemma 28), and so is what a head finds of
//! them at another position (`substitute.rs`).

use super::error::MAX_INEXACT;
use super::rounding::{Analysis, Product, dyadic, is_power_of_two};
use super::upper::Upper;
use super::value::{Number, Rounding};
use crate::plan::expression::affine::Affine;
use crate::plan::ids::SumId;

/// How far a number may be from the whole number that is meant.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps {
    /// So many times 2^-53, which is never negative.
    count: Affine,
    /// If it is off by nothing, or by this power of two, or its opposite, times what a running sum is off.
    off: Option<(SumId, i64)>,
    /// If it is that multiple of the running sum itself, whatever the order of summation.
    multiple: Option<(SumId, i64)>,
}

/// a·n² where n is positive, and b·n² where it is negative: sums of products max(±n, 0)·n, rounded,
/// of numbers that stand for n.
#[derive(Clone, Debug, PartialEq)]
pub struct Square {
    /// n.
    of: Affine,
    /// a and b.
    pub coefficients: [i64; 2],
    /// How far the numbers that were multiplied may be from n.
    pub steps: Steps,
}

fn times(multiple: Option<(SumId, i64)>, factor: i64) -> Option<(SumId, i64)> {
    multiple.and_then(|(sum, k)| Some((sum, k.checked_mul(factor)?)))
}

impl Steps {
    /// The number is the whole number itself.
    pub fn none() -> Steps {
        Steps { count: Affine::default(), off: None, multiple: None }
    }

    /// Those of a running sum S that was divided by its count and multiplied by it again, or of its
    /// opposite, by `sign`: it is off by less than S·2^-52, and so by one unit in the last place, or by half of
    /// one, or not at all.
    pub fn of_sum(sum: SumId, sign: i64, count: Affine) -> Steps {
        Steps { count, off: Some((sum, sign)), multiple: Some((sum, sign)) }
    }

    /// So many, whichever way the number is off.
    pub fn of(count: Affine) -> Steps {
        Steps { count, off: None, multiple: None }
    }

    /// Their count.
    pub fn count(&self) -> &Affine {
        &self.count
    }

    /// Whether nothing is off.
    pub fn is_none(&self) -> bool {
        self.count == Affine::default()
    }

    /// Whether a number is off to the same side as one that stands for half of it, by no more than twice
    /// as much.
    pub fn are_twice(&self, half: &Steps) -> bool {
        self.off.is_some() && self.off == times(half.off, 2)
    }

    /// Whether a number is twice another one exactly.
    pub fn are_of_twice(&self, half: &Steps) -> bool {
        self.multiple.is_some() && self.multiple == times(half.multiple, 2)
    }

    /// Those of a number that is this one or exactly 0, and off by so many.
    pub fn or_nothing(self, count: Affine) -> Steps {
        Steps { count, multiple: None, ..self }
    }

    /// Those of the opposite number.
    fn negated(self) -> Steps {
        Steps { off: times(self.off, -1), multiple: times(self.multiple, -1), ..self }
    }

    /// At least as many as either.
    fn or(self, other: Steps) -> Option<Steps> {
        if self == other {
            return Some(self);
        }
        Some(Steps::of(self.count.plus(&other.count, 1)?))
    }
}

impl Square {
    /// Of a unit whose gate and factor stand for the same number, or for n and -n.
    pub fn of_unit(gate: (&Affine, Steps), factor: (&Affine, Steps)) -> Option<Square> {
        let of = factor.0.clone();
        if *gate.0 == of {
            return Some(Square { of, coefficients: [1, 0], steps: gate.1.or(factor.1)? });
        }
        let negated = Affine::default().plus(&of, -1)?;
        let steps = gate.1.negated().or(factor.1)?;
        (*gate.0 == negated).then_some(Square { of, coefficients: [0, -1], steps })
    }

    /// The same as a square of this number, if it is that of the number or of its opposite.
    pub fn into_square_of(self, number: &Affine) -> Option<Square> {
        if self.of == *number {
            return Some(self);
        }
        let negated = Affine::default().plus(number, -1)?;
        let [positive, negative] = self.coefficients;
        (self.of == negated).then(|| Square {
            of: number.clone(),
            coefficients: [negative, positive],
            steps: self.steps.negated(),
        })
    }
}

/// 2^52: below it f64 are at most 1/2 apart.
const HALVES: f64 = (1u64 << 52) as f64;

impl Analysis {
    /// A number that is the sum of these products, with all that is known of it.
    pub(super) fn sharpened(&mut self, number: Number, products: &[Product<'_>]) -> Number {
        let steps = match number.whole() {
            Some((_, Rounding::Within(_))) => self.steps(products),
            _ => None,
        };
        number.with(steps, square(products))
    }

    /// Lemma 24: how far the sum of nearly whole products is from a whole number.
    fn steps(&mut self, products: &[Product<'_>]) -> Option<Steps> {
        let mut inexact: Vec<(Steps, f64)> = Vec::new();
        for product in products {
            // Where 0 is meant the product itself has no k.
            let is_whole = dyadic(product.weight)?.1 == 0 && product.exponent == 0;
            let steps = product.number.steps().filter(|_| is_whole)?;
            if !steps.is_none() {
                inexact.push((steps, product.weight));
            }
        }
        let magnitude: Upper = products.iter().map(|product| product.magnitude).sum();
        let is_half = magnitude.is_below(HALVES);
        (is_half || magnitude.is_below(2.0 * HALVES)).then_some(())?;
        let is_alone = products.len() == 1;
        if let [(steps, weight)] = &inexact[..]
            && is_half
            && is_power_of_two(*weight)
            && (is_alone || steps.off.is_some())
        {
            let factor = *weight as i64;
            return Some(Steps {
                count: Affine::default().plus(&steps.count, factor.checked_abs()?)?,
                off: times(steps.off, factor),
                multiple: times(steps.multiple, factor).filter(|_| is_alone),
            });
        }
        (inexact.len() < MAX_INEXACT).then_some(())?;
        let mut count = Affine::default();
        for (steps, weight) in &inexact {
            let factor = (*weight as i64).checked_abs()?.checked_mul(1 << inexact.len())?;
            count = count.plus(&steps.count, factor)?;
        }
        // Where f64 are 1 apart, errors must stay below 1/2.
        let count = if is_half { count } else { self.arena.counted(count)? };
        Some(Steps::of(count))
    }
}

/// Lemma 25: a sum of squares of one number, of which at most one is not 0 where nothing is off.
pub(super) fn square(products: &[Product<'_>]) -> Option<Square> {
    let mut all = products.iter().map(|product| {
        // Other weights need not fit an integer.
        (product.weight.abs() == 1.0).then_some(())?;
        let square = product.number.square()?.clone();
        let coefficients = square.coefficients.map(|c| c * product.weight as i64);
        Some(Square { coefficients, ..square })
    });
    let first = all.next()??;
    all.try_fold(first, |sum, next| {
        let next = next?.into_square_of(&sum.of)?;
        let pairs = [0, 1].map(|side| (sum.coefficients[side], next.coefficients[side]));
        let disjoint = pairs.iter().all(|&(a, b)| a == 0 || b == 0);
        disjoint.then_some(())?;
        let steps = sum.steps.or(next.steps)?;
        Some(Square { of: sum.of, coefficients: pairs.map(|(a, b)| a + b), steps })
    })
}

#[cfg(test)]
mod tests {
    use cranelift_entity::EntityRef;
    use fastrand::Rng;

    use super::*;
    use crate::plan::expression::arena::Arena;
    use crate::plan::expression::atom::Atom;
    use crate::plan::expression::evaluate::evaluate;
    use crate::plan::expression::interval::Interval;
    use crate::plan::expression::mean;
    use crate::plan::fuse::draft::{Draft, fusion, zero};
    use crate::plan::fuse::value::Value;

    const SUMS: usize = 2;

    /// What a test draws for one position: running sums, the position, and a great number.
    struct Drawn {
        sums: [i64; SUMS],
        position: i64,
        great: i64,
    }

    impl Drawn {
        fn new(random: &mut Rng) -> Drawn {
            let sums = [0; SUMS].map(|_| random.i64(0..1 << 28) >> random.u32(..28));
            let position = (random.i64(1..1 << 32) >> random.u32(..30)).max(1);
            Drawn { sums, position, great: random.i64(-(1 << 44)..1 << 44) >> random.u32(..44) }
        }

        /// What the reference makes of a running sum.
        fn computed(&self, sum: usize) -> f64 {
            let t = self.position as f64;
            self.sums[sum] as f64 / t * t
        }

        fn at(&self, arena: &Arena, affine: &Affine) -> i128 {
            evaluate(arena, affine, &|atom| match atom {
                Atom::Sum(sum) if sum.index() < SUMS => Some(self.sums[sum.index()].into()),
                Atom::Sum(_) => Some(self.great.into()),
                Atom::SumSteps(sum) => {
                    Some(mean::steps(self.sums[sum.index()], self.position).into())
                }
                _ => None,
            })
        }
    }

    /// A sum of products in some order, fused or not.
    fn summed(random: &mut Rng, products: &[(f64, f64)]) -> f64 {
        let mut products = products.to_vec();
        random.shuffle(&mut products);
        let fused = random.bool();
        let mut sums: Vec<f64> = Vec::new();
        for (w, x) in products {
            match sums.last_mut() {
                Some(sum) if random.u8(..4) > 0 => {
                    *sum = if fused { w.mul_add(x, *sum) } else { *sum + w * x }
                }
                _ => sums.push(w * x),
            }
        }
        sums.into_iter().reduce(|a, b| a + b).unwrap()
    }

    #[test]
    fn rows_are_as_near_to_whole_numbers_as_they_claim_in_every_order_of_summation() {
        let model = Draft::new(3, 8, 0, 0).model();
        let position_zero = zero(&model);
        let (mut one, mut several, mut none, mut off) = (0, 0, 0, 0);
        for seed in 0..60_000 {
            let random = &mut Rng::with_seed(seed);
            let drawn = Drawn::new(random);
            let (mut fusion, _) = fusion(&model, &position_zero, 1 << 32);
            let analysis = &mut fusion.analysis;
            let most = |bits: u32| Interval::new(-(1i128 << bits), 1i128 << bits);
            let mut values = Vec::new();
            for sum in 0..SUMS {
                let id = SumId::new(sum);
                let sign = [1, -1][random.usize(..2)];
                let affine = Affine::atom(analysis.arena.intern(Atom::Sum(id), most(28)));
                let affine = Affine::default().plus(&affine, sign).unwrap();
                let steps = Affine::atom(analysis.arena.intern(Atom::SumSteps(id), most(29)));
                let error = Upper::of(MAX_ERROR);
                let steps = Steps::of_sum(id, sign, steps);
                let number = Number::near(affine, error).with(Some(steps), None);
                values.push((Value::Known(number), sign as f64 * drawn.computed(sum)));
            }
            let great = Atom::Sum(SumId::new(SUMS));
            let great = Affine::atom(analysis.arena.intern(great, most(44)));
            values.push((Value::exact(great), drawn.great as f64));
            let mut terms: Vec<(f64, &Value)> = Vec::new();
            let mut products = Vec::new();
            for (value, computed) in &values {
                for _ in 0..random.usize(..3) {
                    let weight = [1.0, -1.0, 2.0, 256.0, -4.0, 3.0, 40.0][random.usize(..7)];
                    terms.push((weight, value));
                    products.push((weight, *computed));
                }
            }
            let Ok(number) = analysis.row(&terms).number().cloned() else { continue };
            let Some(steps) = number.steps() else {
                none += 1;
                continue;
            };
            if steps.is_none() || products.is_empty() {
                continue;
            }
            let meant = drawn.at(&analysis.arena, number.parts().0) as f64;
            let count = drawn.at(&analysis.arena, steps.count()) as f64;
            for _ in 0..4 {
                let apart = summed(random, &products) - meant;
                off += i32::from(apart != 0.0);
                assert!(apart.abs() <= count * STEP, "seed {seed}: {apart:e} beyond {count}");
                match steps.off {
                    Some((sum, k)) => {
                        one += 1;
                        let sum = sum.index();
                        let of_sum = drawn.computed(sum) - drawn.sums[sum] as f64;
                        assert!(apart == 0.0 || apart == of_sum * k as f64, "seed {seed}");
                    }
                    None => several += 1,
                }
            }
        }
        assert!(
            one > 5_000 && several > 5_000 && none < 20_000 && off > 5_000,
            "{one} off by one sum, {several} by several, {none} without a claim, {off} off"
        );
    }

    /// 2^-53, and what a running sum is off at most.
    const STEP: f64 = f64::EPSILON / 2.0;
    const MAX_ERROR: f64 = (1u64 << 29) as f64 * STEP;
}
