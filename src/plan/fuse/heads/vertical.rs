//! Vertical keys: kx = 0 always, and qy is a positive constant, so only the height counts.
//!
//! - A constant height: all positions tie, but perhaps position 0. Under *average* that is a mean
//!   over positions 1..=t if position 0 is lower, under *latest* the value at hand.
//! - Level + recency - C·dead under *latest*: the latest live token wins: a *latch*, of which the
//!   plan keeps the age. Position 0 must be live, with the same level (lemma 17 of docs/plan.md).

use super::{Key, Parts, entry};
use crate::model::{HeadKind, TieBreak};
use crate::plan::expression::affine::Affine;
use crate::plan::expression::arena::Arena;
use crate::plan::expression::atom::Atom;
use crate::plan::expression::interval::Interval;
use crate::plan::fuse::Fusion;
use crate::plan::fuse::guards::Guards;
use crate::plan::fuse::value::{Number, Rounding, Symbols, Value};
use crate::plan::limits::{MAX_AGE, MAX_SUM};
use crate::plan::refusal::{Cause, Rule};

impl Fusion<'_> {
    pub(super) fn vertical(&mut self, parts: &Parts, key: &Key) -> Result<[Value; 2], Cause> {
        let first = parts.at_zero.key[1];
        let constant = key.height.as_exact().and_then(Affine::as_constant);
        if let (Some(0), Some(height)) = (key.dead.as_constant(), constant) {
            let height = Some(height as f64);
            return match parts.tie {
                TieBreak::Latest if first <= height => Ok(parts.value.clone()),
                TieBreak::Average if first < height => {
                    Ok([self.mean(&parts.value[0]), self.mean(&parts.value[1])])
                }
                _ => Err(self.analysis.cause(Rule::PositionZero)),
            };
        }
        key.recency(self, parts)?;
        if parts.kind == HeadKind::Lookup && !key.ascends {
            return Err(self.analysis.cause(Rule::HullKey));
        }
        let (affine, exponent, symbols, rounding) = key.height.parts();
        let Symbols { recency: _, square, mean } = *symbols;
        let level = affine.as_constant().filter(|_| exponent == 0 && square == 0.0);
        // Whatever is off by more than roundings could clear a token, or order two.
        let rounded = |level: i64| 8.0 * f64::EPSILON * (level.unsigned_abs() as f64 + 2.0);
        let is_level = level.is_some_and(|level| rounding.error().is_below(rounded(level)));
        if !is_level || mean.is_some() {
            return Err(self.analysis.cause(Rule::HeadForm));
        }
        if first != level.map(|level| level as f64) {
            return Err(self.analysis.cause(Rule::PositionZero));
        }
        self.latest_live(parts, &key.dead)
    }

    /// The latest position for which nothing is `dead`, of which a latch keeps the age.
    pub(super) fn latest_live(
        &mut self,
        parts: &Parts,
        dead: &Affine,
    ) -> Result<[Value; 2], Cause> {
        let latch = entry(&mut self.items.latches, dead.clone());
        let ages = Interval::new(0, MAX_AGE.into());
        let age = Affine::atom(self.analysis.arena.intern(Atom::Age(latch), ages));
        let at = Arena::position().plus(&age, -1);
        let at = at.ok_or_else(|| self.analysis.cause(Rule::Coefficient))?;
        Ok(self.values_at(parts, &at))
    }

    fn mean(&mut self, value: &Value) -> Value {
        if value.is_zero() {
            return Value::zero();
        }
        let exact = value.number().and_then(|number| {
            number.as_exact().cloned().ok_or_else(|| self.analysis.cause(Rule::ExactSummand))
        });
        let summand = match exact {
            Ok(summand) => summand,
            Err(cause) => return Value::Unknown(cause),
        };
        let bounds = self.analysis.arena.bounds(&summand);
        let sum = entry(&mut self.items.sums, summand);
        if self.analysis.summands.get(sum).is_none() {
            self.analysis.summands.push(bounds);
        }
        let symbols = Symbols { mean: Some((sum, 1.0)), ..Symbols::default() };
        let mean = Number::new(Affine::default(), 0, symbols, Rounding::None, Guards::NONE);
        Value::Known(self.analysis.computed(mean))
    }
}

// A mean times its count is within 2^-23 of the sum (lemma 9).
const _: () = assert!(MAX_SUM <= 1 << 28);
