//! Why a module cannot become a program.

use thiserror::Error;

use crate::shown;

/// A module that is refused, by name and place. Offsets count the module's
/// bytes from 0.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum WasmError {
    #[error("not a WebAssembly module: it begins with {begins:02x?}, not with 00 61 73 6d")]
    NotWasm { begins: Vec<u8> },
    #[error("not a WebAssembly text: {}", shown::message(message))]
    NotText { message: String },
    #[error("the module ends at byte {offset}, too early")]
    Truncated { offset: u64 },
    #[error("byte {offset}: the module is invalid: {}", shown::message(message))]
    Invalid { offset: u64, message: String },
    #[error(
        "byte {offset}: {} is not supported; programs compute with integers, floats and references only",
        shown::name(name)
    )]
    UnsupportedInstruction { name: String, offset: u64 },
    #[error(
        "byte {offset}: {} has type {ty}; programs compute with integers, floats and references only",
        shown::name(what)
    )]
    UnsupportedType { what: String, ty: String, offset: u64 },
    #[error("byte {offset}: {what} is not a constant that can be computed before the run")]
    UnsupportedConstant { what: &'static str, offset: u64 },
    #[error(
        "byte {offset}: import {}.{}; there are env.output_byte(i32) and the functions of \
         wasi_snapshot_preview1",
        shown::name(module),
        shown::name(name)
    )]
    UnknownImport { module: String, name: String, offset: u64 },
    #[error("byte {offset}: {} is imported as {got}, but it is {wants}", shown::name(import))]
    ImportSignature { import: String, got: Box<str>, wants: Box<str>, offset: u64 },
    #[error("no function is exported as {}; there are: {exports}", shown::quoted(export))]
    MissingEntry { export: String, exports: String },
    #[error(
        "argument {number} of {}, {}, is no {ty}; all that follows --invoke EXPORT is its arguments, \
         so other options stand before it",
        shown::name(export),
        shown::quoted(arg)
    )]
    WrongArgument { export: String, number: usize, arg: String, ty: String },
    #[error("{} is {got}, but {wants}", shown::name(export))]
    WrongSignature { export: String, got: String, wants: String },
    #[error(
        "byte {offset}: a segment of {kind} covers {begin}..{end}, beyond the {size} there are"
    )]
    SegmentOutOfBounds { kind: &'static str, begin: u64, end: u64, size: u64, offset: u64 },
    #[error(
        "byte {offset}: {} needs {locals} locals; there are {limit} for each call",
        shown::name(function),
        limit = super::LOCALS
    )]
    TooManyLocals { function: String, locals: u64, offset: u64 },
    #[error("the program has more than {limit} instructions, which is as many as there may be")]
    TooLarge { limit: usize },
    #[error(
        "tables that change and passive segments take {pages} pages outside of memory; a memory of {initial} pages leaves \
         too few of 65,536"
    )]
    NoRoomOutside { pages: u64, initial: u64 },
    #[error("an input of {capacity} bytes needs {pages} pages of memory; the module allows {max}")]
    NoRoomForInput { capacity: u32, pages: u64, max: u64 },
    #[error(
        "globals of {bytes} bytes; those of a program of WASI whose memory grows have at most {most}"
    )]
    TooManyGlobals { bytes: u64, most: u64 },
    #[error("the input has {length} bytes; the program was compiled for at most {capacity}")]
    InputTooLong { length: usize, capacity: u32 },
    #[error("the program takes no input")]
    TakesNoInput,
}

/// The result of a step of compilation.
pub type Result<T, E = WasmError> = std::result::Result<T, E>;

impl From<wasmparser::Error> for WasmError {
    fn from(error: wasmparser::Error) -> Self {
        WasmError::Invalid { offset: error.offset(), message: error.message().into() }
    }
}
