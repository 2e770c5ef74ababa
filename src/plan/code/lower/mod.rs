//! From rebuilt expressions to operations.
//!
//! A memory is always written before it is asked, for a position attends to itself as well:
//! an item is emitted when something first asks for it, or at the end. Whatever an
//! expression, an atom or an item was lowered to is kept, and found when it comes again.

mod linear;

use rustc_hash::FxHashMap;

use super::compiler::Compiler;
use super::liveness::Needed;
use super::op::{BEST, FIRST, Op, POSITION, Reg, SELECTED, ZERO};
use super::specialise::{Known, Specialiser};
use crate::plan::expression::affine::Affine;
use crate::plan::expression::atom::Atom;
use crate::plan::ids::{AtomId, ColumnId, LatchId, SumId, TableId};
use crate::plan::limits::MAX_REGISTER;
use crate::plan::{Plan, Refusal};

/// One piece of code in the making.
pub(super) struct Lowering<'c, 'p> {
    pub(super) plan: &'p Plan,
    known: Known,
    pub(super) special: Specialiser<'p>,
    pub(super) compiler: &'c mut Compiler<'p>,
    pub(super) ops: Vec<Op>,
    /// The next register that nothing is in.
    free: usize,
    /// Items that are up to date.
    done: Needed,
    /// What is in registers already.
    atoms: FxHashMap<AtomId, Reg>,
    affines: FxHashMap<Affine, Reg>,
    finds: FxHashMap<(TableId, Affine, Affine), (Reg, Reg)>,
    /// Sums of several terms in registers, the longest first.
    sums: Vec<(Affine, Reg)>,
    /// Why code cannot be made, if it cannot.
    pub(super) refusal: Refusal,
}

impl<'c, 'p> Lowering<'c, 'p> {
    /// Nothing yet, for code that runs when `known` holds and after `done` is up to date.
    pub(super) fn new(compiler: &'c mut Compiler<'p>, known: Known, done: Needed) -> Self {
        let plan = compiler.plan;
        let feature_bounds = compiler.feature_bounds(known.class);
        Lowering {
            plan,
            known,
            special: Specialiser::new(plan, known, feature_bounds, compiler.leaves_zero.clone()),
            compiler,
            ops: Vec::new(),
            free: plan.first_free(),
            done,
            atoms: FxHashMap::default(),
            affines: FxHashMap::default(),
            finds: FxHashMap::default(),
            sums: Vec::new(),
            refusal: Refusal::Coefficient,
        }
    }

    /// The code, if it could be made.
    pub(super) fn finish(self, made: Option<()>) -> Result<Vec<Op>, Refusal> {
        let refusal = if self.special.arena.is_exhausted() { Refusal::Work } else { self.refusal };
        let work = self.special.arena.work() + self.ops.len() as u64;
        self.compiler.keep(self.known.class, self.special.arena.feature_bounds, work);
        made.map(|()| self.ops).ok_or(refusal)
    }

    fn reg(&mut self) -> Option<Reg> {
        self.free += 1;
        let reg = Reg::try_from(self.free - 1).ok();
        if reg.is_none() {
            self.refusal = Refusal::Registers;
        }
        reg
    }

    /// Leaves the selected place in its register, if it is in none yet.
    pub(super) fn select(&mut self) -> Option<()> {
        if let Some(place) = self.plan.selects()
            && self.plan.selected() == SELECTED
        {
            let place = self.special.affine(place)?;
            let from = self.affine(&place)?;
            self.ops.push(Op::AddConst { dst: SELECTED, a: from, k: 0 });
        }
        Some(())
    }

    /// Brings up to date whatever is wanted and not yet done.
    pub(super) fn remaining(&mut self, wanted: &Needed) -> Option<()> {
        let items = &self.plan.items;
        let sums = items.sums.keys().filter(|&sum| wanted.sums.contains(sum));
        sums.into_iter().try_for_each(|sum| self.sum(sum))?;
        let latches = items.latches.keys().filter(|&latch| wanted.latches.contains(latch));
        latches.into_iter().try_for_each(|latch| self.latch(latch))?;
        let tables = items.tables.keys().filter(|&table| wanted.tables.contains(table));
        tables.into_iter().try_for_each(|table| self.table(table))?;
        let columns = items.columns.keys().filter(|&column| wanted.columns.contains(column));
        columns.into_iter().try_for_each(|column| self.column(column))
    }

    fn sum(&mut self, sum: SumId) -> Option<()> {
        if self.done.sums.insert(sum) {
            let summand = self.special.affine(&self.plan.items.sums[sum])?;
            let sum = self.plan.sum(sum);
            match summand.as_constant() {
                Some(0) => {}
                Some(k) => self.ops.push(Op::AccumulateConst { sum, k }),
                None => {
                    let a = self.affine(&summand)?;
                    self.ops.push(Op::Accumulate { sum, a });
                }
            }
        }
        Some(())
    }

    /// A count of reasons against: `Some(true)` when it is always 0, `Some(false)` when never.
    fn always(&mut self, dead: &Affine) -> Option<bool> {
        let bounds = self.special.arena.bounds(dead);
        if bounds.as_point() == Some(0) {
            Some(true)
        } else if bounds.low > 0 {
            Some(false)
        } else {
            None
        }
    }

    fn latch(&mut self, latch: LatchId) -> Option<()> {
        if self.done.latches.insert(latch) {
            let dead = self.special.affine(&self.plan.items.latches[latch])?;
            let latch = self.plan.latch(latch);
            match self.always(&dead) {
                Some(true) => self.ops.push(Op::AddConst { dst: latch, a: POSITION, k: 0 }),
                Some(false) => {}
                None => {
                    let dead = self.affine(&dead)?;
                    self.ops.push(Op::SetLatch { latch, dead });
                }
            }
        }
        Some(())
    }

    fn table(&mut self, id: TableId) -> Option<()> {
        if self.done.tables.insert(id) {
            let item = &self.plan.items.tables[id];
            let dead = self.special.affine(&item.dead)?;
            let table = id.as_u32() as u16;
            match self.always(&dead) {
                Some(false) => {}
                always => {
                    let number = self.special.affine(&item.number)?;
                    let (key, k) = self.affine_and_constant(&number)?;
                    let dead = if always.is_some() { ZERO } else { self.affine(&dead)? };
                    let op = match item.hull.as_ref().and_then(|hull| hull.steps.as_ref()) {
                        Some(steps) => {
                            let steps = self.special.affine(steps)?;
                            let steps = self.affine(&steps)?;
                            Op::InsertInexact { table, key, k, dead, steps }
                        }
                        None if dead == ZERO => Op::Insert { table, key, k },
                        None => Op::InsertUnless { table, key, k, dead },
                    };
                    self.ops.push(op);
                }
            }
        }
        Some(())
    }

    fn column(&mut self, column: ColumnId) -> Option<()> {
        if self.done.columns.insert(column) {
            let value = self.special.affine(&self.plan.items.columns[column].value)?;
            let a = self.affine(&value)?;
            self.ops.push(Op::Push { column: column.as_u32() as u16, a });
        }
        Some(())
    }

    fn emit(&mut self, op: impl FnOnce(Reg) -> Op) -> Option<Reg> {
        let dst = self.reg()?;
        self.ops.push(op(dst));
        Some(dst)
    }

    fn atom(&mut self, id: AtomId) -> Option<Reg> {
        if let Some(&reg) = self.atoms.get(&id) {
            return Some(reg);
        }
        let reg = match self.special.arena.atom(id).clone() {
            Atom::Position => POSITION,
            Atom::Feature { .. } | Atom::Function { .. } | Atom::Age(_) => {
                self.affine(&Affine::atom(id))?
            }
            Atom::Clamped(place) => {
                let (a, k) = self.affine_and_constant(&place)?;
                self.emit(|dst| Op::Clamp { dst, a, k })?
            }
            Atom::Sum(sum) => {
                self.sum(sum)?;
                self.plan.sum(sum)
            }
            Atom::SumSteps(sum) => {
                self.sum(sum)?;
                let sum = self.plan.sum(sum);
                self.emit(|dst| Op::SumSteps { dst, sum })?
            }
            Atom::Found { table, query, steps } | Atom::FoundKey { table, query, steps } => {
                self.find(id, table, query, steps)?
            }
            Atom::Column { column, place } => {
                self.column(column)?;
                let at = self.affine(&place)?;
                self.emit(|dst| Op::Take { dst, column: column.as_u32() as u16, at })?
            }
            Atom::Piece { gate, factor, knots } => self.piece(id, &gate, &factor, &knots)?,
            Atom::Rounded { affine, shift } => {
                let a = self.affine(&affine)?;
                self.emit(|dst| Op::Round { dst, a, shift })?
            }
            Atom::Whole { affine, shift } => {
                let a = self.affine(&affine)?;
                self.emit(|dst| Op::Divide { dst, a, shift })?
            }
            Atom::Guarded(affine) => {
                let a = self.affine(&affine)?;
                self.ops.push(Op::Guard { a });
                a
            }
            Atom::Count(affine) => {
                let a = self.affine(&affine)?;
                self.ops.push(Op::GuardCount { a });
                a
            }
        };
        self.atoms.insert(id, reg);
        Some(reg)
    }

    /// Position and key are found together.
    fn find(&mut self, id: AtomId, table: TableId, query: Affine, steps: Affine) -> Option<Reg> {
        let position = matches!(self.special.arena.atom(id), Atom::Found { .. });
        let pick = |(dst, found): (Reg, Reg)| if position { dst } else { found };
        let found = (table, query, steps);
        if let Some(&both) = self.finds.get(&found) {
            return Some(pick(both));
        }
        self.table(table)?;
        let (_, query, steps) = &found;
        let (key, k) = self.affine_and_constant(query)?;
        let steps = match &self.plan.items.tables[table].hull {
            Some(_) => self.affine(steps)?,
            None => ZERO,
        };
        let nearest = self.reg()?;
        let table = table.as_u32() as u16;
        let dst = self.emit(|dst| Op::Find { dst, found: nearest, table, key, k, steps })?;
        let found = self.finds.entry(found).or_insert((dst, nearest));
        let (dst, found) = *found;
        Some(pick((dst, found)))
    }

    fn piece(
        &mut self,
        id: AtomId,
        gate: &Affine,
        factor: &Affine,
        knots: &[(i64, i64)],
    ) -> Option<Reg> {
        let gate = self.affine(gate)?;
        let open = match knots {
            &[(k, 1)] => self.emit(|dst| Op::Relu { dst, gate, k })?,
            &[(j, -1), (k, 1)] if j == k - 1 => self.emit(|dst| Op::Step { dst, gate, k })?,
            &[(i, 1), (j, -2), (k, 1)] if j == i + 1 && k == j + 1 => {
                self.emit(|dst| Op::IsZero { dst, gate, k: j })?
            }
            knots => {
                let mut sum = ZERO;
                for &(k, c) in knots {
                    let open = self.emit(|dst| Op::Relu { dst, gate, k })?;
                    sum = self.emit(|dst| Op::MulAdd { dst, a: sum, b: open, k: c })?;
                }
                sum
            }
        };
        if factor.as_constant() == Some(1) {
            return Some(open);
        }
        let factor = self.affine(factor)?;
        let overflows = !self.special.arena.atom_bounds(id).is_within(MAX_REGISTER);
        self.emit(|dst| {
            if overflows {
                Op::MulSaturating { dst, a: open, b: factor }
            } else {
                Op::Mul { dst, a: open, b: factor }
            }
        })
    }

    /// Checks the products and fractions that logits depend on, where bounds do not prove them: of
    /// this step only if it `predicts`, or if later ones depend on them (lemma 8).
    pub(super) fn guards(&mut self, predicts: bool) -> Option<()> {
        let output = &self.plan.output;
        let own = output.guards_of_predictions.iter().filter(|_| predicts);
        for guard in output.guards.iter().chain(own) {
            let guard = self.special.affine(guard)?;
            let arena = &self.special.arena;
            let guarded = |&(atom, _): &(AtomId, i64)| {
                matches!(arena.atom(atom), Atom::Guarded(_) | Atom::Whole { .. })
            };
            if guard.terms.iter().any(guarded) {
                self.affine(&guard)?;
            }
        }
        Some(())
    }
}

const _: () = assert!(BEST < FIRST && SELECTED < FIRST);

#[cfg(test)]
mod tests;
