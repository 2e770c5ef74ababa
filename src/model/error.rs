//! Every way in which a model can be wrong.
//!
//! One variant for each, named by what is wrong, with the byte offset at which
//! the fault stands, the value found there, and what would have been right. For
//! a model that is built rather than read, the offset is the one it would have in
//! its file: both pass the same checks.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::shape::MatrixName;
use super::vocabulary::Token;
use crate::shown;

/// The optional parts at the end of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Part 4: slots cleared in each layer.
    Clears,
    /// Part 5: a tie-break for each head.
    TieBreaks,
    /// Part 6: a kind for each head.
    HeadKinds,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Clears => "part 4 (cleared slots)",
            Part::TieBreaks => "part 5 (tie-breaks)",
            Part::HeadKinds => "part 6 (head kinds)",
        })
    }
}

/// The two places of a layer at which slots are cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// After attention-out has been added.
    Attention,
    /// After feed-forward-out has been added.
    FeedForward,
}

impl fmt::Display for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Half::Attention => "after attention",
            Half::FeedForward => "after the feed-forward",
        })
    }
}

/// Why something is no model, or could not be read or written.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "fields are named as in the messages")]
pub enum ModelError {
    /// The operating system refused.
    #[error("{}: {source}", shown::path(path))]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },

    /// The path is a directory, a pipe, a device: nothing that can be mapped or replaced.
    #[error("{}: not a regular file: give the path of a model file", shown::path(path))]
    NotAFile { path: PathBuf },

    /// The file was read, and is no model.
    #[error("{}: {fault}", shown::path(path))]
    InFile { path: PathBuf, fault: Box<ModelError> },

    /// The bytes end inside something.
    #[error(
        "byte {offset}: {what} needs {needed} bytes and only {left} are left: \
         the file is cut short, copy or build it again"
    )]
    Truncated { offset: usize, what: &'static str, needed: u128, left: u64 },

    /// The header speaks of more names and weights than the bytes can hold.
    #[error(
        "byte {offset}: the header announces at least {needed} bytes and there are {length}: \
         the file is cut short, or no model"
    )]
    TooShort { offset: usize, needed: u128, length: u64 },

    /// V is not positive.
    #[error("byte {offset}: a vocabulary of {value} tokens: it needs 1 to 2147483647")]
    VocabularySize { offset: usize, value: i64 },

    /// D is odd, or leaves no room for the position's features.
    #[error(
        "byte {offset}: a width of {value} slots: it must be even (two slots a head) \
         and at least 4 (slots 0 to 2 hold the position)"
    )]
    Width { offset: usize, value: i64 },

    /// L is negative.
    #[error("byte {offset}: {value} layers: there must be 0 to 2147483647")]
    Layers { offset: usize, value: i64 },

    /// H is not D/2.
    #[error(
        "byte {offset}: {value} heads, but a width of {width} slots makes {half}: \
         heads are two-dimensional",
        half = width / 2
    )]
    Heads { offset: usize, value: i64, width: i64 },

    /// F is negative.
    #[error("byte {offset}: {value} gated units a layer: there must be 0 to 2147483647")]
    Units { offset: usize, value: i64 },

    /// F is not 0 although L is.
    #[error("byte {offset}: {value} gated units a layer, but no layers: write 0")]
    UnitsWithoutLayers { offset: usize, value: i64 },

    /// The stop token is no token.
    #[error("byte {offset}: the stop token is {value}, but tokens are 0 to {last}")]
    StopToken { offset: usize, value: i64, last: usize },

    /// A name is longer than what follows its length.
    #[error(
        "byte {offset}: the name of token {token} is {length} bytes long, \
         and at most {limit} can stand here: the file is cut short or damaged"
    )]
    NameLength { offset: usize, token: Token, length: u64, limit: u64 },

    /// A name is not UTF-8; the offset is that of the first byte that is not.
    #[error("byte {offset}: the name of token {token} is not UTF-8 (byte {value:#04x})")]
    NameNotUtf8 { offset: usize, token: Token, value: u8 },

    /// A name was given to an earlier token.
    #[error(
        "byte {offset}: token {second} is named {}, and so is token {first}: \
         give each its own name",
        shown::quoted(name)
    )]
    DuplicateName { offset: usize, name: String, first: Token, second: Token },

    /// A weight is NaN or infinite.
    #[error(
        "byte {offset}: {matrix} has {value} at row {row}, column {col}: weights must be finite"
    )]
    NonFiniteWeight { offset: usize, matrix: MatrixName, row: usize, col: usize, value: f64 },

    /// The flag before an optional part is neither 0 nor 1.
    #[error("byte {offset}: the flag of {part} is {value}: write 0 for absent, 1 for present")]
    Flag { offset: usize, part: Part, value: i32 },

    /// A list of cleared slots is longer than there are slots.
    #[error(
        "byte {offset}: layer {layer} clears {value} slots {half}, \
         but a list of different slots has 0 to {width}"
    )]
    SlotCount { offset: usize, layer: usize, half: Half, value: i32, width: usize },

    /// A cleared slot is no slot.
    #[error(
        "byte {offset}: layer {layer} clears slot {value} {half}, but slots are 0 to {last}",
        last = width - 1
    )]
    Slot { offset: usize, layer: usize, half: Half, value: i32, width: usize },

    /// One list clears a slot twice.
    #[error("byte {offset}: layer {layer} clears slot {value} twice {half}: list it once")]
    RepeatedSlot { offset: usize, layer: usize, half: Half, value: i32 },

    /// A tie-break has no meaning.
    #[error(
        "byte {offset}: head {head} of layer {layer} has tie-break {value}: \
         there are 0 (average) and 1 (latest)"
    )]
    TieBreak { offset: usize, layer: usize, head: usize, value: i32 },

    /// A head kind has no meaning.
    #[error(
        "byte {offset}: head {head} of layer {layer} has kind {value}: there are \
         0 (lookup), 1 (passthrough), 2 (gather), 3 (keyed) and 4 (mean)"
    )]
    HeadKind { offset: usize, layer: usize, head: usize, value: i32 },

    /// Something follows the last part.
    #[error("byte {offset}: {count} bytes follow the end of the model: remove them")]
    TrailingBytes { offset: usize, count: usize },

    /// A piece of [`ModelParts`](super::ModelParts) has not the length that its shape asks for.
    #[error("{what} has {found} elements, and the shape asks for {expected}")]
    PartLength { what: PartName, expected: u128, found: usize },
}

/// A piece of [`ModelParts`](super::ModelParts) whose length follows from the shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as the fields")]
pub enum PartName {
    Vocabulary,
    Layers,
    Matrix(MatrixName),
    Clears,
    Ties,
    Kinds,
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PartName::Vocabulary => f.write_str("the vocabulary"),
            PartName::Layers => f.write_str("the list of layers"),
            PartName::Matrix(name) => name.fmt(f),
            PartName::Clears => f.write_str("the list of cleared slots by layer"),
            PartName::Ties => f.write_str("the list of tie-breaks"),
            PartName::Kinds => f.write_str("the list of head kinds"),
        }
    }
}
