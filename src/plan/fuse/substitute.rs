//! What a value was at another position.
//!
//! A head's output is the value *at a position*: its expression with the position substituted.
//! Values made of tokens at fixed distances, of the position and of units over these need no
//! memory but the history of tokens; all others get a column. An expression holds for positions
//! from 1 on; where it says something else at position 0 than the reference computes, the mark of
//! the BOS token makes up for it (lemma 18 of docs/plan.md).

use super::Fusion;
use super::heads::{Column, Parts, entry};
use super::value::{Number, Value};
use crate::plan::expression::affine::Affine;
use crate::plan::expression::arena::Arena;
use crate::plan::expression::atom::Atom;
use crate::plan::expression::interval::Interval;
use crate::plan::expression::merge::height;
use crate::plan::expression::quotient::round;
use crate::plan::ids::AtomId;
use crate::plan::refusal::{Cause, Rule};

impl Fusion<'_> {
    pub(super) fn values_at(&mut self, parts: &Parts, at: &Affine) -> [Value; 2] {
        [0, 1].map(|i| self.value_at(&parts.value[i], at, parts.at_zero.whole_value(i)))
    }

    /// A value at a place within 0..=t, which is `at_zero` at position 0.
    pub(super) fn value_at(&mut self, value: &Value, at: &Affine, at_zero: Option<i64>) -> Value {
        self.number_at(value, at, at_zero).into()
    }

    fn number_at(
        &mut self,
        value: &Value,
        at: &Affine,
        at_zero: Option<i64>,
    ) -> Result<Number, Cause> {
        let no_value = self.analysis.cause(Rule::WholeValue);
        let (affine, rounding) = value.number()?.whole().ok_or(no_value)?;
        let at_zero = at_zero.ok_or_else(|| self.analysis.cause(Rule::PositionZero))?;
        let substituted = self.substitute(affine, at).and_then(|there| {
            let first = self.at_zero(affine)?;
            if first == i128::from(at_zero) {
                return Some(there);
            }
            self.single_bos.then_some(())?;
            let mark = self.features.bos_mark();
            let mark = self.analysis.arena.feature(at.clone(), mark);
            there.plus(&mark, i64::try_from(i128::from(at_zero) - first).ok()?)
        });
        let there = match substituted {
            Some(there) => there,
            // How far the reference is from what the column holds stays the same.
            None => {
                let bounds = self.analysis.arena.bounds(affine).union(Interval::point(at_zero));
                let column = Column { value: affine.clone(), at_zero };
                let column = entry(&mut self.items.columns, column);
                let atom = Atom::Column { column, place: at.clone() };
                Affine::atom(self.analysis.arena.intern(atom, bounds))
            }
        };
        Ok(Number::near(there, rounding.error()))
    }

    /// An expression with the latest position replaced by `at`, if tokens and positions say all.
    fn substitute(&mut self, affine: &Affine, at: &Affine) -> Option<Affine> {
        let mut sum = Affine::constant(affine.c);
        for &(atom, k) in &affine.terms {
            sum = sum.plus(&self.substitute_atom(atom, at)?, k)?;
        }
        self.analysis.arena.merge(sum)
    }

    fn substitute_atom(&mut self, id: AtomId, at: &Affine) -> Option<Affine> {
        let atom = self.analysis.arena.atom(id).clone();
        let there = match &atom {
            Atom::Position => return Some(at.clone()),
            Atom::Feature { place, feature } => {
                let behind = place.plus(&Arena::position(), -1)?.as_constant()?;
                (behind <= 0).then_some(())?;
                let place = at.plus(&Affine::constant(1), behind)?;
                Atom::Feature { place, feature: *feature }
            }
            Atom::Piece { .. } | Atom::Rounded { .. } => {
                atom.map_children(|child| self.substitute(child, at))?
            }
            // All others depend on more than tokens and positions.
            _ => return None,
        };
        let none = Interval::EMPTY;
        self.analysis.arena.make(there, none)
    }

    /// What an expression of tokens and positions gives at position 0.
    fn at_zero(&self, affine: &Affine) -> Option<i128> {
        let mut sum = i128::from(affine.c);
        for &(atom, k) in &affine.terms {
            let number = match self.analysis.arena.atom(atom) {
                Atom::Position => 0,
                Atom::Feature { feature, .. } => {
                    i128::from(self.features.columns[*feature][self.position_zero.bos.index()])
                }
                Atom::Piece { gate, factor, knots } => {
                    let (gate, factor) = (self.at_zero(gate)?, self.at_zero(factor)?);
                    height(knots, gate)?.checked_mul(factor)?
                }
                Atom::Rounded { affine, shift } => {
                    let affine = i64::try_from(self.at_zero(affine)?).ok()?;
                    round(affine, *shift).into()
                }
                _ => return None,
            };
            sum = sum.checked_add(number.checked_mul(k.into())?)?;
        }
        Some(sum)
    }
}
