//! Programs and their traces as files.
//!
//! A [`Program`] is code and the payloads that stand in the prompt: the input,
//! and whatever else an `input_base` instruction puts into memory. Its prompt is
//! a sequence of [`Symbol`]s; a [`Trace`] is a program with the tokens that were
//! generated after its prompt. [`text`] reads and writes both; what it returns
//! is well formed, and nothing downstream checks again. Traces too long for memory
//! come as a [`stream`] of text, or as a [`binary`] file.

pub mod binary;
mod counter;
mod error;
pub mod stream;
pub mod text;
mod walk;

pub(crate) use counter::Counter;
pub use error::{Problem, ProgramError};
pub use walk::{Standing, Walk};

use crate::machine::{Instruction, Op, PAYLOAD_END, Symbol};

/// A program and its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    code: Vec<Instruction>,
    payloads: Vec<Vec<u8>>,
}

impl Program {
    /// A program of at least one instruction. `input_base` stands only at the
    /// beginning, as often as there are payloads.
    pub fn new(code: Vec<Instruction>, payloads: Vec<Vec<u8>>) -> Result<Program, Problem> {
        if code.is_empty() {
            return Err(Problem::Empty);
        }
        let takes = code.iter().take_while(|i| i.op == Op::InputBase).count();
        if let Some(late) = code[takes..].iter().position(|i| i.op == Op::InputBase) {
            return Err(Problem::LateInputBase { instruction: takes + late });
        }
        if takes != payloads.len() {
            return Err(Problem::Payloads { takes, has: payloads.len() });
        }
        Ok(Program { code, payloads })
    }

    /// The instructions; the program counter counts them from 0.
    pub fn code(&self) -> &[Instruction] {
        &self.code
    }

    /// The payload of each `input_base`, without the `00` that ends it.
    pub fn payloads(&self) -> &[Vec<u8>] {
        &self.payloads
    }

    /// The same program with another input: the payload of the last `input_base`.
    pub fn with_input(mut self, input: &[u8]) -> Result<Program, Problem> {
        let last = self.payloads.last_mut().ok_or(Problem::TakesNoInput)?;
        *last = input.to_vec();
        Ok(self)
    }

    /// The tokens of the prompt.
    pub fn prompt(&self) -> Vec<Symbol> {
        let payload_tokens: usize = self.payloads.iter().map(|p| p.len() + 2).sum();
        let mut prompt = Vec::with_capacity(5 * self.code.len() + 2 + payload_tokens);
        prompt.push(Symbol::Open);
        for instruction in &self.code {
            prompt.push(Symbol::Instruction(instruction.op));
            prompt.extend(instruction.immediate.to_le_bytes().map(Symbol::Byte));
        }
        prompt.push(Symbol::Close);
        for payload in &self.payloads {
            prompt.extend(payload.iter().map(|&b| Symbol::Byte(b)));
            prompt.extend([Symbol::Byte(0), PAYLOAD_END]);
        }
        prompt
    }
}

/// What stands before the generated tokens of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// A program and its payloads.
    Program(Program),
    /// The input alone, where the model has the program inside; nothing but `start` where that takes
    /// none.
    Input(Option<Vec<u8>>),
}

impl Prompt {
    /// Its tokens.
    pub fn symbols(&self) -> Vec<Symbol> {
        match self {
            Prompt::Program(program) => program.prompt(),
            Prompt::Input(input) => {
                let mut symbols = vec![Symbol::Start];
                if let Some(input) = input {
                    symbols.extend(input.iter().map(|&byte| Symbol::Byte(byte)));
                    symbols.extend([Symbol::Byte(0), PAYLOAD_END]);
                }
                symbols
            }
        }
    }

    /// The program, if it is one.
    pub fn program(&self) -> Option<&Program> {
        match self {
            Prompt::Program(program) => Some(program),
            Prompt::Input(_) => None,
        }
    }

    /// The input: of a program, its last payload.
    pub fn input(&self) -> Option<&[u8]> {
        match self {
            Prompt::Program(program) => program.payloads().last().map(Vec::as_slice),
            Prompt::Input(input) => input.as_deref(),
        }
    }

    /// The prompt that begins with `start` and these symbols, up to the first that is no byte, and those
    /// that are not part of it. No instruction that may come first generates bytes and the commit of a payload.
    fn behind_start(symbols: Vec<Symbol>) -> (Prompt, Vec<Symbol>) {
        let plain = |symbol: &Symbol| match symbol {
            Symbol::Byte(byte) => Some(*byte),
            _ => None,
        };
        let input: Option<Vec<u8>> = match &symbols[..] {
            [input @ .., Symbol::Byte(0), end] if *end == PAYLOAD_END => {
                input.iter().map(plain).collect()
            }
            _ => None,
        };
        match input {
            Some(input) => (Prompt::Input(Some(input)), Vec::new()),
            None => (Prompt::Input(None), symbols),
        }
    }
}

/// A prompt with all that was generated after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What it begins with.
    pub prompt: Prompt,
    /// The tokens after the prompt, the stop token last if the program halted.
    pub generated: Vec<Symbol>,
}
