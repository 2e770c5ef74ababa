//! No number of the reference overflows.
//!
//! A row of a dense matrix multiplies every slot, by 0 too, and 0 times infinity is not 0. So
//! before anything else is proved, the magnitude of every number is bounded, for any tokens and any
//! positions, position 0 included (lemma 21 of docs/plan.md): no sum, product or head output
//! comes near the end of f64. What heads ask and remember is checked by the reference itself.

use cranelift_entity::EntityRef;

use super::upper::Upper;
use crate::model::{Matrix, Model};
use crate::plan::ids::{LayerId, SlotId};
use crate::plan::refusal::{Cause, Place, Rule};

/// Far below the greatest f64, about 2^1024.
const MAX_FINITE: f64 = f64::from_bits((1023 + 900) << 52);

/// More than any sum or mean of D numbers errs by, relatively.
const SLACK: f64 = 1.0 + 1.0 / 1024.0;

/// Checks a model for histories whose positions are at most `limit`.
pub fn check(model: &Model, limit: u64) -> Result<(), Cause> {
    let shape = model.shape();
    let position = Upper::of_whole(limit.into());
    let sources = [position, Upper::of(2.0), position.times(position)];
    let mut slots: Vec<Upper> = (0..shape.width)
        .map(|slot| {
            let tokens = (0..shape.vocabulary).map(|id| model.embedding().row(id)[slot].abs());
            Upper::of(tokens.fold(0.0, f64::max))
                .plus(sources.get(slot).copied().unwrap_or(Upper::ZERO))
        })
        .collect();
    for (id, layer) in model.layers().enumerate().map(|(n, layer)| (LayerId::new(n), layer)) {
        let width = shape.width;
        let mut outputs = Vec::with_capacity(width);
        for row in 0..width {
            let place = Place::Head { layer: id, head: row / 2 };
            let value = product(layer.attention_in.row(2 * width + row), &slots);
            outputs.push(finite(value, place)?);
        }
        add(&mut slots, layer.attention_out, &outputs, |slot| Place::AttentionOut {
            layer: id,
            slot,
        })?;
        clear(&mut slots, layer.cleared_after_attention);
        let mut units = Vec::with_capacity(shape.units);
        for unit in 0..shape.units {
            let place = Place::Unit { layer: id, unit };
            // Each by itself, for 0 times infinity is not 0.
            let row = |row| finite(product(layer.feed_forward_in.row(row), &slots), place);
            let (gate, factor) = (row(unit)?, row(shape.units + unit)?);
            units.push(finite(gate.times(factor), place)?);
        }
        add(&mut slots, layer.feed_forward_out, &units, |slot| Place::FeedForwardOut {
            layer: id,
            slot,
        })?;
        clear(&mut slots, layer.cleared_after_feed_forward);
    }
    for token in 0..shape.vocabulary {
        finite(product(model.head().row(token), &slots), Place::Logit { token })?;
    }
    Ok(())
}

fn finite(magnitude: Upper, place: Place) -> Result<Upper, Cause> {
    if magnitude.is_below(MAX_FINITE) {
        return Ok(magnitude);
    }
    Err(Cause { place, rule: Rule::Finite, bound: Some(magnitude.number()) })
}

fn product(row: &[f64], slots: &[Upper]) -> Upper {
    let terms = row.iter().zip(slots).filter(|term| *term.0 != 0.0);
    let sum: Upper = terms.map(|(&weight, &slot)| Upper::of(weight).times(slot)).sum();
    sum.times(Upper::of(SLACK))
}

fn add(
    slots: &mut [Upper],
    out: Matrix<'_>,
    brought: &[Upper],
    place: impl Fn(SlotId) -> Place,
) -> Result<(), Cause> {
    for (slot, magnitude) in slots.iter_mut().enumerate() {
        let sum = magnitude.plus(product(out.row(slot), brought)).times(Upper::of(SLACK));
        *magnitude = finite(sum, place(SlotId::new(slot)))?;
    }
    Ok(())
}

fn clear(slots: &mut [Upper], cleared: &[u32]) {
    for &slot in cleared {
        slots[slot as usize] = Upper::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{HeadKind, TieBreak};
    use crate::plan::fuse::draft::{Draft, FREE, HeadDraft, NUMBER, ONE, SQUARE};

    const LIMIT: u64 = 1 << 20;

    fn refused(draft: &Draft, limit: u64) -> Option<Place> {
        check(&draft.model(), limit).err().map(|cause| {
            assert_eq!(cause.rule, Rule::Finite);
            assert!(cause.bound.is_some_and(|bound| bound >= MAX_FINITE));
            cause.place
        })
    }

    fn two_to(e: i32) -> f64 {
        2f64.powi(e)
    }

    #[test]
    fn what_squares_itself_is_refused_at_the_unit_that_may_overflow() {
        // NUMBER is 4 at most; layer l makes about 4^(2^(l+1)) of it.
        let mut draft = Draft::new(5, 8, 12, 1);
        for layer in 0..12 {
            draft.unit(layer, 0, &[(NUMBER, 1.0)], &[(NUMBER, 1.0)]);
            draft.fed(layer, NUMBER, &[(0, 1.0)]);
        }
        let place = refused(&draft, LIMIT);
        assert!(
            matches!(place, Some(Place::Unit { layer, unit: 0 }) if layer.index() == 8),
            "{place:?}"
        );
        // Cleared in between it never grows.
        draft.parts.clears.as_mut().unwrap()[4].after_feed_forward = vec![NUMBER as u32];
        assert_eq!(refused(&draft, LIMIT), None);
    }

    #[test]
    fn a_unit_that_nobody_reads_may_not_overflow_either() {
        let mut draft = Draft::new(5, 8, 1, 1);
        draft.unit(0, 0, &[(ONE, two_to(500))], &[(ONE, two_to(500))]);
        assert_eq!(refused(&draft, LIMIT), Some(Place::Unit { layer: LayerId::new(0), unit: 0 }));
        draft.unit(0, 0, &[(ONE, two_to(440))], &[(ONE, two_to(440))]);
        assert_eq!(refused(&draft, LIMIT), None);
    }

    #[test]
    fn heads_slots_and_logits_may_not_overflow() {
        let mut draft = Draft::new(5, 8, 1, 0);
        let head = HeadDraft {
            kind: HeadKind::Lookup,
            tie: TieBreak::Latest,
            query: [&[], &[]],
            key: [&[], &[]],
            value: [&[(ONE, two_to(500))], &[]],
        };
        draft.head(0, 0, head);
        draft.attended(0, FREE, &[(0, two_to(390))]);
        assert_eq!(refused(&draft, LIMIT), None);
        draft.attended(0, FREE, &[(0, two_to(410))]);
        assert_eq!(
            refused(&draft, LIMIT),
            Some(Place::AttentionOut { layer: LayerId::new(0), slot: SlotId::new(FREE) })
        );
        draft.attended(0, FREE, &[(0, 1.0)]);
        draft.logit(3, &[(FREE, two_to(390))]);
        assert_eq!(refused(&draft, LIMIT), None);
        draft.logit(3, &[(FREE, -two_to(410))]);
        assert_eq!(refused(&draft, LIMIT), Some(Place::Logit { token: 3 }));
    }

    #[test]
    fn positions_count_up_to_the_limit() {
        let mut draft = Draft::new(5, 8, 0, 0);
        draft.logit(1, &[(SQUARE, two_to(850))]);
        assert_eq!(refused(&draft, 1 << 20), None);
        assert_eq!(refused(&draft, 1 << 30), Some(Place::Logit { token: 1 }));
    }

    #[test]
    fn terms_of_opposite_signs_do_not_make_up_for_each_other() {
        let mut draft = Draft::new(5, 8, 0, 0);
        draft.logit(1, &[(ONE, two_to(950)), (NUMBER, -two_to(950))]);
        assert_eq!(refused(&draft, LIMIT), Some(Place::Logit { token: 1 }));
    }
}
