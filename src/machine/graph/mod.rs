//! The machine as a graph: from a history of tokens to the next one.
//!
//! Four rounds of attention suffice. Each file is one of them and returns what
//! the next ones read:
//!
//! 1. `history`: the four bytes before each token, which byte of an instruction
//!    a token is, sums over all tokens so far: stack depth, call depth and, with
//!    one more sum because jumps must be read first, the program counter.
//! 2. `operands`: the instruction at the program counter, and the latest values
//!    pushed at the three topmost depths.
//! 3. `result`: with what the instruction is, where each operand byte lies;
//!    then these bytes, the next byte of the result, and whether it carries.
//! 4. `prediction`: of which class the next token is, and the logits.
//!
//! `j` throughout is the number of bytes written since the last token that is no
//! byte: the index of the *next* byte of the result.
//!
//! Two things keep all numbers whole: depths are rounded after they were recovered from averages,
//! and every product is one of whole numbers. Position 0, whose token has no feature and for
//! which `one` is 0, is the place that finds nothing and reads as 0.

mod code;
mod features;
mod history;
mod opcode;
mod operands;
mod prediction;
mod result;

use super::{Embedded, MOST_CALLS, Op};
use crate::graph::Graph;
use code::Code;

/// What calls have room for.
#[derive(Clone, Copy)]
struct Room {
    /// Locals of each.
    locals: u16,
    /// So many may be open, if their number is a whole number.
    calls: Option<u32>,
}

const ROOM: Room = Room { locals: 4096, calls: Some(MOST_CALLS) };

/// The graph of the machine, over the vocabulary of
/// [`Symbol::with_program`](super::Symbol::with_program).
pub fn machine() -> Graph {
    of(&Code::Prompt, Op::ALL, ROOM)
}

/// The same for these instructions, with room for so many locals a call, on which no trace depends; and for
/// any number of calls, for other builders leave their sum as it is, a little off.
pub fn machine_of(ops: &[Op], locals: u16) -> Graph {
    of(&Code::Prompt, ops, Room { locals, calls: None })
}

/// The graph of the machine with a program inside, over the vocabulary of
/// [`Symbol::without_program`](super::Symbol::without_program).
pub fn specialised(program: &Embedded) -> Graph {
    of(&Code::Weights(program), Op::ALL, ROOM)
}

fn of(code: &Code, ops: &[Op], room: Room) -> Graph {
    let vocabulary = code.vocabulary();
    let bos = vocabulary.iter().position(|&symbol| symbol == code.bos());
    let mut graph = Graph::new(vocabulary.len(), bos.expect("every vocabulary has its BOS"));
    let token = features::token(&mut graph, code);
    let history = history::history(&mut graph, code, &token);
    let operands = operands::operands(&mut graph, code, (&token, ops), &history);
    let result = result::result(&mut graph, code, &token, &history, &operands, room.locals);
    let state = (&token, &history, &operands);
    prediction::predict(&mut graph, code, state, &result, room.calls);
    graph
}
