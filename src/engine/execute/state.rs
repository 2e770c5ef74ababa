//! What code reads and writes, and what each operation does to it.

use std::borrow::Cow;

use super::features::Tables;
use super::{GuardFailure, REGISTERS};
use crate::engine::positions::Positions;
use crate::plan::{self, BEST, FIRST, MAX_PRODUCT, MAX_SUM, Op, PREDICTION};

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
                Op::AddConst { dst, a, k } => r!(dst) = r!(a).wrapping_add(k),
                Op::Add { dst, a, b } => r!(dst) = r!(a).wrapping_add(r!(b)),
                Op::Sub { dst, a, b } => r!(dst) = r!(a).wrapping_sub(r!(b)),
                Op::MulAdd { dst, a, b, k } => {
                    r!(dst) = r!(a).wrapping_add(r!(b).wrapping_mul(k));
                }
                Op::Mul { dst, a, b } => r!(dst) = r!(a).wrapping_mul(r!(b)),
                Op::MulSaturating { dst, a, b } => r!(dst) = r!(a).saturating_mul(r!(b)),
                Op::Round { dst, a, shift } => r!(dst) = plan::round(r!(a), shift),
                Op::Divide { dst, a, shift } => {
                    let whole = r!(a) >> shift;
                    if whole << shift != r!(a) {
                        return Err(GuardFailure::Fraction);
                    }
                    r!(dst) = whole;
                }
                Op::Guard { a } => {
                    if !(-MAX_PRODUCT..=MAX_PRODUCT).contains(&r!(a)) {
                        return Err(GuardFailure::Product);
                    }
                }
                Op::Read { dst, a, k, table, count, at, offset } => {
                    let place = r!(at).saturating_add(i64::from(offset));
                    let tables = Tables { all: tables, vocabulary, first: table.into() };
                    let features = tables.read(history, place, count.into());
                    r!(dst) = r!(a).wrapping_add(i64::from(k)).wrapping_add(features);
                }
                Op::Clamp { dst, a, k } => {
                    r!(dst) = r!(a).wrapping_add(i64::from(k)).clamp(0, last as i64);
                }
                Op::Relu { dst, gate, k } => r!(dst) = r!(gate).wrapping_add(k).max(0),
                Op::Step { dst, gate, k } => r!(dst) = r!(gate).wrapping_add(k).clamp(0, 1),
                Op::IsZero { dst, gate, k } => r!(dst) = i64::from(r!(gate).wrapping_add(k) == 0),
                Op::Find { dst, found, table, key, k } => {
                    let key = r!(key).wrapping_add(i64::from(k));
                    let (key, position) = self.tables[table as usize].find(key)?;
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
                Op::Predict { token } => r!(PREDICTION) = i64::from(token),
                Op::PickLine { group, x } => {
                    r!(PREDICTION) =
                        i64::from(self.line_groups[group as usize].winner(r!(x)).token);
                }
                Op::Either { above, below, x, by, k } => {
                    let group = if r!(by) + i64::from(k) > 0 { above } else { below };
                    r!(PREDICTION) =
                        i64::from(self.line_groups[group as usize].winner(r!(x)).token);
                }
                Op::PickPlane { group, x, y } => {
                    let point = self.plane_groups[group as usize].winner(r!(x), r!(y));
                    r!(PREDICTION) = i64::from(point.token);
                }
                Op::CandidateLine { group, x, base } => {
                    let line = self.line_groups[group as usize].winner(r!(x));
                    let logit = r!(base).wrapping_add(line.at(r!(x)));
                    beat(regs, line.token, logit);
                }
                Op::CandidatePlane { group, x, y, base } => {
                    let point = self.plane_groups[group as usize].winner(r!(x), r!(y));
                    let logit = r!(base).wrapping_add(point.at(r!(x), r!(y)));
                    beat(regs, point.token, logit);
                }
            }
        }
        Ok(())
    }
}

/// Predicts a token if its logit is the greatest so far, or as great with a lower id.
fn beat(regs: &mut [i64; REGISTERS], token: u32, logit: i64) {
    let token = i64::from(token);
    if logit > regs[BEST as usize]
        || (logit == regs[BEST as usize] && token < regs[PREDICTION as usize])
    {
        regs[BEST as usize] = logit;
        regs[PREDICTION as usize] = token;
    }
}

const _: () = assert!((FIRST as usize) < REGISTERS);
