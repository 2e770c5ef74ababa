//! Code in two parts: what brings the history up to date, and what only the prediction needs.
//!
//! Verification knows all tokens, so a prediction may be deferred. What a step leaves behind, and
//! every question to a table, column or latch, which later steps may change, is done at once.
//! The rest depends on nothing but its inputs, the position and tokens before it:
//! it may be computed at any time, and for many positions together.
//!
//! A step writes each register of its own once, and a sum or latch is never read before it is up
//! to date: what the deferred part reads is the same after the step. So an operation is needed
//! at once exactly if it leaves something behind, or writes what an operation needed at once
//! reads, or guards it (lemma 23 of docs/plan.md).

use rustc_hash::{FxHashMap, FxHashSet};

use crate::plan::code::op::{BEST, CEILING, Op, POSITION, PREDICTION, Reg, Role, ZERO};

/// The part of code that may be deferred.
#[derive(Clone, Debug)]
pub struct Deferred {
    /// Its operations. An operation's registers have lower numbers than the one that it
    /// writes, but for those of the prediction.
    pub ops: Vec<Op>,
    /// Registers of a step that it reads: the first becomes register [`Deferred::INPUT`], and so on.
    pub inputs: Vec<Reg>,
    /// How many registers it has.
    pub registers: usize,
}

impl Deferred {
    /// The register of the first input. Those below are what they are in a step.
    pub const INPUT: Reg = CEILING + 1;
}

/// Splits the code of a step, whose own registers begin with `free`.
pub fn split(mut ops: Vec<Op>, free: usize) -> (Vec<Op>, Deferred) {
    debug_assert!(is_up_to_date_when_read(&mut ops.clone()), "{ops:?}");
    let mut needed: FxHashSet<Reg> = FxHashSet::default();
    let mut at_once = vec![false; ops.len()];
    for (op, at_once) in ops.iter_mut().zip(&mut at_once).rev() {
        *at_once = op.is_of_history()
            || matches!(op, Op::Guard { a } | Op::GuardCount { a } if needed.contains(a));
        op.registers(|role, reg| {
            let kept = *reg >= Deferred::INPUT && usize::from(*reg) < free;
            *at_once |= role == Role::Writes && (kept || needed.contains(reg));
        });
        if *at_once {
            op.registers(|role, reg| {
                if role == Role::Reads {
                    needed.insert(*reg);
                }
            });
        }
    }
    let mut now = Vec::new();
    let mut deferred = Vec::new();
    for (op, at_once) in ops.into_iter().zip(at_once) {
        if at_once { now.push(op) } else { deferred.push(op) }
    }
    (now, renumbered(deferred))
}

/// Whether no register is read before it is written, or changed after it was read.
fn is_up_to_date_when_read(ops: &mut [Op]) -> bool {
    let mut read: FxHashSet<Reg> = FxHashSet::default();
    ops.iter_mut().all(|op| {
        let changed = match *op {
            Op::Accumulate { sum, .. } | Op::AccumulateConst { sum, .. } => Some(sum),
            Op::SetLatch { latch, .. } => Some(latch),
            _ => None,
        };
        let mut early = changed.is_some_and(|reg| read.contains(&reg));
        op.registers(|role, reg| match role {
            Role::Reads if Some(*reg) != changed => {
                read.insert(*reg);
            }
            Role::Reads => {}
            Role::Writes => early |= read.contains(reg) && *reg >= Deferred::INPUT,
        });
        !early
    })
}

/// Registers that are written get the numbers after those that are only read.
fn renumbered(mut ops: Vec<Op>) -> Deferred {
    let mut written: FxHashSet<Reg> = FxHashSet::default();
    let mut inputs: Vec<Reg> = Vec::new();
    for op in &mut ops {
        op.registers(|role, reg| {
            if role == Role::Writes {
                written.insert(*reg);
            } else if *reg >= Deferred::INPUT && !written.contains(reg) && !inputs.contains(reg) {
                inputs.push(*reg);
            }
        });
    }
    let mut registers = usize::from(Deferred::INPUT);
    let mut numbers: FxHashMap<Reg, Reg> = FxHashMap::default();
    let mut number = |reg: &mut Reg| {
        if *reg >= Deferred::INPUT {
            *reg = *numbers.entry(*reg).or_insert_with(|| {
                registers += 1;
                (registers - 1) as Reg
            });
        }
    };
    inputs.clone().iter_mut().for_each(&mut number);
    for op in &mut ops {
        op.registers(|_, reg| number(reg));
    }
    Deferred { ops, inputs, registers }
}

const _: () = assert!(
    BEST < CEILING
        && ZERO < Deferred::INPUT
        && POSITION < Deferred::INPUT
        && PREDICTION < Deferred::INPUT
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::code::op::POSITION;

    #[test]
    fn only_what_the_prediction_needs_is_deferred() {
        // Register 5 is a running sum, from 6 on they are the step's own.
        let key = Op::AddConst { dst: 6, a: POSITION, k: -4 };
        let find = Op::Find { dst: 8, found: 7, table: 0, key: 6, k: 0, steps: ZERO };
        let twice = Op::Add { dst: 9, a: 8, b: 8 };
        let summand = Op::Relu { dst: 10, gate: 7, k: 0 };
        let accumulate = Op::Accumulate { sum: 5, a: 10 };
        let added = Op::Sub { dst: 11, a: 9, b: 5 };
        let guard = Op::Guard { a: 11 };
        let pick = Op::PickLine { group: 0, x: 11 };
        let code = vec![key, find, twice, summand, accumulate, added, guard, pick];
        let (now, deferred) = split(code, 6);
        assert_eq!(now, [key, find, summand, accumulate]);
        assert_eq!(deferred.inputs, [8, 5]);
        let [found, sum] = [Deferred::INPUT, Deferred::INPUT + 1];
        let [twice, added] = [Deferred::INPUT + 2, Deferred::INPUT + 3];
        let expected = [
            Op::Add { dst: twice, a: found, b: found },
            Op::Sub { dst: added, a: twice, b: sum },
            Op::Guard { a: added },
            Op::PickLine { group: 0, x: added },
        ];
        assert_eq!((deferred.ops, deferred.registers), (expected.into(), usize::from(added) + 1));
    }

    #[test]
    fn a_guard_of_what_is_needed_at_once_is_at_once() {
        let product = Op::Mul { dst: 6, a: POSITION, b: POSITION };
        let guard = Op::Guard { a: 6 };
        let push = Op::Push { column: 0, a: 6 };
        let (now, deferred) = split(vec![product, guard, push, Op::Predict { token: 0 }], 6);
        assert_eq!((now, deferred.ops.len()), (vec![product, guard, push], 1));
        let (now, deferred) = split(vec![product, guard, Op::PickLine { group: 0, x: 6 }], 6);
        assert_eq!((now.len(), deferred.ops.len()), (0, 3));
    }

    #[test]
    fn what_is_read_before_it_is_up_to_date_is_noticed() {
        let read = Op::AddConst { dst: 7, a: 5, k: 0 };
        let sum = Op::AccumulateConst { sum: 5, k: 1 };
        let latch = Op::SetLatch { latch: 5, dead: POSITION };
        for change in [sum, latch] {
            assert!(is_up_to_date_when_read(&mut [change, read]));
            assert!(!is_up_to_date_when_read(&mut [read, change]));
        }
        let early = Op::AddConst { dst: 8, a: 7, k: 0 };
        assert!(is_up_to_date_when_read(&mut [read, early]));
        assert!(!is_up_to_date_when_read(&mut [early, read]));
    }

    #[test]
    fn latches_are_set_at_once() {
        let mark = Op::AddConst { dst: 5, a: POSITION, k: 0 };
        let (now, deferred) = split(vec![mark, Op::Predict { token: 3 }], 6);
        assert_eq!((now, deferred.ops), (vec![mark], vec![Op::Predict { token: 3 }]));
    }
}
