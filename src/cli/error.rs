//! Why a command could not do its work, as a sentence for a person.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::engine::EngineError;
use crate::linalg::NoKernel;
use crate::model::ModelError;
use crate::oracle::OracleError;
use crate::program::ProgramError;

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
    #[error("standard output: {0}")]
    Stdout(io::Error),
}
