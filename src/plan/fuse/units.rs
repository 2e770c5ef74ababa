//! Gated units: max(gate, 0) · factor.
//!
//! The product of an exact gate and an exact factor is exact while it stays within 2^53 steps of
//! its grid, and rounded once beyond. One that bounds cannot keep there is *guarded*: assumed to
//! lie within ±2^40, which is checked at every step if anything that a logit depends on was
//! computed from it, however far back ([`super::value::Guards`], lemma 8 of docs/plan.md).
//! Squares are not: they are keys of tables, which bear rounding.
//!
//! A unit of gate t and factor a mean is the running sum of what the mean is of, or no farther from
//! it than 2^-23 (lemma 9).

use super::Fusion;
use super::heads::entry;
use super::rounding::{Gate, MAX_EXPONENT};
use super::upper::Upper;
use super::value::{Guards, Number, Rounding, Symbols, Value};
use crate::plan::expression::affine::Affine;
use crate::plan::expression::arena::Arena;
use crate::plan::expression::atom::Atom;
use crate::plan::expression::interval::Interval;
use crate::plan::ids::SumId;
use crate::plan::limits::{MAX_SUM, WHOLE};
use crate::plan::refusal::{Cause, Rule};

impl Fusion<'_> {
    /// A unit, of its two rows.
    pub(super) fn unit(&mut self, gate: &[f64], factor: &[f64], slots: &[Value]) -> Value {
        let [gate, factor] = [gate, factor].map(|row| -> Vec<(f64, &Value)> {
            row.iter().copied().zip(slots).filter(|term| term.0 != 0.0).collect()
        });
        let guards = gate.iter().chain(&factor).fold(0, |all, term| all | term.1.guards());
        let factor = self.analysis.row(&factor);
        if factor.is_zero() {
            return Value::zero().assuming(guards);
        }
        let number = self.analysis.gate(&gate).and_then(|gate| self.gated(&gate, &factor));
        Value::from(number).assuming(guards)
    }

    fn gated(&mut self, gate: &Gate, factor: &Value) -> Result<Number, Cause> {
        let no_gate = self.analysis.cause(Rule::ExactGate);
        let (gate, gate_exponent) = gate.fraction().ok_or(no_gate)?;
        let open = self.analysis.arena.bounds(gate).positive_part();
        if open.high == 0 {
            return Ok(Number::exact(Affine::default()));
        }
        let factor = factor.number()?;
        if let (0, Some((sum, scale))) = (gate_exponent, factor.mean_alone())
            && *gate == Arena::position()
        {
            return self.running_sum(sum, scale);
        }
        let plain = factor.plain();
        let (factor, exponent, rounding) =
            plain.ok_or_else(|| self.analysis.cause(Rule::PlainFactor))?;
        let exponent = gate_exponent + exponent;
        let arena = &mut self.analysis.arena;
        let steps = open.product(arena.bounds(factor));
        let piece = arena.piece(gate, factor, &[(0, 1)]);
        let piece = piece.ok_or_else(|| self.analysis.cause(Rule::Coefficient))?;
        let fits = steps.is_within(WHOLE) && exponent <= MAX_EXPONENT;
        let is_square = gate == factor;
        if !fits && rounding == Rounding::None && exponent == 0 && !is_square {
            return self.guarded(piece);
        }
        let grid = |exponent: u32| Upper::of(super::rounding::two_to(-(exponent as i32)));
        let magnitude = Upper::of_whole(steps.magnitude()).times(grid(exponent));
        let once = magnitude.times(Upper::of(f64::EPSILON));
        let rounding = match rounding {
            Rounding::None if fits => Rounding::None,
            Rounding::None => Rounding::Once(once),
            Rounding::Once(error) | Rounding::Within(error) => {
                let open = Upper::of_whole(open.magnitude()).times(grid(gate_exponent));
                let before = open.times(error);
                Rounding::Within(before.plus(once).plus(before.times(Upper::of(f64::EPSILON))))
            }
        };
        Ok(Number::new(piece, exponent, Symbols::default(), rounding, 0))
    }

    /// A product that is exact if it stays within its guard.
    fn guarded(&mut self, product: Affine) -> Result<Number, Cause> {
        let guarded = self.analysis.arena.guarded(product);
        let guarded = guarded.ok_or_else(|| self.analysis.cause(Rule::Register))?;
        let number = entry(&mut self.guards, guarded.clone()).as_u32();
        if number >= Guards::BITS {
            return Err(self.analysis.cause(Rule::Guards));
        }
        Ok(Number::exact(guarded).assuming(1 << number))
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
        Ok(Number::near(affine, Upper::of(MAX_SUM as f64 * 2.0 * f64::EPSILON)))
    }
}
