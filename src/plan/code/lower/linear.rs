//! Linear expressions: a constant and terms, as few additions as may be.
//!
//! Taken out of an expression are, in this order: sums that are in registers already, the
//! longest first; single terms; features, all those of one token by one table, and neighbouring
//! tokens, such as the bytes of a word, by one operation. The constant is part of an operation
//! that is there anyway, where it fits.

use super::Lowering;
use crate::plan::Refusal;
use crate::plan::code::compiler::Looked;
use crate::plan::code::op::{Op, POSITION, Reg, ZERO};
use crate::plan::expression::affine::Affine;
use crate::plan::expression::atom::Atom;
use crate::plan::expression::feature_bounds::Columns;
use crate::plan::expression::function::{Functions, are_near};
use crate::plan::ids::AtomId;

/// What is read of the values of tokens and functions.
#[derive(Default)]
struct Values {
    /// Features, by place.
    reads: Vec<(Affine, Columns)>,
    /// Functions, by what they are of.
    functions: Vec<(Affine, Functions)>,
}

/// What is read of the token so far from a register.
struct Reading {
    at: Reg,
    offset: i16,
    columns: Columns,
}

impl Lowering<'_, '_> {
    /// A register that holds a rebuilt expression.
    pub fn affine(&mut self, affine: &Affine) -> Option<Reg> {
        if let Some((atom, 1)) = affine.single()
            && !matches!(
                self.special.arena.atom(atom),
                Atom::Feature { .. } | Atom::Function { .. } | Atom::Age(_)
            )
        {
            return self.atom(atom);
        }
        if affine.as_constant() == Some(0) {
            return Some(ZERO);
        }
        if let Some(&reg) = self.affines.get(affine) {
            return Some(reg);
        }
        let reg = self.sum_of(affine)?;
        self.affines.insert(affine.clone(), reg);
        if affine.terms.len() > 1 {
            let at = self.sums.partition_point(|known| known.0.terms.len() >= affine.terms.len());
            self.sums.insert(at, (affine.clone(), reg));
        }
        Some(reg)
    }

    /// Takes sums that are in registers already out of an expression.
    fn known_sums(&self, affine: &Affine) -> (Affine, Vec<(Reg, i64)>) {
        let mut rest = affine.clone();
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
    fn sum_of(&mut self, affine: &Affine) -> Option<Reg> {
        let (rest, mut terms) = self.known_sums(affine);
        let Values { reads, functions } = self.terms(&rest, &mut terms)?;
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
        for (of, functions) in functions {
            sum = self.lookup(sum, &of, functions)?;
        }
        if reads.is_empty() {
            return match (sum, rest.c) {
                (_, 0) => Some(sum),
                (ZERO, k) => self.emit(|dst| Op::Set { dst, k }),
                (a, k) => self.emit(|dst| Op::AddConst { dst, a, k }),
            };
        }
        self.features(reads, sum, rest.c)
    }

    /// Adds the terms of an expression to registers with coefficients. Features that are in no
    /// register are left over, with those of one place together, and functions, with those of one expression.
    fn terms(&mut self, affine: &Affine, terms: &mut Vec<(Reg, i64)>) -> Option<Values> {
        let Values { mut reads, mut functions } = Values::default();
        let mut add = |reg: Reg, k: i64| match terms.iter_mut().find(|term| term.0 == reg) {
            Some(term) => term.1 = term.1.wrapping_add(k),
            None => terms.push((reg, k)),
        };
        for &(atom, k) in &affine.terms {
            match self.special.arena.atom(atom).clone() {
                Atom::Feature { .. } if self.atoms.contains_key(&atom) => add(self.atoms[&atom], k),
                Atom::Feature { place, feature } => {
                    match reads.iter_mut().find(|known| known.0 == place) {
                        Some(known) => known.1.push((feature, k)),
                        None => reads.push((place, vec![(feature, k)])),
                    }
                }
                Atom::Function { .. } if self.atoms.contains_key(&atom) => {
                    add(self.atoms[&atom], k);
                }
                Atom::Function { of, function } => {
                    let joins = |(known, all): &&mut (Affine, Functions)| {
                        let together = all.iter().map(|term| &term.0).chain([&function]);
                        *known == of && are_near(together)
                    };
                    match functions.iter_mut().find(joins) {
                        Some(known) => known.1.push((function, k)),
                        None => functions.push((of, vec![(function, k)])),
                    }
                }
                Atom::Age(latch) => {
                    self.latch(latch)?;
                    add(POSITION, k);
                    add(self.plan.latch(latch), -k);
                }
                _ => {
                    let reg = self.atom(atom)?;
                    add(reg, k);
                }
            }
        }
        Some(Values { reads, functions })
    }

    /// sum + functions of one expression, in one operation.
    fn lookup(&mut self, a: Reg, of: &Affine, functions: Functions) -> Option<Reg> {
        let at = self.affine(of)?;
        let Some(Looked { table, from, last }) = self.compiler.functions(functions) else {
            self.refusal = Refusal::TokenTables;
            return None;
        };
        self.emit(|dst| Op::Lookup { dst, a, table, last, at, offset: -from })
    }

    /// sum + k + features of tokens at places.
    fn features(&mut self, reads: Vec<(Affine, Columns)>, sum: Reg, k: i64) -> Option<Reg> {
        if let [(place, columns)] = &reads[..]
            && let [(feature, 1)] = columns[..]
            && (sum, k) == (ZERO, 0)
            && let Some((id, 1)) = self.special.arena.feature(place.clone(), feature).single()
        {
            let dst = self.read(reads, sum, 0)?;
            self.atoms.insert(id, dst);
            return Some(dst);
        }
        match i32::try_from(k) {
            Ok(k) => self.read(reads, sum, k),
            Err(_) => {
                let sum = self.emit(|dst| Op::AddConst { dst, a: sum, k })?;
                self.read(reads, sum, 0)
            }
        }
    }

    /// The same, where each run of neighbouring places takes one operation.
    fn read(&mut self, reads: Vec<(Affine, Columns)>, mut sum: Reg, mut k: i32) -> Option<Reg> {
        let mut readings = Vec::with_capacity(reads.len());
        for (place, mut columns) in reads {
            columns.sort_unstable();
            let (at, offset) = self.place(&place)?;
            readings.push(Reading { at, offset, columns });
        }
        readings.sort_by_key(|reading| (reading.at, -i32::from(reading.offset)));
        let neighbours = |a: &Reading, b: &Reading| {
            a.at == b.at && i32::from(a.offset) - 1 == i32::from(b.offset)
        };
        for runs in readings.chunk_by(neighbours) {
            for run in runs.chunks(usize::from(u8::MAX)) {
                let Reading { at, offset, .. } = run[0];
                let columns = run.iter().map(|reading| reading.columns.clone()).collect();
                let Some(table) = self.compiler.tables(columns) else {
                    self.refusal = Refusal::TokenTables;
                    return None;
                };
                let count = run.len() as u8;
                let a = sum;
                sum = self.emit(|dst| Op::Read { dst, a, k, table, count, at, offset })?;
                k = 0;
            }
        }
        Some(sum)
    }

    /// A place, as so far from a register.
    fn place(&mut self, place: &Affine) -> Option<(Reg, i16)> {
        match i16::try_from(place.c) {
            Ok(offset) => Some((self.affine(&place.without_constant())?, offset)),
            Err(_) => Some((self.affine(place)?, 0)),
        }
    }

    /// An expression, as a register and what is to be added to it.
    pub(super) fn affine_and_constant(&mut self, affine: &Affine) -> Option<(Reg, i32)> {
        match i32::try_from(affine.c) {
            Ok(k) if !self.affines.contains_key(affine) => {
                Some((self.affine(&affine.without_constant())?, k))
            }
            _ => Some((self.affine(affine)?, 0)),
        }
    }
}
