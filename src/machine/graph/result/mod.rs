//! Round four: where the bytes of the operands lie; and from them the next byte of
//! the result, whether it carries, and the next digit. One file for each family of
//! instructions; what they do not concern they leave at 0, and all are added up.

mod bits;
mod comparison;
mod local;
mod memory;
mod places;
mod product;
mod quotient;
mod sum;

use super::features::Token;
use super::history::History;
use super::operands::Operands;
use crate::graph::{Graph, Value};
use crate::machine::Op;

/// What the next token says, whatever its class.
pub struct Next {
    /// The next byte, 0 to 255, but for what shifts make.
    pub byte: Value,
    /// The next byte of a shift or rotation. Sums of fractions, which only together are whole,
    /// stay apart from great whole numbers.
    pub shifted: Value,
    /// 1 when it carries or borrows.
    pub mark: Value,
    /// The next digit is floor((`dividend` - 1) / `divisor`).
    pub dividend: Value,
    /// See `dividend`.
    pub divisor: Value,
}

/// Round four.
pub fn result(graph: &mut Graph, token: &Token, history: &History, operands: &Operands) -> Next {
    let one = graph.one();
    let j = history.j;
    let wanted = [
        sum::places(graph, j, operands),
        bits::places(graph, j, operands),
        product::places(graph, history, operands),
        quotient::places(graph, history, operands),
    ];
    let wanted = wanted.into_iter().reduce(places::both).expect("there are families");
    let found = places::fetch(graph, token, wanted);

    let sum = sum::sum(graph, token, operands, &found);
    let bitwise = bits::bitwise(graph, operands, &found);
    let product = product::product(graph, token, operands, &found);
    let quotient = quotient::quotient(graph, history, operands);
    let local = local::local_byte(graph, token, history, operands);
    let memory = memory::memory_byte(graph, token, history, operands);
    let opcode = &operands.instruction.opcode;
    let ones = opcode.units(graph, &[Op::Popcnt], one - j, operands.ones);
    let at_once = comparison::comparison(graph, history, operands)
        + product::carries(graph, history, operands)
        + ones;
    let at_once = graph.persist_whole("told at once", at_once, 2f64.powi(20));

    // What is not summed neither overflows nor borrows.
    let unsummed = operands.instruction.unsummed;
    let overflow = graph.step(sum - one * 255.0 - unsummed * 1024.0, one);
    let borrow = graph.step(-sum - unsummed * 1024.0, one);
    let wrapped = (borrow.clone() - overflow.clone()) * 256.0 - graph.unit(unsummed, sum);
    let byte =
        wrapped + sum + bitwise + local + memory.byte + at_once + product.byte + quotient.byte;
    let shifted = bits::shifted(graph, history, operands, &found);
    Next {
        byte: graph.persist("next byte", byte),
        shifted: graph.persist("next byte shifted", shifted),
        mark: graph.persist("mark", overflow + borrow + memory.mark),
        dividend: graph.persist("dividend", product.dividend + quotient.dividend),
        divisor: graph.persist("divisor", product.divisor + quotient.divisor),
    }
}
