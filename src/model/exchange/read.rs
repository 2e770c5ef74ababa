//! From a safetensors file to a model.
//!
//! The file is untrusted. The crate that reads it has checked that every tensor has the bytes that its shape
//! asks for; here each shape is compared with what the description says, before its weights are copied. What
//! the numbers are is checked as in every model that is built ([`Model::new`]).

use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

use super::{Description, ENTRY, ExchangeError, VERSION, tensors};
use crate::model::parts::{LayerParts, ModelParts};
use crate::model::shape::{MatrixName, Shape};
use crate::model::write::counts;
use crate::model::{Model, Token};

/// The model in a safetensors file.
pub fn read(bytes: &[u8]) -> Result<Model, ExchangeError> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(ExchangeError::NotTensors)?;
    let entry = header.metadata().as_ref().and_then(|metadata| metadata.get(ENTRY));
    let description = describe(entry.ok_or(ExchangeError::NoDescription)?)?;
    let shape = description.shape;
    Shape::checked(counts(shape)).map_err(ExchangeError::Model)?;

    let file = SafeTensors::deserialize(bytes).map_err(ExchangeError::NotTensors)?;
    check_count(&file, shape)?;
    let matrix = |name| weights(&file, shape, name);
    let layer = |layer| {
        Ok(LayerParts {
            attention_in: matrix(MatrixName::AttentionIn(layer))?,
            attention_out: matrix(MatrixName::AttentionOut(layer))?,
            feed_forward_in: matrix(MatrixName::FeedForwardIn(layer))?,
            feed_forward_out: matrix(MatrixName::FeedForwardOut(layer))?,
        })
    };
    let parts = ModelParts {
        shape,
        stop: Token(description.stop),
        vocabulary: description.vocabulary,
        embedding: matrix(MatrixName::Embedding)?,
        layers: (0..shape.layers).map(layer).collect::<Result<_, _>>()?,
        head: matrix(MatrixName::Head)?,
        clears: description.clears,
        ties: description.ties.map(|ties| flat(ties, "tie-breaks", shape)).transpose()?,
        kinds: description.kinds.map(|kinds| flat(kinds, "kinds", shape)).transpose()?,
    };
    Model::new(parts).map_err(ExchangeError::Model)
}

/// The version comes first: in another one the rest may be anything.
fn describe(entry: &str) -> Result<Description, ExchangeError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    match serde_json::from_str(entry).map_err(ExchangeError::Description)? {
        Versioned { version: VERSION } => {
            serde_json::from_str(entry).map_err(ExchangeError::Description)
        }
        Versioned { version: found } => Err(ExchangeError::Version { found }),
    }
}

/// So that no tensor is left over, and the layers that a description claims are there.
fn check_count(file: &SafeTensors, shape: Shape) -> Result<(), ExchangeError> {
    let of_layer = 7;
    let expected = 2 + of_layer * shape.layers as u64;
    match file.len() as u64 {
        found if found == expected => Ok(()),
        found => Err(ExchangeError::Count { found, layers: shape.layers, expected }),
    }
}

/// The weights of a matrix, out of the tensors that it is made of.
fn weights(
    file: &SafeTensors,
    shape: Shape,
    matrix: MatrixName,
) -> Result<Vec<f64>, ExchangeError> {
    let mut weights = Vec::new();
    for tensor in tensors(shape, matrix) {
        let name = tensor.name;
        let Ok(found) = file.tensor(&name) else { return Err(ExchangeError::Missing { name }) };
        if found.dtype() != Dtype::F64 {
            return Err(ExchangeError::Type { name, found: found.dtype().to_string() });
        }
        let expected = [tensor.rows.end - tensor.rows.start, tensor.columns];
        if !found.shape().iter().map(|&extent| extent as u64).eq(expected) {
            return Err(ExchangeError::Extent { name, found: found.shape().to_vec(), expected });
        }
        let (numbers, rest) = found.data().as_chunks();
        debug_assert!(rest.is_empty(), "the crate has compared bytes and shape");
        weights.extend(numbers.iter().map(|&bytes| f64::from_le_bytes(bytes)));
    }
    Ok(weights)
}

/// What each head has, layer after layer. Whether there are as many layers is checked with all other lengths.
fn flat<T>(layers: Vec<Vec<T>>, what: &'static str, shape: Shape) -> Result<Vec<T>, ExchangeError> {
    let expected = shape.heads;
    let other = layers.iter().enumerate().find(|(_, heads)| heads.len() != expected);
    if let Some((layer, heads)) = other {
        let found = heads.len();
        return Err(ExchangeError::Heads { what, layer, found, expected });
    }
    Ok(layers.into_iter().flatten().collect())
}
