//! What a model is built from: everything in the file, as plain owned values.
//!
//! Nothing is checked here; [`Model::new`](super::Model::new) does that.

use serde::{Deserialize, Serialize};

use super::head::{HeadKind, TieBreak};

use super::shape::Shape;
use super::vocabulary::Token;

/// The slots that one layer sets to 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clears {
    /// Once attention has been added to the residual stream.
    pub after_attention: Vec<u32>,
    /// Once the feed-forward has been added.
    pub after_feed_forward: Vec<u32>,
}

/// The matrices of one layer, row-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerParts {
    /// 3D×D: query rows, key rows, value rows.
    pub attention_in: Vec<f64>,
    /// D×D.
    pub attention_out: Vec<f64>,
    /// 2F×D: gate rows, value rows.
    pub feed_forward_in: Vec<f64>,
    /// D×F.
    pub feed_forward_out: Vec<f64>,
}

/// A model in pieces, unchecked.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelParts {
    /// How large it is; every other length must agree.
    pub shape: Shape,
    /// Decoding ends here.
    pub stop: Token,
    /// Names, in the order of ids.
    pub vocabulary: Vec<String>,
    /// V×D.
    pub embedding: Vec<f64>,
    /// L layers.
    pub layers: Vec<LayerParts>,
    /// V×D.
    pub head: Vec<f64>,
    /// One for each layer, or `None`: nothing is cleared.
    pub clears: Option<Vec<Clears>>,
    /// L×H, layer after layer, or `None`: all average.
    pub ties: Option<Vec<TieBreak>>,
    /// L×H, layer after layer, or `None`: all lookup.
    pub kinds: Option<Vec<HeadKind>>,
}
