//! What the output head reads: expressions, by how much the reference may be off from them, and what must
//! be guarded for them.

use cranelift_entity::EntityRef;

use crate::model::Matrix;
use crate::plan::expression::affine::Affine;
use crate::plan::expression::arena::Arena;
use crate::plan::fuse::Fused;
use crate::plan::fuse::guards::Guards;
use crate::plan::fuse::rounding::{dyadic, two_to};
use crate::plan::fuse::value::{Number, Rounding};
use crate::plan::ids::SlotId;
use crate::plan::limits::MAX_COUNT;
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
    /// By how many times 2^-53 the reference's number may be off: 0 if it is exact. Slots that may be
    /// off stand alone.
    pub off: Affine,
}

impl Read {
    /// Whether the reference's number may be another.
    pub fn is_off(&self) -> bool {
        self.off != Affine::default()
    }

    /// Its weight in the logit of a token, as it is in the model.
    pub fn own_weight(&self, head: Matrix<'_>, id: usize) -> f64 {
        head.row(id)[self.slot.index()]
    }

    /// The greatest magnitude of the reference's number, which is off by less than 1, in steps of
    /// 2^-`exponent`.
    pub fn most_computed(&self) -> u128 {
        if self.is_off() { self.most.saturating_add(1 << self.exponent) } else { self.most }
    }

    /// Its weight, over whole numbers, in the logit of a token.
    pub fn weight(&self, head: Matrix<'_>, id: usize) -> f64 {
        self.own_weight(head, id) * two_to(-(self.exponent as i32))
    }

    /// The same as k·2^-e, if it is not 0.
    pub fn dyadic(
        &self,
        head: Matrix<'_>,
        id: usize,
        place: Place,
    ) -> Result<Option<(i64, u32)>, Cause> {
        let weight = self.own_weight(head, id);
        if weight == 0.0 {
            return Ok(None);
        }
        let cause = Cause { place, rule: Rule::DyadicWeight, bound: Some(weight) };
        let (k, e) = dyadic(weight).ok_or(cause)?;
        Ok(Some((k, e + self.exponent)))
    }
}

/// By how many times 2^-53 a number may be off, of which nothing else is unknown: as much as is known
/// of it at a position, or else what bounds it for all.
fn count(arena: &mut Arena, number: &Number) -> Option<Affine> {
    let error = match number.parts().3 {
        Rounding::None => return Some(Affine::default()),
        Rounding::Once(error) | Rounding::Within(error) => error,
    };
    let counted = number.steps().and_then(|steps| arena.counted(steps.count().clone()));
    counted.or_else(|| {
        let steps = error.number() * two_to(53);
        (steps < MAX_COUNT as f64).then(|| Affine::constant(steps.ceil().max(1.0) as i64))
    })
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
        let inexact = || cause(Rule::ExactLogit, Some(error));
        let (affine, exponent, _) = number.plain().ok_or_else(inexact)?;
        let off = count(arena, number).ok_or_else(inexact)?;
        let is_off = off != Affine::default();
        needed = needed.and(number.guards());
        let (affine, exponent) = if whole && exponent > 0 {
            if is_off {
                return Err(inexact());
            }
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
                && !is_off
                && !known.is_off()
                && (0..head.rows).all(|id| weight(id, known.slot) == weight(id, slot))
        };
        match values.iter_mut().find(alike) {
            Some(known) => {
                let sum = known.affine.plus(&affine, 1).and_then(|sum| arena.merge(sum));
                known.affine = sum.ok_or_else(|| cause(Rule::Coefficient, None))?;
                known.most = known.most.saturating_add(most);
            }
            None => values.push(Read { slot, affine, exponent, most, off }),
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
