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
use super::product::MULTIPLY;
use crate::graph::range::LONGEST;
use crate::graph::{Graph, Linear, Value};
use crate::machine::Op;
use crate::machine::graph::history::History;
use crate::machine::graph::operands::Operands;

/// Instructions that divide.
pub const DIVIDE: &[Op] = &[Op::DivU, Op::RemU];

/// The position of digit 3-i, for a byte of a quotient.
pub fn places(graph: &mut Graph, history: &History, operands: &Operands) -> Places {
    let (one, t) = (graph.one(), graph.position());
    let digit = t - history.i * 2.0;
    let added = operands.instruction.opcode.units(graph, &[Op::DivU], one, digit);
    Places { added, ..Places::default() }
}

/// The next byte or digit of a quotient or remainder.
pub struct Quotient {
    /// floor(R/256^s), as units.
    pub from: Linear,
    /// floor(R/256^(s+1)), as units.
    pub above: Linear,
}

/// What is left of the dividend; nothing for other instructions, and for bytes of a
/// quotient, which are its digits.
pub fn quotient(graph: &mut Graph, history: &History, operands: &Operands) -> Quotient {
    let one = graph.one();
    let opcode = &operands.instruction.opcode;
    let before_digits = history.before_digits;
    let [divides] = &opcode.tests(DIVIDE)[..] else {
        // Without them there is nothing to divide.
        return Quotient { from: Linear::zero(), above: Linear::zero() };
    };
    // Shut for other instructions: Q is below 2³⁶. By much more the sum would round, for a test has
    // the square of an instruction's number.
    let open = history.digits + (divides.clone() - one) * 2f64.powi(37);
    let taken = graph.unit(open, operands.top);
    let remainder = opcode.units(graph, DIVIDE, one, operands.second) - taken;

    // s is 3 - i while digits are written, i after, and above all bytes for those of a quotient.
    let above_all = opcode.units(graph, &[Op::DivU], one - before_digits, one * 4.0);
    let down = graph.unit(before_digits * 8.0 - one * 5.0 - history.i, one);
    let up = graph.unit(history.i - before_digits * 8.0, one);
    let s = graph.persist_whole("byte at work", down + up + above_all, LONGEST);
    floors(graph, &remainder).each(graph, s)
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

impl Floors {
    /// For s from 0 to 3, and nothing from there on: every step down exchanges a floor for
    /// the next finer one.
    fn each(self, graph: &mut Graph, s: Value) -> Quotient {
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
        Quotient { from, above }
    }
}

/// The divisor of a digit: that of a quotient, or 256 for a product.
pub fn divisor(graph: &mut Graph, operands: &Operands) -> Linear {
    let one = graph.one();
    let opcode = &operands.instruction.opcode;
    opcode.units(graph, DIVIDE, one, operands.top) + opcode.units(graph, MULTIPLY, one, one) * 256.0
}
