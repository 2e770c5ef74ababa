//! `mul`, byte by byte, with carries noted as digits.
//!
//! S_i = Σ a_k·b_(i-k) + c_(i-1) is at most 4·255² + 1019. While digits are
//! written the next one is c_i = floor(S_i/256), which the head picks. Afterwards
//! byte i is S_i - 256·c_i.

use super::places::{Found, Places};
use crate::graph::{Graph, Linear};
use crate::machine::Op;
use crate::machine::graph::features::Token;
use crate::machine::graph::history::History;
use crate::machine::graph::operands::Operands;

/// Positions of b_i, b_(i-1), b_(i-2) and b_(i-3), as far as they exist, and of a_0.
pub fn places(graph: &mut Graph, history: &History, operands: &Operands) -> Places {
    let one = graph.one();
    let opcode = &operands.instruction.opcode;
    let [first, second, subtracted, added] = [0, 1, 2, 3].map(|k| {
        let shift = one * f64::from(k);
        let place = operands.top_at.clone() + history.i - shift.clone();
        match k {
            0 => opcode.units(graph, &[Op::Mul], one, place),
            _ => opcode.steps(graph, &[Op::Mul], history.i + one - shift, 8.0, place),
        }
    });
    let operand = opcode.units(graph, &[Op::Mul], one, operands.second_at.clone() + one * 8.0);
    Places { first, second, added, subtracted, operand }
}

/// Round three's part of S_i: the carry into it; for a byte also 256 times the one out.
pub fn carries(graph: &mut Graph, token: &Token, history: &History, operands: &Operands) -> Linear {
    let one = graph.one();
    let opcode = &operands.instruction.opcode;
    let before_digits = history.before_digits;
    opcode.units(graph, &[Op::Mul], before_digits, token.digit)
        + opcode.units(graph, &[Op::Mul], one - before_digits, history.carries)
}

/// The sum of products; nothing for other instructions, whose operand is fetched nowhere.
pub fn product(graph: &mut Graph, found: &Found) -> Linear {
    let partners =
        [found.first(), found.second.into(), found.subtracted.into(), found.added.into()];
    let products = found.operand.iter().zip(partners);
    products.map(|(&factor, partner)| Linear::from(graph.unit(factor, partner))).sum()
}
