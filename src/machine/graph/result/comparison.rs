//! Comparisons.

use crate::graph::{Graph, Linear};
use crate::machine::Op;
use crate::machine::graph::features::NEVER;
use crate::machine::graph::history::History;
use crate::machine::graph::operands::Operands;

/// 1 for byte 0 of a comparison that holds.
///
/// Unsigned order is that of the difference d of second and top: second < top
/// when -d ≥ 1. Signed order is the same but where the signs differ: there
/// "less" is off by the difference of the sign bits, "greater" by its negative.
/// Equality is "less or equal" and "greater or equal", less 1.
pub fn comparison(graph: &mut Graph, history: &History, operands: &Operands) -> Linear {
    let (one, j) = (graph.one(), history.j);
    let instruction = &operands.instruction;
    let opcode = &instruction.opcode;
    let first_byte = j * NEVER;
    let difference = operands.second_address - operands.top_address;
    let less = first_byte.clone() - difference.clone() + instruction.less;
    let greater = first_byte + difference + instruction.greater;
    let unsigned = graph.step(less, one) + graph.step(greater, one);
    let signs = operands.second_negative - operands.top_negative;
    let second_negative = graph.unit(signs.clone() - j, instruction.signed);
    let top_negative = graph.unit(-signs - j, instruction.signed);
    let zero = opcode.units(graph, &[Op::Eqz], one - operands.nonzero - j, one);
    let equal = opcode.units(graph, &[Op::Eq], one - j, one);
    unsigned + second_negative - top_negative + zero - equal
}
