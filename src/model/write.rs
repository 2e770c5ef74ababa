//! From a model to bytes, and from bytes to a file.
//!
//! A model is built by *encoding* its parts and reading the result: so there is
//! one set of checks, in one place, and what can be built can be written and read
//! again. Here it is only checked that there are as many of everything as the
//! shape says, which a file cannot even express otherwise.
//!
//! A file is written whole or not at all ([`files`]). Whoever has the old file
//! open or mapped keeps it unchanged.

use std::fs;
use std::path::Path;

use crate::files;

use super::error::{ModelError, PartName};
use super::format::{self, HEADER_BYTES, INT_BYTES, WEIGHT_BYTES};
use super::parts::ModelParts;
use super::shape::{MatrixName, Shape};
use super::vocabulary::Token;

/// The file that `parts` describe. All three flags are written, 0 for what is absent.
pub(super) fn encode(parts: &ModelParts) -> Result<Vec<u8>, ModelError> {
    let counts = counts(parts.shape);
    Shape::checked(counts)?;
    check_lengths(parts)?;

    let mut file =
        Encoder(Vec::with_capacity(HEADER_BYTES + parts.shape.weights() as usize * WEIGHT_BYTES));
    // The casts lose nothing: these are the counts of a checked shape.
    counts.iter().for_each(|&count| file.int(count as i32));
    file.int(saturated(parts.stop.0));
    for (id, name) in parts.vocabulary.iter().enumerate() {
        file.name(Token(id as u32), name)?;
    }
    matrices(parts).for_each(|(_, weights)| file.weights(weights));
    file.optional(parts.clears.as_deref(), |file, layer| {
        file.slots(&layer.after_attention);
        file.slots(&layer.after_feed_forward);
    });
    file.optional(parts.ties.as_deref(), |file, &tie| {
        file.int(format::tie_code(tie));
    });
    file.optional(parts.kinds.as_deref(), |file, &kind| {
        file.int(format::kind_code(kind));
    });
    Ok(file.0)
}

pub(super) fn counts(shape: Shape) -> [i64; 5] {
    [shape.vocabulary, shape.width, shape.layers, shape.heads, shape.units]
        .map(|count| i64::try_from(count).unwrap_or(i64::MAX))
}

/// An id, a slot or a length that does not fit into the file's integers becomes the greatest of
/// them, which is out of range in every model: reading refuses it.
fn saturated(value: impl TryInto<i32>) -> i32 {
    value.try_into().unwrap_or(i32::MAX)
}

/// Every matrix with its weights, in the order of the file.
fn matrices(parts: &ModelParts) -> impl Iterator<Item = (MatrixName, &[f64])> {
    let layers = parts.layers.iter().enumerate().flat_map(|(l, layer)| {
        [
            (MatrixName::AttentionIn(l), &layer.attention_in[..]),
            (MatrixName::AttentionOut(l), &layer.attention_out[..]),
            (MatrixName::FeedForwardIn(l), &layer.feed_forward_in[..]),
            (MatrixName::FeedForwardOut(l), &layer.feed_forward_out[..]),
        ]
    });
    std::iter::once((MatrixName::Embedding, &parts.embedding[..]))
        .chain(layers)
        .chain(std::iter::once((MatrixName::Head, &parts.head[..])))
}

fn check_lengths(parts: &ModelParts) -> Result<(), ModelError> {
    let shape = parts.shape;
    let heads = shape.layers as u128 * shape.heads as u128;
    check_length(PartName::Vocabulary, shape.vocabulary as u128, Some(parts.vocabulary.len()))?;
    check_length(PartName::Layers, shape.layers as u128, Some(parts.layers.len()))?;
    for (name, weights) in matrices(parts) {
        let (rows, cols) = shape.extent(name);
        let expected = u128::from(rows) * u128::from(cols);
        check_length(PartName::Matrix(name), expected, Some(weights.len()))?;
    }
    check_length(PartName::Clears, shape.layers as u128, parts.clears.as_ref().map(Vec::len))?;
    check_length(PartName::Ties, heads, parts.ties.as_ref().map(Vec::len))?;
    check_length(PartName::Kinds, heads, parts.kinds.as_ref().map(Vec::len))
}

/// `found` is `None` for an optional part that is absent.
fn check_length(what: PartName, expected: u128, found: Option<usize>) -> Result<(), ModelError> {
    match found {
        Some(found) if found as u128 != expected => {
            Err(ModelError::PartLength { what, expected, found })
        }
        _ => Ok(()),
    }
}

/// The bytes of a file so far.
struct Encoder(Vec<u8>);

impl Encoder {
    fn int(&mut self, value: i32) {
        self.0.extend(value.to_le_bytes());
    }

    fn name(&mut self, token: Token, name: &str) -> Result<(), ModelError> {
        let length = u32::try_from(name.len()).map_err(|_| ModelError::NameLength {
            offset: self.0.len(),
            token,
            length: name.len() as u64,
            limit: u32::MAX.into(),
        })?;
        self.0.extend(length.to_le_bytes());
        self.0.extend(name.as_bytes());
        Ok(())
    }

    fn weights(&mut self, weights: &[f64]) {
        self.0.reserve(weights.len() * WEIGHT_BYTES);
        for weight in weights {
            self.0.extend(weight.to_le_bytes());
        }
    }

    fn slots(&mut self, slots: &[u32]) {
        self.0.reserve((slots.len() + 1) * INT_BYTES);
        self.int(saturated(slots.len()));
        slots.iter().for_each(|&slot| self.int(saturated(slot)));
    }

    fn optional<T>(&mut self, part: Option<&[T]>, element: impl Fn(&mut Encoder, &T)) {
        self.int(part.is_some().into());
        for value in part.unwrap_or_default() {
            element(self, value);
        }
    }
}

/// Writes a model's file, whole or not at all.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), ModelError> {
    if fs::metadata(path).is_ok_and(|found| found.is_dir()) {
        return Err(ModelError::NotAFile { path: path.to_owned() });
    }
    files::write_whole(path, bytes)
        .map_err(|source| ModelError::Io { path: path.to_owned(), source })
}
