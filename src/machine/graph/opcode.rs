//! Which instruction it is, asked of a number and its square.
//!
//! For whole n, 1 - (n-k)² is 1 for n = k and 0 or less for every other n; and
//! 1 - (n-k)(n-k-1) is 1 for n = k and n = k+1 and less than 0 for every other. Both
//! are linear in n and n². So one unit asks for one instruction, or for two that
//! are neighbours: the order of [`NUMBERED`] makes neighbours of instructions that
//! are asked for together.

use crate::graph::{Graph, Linear, Value};
use crate::machine::Op;

/// All instructions but those that have the number of another, in the order of their numbers, from 1.
const NUMBERED: &[Op] = &[
    // Immediate.
    Op::Const,
    Op::Br,
    Op::Call,
    Op::Return,
    Op::BrIf,
    Op::LocalGet,
    Op::GlobalGet,
    Op::MemorySize,
    // Top, written.
    Op::Wrap,
    Op::MemoryResize,
    Op::Output,
    Op::LocalSet,
    Op::LocalTee,
    Op::GlobalSet,
    Op::Store,
    Op::Store8,
    Op::Store16,
    Op::InputBase,
    // Second and top.
    Op::Join,
    Op::Select,
    Op::Sub,
    Op::Add,
    Op::Or,
    Op::Xor,
    Op::And,
    // Shifts to the left, to the right; digits; what may trap.
    Op::Shl,
    Op::Rotl,
    Op::Rotr,
    Op::ShrS,
    Op::ShrU,
    Op::MulHigh,
    Op::Mul,
    Op::DivU,
    Op::RemU,
    Op::Unreachable,
    // Comparisons.
    Op::LtU,
    Op::LtS,
    Op::LeS,
    Op::LeU,
    Op::GtU,
    Op::GtS,
    Op::GeS,
    Op::GeU,
    Op::Eq,
    Op::Ne,
    Op::Eqz,
    // Loads.
    Op::Load8U,
    Op::Load8S,
    Op::Load16S,
    Op::Load16U,
    Op::Load,
    // Top, widened and narrowed.
    Op::ExtendS,
    Op::ExtendU,
    Op::Popcnt,
    Op::Drop,
    Op::Halt,
];

/// The number of an instruction: an instruction on eight bytes has that of its twin on four, and a
/// load that does not ask where memory ends that of one that does. What is no name has 0.
pub fn number(op: Op) -> f64 {
    let like = if op == Op::InputLoad8U { Op::Load8U } else { op.narrow() };
    let place = NUMBERED.iter().position(|&other| other == like);
    place.expect("every instruction has a number") as f64 + 1.0
}

/// The fetched number of an instruction.
pub struct Opcode {
    /// 1.
    pub one: Value,
    /// The number n.
    pub number: Value,
    /// n².
    pub square: Value,
    /// The instructions that there are.
    pub ops: Vec<Op>,
}

impl Opcode {
    /// `factor` where it is one of these and `condition`, which is never more than 1,
    /// is 1.
    pub fn units(
        &self,
        graph: &mut Graph,
        ops: &[Op],
        condition: impl Into<Linear>,
        factor: impl Into<Linear>,
    ) -> Linear {
        let (condition, factor) = (condition.into(), factor.into());
        let others = condition - self.one;
        let unit = |test: Linear| graph.unit(test + others.clone(), factor.clone());
        self.tests(ops).into_iter().map(unit).map(Linear::from).sum()
    }

    /// `factor` where it is one of these and the whole `number`, which is never more
    /// than `most`, is 1 or more.
    pub fn steps(
        &self,
        graph: &mut Graph,
        ops: &[Op],
        number: impl Into<Linear>,
        most: f64,
        factor: impl Into<Linear>,
    ) -> Linear {
        let (number, factor) = (number.into(), factor.into());
        let step =
            |test: Linear| graph.step(number.clone() + (test - self.one) * most, factor.clone());
        self.tests(ops).into_iter().map(step).collect::<Vec<_>>().into_iter().sum()
    }

    /// Tests of which just one is 1 if it is one of these, and none otherwise; never
    /// more than 1.
    pub fn tests(&self, ops: &[Op]) -> Vec<Linear> {
        let mut sorted: Vec<Op> = ops.iter().copied().filter(|op| self.ops.contains(op)).collect();
        sorted.sort_by_key(|&op| number(op) as i64);
        let mut tests = Vec::new();
        let mut rest = &sorted[..];
        while let [first, others @ ..] = rest {
            let pair = others.first().is_some_and(|&next| number(next) == number(*first) + 1.0);
            let (asked, left) = rest.split_at(1 + usize::from(pair));
            tests.push(self.test(asked));
            rest = left;
        }
        tests
    }

    /// For one instruction or two neighbours: 1 - (n - first)(n - last).
    fn test(&self, ops: &[Op]) -> Linear {
        let (first, last) = (number(ops[0]), number(ops[ops.len() - 1]));
        self.number * (first + last) - self.square + self.one * (1.0 - first * last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_has_a_number() {
        let mut numbers: Vec<f64> = Op::ALL.iter().map(|&op| number(op)).collect();
        numbers.sort_by(f64::total_cmp);
        numbers.dedup();
        let twins = Op::ALL.iter().filter(|op| op.narrow() != **op).count();
        // `input.load8_u` has the number of `i32.load8_u`.
        assert_eq!(numbers.len() + twins + 1, Op::ALL.len());
        assert_eq!(NUMBERED.len(), numbers.len());
    }
}
