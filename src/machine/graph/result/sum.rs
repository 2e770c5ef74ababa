//! Sums of operand bytes, and plain copies, which are sums of one.

use super::bits;
use super::places::{Found, Places};
use super::product::MULTIPLY;
use crate::graph::{Graph, Linear, Value};
use crate::machine::Op;
use crate::machine::graph::code::Immediate;
use crate::machine::graph::features::Token;
use crate::machine::graph::operands::Operands;

/// Instructions that write the bytes of their immediate.
pub const IMMEDIATE: &[Op] = &[Op::Const, Op::Br, Op::BrIf, Op::Call, Op::Return];

/// Instructions that write the bytes of the top.
const TOP: &[Op] = &[
    Op::LocalSet,
    Op::LocalTee,
    Op::GlobalSet,
    Op::Store,
    Op::Store16,
    Op::Store8,
    Op::Output,
    Op::MemoryResize,
    Op::Wrap,
];

/// Instructions whose first operand's bytes are those of the second.
const SECOND: &[Op] = &[Op::Add, Op::Sub, Op::Select, Op::And, Op::Or, Op::Xor];

/// Instructions to whose sum the bytes of the top are added.
const WITH_TOP: &[Op] = &[Op::Add, Op::Or, Op::Xor];

/// Instructions from whose sum that is subtracted again what comes first.
const WITHOUT_SECOND: &[Op] = &[Op::Or, Op::Xor];

/// Instructions that take a borrow from the next byte. The bytes that fill up a
/// negative load are 0 less the borrow of the byte before.
const BORROW: &[Op] = &[Op::Sub, Op::Return, Op::Load8S, Op::Load16S];

/// Instructions that fetch bytes for something else than their sum.
const UNSUMMED: [&[Op]; 3] = [bits::LEFT, bits::RIGHT, MULTIPLY];

/// What these add to it, to be recognised by.
const NO_SUM: f64 = (1u64 << 20) as f64;

/// Positions of the operand bytes to be summed.
pub fn places(graph: &mut Graph, i: Value, operands: &Operands) -> Places {
    let one = graph.one();
    let opcode = &operands.instruction.opcode;
    let wide = operands.instruction.wide;
    let call = operands.call_at.clone() + i;
    let [top, second, third] = [&operands.top_at, &operands.second_at, &operands.third_at]
        .map(|last_four| last_four.clone() - wide + i);
    let mut choose =
        |ops: &[Op], position: &Linear| opcode.units(graph, ops, one, position.clone());
    let immediate = match &operands.immediate_bytes {
        Immediate::At(byte_0) => choose(IMMEDIATE, &(byte_0.clone() + i)),
        Immediate::Are { .. } => Linear::zero(),
    };
    let size = match &operands.memory {
        Some(memory) => choose(&[Op::MemorySize], &(memory.said_at.clone() + i)),
        None => Linear::zero(),
    };
    let first = immediate + choose(TOP, &top) + choose(SECOND, &second) + size;
    let added = choose(WITH_TOP, &top);
    let subtracted =
        choose(&[Op::Sub], &top) + choose(&[Op::Return], &call) + choose(WITHOUT_SECOND, &second);
    let other = opcode.units(graph, &[Op::Select], operands.nonzero, third - second);
    let first = first + other + eight_of_four(graph, i, operands);
    Places { first, added, subtracted, ..Places::default() }
}

/// Positions of bytes of which eight are made of four and four: those of the top, and then those
/// of the second, the sign of the top, or nothing. The commit behind a value has all bits.
///
/// In an input i is not bounded, so what asks for a great i is what does not ask for a small one.
fn eight_of_four(graph: &mut Graph, i: Value, operands: &Operands) -> Linear {
    let one = graph.one();
    let opcode = &operands.instruction.opcode;
    let most = 8.0;
    let low = one * 4.0 - i;
    let negative = operands.top_negative;
    let low_of_negative = low.clone() + (negative - one) * most;
    let top = operands.top_at.clone();
    let commit = top.clone() + one * 4.0;
    let second = operands.second_at.clone() + i - one * 4.0;
    let not_second = commit.clone() - operands.second_at.clone();
    opcode.steps(graph, &[Op::ExtendS, Op::ExtendU], low.clone(), most, top + i)
        + opcode.units(graph, &[Op::ExtendS], negative, commit.clone())
        - opcode.steps(graph, &[Op::ExtendS], low_of_negative, most, commit)
        + opcode.units(graph, &[Op::Join], one, second)
        + opcode.steps(graph, &[Op::Join], low, most, not_second)
}

/// What besides operand bytes is summed: the carry of the byte before, `at_once`, and the byte of
/// an immediate that is no token.
pub fn before(
    graph: &mut Graph,
    token: &Token,
    i: Value,
    operands: &Operands,
    at_once: Linear,
) -> Value {
    let one = graph.one();
    let opcode = &operands.instruction.opcode;
    let carry = token.byte_kind - one;
    let carried = opcode.units(graph, &[Op::Add], carry.clone(), one)
        - opcode.units(graph, BORROW, carry, one);
    let unsummed = UNSUMMED.map(|ops| opcode.units(graph, ops, one, one));
    let unsummed: Linear = unsummed.into_iter().sum();
    let immediate = operands.immediate_bytes.byte(graph, i);
    let before = carried + at_once + unsummed * NO_SUM + immediate;
    graph.persist_whole("before the sum", before, NO_SUM + 2.0)
}

/// A byte and its carry.
pub struct Sum {
    /// The sum modulo 256.
    pub byte: Linear,
    /// 1 when it is not the sum itself.
    pub mark: Linear,
}

/// What becomes of a sum of -256 to 511; nothing of what is no sum.
pub fn sum(graph: &mut Graph, found: &Found) -> Sum {
    let one = graph.one();
    let sum = found.sum;
    let overflow = graph.step(sum - one * 255.0, one);
    let borrow = graph.step(-sum, one);
    let beyond = graph.unit(sum - one * (NO_SUM / 2.0), one);
    let beyond_by_more = graph.unit(sum - one * (NO_SUM / 2.0 + 1.0), one);
    let unsummed = beyond - beyond_by_more;
    let overflow = overflow - unsummed.clone();
    Sum {
        byte: sum - beyond - unsummed * (NO_SUM / 2.0)
            + (borrow.clone() - overflow.clone()) * 256.0,
        mark: overflow + borrow,
    }
}
