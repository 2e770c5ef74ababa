//! `and`, `or`, `xor`, shifts and rotations: by the bits of two bytes a and b.
//!
//! Bits come as differences a - 256·b, which are positive just where a is 1 and b is 0. Let
//! r be the byte of these: then a and b is a - r, a or b is b + r, a xor b is
//! b - a + 2r.
//!
//! A shift by c takes byte i of its result from two neighbouring bytes of the
//! operand: 8 bits of (256·high + low) from bit e on, where e = c mod 8 to the
//! right and 8 - c mod 8 to the left. Bit k of low is kept when k ≥ e, and then
//! counts 2^(k-e); bit k of high is kept when k < e and counts 2^(k-e+8). So with d
//! the difference of both the result is the sum of 2^(k-e)·d for k ≥ e, and
//! 2^(8-e)·high. For every e that is linear in differences and high; between them
//! straight lines do.
//!
//! Bytes beyond the operand are not fetched (position 0 reads as 0), except that a
//! rotation wraps around, and that `shr_s` fills with the sign: the commit behind the
//! operand has all bits.

use super::places::{Found, Places};
use crate::graph::{Graph, Linear, Value};
use crate::machine::Op;
use crate::machine::graph::operands::Operands;

/// Instructions by bits of the same byte of both operands.
const LOGIC: &[Op] = &[Op::And, Op::Or, Op::Xor];

/// Shifts and rotations to the left.
pub const LEFT: &[Op] = &[Op::Shl, Op::Rotl];

/// Shifts and rotations to the right.
pub const RIGHT: &[Op] = &[Op::ShrU, Op::ShrS, Op::Rotr];

/// Positions of low and high for shifts, and of the count's lowest byte; of the second
/// byte of `and`, `or` and `xor`.
pub fn places(graph: &mut Graph, i: Value, operands: &Operands) -> Places {
    let (one, t) = (graph.one(), graph.position());
    let q = operands.bytes_shifted;
    let wide = operands.instruction.wide;
    let opcode = &operands.instruction.opcode;
    let byte = operands.second_at.clone() - wide + i;
    // Of low; high is the next.
    let right = byte.clone() + q;
    let left = byte - q - one;
    // How far the index is beyond the last, or before the first, byte; 1 is the next.
    let beyond = [i + q - wide - one * 3.0, i + q - wide - one * 2.0];
    let before = [q - i + one, q - i];
    let most = 16.0;
    let negative = |out: &Linear| out.clone() + (operands.second_negative - one) * most;
    // Positions before the first are position 0.
    let nowhere = Linear::from(t);
    let all_bits = operands.second_at.clone() + one * 4.0 + nowhere.clone() - right.clone();
    let to_all_bits = [all_bits.clone(), all_bits - one];
    let whole_turn = wide + one * 4.0;
    let mut steps = |ops: &[Op], out: &Linear, by: &Linear| {
        opcode.steps(graph, ops, out.clone(), most, by.clone())
    };
    let [low, high] = [0, 1].map(|at| {
        steps(&[Op::Rotl], &before[at], &whole_turn)
            - steps(&[Op::Rotr], &beyond[at], &whole_turn)
            - steps(&[Op::ShrU, Op::ShrS], &beyond[at], &nowhere)
            - steps(&[Op::Shl], &before[at], &nowhere)
            + steps(&[Op::ShrS], &negative(&beyond[at]), &to_all_bits[at])
    });
    let mut units = |ops: &[Op], place: &Linear| opcode.units(graph, ops, one, place.clone());
    let byte = units(RIGHT, &right) + units(LEFT, &left);
    let next = units(RIGHT, &one.into()) + units(LEFT, &one.into());
    Places {
        first: low + byte.clone(),
        second: high + byte + next + units(LOGIC, &(operands.top_at.clone() - wide + i)),
        added: units(RIGHT, &operands.top_at),
        subtracted: units(LEFT, &operands.top_at),
        ..Places::default()
    }
}

/// Below every count of what is no shift.
const NO_SHIFT: f64 = -64.0;

/// For shifts e + 1, as far as it does not depend on the count: the count itself, where bytes
/// are added and subtracted, follows.
pub fn count(graph: &mut Graph, operands: &Operands) -> Value {
    let one = graph.one();
    let opcode = &operands.instruction.opcode;
    let right = opcode.units(graph, RIGHT, one, one);
    let left = opcode.units(graph, LEFT, one, one);
    let count = one * NO_SHIFT + right * (1.0 - NO_SHIFT) + left * (9.0 - NO_SHIFT);
    graph.persist_whole("count before", count, -NO_SHIFT)
}

/// By which r is multiplied: -1 for `and`, 1 for `or`, 2 for `xor`.
pub fn factor(graph: &mut Graph, operands: &Operands) -> Value {
    let one = graph.one();
    let opcode = &operands.instruction.opcode;
    let mut is = |op: Op| opcode.units(graph, &[op], one, one);
    let factor = is(Op::Or) - is(Op::And) + is(Op::Xor) * 2.0;
    graph.persist_whole("factor", factor, 2.0)
}

/// What bit operations and shifts make of the first two bytes, besides the sum.
pub fn bitwise(graph: &mut Graph, factor: Value, found: &Found) -> Linear {
    let one = graph.one();
    let first_alone: Linear =
        (0..8).map(|k| Linear::from(graph.unit(found.bits[k], factor * f64::from(1 << k)))).sum();
    let less_first = graph.unit(factor - one, found.first());
    first_alone - less_first + shifted(graph, found)
}

/// 8 bits of both bytes, from bit e on; nothing where e + 1 ≤ 0.
fn shifted(graph: &mut Graph, found: &Found) -> Linear {
    let one = graph.one();
    let at = |e: i32| -> Linear {
        if e < 0 {
            return Linear::zero();
        }
        let kept = (e..8).map(|k| found.bits[k as usize] * 2f64.powi(k - e)).sum::<Linear>();
        kept + found.second * 2f64.powi(8 - e)
    };
    (0..=8)
        .map(|e| {
            let bend = at(e) - at(e - 1) * 2.0 + at(e - 2);
            Linear::from(graph.unit(found.count - one * f64::from(e), bend))
        })
        .sum()
}
