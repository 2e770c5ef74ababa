//! A model as a safetensors file, which most libraries for tensors read, and back.
//!
//! Queries, keys and values are tensors of their own, as are gates and factors, for nobody else knows in which
//! order a model file stacks them. All are f64, of shape (outputs, inputs):
//!
//! | tensor | shape |
//! | --- | --- |
//! | `embedding.weight` | (V, D) |
//! | `layers.N.attention.query.weight`, `.key.`, `.value.`, `.output.` | (D, D) |
//! | `layers.N.feed_forward.gate.weight`, `.value.` | (F, D) |
//! | `layers.N.feed_forward.output.weight` | (D, F) |
//! | `head.weight` | (V, D) |
//!
//! What else a model file has is JSON text, the entry `hardmax` of the metadata ([`Description`]). It is one
//! entry because the order of several is left to chance by the crate that writes them, and a file shall have
//! the same bytes every time. A model comes back as the file that it was, byte for byte, if that file has its
//! three flags: where a file ends before them, they are written.
//!
//! docs/safetensors.md is for those who run such a file elsewhere.

mod error;
mod read;
mod write;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::model::head::{HeadKind, TieBreak};
use crate::model::parts::Clears;
use crate::model::shape::{MatrixName, Shape};

pub use error::ExchangeError;
pub(super) use read::read;
pub(super) use write::write;

/// The entry of the metadata.
const ENTRY: &str = "hardmax";

/// What it means may change, and then this does.
const VERSION: u32 = 1;

/// All of a model but its weights.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    version: u32,
    shape: Shape,
    /// The id of the token at which decoding ends.
    stop: u32,
    /// Names in the order of ids.
    vocabulary: Vec<String>,
    /// For each layer the slots that are set to 0; absent where none are.
    clears: Option<Vec<Clears>>,
    /// For each layer and head; absent where all average.
    ties: Option<Vec<Vec<TieBreak>>>,
    /// For each layer and head; absent where all are lookups.
    kinds: Option<Vec<Vec<HeadKind>>>,
}

/// A tensor of the file: some rows of a matrix of the model, and all its columns.
struct TensorName {
    name: String,
    matrix: MatrixName,
    rows: Range<u64>,
    columns: u64,
}

/// The tensors that make up a matrix, from its first row to its last. The shape need not be confirmed yet.
fn tensors(shape: Shape, matrix: MatrixName) -> Vec<TensorName> {
    let (of, parts): (String, &[&str]) = match matrix {
        MatrixName::Embedding => ("embedding".into(), &[""]),
        MatrixName::AttentionIn(layer) => {
            (format!("layers.{layer}.attention"), &[".query", ".key", ".value"])
        }
        MatrixName::AttentionOut(layer) => (format!("layers.{layer}.attention"), &[".output"]),
        MatrixName::FeedForwardIn(layer) => {
            (format!("layers.{layer}.feed_forward"), &[".gate", ".value"])
        }
        MatrixName::FeedForwardOut(layer) => (format!("layers.{layer}.feed_forward"), &[".output"]),
        MatrixName::Head => ("head".into(), &[""]),
    };
    let (rows, columns) = shape.extent(matrix);
    let each = rows / parts.len() as u64;
    let tensor = |(part, at): (&&str, u64)| TensorName {
        name: format!("{of}{part}.weight"),
        matrix,
        rows: at * each..(at + 1) * each,
        columns,
    };
    parts.iter().zip(0..).map(tensor).collect()
}
