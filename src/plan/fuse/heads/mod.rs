//! What the weights prove of a head.
//!
//! Everything here follows from the expressions of queries, keys and values: a file that lies
//! about the kinds of its heads gets the same plan. What the kind decides is by which arithmetic
//! the reference computes: a lookup head is computed by a hull over rounded keys, all others as
//! if keys were real numbers, or not at all (lemma 11 of docs/plan.md). Forms are tried in this
//! order:
//!
//! - *passthrough* (`passthrough.rs`): the score grows strictly with the position;
//! - *vertical* (`vertical.rs`): only the height of keys counts: a mean, a latch, or the value at
//!   hand;
//! - *gather* and *table* (`parabola.rs`): keys (2n, -n²), the nearest n wins.
//!
//! What has none of these forms is unknown, and refused if a logit depends on it. A head's output
//! is the value at the position that wins (`substitute.rs`).

mod key;
mod parabola;
mod passthrough;
mod vertical;

use std::collections::BTreeSet;

use cranelift_entity::{EntityRef, PrimaryMap};

use super::guards::Guards;
use super::position_zero::HeadAtZero;
use super::upper::Upper;
use super::value::{Number, Value};
use super::{Fusion, Stream, Watched};
use crate::model::Layer;
use crate::model::{HeadKind, TieBreak};
use crate::plan::expression::affine::Affine;
use crate::plan::ids::{ColumnId, LatchId, SlotId, SumId, TableId};
use crate::plan::refusal::{Cause, Place, Rule};
use key::Key;

/// A table from whole keys to the latest live position.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The key.
    pub number: Affine,
    /// Not 0 for tokens that do not take part.
    pub dead: Affine,
    /// If a hull serves in the reference, over rounded keys. Then queries and the keys that they may
    /// find are guarded to stay within ±`MAX_HULL_KEY`, and that the recency outweighs what rounding may
    /// do between two keys that are equal or equally near.
    pub hull: Option<Hull>,
}

/// What a hull orders keys (2n, -n² + recency) by.
#[derive(Clone, Debug, PartialEq)]
pub struct Hull {
    /// The factor of the recency.
    pub recency: f64,
    /// If keys are a little off: by how much at most, times 2^53, the numbers that stand for n
    /// (lemma 26).
    pub steps: Option<Affine>,
    /// Whether these are one and the same number.
    pub is_one_number: bool,
}

/// A derived value, kept for every position.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// What it holds.
    pub value: Affine,
    /// What it holds at position 0.
    pub at_zero: i64,
}

/// What a history leaves behind besides its tokens.
#[derive(Clone, Debug, Default)]
pub struct Items {
    /// What each running sum adds up at every position.
    pub sums: PrimaryMap<SumId, Affine>,
    /// Latches: what must be 0 for a token to take part.
    pub latches: PrimaryMap<LatchId, Affine>,
    /// What each table is written under.
    pub tables: PrimaryMap<TableId, Table>,
    /// What each column keeps of every position.
    pub columns: PrimaryMap<ColumnId, Column>,
}

/// A query is proved to be less than this away from a whole number; gathers round at 1/2.
const MAX_OFFSET: f64 = 0.05;

/// What a query asks for.
struct Wanted {
    /// The whole number.
    affine: Affine,
    /// How far the reference's may be from it.
    off: Upper,
    /// The same in steps of 2^-53, as an expression, if there is one.
    steps: Option<Affine>,
}

/// A row of weights that are not 0, with their slots.
pub type Row = Vec<(SlotId, f64)>;

/// A head under examination.
pub struct Parts {
    query: [Row; 2],
    key: [Row; 2],
    pub(super) value: [Value; 2],
    pub(super) at_zero: HeadAtZero,
    tie: TieBreak,
    kind: HeadKind,
}

/// From which position a head's output comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    /// From the position at hand.
    Here,
    /// From any up to it.
    Anywhere,
}

impl Parts {
    /// On which guarded products the output depends: the query is that of the position at hand, keys
    /// are those of all positions, and values of those that the output may come from.
    fn guards(&self, slots: &Stream, from: From) -> Guards {
        let of = |rows: &[Row; 2]| -> Guards {
            rows.iter().flatten().map(|weight| slots[weight.0].guards()).collect()
        };
        let values: Guards = self.value.iter().map(Value::guards).collect();
        let values = if from == From::Here { values } else { values.at_every_position() };
        of(&self.query).and(of(&self.key).at_every_position()).and(values)
    }
}

fn sparse(row: &[f64]) -> Row {
    let weights = row.iter().enumerate().map(|(slot, &weight)| (SlotId::new(slot), weight));
    weights.filter(|weight| weight.1 != 0.0).collect()
}

/// The entry of a map that equals an item, which is added if there is none.
pub(super) fn entry<K: EntityRef, T: PartialEq>(map: &mut PrimaryMap<K, T>, item: T) -> K {
    let known = map.iter().find(|known| *known.1 == item).map(|known| known.0);
    known.unwrap_or_else(|| map.push(item))
}

impl Fusion<'_> {
    pub(super) fn sparse_row(&mut self, weights: &[(SlotId, f64)], slots: &Stream) -> Value {
        let terms: Vec<(f64, &Value)> =
            weights.iter().map(|&(slot, w)| (w, &slots[slot])).collect();
        self.analysis.row(&terms)
    }

    /// What a head gives.
    pub(super) fn head(
        &mut self,
        layer: Layer<'_>,
        head: usize,
        (kind, tie): (HeadKind, TieBreak),
        at_zero: HeadAtZero,
        slots: &Stream,
    ) -> [Value; 2] {
        let width = slots.len();
        let weights = |part: usize| {
            [0, 1].map(|i| sparse(layer.attention_in.row(part * width + 2 * head + i)))
        };
        let value = weights(2).map(|row| self.sparse_row(&row, slots));
        let parts = Parts { query: weights(0), key: weights(1), value, at_zero, tie, kind };
        let outputs = match self.recognise(&parts, slots) {
            Ok((outputs, from)) => {
                let guards = parts.guards(slots, from);
                outputs.map(|output| output.assuming(guards))
            }
            Err(cause) => [Value::Unknown(cause), Value::Unknown(cause)],
        };
        if let Place::Head { layer: number, .. } = self.analysis.place
            && self.watch == Some((number, head))
        {
            let rows: Vec<Row> = [weights(0), weights(1), weights(2)].concat();
            let read: BTreeSet<SlotId> = rows.iter().flatten().map(|weight| weight.0).collect();
            let changes = std::mem::take(&mut self.changes);
            let changes = changes.into_iter().filter(|change| read.contains(&change.0)).collect();
            let slots = read.into_iter().map(|slot| (slot, slots[slot].clone())).collect();
            self.watched = Some(Watched { rows, slots, changes, outputs: outputs.clone() });
        }
        outputs
    }

    fn recognise(&mut self, parts: &Parts, slots: &Stream) -> Result<([Value; 2], From), Cause> {
        if parts.at_zero.key.contains(&None) {
            return Err(self.analysis.cause(Rule::PositionZero));
        }
        let whole_key = [0, 1].map(|i| self.sparse_row(&parts.key[i], slots));
        if passthrough::is_passthrough(parts, &whole_key, slots) {
            return Ok((parts.value.clone(), From::Here));
        }
        let scale = self.scale(parts, slots).ok_or_else(|| self.analysis.cause(Rule::HeadForm))?;
        let key = Key::new(self, parts, whole_key[0].clone(), slots)?;
        if key.x.is_zero() && parts.at_zero.key[0] == Some(0.0) {
            return Ok((self.vertical(parts, &key)?, From::Anywhere));
        }
        Ok((self.parabola(parts, &key, slots, scale)?, From::Anywhere))
    }

    /// The constant second component of the query, if it is positive, and far from where f64
    /// end: all other terms of its row are 0, so this is the reference's very number.
    fn scale(&self, parts: &Parts, slots: &Stream) -> Option<f64> {
        let mut scale = 0.0;
        for &(slot, weight) in &parts.query[1] {
            let c = slots[slot].as_constant()?;
            if c == 0 {
                continue;
            }
            if scale != 0.0 {
                return None;
            }
            scale = weight * c as f64;
        }
        (super::rounding::two_to(-400)..super::rounding::two_to(400))
            .contains(&scale)
            .then_some(scale)
    }

    /// The whole number that the query asks for, and how far the reference's may be from it (lemmas 12
    /// and 24).
    fn wanted(&mut self, parts: &Parts, slots: &Stream, scale: f64) -> Result<Wanted, Cause> {
        let mut affine = Affine::default();
        let mut steps = Some(Affine::constant(8));
        let (mut off, mut magnitude) = (Upper::ZERO, Upper::ZERO);
        for &(slot, weight) in &parts.query[0] {
            let value = &slots[slot];
            if value.is_zero() {
                continue;
            }
            let number = value.number()?;
            let (part, rounding) =
                number.whole().ok_or_else(|| self.analysis.cause(Rule::HeadForm))?;
            let ratio = weight / scale;
            let factor = ratio.round();
            if factor.abs() > 1e15 {
                return Err(self.analysis.cause_by(Rule::WholeQuery, f64::INFINITY));
            }
            affine = affine
                .plus(part, factor as i64)
                .ok_or_else(|| self.analysis.cause(Rule::Coefficient))?;
            let here = self.steps_of_term(number, (ratio, factor), parts.query[0].len());
            steps = steps.zip(here).and_then(|(steps, here)| steps.plus(&here, 1));
            let most = self.analysis.magnitude(number);
            // The quotient was rounded, too.
            let great = Upper::of(ratio).times(Upper::of(1.0 + f64::EPSILON));
            let apart = Upper::of(ratio - factor).plus(great.times(Upper::of(f64::EPSILON)));
            off = off.plus(great.times(rounding.error())).plus(apart.times(most));
            magnitude = magnitude.plus(great.times(most));
        }
        let roundings = (parts.query[0].len() + 3) as f64 * f64::EPSILON;
        let off = off.plus(magnitude.times(Upper::of(roundings)));
        if !off.is_below(MAX_OFFSET) {
            return Err(self.analysis.cause_by(Rule::WholeQuery, off.number()));
        }
        let affine = self.analysis.arena.merge(affine);
        let affine = affine.ok_or_else(|| self.analysis.cause(Rule::Coefficient))?;
        Ok(Wanted { affine, off, steps })
    }

    /// By how many times 2^-53 one of so many terms may take a query off: an error of its own, that of
    /// the weight, and that of each sum in which it takes part.
    fn steps_of_term(
        &mut self,
        number: &Number,
        (ratio, factor): (f64, f64),
        terms: usize,
    ) -> Option<Affine> {
        (ratio == factor).then_some(())?;
        let own = number.steps()?;
        let magnitude = self.analysis.arena.absolute(number.whole()?.0)?;
        let times = factor.abs() as i64;
        let rounded = times.checked_mul(terms as i64 + 2)?;
        Affine::default().plus(own.count(), times)?.plus(&magnitude, rounded)
    }
}

#[cfg(test)]
mod tests;
