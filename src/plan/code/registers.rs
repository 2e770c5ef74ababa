//! Which register holds what, for as long as a history goes on: after those of every plan
//! (`op.rs`), one for each running sum, then one for each latch, then those of a step.

use cranelift_entity::EntityRef;

use super::op::{FIRST, Reg, SELECTED};
use crate::plan::Plan;
use crate::plan::expression::affine::Affine;
use crate::plan::expression::atom::Atom;
use crate::plan::ids::{LatchId, SumId};

impl Plan {
    /// The register with the selected place, or the value of which classes are made.
    pub(crate) fn selected(&self) -> Reg {
        let place = self.selects().and_then(Affine::single);
        match place.map(|(atom, k)| (self.arena.atom(atom), k)) {
            Some((Atom::Sum(sum), 1)) => self.sum(*sum),
            _ => SELECTED,
        }
    }

    /// The expression of the selected place, or of the value of which classes are made.
    pub(super) fn selects(&self) -> Option<&Affine> {
        self.live.rows.as_ref().map(|rows| &rows.of).or(self.live.selector.as_ref())
    }

    /// The running sum of which classes of values are made, if it is one.
    pub(crate) fn summed_rows(&self) -> Option<SumId> {
        let (atom, k) = self.live.rows.as_ref()?.of.single()?;
        match self.arena.atom(atom) {
            Atom::Sum(sum) if k == 1 => Some(*sum),
            _ => None,
        }
    }

    /// The register of the latch by whose age code is specialised.
    pub(crate) fn aged(&self) -> Option<Reg> {
        self.live.age.map(|latch| self.latch(latch))
    }

    /// The registers of latches, whose age is guarded.
    pub(crate) fn latches(&self) -> Vec<Reg> {
        let needed = &self.live.needed.latches;
        let latches = self.items.latches.keys().filter(|&latch| needed.contains(latch));
        latches.map(|latch| self.latch(latch)).collect()
    }

    /// The registers of running sums that are needed.
    pub(crate) fn sums(&self) -> impl Iterator<Item = Reg> {
        let needed = &self.live.needed.sums;
        self.items.sums.keys().filter(|&sum| needed.contains(sum)).map(|sum| self.sum(sum))
    }

    /// The register of a running sum.
    pub(crate) fn sum(&self, sum: SumId) -> Reg {
        FIRST + sum.index() as Reg
    }

    /// The register of a latch: the position at which it was set.
    pub(crate) fn latch(&self, latch: LatchId) -> Reg {
        FIRST + (self.items.sums.len() + latch.index()) as Reg
    }

    /// The first register that is a step's own.
    pub(crate) fn first_free(&self) -> usize {
        FIRST as usize + self.items.sums.len() + self.items.latches.len()
    }
}
