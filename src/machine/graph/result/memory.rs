//! Memory, and globals, which lie before it.

use crate::graph::{Graph, Key, Linear, Value};
use crate::machine::Op;
use crate::machine::graph::code::Code;
use crate::machine::graph::features::Token;
use crate::machine::graph::history::History;
use crate::machine::graph::operands::Operands;

/// Byte i of the global with immediate m has the number m + i, and byte i at address a the number a + i
/// + 2²³: a program of WebAssembly has at most a million globals, of eight bytes each.
const GLOBALS: f64 = (1u64 << 23) as f64;

/// Operand and immediate, the byte's index, and 1 for position 0.
const GREATEST_NUMBER: f64 = (1u64 << 33) as f64 + 8.0 + GLOBALS;

/// Above every byte.
const SIGN: f64 = 256.0;

/// Above every miss, times the greatest byte with its sign.
const FAR: f64 = 4.0 * SIGN * GREATEST_NUMBER;

/// Instructions whose bytes go to memory.
const TO_MEMORY: &[Op] = &[Op::Store, Op::Store16, Op::Store8, Op::InputBase];

/// Those and what writes globals.
const WRITES: &[Op] = &[Op::Store, Op::Store16, Op::Store8, Op::InputBase, Op::GlobalSet];

/// What memory adds to the next byte.
pub struct MemoryByte {
    /// The byte, as units.
    pub byte: Linear,
    /// 1 when it is the sign of a negative load, as units.
    pub mark: Linear,
}

/// Byte i at the address, for loads; 0 if it was never written or the load is
/// narrower; and its sign, where a load extends that.
pub fn memory_byte(
    graph: &mut Graph,
    code: &Code,
    token: &Token,
    history: &History,
    operands: &Operands,
) -> MemoryByte {
    let (one, i) = (graph.one(), history.i);
    let opcode = &operands.instruction.opcode;
    // Byte tokens count i from 1: no byte has key 0.
    let memory = one * GLOBALS;
    let address = opcode.units(graph, TO_MEMORY, one, memory.clone() + operands.second);
    let number = graph.persist("address", operands.immediate.clone() + i + address);
    let square = graph.square(number);
    let square = graph.persist("address squared", square);
    let written = opcode.steps(graph, WRITES, token.byte_kind, 2.0, one);
    let dead = graph.persist_whole("no memory", one - written, 1.0);
    let next = operands.immediate.clone() + operands.top + i + one;
    let global = operands.immediate.clone() + i + one;
    // Where memory has anything before a run, a global that was never written must not find it.
    let read = match code.memory() {
        [] => next.clone(),
        _ => {
            let address = memory.clone() + operands.top;
            let no_address = opcode.units(graph, &[Op::GlobalGet], one, address);
            next.clone() - graph.persist_whole("no address read", no_address, GREATEST_NUMBER)
        }
    };
    let initial = initial(graph, code, &read);
    let next = next + memory;
    // Byte i of four, while the load has as many.
    let two = one * 2.0 - i;
    let wanted = opcode.units(graph, &[Op::Load], one, next.clone())
        + opcode.units(graph, &[Op::GlobalGet], one, global)
        + opcode.units(graph, &[Op::Load8U, Op::Load8S], one - i, next.clone())
        + opcode.steps(graph, &[Op::Load16U, Op::Load16S], two.clone(), 2.0, next);
    let less_wanted = graph.persist_whole("less address wanted", -wanted, GREATEST_NUMBER);
    // The sign is that of byte 0 of one, or byte 1 of two.
    let last = opcode.units(graph, &[Op::Load8S], one - i, one)
        + opcode.steps(graph, &[Op::Load16S], two.clone(), 2.0, one)
        - opcode.steps(graph, &[Op::Load16S], two - one, 2.0, one);
    let last = graph.persist_whole("byte with the sign", last, 1.0);

    let key = Key { number: number.into(), square: square.into(), dead: dead.into() };
    // 256 more for a sign.
    let signed_byte = token.byte() + token.high_bit() * SIGN;
    let found = graph.latest("memory byte", &key, -less_wanted, &[signed_byte, number.into()]);
    let byte = graph.persist("memory byte", found[0]);
    let miss = graph.persist("memory missed by", less_wanted + found[1]);
    // SIGN to 2·SIGN - 1 for a sign at the right address.
    let hit = byte + miss * (2.0 * SIGN);
    let mut sign = |out: Linear| {
        let beyond = hit.clone() - out;
        graph.step(beyond.clone() - one * (SIGN - 1.0), one)
            - graph.step(beyond - one * (2.0 * SIGN - 1.0), one)
    };
    let elsewhere = (one - last) * FAR;
    let (any, marked) = (sign(Linear::zero()), sign(elsewhere.clone()));
    let Some(initial) = initial else {
        return MemoryByte { byte: graph.where_zero(miss, byte) - any * SIGN, mark: marked };
    };
    // Where the address was never written; what asks for nothing finds position 0, and misses nothing.
    let byte = graph.where_zero(miss, byte - initial.byte) + initial.byte;
    let unwritten =
        graph.unit(last, initial.high_bit) - graph.where_zero(elsewhere + miss, initial.high_bit);
    MemoryByte { byte: byte - any * SIGN, mark: marked + unwritten }
}

/// What memory has at an address before a run.
struct Initial {
    byte: Value,
    high_bit: Value,
}

/// The byte with the number `next` - 1, and its highest bit, if memory has anything before a run. All
/// of what it has is one table: its places are told by clamps, one for each stretch of bytes.
fn initial(graph: &mut Graph, code: &Code, next: &Linear) -> Option<Initial> {
    let one = graph.one();
    let (mut place, mut bytes) = (Linear::zero(), vec![0.0]);
    for (begin, stretch) in code.memory() {
        let length = stretch.len() as f64;
        let from = next.clone() - one * *begin as f64;
        let beyond = from.clone() - one * (length + 1.0);
        place = place + graph.unit(from, one) - graph.unit(beyond, one);
        // Behind it the next one begins, with nothing between.
        bytes.extend(stretch.iter().map(|&byte| f64::from(byte)).chain([0.0]));
    }
    if place.is_zero() {
        return None;
    }
    let place = graph.persist_whole("place in initial memory", place, bytes.len() as f64);
    let high_bits = bytes.iter().map(|&byte| f64::from(u8::from(byte >= 128.0))).collect();
    let [byte, high_bit] = graph.tabulated(place, &[bytes, high_bits]).try_into().expect("two");
    Some(Initial {
        byte: graph.persist_whole("initial byte", byte, 255.0),
        high_bit: graph.persist_whole("initial high bit", high_bit, 1.0),
    })
}
