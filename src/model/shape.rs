//! The five numbers of a model, and where its matrices stand because of them.
//!
//! All weights of a file are one run of numbers; the shape alone says which of
//! them are which matrix. That arithmetic lives here and nowhere else: reading,
//! writing and every accessor ask [`Shape::block`].
//!
//! What a checked shape promises:
//!
//! - at least one token: there is always a row to embed and a row to win;
//! - D even and at least 4: heads own two slots each, and the forward pass writes
//!   the position's three features to slots 0, 1 and 2, so 4 is the least even width;
//! - H = D/2;
//! - L may be 0: section "forward pass" then says embedding and head, and means it;
//! - F may be 0, and must be where L is 0: there no byte of the file would
//!   stand behind it, and whoever sizes a buffer by F would trust a bare number.
//!
//! Counts come from untrusted files, so sums over them are u128 until a file's
//! length has confirmed them; usize is enough after that.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::ModelError;

/// Slots 0, 1 and 2 receive the position's features, and a width is even.
pub(super) const LEAST_WIDTH: i64 = 4;

/// How large a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// V, the number of tokens.
    pub vocabulary: usize,
    /// D, the number of slots of the residual stream.
    pub width: usize,
    /// L, the number of layers.
    pub layers: usize,
    /// H = D/2, the number of heads of each layer.
    pub heads: usize,
    /// F, the number of gated units of each layer.
    pub units: usize,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shape { vocabulary, width, layers, heads, units } = self;
        write!(f, "V={vocabulary} D={width} L={layers} H={heads} F={units}")
    }
}

/// One matrix of a model, by name. Layers count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatrixName {
    /// A row for each token: what it puts into the residual stream.
    Embedding,
    /// Query rows, then key rows, then value rows.
    AttentionIn(usize),
    /// From the heads' outputs back to the residual stream.
    AttentionOut(usize),
    /// Gate rows, then value rows.
    FeedForwardIn(usize),
    /// From the units back to the residual stream.
    FeedForwardOut(usize),
    /// A row for each token: its logit.
    Head,
}

impl MatrixName {
    /// The layer that it belongs to, if to one.
    pub(crate) fn layer(self) -> Option<usize> {
        match self {
            MatrixName::Embedding | MatrixName::Head => None,
            MatrixName::AttentionIn(layer)
            | MatrixName::AttentionOut(layer)
            | MatrixName::FeedForwardIn(layer)
            | MatrixName::FeedForwardOut(layer) => Some(layer),
        }
    }
}

impl fmt::Display for MatrixName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MatrixName::Embedding => write!(f, "the embedding"),
            MatrixName::AttentionIn(layer) => write!(f, "attention-in of layer {layer}"),
            MatrixName::AttentionOut(layer) => write!(f, "attention-out of layer {layer}"),
            MatrixName::FeedForwardIn(layer) => write!(f, "feed-forward-in of layer {layer}"),
            MatrixName::FeedForwardOut(layer) => write!(f, "feed-forward-out of layer {layer}"),
            MatrixName::Head => write!(f, "the output head"),
        }
    }
}

/// Where a matrix stands: its first weight's index, and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub start: usize,
    pub rows: usize,
    pub cols: usize,
}

impl Shape {
    /// The shape that counts V, D, L, H and F describe. They stand in this order,
    /// four bytes each, at the beginning of a file: that is where errors point.
    pub(super) fn checked(counts: [i64; 5]) -> Result<Shape, ModelError> {
        let [vocabulary, width, layers, heads, units] = counts;
        let fits = |least: i64, value: i64| (least..=i64::from(i32::MAX)).contains(&value);
        if !fits(1, vocabulary) {
            return Err(ModelError::VocabularySize { offset: 0, value: vocabulary });
        }
        if !fits(LEAST_WIDTH, width) || width % 2 != 0 {
            return Err(ModelError::Width { offset: 4, value: width });
        }
        if !fits(0, layers) {
            return Err(ModelError::Layers { offset: 8, value: layers });
        }
        if heads != width / 2 {
            return Err(ModelError::Heads { offset: 12, value: heads, width });
        }
        if !fits(0, units) {
            return Err(ModelError::Units { offset: 16, value: units });
        }
        if layers == 0 && units != 0 {
            return Err(ModelError::UnitsWithoutLayers { offset: 16, value: units });
        }
        Ok(Shape {
            vocabulary: vocabulary as usize,
            width: width as usize,
            layers: layers as usize,
            heads: heads as usize,
            units: units as usize,
        })
    }

    /// How many weights there are.
    pub fn weights(self) -> u128 {
        let [v, d, l, f] =
            [self.vocabulary, self.width, self.layers, self.units].map(|count| count as u128);
        2 * v * d + l * (4 * d * d + 3 * d * f)
    }

    /// Rows and columns of a matrix, for counts that nothing has confirmed yet.
    pub(super) fn extent(self, name: MatrixName) -> (u64, u64) {
        let [v, d, f] = [self.vocabulary, self.width, self.units].map(|count| count as u64);
        match name {
            MatrixName::Embedding | MatrixName::Head => (v, d),
            MatrixName::AttentionIn(_) => (3 * d, d),
            MatrixName::AttentionOut(_) => (d, d),
            MatrixName::FeedForwardIn(_) => (2 * f, d),
            MatrixName::FeedForwardOut(_) => (d, f),
        }
    }

    /// Where a matrix stands among the weights, once they are known to exist.
    pub(super) fn block(self, name: MatrixName) -> Block {
        let (d, f) = (self.width, self.units);
        let layer = |l: usize| self.vocabulary * d + l * (4 * d * d + 3 * d * f);
        let start = match name {
            MatrixName::Embedding => 0,
            MatrixName::AttentionIn(l) => layer(l),
            MatrixName::AttentionOut(l) => layer(l) + 3 * d * d,
            MatrixName::FeedForwardIn(l) => layer(l) + 4 * d * d,
            MatrixName::FeedForwardOut(l) => layer(l) + 4 * d * d + 2 * f * d,
            MatrixName::Head => layer(self.layers),
        };
        let (rows, cols) = self.extent(name);
        Block { start, rows: rows as usize, cols: cols as usize }
    }

    /// Every matrix, in the order of the file.
    pub(super) fn matrices(self) -> impl Iterator<Item = MatrixName> {
        let layers = (0..self.layers).flat_map(|l| {
            [
                MatrixName::AttentionIn(l),
                MatrixName::AttentionOut(l),
                MatrixName::FeedForwardIn(l),
                MatrixName::FeedForwardOut(l),
            ]
        });
        std::iter::once(MatrixName::Embedding)
            .chain(layers)
            .chain(std::iter::once(MatrixName::Head))
    }

    /// The matrix, row and column of the weight at `index`.
    pub(super) fn place(self, index: usize) -> (MatrixName, usize, usize) {
        let holds = |block: Block| index < block.start + block.rows * block.cols;
        let name =
            self.matrices().find(|&name| holds(self.block(name))).expect("the index of a weight");
        let block = self.block(name);
        let within = index - block.start;
        (name, within / block.cols, within % block.cols)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPES: [[i64; 5]; 4] =
        [[1, 4, 0, 2, 0], [3, 4, 1, 2, 0], [2, 6, 2, 3, 5], [915, 38, 7, 19, 43]];

    #[test]
    fn matrices_follow_each_other_without_gap_or_overlap() {
        for counts in SHAPES {
            let shape = Shape::checked(counts).unwrap();
            let mut next = 0;
            for name in shape.matrices() {
                let block = shape.block(name);
                assert_eq!(block.start, next, "{name}");
                next += block.rows * block.cols;
            }
            assert_eq!(next as u128, shape.weights());
        }
    }

    #[test]
    fn every_weight_has_its_place() {
        for counts in &SHAPES[..3] {
            let shape = Shape::checked(*counts).unwrap();
            for index in 0..shape.weights() as usize {
                let (name, row, col) = shape.place(index);
                let block = shape.block(name);
                assert!(row < block.rows && col < block.cols);
                assert_eq!(block.start + row * block.cols + col, index);
            }
        }
    }

    #[test]
    fn the_greatest_counts_do_not_overflow() {
        let most = i64::from(i32::MAX);
        let shape = Shape::checked([most, most - 1, most, (most - 1) / 2, most]).unwrap();
        assert!(shape.weights() > 1 << 94);
    }
}
