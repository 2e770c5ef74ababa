//! `and`, `or`, `xor`, shifts and rotations: by the bits of two bytes.
//!
//! The conjunction of two bits a and b is relu(a + b - 1); a or b is a + b less
//! it, a xor b is a + b less twice it.
//!
//! A shift by c takes byte j of its result from two neighbouring bytes of the
//! operand: 8 bits of (256·high + low) from bit e on, where e = c mod 8 to the
//! right and 8 - c mod 8 to the left. With P = 2^(8-e), which comes from features of the
//! lowest byte of the count, bit k of low is kept when P ≥ 2^(8-k), and then
//! counts 2^k·P/256; bit k of high is kept when P < 2^(8-k) and counts 2^k·P.
//!
//! Bytes beyond the operand are not fetched (position 0 reads as 0), except that a
//! rotation wraps around, and that `shr_s` fills with the sign: 256 - P when high
//! is beyond, 255 when low is, too.

use super::places::{Found, Places};
use crate::graph::{Graph, Linear, Value};
use crate::machine::Op;
use crate::machine::graph::features;
use crate::machine::graph::history::History;
use crate::machine::graph::operands::Operands;

/// Positions of low and high for shifts.
pub fn places(graph: &mut Graph, j: Value, operands: &Operands) -> Places {
    let one = graph.one();
    let q = operands.bytes_shifted;
    let direction = operands.instruction.direction;
    let opcode = &operands.instruction.opcode;
    let byte = operands.second.clone() + j;
    let right = [byte.clone() + q, byte.clone() + q + one];
    let left = [byte.clone() - q - one, byte - q];
    // How far the index is beyond the last, or before the first, byte; 1 is the next.
    let beyond = [j + q - one * 3.0, j + q - one * 2.0];
    let before = [q - j + one, q - j];
    let mut correct = |ops: &[Op], out: &Linear, by: &Linear| -> Linear {
        let gates = ops.iter().map(|&op| out.clone() + (opcode.is(op) - one) * 8.0);
        gates.map(|gate| graph.step(gate, by.clone())).collect::<Vec<_>>().into_iter().sum()
    };
    let whole_turn = one * 4.0;
    let [low, high] = [0, 1].map(|at| {
        correct(&[Op::Rotl], &before[at], &whole_turn)
            - correct(&[Op::Rotr], &beyond[at], &whole_turn)
            - correct(&[Op::ShrU, Op::ShrS], &beyond[at], &right[at])
            - correct(&[Op::Shl], &before[at], &left[at])
    });
    let [right_low, right_high] = right;
    let [left_low, left_high] = left;
    let mut by_direction = |right: Linear, left: Linear| {
        let turned = left - right.clone() * 2.0;
        graph.unit(direction, right) + graph.unit(direction - one, turned)
    };
    let low = low + by_direction(right_low, left_low);
    let high = high + by_direction(right_high, left_high);
    [low, high, Linear::zero(), Linear::zero()]
}

/// What bit operations make of the first two bytes.
pub fn bitwise(graph: &mut Graph, operands: &Operands, found: &Found) -> Linear {
    let one = graph.one();
    let [low, high] = &found.bits;
    let and_factor = operands.instruction.and_factor;
    let and: Linear = (0..8)
        .map(|k| {
            let both = low[k] + high[k] - one;
            Linear::from(graph.unit(both, and_factor * f64::from(1 << k)))
        })
        .sum();
    and + graph.step(-and_factor, features::byte(low) + features::byte(high))
}

/// What shifts and rotations make of them.
pub fn shifted(graph: &mut Graph, history: &History, operands: &Operands, found: &Found) -> Linear {
    let one = graph.one();
    let [low, high] = &found.bits;
    let power = power(graph, operands);
    let kept: Linear = (0..8)
        .map(|k| {
            let (weight, least) = (f64::from(1 << k), one * f64::from(1 << (8 - k)));
            let no_low = (one - low[k]) * 512.0;
            let no_high = (one - high[k]) * 512.0;
            graph.step(power + one - least.clone() - no_low, power * (weight / 256.0))
                + graph.step(least - power - no_high, power * weight)
        })
        .collect::<Vec<_>>()
        .into_iter()
        .sum();
    kept + filled(graph, history, operands, power)
}

/// P = 2^(8-e) for shifts, else 0.
fn power(graph: &mut Graph, operands: &Operands) -> Value {
    let (one, direction) = (graph.one(), operands.instruction.direction);
    let [half, left] = operands.powers;
    let power = graph.unit(direction, half * 2.0) + graph.unit(direction - one, left - half * 4.0);
    graph.persist_whole("power", power, 256.0)
}

/// The sign that `shr_s` fills with.
fn filled(graph: &mut Graph, history: &History, operands: &Operands, power: Value) -> Linear {
    let one = graph.one();
    let beyond = history.j + operands.bytes_shifted - one * 2.0;
    let applies = operands.instruction.opcode.is(Op::ShrS) + operands.second_negative - one * 2.0;
    // 1 when high is beyond the operand, 2 when low is, too.
    let gate = beyond + applies * 8.0;
    let bytes = graph.unit(gate.clone(), one) - graph.unit(gate - one * 2.0, one);
    let bytes = graph.persist_whole("bytes filled", bytes, 2.0);
    let high = one * 256.0 - power;
    let low = power - one;
    graph.unit(bytes, high.clone()) + graph.unit(bytes - one, low - high)
}
