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

mod features;
mod history;
mod opcode;
mod operands;
mod prediction;
mod result;

use super::Op;
use super::symbol::Symbol;
use crate::graph::Graph;

/// The graph of the machine, over the vocabulary of [`Symbol::all`].
pub fn machine() -> Graph {
    machine_of(Op::ALL, 1024)
}

/// The same for these instructions, with room for so many locals a call: no trace depends on that.
pub fn machine_of(ops: &[Op], locals: u16) -> Graph {
    let bos = Symbol::Open.id() as usize;
    let mut graph = Graph::new(Symbol::all().len(), bos);
    let token = features::token(&mut graph);
    let history = history::history(&mut graph, &token);
    let operands = operands::operands(&mut graph, (&token, ops), &history);
    let result = result::result(&mut graph, &token, &history, &operands, locals);
    prediction::predict(&mut graph, &token, &history, &operands, &result);
    graph
}
