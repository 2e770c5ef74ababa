//! Operations executed as their descriptions say, for tests: tables are lists that are searched.

use std::cmp::Reverse;

use super::op::{BEST, CEILING, FIRST, Op, POSITION, PREDICTION, Reg};
use crate::plan::expression::mean;
use crate::plan::{MAX_COUNT, MAX_PRODUCT, MAX_SUM, Plan, round};

/// What a table has, in the order of positions: keys with their positions.
type Entries = Vec<(i64, usize)>;

/// A plan's state along a history.
#[derive(Clone)]
pub struct Machine<'p> {
    plan: &'p Plan,
    /// All tokens.
    pub history: Vec<usize>,
    /// All registers.
    pub registers: Vec<i64>,
    /// Tables.
    pub tables: Vec<Entries>,
    /// By column, what it holds.
    pub columns: Vec<Vec<i64>>,
}

impl<'p> Machine<'p> {
    /// After the opening token.
    pub fn new(plan: &'p Plan) -> Machine<'p> {
        Machine {
            plan,
            history: vec![plan.bos().index()],
            registers: vec![0; 1 << 16],
            tables: plan.tables().map(|_| vec![(0, 0)]).collect(),
            columns: plan.columns().map(|first| vec![first]).collect(),
        }
    }

    /// Takes a token.
    pub fn push(&mut self, token: usize) {
        self.history.push(token);
        self.registers[usize::from(POSITION)] = self.history.len() as i64 - 1;
    }

    /// What a step leaves behind: sums and latches, tables and columns.
    pub fn state(&self) -> (&[i64], &[Entries], &[Vec<i64>]) {
        (&self.registers[usize::from(FIRST)..self.plan.first_free()], &self.tables, &self.columns)
    }

    fn beat(&mut self, token: u32, logit: i64) {
        let (best, token) = (self.registers[usize::from(BEST)], i64::from(token));
        let prediction = self.registers[usize::from(PREDICTION)];
        if logit > best || (logit == best && token < prediction) {
            self.registers[usize::from(BEST)] = logit;
            self.registers[usize::from(PREDICTION)] = token;
        }
    }

    /// Runs code; `None` where a guard fails.
    pub fn run(&mut self, code: &[Op], tables: &[i64]) -> Option<()> {
        let last = self.history.len() - 1;
        let vocabulary = self.plan.classes().len();
        let place = |at: i64| at.clamp(0, last as i64) as usize;
        for op in code {
            let get = |reg: Reg| self.registers[usize::from(reg)];
            let (dst, value) = match *op {
                Op::Set { dst, k } => (dst, k),
                Op::AddConst { dst, a, k } => (dst, get(a).wrapping_add(k)),
                Op::Add { dst, a, b } => (dst, get(a).wrapping_add(get(b))),
                Op::Sub { dst, a, b } => (dst, get(a).wrapping_sub(get(b))),
                Op::MulAdd { dst, a, b, k } => (dst, get(a).wrapping_add(get(b).wrapping_mul(k))),
                Op::Mul { dst, a, b } => (dst, get(a).wrapping_mul(get(b))),
                Op::MulSaturating { dst, a, b } => (dst, get(a).saturating_mul(get(b))),
                Op::Round { dst, a, shift } => (dst, round(get(a), shift)),
                Op::Divide { dst, a, shift } => {
                    (get(a) % (1 << shift) == 0).then_some(())?;
                    (dst, get(a) >> shift)
                }
                Op::Guard { a } => {
                    (get(a).unsigned_abs() <= MAX_PRODUCT.unsigned_abs()).then_some(())?;
                    continue;
                }
                Op::GuardCount { a } => {
                    (get(a) <= MAX_COUNT).then_some(())?;
                    continue;
                }
                Op::Read { dst, a, k, table, count, at, offset } => {
                    let first = get(at).saturating_add(offset.into());
                    let read = |i: usize| {
                        let token = self.history[place(first.saturating_sub(i as i64))];
                        tables[(usize::from(table) + i) * vocabulary + token]
                    };
                    let features = (0..usize::from(count)).map(read).fold(0, i64::wrapping_add);
                    (dst, get(a).wrapping_add(k.into()).wrapping_add(features))
                }
                Op::Lookup { dst, a, table, last, at, offset } => {
                    let place = get(at).saturating_add(offset.into()).clamp(0, last.into());
                    let value = tables[usize::from(table) * vocabulary + place as usize];
                    (dst, get(a).wrapping_add(value))
                }
                Op::Clamp { dst, a, k } => (dst, place(get(a).wrapping_add(k.into())) as i64),
                Op::SumSteps { dst, sum } => (dst, mean::steps(get(sum), last as i64)),
                Op::Relu { dst, gate, k } => (dst, get(gate).wrapping_add(k).max(0)),
                Op::Step { dst, gate, k } => (dst, get(gate).wrapping_add(k).clamp(0, 1)),
                Op::IsZero { dst, gate, k } => (dst, (get(gate).wrapping_add(k) == 0).into()),
                Op::Find { dst, found, table, key, k, .. } => {
                    let key = get(key).wrapping_add(k.into());
                    let live = self.tables[usize::from(table)].iter();
                    let nearest =
                        live.min_by_key(|entry| (entry.0.abs_diff(key), Reverse(entry.1)))?;
                    let (key, position) = *nearest;
                    self.registers[usize::from(found)] = key;
                    (dst, position as i64)
                }
                Op::Insert { table, key, k } => {
                    let key = get(key).wrapping_add(k.into());
                    self.tables[usize::from(table)].push((key, last));
                    continue;
                }
                Op::InsertUnless { table, key, k, dead }
                | Op::InsertInexact { table, key, k, dead, .. } => {
                    let (key, dead) = (get(key).wrapping_add(k.into()), get(dead));
                    (dead >= 0).then_some(())?;
                    if dead == 0 {
                        self.tables[usize::from(table)].push((key, last));
                    }
                    continue;
                }
                Op::Accumulate { sum, a } => (sum, get(sum).wrapping_add(get(a))),
                Op::AccumulateConst { sum, k } => (sum, get(sum).wrapping_add(k)),
                Op::SetLatch { latch, dead } => match get(dead) {
                    0 => (latch, last as i64),
                    1.. => continue,
                    _ => return None,
                },
                Op::Push { column, a } => {
                    let value = get(a);
                    self.columns[usize::from(column)].push(value);
                    continue;
                }
                Op::Take { dst, column, at } => {
                    (dst, self.columns[usize::from(column)][place(get(at))])
                }
                Op::Predict { token } => (PREDICTION, token.into()),
                Op::PickLine { group, x } => {
                    let group = &self.plan.line_groups()[usize::from(group)];
                    (PREDICTION, group.winner(get(x)).token.into())
                }
                Op::Either { above, below, x, by, k } => {
                    let group = if get(by) + i64::from(k) > 0 { above } else { below };
                    let group = &self.plan.line_groups()[usize::from(group)];
                    (PREDICTION, group.winner(get(x)).token.into())
                }
                Op::PickPlane { group, x, y } => {
                    let group = &self.plan.plane_groups()[usize::from(group)];
                    (PREDICTION, group.winner(get(x), get(y)).token.into())
                }
                Op::CandidateLine { group, x, base } => {
                    let line = self.plan.line_groups()[usize::from(group)].winner(get(x));
                    let logit = get(base).wrapping_add(line.at(get(x)));
                    self.beat(line.token, logit);
                    continue;
                }
                Op::CandidateNear { group, x, base } => {
                    let group = &self.plan.line_groups()[usize::from(group)];
                    let (x, base) = (get(x), get(base));
                    let best = get(BEST);
                    let line = group.winner(x);
                    let logit = base.wrapping_add(line.at(x));
                    let runner = group.margin(x).map_or(i64::MIN, |margin| logit - margin);
                    self.beat(line.token, logit);
                    let wins = self.registers[usize::from(PREDICTION)] == i64::from(line.token);
                    let others = if wins { best.max(runner) } else { logit };
                    let ceiling = &mut self.registers[usize::from(CEILING)];
                    *ceiling = others.max(*ceiling);
                    continue;
                }
                Op::Apart { off, shift } => {
                    let apart = i128::from(get(BEST)) - i128::from(get(CEILING));
                    let off = i128::from(get(off));
                    (off == 0 || apart << shift > off).then_some(())?;
                    continue;
                }
                Op::CandidatePlane { group, x, y, base } => {
                    let point = self.plan.plane_groups()[usize::from(group)].winner(get(x), get(y));
                    let logit = get(base).wrapping_add(point.at(get(x), get(y)));
                    self.beat(point.token, logit);
                    continue;
                }
            };
            self.registers[usize::from(dst)] = value;
            if matches!(op, Op::Accumulate { .. } | Op::AccumulateConst { .. }) {
                (0..=MAX_SUM).contains(&value).then_some(())?;
            }
        }
        Some(())
    }
}
