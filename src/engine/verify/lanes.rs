//! Answers of many positions at once, in vector registers.
//!
//! What only answers need of a step is straight-line code that may be late (`plan/later.rs`).
//! Positions with the same code wait in a batch until there are 64 of them or a
//! block ends. Then each operation is done for all lanes before the next: a loop over
//! arrays, compiled for every width of vector registers and dispatched at run time.
//! All arithmetic is that of a step, on whole numbers, so answers are the same.

use pulp::Arch;

use crate::engine::execute::{Break, Execution, Tables};
use crate::model::Token;
use crate::plan::{self, ANSWER, BEST, GUARDED, Later, Op, POSITION, Plan, Reg};

/// Positions in a batch: enough to forget what an operation costs to look at, and few enough
/// for all registers of most code to stay in the first cache.
const LANES: usize = 64;

/// Batches of one thread.
pub struct Lanes<'p> {
    plan: &'p Plan,
    /// All tokens: code reads none after its lane's position.
    trace: &'p [u16],
    arch: Arch,
    /// By number of the code.
    batches: Vec<Batch>,
    registers: Registers,
}

/// Positions that wait for the same code.
#[derive(Clone)]
struct Batch {
    count: usize,
    positions: [i64; LANES],
    /// Input after input, [`LANES`] of each.
    inputs: Vec<i64>,
}

/// What is known of positions that were answered.
#[derive(Default)]
pub struct Judged {
    /// Tokens that are not what is predicted.
    pub mismatches: u64,
    /// The first of them: its place, and what is predicted there.
    pub first: Option<(u64, Token)>,
    /// The first position that broke the plan.
    pub broke: Option<(u64, Break)>,
}

impl<'p> Lanes<'p> {
    /// Nothing waits.
    pub fn new(plan: &'p Plan, trace: &'p [u16]) -> Lanes<'p> {
        let registers = Registers { all: Vec::new(), count: 0 };
        Lanes { plan, trace, arch: Arch::new(), batches: Vec::new(), registers }
    }

    /// Puts the position of the latest step into the batch of the code that it left.
    #[inline]
    pub fn push(
        &mut self,
        execution: &Execution<'_>,
        number: usize,
        position: usize,
        judged: &mut Judged,
    ) {
        let later = &execution.late_code()[number];
        if number >= self.batches.len() {
            let none = Batch { count: 0, positions: [0; LANES], inputs: Vec::new() };
            self.batches.resize(number + 1, none);
        }
        let batch = &mut self.batches[number];
        batch.inputs.resize(later.inputs.len() * LANES, 0);
        batch.positions[batch.count] = position as i64;
        let step = execution.registers();
        for (lanes, &input) in batch.inputs.chunks_exact_mut(LANES).zip(&later.inputs) {
            lanes[batch.count] = step[usize::from(input)];
        }
        batch.count += 1;
        if batch.count == LANES {
            self.answer(number, later, execution.token_tables(), judged);
        }
    }

    /// Answers whatever waits.
    pub fn flush(&mut self, execution: &Execution<'_>, judged: &mut Judged) {
        for (number, later) in execution.late_code().iter().enumerate().take(self.batches.len()) {
            if self.batches[number].count > 0 {
                self.answer(number, later, execution.token_tables(), judged);
            }
        }
    }

    fn answer(&mut self, number: usize, later: &Later, tables: &[i64], judged: &mut Judged) {
        let batch = &mut self.batches[number];
        self.registers.begin(later, batch);
        batch.count = 0;
        let code = Code { plan: self.plan, trace: self.trace, tables };
        let registers = &mut self.registers;
        let broke = self.arch.dispatch(
            #[inline(always)]
            || code.run(&later.ops, registers),
        );
        let positions = registers.of(POSITION);
        if let Some((lane, broke)) = broke {
            judged.breaks(batch.positions[lane] as usize, broke);
        }
        for (&position, &answer) in positions.iter().zip(registers.of(ANSWER)) {
            let at = position as usize;
            judged.compare(at, Token(answer as u32), self.trace[at + 1]);
        }
    }
}

impl Judged {
    /// A position broke the plan: the first of them counts.
    pub fn breaks(&mut self, position: usize, broke: Break) {
        let broke = (position as u64, broke);
        self.broke = self.broke.into_iter().chain([broke]).min_by_key(|broke| broke.0);
    }

    /// Compares what is predicted at a position with the token that follows it.
    #[inline]
    pub fn compare(&mut self, position: usize, predicted: Token, next: u16) {
        if predicted.0 != u32::from(next) {
            self.mismatches += 1;
            let wrong = (position as u64 + 1, predicted);
            self.first = self.first.into_iter().chain([wrong]).min_by_key(|wrong| wrong.0);
        }
    }
}

/// Registers, each of them [`LANES`] numbers, of which the first `count` are in use.
struct Registers {
    all: Vec<i64>,
    count: usize,
}

impl Registers {
    fn begin(&mut self, later: &Later, batch: &Batch) {
        self.count = batch.count;
        // The first is always 0.
        self.all.resize(self.all.len().max(later.registers * LANES), 0);
        self.all[usize::from(POSITION) * LANES..][..LANES].copy_from_slice(&batch.positions);
        let inputs = usize::from(Later::INPUT) * LANES;
        self.all[inputs..][..batch.inputs.len()].copy_from_slice(&batch.inputs);
    }

    #[inline(always)]
    fn of(&self, reg: Reg) -> &[i64] {
        &self.all[usize::from(reg) * LANES..][..self.count]
    }

    /// dst = f(a): operands have lower numbers.
    #[inline(always)]
    fn one(&mut self, dst: Reg, a: Reg, f: impl Fn(i64) -> i64) {
        let (operands, dst) = self.all.split_at_mut(usize::from(dst) * LANES);
        let a = &operands[usize::from(a) * LANES..][..self.count];
        for (dst, &a) in dst[..self.count].iter_mut().zip(a) {
            *dst = f(a);
        }
    }

    /// dst = f(a, b)
    #[inline(always)]
    fn two(&mut self, dst: Reg, a: Reg, b: Reg, f: impl Fn(i64, i64) -> i64) {
        let (operands, dst) = self.all.split_at_mut(usize::from(dst) * LANES);
        let of = |reg: Reg| &operands[usize::from(reg) * LANES..][..self.count];
        for ((dst, &a), &b) in dst[..self.count].iter_mut().zip(of(a)).zip(of(b)) {
            *dst = f(a, b);
        }
    }

    /// The first lane for which a check fails.
    #[inline(always)]
    fn first(&self, a: Reg, fails: impl Fn(i64) -> bool) -> Option<usize> {
        self.of(a).iter().position(|&a| fails(a))
    }

    /// Sets the answer of each lane.
    #[inline(always)]
    fn answers(&mut self, of: impl Fn(&Registers, usize) -> u32) {
        for lane in 0..self.count {
            let answer = i64::from(of(self, lane));
            self.all[usize::from(ANSWER) * LANES + lane] = answer;
        }
    }

    /// Answers with tokens whose logit is the greatest so far, or as great with a lower id.
    #[inline(always)]
    fn beat(&mut self, of: impl Fn(&Registers, usize) -> (u32, i64)) {
        for lane in 0..self.count {
            let (token, logit) = of(self, lane);
            let (best, answer) =
                (usize::from(BEST) * LANES + lane, usize::from(ANSWER) * LANES + lane);
            let token = i64::from(token);
            if logit > self.all[best] || (logit == self.all[best] && token < self.all[answer]) {
                self.all[best] = logit;
                self.all[answer] = token;
            }
        }
    }
}

/// What code reads beside registers.
struct Code<'a> {
    plan: &'a Plan,
    trace: &'a [u16],
    tables: &'a [i64],
}

impl Code<'_> {
    /// Runs operations for all lanes. Gives the first lane that broke the plan, if one did.
    #[inline(always)]
    fn run(&self, ops: &[Op], r: &mut Registers) -> Option<(usize, Break)> {
        let (groups, fans) = (self.plan.groups(), self.plan.fans());
        let mut broke: Option<(usize, Break)> = None;
        // What was to keep numbers small has failed: that lane and those after it, whose answers
        // do not count any more, are left alone, so any other that breaks is an earlier one.
        let mut breaks = |r: &mut Registers, lane: Option<usize>, why: Break| {
            if let Some(lane) = lane {
                (broke, r.count) = (Some((lane, why)), lane);
            }
        };
        for op in ops {
            match *op {
                Op::Set { dst, k } => {
                    r.all[usize::from(dst) * LANES..][..r.count].fill(k);
                }
                Op::AddConst { dst, a, k } => r.one(dst, a, |a| a.wrapping_add(k)),
                Op::Add { dst, a, b } => r.two(dst, a, b, i64::wrapping_add),
                Op::Sub { dst, a, b } => r.two(dst, a, b, i64::wrapping_sub),
                Op::MulAdd { dst, a, b, k } => {
                    r.two(dst, a, b, |a, b| a.wrapping_add(b.wrapping_mul(k)));
                }
                Op::Mul { dst, a, b } => r.two(dst, a, b, i64::wrapping_mul),
                Op::MulSaturating { dst, a, b } => r.two(dst, a, b, i64::saturating_mul),
                Op::Round { dst, a, shift } => r.one(dst, a, |a| plan::round(a, shift)),
                Op::Divide { dst, a, shift } => {
                    let first = r.first(a, |a| (a >> shift) << shift != a);
                    breaks(r, first, Break::Fraction);
                    r.one(dst, a, |a| a >> shift);
                }
                Op::Guard { a } => {
                    let beyond = |a| !(-GUARDED..=GUARDED).contains(&a);
                    let first = r.first(a, beyond);
                    breaks(r, first, Break::Product);
                }
                Op::Read { dst, a, k, table, count, at, offset } => {
                    self.read(r, [dst, a, at], (k.into(), offset.into()), table.into(), count);
                }
                Op::Clamp { dst, a, k } => {
                    let k = i64::from(k);
                    r.two(dst, a, POSITION, |a, last| a.wrapping_add(k).clamp(0, last));
                }
                Op::Relu { dst, gate, k } => r.one(dst, gate, |a| a.wrapping_add(k).max(0)),
                Op::Step { dst, gate, k } => r.one(dst, gate, |a| a.wrapping_add(k).clamp(0, 1)),
                Op::IsZero { dst, gate, k } => {
                    r.one(dst, gate, |a| i64::from(a.wrapping_add(k) == 0));
                }
                Op::Answer { token } => r.answers(|_, _| token),
                Op::Pick { group, x } => {
                    let group = &groups[usize::from(group)];
                    r.answers(|r, lane| group.winner(r.of(x)[lane]).token);
                }
                Op::Either { above, below, x, by, k } => {
                    let [above, below] = [above, below].map(|at| &groups[usize::from(at)]);
                    r.answers(|r, lane| {
                        let is_above = r.of(by)[lane] + i64::from(k) > 0;
                        let group = if is_above { above } else { below };
                        group.winner(r.of(x)[lane]).token
                    });
                }
                Op::PickFan { fan, x, y } => {
                    let fan = &fans[usize::from(fan)];
                    r.answers(|r, lane| fan.winner(r.of(x)[lane], r.of(y)[lane]).token);
                }
                Op::Candidate { group, x, base } => {
                    let group = &groups[usize::from(group)];
                    r.beat(|r, lane| {
                        let x = r.of(x)[lane];
                        let line = group.winner(x);
                        (line.token, r.of(base)[lane] + line.slope * x + line.height)
                    });
                }
                Op::CandidateFan { fan, x, y, base } => {
                    let fan = &fans[usize::from(fan)];
                    r.beat(|r, lane| {
                        let (x, y) = (r.of(x)[lane], r.of(y)[lane]);
                        let point = fan.winner(x, y);
                        (point.token, r.of(base)[lane] + point.at(x, y))
                    });
                }
                Op::Find { .. }
                | Op::Insert { .. }
                | Op::InsertUnless { .. }
                | Op::Accumulate { .. }
                | Op::AccumulateConst { .. }
                | Op::MarkUnless { .. }
                | Op::Push { .. }
                | Op::Take { .. }
                | Op::Hull { .. } => unreachable!("code that may be late leaves history alone"),
            }
        }
        broke
    }

    /// dst = a + k + features of `count` tokens from `at` + offset back.
    #[inline(always)]
    fn read(
        &self,
        r: &mut Registers,
        [dst, a, at]: [Reg; 3],
        (k, offset): (i64, i64),
        table: usize,
        count: u8,
    ) {
        let (vocabulary, count) = (self.plan.classes().len(), usize::from(count));
        let (operands, out) = r.all.split_at_mut(usize::from(dst) * LANES);
        let of = |reg: Reg| &operands[usize::from(reg) * LANES..][..r.count];
        let out = &mut out[..r.count];
        let (positions, places) = (of(POSITION), of(at));
        for (out, &a) in out.iter_mut().zip(of(a)) {
            *out = a.wrapping_add(k);
        }
        let within = |(&position, &at): (&i64, &i64)| {
            let place = at.saturating_add(offset);
            place <= position && place >= count as i64 - 1
        };
        if positions.iter().zip(places).all(within) {
            for back in 0..count {
                let features = &self.tables[(table + back) * vocabulary..][..vocabulary];
                for (out, &at) in out.iter_mut().zip(places) {
                    let token = self.trace[(at + offset) as usize - back];
                    *out = out.wrapping_add(features[usize::from(token)]);
                }
            }
        } else {
            let tables = Tables { all: self.tables, vocabulary, first: table };
            for (out, (&position, &at)) in out.iter_mut().zip(positions.iter().zip(places)) {
                let history = &self.trace[..=position as usize];
                let features = tables.read(history, at.saturating_add(offset), count);
                *out = out.wrapping_add(features);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::model::Model;

    static PLAN: LazyLock<Plan> = LazyLock::new(|| {
        let model = Model::from_bytes(&include_bytes!("../../../models/wasm32.bin")[..]).unwrap();
        Plan::new(&model, Plan::likely_opening(&model)).unwrap()
    });

    const INPUTS: Reg = 3;
    const TABLES: u16 = 5;
    /// The first register that code writes.
    const FREE: Reg = Later::INPUT + INPUTS;

    fn number() -> impl Strategy<Value = i64> {
        let edge = (-2i64..=2).prop_map(|off| GUARDED + off);
        prop_oneof![4 => -3i64..400, 1 => -5000i64..5000, 1 => edge, 1 => any::<i64>()]
    }

    /// An operation that writes a register, and reads any with a lower number.
    fn arithmetic(dst: Reg) -> impl Strategy<Value = Op> {
        let operand = move || prop_oneof![Just(0), Just(POSITION), Later::INPUT..dst];
        (0..14, operand(), operand(), number(), 0..TABLES, 1..40u32).prop_map(
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
                _ => {
                    let (offset, count) = (k as i16, 1 + (TABLES - table).min(shift as u16) as u8);
                    let count = count.min((TABLES - table) as u8);
                    Op::Read { dst, a, k: k as i32, table, count, at: b, offset }
                }
            },
        )
    }

    /// Arithmetic, then an answer of registers that are guarded.
    fn code() -> impl Strategy<Value = Vec<Op>> {
        (1..12u16)
            .prop_flat_map(|count| {
                let ops: Vec<_> = (FREE..FREE + count).map(|dst| arithmetic(dst).boxed()).collect();
                let operand = Later::INPUT..FREE + count;
                (ops, [operand.clone(), operand.clone(), operand], 0..5)
            })
            .prop_map(|(mut ops, [x, y, base], which)| {
                ops.extend([x, y, base].map(|a| Op::Guard { a }));
                match which {
                    0 => ops.push(Op::Pick { group: 0, x }),
                    1 => ops.push(Op::Either { above: 0, below: 1, x, by: y, k: 1 }),
                    2 => ops.push(Op::PickFan { fan: 0, x, y }),
                    3 => ops.push(Op::Answer { token: 7 }),
                    _ => ops.extend([
                        Op::Set { dst: BEST, k: i64::MIN },
                        Op::Candidate { group: 0, x, base },
                        Op::CandidateFan { fan: 0, x, y, base },
                        Op::Candidate { group: 1, x: y, base: x },
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
            let later = Later { ops, inputs: (0..INPUTS).collect(), registers };
            let mut lanes = Registers { all: vec![0; registers * LANES], count: 0 };
            lanes.begin(&later, &Batch { count, positions, inputs: inputs.clone() });
            let code = Code { plan, trace: &trace, tables: &tables };
            let broke = Arch::new().dispatch(#[inline(always)] || code.run(&later.ops, &mut lanes));

            let mut execution = Execution::along(plan, &trace).unwrap();
            for lane in 0..count {
                let input = |i: Reg| (Later::INPUT + i, inputs[usize::from(i) * LANES + lane]);
                let set: Vec<(Reg, i64)> = (0..INPUTS).map(input).collect();
                let position = positions[lane] as usize;
                match execution.evaluate(position, &set, &later.ops, &tables) {
                    Ok(step) => {
                        prop_assert!(broke.is_none_or(|broke| lane < broke.0));
                        prop_assert_eq!(lanes.of(ANSWER)[lane], step[usize::from(ANSWER)]);
                        for reg in FREE..registers as Reg {
                            prop_assert_eq!(lanes.of(reg)[lane], step[usize::from(reg)]);
                        }
                    }
                    Err(why) => {
                        prop_assert_eq!(broke, Some((lane, why)));
                        break;
                    }
                }
            }
        }
    }
}
