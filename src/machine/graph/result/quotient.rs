//! `div_u` and `rem_u`: four quotient digits, the highest first, then bytes.
//!
//! Q is the number that the digits so far make, each at its place, and R = a - Q·d
//! what is left of the dividend. The digit for 256^s is floor(floor(R/256^s)/d): the
//! output head divides. Byte 3-k of a quotient is its digit k. Byte s of a remainder
//! is floor(R/256^s) - 256·floor(R/256^(s+1)).
//!
//! A floor is a rounding: floor(x/m) for whole x is the whole number nearest to
//! (x + 1/2)/m - 1/2, and adding a constant at which neighbouring f64 are 1 apart
//! finds it ([`Graph::rounded_factor`]).

use super::places::Places;
use crate::graph::range::LONGEST;
use crate::graph::{Graph, Linear, Value};
use crate::machine::Op;
use crate::machine::graph::history::History;
use crate::machine::graph::operands::Operands;

/// What a division adds to the prediction.
pub struct Quotient {
    /// To the next byte, besides the digit at its place.
    pub byte: Linear,
    /// To the dividend of the next digit, and 1.
    pub dividend: Linear,
    /// To its divisor.
    pub divisor: Linear,
}

/// The position of digit 3-j, for a byte of a quotient.
pub fn places(graph: &mut Graph, history: &History, operands: &Operands) -> Places {
    let (one, t) = (graph.one(), graph.position());
    let digit = t - history.j * 2.0;
    let digit = operands.instruction.opcode.units(graph, &[Op::DivU], one, digit);
    [Linear::zero(), Linear::zero(), Linear::zero(), digit]
}

/// The next byte or digit of a quotient or remainder; nothing for other instructions.
pub fn quotient(graph: &mut Graph, history: &History, operands: &Operands) -> Quotient {
    let one = graph.one();
    let instruction = &operands.instruction;
    let (a, d) = (operands.second_address, operands.top_address);

    // Shut for other instructions: Q is below 2³⁷.
    let open = history.digits - (instruction.direction + one) * 2f64.powi(37);
    let taken = graph.unit(open, d);
    let remainder = instruction.division(graph, one, a) - taken;
    let floors = floors(graph, &remainder);

    // The bytes of a quotient are its digits: nothing is left above all bytes.
    let before_bytes = one - history.j - history.digits_done;
    let above_all = instruction.opcode.units(graph, &[Op::DivU], one, one * 4.0)
        - instruction.opcode.units(graph, &[Op::DivU], before_bytes, one * 4.0);
    let s = graph.persist_whole("byte at work", history.at_work + above_all, LONGEST);
    let bytes = floors.each(graph, s);
    Quotient {
        dividend: bytes.from.clone() + instruction.division(graph, one, one),
        divisor: instruction.division(graph, one, d),
        byte: bytes.from - bytes.above * 256.0,
    }
}

/// A number's floors at 256, 256² and 256³.
struct Floors {
    number: Linear,
    floors: [Linear; 3],
}

/// Floors, each exact as the factor of a unit.
fn floors(graph: &mut Graph, number: &Linear) -> Floors {
    let one = graph.one();
    let arguments: [Value; 3] = [1, 2, 3].map(|m| {
        let scale = 256f64.powi(-m);
        let argument = number.clone() * scale + one * (0.5 * scale - 0.5);
        graph.persist(&format!("remainder / 256^{m}, less a half"), argument)
    });
    let floors = [0, 1, 2]
        .map(|m| graph.rounded_factor(&format!("remainder / 256^{}", m + 1), arguments[m]));
    let number = arguments[0] * 256.0 + one * (128.0 - 0.5);
    Floors { number, floors }
}

/// A number R from its byte s on, floor(R/256^s), and from the byte above on.
struct Bytes {
    from: Linear,
    above: Linear,
}

impl Floors {
    /// For s from 0 to 3, and nothing from there on: every step down exchanges a floor for
    /// the next finer one.
    fn each(self, graph: &mut Graph, s: Value) -> Bytes {
        let one = graph.one();
        let [f1, f2, f3] = self.floors;
        let mut down_to = |least: f64, factor: Linear| graph.step(one * (least + 1.0) - s, factor);
        let from = down_to(3.0, f3.clone())
            + down_to(2.0, f2.clone() - f3.clone())
            + down_to(1.0, f1.clone() - f2.clone())
            + down_to(0.0, self.number)
            - down_to(0.0, f1.clone());
        let above =
            down_to(2.0, f3.clone()) + down_to(1.0, f2.clone() - f3) + down_to(0.0, f1 - f2);
        Bytes { from, above }
    }
}
