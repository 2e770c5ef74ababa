//! The model file, and the checked model that it becomes.
//!
//! A [`Model`] is a transformer VM as data: a vocabulary, six kinds of matrices,
//! and for each head how ties are broken and how it may be computed. This room
//! knows the file format and what makes a model valid; how it runs is the
//! business of others.
//!
//! A file is untrusted. All checks happen while it is read, so whoever holds a
//! `Model` need not ask: every matrix has its size and finite elements, every
//! slot, token and head kind is in range, every name is there once. Each failure
//! is its own [`ModelError`], with the offset at which it stands.
//!
//! A model *is* its file: it keeps the bytes (mapped, built into the binary, or
//! in memory), views the weights in them where alignment allows, and gives back
//! exactly these bytes. A model built from [`ModelParts`] is encoded first and
//! then read like any other, so there is one set of checks.
//!
//! ```text
//! ModelParts --write::encode--> bytes --read--> Model
//! ```

mod error;
mod exchange;
mod format;
mod head;
mod matrix;
mod parts;
mod read;
mod shape;
mod storage;
mod tokens;
mod vocabulary;
mod write;

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

pub use error::{Half, ModelError, Part, PartName};
pub use exchange::ExchangeError;
pub use head::{HeadKind, TieBreak};
pub use matrix::{Layer, Matrix};
pub use parts::{Clears, LayerParts, ModelParts};
pub use shape::{MatrixName, Shape};
pub use tokens::Tokens;
pub use vocabulary::{Token, Vocabulary, VocabularyError};

use storage::{Bytes, Storage};

/// A valid model.
pub struct Model {
    shape: Shape,
    stop: Token,
    vocabulary: Vocabulary,
    storage: Storage,
    optional: Optional,
}

/// Parts 4 to 6, each absent or with an element for every layer or head.
struct Optional {
    clears: Option<Vec<Clears>>,
    ties: Option<Vec<TieBreak>>,
    kinds: Option<Vec<HeadKind>>,
}

/// A larger file is not read but mapped.
const LARGEST_READ: u64 = 1 << 30;

impl Model {
    /// The model in the file at `path`.
    ///
    /// Whatever becomes of the file, the model stays what it was; but a file of more than 1 GiB is
    /// memory-mapped, and must not be changed in place while the model is in use. (Replacing it, as
    /// [`Model::write`] does, is fine.)
    pub fn open(path: &Path) -> Result<Model, ModelError> {
        let bytes = Bytes::open(path, LARGEST_READ)?;
        read::read(bytes)
            .map_err(|fault| ModelError::InFile { path: path.to_owned(), fault: Box::new(fault) })
    }

    /// The model in `bytes`: a `Vec<u8>`, or what `include_bytes!` gives.
    pub fn from_bytes(bytes: impl Into<Cow<'static, [u8]>>) -> Result<Model, ModelError> {
        read::read(Bytes::Held(bytes.into()))
    }

    /// The model with these parts, under the same checks as a file. Offsets in errors are those
    /// that the fault would have in the file.
    pub fn new(parts: ModelParts) -> Result<Model, ModelError> {
        Model::from_bytes(write::encode(&parts)?)
    }

    /// The model's file, byte for byte.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.storage.bytes().to_vec()
    }

    /// Writes the model's file to `path`, whole or not at all. A file that is already there is
    /// replaced and its permissions are kept; to a pipe or a device it is written as it is.
    pub fn write(&self, path: &Path) -> Result<(), ModelError> {
        write::write_whole(path, self.storage.bytes())
    }

    /// The model as a safetensors file, for other software: the same bytes every time.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, ExchangeError> {
        exchange::write(self)
    }

    /// The model in a safetensors file that [`Model::to_safetensors`] made.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Model, ExchangeError> {
        exchange::read(bytes)
    }

    /// How large the model is.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The names of its tokens.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The token at which decoding ends.
    pub fn stop(&self) -> Token {
        self.stop
    }

    /// V×D: the row of a token is what it puts into the residual stream.
    pub fn embedding(&self) -> Matrix<'_> {
        self.matrix(MatrixName::Embedding)
    }

    /// Layer `layer`, from 0.
    ///
    /// # Panics
    ///
    /// When there is no such layer.
    pub fn layer(&self, layer: usize) -> Layer<'_> {
        let clears = self.optional.clears.as_ref().map(|clears| &clears[layer]);
        Layer {
            attention_in: self.matrix(MatrixName::AttentionIn(layer)),
            attention_out: self.matrix(MatrixName::AttentionOut(layer)),
            feed_forward_in: self.matrix(MatrixName::FeedForwardIn(layer)),
            feed_forward_out: self.matrix(MatrixName::FeedForwardOut(layer)),
            cleared_after_attention: clears.map_or(&[], |clears| &clears.after_attention),
            cleared_after_feed_forward: clears.map_or(&[], |clears| &clears.after_feed_forward),
        }
    }

    /// All layers, from the first.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = Layer<'_>> {
        (0..self.shape.layers).map(|layer| self.layer(layer))
    }

    /// V×D: the row of a token times the residual stream is its logit.
    pub fn head(&self) -> Matrix<'_> {
        self.matrix(MatrixName::Head)
    }

    /// The matrix of that name.
    ///
    /// # Panics
    ///
    /// When it names a layer that there is not.
    pub fn matrix(&self, name: MatrixName) -> Matrix<'_> {
        if let Some(layer) = name.layer() {
            assert!(layer < self.shape.layers, "there is no layer {layer}");
        }
        let shape::Block { start, rows, cols } = self.shape.block(name);
        Matrix { rows, cols, data: &self.storage.weights()[start..start + rows * cols] }
    }

    /// How many weights are not 0.
    pub fn nonzeros(&self) -> usize {
        self.storage.weights().iter().filter(|&&weight| weight != 0.0).count()
    }

    /// What equal winners give in a head of a layer.
    ///
    /// # Panics
    ///
    /// When there is no such head.
    pub fn tie(&self, layer: usize, head: usize) -> TieBreak {
        let index = self.head_index(layer, head);
        let ties = self.optional.ties.as_ref();
        ties.map_or(TieBreak::Average, |ties| ties[index])
    }

    /// How a head of a layer may be computed, as the file says.
    ///
    /// # Panics
    ///
    /// When there is no such head.
    pub fn kind(&self, layer: usize, head: usize) -> HeadKind {
        let index = self.head_index(layer, head);
        let kinds = self.optional.kinds.as_ref();
        kinds.map_or(HeadKind::Lookup, |kinds| kinds[index])
    }

    fn head_index(&self, layer: usize, head: usize) -> usize {
        let Shape { layers, heads, .. } = self.shape;
        assert!(layer < layers && head < heads, "there is no head {head} of layer {layer}");
        layer * heads + head
    }

    /// Whether the file lists cleared slots (part 4).
    pub fn has_clears(&self) -> bool {
        self.optional.clears.is_some()
    }

    /// Whether the file gives tie-breaks (part 5).
    pub fn has_ties(&self) -> bool {
        self.optional.ties.is_some()
    }

    /// Whether the file gives head kinds (part 6).
    pub fn has_kinds(&self) -> bool {
        self.optional.kinds.is_some()
    }
}

impl fmt::Debug for Model {
    /// Without the weights: nobody wants to see a hundred thousand of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("shape", &self.shape)
            .field("stop", &self.vocabulary.name(self.stop))
            .finish_non_exhaustive()
    }
}
