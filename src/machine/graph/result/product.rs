//! `mul` and `mul_high`, byte by byte, with carries noted as digits.
//!
//! S_i = Σ a_k·b_(i-k) + c_(i-1) is at most 4·255² + 1019. While the digits of `mul` are
//! written the next one is c_i = floor(S_i/256), which the head picks. Afterwards
//! byte i is S_i - 256·c_i.
//!
//! The bytes of `mul_high` are bytes 4 to 7 of that: with m = 0 to 3, S_(4+m) is Σ a_k·b_(4+m-k), in which k goes
//! from m + 1 to 3, and the carry. Its digits are one behind: c_3, which is the latest digit in the history, c_4, c_5, c_6.
//! So the carry into a byte is the digit five tokens before it, and the carry out of it, which is 0 at the last, is the
//! token behind that.

use super::places::{Found, Places};
use crate::graph::{Graph, Linear};
use crate::machine::Op;
use crate::machine::graph::features::Token;
use crate::machine::graph::history::History;
use crate::machine::graph::operands::Operands;

/// Instructions that multiply.
pub const MULTIPLY: &[Op] = &[Op::MulHigh, Op::Mul];

/// Above every index of a byte or digit, and what is asked of one.
const INDICES: f64 = 8.0;

/// Positions of b_i, b_(i-1), b_(i-2) and b_(i-3), as far as they exist, and of a_0.
pub fn places(graph: &mut Graph, history: &History, operands: &Operands) -> Places {
    let one = graph.one();
    let opcode = &operands.instruction.opcode;
    let m = history.i - history.before_digits;
    let [first, second, subtracted, added] = [0, 1, 2, 3].map(|k| {
        let shift = one * f64::from(k);
        let place = operands.top_at.clone() + history.i - shift.clone();
        if k == 0 {
            return opcode.units(graph, &[Op::Mul], one, place);
        }
        let upper = operands.top_at.clone() + m.clone() + one * 4.0 - shift.clone();
        opcode.steps(graph, &[Op::Mul], history.i + one - shift.clone(), INDICES, place)
            + opcode.steps(graph, &[Op::MulHigh], shift - m.clone(), INDICES, upper)
    });
    // Not for the first digit of an upper half, which is known.
    let a_0 = operands.second_at.clone() + one * 8.0;
    let operand = opcode.units(graph, &[Op::Mul], one, a_0.clone())
        + opcode.steps(graph, &[Op::MulHigh], m + one, INDICES, a_0);
    Places { first, second, added, subtracted, operand }
}

/// Round three's part of S_i: the carry into it; for a byte also 256 times the one out. For the first digit of an upper
/// half 256 times that digit.
pub fn carries(graph: &mut Graph, token: &Token, history: &History, operands: &Operands) -> Linear {
    let one = graph.one();
    let opcode = &operands.instruction.opcode;
    let before_digits = history.before_digits;
    let first = before_digits - history.i;
    opcode.units(graph, MULTIPLY, before_digits, token.digit)
        + opcode.units(graph, &[Op::Mul], one - before_digits, history.carries)
        + opcode.units(graph, &[Op::MulHigh], one - before_digits, history.upper_carries)
        + opcode.steps(graph, &[Op::MulHigh], first, INDICES, history.upper_carries)
}

/// The sum of products; nothing for other instructions, whose operand is fetched nowhere.
pub fn product(graph: &mut Graph, found: &Found) -> Linear {
    let partners =
        [found.first(), found.second.into(), found.subtracted.into(), found.added.into()];
    let products = found.operand.iter().zip(partners);
    products.map(|(&factor, partner)| Linear::from(graph.unit(factor, partner))).sum()
}
