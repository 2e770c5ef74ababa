//! What each operation does to all lanes; the twin of `execute/state.rs`, which does it to one. What
//! operations compute is `operations.rs`.

use super::LANES;
use super::registers::Registers;
use crate::engine::execute::{GuardFailure, Tables};
use crate::engine::operations::{self, Candidate};
use crate::plan::{Op, POSITION, Plan, Reg};

/// What code reads beside registers.
pub struct Code<'a> {
    pub plan: &'a Plan,
    pub trace: &'a [u16],
    pub tables: &'a [i64],
}

impl Code<'_> {
    /// Runs operations for all lanes. Gives the first lane at which a guard failed, if one did.
    #[inline(always)]
    pub fn run(&self, ops: &[Op], r: &mut Registers) -> Option<(usize, GuardFailure)> {
        let (line_groups, plane_groups) = (self.plan.line_groups(), self.plan.plane_groups());
        let mut failure: Option<(usize, GuardFailure)> = None;
        // What was to keep numbers small has failed: that lane and those after it, whose
        // predictions do not count any more, are left alone, so any other that fails is an
        // earlier one.
        let mut fails = |r: &mut Registers, lane: Option<usize>, why: GuardFailure| {
            if let Some(lane) = lane {
                (failure, r.count) = (Some((lane, why)), lane);
            }
        };
        for op in ops {
            match *op {
                Op::Set { dst, k } => {
                    r.all[usize::from(dst) * LANES..][..r.count].fill(k);
                }
                Op::AddConst { dst, a, k } => r.one(dst, a, |a| operations::add(a, k)),
                Op::Add { dst, a, b } => r.two(dst, a, b, operations::add),
                Op::Sub { dst, a, b } => r.two(dst, a, b, operations::sub),
                Op::MulAdd { dst, a, b, k } => {
                    r.two(dst, a, b, |a, b| operations::mul_add(a, b, k));
                }
                Op::Mul { dst, a, b } => r.two(dst, a, b, operations::mul),
                Op::MulSaturating { dst, a, b } => r.two(dst, a, b, operations::mul_saturating),
                Op::Round { dst, a, shift } => r.one(dst, a, |a| operations::round(a, shift)),
                Op::Divide { dst, a, shift } => {
                    let first = r.first(a, |a| operations::is_fraction(a, shift));
                    fails(r, first, GuardFailure::Fraction);
                    r.one(dst, a, |a| operations::divide(a, shift));
                }
                Op::Guard { a } => {
                    let first = r.first(a, operations::is_beyond_guard);
                    fails(r, first, GuardFailure::Product);
                }
                Op::GuardCount { a } => {
                    let first = r.first(a, operations::is_beyond_count);
                    fails(r, first, GuardFailure::Count);
                }
                Op::Read { dst, a, k, table, count, at, offset } => {
                    self.read(r, [dst, a, at], (k, offset), table.into(), count);
                }
                Op::Lookup { dst, a, table, last, at, offset } => {
                    let values = &self.tables[usize::from(table) * self.plan.classes().len()..];
                    r.two(dst, a, at, |a, at| {
                        operations::add(a, operations::lookup(values, at, offset, last))
                    });
                }
                Op::Clamp { dst, a, k } => {
                    r.two(dst, a, POSITION, |a, t| operations::clamp(a, k, t));
                }
                Op::SumSteps { dst, sum } => r.two(dst, sum, POSITION, operations::sum_steps),
                Op::Relu { dst, gate, k } => r.one(dst, gate, |gate| operations::relu(gate, k)),
                Op::Step { dst, gate, k } => r.one(dst, gate, |gate| operations::step(gate, k)),
                Op::IsZero { dst, gate, k } => {
                    r.one(dst, gate, |gate| operations::is_zero(gate, k));
                }
                Op::Predict { token } => r.predict(|_, _| token),
                Op::PickLine { group, x } => {
                    let group = &line_groups[usize::from(group)];
                    r.predict(|r, lane| operations::line(group, r.of(x)[lane]));
                }
                Op::Either { above, below, x, by, k } => {
                    let [above, below] = [above, below].map(|at| &line_groups[usize::from(at)]);
                    r.predict(|r, lane| {
                        let is_above = operations::is_above(r.of(by)[lane], k);
                        operations::line(if is_above { above } else { below }, r.of(x)[lane])
                    });
                }
                Op::PickPlane { group, x, y } => {
                    let group = &plane_groups[usize::from(group)];
                    r.predict(|r, lane| operations::plane(group, r.of(x)[lane], r.of(y)[lane]));
                }
                Op::CandidateLine { group, x, base } => {
                    let group = &line_groups[usize::from(group)];
                    r.beat(|r, lane| Candidate::of_line(group, r.of(x)[lane], r.of(base)[lane]));
                }
                Op::CandidatePlane { group, x, y, base } => {
                    let group = &plane_groups[usize::from(group)];
                    r.beat(|r, lane| {
                        let (x, y) = (r.of(x)[lane], r.of(y)[lane]);
                        Candidate::of_plane(group, x, y, r.of(base)[lane])
                    });
                }
                Op::CandidateNear { group, x, base } => {
                    let group = &line_groups[usize::from(group)];
                    r.contest(|r, contest, lane| {
                        contest.with(group, r.of(x)[lane], r.of(base)[lane])
                    });
                }
                Op::Apart { off, shift } => {
                    let is_open = |lane| r.contest_of(lane).is_open(r.of(off)[lane], shift);
                    let first = (0..r.count).find(|&lane| is_open(lane));
                    fails(r, first, GuardFailure::InexactLogit);
                }
                of_history => unreachable!("{of_history:?} is done at once, never deferred"),
            }
        }
        failure
    }

    /// dst = a + k + features of `count` tokens from `at` + offset back.
    #[inline(always)]
    fn read(
        &self,
        r: &mut Registers,
        [dst, a, at]: [Reg; 3],
        (k, offset): (i32, i16),
        table: usize,
        count: u8,
    ) {
        let (vocabulary, count) = (self.plan.classes().len(), usize::from(count));
        let (operands, out) = r.all.split_at_mut(usize::from(dst) * LANES);
        let of = |reg: Reg| &operands[usize::from(reg) * LANES..][..r.count];
        let out = &mut out[..r.count];
        let (positions, places) = (of(POSITION), of(at));
        for (out, &a) in out.iter_mut().zip(of(a)) {
            *out = operations::add(a, k.into());
        }
        let within = |(&position, &at): (&i64, &i64)| {
            let place = operations::place(at, offset);
            place <= position && place >= count as i64 - 1
        };
        if positions.iter().zip(places).all(within) {
            for back in 0..count {
                let features = &self.tables[(table + back) * vocabulary..][..vocabulary];
                for (out, &at) in out.iter_mut().zip(places) {
                    let token = self.trace[(at + i64::from(offset)) as usize - back];
                    *out = operations::add(*out, features[usize::from(token)]);
                }
            }
        } else {
            let tables = Tables { all: self.tables, vocabulary, first: table };
            for (out, (&position, &at)) in out.iter_mut().zip(positions.iter().zip(places)) {
                let history = &self.trace[..=position as usize];
                let features = tables.read(history, operations::place(at, offset), count);
                *out = operations::add(*out, features);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::engine::execute::Execution;
    use crate::engine::verify::lanes::Batch;
    use crate::model::Model;
    use crate::plan::{BEST, Deferred, MAX_PRODUCT, PREDICTION};
    use pulp::Arch;

    static PLAN: LazyLock<Plan> = LazyLock::new(|| {
        let model =
            Model::from_bytes(&include_bytes!("../../../../models/wasm32.bin")[..]).unwrap();
        Plan::new(&model, Plan::likely_bos(&model)).unwrap()
    });

    const INPUTS: Reg = 3;
    const TABLES: u16 = 5;
    /// The first register that code writes.
    const FREE: Reg = Deferred::INPUT + INPUTS;

    fn number() -> impl Strategy<Value = i64> {
        let edge = (-2i64..=2).prop_map(|off| MAX_PRODUCT + off);
        prop_oneof![4 => -3i64..400, 1 => -5000i64..5000, 1 => edge, 1 => any::<i64>()]
    }

    /// An operation that writes a register, and reads any with a lower number.
    fn arithmetic(dst: Reg) -> impl Strategy<Value = Op> {
        let operand = move || prop_oneof![Just(0), Just(POSITION), Deferred::INPUT..dst];
        (0..15, operand(), operand(), number(), 0..TABLES, 1..40u32).prop_map(
            move |(which, a, b, k, table, shift)| match which {
                0 => Op::Set { dst, k },
                1 => Op::AddConst { dst, a, k },
                2 => Op::Add { dst, a, b },
                3 => Op::Sub { dst, a, b },
                4 => Op::MulAdd { dst, a, b, k },
                5 => Op::Mul { dst, a, b },
                6 => Op::MulSaturating { dst, a, b },
                7 => Op::Clamp { dst, a, k: k as i32 },
                8 => Op::Relu { dst, gate: a, k },
                9 => Op::Step { dst, gate: a, k },
                10 => Op::IsZero { dst, gate: a, k },
                11 => Op::Divide { dst, a, shift: shift % 3 },
                12 => Op::Round { dst, a, shift },
                13 => {
                    let last = 40 * shift as u16;
                    Op::Lookup { dst, a, table, last, at: b, offset: k as i32 }
                }
                _ => {
                    let (offset, count) = (k as i16, 1 + (TABLES - table).min(shift as u16) as u8);
                    let count = count.min((TABLES - table) as u8);
                    Op::Read { dst, a, k: k as i32, table, count, at: b, offset }
                }
            },
        )
    }

    /// Arithmetic, then a prediction from registers that are guarded.
    fn code() -> impl Strategy<Value = Vec<Op>> {
        (1..12u16)
            .prop_flat_map(|count| {
                let ops: Vec<_> = (FREE..FREE + count).map(|dst| arithmetic(dst).boxed()).collect();
                let operand = Deferred::INPUT..FREE + count;
                (ops, [operand.clone(), operand.clone(), operand], 0..5)
            })
            .prop_map(|(mut ops, [x, y, base], which)| {
                ops.extend([x, y, base].map(|a| Op::Guard { a }));
                match which {
                    0 => ops.push(Op::PickLine { group: 0, x }),
                    1 => ops.push(Op::Either { above: 0, below: 1, x, by: y, k: 1 }),
                    2 => ops.push(Op::PickPlane { group: 0, x, y }),
                    3 => ops.push(Op::Predict { token: 7 }),
                    _ => ops.extend([
                        Op::Set { dst: BEST, k: i64::MIN },
                        Op::CandidateLine { group: 0, x, base },
                        Op::CandidatePlane { group: 0, x, y, base },
                        Op::CandidateLine { group: 1, x: y, base: x },
                    ]),
                }
                ops
            })
    }

    proptest! {
        #[test]
        fn lanes_compute_what_steps_compute(
            ops in code(),
            count in prop_oneof![Just(1usize), Just(LANES - 1), Just(LANES)],
            inputs in prop::collection::vec(number(), INPUTS as usize * LANES),
            seed in any::<u64>(),
        ) {
            let plan = &*PLAN;
            let mut random = fastrand::Rng::with_seed(seed);
            let vocabulary = plan.classes().len();
            let trace: Vec<u16> = (0..300).map(|_| random.u16(..vocabulary as u16)).collect();
            let tables: Vec<i64> =
                (0..vocabulary * usize::from(TABLES)).map(|_| random.i64(-9..300)).collect();
            let positions: [i64; LANES] =
                std::array::from_fn(|lane| 1 + 4 * lane as i64 + random.i64(0..4));

            let registers = usize::from(FREE) + ops.len();
            let deferred = Deferred { ops, inputs: (0..INPUTS).collect(), registers };
            let mut lanes = Registers { all: vec![0; registers * LANES], count: 0 };
            lanes.begin(&deferred, &Batch { count, positions, inputs: inputs.clone() });
            let code = Code { plan, trace: &trace, tables: &tables };
            let failure = Arch::new().dispatch(
                #[inline(always)]
                || code.run(&deferred.ops, &mut lanes),
            );

            let mut execution = Execution::along(plan, &trace).unwrap();
            for lane in 0..count {
                let input = |i: Reg| (Deferred::INPUT + i, inputs[usize::from(i) * LANES + lane]);
                let set: Vec<(Reg, i64)> = (0..INPUTS).map(input).collect();
                let position = positions[lane] as usize;
                match execution.evaluate(position, &set, &deferred.ops, &tables) {
                    Ok(step) => {
                        prop_assert!(failure.is_none_or(|failure| lane < failure.0));
                        prop_assert_eq!(lanes.of(PREDICTION)[lane], step[usize::from(PREDICTION)]);
                        for reg in FREE..registers as Reg {
                            prop_assert_eq!(lanes.of(reg)[lane], step[usize::from(reg)]);
                        }
                    }
                    Err(why) => {
                        prop_assert_eq!(failure, Some((lane, why)));
                        break;
                    }
                }
            }
        }
    }
}
