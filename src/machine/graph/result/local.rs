//! Locals.

use crate::graph::range::LONGEST;
use crate::graph::{Graph, Key, Linear};
use crate::machine::Op;
use crate::machine::graph::features::Token;
use crate::machine::graph::history::{DEEPEST, History};
use crate::machine::graph::operands::Operands;

/// Byte i of the local, for `local.get`; 0 if it was never written. There is room for so many `locals` a
/// call.
pub fn local_byte(
    graph: &mut Graph,
    token: &Token,
    history: &History,
    operands: &Operands,
    locals: u16,
) -> Linear {
    let (one, opcode) = (graph.one(), &operands.instruction.opcode);
    // Bytes between the locals of one call depth and those of the next.
    let stride = 4.0 * f64::from(locals);
    // Above every byte of every local of as many calls as there may be.
    let greatest = DEEPEST * stride + 4.0 * LONGEST + 8.0;
    // Byte tokens count i from 1: no byte has key 0.
    let number = operands.calls.clone() * stride + operands.immediate.clone() * 4.0 + history.i;
    let square = graph.square(number.clone());
    let square = graph.persist("local squared", square);
    let written = opcode.steps(graph, &[Op::LocalSet, Op::LocalTee], token.byte_kind, 2.0, one);
    let dead = graph.persist_whole("no local", one - written, 1.0);
    let wanted = opcode.units(graph, &[Op::LocalGet], one, number.clone() + one);
    let less_wanted = graph.persist_whole("less local wanted", -wanted, greatest);
    let number = graph.persist("local", number);
    let key = Key { number: number.into(), square: square.into(), dead: dead.into() };
    let found = graph.latest("local byte", &key, -less_wanted, &[token.byte(), number.into()]);
    let byte = graph.persist("local byte", found[0]);
    let miss = graph.persist("local missed by", less_wanted + found[1]);
    graph.where_zero(miss, byte)
}
