//! Locals.

use crate::graph::range::LONGEST;
use crate::graph::{Graph, Key, Linear};
use crate::machine::Op;
use crate::machine::graph::features::Token;
use crate::machine::graph::history::{DEEPEST, History};
use crate::machine::graph::operands::{LOCALS, Operands};

/// Above every byte of every local of as many calls as there may be.
const GREATEST_LOCAL: f64 = DEEPEST * LOCALS + 4.0 * LONGEST + 8.0;

/// Byte j of the local, for `local.get`; 0 if it was never written.
pub fn local_byte(
    graph: &mut Graph,
    token: &Token,
    history: &History,
    operands: &Operands,
) -> Linear {
    let (one, opcode) = (graph.one(), &operands.instruction.opcode);
    // Byte tokens count j from 1: no byte has key 0.
    let number = operands.local + history.j;
    let square = graph.square(number.clone());
    let square = graph.persist("local squared", square);
    let written = opcode.units(graph, &[Op::LocalSet, Op::LocalTee], token.is_byte, one);
    let dead = graph.persist_whole("no local", one - written, 1.0);
    let wanted = opcode.units(graph, &[Op::LocalGet], one, number.clone() + one);
    let wanted = graph.persist_whole("local wanted", wanted, GREATEST_LOCAL);
    let key = Key { number: number.clone(), square: square.into(), dead: dead.into() };
    let found = graph.latest("local byte", &key, wanted, &[token.byte(), number]);
    let byte = graph.persist("local byte", found[0]);
    let miss = graph.persist("local missed by", found[1] - wanted);
    graph.where_zero(miss, byte)
}
