//! Gated units: max(gate, 0) · factor.
//!
//! The product of an exact gate and an exact factor is exact while it stays within 2^53 steps of
//! its grid, and rounded once beyond. One that bounds cannot keep there is *guarded*: assumed to
//! lie within ±2^40, which is checked wherever anything that a logit depends on was computed from
//! it, however far back ([`super::guards::Guards`], lemma 8 of docs/plan.md).
//! Squares are not: they are keys of tables, which bear rounding. Where gate or factor are off, so is
//! the product: max(x, 0) is never farther off than x (lemma 28 counts by how much).
//!
//! A unit of gate t and factor a mean is no farther than 2^-23 from the running sum of what the mean
//! is of (lemma 9).

use super::guards::Guards;
use super::heads::entry;
use super::nearly::{Square, Steps};
use super::rounding::{Gate, MAX_EXPONENT};
use super::upper::Upper;
use super::value::{Number, Rounding, Symbols, Value};
use super::{Fusion, Stream};
use crate::plan::expression::affine::Affine;
use crate::plan::expression::arena::Arena;
use crate::plan::expression::atom::Atom;
use crate::plan::expression::interval::Interval;
use crate::plan::ids::SumId;
use crate::plan::limits::{MAX_SUM, WHOLE};
use crate::plan::refusal::{Cause, Rule};

impl Fusion<'_> {
    /// A unit, of its two rows.
    pub(super) fn unit(&mut self, gate: &[f64], factor: &[f64], slots: &Stream) -> Value {
        let [gate, factor] = [gate, factor].map(|row| -> Vec<(f64, &Value)> {
            row.iter().copied().zip(slots.values()).filter(|term| term.0 != 0.0).collect()
        });
        let guards: Guards = gate.iter().chain(&factor).map(|term| term.1.guards()).collect();
        let factor = self.analysis.row(&factor);
        if factor.is_zero() {
            return Value::zero().assuming(guards);
        }
        let number = self.analysis.gate(&gate).and_then(|gate| self.gated(&gate, &factor));
        Value::from(number).assuming(guards)
    }

    fn gated(&mut self, gate: &Gate, factor: &Value) -> Result<Number, Cause> {
        let no_gate = self.analysis.cause(Rule::ExactGate);
        let (off_gate, gate) = (gate.number().steps(), gate.number().plain().ok_or(no_gate)?);
        let (gate, gate_exponent, gate_rounding) = gate;
        let open = self.analysis.arena.bounds(gate).positive_part();
        if open.high == 0 && gate_rounding == Rounding::None {
            return Ok(Number::exact(Affine::default()));
        }
        let factor = factor.number()?;
        if (gate_exponent, gate_rounding) == (0, Rounding::None) && gate.as_constant() == Some(1) {
            return Ok(factor.clone());
        }
        if let (0, Rounding::None, Some((sum, scale))) =
            (gate_exponent, gate_rounding, factor.mean_alone())
            && *gate == Arena::position()
        {
            return self.running_sum(sum, scale);
        }
        let off_factor = factor.steps();
        let plain = factor.plain();
        let (factor, exponent, rounding) =
            plain.ok_or_else(|| self.analysis.cause(Rule::PlainFactor))?;
        let exponent = gate_exponent + exponent;
        let off = off_gate.zip(off_factor).filter(|_| exponent == 0);
        let square = off.clone().and_then(|off| Square::of_unit((gate, off.0), (factor, off.1)));
        let arena = &mut self.analysis.arena;
        let steps = open.product(arena.bounds(factor));
        let piece = arena.piece(gate, factor, &[(0, 1)]);
        let piece = piece.ok_or_else(|| self.analysis.cause(Rule::Coefficient))?;
        let fits = steps.is_within(WHOLE) && exponent <= MAX_EXPONENT;
        let is_exact = (gate_rounding, rounding) == (Rounding::None, Rounding::None);
        if !fits && is_exact && exponent == 0 && square.is_none() {
            return self.guarded(piece);
        }
        let grid = |exponent: u32| Upper::of(super::rounding::two_to(-(exponent as i32)));
        let magnitude = Upper::of_whole(steps.magnitude()).times(grid(exponent));
        let once = magnitude.times(Upper::of(f64::EPSILON));
        let rounding = if is_exact {
            if fits { Rounding::None } else { Rounding::Once(once) }
        } else {
            // (g + a)·(f + b) is g·f but for g·b + a·f + a·b.
            let open = Upper::of_whole(open.magnitude()).times(grid(gate_exponent));
            let most = self.analysis.arena.bounds(factor).magnitude();
            let most = Upper::of_whole(most).times(grid(exponent - gate_exponent));
            let (a, b) = (gate_rounding.error(), rounding.error());
            let before = open.times(b).plus(a.times(most.plus(b)));
            let rounded = before.plus(once).plus(before.times(Upper::of(f64::EPSILON)));
            // What is meant is an f64 (lemma 28).
            let twice = before.times(Upper::of(2.0));
            let is_less = fits && twice.is_below(rounded.number());
            Rounding::Within(if is_less { twice } else { rounded })
        };
        let off = off.filter(|_| fits && !is_exact && square.is_none());
        let off = off.and_then(|off| self.analysis.steps_of_unit((gate, off.0), (factor, off.1)));
        let number = Number::new(piece, exponent, Symbols::default(), rounding, Guards::NONE);
        Ok(self.analysis.computed(number.with(off, square)))
    }

    /// A product that is exact if it stays within its guard.
    fn guarded(&mut self, product: Affine) -> Result<Number, Cause> {
        let guarded = self.analysis.arena.guarded(product);
        let guarded = guarded.ok_or_else(|| self.analysis.cause(Rule::Register))?;
        let number = entry(&mut self.guards, guarded.clone()).as_u32();
        if number >= Guards::BITS {
            return Err(self.analysis.cause(Rule::Guards));
        }
        Ok(Number::exact(guarded).assuming(Guards::of(number)))
    }

    /// A mean times the position.
    fn running_sum(&mut self, sum: SumId, scale: f64) -> Result<Number, Cause> {
        if scale.abs() != 1.0 {
            return Err(self.analysis.cause(Rule::PlainFactor));
        }
        let most = Interval::new(0, MAX_SUM.into());
        let atom = self.analysis.arena.intern(Atom::Sum(sum), most);
        let affine = Affine::default().plus(&Affine::atom(atom), scale as i64);
        let affine = affine.ok_or_else(|| self.analysis.cause(Rule::Coefficient))?;
        // Two roundings, each of at most half a unit in the last place of a sum up to 2^28.
        let number = Number::near(affine, Upper::of(MAX_SUM as f64 * 2.0 * f64::EPSILON));
        // Twice the greatest sum, for a unit in its last place is 2^-52 times the sum at most.
        let most = Interval::new(0, 2 * i128::from(MAX_SUM));
        let steps = Affine::atom(self.analysis.arena.intern(Atom::SumSteps(sum), most));
        let number = number.with(Some(Steps::of_sum(sum, scale as i64, steps)), None);
        Ok(self.analysis.computed(number))
    }
}

#[cfg(test)]
mod tests {
    use cranelift_entity::EntityRef;
    use fastrand::Rng;

    use super::*;
    use crate::plan::fuse::draft::{Draft, FREE, NUMBER, ODD, ONE, RECENCY, TIME, fusion, zero};
    use crate::plan::limits::MAX_PRODUCT;

    const BITS: [u32; 6] = [1, 10, 26, 30, 40, 52];

    /// An atom within ±2^bits or 0..=2^bits, and a number within its bounds.
    fn atom(random: &mut Rng, arena: &mut Arena) -> (Affine, i64) {
        let most = 1i64 << BITS[random.usize(..BITS.len())];
        let least = if random.bool() { -most } else { 0 };
        let sum = SumId::new(arena.len());
        let bounds = Interval::new(least.into(), most.into());
        let atom = Affine::atom(arena.intern(Atom::Sum(sum), bounds));
        let number = match random.u8(..4) {
            0 => most,
            1 => least,
            2 => most - 1,
            _ => random.i64(least..=most),
        };
        (atom, number)
    }

    fn scaled(x: i64, exponent: u32) -> f64 {
        x as f64 * super::super::rounding::two_to(-(exponent as i32))
    }

    #[test]
    fn products_are_what_they_claim() {
        let model = Draft::new(3, 8, 0, 0).model();
        let position_zero = zero(&model);
        let (mut exact, mut once, mut within, mut guarded) = (0, 0, 0, 0);
        for seed in 0..30_000 {
            let random = &mut Rng::with_seed(seed);
            let (mut fusion, _) = fusion(&model, &position_zero, 1 << 20);
            let first = fusion.analysis.arena.len();
            let (gate, g) = atom(random, &mut fusion.analysis.arena);
            let (mut factor, mut f) = atom(random, &mut fusion.analysis.arena);
            if random.u8(..6) == 0 {
                (factor, f) = (gate.clone(), g);
            }
            let [e, d] = [0; 2].map(|_| [0, 0, 0, 1, 5, 20][random.usize(..6)]);
            let error = [0.0, 0.0, 0.25, 3.0][random.usize(..4)];
            let part = [0.0, 1.0, -1.0][random.usize(..3)];
            let number = |affine: &Affine, exponent, error: f64| {
                let error = Upper::of(error);
                let rounding =
                    if error.is_zero() { Rounding::None } else { Rounding::Within(error) };
                Number::new(affine.clone(), exponent, Symbols::default(), rounding, Guards::NONE)
            };
            let gate_value = Value::Known(number(&gate, e, 0.0));
            let gate = fusion.analysis.gate(&[(1.0, &gate_value)]).unwrap();
            let factor_value = Value::Known(number(&factor, d, error));
            let product = fusion.gated(&gate, &factor_value).unwrap();
            // The reference's numbers.
            let (actual_gate, actual_factor) = (scaled(g, e), scaled(f, d) + error * part);
            if (actual_factor - scaled(f, d)).abs() > error {
                continue;
            }
            let computed = actual_gate.max(0.0) * actual_factor;
            let meant = i128::from(g.max(0)) * i128::from(f);
            let claimed = crate::plan::expression::evaluate::evaluate(
                &fusion.analysis.arena,
                product.parts().0,
                &|atom| match atom {
                    Atom::Sum(sum) if sum.index() == first => Some(g.into()),
                    Atom::Sum(_) => Some(f.into()),
                    _ => None,
                },
            );
            let grid = |x: i128, e: u32| x as f64 * super::super::rounding::two_to(-(e as i32));
            let exponent = product.parts().1;
            assert!(exponent <= e + d, "seed {seed}");
            assert_eq!(claimed << (e + d - exponent), meant, "seed {seed}: {product:?}");
            match product.parts().3 {
                Rounding::None if product.guards() != Guards::NONE => {
                    guarded += 1;
                    assert!(meant.abs() > MAX_PRODUCT.into() || computed == grid(meant, e + d));
                }
                Rounding::None => {
                    exact += 1;
                    assert!(meant.abs() <= WHOLE.into(), "seed {seed}: {product:?}");
                    assert_eq!(computed, grid(meant, e + d), "seed {seed}: {product:?}");
                }
                // An i128 becomes the nearest f64, ties to even.
                Rounding::Once(error) => {
                    once += 1;
                    assert_eq!(computed, grid(meant, e + d), "seed {seed}: {product:?}");
                    let off = (grid(meant, 0) as i128 - meant).abs();
                    assert!(grid(off, e + d) <= error.number(), "seed {seed}: {product:?}");
                }
                Rounding::Within(error) => {
                    within += 1;
                    let off = (computed - grid(meant, e + d)).abs();
                    let most = error.number() + computed.abs() * f64::EPSILON / 2.0;
                    assert!(off <= most, "seed {seed}: {off} beyond {error:?}");
                }
            }
        }
        assert!(
            exact > 2_000 && once > 1_000 && within > 2_000 && guarded > 500,
            "{exact} exact, {once} rounded once, {within} within, {guarded} guarded"
        );
    }

    #[test]
    fn a_unit_is_refused_where_its_gate_or_factor_is_not_known() {
        let model = Draft::new(4, 10, 0, 0).model();
        let position_zero = zero(&model);
        let (mut fusion, slots) = fusion(&model, &position_zero, 1 << 20);
        let row = |weights: &[(usize, f64)]| {
            let mut row = vec![0.0; slots.len()];
            weights.iter().for_each(|&(slot, weight)| row[slot] = weight);
            row
        };
        let mut unit = |gate: &[(usize, f64)], factor: &[(usize, f64)]| {
            fusion.unit(&row(gate), &row(factor), &slots).number().map(|_| ()).map_err(|e| e.rule)
        };
        assert_eq!(unit(&[(NUMBER, 1.0)], &[(ODD, 1.0)]), Ok(()));
        assert_eq!(unit(&[(NUMBER, 0.5)], &[(ODD, 0.25)]), Ok(()));
        assert_eq!(unit(&[(NUMBER, 1.0), (RECENCY, 1.0)], &[(ODD, 1.0)]), Err(Rule::ExactGate));
        assert_eq!(unit(&[(NUMBER, 1.0)], &[(RECENCY, 1.0)]), Err(Rule::PlainFactor));
        assert_eq!(unit(&[(NUMBER, 0.3)], &[(ODD, 1.0)]), Err(Rule::DyadicWeight));
        // A gate that is never open lets anything be.
        assert_eq!(unit(&[(NUMBER, -1.0)], &[(RECENCY, 1.0)]), Ok(()));
        // A factor that is 0 does, too.
        assert_eq!(unit(&[(RECENCY, 1.0)], &[(FREE, 1.0)]), Ok(()));
        // So does a gate that is constant: the unit is linear.
        assert_eq!(unit(&[(ONE, 2.0)], &[(NUMBER, 1.0), (TIME, 1.0)]), Ok(()));
    }

    #[test]
    fn a_product_beyond_2_to_the_53_is_guarded_unless_it_is_a_square() {
        let mut draft = Draft::new(4, 10, 0, 0);
        for token in 1..4 {
            draft.embed(token, &[(FREE, 2f64.powi(27) - token as f64), (FREE + 1, token as f64)]);
        }
        let model = draft.model();
        let position_zero = zero(&model);
        let (mut fusion, slots) = fusion(&model, &position_zero, 1 << 20);
        let unit = |slot: usize| -> Vec<f64> {
            (0..slots.len()).map(|at| f64::from(u8::from(at == slot))).collect()
        };
        let square = fusion.unit(&unit(FREE), &unit(FREE), &slots);
        assert!(matches!(square.number().unwrap().parts().3, Rounding::Once(_)));
        assert_eq!((square.guards(), fusion.guards.len()), (Guards::NONE, 0));
        let mut other = unit(FREE);
        other[FREE + 1] = 1.0;
        let product = fusion.unit(&unit(FREE), &other, &slots);
        assert_eq!((product.guards(), fusion.guards.len()), (Guards::of(0), 1));
        assert!(product.as_exact().is_some());
        // The same product is the same guard; whoever reads it depends on it.
        let again = fusion.unit(&unit(FREE), &other, &slots);
        assert_eq!((again.guards(), fusion.guards.len()), (Guards::of(0), 1));
        let row = fusion.analysis.row(&[(1.0, &product), (-1.0, &product)]);
        assert!(row.is_zero() && row.guards() == Guards::of(0), "0 may depend on a guard, too");
    }

    #[test]
    fn there_are_64_guards_and_no_more() {
        let mut draft = Draft::new(4, 10, 0, 0);
        for token in 1..4 {
            draft.embed(token, &[(FREE, 2f64.powi(28) - token as f64)]);
        }
        let model = draft.model();
        let position_zero = zero(&model);
        let (mut fusion, slots) = fusion(&model, &position_zero, 1 << 20);
        let mut gate = vec![0.0; slots.len()];
        gate[FREE] = 1.0;
        for number in 0..65 {
            let mut factor = gate.clone();
            factor[ONE] = f64::from(1 + number);
            let unit = fusion.unit(&gate, &factor, &slots);
            match unit.number() {
                Ok(number_of) => assert_eq!(number_of.guards(), Guards::of(number as u32)),
                Err(cause) => assert_eq!((cause.rule, number), (Rule::Guards, 64)),
            }
        }
    }
}
