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

use self::places::Places;
pub use self::quotient::DIVIDE;
pub use self::sum::IMMEDIATE;
use super::code::Code;
use super::features::Token;
use super::history::History;
use super::operands::Operands;
use crate::graph::{Graph, Value};
use crate::machine::Op;

/// What the next token says, whatever its class.
pub struct Next {
    /// The next byte, 0 to 255.
    pub byte: Value,
    /// 1 when it carries or borrows.
    pub mark: Value,
    /// The next digit is floor((`dividend` - 1) / `divisor`).
    pub dividend: Value,
    /// See `dividend`.
    pub divisor: Value,
}

/// Round four.
pub fn result(
    graph: &mut Graph,
    code: &Code,
    token: &Token,
    history: &History,
    operands: &Operands,
    locals: u16,
) -> Next {
    let one = graph.one();
    let i = history.i;
    let wanted = [
        sum::places(graph, i, operands),
        bits::places(graph, i, operands),
        product::places(graph, history, operands),
        quotient::places(graph, history, operands),
        ones(graph, i, operands),
    ];
    let wanted = wanted.into_iter().reduce(Places::and).expect("there are families");
    let at_once = comparison::comparison(graph, history, operands);
    let before = sum::before(graph, token, i, operands, at_once);
    let count = bits::count(graph, operands);
    let found = places::fetch(graph, token, wanted, before, count);

    let sum = sum::sum(graph, &found);
    let factor = bits::factor(graph, operands);
    let bitwise = bits::bitwise(graph, factor, &found);
    let product = product::product(graph, &found);
    let carries = product::carries(graph, token, history, operands);
    let carries = graph.persist_whole("carries told", carries, 2f64.powi(20));
    let quotient = quotient::quotient(graph, history, operands);
    let divisor = quotient::divisor(graph, operands);
    let local = local::local_byte(graph, token, history, operands, locals);
    let memory = memory::memory_byte(graph, code, token, history, operands);

    let summed = product + carries + quotient.from;
    let byte = sum.byte + bitwise + summed.clone() - quotient.above * 256.0 + local + memory.byte;
    Next {
        byte: graph.persist("next byte", byte),
        mark: graph.persist("mark", sum.mark + memory.mark),
        dividend: graph.persist("dividend", summed + one),
        divisor: graph.persist_whole("divisor", divisor, 2f64.powi(33)),
    }
}

/// The place of the operand whose ones `popcnt` counts.
fn ones(graph: &mut Graph, i: Value, operands: &Operands) -> Places {
    let one = graph.one();
    let place = operands.top_at.clone() + one * 8.0;
    let operand = operands.instruction.opcode.units(graph, &[Op::Popcnt], one - i, place);
    Places { operand, ..Places::default() }
}
