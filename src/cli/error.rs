//! Why a command could not do its work, as a sentence for a person.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::engine::EngineError;
use crate::engine::verify::NoThreads;
use crate::linalg::NoKernel;
use crate::model::{ExchangeError, ModelError, Shape};
use crate::oracle::OracleError;
use crate::plan::Refusal;
use crate::program::binary::BinaryError;
use crate::program::stream::TextError;
use crate::program::{Problem, ProgramError};
use crate::shown;
use crate::specialise::SpecialiseError;
use crate::tokenizer::{self, NoToken};
use crate::wasm::WasmError;
use crate::wasm::link::LinkError;

/// Bad usage or input, or an output that cannot be written: exit code 2.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum CliError {
    #[error("{0}")]
    Usage(clap::Error),
    #[error("{}: {source}", shown::path(path))]
    Read { path: PathBuf, source: io::Error },
    #[error("{}: cannot be written: {source}", shown::path(path))]
    Write { path: PathBuf, source: io::Error },
    #[error("{}: is there already; give another name, or --force to replace it", shown::path(path))]
    Exists { path: PathBuf },
    #[error("{}: a program of C is a file that ends in .c", shown::path(path))]
    NoNameOfC { path: PathBuf },
    #[error(
        "{}: this is {what} that is read ({}); give the output another name",
        shown::path(path),
        shown::path(input)
    )]
    OutputIsInput { path: PathBuf, what: &'static str, input: PathBuf },
    #[error(
        "{}: this is where standard output or standard error goes, too; a binary trace needs a \
         file of its own",
        shown::path(path)
    )]
    NotAlone { path: PathBuf },
    #[error("{}: {source}", shown::path(path))]
    Link { path: PathBuf, source: Box<LinkError> },
    #[error("{}:{line}: not a script: {}", shown::path(path), shown::message(message))]
    Script { path: PathBuf, line: usize, message: String },
    #[error("{}:{source}", shown::path(path))]
    Program { path: PathBuf, source: ProgramError },
    #[error(
        "{}: {size} bytes or more; a file of its kind is read whole and has at most {limit}",
        shown::path(path)
    )]
    TooLarge { path: PathBuf, size: u64, limit: u64 },
    #[error(
        "{} is neither a bundled program nor a file that ends in .txt, .wasm, .wat or .c{}",
        shown::quoted(name),
        or_rather(meant)
    )]
    UnknownSource { name: String, meant: Option<&'static str> },
    #[error(
        "{}: {source}; programs export compute or _start, and --invoke EXPORT ARG... calls any",
        shown::path(path)
    )]
    NoCompute { path: PathBuf, source: WasmError },
    #[error("{}: {source}", shown::path(path))]
    Wasm { path: PathBuf, source: WasmError },
    #[error("{}: {source}", shown::path(path))]
    Input { path: PathBuf, source: Problem },
    #[error(
        "{}: a token program is compiled already; {flag} needs a module or C",
        shown::path(path)
    )]
    NotAModule { path: PathBuf, flag: &'static str },
    #[error(
        "{}: {lacks}, which compiles C, is not installed; on Debian and Ubuntu: \
         apt-get install clang lld",
        shown::path(path)
    )]
    NoClang { path: PathBuf, lacks: &'static str },
    #[error(
        "{}: {lacks} is not installed, and without it clang says: {said}\nOn Debian and Ubuntu: \
         apt-get install clang lld wasi-libc libclang-rt-dev-wasm32",
        shown::path(path)
    )]
    NoLibrary { path: PathBuf, lacks: &'static str, said: String },
    #[error("{}: {flag} is for C", shown::path(path))]
    NotC { path: PathBuf, flag: &'static str },
    #[error(
        "{}: {flag} is for programs of WASI, which export _start; this one takes an input only",
        shown::path(name)
    )]
    NotOfWasi { name: String, flag: &'static str },
    #[error("{}: clang: {said}", shown::path(path))]
    Clang { path: PathBuf, said: String },
    #[error("{digit:?} is no hexadecimal digit")]
    HexDigit { digit: char },
    #[error("a byte is two hexadecimal digits, but there are {digits}")]
    HexLength { digits: usize },
    #[error("{}: byte {byte} is no UTF-8", shown::path(path))]
    NotText { path: PathBuf, byte: u64 },
    #[error(
        "{}:{line}: this model has no token {}{}",
        shown::path(path),
        shown::quoted(name),
        tokenizer::hint(name)
    )]
    NoSuchToken { path: PathBuf, line: u64, name: String },
    #[error("{}: this model runs programs, and none is named", shown::path(model))]
    NoProgram { model: String },
    #[error("{}: the program inside takes no input", shown::path(name))]
    TakesNoInput { name: String },
    #[error(
        "{}: an input of {length} bytes, but the program inside has room for {most}; hardmax specialise \
         makes as much room as the input needs that it is given",
        shown::path(name)
    )]
    LongInput { name: String, length: usize, most: u32 },
    #[error("{}: a prompt is taken as it stands; {flag} changes programs", shown::path(path))]
    PromptAsItStands { path: PathBuf, flag: &'static str },
    #[error("{}: this is a trace with another input", shown::path(path))]
    OtherInput { path: PathBuf },
    #[error("{}: a prompt has at least one token", shown::path(path))]
    EmptyPrompt { path: PathBuf },
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("{}: {source}", shown::path(path))]
    Exchange { path: PathBuf, source: ExchangeError },
    #[error(transparent)]
    NoToken(#[from] NoToken),
    #[error(
        "the model generated {}, which is no token of the machine, so no trace can hold it",
        shown::quoted(name)
    )]
    ForeignToken { name: String },
    #[error(transparent)]
    Kernel(#[from] NoKernel),
    #[error("the run broke off at position {position}: {source}")]
    Engine { position: u64, source: EngineError },
    #[error("{}: {source}", shown::path(path))]
    Oracle { path: PathBuf, source: OracleError },
    #[error("{}: {source}", shown::path(path))]
    Specialise { path: PathBuf, source: SpecialiseError },
    #[error("{}: {source}", shown::path(path))]
    BinaryTrace { path: String, source: BinaryError },
    #[error("{}:{source}", shown::path(path))]
    TextTrace { path: String, source: TextError },
    #[error(
        "{}: the trace does not begin with this prompt: it differs at position {position}",
        shown::path(path)
    )]
    OtherPrompt { path: String, position: usize },
    #[error(
        "{}: this is not the trace of the program that {} makes: {differs}. What a program is depends \
         on the options that it is compiled with, too",
        shown::path(path),
        shown::path(source_path)
    )]
    OtherProgram { path: String, source_path: PathBuf, differs: String },
    #[error(
        "{}: its prompt is no program, so that nobody can say whether it is the trace of the one that {} \
         makes",
        shown::path(path),
        shown::path(source_path)
    )]
    NoProgramInTrace { path: String, source_path: PathBuf },
    #[error(
        "{}: there is {asked}; the prompt has the {prompt} positions from 0 on",
        shown::path(path)
    )]
    NothingToExplain { path: PathBuf, asked: String, prompt: u64 },
    #[error("of the first {limit} tokens one can be explained, but this one comes later")]
    FarToken { limit: u64 },
    #[error("{}: the prompt is no program: {problem}", shown::path(path))]
    Prompt { path: String, problem: Problem },
    #[error(
        "{}: this is the trace of another model, with digest {found}; that of the model at \
         hand ({}) is {wanted}",
        shown::path(path),
        shown::path(model)
    )]
    OtherModel { path: String, model: String, found: String, wanted: String },
    #[error(
        "{}: its token {token} is called {}, that of the model at hand ({}) {}: the trace cannot be \
         this model's",
        shown::path(path),
        shown::quoted(found),
        shown::path(model),
        shown::quoted(wanted)
    )]
    OtherNames { path: String, model: String, token: usize, found: String, wanted: String },
    #[error(
        "{}: it ends at token {found}, a trace of the model at hand ({}) at token {wanted}",
        shown::path(path),
        shown::path(model)
    )]
    OtherStop { path: String, model: String, found: u16, wanted: u32 },
    #[error(
        "{}: {} at position {position} is no token of the machine",
        shown::path(path),
        shown::quoted(name)
    )]
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
    #[error("{} has changed while it was read", shown::path(path))]
    Changed { path: String },
    #[error(transparent)]
    Threads(#[from] NoThreads),
    #[error("{}: no positions {start}..{end}: the trace has {tokens} tokens", shown::path(path))]
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
