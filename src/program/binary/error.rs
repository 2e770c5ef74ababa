//! What can be wrong with a binary trace.

use std::io;

use thiserror::Error;

/// A fault of a binary trace, with the offset of the byte at which it stands.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum BinaryError {
    #[error("byte {offset}: {source}")]
    Io { offset: u64, source: io::Error },
    #[error("byte 0: this is no binary trace")]
    NotATrace,
    #[error("byte {offset}: the file ends within its header")]
    CutHeader { offset: u64 },
    #[error("byte 8: version {version} of the format; this is a reader of version {known}")]
    Version { version: u32, known: u32 },
    #[error("byte {offset}: {value} {what}, but there are at least {least} and at most {most}")]
    Count { offset: u64, what: &'static str, value: u64, least: u64, most: u64 },
    #[error("byte {offset}: the name of token {token} is not UTF-8 text within its bytes")]
    Name { offset: u64, token: usize },
    #[error("byte {offset}: the name {name:?} of token {token} is not one word")]
    Word { offset: u64, token: usize, name: String },
    #[error("byte {offset}: the name of token {token} has {length} bytes; there may be {most}")]
    LongName { offset: u64, token: usize, length: usize, most: usize },
    #[error("byte {offset}: token {token} has the name of token {first}, {name:?}")]
    Twice { offset: u64, token: usize, first: usize, name: String },
    #[error("byte {offset}: {left} bytes are left after the last name")]
    NameBytes { offset: u64, left: usize },
    #[error("byte {offset}: the stop token is {token}, but there are {names} names")]
    Stop { offset: u64, token: u32, names: usize },
    #[error("byte {offset}: the header does not have the checksum that follows it")]
    HeaderChecksum { offset: u64 },
    #[error(
        "byte {offset}: the block begins at position {found}, but {expected} tokens are before it"
    )]
    Position { offset: u64, found: u64, expected: u64 },
    #[error("byte {offset}: the block that begins here does not have its checksum")]
    BlockChecksum { offset: u64 },
    #[error("byte {offset}: the block that begins here does not unpack to {tokens} tokens")]
    Unpack { offset: u64, tokens: usize },
    #[error(
        "byte {offset}: in the block that begins here, token {token} at position {position}, \
         but there are {names} names"
    )]
    Token { offset: u64, position: u64, token: u16, names: usize },
    #[error(
        "byte {offset}: the prompt, which ends in the block that begins here, is not that of \
         the header's program"
    )]
    Program { offset: u64 },
    #[error(
        "byte {offset}: in the block that begins here, the names of the prompt's tokens come to more \
         than {most} bytes"
    )]
    LongPrompt { offset: u64, most: u64 },
    #[error("byte {offset}: the end, after {tokens} tokens of a prompt of {prompt}")]
    ShortPrompt { offset: u64, tokens: u64, prompt: u64 },
    #[error("byte {offset}: there is more after the end of the trace")]
    AfterEnd { offset: u64 },
}
