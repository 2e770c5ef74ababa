//! Round four: where the bytes of the operands lie, and the next byte of the
//! result.

use super::features::{NEVER, Token};
use super::history::{DEEPEST, History};
use super::operands::{LOCALS, Operands};
use crate::graph::range::LONGEST;
use crate::graph::{Graph, Key, Linear, Value};
use crate::machine::Op;

/// The next byte of the result.
pub struct NextByte {
    /// The byte, 0 to 255.
    pub byte: Value,
    /// 1 when it carries or borrows.
    pub mark: Value,
}

/// Round four.
pub fn result(
    graph: &mut Graph,
    token: &Token,
    history: &History,
    operands: &Operands,
) -> NextByte {
    let sum = operand_sum(graph, token, operands);
    let local = local_byte(graph, token, history, operands);
    let memory = memory_byte(graph, token, history, operands);
    let comparison = comparison(graph, history, operands);

    let one = graph.one();
    let overflow = graph.step(sum - one * 255.0, one);
    let borrow = graph.step(-sum, one);
    let byte = (borrow.clone() - overflow.clone()) * 256.0 + sum + comparison + local + memory.byte;
    NextByte {
        byte: graph.persist("next byte", byte),
        mark: graph.persist("mark", overflow + borrow + memory.mark),
    }
}

/// Operand and immediate, the byte's index, and 1 for position 0.
const GREATEST_ADDRESS: f64 = (1u64 << 33) as f64 + 4.0;

/// Above every byte of every local of as many calls as there may be.
const GREATEST_LOCAL: f64 = DEEPEST * LOCALS + (1u64 << 34) as f64;

/// Instructions that write the bytes of their immediate.
const IMMEDIATE: &[Op] = &[Op::Const, Op::Br, Op::BrIf, Op::Call, Op::Return];

/// Instructions that write the bytes of the top.
const TOP: &[Op] = &[Op::LocalSet, Op::LocalTee, Op::Store, Op::Store16, Op::Store8, Op::Output];

/// Instructions that take a borrow from the next byte. The bytes that fill up a
/// negative load are 0 less the borrow of the byte before.
const BORROW: &[Op] = &[Op::Sub, Op::Return, Op::Load8S, Op::Load16S];

/// Instructions whose bytes go to memory.
const WRITES_MEMORY: &[Op] = &[Op::Store, Op::Store16, Op::Store8, Op::InputBase];

/// Sum of all operand bytes with the carry of the byte before: -256 to 510. A
/// position of 0 stands for no operand.
fn operand_sum(graph: &mut Graph, token: &Token, operands: &Operands) -> Value {
    let Operands { opcode, nonzero, .. } = operands;
    let (one, byte) = (graph.one(), token.byte);
    let mut choose = |ops: &[Op], condition: Value, position: &Linear| {
        opcode.units(graph, ops, condition, position.clone())
    };
    let Operands { top_byte, second_byte, third_byte, immediate_byte, call_byte, .. } = operands;
    let chosen = choose(IMMEDIATE, one, immediate_byte)
        + choose(TOP, one, top_byte)
        + choose(&[Op::Add, Op::Sub, Op::Select], one, second_byte)
        + choose(&[Op::Select], *nonzero, &(third_byte.clone() - second_byte.clone()));
    let added = choose(&[Op::Add], one, top_byte);
    let subtracted = choose(&[Op::Sub], one, top_byte) + choose(&[Op::Return], one, call_byte);
    let carried = opcode.units(graph, &[Op::Add], token.carry, one)
        - opcode.units(graph, BORROW, token.carry, one);

    // The place of an immediate, and so `chosen`, is only nearly whole.
    let chosen = graph.persist("chosen", chosen);
    let added = graph.persist_whole("added", added, LONGEST);
    let subtracted = graph.persist_whole("subtracted", subtracted, LONGEST);
    let carried = graph.persist_whole("carried", carried, 1.0);
    let mut byte_at = |name, at: Value| graph.gather(name, at, &[byte.into()])[0];
    let bytes = byte_at("chosen byte", chosen) + byte_at("added byte", added)
        - byte_at("subtracted byte", subtracted);
    graph.persist("sum", bytes + carried)
}

/// Byte j of the local, for `local.get`; 0 if it was never written.
fn local_byte(graph: &mut Graph, token: &Token, history: &History, operands: &Operands) -> Linear {
    let (one, opcode) = (graph.one(), &operands.opcode);
    // Byte tokens count j from 1: no byte has key 0.
    let number = operands.local + history.j;
    let square = graph.square(number.clone());
    let square = graph.persist("local squared", square);
    let written = opcode.units(graph, &[Op::LocalSet, Op::LocalTee], token.is_byte, one);
    let dead = graph.persist_whole("no local", one - written, 1.0);
    let wanted = opcode.units(graph, &[Op::LocalGet], one, number.clone() + one);
    let wanted = graph.persist_whole("local wanted", wanted, GREATEST_LOCAL);
    let key = Key { number: number.clone(), square: square.into(), dead: dead.into() };
    let found = graph.latest("local byte", &key, wanted, &[token.byte.into(), number]);
    let byte = graph.persist("local byte", found[0]);
    let miss = graph.persist("local missed by", found[1] - wanted);
    graph.where_zero(miss, byte)
}

/// What memory adds to the next byte.
struct MemoryByte {
    byte: Linear,
    mark: Linear,
}

/// Byte j at the address, for loads; 0 if it was never written or the load is
/// narrower; and its sign, where a load extends that.
fn memory_byte(
    graph: &mut Graph,
    token: &Token,
    history: &History,
    operands: &Operands,
) -> MemoryByte {
    let (one, j) = (graph.one(), history.j);
    let Operands { opcode, instruction, .. } = operands;
    // Byte tokens count j from 1: address 0 has key 1, and no byte has key 0.
    let number = operands.second_address + j;
    let square = graph.square(number.clone());
    let square = graph.persist("address squared", square);
    let written = opcode.units(graph, WRITES_MEMORY, token.is_byte, one);
    let dead = graph.persist_whole("no memory", one - written, 1.0);
    let key = Key { number: number.clone(), square: square.into(), dead: dead.into() };

    let next = operands.top_address + j + one;
    let wanted = graph.step(instruction.width - j, next.clone());
    let wanted = graph.persist_whole("address wanted", wanted, GREATEST_ADDRESS);
    // The sign is that of byte 0 of one, or byte 1 of two: where 2 - j is 1.
    let left = one * 2.0 - j + (opcode.is(Op::Load16S) - one) * 2.0;
    let last = graph.unit(left.clone(), next.clone()) - graph.unit(left - one, next.clone()) * 2.0;
    let only = opcode.units(graph, &[Op::Load8S], one - j, next);
    let sign_wanted = graph.persist_whole("sign wanted", last + only, GREATEST_ADDRESS);

    let mut look_up = |name: &str, wanted: Value, what: Value| {
        let found = graph.latest(name, &key, wanted, &[what.into(), number.clone()]);
        let what = graph.persist(name, found[0]);
        let miss = graph.persist(&format!("{name} missed by"), found[1] - wanted);
        graph.where_zero(miss, what)
    };
    MemoryByte {
        byte: look_up("memory byte", wanted, token.byte),
        mark: look_up("memory sign", sign_wanted, token.high_bit),
    }
}

/// 1 for byte 0 of a comparison that holds.
///
/// Unsigned order is that of the difference d of second and top: second < top
/// when -d ≥ 1. Signed order is the same but where the signs differ: there
/// "less" is off by the difference of the sign bits, "greater" by its negative.
/// Equality is "less or equal" and "greater or equal", less 1.
fn comparison(graph: &mut Graph, history: &History, operands: &Operands) -> Linear {
    let (one, j) = (graph.one(), history.j);
    let Operands { opcode, instruction, .. } = operands;
    let first_byte = j * NEVER;
    let difference = operands.second_address - operands.top_address;
    let less = first_byte.clone() - difference.clone() + instruction.less;
    let greater = first_byte + difference + instruction.greater;
    let unsigned = graph.step(less, one) + graph.step(greater, one);
    let signs = operands.sign_difference;
    let second_negative = graph.unit(signs - j, instruction.signed);
    let top_negative = graph.unit(-signs - j, instruction.signed);
    let zero = opcode.units(graph, &[Op::Eqz], one - operands.nonzero - j, one);
    let equal = opcode.units(graph, &[Op::Eq], one - j, one);
    let holds = unsigned + second_negative - top_negative + zero - equal;
    graph.persist_whole("comparison", holds, 1.0).into()
}
