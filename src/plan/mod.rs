//! A model lowered to the few operations that matter.
//!
//! [`Plan::new`] runs three passes over a model, each a room or file with its argument on top:
//!
//! 1. `fuse` follows every slot through the layers as an *expression* (`expression`): heads become
//!    what the weights prove them to be, rounding is bounded until it vanishes, and units of one
//!    gate are merged as soon as they meet in a slot. Every row is analysed once, in the order
//!    of the layers; what cannot be proved is unknown, with its cause.
//! 2. `output_head` puts the rows of the output head in groups of which one wins at a time.
//! 3. `code::liveness` finds what the logits depend on, and by what code is to be specialised.
//!
//! Expressions stay what they are from then on. A `Compiler` makes code of them when a step needs
//! it: `code::specialise` rebuilds the expressions that are wanted under what is known of the step,
//! `code::lower` and `code::predict` write operations (`code::op`), and `code::deferred` splits off
//! what only the prediction needs where that may be late. `hardmax inspect --head 2.4` shows one
//! head on its way through all of it.
//!
//! A plan is exact or there is none: [`Refusal`] says why, and the caller runs the reference.
//! Assumptions are guarded at run time; where one fails, a guard failure, the reference takes over
//! there. docs/plan.md has the theorem, and the lemmas that comments cite.
//! Nothing here knows what a model is about.

pub(crate) mod check;
mod code;
mod explain;
mod expression;
mod fuse;
pub(crate) mod ids;
mod limits;
mod output_head;
mod refusal;

use std::sync::Arc;

use serde::Serialize;

use crate::model::{Model, Token};

use code::liveness::{self, Live};
use expression::arena::{Arena, Features};
use expression::feature_bounds;
pub(crate) use fuse::heads::Hull;
use fuse::heads::Items;
use fuse::position_zero::{self, PositionZero};
use output_head::Output;

pub(crate) use code::compiler::Compiler;
pub(crate) use code::deferred::{Deferred, split};
pub(crate) use code::op::{BEST, CEILING, FIRST, Op, POSITION, PREDICTION, Reg};
pub(crate) use code::rows::Rows;
pub(crate) use code::specialise::Known;
pub use explain::HeadStory;
pub(crate) use expression::mean::steps as sum_steps;
pub(crate) use expression::quotient::round;
pub use ids::{LayerId, SlotId};
pub(crate) use limits::{MAX_AGE, MAX_COUNT, MAX_HULL_KEY, MAX_PRODUCT, MAX_SUM};
pub(crate) use output_head::line_group::LineGroup;
pub(crate) use output_head::plane_group::PlaneGroup;
pub use refusal::{Cause, Place, Refusal, Rule};

/// A model, lowered for histories that begin with a given token.
#[derive(Clone, Debug)]
pub struct Plan {
    arena: Arena,
    items: Items,
    output: Output,
    live: Live,
    features: Arc<Features>,
    elsewhere: Arc<feature_bounds::Known>,
    position_zero: PositionZero,
    single_bos: bool,
    limit: u64,
}

/// The greatest positions for which a plan is tried, the greatest first.
const LENGTHS: [u64; 3] = [u32::MAX as u64 - 1, 1 << 26, 1 << 20];

/// Histories hold tokens in 16 bits, and operations number what they name in as many.
const MAX_NUMBER: usize = 1 << 16;

impl Plan {
    /// The plan for prompts that begin with `bos`.
    pub fn new(model: &Model, bos: Token) -> Result<Plan, Refusal> {
        if model.shape().vocabulary > MAX_NUMBER {
            return Err(Refusal::Vocabulary);
        }
        let zero = position_zero::position_zero(model, bos);
        let mut refusal = Refusal::Vocabulary;
        for limit in LENGTHS {
            match Plan::within(model, &zero, limit) {
                Ok(plan) => return Ok(plan),
                // What is too much for one length is for all.
                Err(why) if why.is_a_limit() => return Err(why),
                Err(why) => refusal = why,
            }
        }
        Err(refusal)
    }

    fn within(model: &Model, zero: &PositionZero, limit: u64) -> Result<Plan, Refusal> {
        let mut fused = fuse::fuse(model, zero, limit)?;
        let planned = output_head::group(model, &mut fused)
            .and_then(|output| Ok((liveness::live(&mut fused, &output)?, output)));
        // What was then not followed any further may be the cause of anything.
        if fused.analysis.arena.is_exhausted() {
            return Err(Refusal::Work);
        }
        let (live, output) = planned?;
        let arena = fused.analysis.arena;
        let plan = Plan {
            elsewhere: arena.feature_bounds.elsewhere(),
            arena,
            items: fused.items,
            output,
            live,
            features: fused.features,
            position_zero: zero.clone(),
            single_bos: fused.single_bos,
            limit: fused.hull_limit.map_or(limit, |hulls| hulls.min(limit)),
        };
        let Items { tables, columns, .. } = &plan.items;
        let Output { line_groups, plane_groups, .. } = &plan.output;
        let numbered = [tables.len(), columns.len(), line_groups.len(), plane_groups.len()];
        if numbered.into_iter().chain([plan.first_free()]).any(|count| count >= MAX_NUMBER) {
            return Err(Refusal::Registers);
        }
        Ok(plan)
    }

    /// The token that prompts of a model begin with, as far as its embedding tells.
    pub fn likely_bos(model: &Model) -> Token {
        Token(fuse::likely_bos(model) as u32)
    }

    /// The token that must not come again, if the plan assumes so.
    pub fn single_bos(&self) -> Option<Token> {
        self.single_bos.then_some(self.bos())
    }

    /// The token at position 0.
    pub fn bos(&self) -> Token {
        self.position_zero.bos
    }

    /// The token predicted at position 0, if that is exact.
    pub fn first_prediction(&self) -> Option<Token> {
        self.position_zero.next
    }

    /// The greatest position.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Groups of the output head along one direction.
    pub(crate) fn line_groups(&self) -> &[LineGroup] {
        &self.output.line_groups
    }

    /// Groups of the output head along two directions.
    pub(crate) fn plane_groups(&self) -> &[PlaneGroup] {
        &self.output.plane_groups
    }

    /// For every table, what a hull orders its keys by if one serves in the reference.
    pub(crate) fn tables(&self) -> impl Iterator<Item = Option<&Hull>> {
        self.items.tables.values().map(|table| table.hull.as_ref())
    }

    /// What every column holds at position 0.
    pub(crate) fn columns(&self) -> impl Iterator<Item = i64> {
        self.items.columns.values().map(|column| column.at_zero)
    }

    /// The class of every token: code is specialised for each.
    pub fn classes(&self) -> &[u16] {
        &self.live.classes
    }

    /// The selected-token class of every token: its class when it stands at the selected place.
    pub(crate) fn selected_classes(&self) -> &[u16] {
        &self.live.selected_classes
    }

    /// Classes of values by functions, where these take the place of selected-token classes.
    pub(crate) fn rows(&self) -> Option<&Rows> {
        self.live.rows.as_ref()
    }

    /// How many selected-token classes there are, at least 1.
    pub(crate) fn selected_class_count(&self) -> usize {
        let rows = self.live.rows.as_ref().map(|rows| rows.representatives.len());
        rows.unwrap_or(self.live.representatives.len()).max(1)
    }

    /// What is left of the model.
    pub fn summary(&self) -> Summary {
        let counts = self.live.counts;
        let line_groups = self.output.line_groups.iter();
        let [sums, latches, tables, columns] = self.live.needed.counts(&self.items);
        Summary {
            limit: self.limit,
            single_bos: self.single_bos,
            atoms: counts.atoms,
            pieces: counts.pieces,
            terms: counts.terms,
            features: counts.features,
            lookups: counts.lookups,
            sums,
            latches,
            tables,
            columns,
            line_groups: self.output.line_groups.len(),
            plane_groups: self.output.plane_groups.len(),
            inexact_groups: line_groups.filter(|group| group.runners.is_some()).count(),
            guards: self.output.guards.len() + self.output.guards_of_predictions.len(),
            classes: self.live.members.len(),
            selected_classes: match self.rows() {
                Some(rows) => rows.representatives.len(),
                None => self.live.representatives.len(),
            },
        }
    }
}

/// What the passes left of a model.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The greatest position for which exactness is proved.
    pub limit: u64,
    /// Whether the BOS token is assumed not to come again.
    pub single_bos: bool,
    /// Expressions that are not linear.
    pub atoms: usize,
    /// Gated units among them, merged ones once.
    pub pieces: usize,
    /// Terms of all affine forms.
    pub terms: usize,
    /// Features of tokens at some place.
    pub features: usize,
    /// Questions to tables.
    pub lookups: usize,
    /// Running sums.
    pub sums: usize,
    /// Latest live positions.
    pub latches: usize,
    /// Tables from keys to positions.
    pub tables: usize,
    /// Values kept for every position.
    pub columns: usize,
    /// Groups of the output head along one direction.
    pub line_groups: usize,
    /// Groups of the output head along two directions.
    pub plane_groups: usize,
    /// Groups along one direction whose logits may be off: compared with that at run time, where it is not
    /// proved that they are far enough apart.
    pub inexact_groups: usize,
    /// Products that are guarded at run time.
    pub guards: usize,
    /// Token classes for which code is specialised.
    pub classes: usize,
    /// Selected-token classes for which code is specialised.
    pub selected_classes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_built_here_have_plans() {
        let bundled = include_bytes!("../../models/wasm32.bin");
        let without_native_arithmetic = include_bytes!("../../tests/models/basic.bin");
        for bytes in [&bundled[..], &without_native_arithmetic[..]] {
            let model = Model::from_bytes(bytes).unwrap();
            let bos = Plan::likely_bos(&model);
            assert_eq!(model.vocabulary().name(bos), "{");
            let plan = Plan::new(&model, bos).unwrap();
            assert_eq!(plan.limit(), LENGTHS[0]);
        }
    }
}
