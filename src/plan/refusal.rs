//! Why a model has no plan: which part of it breaks which rule, and by how much.

use std::fmt;

use cranelift_entity::EntityRef;
use serde::Serialize;
use thiserror::Error;

use super::ids::{LayerId, SlotId};

/// Why a model has no plan.
#[derive(Clone, Copy, Debug, PartialEq, Error, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// More tokens than the plan's history can hold.
    #[error("the vocabulary has more than 65,536 tokens")]
    Vocabulary,
    /// There is more to follow than [`crate::plan::Plan`] is worth.
    #[error("planning takes more than 2^27 steps")]
    Work,
    /// Something that a logit depends on cannot be proved exact.
    #[error(transparent)]
    Unproved(#[from] Cause),
    /// Code would need more registers than there are.
    #[error("a step needs more than 65,536 registers")]
    Registers,
    /// Code would need more tables of token features than there are.
    #[error("a step needs more than 65,536 tables of token features")]
    TokenTables,
    /// Code would need coefficients beyond 2^60.
    #[error("a coefficient of a step's code grows beyond 2^60")]
    Coefficient,
}

impl Refusal {
    /// Whether it is a limit of what is tried, whatever the length of histories.
    pub(super) fn is_a_limit(self) -> bool {
        let rule =
            |cause: Cause| matches!(cause.rule, Rule::Grouping | Rule::Groups | Rule::Winners);
        match self {
            Refusal::Unproved(cause) => rule(cause),
            other => other == Refusal::Work,
        }
    }
}

/// The first thing that could not be proved, of all that a logit depends on.
#[derive(Clone, Copy, Debug, PartialEq, Error, Serialize)]
pub struct Cause {
    /// The part of the model.
    pub place: Place,
    /// The rule that it breaks.
    pub rule: Rule,
    /// By how much: see the rule.
    pub bound: Option<f64>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.rule)?;
        match self.bound {
            Some(bound) if bound.abs() < 1e6 => write!(f, " (bound {bound})"),
            Some(bound) => write!(f, " (bound {bound:e})"),
            None => Ok(()),
        }
    }
}

/// A part of a model. Layers, heads, units and slots are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// What tokens bring to a slot.
    Embedding {
        /// The slot.
        slot: SlotId,
    },
    /// A head: its query, key and value.
    Head {
        /// Its layer.
        layer: LayerId,
        /// The head.
        head: usize,
    },
    /// What all heads of a layer bring to a slot.
    AttentionOut {
        /// The layer.
        layer: LayerId,
        /// The slot.
        slot: SlotId,
    },
    /// A gated unit.
    Unit {
        /// Its layer.
        layer: LayerId,
        /// The unit.
        unit: usize,
    },
    /// What all units of a layer bring to a slot.
    FeedForwardOut {
        /// The layer.
        layer: LayerId,
        /// The slot.
        slot: SlotId,
    },
    /// A slot that the output head reads.
    OutputSlot {
        /// The slot.
        slot: SlotId,
    },
    /// The logit of a token.
    Logit {
        /// Its id.
        token: usize,
    },
    /// What is left of the model, as a whole.
    Plan,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Place::Embedding { slot } => write!(f, "embedding, slot {}", slot.index()),
            Place::Head { layer, head } => write!(f, "layer {}, head {head}", layer.index()),
            Place::AttentionOut { layer, slot } => {
                write!(f, "layer {}, slot {} after attention", layer.index(), slot.index())
            }
            Place::Unit { layer, unit } => write!(f, "layer {}, unit {unit}", layer.index()),
            Place::FeedForwardOut { layer, slot } => {
                write!(f, "layer {}, slot {} after the feed-forward", layer.index(), slot.index())
            }
            Place::OutputSlot { slot } => write!(f, "output head, slot {}", slot.index()),
            Place::Logit { token } => write!(f, "output head, token {token}"),
            Place::Plan => f.write_str("the model"),
        }
    }
}

/// A rule without which a token could differ from the reference's: a condition of a lemma of
/// docs/plan.md, or a limit of what is followed (`OneMean`, `Symbol`, `Guards`, `Coefficient`,
/// `Winners`, `Grouping`, `Groups`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Bound: the greatest magnitude.
    #[error("numbers may overflow f64")]
    Finite,
    /// Without a bound.
    #[error("tokens bring numbers that are not whole, or 2^50 and more")]
    WholeFeatures,
    /// Bound: the weight.
    #[error("a weight is no multiple of 2^-40, or beyond 2^53")]
    DyadicWeight,
    /// Without a bound.
    #[error("a coefficient grows beyond 2^60")]
    Coefficient,
    /// Without a bound.
    #[error("a multiple of the recency or of the squared position is rounded")]
    Symbol,
    /// Without a bound.
    #[error("means of two heads are added")]
    OneMean,
    /// Bound: the greatest magnitude.
    #[error("a whole number may lie beyond 2^62")]
    Register,
    /// Bound: the greatest error.
    #[error("rounding may decide the sign of a gate")]
    ExactGate,
    /// Without a bound.
    #[error("a gate multiplies a mean, the recency or the squared position")]
    PlainFactor,
    /// Without a bound.
    #[error("more than 64 products need a guard")]
    Guards,
    /// Without a bound.
    #[error("what position 0 leaves behind depends on the order of summation")]
    PositionZero,
    /// Without a bound.
    #[error("keys and queries have no form that the plan knows")]
    HeadForm,
    /// Without a bound.
    #[error("what clears a key may itself cancel")]
    Clear,
    /// Bound: the factor of the recency.
    #[error("the recency may outweigh a key that is one off, or does not favour the latest")]
    Recency,
    /// Without a bound.
    #[error("keys whose order a hull decides are sums that may round differently")]
    HullKey,
    /// Bound: how far the query may be off.
    #[error("rounding may take the query 1/20 or more away from a whole number")]
    WholeQuery,
    /// Bound: the greatest magnitude.
    #[error("keys may lie beyond 2^45")]
    KeyRange,
    /// Bound: the greatest magnitude.
    #[error("queries may lie beyond 2^45")]
    QueryRange,
    /// Without a bound.
    #[error("the height of a key is not minus its square")]
    Parabola,
    /// Without a bound.
    #[error("the mean of what may be rounded")]
    ExactSummand,
    /// Without a bound.
    #[error("the value is no whole number")]
    WholeValue,
    /// Bound: the greatest error.
    #[error("a logit reads a number that may be rounded")]
    ExactLogit,
    /// Bound: the greatest magnitude of a partial sum.
    #[error("a logit's sum may leave the range in which it does not round")]
    LogitRange,
    /// Without a bound.
    #[error("the winners of all groups of tokens fill more than 2^20 entries")]
    Winners,
    /// Without a bound.
    #[error("the search for groups of tokens takes more than 2^26 steps")]
    Grouping,
    /// Without a bound.
    #[error("the tokens fall into more than 256 groups")]
    Groups,
}
