//! Why a command could not do its work, as a sentence for a person.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::engine::EngineError;
use crate::linalg::NoKernel;
use crate::model::ModelError;
use crate::oracle::OracleError;
use crate::program::binary::BinaryError;
use crate::program::stream::TextError;
use crate::program::{Problem, ProgramError};

/// Bad usage or input: exit code 2.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum CliError {
    #[error("{}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}: cannot be written: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{}:{source}", path.display())]
    Program { path: PathBuf, source: ProgramError },
    #[error("{}: {size} bytes; a program or trace file has at most {limit}", path.display())]
    TooLarge { path: PathBuf, size: u64, limit: u64 },
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("this model has no token {name:?}, which the program needs")]
    NoToken { name: String },
    #[error(
        "the model generated {name:?}, which is no token of the machine, so no trace can hold it"
    )]
    ForeignToken { name: String },
    #[error(transparent)]
    Kernel(#[from] NoKernel),
    #[error("the run broke off at position {position}: {source}")]
    Engine { position: u64, source: EngineError },
    #[error("{}: {source}", path.display())]
    Oracle { path: PathBuf, source: OracleError },
    #[error("{path}: {source}")]
    BinaryTrace { path: String, source: BinaryError },
    #[error("{path}:{source}")]
    TextTrace { path: String, source: TextError },
    #[error("{path}: the prompt is no program: {problem}")]
    Prompt { path: String, problem: Problem },
    #[error(
        "{path}: this is the trace of another model, with digest {found}; the digest of {model} is {wanted}"
    )]
    OtherModel { path: String, model: String, found: String, wanted: String },
    #[error("{path}: {name:?} at position {position} is no token of the machine")]
    ForeignName { path: String, name: String, position: u64 },
    #[error("{0}")]
    Verification(EngineError),
    #[error("the trace cannot be computed beyond position {position}: {source}")]
    Uncomputable { position: u64, source: EngineError },
    #[error("no pool of {threads} threads: {reason}")]
    Threads { threads: usize, reason: String },
    #[error("{path}: no positions {start}..{end}: the trace has {tokens} tokens")]
    Range { path: String, start: u64, end: u64, tokens: u64 },
    #[error("standard output: {0}")]
    Stdout(io::Error),
}
