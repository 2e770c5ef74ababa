//! What the output head reads: exact expressions, and what must be guarded for them.

use cranelift_entity::EntityRef;

use crate::model::Matrix;
use crate::plan::expression::affine::Affine;
use crate::plan::fuse::Fused;
use crate::plan::fuse::guards::Guards;
use crate::plan::fuse::rounding::{dyadic, two_to};
use crate::plan::ids::SlotId;
use crate::plan::refusal::{Cause, Place, Rule};

/// What the output head reads, and what is guarded for it.
pub struct Reading {
    /// By slots with the same weights.
    pub values: Vec<Read>,
    /// Guarded products that must keep their bounds at every step.
    pub guards: Vec<Affine>,
    /// Those that must do so where a step predicts, and fractions guarded to be whole there.
    pub guards_of_predictions: Vec<Affine>,
}

/// Slots that the output head reads by the same weights.
pub struct Read {
    /// The first of them.
    slot: SlotId,
    /// Their sum, times 2^`exponent`.
    pub affine: Affine,
    /// Steps of `affine` are 2^-this.
    exponent: u32,
    /// The sum of their greatest magnitudes, in steps of 2^-`exponent`.
    pub most: u128,
}

impl Read {
    /// Its weight, over whole numbers, in the logit of a token.
    pub fn weight(&self, head: Matrix<'_>, id: usize) -> f64 {
        head.row(id)[self.slot.index()] * two_to(-(self.exponent as i32))
    }

    /// The same as k·2^-e, if it is not 0.
    pub fn dyadic(
        &self,
        head: Matrix<'_>,
        id: usize,
        place: Place,
    ) -> Result<Option<(i64, u32)>, Cause> {
        let weight = head.row(id)[self.slot.index()];
        if weight == 0.0 {
            return Ok(None);
        }
        let cause = Cause { place, rule: Rule::DyadicWeight, bound: Some(weight) };
        let (k, e) = dyadic(weight).ok_or(cause)?;
        Ok(Some((k, e + self.exponent)))
    }
}

/// Reads all slots with weights in the head; `whole`: with fractions guarded to be whole.
pub fn reading(head: Matrix<'_>, fused: &mut Fused, whole: bool) -> Result<Reading, Cause> {
    let weight = |id: usize, slot: SlotId| head.row(id)[slot.index()];
    let slots = fused.slots.keys();
    let read = slots.filter(|&slot| (0..head.rows).any(|id| weight(id, slot) != 0.0));
    let mut needed = Guards::NONE;
    let mut guards_of_predictions = Vec::new();
    let mut values: Vec<Read> = Vec::new();
    for slot in read {
        let number = fused.slots[slot].number()?;
        let arena = &mut fused.analysis.arena;
        let cause = |rule: Rule, bound: Option<f64>| Cause {
            place: Place::OutputSlot { slot },
            rule,
            bound,
        };
        let error = number.parts().3.error().number();
        let (affine, exponent) =
            number.fraction().ok_or_else(|| cause(Rule::ExactLogit, Some(error)))?;
        needed = needed.and(number.guards());
        let (affine, exponent) = if whole && exponent > 0 {
            let affine = arena.whole(affine, exponent);
            let affine = affine.ok_or_else(|| cause(Rule::Register, None))?;
            guards_of_predictions.push(affine.clone());
            (affine, 0)
        } else {
            (affine.clone(), exponent)
        };
        let most = arena.bounds(&affine).magnitude();
        let alike = |known: &&mut Read| {
            known.exponent == exponent
                && (0..head.rows).all(|id| weight(id, known.slot) == weight(id, slot))
        };
        match values.iter_mut().find(alike) {
            Some(known) => {
                let sum = known.affine.plus(&affine, 1).and_then(|sum| arena.merge(sum));
                known.affine = sum.ok_or_else(|| cause(Rule::Coefficient, None))?;
                known.most = known.most.saturating_add(most);
            }
            None => values.push(Read { slot, affine, exponent, most }),
        }
    }
    let mut guards = Vec::new();
    for (number, guard) in &fused.guards {
        if needed.has_everywhere(number.as_u32()) {
            guards.push(guard.clone());
        } else if needed.has_here(number.as_u32()) {
            guards_of_predictions.push(guard.clone());
        }
    }
    Ok(Reading { values, guards, guards_of_predictions })
}
