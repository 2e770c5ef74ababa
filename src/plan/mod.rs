//! A model lowered to the few operations that matter.
//!
//! Passes, in running order, each a file with its argument for exactness on top:
//!
//! 1. `fuse`: slots as expressions (`term`, with their bounds `feature_bounds`), with heads as the weights
//!    prove them to be (`heads`, `rebase`) and rounding followed to the end (`exact`). `bos` is
//!    position 0, computed as it stands.
//! 2. `merge`: units of one gate become one piece, as soon as they meet in a slot. Equal
//!    expressions are one atom from the start.
//! 3. `output`: the output head in groups (`group`) and plane_groups (`plane_group`).
//! 4. `live`: what the logits depend on, and by what code is specialised.
//! 5. `specialise` substitutes what is known, and `lower` and `answer` write
//!    operations (`code`) when `compiler` is asked for them. Where answers may be late, `deferred`
//!    splits off what only they need.
//!
//! A plan is exact or there is none: [`Refusal`] says why, and the caller runs the
//! reference. Assumptions are guarded at run time: the bos token comes once, running
//! sums stay within 0..=2^28, registers get no older than 2^28 positions, products that bounds
//! cannot prove to stay within ±2^40, what the output head reads is whole, and no token counts
//! as less than dead.
//! Nothing here knows what a model is about.

mod code;
mod expression;
mod fuse;
mod output_head;

use std::sync::Arc;

use serde::Serialize;
use thiserror::Error;

use crate::model::{Model, Token};

use code::liveness::{self, Live};
use code::op::SELECTED;
use code::specialise;
use expression::affine::Affine;
use expression::arena::{Arena, Atom, Features};
use expression::feature_bounds::Asked;
use fuse::heads::Items;
use fuse::position_zero;
use output_head::Output;

pub use code::compiler::Compiler;
pub(crate) use code::deferred::{Deferred, split};
pub use code::op::{BEST, FIRST, Op, POSITION, PREDICTION, Reg};
pub use code::specialise::Known;
pub use expression::quotient::round;
pub use fuse::heads::HullHead;
pub use fuse::rounding::{MAX_AGE, MAX_PRODUCT, MAX_SUM};
pub use output_head::line_group::{Line, LineGroup};
pub use output_head::plane_group::PlaneGroup;

/// Why a model has no plan for a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// A logit depends on numbers that another order of summation could change.
    #[error("a logit depends on what cannot be proved exact")]
    Inexact,
    /// More tokens than the plan's history can hold.
    #[error("the vocabulary has more than 65,536 tokens")]
    Vocabulary,
    /// The plan would need more registers than there are.
    #[error("the plan needs too many registers")]
    Registers,
}

/// A model, lowered for histories that begin with a given token.
#[derive(Clone, Debug)]
pub struct Plan {
    arena: Arena,
    items: Items,
    output: Output,
    live: Live,
    features: Arc<Features>,
    elsewhere: Arc<Asked>,
    bos: position_zero::PositionZero,
    single_bos: bool,
    limit: u64,
}

/// The lengths of history for which a plan is tried, the greatest first.
const LENGTHS: [u64; 3] = [u32::MAX as u64 - 1, 1 << 26, 1 << 20];

impl Plan {
    /// The plan for prompts that begin with `bos`.
    pub fn new(model: &Model, bos: Token) -> Result<Plan, Refusal> {
        if model.shape().vocabulary > 1 << 16 {
            return Err(Refusal::Vocabulary);
        }
        let bos = position_zero::bos(model, bos);
        LENGTHS.iter().find_map(|&limit| Plan::within(model, &bos, limit)).ok_or(Refusal::Inexact)
    }

    fn within(model: &Model, bos: &position_zero::PositionZero, limit: u64) -> Option<Plan> {
        let mut fused = fuse::fuse(model, bos, limit as f64);
        let output = output_head::group(model, &mut fused)?;
        let live = liveness::live(&fused, &output);
        let mut plan = Plan {
            elsewhere: fused.arena.feature_bounds.elsewhere(),
            arena: fused.arena,
            items: fused.items,
            output,
            live,
            features: fused.features,
            bos: bos.clone(),
            single_bos: fused.single_bos,
            limit,
        };
        plan.live.leaves_zero = specialise::leaves_zero(&plan);
        Some(plan)
    }

    /// The token that prompts of a model begin with, as far as its embedding tells.
    pub fn likely_bos(model: &Model) -> Token {
        Token(fuse::likely_bos(model) as u32)
    }

    /// The token that must not come again, if the plan assumes so.
    pub fn single_bos(&self) -> Option<Token> {
        self.single_bos.then_some(self.bos.token)
    }

    /// The token at position 0.
    pub fn bos(&self) -> Token {
        self.bos.token
    }

    /// The token predicted at position 0, if that is exact.
    pub fn first_prediction(&self) -> Option<Token> {
        self.bos.next
    }

    /// The greatest position.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Groups of the output head.
    pub fn line_groups(&self) -> &[LineGroup] {
        &self.output.groups
    }

    /// Fans of the output head.
    pub fn plane_groups(&self) -> &[PlaneGroup] {
        &self.output.plane_groups
    }

    /// How many tables there are.
    pub fn tables(&self) -> usize {
        self.items.tables.len()
    }

    /// What every column holds at position 0.
    pub fn columns(&self) -> Vec<i64> {
        self.items.columns.iter().map(|column| column.bos).collect()
    }

    /// The heads that hulls answer.
    pub fn hulls(&self) -> &[HullHead] {
        &self.items.hulls
    }

    /// The class of every token: code is specialised for each.
    pub fn classes(&self) -> &[u16] {
        &self.live.classes
    }

    /// For every token, the row that it is when it stands at the selected place.
    pub fn rows(&self) -> &[u16] {
        &self.live.rows
    }

    /// The register with the selected place.
    pub fn selected(&self) -> Reg {
        let place = self.live.selector.as_ref().and_then(Affine::single);
        match place.map(|(atom, k)| (self.arena.atom(atom), k)) {
            Some((Atom::Sum(sum), 1)) => self.sum(*sum),
            _ => SELECTED,
        }
    }

    /// The register with the position of the latest token by whose age code is specialised.
    pub fn aged(&self) -> Option<Reg> {
        self.live.age.map(|age| self.mark(age))
    }

    /// The registers whose age is guarded.
    pub fn marks(&self) -> Vec<Reg> {
        let needed = self.live.needed.latches.iter().enumerate();
        needed.filter(|age| *age.1).map(|age| self.mark(age.0)).collect()
    }

    fn sum(&self, sum: usize) -> Reg {
        FIRST + sum as Reg
    }

    fn mark(&self, age: usize) -> Reg {
        FIRST + (self.items.sums.len() + age) as Reg
    }

    /// The first register that is a step's own.
    pub fn first_free(&self) -> usize {
        FIRST as usize + self.items.sums.len() + self.items.latches.len()
    }

    /// What is left of the model.
    pub fn summary(&self) -> Summary {
        let count = |live: &[bool]| live.iter().filter(|live| **live).count();
        Summary {
            limit: self.limit,
            single_bos: self.single_bos().is_some(),
            atoms: self.live.atoms,
            pieces: self.live.pieces,
            terms: self.live.terms,
            features: self.live.features,
            lookups: self.live.lookups,
            sums: count(&self.live.needed.sums),
            registers: count(&self.live.needed.latches),
            tables: count(&self.live.needed.tables),
            columns: count(&self.live.needed.columns),
            hulls: count(&self.live.needed.hulls),
            groups: self.output.groups.len(),
            plane_groups: self.output.plane_groups.len(),
            guards: self.output.guards.len(),
            classes: self.live.members.len(),
            rows: self.live.representatives.len(),
        }
    }
}

/// What the passes left of a model.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The greatest position for which exactness is proved.
    pub limit: u64,
    /// Whether the bos token is assumed not to come again.
    pub single_bos: bool,
    /// Expressions that are not linear.
    pub atoms: usize,
    /// Gated units among them, merged ones once.
    pub pieces: usize,
    /// Terms of all linear combinations.
    pub terms: usize,
    /// Features of tokens at some place.
    pub features: usize,
    /// Questions to tables.
    pub lookups: usize,
    /// Running sums.
    pub sums: usize,
    /// Latest live positions.
    pub registers: usize,
    /// Tables from keys to positions.
    pub tables: usize,
    /// Values kept for every position.
    pub columns: usize,
    /// Heads answered by hulls.
    pub hulls: usize,
    /// Groups of the output head.
    pub groups: usize,
    /// Fans of the output head.
    pub plane_groups: usize,
    /// Products that are guarded at run time.
    pub guards: usize,
    /// Classes of tokens for which code is specialised.
    pub classes: usize,
    /// Distinct tokens at the selected place for which code is specialised.
    pub rows: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_plans_without_hulls() {
        let bundled = include_bytes!("../../models/wasm32.bin");
        let without_native_arithmetic = include_bytes!("../../tests/models/basic.bin");
        for bytes in [&bundled[..], &without_native_arithmetic[..]] {
            let model = Model::from_bytes(bytes).unwrap();
            let bos = Plan::likely_bos(&model);
            assert_eq!(model.vocabulary().name(bos), "{");
            let Ok(plan) = Plan::new(&model, bos) else { panic!("no plan") };
            assert_eq!(plan.summary().hulls, 0);
        }
    }
}
