//! By how much rows and units may be off.
//!
//! A sum of rounded products is off by the errors of what it reads and by its own roundings (lemma 7 of
//! docs/plan.md). Where all that is meant lies on one grid, and far enough below 2^53 of its steps, roundings can
//! only enlarge errors that are there (lemma 24); so can that of a product (lemma 28).

use super::nearly::Steps;
use super::rounding::{Analysis, Product, two_to};
use super::upper::Upper;
use crate::plan::expression::affine::Affine;
use crate::plan::limits::WHOLE;

/// More inexact products than these are bounded by their magnitudes alone.
pub const MAX_INEXACT: usize = 16;

/// How far a row that no other rule covers may be off: the meant products lie on a grid of 2^-exponent.
pub(super) fn error(products: &[Product<'_>], exponent: u32) -> Upper {
    let any = error_of_any(products);
    match error_on_grid(products, exponent) {
        Some(on_grid) if on_grid.is_below(any.number()) => on_grid,
        _ => any,
    }
}

/// Lemma 7.
fn error_of_any(products: &[Product<'_>]) -> Upper {
    let count = products.len() as f64;
    let before: Upper =
        products.iter().map(|p| Upper::of(p.weight).times(p.number.parts().3.error())).sum();
    let magnitude: Upper = products.iter().map(|product| product.magnitude).sum();
    let rounding = magnitude.times(Upper::of((count + 1.0) * f64::EPSILON));
    before.plus(rounding).plus(Upper::of(count * f64::MIN_POSITIVE))
}

/// Lemma 24 (b): twice the errors for each of the products that have one, if no sum lies beyond 2^52 steps
/// of the grid, or beyond 2^53 where errors stay below half a step.
fn error_on_grid(products: &[Product<'_>], exponent: u32) -> Option<Upper> {
    let is_off = |product: &&Product<'_>| !product.number.parts().3.error().is_zero();
    let inexact = products.iter().filter(is_off).count();
    let is_plain = products.iter().all(|product| product.number.plain().is_some());
    (is_plain && inexact <= MAX_INEXACT && exponent <= super::rounding::MAX_EXPONENT)
        .then_some(())?;
    let step = two_to(-(exponent as i32));
    let magnitude: Upper = products.iter().map(|product| product.magnitude).sum();
    let before: Upper =
        products.iter().map(|p| Upper::of(p.weight).times(p.number.parts().3.error())).sum();
    let error = before.times(Upper::of((1u64 << inexact) as f64));
    let most = WHOLE as f64 * step;
    let stays =
        magnitude.is_below(most / 2.0) || (magnitude.is_below(most) && error.is_below(step / 2.0));
    stays.then_some(error)
}

impl Analysis {
    /// Lemma 28: how far a product max(gate, 0)·factor is from the whole number that is meant, which is an
    /// f64.
    pub(super) fn steps_of_unit(
        &mut self,
        gate: (&Affine, Steps),
        factor: (&Affine, Steps),
    ) -> Option<Steps> {
        let arena = &mut self.arena;
        let open = arena.bounds(gate.0).positive_part().high;
        let of_gate = arena.counted(gate.1.count().clone())?;
        let of_factor = arena.counted(factor.1.count().clone())?;
        let by_factor = arena.piece(gate.0, &of_factor, &[(0, 1)])?;
        if gate.1.is_none() && open <= 1 {
            // The unit is 0, or its factor.
            return Some(factor.1.or_nothing(by_factor));
        }
        let most = i64::try_from(arena.bounds(factor.0).magnitude()).ok()?;
        let mut count = by_factor.plus(&of_gate, most)?;
        if !gate.1.is_none() {
            // The product of both errors.
            count = count.plus(&of_factor, 1)?;
        }
        Some(Steps::of(Affine::default().plus(&count, 2)?))
    }
}

#[cfg(test)]
mod tests {
    use cranelift_entity::EntityRef;
    use fastrand::Rng;

    use super::*;
    use crate::plan::expression::atom::Atom;
    use crate::plan::expression::evaluate::evaluate;
    use crate::plan::expression::interval::Interval;
    use crate::plan::expression::mean;
    use crate::plan::fuse::draft::{Draft, fusion, zero};
    use crate::plan::fuse::value::{Number, Value};
    use crate::plan::ids::SumId;

    /// Two running sums that are not rounded on purpose, and a number that is exact.
    struct Drawn {
        sums: [i64; 2],
        exact: i64,
        position: i64,
    }

    impl Drawn {
        fn new(random: &mut Rng) -> Drawn {
            let sums = [0; 2].map(|_| random.i64(0..1 << 28) >> random.u32(..28));
            let position = (random.i64(1..1 << 32) >> random.u32(..30)).max(1);
            let exact = random.i64(-(1 << 20)..1 << 20) >> random.u32(..20);
            Drawn { sums, exact, position }
        }

        fn meant(&self, at: usize) -> i64 {
            if at < 2 { self.sums[at] } else { self.exact }
        }

        /// What the reference makes of it.
        fn computed(&self, at: usize) -> f64 {
            let (t, meant) = (self.position as f64, self.meant(at) as f64);
            if at < 2 { meant / t * t } else { meant }
        }

        fn value(&self, analysis: &mut Analysis, at: usize) -> Value {
            let id = SumId::new(at);
            let most = if at < 2 { 1 << 28 } else { 1 << 20 };
            let atom = |analysis: &mut Analysis, atom, low: i128, high: i128| {
                Affine::atom(analysis.arena.intern(atom, Interval::new(low, high)))
            };
            if at == 2 {
                return Value::exact(atom(analysis, Atom::Sum(id), -most, most));
            }
            let sum = atom(analysis, Atom::Sum(id), 0, most);
            let steps = atom(analysis, Atom::SumSteps(id), 0, 2 * most);
            let number = Number::near(sum, Upper::of(2f64.powi(-24)));
            Value::Known(number.with(Some(Steps::of_sum(id, 1, steps)), None))
        }

        fn at(&self, analysis: &Analysis, affine: &Affine) -> i128 {
            evaluate(&analysis.arena, affine, &|atom| match atom {
                Atom::Sum(sum) => Some(self.meant(sum.index()).into()),
                Atom::SumSteps(sum) => {
                    Some(mean::steps(self.sums[sum.index()], self.position).into())
                }
                _ => None,
            })
        }
    }

    /// max(gate, 0)·factor for sums of such numbers, and a sum of two such units, as a layer computes them.
    #[test]
    fn units_are_no_farther_off_than_their_steps() {
        let model = Draft::new(3, 8, 0, 0).model();
        let position_zero = zero(&model);
        let (mut off, mut known, mut alone) = (0, 0, 0);
        for seed in 0..60_000 {
            let random = &mut Rng::with_seed(seed);
            let drawn = Drawn::new(random);
            let (mut fusion, slots) = fusion(&model, &position_zero, 1 << 32);
            let analysis = &mut fusion.analysis;
            let values: Vec<Value> = (0..3).map(|at| drawn.value(analysis, at)).collect();
            // A row of the three and of the constant in slot 3.
            let mut stream = slots.clone();
            for (slot, value) in stream.values_mut().zip(&values) {
                *slot = value.clone();
            }
            let row = |random: &mut Rng| -> (Vec<f64>, f64, i128) {
                let mut weights = vec![0.0; stream.len()];
                for weight in &mut weights[..4] {
                    *weight = [0.0, 0.0, 1.0, -1.0, 4.0][random.usize(..5)];
                }
                let numbers = [0, 1, 2].map(|at| drawn.computed(at));
                let mut computed = weights[3];
                let mut meant = weights[3] as i128;
                for at in 0..3 {
                    computed += weights[at] * numbers[at];
                    meant += weights[at] as i128 * i128::from(drawn.meant(at));
                }
                (weights, computed, meant)
            };
            let (gate, computed_gate, meant_gate) = row(random);
            let (factor, computed_factor, meant_factor) = row(random);
            let unit = fusion.unit(&gate, &factor, &stream);
            let Ok(number) = unit.number() else { continue };
            let Some(steps) = number.steps() else { continue };
            let meant = meant_gate.max(0) * meant_factor;
            let computed = computed_gate.max(0.0) * computed_factor;
            let analysis = &mut fusion.analysis;
            assert_eq!(drawn.at(analysis, number.parts().0), meant, "seed {seed}");
            let apart = ((computed - meant as f64).abs() * 2f64.powi(53)) as i128;
            let count = drawn.at(analysis, steps.count());
            assert!(apart <= count, "seed {seed}: {apart} beyond {count}");
            let bound = number.parts().3.error().number();
            assert!((computed - meant as f64).abs() <= bound, "seed {seed}: beyond {bound}");
            off += u32::from(apart > 0);
            known += u32::from(!steps.is_none());
            alone += u32::from(count > 0 && apart > count / 8);
        }
        assert!(
            off > 500 && known > 5_000 && alone > 100,
            "{off} off, {known} may be, {alone} nearly as far as they may"
        );
    }
}
