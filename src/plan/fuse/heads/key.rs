//! Keys: their height, what clears them, and whether a hull orders them by recency.
//!
//! The second component of a key is a *height*, from which *clear terms* take away 1e28 or more for
//! each reason why a token takes no part. Where no reason holds all clear terms are 0, so the
//! height is what it would be without them: that needs every count to be never negative, or to be
//! alone, where the sum is guarded (lemma 13 of docs/plan.md).

use super::{Parts, Row};
use crate::model::TieBreak;
use crate::plan::expression::affine::Affine;
use crate::plan::fuse::nearly::Square;
use crate::plan::fuse::value::{Number, Rounding, Value};
use crate::plan::fuse::{Fusion, Stream};
use crate::plan::refusal::{Cause, Rule};

/// A key that may be vertical or on the parabola.
pub struct Key {
    /// The first component.
    pub x: Value,
    /// The second without what clears it.
    pub height: Number,
    /// How many reasons clear it; less than 0 is a guard failure.
    pub dead: Affine,
    /// Whether among keys whose heights are meant to be equal but for the recency, the reference's
    /// never fall with the position.
    pub ascends: bool,
    /// The square that the height is, negated, but for the recency, if it is one.
    pub square: Option<Square>,
}

/// Clear terms have weights of this magnitude or more.
const CLEARED: f64 = 1e28;

/// Below this factor the recency stays below 1: it is less than 1/ln 2 times it.
const MAX_RECENCY: f64 = 0.65;

impl Key {
    /// The key of a head, whose first component is known.
    pub(super) fn new(
        fusion: &mut Fusion<'_>,
        parts: &Parts,
        x: Value,
        slots: &Stream,
    ) -> Result<Key, Cause> {
        let (clear, rest): (Row, Row) =
            parts.key[1].iter().copied().partition(|&(_, w)| w.abs() >= CLEARED);
        let dead = dead(fusion, &clear, slots)?;
        let height = fusion.sparse_row(&rest, slots).number()?.clone();
        let ascends = height.parts().3 == Rounding::None || is_recency_and_one(&rest, slots);
        let square = square(&rest, slots);
        Ok(Key { x, height, dead, ascends, square })
    }

    /// The factor of the recency, if later positions win ties by it and it can never outweigh a
    /// key that is one off.
    pub(super) fn recency(&self, fusion: &Fusion<'_>, parts: &Parts) -> Result<f64, Cause> {
        let recency = self.height.parts().2.recency;
        if parts.tie != TieBreak::Latest || !(0.0..MAX_RECENCY).contains(&recency) {
            return Err(fusion.analysis.cause_by(Rule::Recency, recency));
        }
        Ok(recency)
    }
}

/// The sum of all counts. Weights do not matter: all that counts is whether the sum is 0.
fn dead(fusion: &mut Fusion<'_>, clear: &Row, slots: &Stream) -> Result<Affine, Cause> {
    let mut dead = Affine::default();
    let counts = clear.iter().filter(|(slot, _)| !slots[*slot].is_zero());
    let alone = counts.clone().count() == 1;
    for &(slot, weight) in counts {
        let count = slots[slot].number()?.as_exact();
        let count = count.ok_or_else(|| fusion.analysis.cause(Rule::Clear))?;
        let sign = if weight < 0.0 { 1 } else { -1 };
        if !alone && fusion.analysis.arena.bounds(count).times(sign).low < 0 {
            return Err(fusion.analysis.cause(Rule::Clear));
        }
        dead = dead.plus(count, sign).ok_or_else(|| fusion.analysis.cause(Rule::Coefficient))?;
    }
    Ok(dead)
}

/// Whether a height is at most one term of recency and one other, which is whole, or the squared
/// position, and at most rounded once: then for equal numbers it is a monotone function of the recency.
fn is_recency_and_one(height: &Row, slots: &Stream) -> bool {
    let (mut recencies, mut others) = (0, 0);
    for &(slot, weight) in height {
        let Ok(number) = slots[slot].number() else { return false };
        if slots[slot].is_zero() {
            continue;
        }
        if number.recency_alone().is_some_and(|factor| factor * weight >= 0.0) {
            recencies += 1;
        } else if number.is_square()
            || matches!(number.whole(), Some((_, Rounding::None | Rounding::Once(_))))
        {
            others += 1;
        } else {
            return false;
        }
    }
    recencies <= 1 && others <= 1
}

/// The square n² if a height is -n², rounded, and at most one term of recency.
fn square(height: &Row, slots: &Stream) -> Option<Square> {
    let (mut recencies, mut square) = (0, None);
    for &(slot, weight) in height {
        let number = slots[slot].number().ok()?;
        if slots[slot].is_zero() {
            continue;
        }
        match number.square() {
            None => {
                number.recency_alone()?;
                recencies += 1;
            }
            Some(part) if square.is_none() && weight.abs() == 1.0 => {
                let mut part = part.clone();
                part.coefficients = part.coefficients.map(|c| c * -(weight as i64));
                square = Some(part);
            }
            Some(_) => return None,
        }
    }
    square.filter(|_| recencies <= 1)
}
