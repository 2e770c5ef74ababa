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
use crate::plan::limits::{MAX_AGE, MAX_PRODUCT, MAX_REGISTER, MAX_SUM};

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
        for &(id, k) in &affine.terms {
            if let Atom::Feature { place, feature } = arena.atom(id) {
                let at = places.entry(place.terms.clone()).or_default();
                at.entry(place.c).or_default().push((*feature, k));
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
        Some((low, high))
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
mod tests {
    use super::*;
    use crate::model::Model;
    use crate::plan::expression::interval::Interval;
    use crate::plan::fuse::heads::{Column, Table};
    use crate::plan::ids::SumId;

    fn plan() -> Plan {
        let model = Model::from_bytes(&include_bytes!("../../../models/wasm32.bin")[..]).unwrap();
        Plan::new(&model, Plan::likely_bos(&model)).unwrap()
    }

    #[test]
    fn every_bound_of_the_bundled_plan_is_derived() {
        let plan = plan();
        let derived = derive(&plan);
        assert_eq!(derived.unproved, [""; 0]);
        assert_eq!(derived.atoms, plan.summary().atoms);
        assert!(derived.expressions > derived.atoms / 2, "{derived:?}");
    }

    #[test]
    fn a_bound_that_does_not_follow_is_found() {
        let mut plan = plan();
        plan.arena = plan.arena.with_narrower_bounds();
        assert!(derive(&plan).unproved.len() > 100);
    }

    #[test]
    fn bos_may_stand_at_every_place_but_the_latest() {
        let mut plan = plan();
        let bos = plan.single_bos().unwrap().index();
        let latest = Arena::position();
        let before = latest.plus(&Affine::constant(1), -1).unwrap();
        let twice = latest.plus(&latest, 1).unwrap();
        let mut differ = 0;
        for feature in plan.features.columns.keys().collect::<Vec<_>>() {
            let column = plan.features.columns[feature].clone();
            let range = |without: Option<usize>| {
                let values = column.iter().enumerate().filter(|value| Some(value.0) != without);
                let values = values.map(|value| i128::from(*value.1));
                values.clone().min().zip(values.max())
            };
            differ += usize::from(range(None) != range(Some(bos)));
            for place in [&latest, &before, &twice] {
                let atom = Atom::Feature { place: place.clone(), feature };
                let affine = Affine::atom(plan.arena.intern(atom, Interval::point(0)));
                let walk = walk(&plan);
                let without = (*place == latest).then_some(bos);
                assert_eq!(walk.of(&affine), range(without), "{feature} at {place:?}");
            }
        }
        assert!(differ > 0);
    }

    fn walk(plan: &Plan) -> Walk<'_> {
        Walk { plan, derived: Derived::default(), seen: BTreeMap::new() }
    }

    #[test]
    fn every_kind_of_atom_has_the_bounds_that_follow() {
        let mut plan = plan();
        let mut between = |number: u32, low: i128, high: i128| {
            let sum = Atom::Sum(SumId::from_u32(number));
            Affine::atom(plan.arena.intern(sum, Interval::new(low, high)))
        };
        let [gate, factor, wide, endless] = [
            between(1001, -3, 5),
            between(1002, -2, 7),
            between(1003, -9, 1 << 50),
            between(1004, i128::MIN, 1 << 41),
        ];
        let piece = |factor: &Affine, knots: &[(i64, i64)]| Atom::Piece {
            gate: gate.clone(),
            factor: factor.clone(),
            knots: knots.to_vec(),
        };
        let limit = i128::from(plan.arena.limit());
        let latch = plan.items.latches.keys().next().unwrap();
        for (atom, range) in [
            (Atom::Position, Some((1, limit))),
            (Atom::Clamped(wide.clone()), Some((0, limit))),
            (Atom::Sum(SumId::from_u32(0)), Some((0, i128::from(MAX_SUM)))),
            (Atom::SumSteps(SumId::from_u32(0)), Some((0, 2 * i128::from(MAX_SUM)))),
            (Atom::Age(latch), Some((0, i128::from(MAX_AGE)))),
            (Atom::Guarded(gate.clone()), Some((-3, 5))),
            (Atom::Guarded(wide), Some((-9, 1 << 40))),
            (Atom::Guarded(endless.clone()), Some((-(1 << 40), 1 << 40))),
            // max(x, 0)·y; x clamped to 0 and 1; 1 where x is 0; the magnitude of x.
            (piece(&factor, &[(0, 1)]), Some((-10, 35))),
            (piece(&Affine::constant(1), &[(0, -1), (1, 1)]), Some((0, 1))),
            (piece(&Affine::constant(1), &[(-1, 1), (0, -2), (1, 1)]), Some((0, 1))),
            (piece(&Affine::constant(-4), &[(-1, 1), (0, -2), (1, 1)]), Some((-4, 0))),
            (piece(&endless, &[(0, 1)]), None),
        ] {
            assert_eq!(walk(&plan).atom(&atom), range, "{atom:?}");
        }
        // Position 0 has key 0 in a table, and its own number in a column.
        let (query, steps, dead) = Default::default();
        let table = plan.items.tables.push(Table { number: factor.clone(), dead, hull: None });
        let found = Atom::FoundKey { table, query, steps };
        assert_eq!(walk(&plan).atom(&found), Some((-2, 7)));
        plan.items.tables[table].number = factor.plus(&Affine::constant(1), 9).unwrap();
        assert_eq!(walk(&plan).atom(&found), Some((0, 16)));
        plan.items.tables[table].number = factor.plus(&Affine::constant(1), -8).unwrap();
        assert_eq!(walk(&plan).atom(&found), Some((-10, 0)));
        for (at_zero, range) in [(0, (-3, 5)), (-4, (-4, 5)), (6, (-3, 6))] {
            let column = plan.items.columns.push(Column { value: gate.clone(), at_zero });
            let held = Atom::Column { column, place: Arena::position() };
            assert_eq!(walk(&plan).atom(&held), Some(range));
        }
    }

    #[test]
    fn a_claim_may_be_wider_than_what_follows_but_not_narrower() {
        let mut plan = plan();
        let most = i128::from(MAX_SUM);
        let claims = [(0, most), (-5, most + 7), (1, most), (0, most - 1)];
        let sums: Vec<Affine> = (2000..)
            .zip(claims)
            .map(|(number, (low, high))| {
                let sum = Atom::Sum(SumId::from_u32(number));
                Affine::atom(plan.arena.intern(sum, Interval::new(low, high)))
            })
            .collect();
        for (sum, follows) in sums.iter().zip([true, true, false, false]) {
            let mut walk = walk(&plan);
            walk.atoms_of(sum);
            walk.atoms_of(sum);
            assert_eq!(walk.derived.atoms, usize::from(follows), "{sum:?}");
            assert_eq!(walk.derived.unproved.len(), usize::from(!follows), "{sum:?}");
        }
    }

    #[test]
    fn an_expression_fits_registers_up_to_their_limit() {
        let plan = plan();
        for (constant, fits) in [
            (MAX_REGISTER, true),
            (-MAX_REGISTER, true),
            (MAX_REGISTER + 1, false),
            (-MAX_REGISTER - 1, false),
        ] {
            let mut walk = walk(&plan);
            walk.expression(&Affine::constant(constant));
            assert_eq!(walk.derived.expressions, usize::from(fits), "{constant}");
            assert_eq!(walk.derived.unproved.len(), usize::from(!fits), "{constant}");
        }
    }

    #[test]
    fn what_is_rounded_or_divided_lies_within_its_bounds_and_reaches_them() {
        let mut plan = plan();
        let ranges = (-9i128..9).flat_map(|low| (low..9).map(move |high| (low, high)));
        for (number, (low, high)) in (1000..).zip(ranges) {
            let between =
                plan.arena.intern(Atom::Sum(SumId::from_u32(number)), Interval::new(low, high));
            let affine = Affine::atom(between);
            let walk = walk(&plan);
            for shift in 1..4 {
                let step = 1i128 << shift;
                let quotients = || (low..=high).filter(|x| x % step == 0).map(|x| x / step);
                let whole = walk.atom(&Atom::Whole { affine: affine.clone(), shift }).unwrap();
                if let (Some(least), Some(most)) = (quotients().min(), quotients().max()) {
                    assert_eq!(whole, (least, most), "{low} to {high} by {step}");
                }
                // Ties go to even.
                let nearest = |x: i128| (x as f64 / step as f64).round_ties_even() as i128;
                let (least, most) =
                    walk.atom(&Atom::Rounded { affine: affine.clone(), shift }).unwrap();
                assert!(least <= nearest(low) && nearest(high) <= most);
                assert!(nearest(low) - least <= 1 && most - nearest(high) <= 1);
            }
        }
    }
}
