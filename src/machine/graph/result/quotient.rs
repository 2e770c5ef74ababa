//! `div_u` and `rem_u`: four quotient digits, the highest first, then bytes.
//!
//! With Q the digits so far, A = floor(a/256^(3-i)) and r = A - 256·Q·d, the next
//! digit is floor(r/d). The head picks it as round(X/Y) with X = d·(2r-d+1) and
//! Y = 2d²: X/Y is r/d - 1/2 + 1/(2d), which is at least 1/(2d) away from every
//! half, so the best score leads by 2d. Scores are below 2²⁰·d², so f64 errs
//! by less than d²/2³³ < d/2.
//!
//! The byte j of a quotient is its digit 3-j. The byte j of a remainder R = a - Q·d
//! is floor(R/256^j) - 256·floor(R/256^(j+1)).
//!
//! A floor is a rounding: floor(x/m) for whole x is the whole number nearest to
//! (x + 1/2)/m - 1/2, and adding a constant at which neighbouring f64 are 1 apart
//! finds it ([`Graph::round`]).

use super::places::Places;
use crate::graph::{Graph, Linear, Value};
use crate::machine::Op;
use crate::machine::graph::history::History;
use crate::machine::graph::operands::Operands;

/// What a division adds to the prediction.
pub struct Quotient {
    /// To the next byte, besides the digit at its place.
    pub byte: Linear,
    /// To the numerator of the next digit.
    pub digit_x: Linear,
    /// To its denominator.
    pub digit_y: Linear,
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
    let (one, j) = (graph.one(), history.j);
    let opcode = &operands.instruction.opcode;
    let (a, d) = (operands.second_address, operands.top_address);

    // 0 for the digits of a product, which may make a number of nearly 2³⁵.
    let [of_quotient, of_remainder] = [Op::DivU, Op::RemU].map(|op| {
        let digits = history.digits + (opcode.is(op) - one) * 2f64.powi(35);
        graph.unit(digits, d)
    });
    let taken = of_quotient + of_remainder;
    let taken = graph.persist_whole("quotient times divisor", taken, 2f64.powi(33));
    let remainder = opcode.units(graph, &[Op::RemU], one, a) - of_remainder;

    let before_digits = one - j - history.digits_done;
    let divisor = opcode.units(graph, &[Op::DivU, Op::RemU], before_digits, d);
    let divisor = graph.persist_whole("divisor at work", divisor, 2f64.powi(33));
    let scaled = graph.unit(a + one * 0.5, history.scale) - one * 0.5;
    let head = floor(graph, "head of dividend", scaled).1;
    let digit_x =
        graph.unit(divisor, head) * 2.0 + graph.unit(divisor, one - divisor - taken * 512.0);
    let digit_y = graph.unit(divisor, divisor) * 2.0;
    let byte = remainder_byte(graph, j, &remainder);
    Quotient { byte, digit_x, digit_y }
}

/// floor(x/m), given (x + 1/2)/m - 1/2: that argument in a slot, and the floor,
/// exact as the factor of a unit.
fn floor(graph: &mut Graph, name: &str, argument: Linear) -> (Value, Linear) {
    let argument = graph.persist(&format!("{name}, less a half"), argument);
    (argument, graph.rounded_factor(name, argument))
}

/// Byte j of the remainder R, which is 0 but for `rem_u`.
///
/// With f_m = floor(R/256^m) it is f_j - 256·f_(j+1): the step at j = k adds
/// f_k - 256·f_(k+1) and takes away f_(k-1) - 256·f_k.
fn remainder_byte(graph: &mut Graph, j: Value, remainder: &Linear) -> Linear {
    let one = graph.one();
    let floors = [1, 2, 3].map(|m| {
        let scale = 256f64.powi(-m);
        let argument = remainder.clone() * scale + one * (0.5 * scale - 0.5);
        floor(graph, &format!("remainder / 256^{m}"), argument)
    });
    let whole = floors[0].0 * 256.0 + one * (128.0 - 0.5);
    let f = |m: usize| match m {
        0 => Some(whole.clone()),
        1..=3 => Some(floors[m - 1].1.clone()),
        _ => None,
    };
    let mut byte = whole.clone() - graph.unit(one, floors[0].1.clone()) * 256.0;
    for k in 1..=3 {
        let reached = j + one - one * k as f64;
        for (m, weight) in [(k - 1, -1.0), (k, 257.0), (k + 1, -256.0)] {
            if let Some(factor) = f(m) {
                byte = byte + graph.step(reached.clone(), factor) * weight;
            }
        }
    }
    byte
}
