//! Linking: several modules, each an instance, as one module.
//!
//! A [`Store`] takes in modules one after another, as an embedder of WebAssembly instantiates them: what a
//! module imports, it is given by the instance that is registered under that name, or it is refused. Out
//! of what is then done with the instances, [`Step`] by step, [`Store::program`] makes one module and the
//! calls that do it, which compile like any other.
//!
//! | | |
//! |---|---|
//! | `store` | instances, and who has what of whom |
//! | `read` | a module as an instance |
//! | `steps` | what is written before the run, and what by code |
//! | `merge` | instances as one module |
//! | `encode` | the sections of that module |
//! | `body` | functions, with the indices of that module |
//! | `memories` | several memories within one |
//!
//! Functions, globals and tables of all instances only get new indices. What needs more:
//!
//! - *Memories.* The machine has one. Where the instances have more among them, each is a part of it, and
//!   every access asks first whether it is within its part.
//! - *Instances that begin late*, after code has run that may have read what they write: their data and
//!   elements are passive segments, and code copies them. So are those of an instance whose instantiation trapped, which stay, as
//!   the specification wants it; but what its start function did before it trapped is lost.
//!
//! Whether an import fits is decided before anything runs, so memories and tables count with the size that they
//! have at first, or with any that they may grow to ([`Sizes`]): whether they have is asked when the instance begins.

mod body;
mod encode;
mod memories;
mod merge;
mod read;
mod steps;
mod store;

use thiserror::Error;

pub use steps::Linked;
pub use store::{InstanceId, Sizes, Store};

use super::Argument;
use super::error::WasmError;
use crate::shown;

/// What is done with instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It begins: its elements, its data, its start function.
    Instantiate {
        /// Which.
        instance: InstanceId,
        /// Whether that is known to trap, and is to have the effects that it has nevertheless.
        traps: bool,
    },
    /// An export is called, and its results are written.
    Invoke {
        /// Whose.
        instance: InstanceId,
        /// The function's name.
        export: String,
        /// What it is called with.
        args: Vec<Argument>,
    },
    /// The value of an exported global is written.
    Get {
        /// Whose.
        instance: InstanceId,
        /// The global's name.
        export: String,
    },
}

/// Why modules are not linked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum LinkError {
    #[error(transparent)]
    Module(#[from] WasmError),
    #[error("unknown import: {}", import(module, name))]
    UnknownImport { module: String, name: String },
    #[error("incompatible import type: {} is {got}, not {wants}", import(module, name))]
    ImportType { module: String, name: String, got: String, wants: String },
    #[error("no {kind} is exported as {}", shown::quoted(export))]
    UnknownExport { kind: &'static str, export: String },
    #[error("out of bounds {kind} access: a segment of elements or data is beyond the end")]
    OutOfBounds { kind: &'static str },
    #[error("a global of v128; programs compute with integers, floats and references only")]
    VectorGlobal,
    #[error(
        "incompatible import type: a {kind} has {has}, not {wanted}, and nothing ran that made it grow"
    )]
    NotGrown { kind: &'static str, has: u64, wanted: u64 },
    #[error(
        "{memories} memories; a program that imports from others has one among all of them, which one \
         exports and the others import"
    )]
    MemoriesOfTheirOwn { memories: usize },
    #[error(
        "the memories of all instances have {pages} pages at first, more than {}",
        memories::PAGES
    )]
    Memories { pages: u64 },
}

fn import(module: &str, name: &str) -> String {
    format!("{}.{}", shown::name(module), shown::name(name))
}

/// The result of a step of linking.
type Result<T, E = LinkError> = std::result::Result<T, E>;

impl From<wasmparser::Error> for LinkError {
    fn from(error: wasmparser::Error) -> Self {
        LinkError::Module(error.into())
    }
}
