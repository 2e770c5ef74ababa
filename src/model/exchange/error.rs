//! Why a model cannot be written as a safetensors file, or such a file is no model.

use safetensors::SafeTensorError;
use thiserror::Error;

use super::VERSION;
use crate::model::error::ModelError;

/// What is wrong, and where.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ExchangeError {
    #[error(
        "the names of its tokens are too many or too long: the header of a safetensors file has at most \
         100,000,000 bytes"
    )]
    LongHeader,
    #[error("this is no safetensors file, or a damaged one: {0}")]
    NotTensors(SafeTensorError),
    #[error(
        "its metadata has no entry \"hardmax\", which says what its tokens are called and which ties heads \
         break; a file of hardmax export has one"
    )]
    NoDescription,
    #[error("the entry \"hardmax\" of its metadata cannot be read: {0}")]
    Description(serde_json::Error),
    #[error("it is of version {found}, and this hardmax reads version {VERSION} only")]
    Version { found: u32 },
    #[error("it has no tensor {name}")]
    Missing { name: String },
    #[error("it has {found} tensors, and a model of {layers} layers has {expected}")]
    Count { found: u64, layers: usize, expected: u64 },
    #[error("tensor {name} is of type {found}, and weights are F64")]
    Type { name: String, found: String },
    #[error("tensor {name} has the shape {found:?}, and that of this model has {expected:?}")]
    Extent { name: String, found: Vec<usize>, expected: [u64; 2] },
    #[error("layer {layer} has {what} for {found} heads, and this model has {expected} in each")]
    Heads { what: &'static str, layer: usize, found: usize, expected: usize },
    #[error("{0} (where it would stand in a model file)")]
    Model(ModelError),
}
