//! Linear expressions: a constant and terms, as few additions as may be.
//!
//! Taken out of an expression are, in this order: sums that are in registers already, the
//! longest first; single terms; features, all those of one token by one table; the constant,
//! which is where the sum begins if it has no terms.

use super::Lowering;
use crate::plan::code::{Op, POSITION, Reg, TokenTable, ZERO};
use crate::plan::lin::{AtomId, Lin};
use crate::plan::term::{Arena, Atom};

/// Features of one token, with coefficients.
type Columns = Vec<(usize, i64)>;

impl Lowering<'_, '_> {
    /// A register that holds a rebuilt expression.
    pub(in crate::plan) fn lin(&mut self, lin: &Lin) -> Option<Reg> {
        if let Some((atom, 1)) = lin.single()
            && !matches!(self.special.arena.atom(atom), Atom::Feature { .. } | Atom::Age(_))
        {
            return self.atom(atom);
        }
        if lin.as_constant() == Some(0) {
            return Some(ZERO);
        }
        if let Some(&reg) = self.lins.get(lin) {
            return Some(reg);
        }
        let reg = self.sum_of(lin)?;
        self.lins.insert(lin.clone(), reg);
        if lin.terms.len() > 1 {
            let at = self.sums.partition_point(|known| known.0.terms.len() >= lin.terms.len());
            self.sums.insert(at, (lin.clone(), reg));
        }
        Some(reg)
    }

    /// Takes sums that are in registers already out of an expression.
    fn known_sums(&self, lin: &Lin) -> (Lin, Vec<(Reg, i64)>) {
        let mut rest = lin.clone();
        let mut taken = Vec::new();
        for (known, reg) in &self.sums {
            let of =
                |atom: AtomId| rest.terms.iter().find(|term| term.0 == atom).map(|term| term.1);
            let (first, k) = known.terms[0];
            let Some(times) = of(first).filter(|have| have % k == 0).map(|have| have / k) else {
                continue;
            };
            if known
                .terms
                .iter()
                .all(|&(atom, k)| k.checked_mul(times).is_some_and(|k| of(atom) == Some(k)))
                && let Some(without) = rest.plus(known, -times)
            {
                rest = without;
                taken.push((*reg, times));
            }
        }
        (rest, taken)
    }

    /// Emits the additions of an expression.
    fn sum_of(&mut self, lin: &Lin) -> Option<Reg> {
        let (rest, mut terms) = self.known_sums(lin);
        let reads = self.terms(&rest, &mut terms)?;
        terms.retain(|term| term.1 != 0);
        // Those with coefficient 1 first: the first of them needs no operation.
        terms.sort_by_key(|term| (term.1 != 1, term.0));
        let mut sum = ZERO;
        for (reg, k) in terms {
            sum = match (sum, k) {
                (ZERO, 1) => reg,
                (_, 1) => self.emit(|dst| Op::Add { dst, a: sum, b: reg })?,
                (_, -1) => self.emit(|dst| Op::Sub { dst, a: sum, b: reg })?,
                _ => self.emit(|dst| Op::MulAdd { dst, a: sum, b: reg, k })?,
            };
        }
        let mut constant = rest.c;
        if constant != 0 && sum == ZERO {
            sum = self.emit(|dst| Op::Set { dst, k: constant })?;
            constant = 0;
        }
        for (place, columns) in reads {
            sum = self.add_features(place, columns, sum)?;
        }
        if constant != 0 {
            sum = self.emit(|dst| Op::AddConst { dst, a: sum, k: constant })?;
        }
        Some(sum)
    }

    /// Adds the terms of an expression to registers with coefficients. Features that are in no
    /// register are left over, with those of one place together.
    fn terms(&mut self, lin: &Lin, terms: &mut Vec<(Reg, i64)>) -> Option<Vec<(Lin, Columns)>> {
        let mut reads: Vec<(Lin, Columns)> = Vec::new();
        let mut add = |reg: Reg, k: i64| match terms.iter_mut().find(|term| term.0 == reg) {
            Some(term) => term.1 += k,
            None => terms.push((reg, k)),
        };
        for &(atom, k) in &lin.terms {
            match self.special.arena.atom(atom).clone() {
                Atom::Feature { .. } if self.atoms.contains_key(&atom) => add(self.atoms[&atom], k),
                Atom::Feature { place, column } => {
                    match reads.iter_mut().find(|known| known.0 == place) {
                        Some(known) => known.1.push((column, k)),
                        None => reads.push((place, vec![(column, k)])),
                    }
                }
                Atom::Age(age) => {
                    self.age(age)?;
                    add(POSITION, k);
                    add(self.plan.mark(age), -k);
                }
                _ => {
                    let reg = self.atom(atom)?;
                    add(reg, k);
                }
            }
        }
        Some(reads)
    }

    /// sum + features of the token at a place: one table has them all.
    fn add_features(&mut self, place: Lin, mut columns: Columns, sum: Reg) -> Option<Reg> {
        columns.sort_unstable();
        let single = match columns[..] {
            [(column, 1)] if sum == ZERO => Some(column),
            _ => None,
        };
        let table = self.compiler.table(columns)?;
        let sum = self.read(&place, table, sum)?;
        if let Some(column) = single
            && let Some((id, 1)) = self.special.arena.feature(place, column).single()
        {
            self.atoms.insert(id, sum);
        }
        Some(sum)
    }

    /// sum + what a table has for the token at a place.
    fn read(&mut self, place: &Lin, table: TokenTable, sum: Reg) -> Option<Reg> {
        if let Some(ahead) = place.plus(&Arena::position(), -1)?.as_constant()
            && let Ok(back) = u32::try_from(-ahead.min(0))
        {
            return self.emit(|dst| Op::Back { dst, a: sum, table, back });
        }
        let (at, offset) = match i32::try_from(place.c) {
            Ok(offset) => (self.lin(&place.without_constant())?, offset),
            Err(_) => (self.lin(place)?, 0),
        };
        self.emit(|dst| Op::Read { dst, a: sum, table, at, offset })
    }
}
