//! Running a model: tokens in, tokens out.
//!
//! [`Reference`] is the forward pass as the format defines it; [`Planned`] executes
//! a plan, the same model compiled to the few operations that matter; [`generate()`] is
//! greedy decoding by either; [`verify`] recomputes a trace, many positions at once;
//! [`compare`] takes both along random histories.
//! None knows files, programs or terminals.

mod agreement;
mod either;
mod error;
mod execute;
mod generate;
mod greatest;
mod guard;
mod hull_keys;
mod looks;
mod operations;
mod planned;
mod positions;
mod recency;
mod reference;
mod variants;
pub mod verify;

pub use agreement::{Agreement, Difference, Walks, compare};
pub(crate) use either::Engine;
pub use error::EngineError;
pub use execute::GuardFailure;
pub use generate::{Decoder, Generated, Stopped, generate};
pub use looks::{Look, Prediction, predict};
pub use planned::{Fallback, Planned, Reason};
pub use reference::Reference;
pub use variants::{Steps, Variants, compare_variants};

use serde::Serialize;

/// How the outputs of heads are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Attention {
    /// Every head by its convex hull, whatever its kind.
    Hull,
    /// Every head by a scan over all positions.
    Brute,
    /// Every head as its kind allows, and heads without effect not at all.
    Kinds,
}

impl Attention {
    /// Every one of them.
    pub(crate) const ALL: &[Attention] = &[Attention::Hull, Attention::Brute, Attention::Kinds];

    /// Its name, in flags and reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Attention::Hull => "hull",
            Attention::Brute => "brute",
            Attention::Kinds => "kinds",
        }
    }
}
