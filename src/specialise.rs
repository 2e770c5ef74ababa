//! From a program to a model that has it inside: the first Futamura projection.
//!
//! The machine's graph is that of the universal model but for where an instruction comes from
//! (`machine/graph/code.rs`), so such a model generates the very tokens that the universal one does
//! behind its prompt. Its own prompt is only the input: `start`, the bytes, `00` and a commit; or
//! `start` alone where the program takes none. All other payloads are data, which memory has from
//! the beginning.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::engine::{Attention, Reference};
use crate::linalg::Kernel;
use crate::machine::{Embedded, HALT, PAYLOAD_END, Symbol, graph};
use crate::model::{Model, Token};
use crate::oracle::{self, OracleError};
use crate::program::{Program, Prompt};
use crate::tokenizer::Tokenizer;
use crate::weights::{self, Build};

/// Programs of more instructions, or with more bytes of data, are refused: models have a unit for each
/// of them in every layer.
pub const MOST_UNITS: usize = 1 << 15;

/// Between bytes of data that are no farther apart, zeros are data, too: they take no units, and a stretch of
/// its own takes two, of which every load asks.
const NEAR: u64 = 1024;

/// How many bytes the models of programs of WASI are said to take.
const WASI: u64 = 1 << 32;

/// Why a program has no model of its own.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum SpecialiseError {
    #[error("the program has {instructions} instructions; a model has at most {MOST_UNITS} inside")]
    Instructions { instructions: usize },
    #[error(
        "the program has {bytes} bytes of data that are not 0; a model has at most {MOST_UNITS} inside"
    )]
    Data { bytes: usize },
    #[error(transparent)]
    Oracle(#[from] OracleError),
}

/// What a program takes for its input: the payload of its last `input_base`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing: all its payloads are data.
    Nothing,
    /// At most so many bytes.
    AtMost(u32),
    /// What a program of WASI is given ([`crate::wasm::wasi`]).
    Wasi,
}

/// The model that runs one program on any input that it takes.
pub fn specialise(program: &Program, takes: Takes) -> Result<Build, SpecialiseError> {
    let embedded = embedded(program, takes)?;
    let names: Vec<String> = Symbol::without_program().iter().map(Symbol::to_string).collect();
    let tokenizer = Tokenizer::of_names(names.iter().map(String::as_str));
    let stop = tokenizer.token(HALT).expect("these are the names of all symbols");
    Ok(weights::build(&graph::specialised(&embedded), names, stop))
}

/// The prompt with which the program's own model runs it.
pub fn prompt(program: &Program, takes: Takes) -> Prompt {
    Prompt::Input(program.payloads().last().filter(|_| takes != Takes::Nothing).cloned())
}

/// Whether a model has a program inside, as far as its vocabulary tells: prompts can begin with `start` and
/// go on with bytes, and no program can be opened.
pub fn has_program_inside(model: &Model) -> bool {
    let has = |symbol: Symbol| model.vocabulary().id(&symbol.to_string()).is_some();
    has(Symbol::Start) && has(Symbol::Byte(0)) && !has(Symbol::Open)
}

/// What the program inside takes, if the model tells: those that are built here have one logit behind
/// `start` that is not 0, of the token that goes on without an input. Where the program takes one that is the
/// end of the payload, which no instruction can generate first, and the logit is one more than the input may
/// have bytes; of a program of WASI one more than any input may have.
pub fn takes(model: &Model) -> Option<Takes> {
    let start = model.vocabulary().id(&Symbol::Start.to_string())?;
    let mut reference = Reference::new(model, Attention::Kinds, Kernel::preferred()).ok()?;
    reference.step(start).ok()?;
    let mut told = (0..).zip(reference.logits()).filter(|logit| *logit.1 != 0.0);
    let (Some((first, logit)), None) = (told.next(), told.next()) else { return None };
    let name = model.vocabulary().name(Token(first));
    let most = Some(logit - 1.0).filter(|most| most.fract() == 0.0)?;
    match Symbol::from_name(name)? {
        PAYLOAD_END if most == WASI as f64 => Some(Takes::Wasi),
        PAYLOAD_END if (0.0..=u32::MAX.into()).contains(&most) => Some(Takes::AtMost(most as u32)),
        PAYLOAD_END => None,
        _ => Some(Takes::Nothing),
    }
}

/// What the weights of such a model know of the program.
pub fn embedded(program: &Program, takes: Takes) -> Result<Embedded, SpecialiseError> {
    let code = program.code();
    if code.len() > MOST_UNITS {
        return Err(SpecialiseError::Instructions { instructions: code.len() });
    }
    let payloads = program.payloads();
    let takes = if payloads.is_empty() { Takes::Nothing } else { takes };
    let begin = payloads.len() - usize::from(takes != Takes::Nothing);
    // Later payloads lie over earlier ones, and so does the 0 behind each.
    let mut bytes = BTreeMap::new();
    for (instruction, payload) in code.iter().zip(&payloads[..begin]) {
        bytes.extend((u64::from(instruction.immediate)..).zip(payload.iter().copied().chain([0])));
    }
    bytes.retain(|_, byte| *byte != 0);
    if bytes.len() > MOST_UNITS {
        return Err(SpecialiseError::Data { bytes: bytes.len() });
    }
    let mut memory: Vec<(u64, Vec<u8>)> = Vec::new();
    for (address, byte) in bytes {
        match memory.last_mut() {
            Some((from, stretch)) if address - *from <= stretch.len() as u64 + NEAR => {
                stretch.resize((address - *from) as usize, 0);
                stretch.push(byte);
            }
            _ => memory.push((address, vec![byte])),
        }
    }
    let (first, told) = match takes {
        Takes::AtMost(bytes) => (PAYLOAD_END, u64::from(bytes) + 1),
        Takes::Wasi => (PAYLOAD_END, WASI + 1),
        Takes::Nothing => {
            let (generated, _) = oracle::trace(program, 1)?;
            (generated.first().copied().unwrap_or(HALT), 1)
        }
    };
    Ok(Embedded { code: code.to_vec(), begin, memory, first, told })
}
