//! The expressions of a plan under what is known of one step.
//!
//! Known are the class of the latest token, perhaps the token at the selected place, and perhaps
//! the age of one latch ([`Known`]). Each expression is rebuilt from its atoms in a fresh arena
//! whose bounds hold for this class: features on which all tokens of the class agree and features
//! of the selected token become constants, gates that cannot open vanish, those that must be open
//! become linear, and what only they read is never asked for. Where no token is ever written under
//! key 0, a question for key 0 finds position 0, whose token is known ([`leaves_zero`]). Rebuilding
//! keeps values: it only uses identities of whole numbers and bounds that hold whenever this code
//! runs (lemma 22 of docs/plan.md).

use std::sync::Arc;

use cranelift_entity::{EntitySet, SecondaryMap};

use crate::plan::Plan;
use crate::plan::expression::affine::Affine;
use crate::plan::expression::arena::Arena;
use crate::plan::expression::atom::Atom;
use crate::plan::expression::feature_bounds::FeatureBounds;
use crate::plan::expression::interval::Interval;
use crate::plan::ids::{AtomId, LatchId, TableId};
use crate::plan::limits::MAX_AGE;

/// What is known when a piece of code runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Known {
    /// The class of the latest token.
    pub class: u16,
    /// The selected-token class: that of the token at the selected place.
    pub selected: Option<u16>,
    /// The age of the latch by which code is specialised.
    pub age: Option<u16>,
}

/// Rebuilds the expressions of a plan in an arena of its own.
pub struct Specialiser<'p> {
    plan: &'p Plan,
    known: Known,
    /// The rebuilt atoms.
    pub arena: Arena,
    /// Tables under whose key 0 only position 0 is ever written.
    leaves_zero: Arc<EntitySet<TableId>>,
    /// By atom of the plan, what it became.
    memo: SecondaryMap<AtomId, Option<Affine>>,
}

impl<'p> Specialiser<'p> {
    /// For code that runs when `known` holds; `feature_bounds` are those of its class.
    pub fn new(
        plan: &'p Plan,
        known: Known,
        feature_bounds: FeatureBounds,
        leaves_zero: Arc<EntitySet<TableId>>,
    ) -> Specialiser<'p> {
        let arena = Arena::new(feature_bounds, plan.arena.limit());
        let memo = SecondaryMap::with_capacity(plan.arena.len());
        Specialiser { plan, known, arena, leaves_zero, memo }
    }

    /// An expression of the plan, rebuilt; `None` where numbers grow beyond all use.
    pub fn affine(&mut self, affine: &Affine) -> Option<Affine> {
        for &(atom, _) in &affine.terms {
            self.atom(atom)?;
        }
        let rebuilt = affine.terms.iter().map(|(atom, k)| {
            let affine = &self.memo[*atom];
            (affine.as_ref().expect("every atom of it was just rebuilt"), *k)
        });
        let sum = Affine::sum(affine.c, rebuilt)?;
        self.arena.merge(sum)
    }

    /// Rebuilds an atom, once.
    fn atom(&mut self, id: AtomId) -> Option<()> {
        if self.memo[id].is_none() {
            let rebuilt = self.rebuilt(id)?;
            self.memo[id] = Some(rebuilt);
        }
        Some(())
    }

    /// An atom of what its children become, or less by what is known of this step.
    fn rebuilt(&mut self, id: AtomId) -> Option<Affine> {
        let plan = self.plan;
        match plan.arena.atom(id) {
            Atom::Feature { place, feature } => {
                let column = &plan.features.columns[*feature];
                if let Some(selected) = self.known.selected
                    && Some(place) == plan.live.selector.as_ref()
                {
                    let token = plan.live.representatives[selected as usize];
                    return Some(Affine::constant(column[token]));
                }
                let place = self.affine(place)?;
                match place.as_constant() {
                    // Places are clamped: this is position 0.
                    Some(..=0) => Some(Affine::constant(column[plan.bos().index()])),
                    _ => Some(self.arena.feature(place, *feature)),
                }
            }
            Atom::Age(latch) => match self.known.age {
                Some(known) if plan.live.age == Some(*latch) => {
                    Some(Affine::constant(i64::from(known)))
                }
                _ => self.age(*latch),
            },
            found @ (Atom::Found { table, query, steps }
            | Atom::FoundKey { table, query, steps }) => {
                let (table, query) = (*table, self.affine(query)?);
                if query.as_constant() == Some(0) && self.leaves_zero.contains(table) {
                    // Position 0 has key 0 for ever, and both are 0.
                    return Some(Affine::default());
                }
                let steps = self.affine(steps)?;
                let found = match found {
                    Atom::Found { .. } => Atom::Found { table, query, steps },
                    _ => Atom::FoundKey { table, query, steps },
                };
                self.arena.make(found, plan.arena.atom_bounds(id))
            }
            Atom::Function { of, function } => {
                if let (Some(selected), Some(rows)) = (self.known.selected, &plan.live.rows)
                    && *of == rows.of
                    && rows.functions.contains(function)
                {
                    let x = rows.representatives[selected as usize];
                    return Some(Affine::constant(function.at(x.into())));
                }
                let of = self.affine(of)?;
                self.arena.function(of, function.clone())
            }
            Atom::Column { column, place } => {
                let place = self.affine(place)?;
                match place.as_constant() {
                    // Places are clamped: this is position 0.
                    Some(..=0) => Some(Affine::constant(plan.items.columns[*column].at_zero)),
                    _ => {
                        let held = Atom::Column { column: *column, place };
                        self.arena.make(held, plan.arena.atom_bounds(id))
                    }
                }
            }
            Atom::Piece { gate, factor, knots } => {
                let gate = self.affine(gate)?;
                // What stands behind a gate that cannot open need not be rebuilt.
                let high = self.arena.bounds(&gate).high;
                if knots.iter().all(|&(k, _)| high <= -i128::from(k)) {
                    return Some(Affine::default());
                }
                let factor = self.affine(factor)?;
                self.arena.piece(&gate, &factor, knots)
            }
            atom => {
                let atom = atom.map_children(|child| self.affine(child))?;
                self.arena.make(atom, plan.arena.atom_bounds(id))
            }
        }
    }

    /// The age of a latch: 0 where this class takes part, at least 1 where it does not.
    fn age(&mut self, latch: LatchId) -> Option<Affine> {
        let dead = self.affine(&self.plan.items.latches[latch])?;
        let dead = self.arena.bounds(&dead);
        if dead.as_point() == Some(0) {
            return Some(Affine::default());
        }
        let ages = Interval::new(i128::from(dead.low > 0), MAX_AGE.into());
        Some(Affine::atom(self.arena.intern(Atom::Age(latch), ages)))
    }
}

/// What is known of tokens when the latest is of a class.
pub fn feature_bounds(plan: &Plan, class: u16) -> FeatureBounds {
    let bos = plan.single_bos().map(|token| token.index());
    let members = &plan.live.members[class as usize];
    let current = members.iter().copied().filter(|&token| Some(token) != bos).collect();
    plan.arena.feature_bounds.narrowed(current, plan.elsewhere.clone())
}

/// The tables under whose key 0 no token after position 0 is written: every class
/// either takes no part or has keys of at least 1.
pub fn leaves_zero(plan: &Plan) -> Arc<EntitySet<TableId>> {
    let mut leaves = EntitySet::new();
    for table in plan.items.tables.keys() {
        leaves.insert(table);
    }
    for class in 0..plan.live.members.len() {
        let known = Known { class: class as u16, selected: None, age: None };
        // Of what is to be found out, nothing is known.
        let bounds = feature_bounds(plan, known.class);
        let mut special = Specialiser::new(plan, known, bounds, Arc::default());
        if special.arena.feature_bounds.is_impossible() {
            continue;
        }
        for (id, table) in &plan.items.tables {
            let (dead, number) = (special.affine(&table.dead), special.affine(&table.number));
            let mut low = |affine: Option<Affine>| affine.map(|it| special.arena.bounds(&it).low);
            let (dead, number) = (low(dead), low(number));
            if !(dead.is_some_and(|low| low > 0) || number.is_some_and(|low| low >= 1)) {
                leaves.remove(id);
            }
        }
    }
    Arc::new(leaves)
}

#[cfg(test)]
mod tests;
