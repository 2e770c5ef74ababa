//! Bounds of atoms, derived again from the bounds of their parts.
//!
//! The derivation shares nothing with the arena's: features are enumerated token by token, a
//! piece is evaluated at every corner and knot, everything is checked 128-bit arithmetic that
//! gives up rather than saturate.

use std::collections::BTreeMap;

use crate::plan::Plan;
use crate::plan::expression::affine::Affine;
use crate::plan::expression::arena::Arena;
use crate::plan::expression::atom::Atom;
use crate::plan::ids::{AtomId, FeatureId};
use crate::plan::limits::{MAX_AGE, MAX_COUNT, MAX_PRODUCT, MAX_REGISTER, MAX_SUM};

/// Least and greatest value.
type Range = (i128, i128);

/// What was derived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Derived {
    /// Atoms whose bounds follow from those of their parts.
    pub atoms: usize,
    /// Expressions that fit registers.
    pub expressions: usize,
    /// Claims that could not be derived: what they say, and what follows.
    pub unproved: Vec<String>,
}

/// Derives the bounds of all that the logits of a plan depend on.
pub fn derive(plan: &Plan) -> Derived {
    let mut walk = Walk { plan, derived: Derived::default(), seen: BTreeMap::new() };
    let Plan { items, output, live, .. } = plan;
    let needed = &live.needed;
    for affine in output.roots() {
        walk.expression(affine);
    }
    for (_, affine) in items.sums.iter().filter(|sum| needed.sums.contains(sum.0)) {
        walk.expression(affine);
    }
    for (_, affine) in items.latches.iter().filter(|latch| needed.latches.contains(latch.0)) {
        walk.expression(affine);
    }
    for (_, table) in items.tables.iter().filter(|table| needed.tables.contains(table.0)) {
        walk.expression(&table.number);
        walk.expression(&table.dead);
        if let Some(steps) = table.hull.as_ref().and_then(|hull| hull.steps.as_ref()) {
            walk.expression(steps);
        }
    }
    for (_, column) in items.columns.iter().filter(|column| needed.columns.contains(column.0)) {
        walk.expression(&column.value);
    }
    walk.derived
}

struct Walk<'p> {
    plan: &'p Plan,
    derived: Derived,
    /// Atoms that were derived.
    seen: BTreeMap<AtomId, ()>,
}

impl Walk<'_> {
    /// An expression that operations compute.
    fn expression(&mut self, affine: &Affine) {
        self.atoms_of(affine);
        match self.of(affine) {
            Some((low, high))
                if low >= -i128::from(MAX_REGISTER) && high <= i128::from(MAX_REGISTER) =>
            {
                self.derived.expressions += 1;
            }
            found => self.derived.unproved.push(format!("{affine:?} fits registers: {found:?}")),
        }
    }

    fn atoms_of(&mut self, affine: &Affine) {
        for &(id, _) in &affine.terms {
            if self.seen.insert(id, ()).is_none() {
                let arena = &self.plan.arena;
                for child in arena.atom(id).children() {
                    match (arena.atom(id), child.single()) {
                        // It saturates before it is guarded.
                        (Atom::Guarded(_), Some((product, 1))) if arena.is_unit(product) => {
                            self.atoms_of(child);
                        }
                        _ => self.expression(child),
                    }
                }
                let claim = arena.atom_bounds(id);
                let found = self.atom(arena.atom(id));
                if found.is_some_and(|(low, high)| claim.low <= low && high <= claim.high) {
                    self.derived.atoms += 1;
                } else {
                    let atom = arena.atom(id);
                    self.derived.unproved.push(format!("{atom:?} in {claim:?}: {found:?}"));
                }
            }
        }
    }

    /// Bounds of an expression, where those of its atoms hold.
    fn of(&self, affine: &Affine) -> Option<Range> {
        let arena = &self.plan.arena;
        let (mut low, mut high) = (i128::from(affine.c), i128::from(affine.c));
        let mut places: BTreeMap<_, BTreeMap<i64, Vec<(FeatureId, i64)>>> = BTreeMap::new();
        let mut functions: BTreeMap<_, Vec<(&Atom, i64)>> = BTreeMap::new();
        for &(id, k) in &affine.terms {
            if let Atom::Feature { place, feature } = arena.atom(id) {
                let at = places.entry(place.terms.clone()).or_default();
                at.entry(place.c).or_default().push((*feature, k));
                continue;
            }
            if let atom @ Atom::Function { of, .. } = arena.atom(id) {
                functions.entry((of.terms.clone(), of.c)).or_default().push((atom, k));
                continue;
            }
            let bounds = arena.atom_bounds(id);
            let ends = [bounds.low, bounds.high].map(|end| end.checked_mul(k.into()));
            let [Some(a), Some(b)] = ends else { return None };
            low = low.checked_add(a.min(b))?;
            high = high.checked_add(a.max(b))?;
        }
        for (terms, constants) in places {
            for (c, features) in constants {
                let latest = c == 0 && terms == [(Arena::POSITION, 1)];
                let (least, most) = self.tokens(&features, latest)?;
                low = low.checked_add(least)?;
                high = high.checked_add(most)?;
            }
        }
        for ((terms, c), functions) in functions {
            let (least, most) = self.functions(&Affine { c, terms }, &functions)?;
            low = low.checked_add(least)?;
            high = high.checked_add(most)?;
        }
        Some((low, high))
    }

    /// Bounds of a sum of functions of one expression, over all values of it at which one of them changes.
    fn functions(&self, of: &Affine, terms: &[(&Atom, i64)]) -> Option<Range> {
        let (low, high) = self.of(of)?;
        let mut functions = Vec::new();
        for &(atom, k) in terms {
            let Atom::Function { function, .. } = atom else { return None };
            functions.push((function, i128::from(k)));
        }
        let from = functions.iter().map(|term| i128::from(term.0.from())).min()?;
        let to = functions.iter().map(|term| i128::from(term.0.to())).max()?;
        let mut range: Option<Range> = None;
        for x in (low.max(from)..=high.min(to)).chain([low, high]) {
            let mut sum = 0i128;
            for &(function, k) in &functions {
                sum = sum.checked_add(i128::from(function.at(x)).checked_mul(k)?)?;
            }
            let (least, most) = range.unwrap_or((sum, sum));
            range = Some((least.min(sum), most.max(sum)));
        }
        range
    }

    /// Bounds of a sum of features over all tokens that may stand at a place.
    fn tokens(&self, features: &[(FeatureId, i64)], latest: bool) -> Option<Range> {
        let Plan { features: all, .. } = self.plan;
        let bos = self.plan.single_bos().filter(|_| latest);
        let mut range: Option<Range> = None;
        for token in (0..all.tokens).filter(|&token| bos.is_none_or(|bos| bos.index() != token)) {
            let mut sum = 0i128;
            for &(feature, k) in features {
                let x = i128::from(all.columns[feature][token]);
                sum = sum.checked_add(x.checked_mul(k.into())?)?;
            }
            let (low, high) = range.unwrap_or((sum, sum));
            range = Some((low.min(sum), high.max(sum)));
        }
        range
    }

    /// Bounds of an atom, where those of its parts hold and no guard fails.
    fn atom(&self, atom: &Atom) -> Option<Range> {
        let limit = i128::from(self.plan.arena.limit());
        let within = |(low, high): Range, most: i64| {
            Some((low.max(-i128::from(most)), high.min(i128::from(most))))
        };
        match atom {
            Atom::Position => Some((1, limit)),
            Atom::Clamped(_) | Atom::Found { .. } => Some((0, limit)),
            Atom::Sum(_) => Some((0, MAX_SUM.into())),
            Atom::SumSteps(_) => Some((0, 2 * i128::from(MAX_SUM))),
            Atom::Age(_) => Some((0, MAX_AGE.into())),
            Atom::Feature { place, feature } => {
                let latest = place.single() == Some((Arena::POSITION, 1));
                self.tokens(&[(*feature, 1)], latest)
            }
            Atom::FoundKey { table, .. } => {
                let (low, high) = self.of(&self.plan.items.tables[*table].number)?;
                Some((low.min(0), high.max(0)))
            }
            Atom::Column { column, .. } => {
                let column = &self.plan.items.columns[*column];
                let ((low, high), first) = (self.of(&column.value)?, i128::from(column.at_zero));
                Some((low.min(first), high.max(first)))
            }
            Atom::Guarded(affine) => {
                let most = self.of(affine).unwrap_or((i128::MIN, i128::MAX));
                within(most, MAX_PRODUCT)
            }
            Atom::Count(affine) => {
                let (low, high) = self.of(affine)?;
                Some((low.max(0), high.min(MAX_COUNT.into())))
            }
            Atom::Rounded { affine, shift } => {
                let (low, high) = self.of(affine)?;
                // Rounding moves by half at most, and never past a whole number.
                let half = 1i128 << (shift - 1);
                Some(((low + half - 1).div_euclid(half * 2), (high + half).div_euclid(half * 2)))
            }
            Atom::Whole { affine, shift } => {
                let (low, high) = self.of(affine)?;
                let step = 1i128 << shift;
                Some((-(-low).div_euclid(step), high.div_euclid(step)))
            }
            Atom::Function { of, .. } => self.functions(of, &[(atom, 1)]),
            Atom::Piece { gate, factor, knots } => {
                let ((from, to), (least, most)) = (self.of(gate)?, self.of(factor)?);
                let bends = knots.iter().map(|knot| -i128::from(knot.0));
                let corners = bends.filter(|x| (from..=to).contains(x)).chain([from, to]);
                let mut range: Option<Range> = None;
                for x in corners {
                    let mut height = 0i128;
                    for &(k, c) in knots {
                        let open = x.checked_add(k.into())?.max(0);
                        height = height.checked_add(open.checked_mul(c.into())?)?;
                    }
                    for factor in [least, most] {
                        let y = height.checked_mul(factor)?;
                        let (low, high) = range.unwrap_or((y, y));
                        range = Some((low.min(y), high.max(y)));
                    }
                }
                range
            }
        }
    }
}

#[cfg(test)]
mod tests;
