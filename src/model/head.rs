//! What a model's file says of each head: how ties are broken, and how it may be computed.
//!
//! Both are promises of whoever built the model. What a promise is worth, and what to do
//! with one that is broken, is the business of `attention/`.

use serde::{Deserialize, Serialize};

/// What several equally good positions give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TieBreak {
    /// The mean of their values.
    Average,
    /// The value of the latest of them.
    Latest,
}

/// How a head may be computed: what the builder of a model guarantees of its
/// keys and queries. Every kind can be computed as a [`HeadKind::Lookup`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeadKind {
    /// Nothing is guaranteed.
    Lookup,
    /// The query is proportional to (t, 1) and keys are (2s, 1): every position attends to itself.
    Passthrough,
    /// Keys are (2s, -s² + ε): the query qx/qy names a position.
    Gather,
    /// Keys are (2n, -n² + ε - C·dead): the latest live token whose key n is nearest to the query.
    Keyed,
    /// All keys are equal but those of position 0: the mean of all values.
    Mean,
}

impl HeadKind {
    /// Its name, in reports.
    pub fn name(self) -> &'static str {
        match self {
            HeadKind::Lookup => "lookup",
            HeadKind::Passthrough => "passthrough",
            HeadKind::Gather => "gather",
            HeadKind::Keyed => "keyed",
            HeadKind::Mean => "mean",
        }
    }
}
