//! Memory.

use crate::graph::{Graph, Key, Linear};
use crate::machine::Op;
use crate::machine::graph::features::Token;
use crate::machine::graph::history::History;
use crate::machine::graph::operands::Operands;

/// Operand and immediate, the byte's index, and 1 for position 0.
const GREATEST_ADDRESS: f64 = (1u64 << 33) as f64 + 4.0;

/// Instructions whose bytes go to memory.
const WRITES: &[Op] = &[Op::Store, Op::Store16, Op::Store8, Op::InputBase];

/// What memory adds to the next byte.
pub struct MemoryByte {
    /// The byte, as units.
    pub byte: Linear,
    /// 1 when it is the sign of a negative load, as units.
    pub mark: Linear,
}

/// Byte j at the address, for loads; 0 if it was never written or the load is
/// narrower; and its sign, where a load extends that.
pub fn memory_byte(
    graph: &mut Graph,
    token: &Token,
    history: &History,
    operands: &Operands,
) -> MemoryByte {
    let (one, j) = (graph.one(), history.j);
    let opcode = &operands.instruction.opcode;
    // Byte tokens count j from 1: address 0 has key 1, and no byte has key 0.
    let number = operands.second_address + j;
    let square = graph.square(number.clone());
    let square = graph.persist("address squared", square);
    let written = opcode.units(graph, WRITES, token.is_byte, one);
    let dead = graph.persist_whole("no memory", one - written, 1.0);
    let key = Key { number: number.clone(), square: square.into(), dead: dead.into() };

    let next = operands.top_address + j + one;
    // Byte j of four, while the load has as many.
    let two = one * 2.0 - j + (opcode.is(Op::Load16U) - one) * 2.0;
    let two_signed = one * 2.0 - j + (opcode.is(Op::Load16S) - one) * 2.0;
    let wanted = opcode.units(graph, &[Op::Load], one, next.clone())
        + opcode.units(graph, &[Op::Load8U, Op::Load8S], one - j, next.clone())
        + graph.step(two, next.clone())
        + graph.step(two_signed.clone(), next.clone());
    let wanted = graph.persist_whole("address wanted", wanted, GREATEST_ADDRESS);
    // The sign is that of byte 0 of one, or byte 1 of two: where 2 - j is 1.
    let last = graph.unit(two_signed.clone(), one) - graph.unit(two_signed - one, one) * 2.0
        + opcode.units(graph, &[Op::Load8S], one - j, one);
    let last = graph.persist_whole("byte with the sign", last, 1.0);

    let found = graph.latest("memory byte", &key, wanted, &[token.byte(), number]);
    let sign = graph.latest("memory sign", &key, wanted, &[token.high_bit().into()]);
    let byte = graph.persist("memory byte", found[0]);
    let miss = graph.persist("memory missed by", found[1] - wanted);
    let elsewhere = miss + (one - last) * (8.0 * GREATEST_ADDRESS);
    MemoryByte { byte: graph.where_zero(miss, byte), mark: graph.where_zero(elsewhere, sign[0]) }
}
