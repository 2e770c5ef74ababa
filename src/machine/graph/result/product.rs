//! `mul`, byte by byte, with carries noted as digits.
//!
//! S_i = Σ a_k·b_(i-k) + c_(i-1) is at most 4·255² + 1019. While digits are
//! written the next one is c_i = floor(S_i/256), which the head picks. Afterwards
//! byte i is S_i - 256·c_i.

use super::places::{Found, Places};
use crate::graph::range::LONGEST;
use crate::graph::{Graph, Linear};
use crate::machine::Op;
use crate::machine::graph::features::Token;
use crate::machine::graph::history::History;
use crate::machine::graph::operands::Operands;

/// What a product adds to the prediction.
pub struct Product {
    /// To the next byte, besides what [`carries`] gives.
    pub byte: Linear,
    /// To the dividend of the next digit, and 1.
    pub dividend: Linear,
    /// To its divisor.
    pub divisor: Linear,
}

/// Positions of b_i, b_(i-1), b_(i-2) and b_(i-3), as far as they exist.
pub fn places(graph: &mut Graph, history: &History, operands: &Operands) -> Places {
    let one = graph.one();
    let is_product = operands.instruction.opcode.is(Op::Mul) - one;
    [0, 1, 2, 3].map(|k| {
        let shift = one * f64::from(k);
        let exists = history.i + one - shift.clone() + is_product.clone() * 8.0;
        graph.step(exists, operands.top.clone() + history.i - shift)
    })
}

/// Round three's part of the next byte: the carry into it, less 256 times the one out.
pub fn carries(graph: &mut Graph, history: &History, operands: &Operands) -> Linear {
    let one = graph.one();
    operands.instruction.opcode.units(graph, &[Op::Mul], one, history.carries)
}

/// The next byte or digit of a product; nothing for other instructions, whose
/// factors a_k are fetched at position 0.
pub fn product(graph: &mut Graph, token: &Token, operands: &Operands, found: &Found) -> Product {
    let one = graph.one();
    let opcode = &operands.instruction.opcode;
    // Positions before the first are position 0.
    let nowhere = one * 8.0;
    let base = opcode.units(graph, &[Op::Mul], one, operands.second.clone() + nowhere.clone());
    let base = graph.persist_whole("factor", base - nowhere, LONGEST);
    let mut sum = Linear::zero();
    for (k, partner) in (0..4).zip(found.bytes()) {
        let place = base + one * f64::from(k);
        let factor = graph.gather(&format!("factor {k}"), place, &[token.byte()])[0];
        sum = sum + graph.unit(factor, partner);
    }
    let carry_in = opcode.units(graph, &[Op::Mul], one, token.digit + one);
    let divisor = opcode.units(graph, &[Op::Mul], one, one * 256.0);
    Product {
        byte: sum.clone(),
        dividend: sum + graph.persist_whole("carry in", carry_in, 4096.0),
        divisor: graph.persist_whole("divisor of a sum", divisor, 256.0).into(),
    }
}
