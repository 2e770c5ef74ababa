//! Sums of operand bytes, and plain copies, which are sums of one.

use super::places::{Found, Places};
use crate::graph::{Graph, Linear, Value};
use crate::machine::Op;
use crate::machine::graph::features::Token;
use crate::machine::graph::operands::Operands;

/// Instructions that write the bytes of their immediate.
const IMMEDIATE: &[Op] = &[Op::Const, Op::Br, Op::BrIf, Op::Call, Op::Return];

/// Instructions that write the bytes of the top.
const TOP: &[Op] = &[Op::LocalSet, Op::LocalTee, Op::Store, Op::Store16, Op::Store8, Op::Output];

/// Instructions whose first operand's bytes are those of the second.
const SECOND: &[Op] = &[Op::Add, Op::Sub, Op::Select, Op::And, Op::Or, Op::Xor];

/// Instructions whose second operand's bytes are those of the top.
const WITH_TOP: &[Op] = &[Op::Add, Op::And, Op::Or, Op::Xor];

/// Instructions that take a borrow from the next byte. The bytes that fill up a
/// negative load are 0 less the borrow of the byte before.
const BORROW: &[Op] = &[Op::Sub, Op::Return, Op::Load8S, Op::Load16S];

/// Positions of the operand bytes to be summed; the third is subtracted.
pub fn places(graph: &mut Graph, j: Value, operands: &Operands) -> Places {
    let one = graph.one();
    let opcode = &operands.instruction.opcode;
    let [immediate, top, second, third, call] =
        [&operands.immediate, &operands.top, &operands.second, &operands.third, &operands.call]
            .map(|byte_0| byte_0.clone() + j);
    let mut choose = |ops: &[Op], condition: Value, position: Linear| {
        opcode.units(graph, ops, condition, position)
    };
    let first = choose(IMMEDIATE, one, immediate)
        + choose(TOP, one, top.clone())
        + choose(SECOND, one, second.clone())
        + choose(&[Op::Select], operands.nonzero, third - second);
    let added = choose(WITH_TOP, one, top.clone());
    let subtracted = choose(&[Op::Sub], one, top) + choose(&[Op::Return], one, call);
    [first, added, subtracted, Linear::zero()]
}

/// Sum of all operand bytes with the carry of the byte before: -256 to 511. The
/// digit is that of a quotient, which is nothing else's sum.
pub fn sum(graph: &mut Graph, token: &Token, operands: &Operands, found: &Found) -> Value {
    let one = graph.one();
    let opcode = &operands.instruction.opcode;
    let carried = opcode.units(graph, &[Op::Add], token.carry, one)
        - opcode.units(graph, BORROW, token.carry, one);
    let carried = graph.persist_whole("carried", carried, 1.0);
    let [first, second, third, _] = found.bytes();
    graph.persist("sum", first + second - third + found.digit + carried)
}
