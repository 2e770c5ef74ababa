//! What code reads and writes, and what each operation does to it. What operations compute is
//! `operations.rs`.

use std::borrow::Cow;

use super::features::Tables;
use super::{GuardFailure, REGISTERS};
use crate::engine::operations::{self, Candidate, Contest};
use crate::engine::positions::Positions;
use crate::plan::{self, BEST, CEILING, FIRST, MAX_SUM, Op, PREDICTION};

/// What code reads and writes.
pub struct State<'p> {
    /// Registers: those of the plan, then a step's own.
    pub regs: Box<[i64; REGISTERS]>,
    /// All tokens so far; a borrowed one goes on with those to come.
    pub history: Cow<'p, [u16]>,
    /// The latest position, from 0: tokens of the history less one.
    pub last: usize,
    pub tables: Vec<Positions>,
    pub columns: Vec<Vec<i64>>,
    pub line_groups: &'p [plan::LineGroup],
    pub plane_groups: &'p [plan::PlaneGroup],
    pub vocabulary: usize,
}

impl State<'_> {
    /// Runs a piece of code at the latest position.
    pub fn run(&mut self, code: &[Op], tables: &[i64]) -> Result<(), GuardFailure> {
        let State { regs, history, last, vocabulary, .. } = self;
        let (vocabulary, last) = (*vocabulary, *last);
        let history = &history[..=last];
        macro_rules! r {
            ($reg:expr) => {
                regs[$reg as usize]
            };
        }
        for op in code {
            match *op {
                Op::Set { dst, k } => r!(dst) = k,
                Op::AddConst { dst, a, k } => r!(dst) = operations::add(r!(a), k),
                Op::Add { dst, a, b } => r!(dst) = operations::add(r!(a), r!(b)),
                Op::Sub { dst, a, b } => r!(dst) = operations::sub(r!(a), r!(b)),
                Op::MulAdd { dst, a, b, k } => r!(dst) = operations::mul_add(r!(a), r!(b), k),
                Op::Mul { dst, a, b } => r!(dst) = operations::mul(r!(a), r!(b)),
                Op::MulSaturating { dst, a, b } => {
                    r!(dst) = operations::mul_saturating(r!(a), r!(b));
                }
                Op::Round { dst, a, shift } => r!(dst) = operations::round(r!(a), shift),
                Op::Divide { dst, a, shift } => {
                    if operations::is_fraction(r!(a), shift) {
                        return Err(GuardFailure::Fraction);
                    }
                    r!(dst) = operations::divide(r!(a), shift);
                }
                Op::Guard { a } => {
                    if operations::is_beyond_guard(r!(a)) {
                        return Err(GuardFailure::Product);
                    }
                }
                Op::GuardCount { a } => {
                    if operations::is_beyond_count(r!(a)) {
                        return Err(GuardFailure::Count);
                    }
                }
                Op::Read { dst, a, k, table, count, at, offset } => {
                    let place = operations::place(r!(at), offset);
                    let tables = Tables { all: tables, vocabulary, first: table.into() };
                    let features = tables.read(history, place, count.into());
                    r!(dst) = operations::add(operations::add(r!(a), k.into()), features);
                }
                Op::Lookup { dst, a, table, last, at, offset } => {
                    let values = &tables[usize::from(table) * vocabulary..];
                    let value = operations::lookup(values, r!(at), offset, last);
                    r!(dst) = operations::add(r!(a), value);
                }
                Op::Clamp { dst, a, k } => r!(dst) = operations::clamp(r!(a), k, last as i64),
                Op::SumSteps { dst, sum } => {
                    r!(dst) = operations::sum_steps(r!(sum), last as i64);
                }
                Op::Relu { dst, gate, k } => r!(dst) = operations::relu(r!(gate), k),
                Op::Step { dst, gate, k } => r!(dst) = operations::step(r!(gate), k),
                Op::IsZero { dst, gate, k } => r!(dst) = operations::is_zero(r!(gate), k),
                Op::Find { dst, found, table, key, k, steps } => {
                    let key = r!(key).wrapping_add(i64::from(k));
                    let (key, position) = self.tables[table as usize].find(key, r!(steps))?;
                    r!(dst) = i64::from(position);
                    r!(found) = key;
                }
                Op::Insert { table, key, k } => {
                    let key = r!(key).wrapping_add(i64::from(k));
                    self.tables[table as usize].insert(key, last as u32)?;
                }
                Op::InsertUnless { table, key, k, dead } => match r!(dead) {
                    0 => {
                        let key = r!(key).wrapping_add(i64::from(k));
                        self.tables[table as usize].insert(key, last as u32)?;
                    }
                    1.. => {}
                    _ => return Err(GuardFailure::Dead),
                },
                Op::InsertInexact { table, key, k, dead, steps } => match r!(dead) {
                    0 => {
                        let key = r!(key).wrapping_add(i64::from(k));
                        let table = &mut self.tables[table as usize];
                        table.insert_inexact(key, r!(steps), last as u32)?;
                    }
                    1.. => {}
                    _ => return Err(GuardFailure::Dead),
                },
                Op::Accumulate { sum, a } => {
                    let total = r!(sum).wrapping_add(r!(a));
                    r!(sum) = total;
                    if !(0..=MAX_SUM).contains(&total) {
                        return Err(GuardFailure::Sum);
                    }
                }
                Op::AccumulateConst { sum, k } => {
                    let total = r!(sum).wrapping_add(k);
                    r!(sum) = total;
                    if !(0..=MAX_SUM).contains(&total) {
                        return Err(GuardFailure::Sum);
                    }
                }
                Op::SetLatch { latch, dead } => match r!(dead) {
                    0 => r!(latch) = last as i64,
                    1.. => {}
                    _ => return Err(GuardFailure::Dead),
                },
                Op::Push { column, a } => self.columns[column as usize].push(r!(a)),
                Op::Take { dst, column, at } => {
                    let place = r!(at).clamp(0, last as i64) as usize;
                    r!(dst) = self.columns[column as usize][place];
                }
                Op::Predict { token } => r!(PREDICTION) = token.into(),
                Op::PickLine { group, x } => {
                    let group = &self.line_groups[group as usize];
                    r!(PREDICTION) = operations::line(group, r!(x)).into();
                }
                Op::Either { above, below, x, by, k } => {
                    let group = if operations::is_above(r!(by), k) { above } else { below };
                    let group = &self.line_groups[group as usize];
                    r!(PREDICTION) = operations::line(group, r!(x)).into();
                }
                Op::PickPlane { group, x, y } => {
                    let group = &self.plane_groups[group as usize];
                    r!(PREDICTION) = operations::plane(group, r!(x), r!(y)).into();
                }
                Op::CandidateLine { group, x, base } => {
                    let group = &self.line_groups[group as usize];
                    predict(regs, Candidate::of_line(group, r!(x), r!(base)));
                }
                Op::CandidatePlane { group, x, y, base } => {
                    let group = &self.plane_groups[group as usize];
                    predict(regs, Candidate::of_plane(group, r!(x), r!(y), r!(base)));
                }
                Op::CandidateNear { group, x, base } => {
                    let group = &self.line_groups[group as usize];
                    let Contest { best, ceiling } = contest(regs).with(group, r!(x), r!(base));
                    (r!(PREDICTION), r!(BEST), r!(CEILING)) = (best.token, best.logit, ceiling);
                }
                Op::Apart { off, shift } => {
                    if contest(regs).is_open(r!(off), shift) {
                        return Err(GuardFailure::InexactLogit);
                    }
                }
            }
        }
        Ok(())
    }
}

/// What predictions were compared so far.
fn contest(regs: &[i64; REGISTERS]) -> Contest {
    let [token, logit, ceiling] = [PREDICTION, BEST, CEILING].map(|reg| regs[usize::from(reg)]);
    Contest { best: Candidate { token, logit }, ceiling }
}

/// Predicts a token if it beats the best so far.
fn predict(regs: &mut [i64; REGISTERS], candidate: Candidate) {
    let [best, prediction] = [BEST, PREDICTION].map(usize::from);
    if candidate.beats(Candidate { token: regs[prediction], logit: regs[best] }) {
        (regs[prediction], regs[best]) = (candidate.token, candidate.logit);
    }
}

const _: () = assert!((FIRST as usize) < REGISTERS);
