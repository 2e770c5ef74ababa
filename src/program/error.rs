//! What can be wrong with a program or trace file.

use thiserror::Error;

use crate::shown;

/// A problem and its place in the file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{line}:{column}: {problem}")]
pub struct ProgramError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a program.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Problem {
    #[error("not UTF-8 text; a program file is words separated by white space")]
    NotText,
    #[error("{} is not a token of the machine", shown::quoted(word))]
    UnknownToken { word: String },
    #[error("expected `{{`, which opens the program, got {}", shown::quoted(got))]
    NoOpeningBrace { got: String },
    #[error("the file ends before `}}`, which closes the program")]
    NoClosingBrace,
    #[error("expected an instruction or `}}`, got {}", shown::quoted(got))]
    NotAnInstruction { got: String },
    #[error(
        "the immediate of {op} has four bytes, low byte first; byte {byte} is {}",
        shown::quoted(got)
    )]
    ShortImmediate { op: &'static str, byte: usize, got: String },
    #[error("the program has no instruction")]
    Empty,
    #[error("instruction {instruction}: input_base may only stand at the beginning")]
    LateInputBase { instruction: usize },
    #[error("the program has {takes} input_base but {has} payloads")]
    Payloads { takes: usize, has: usize },
    #[error("this program takes no input: it has no input_base")]
    TakesNoInput,
    #[error("expected a byte of input or commit(+0,sts=0,bt=0), got {}", shown::quoted(got))]
    NotInput { got: String },
    #[error("the input does not end with `00` before its commit(+0,sts=0,bt=0)")]
    UnterminatedPayload,
    #[error("the file ends within the input, which `00 commit(+0,sts=0,bt=0)` must end")]
    NoPayloadEnd,
    #[error("the prompt is longer than {limit} bytes of text")]
    LongPrompt { limit: usize },
    #[error(
        "a program file ends after its prompt, but here is {}; is this a trace file?",
        shown::quoted(got)
    )]
    AfterPrompt { got: String },
}
