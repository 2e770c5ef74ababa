//! Comparisons.

use crate::graph::{Graph, Linear};
use crate::machine::Op;
use crate::machine::graph::history::History;
use crate::machine::graph::operands::{OPERANDS, Operands};

/// 1 for byte 0 of a comparison that holds.
///
/// Unsigned order is that of the difference d of second and top: second < top when
/// -d ≥ 1. Where both have eight bytes d is twice the difference of their high words, and 1 more
/// or less as their low words say. Signed order is the same but where the signs differ: there
/// "less" is off by the difference of the sign bits, "greater" by its negative.
/// Equality is "less or equal" and "greater or equal", less 1.
pub fn comparison(graph: &mut Graph, history: &History, operands: &Operands) -> Linear {
    let (one, i) = (graph.one(), history.i);
    let instruction = &operands.instruction;
    let (second, top) = (operands.second, operands.top);
    // What is added to twice a difference of two operands makes it 2³³ at most; a comparison has
    // no digits.
    let first_byte = (history.before_digits - one) * (2.0 * OPERANDS);
    let difference = (second - top) * 2.0 - operands.low_order;
    let less = first_byte.clone() - difference.clone() + instruction.less.clone();
    let greater = first_byte.clone() + difference + instruction.greater.clone();
    let unsigned = graph.step(less, one) + graph.step(greater, one);
    let top_negative = first_byte + top - one * (OPERANDS / 2.0 - 1.0);
    let signs = graph.unit(operands.second_negative - i, instruction.signed)
        - graph.step(top_negative, instruction.signed);
    let zero = instruction.opcode.units(graph, &[Op::Eqz], one - i - top - operands.top_low, one);
    let equal = instruction.opcode.units(graph, &[Op::Eq], one - i, one);
    unsigned + signs + zero - equal
}
