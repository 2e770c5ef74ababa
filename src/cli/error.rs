//! Why a command could not do its work, as a sentence for a person.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::engine::EngineError;
use crate::engine::verify::NoThreads;
use crate::linalg::NoKernel;
use crate::model::{ModelError, Shape};
use crate::oracle::OracleError;
use crate::plan::Refusal;
use crate::program::binary::BinaryError;
use crate::program::stream::TextError;
use crate::program::{Problem, ProgramError};
use crate::tokenizer::NoToken;
use crate::wasm::WasmError;

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
    #[error(
        "{}: {size} bytes or more; a file of its kind is read whole and has at most {limit}",
        path.display()
    )]
    TooLarge { path: PathBuf, size: u64, limit: u64 },
    #[error(
        "{name:?} is neither a bundled program nor a file that ends in .txt, .wasm, .wat or .c{}",
        or_rather(meant)
    )]
    UnknownSource { name: String, meant: Option<&'static str> },
    #[error("{}: {source}; --invoke EXPORT ARG... calls one of them", path.display())]
    NoCompute { path: PathBuf, source: WasmError },
    #[error("{}: {source}", path.display())]
    Wasm { path: PathBuf, source: WasmError },
    #[error("{}: {source}", path.display())]
    Input { path: PathBuf, source: Problem },
    #[error("{}: a token program is compiled already; {flag} needs a module or C", path.display())]
    NotAModule { path: PathBuf, flag: &'static str },
    #[error(
        "{}: {lacks}, which compiles C, is not installed; on Debian and Ubuntu: \
         apt-get install clang lld",
        path.display()
    )]
    NoClang { path: PathBuf, lacks: &'static str },
    #[error("{}: clang: {said}", path.display())]
    Clang { path: PathBuf, said: String },
    #[error(
        "{text:?} is no 32-bit number; all that follows --invoke EXPORT is its arguments, so other \
         options stand before it"
    )]
    Number { text: String },
    #[error("{digit:?} is no hexadecimal digit")]
    HexDigit { digit: char },
    #[error("a byte is two hexadecimal digits, but there are {digits}")]
    HexLength { digits: usize },
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    NoToken(#[from] NoToken),
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
        "{path}: this is the trace of another model, with digest {found}; that of the model at \
         hand ({model}) is {wanted}"
    )]
    OtherModel { path: String, model: String, found: String, wanted: String },
    #[error(
        "{path}: its token {token} is called {found:?}, that of the model at hand ({model}) {wanted:?}: \
         the trace cannot be this model's"
    )]
    OtherNames { path: String, model: String, token: usize, found: String, wanted: String },
    #[error(
        "{path}: it ends at token {found}, a trace of the model at hand ({model}) at token {wanted}"
    )]
    OtherStop { path: String, model: String, found: u16, wanted: u32 },
    #[error("{path}: {name:?} at position {position} is no token of the machine")]
    ForeignName { path: String, name: String, position: u64 },
    #[error("{0}")]
    Verification(EngineError),
    #[error("the trace cannot be computed beyond position {position}: {source}")]
    Uncomputable { position: u64, source: EngineError },
    #[error("the plan cannot be compared: {0}")]
    Agreement(EngineError),
    #[error(
        "there is no head {layer}.{head}: the model has layers 0 to {} of heads 0 to {}",
        shape.layers.saturating_sub(1),
        shape.heads.saturating_sub(1)
    )]
    NoHead { layer: usize, head: usize, shape: Shape },
    #[error("no code for the head: {0}")]
    Refused(Refusal),
    #[error(transparent)]
    Threads(#[from] NoThreads),
    #[error("{path}: no positions {start}..{end}: the trace has {tokens} tokens")]
    Range { path: String, start: u64, end: u64, tokens: u64 },
    #[error(
        "--json has at most {limit} tokens of a range; ask for fewer, or leave it out: then a range is \
         written as it is read"
    )]
    LongRange { limit: usize },
    #[error("standard output: {0}")]
    Stdout(io::Error),
}

fn or_rather(name: &Option<&str>) -> String {
    match name {
        Some(name) => format!("; did you mean {name}?"),
        None => "; hardmax programs lists the bundled ones".into(),
    }
}
