//! Fifth pass: the expressions of a plan under what is known of one step.
//!
//! Known are the class of the latest token, perhaps the token at the selected place, and perhaps
//! the age of one register ([`Known`]). Each expression is rebuilt from its atoms in a fresh arena
//! whose bounds hold for this class: features on which all tokens of the class agree and features
//! of the selected token become constants, gates that cannot open vanish, those that must be open
//! become linear, and what only they read is never asked for. Where no token is ever written under
//! key 0, a question for key 0 finds position 0, whose token is known ([`leaves_zero`]). Rebuilding
//! keeps values: it only uses identities of whole numbers and bounds that hold whenever this code
//! runs.

use crate::plan::Plan;
use crate::plan::expression::affine::{Affine, AtomId};
use crate::plan::expression::arena::{Arena, Atom, Bounds};
use crate::plan::expression::feature_bounds::FeatureBounds;
use crate::plan::fuse::rounding::MAX_AGE;

/// What is known when a piece of code runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Known {
    /// The class of the latest token.
    pub class: u16,
    /// The row of the token at the selected place.
    pub row: Option<u16>,
    /// The age of the register by which code is specialised.
    pub age: Option<u16>,
}

/// Rebuilds expressions.
pub struct Specialiser<'p> {
    plan: &'p Plan,
    known: Known,
    /// The rebuilt atoms.
    pub arena: Arena,
    /// By atom of the plan, what it became.
    memo: Vec<Option<Affine>>,
}

impl<'p> Specialiser<'p> {
    /// For code that runs when `known` holds; `feature_bounds` is that of its class.
    pub fn new(plan: &'p Plan, known: Known, feature_bounds: FeatureBounds) -> Specialiser<'p> {
        let arena = Arena::new(feature_bounds, plan.limit as f64);
        Specialiser { plan, known, arena, memo: vec![None; plan.arena.len()] }
    }

    /// An expression of the plan, rebuilt; `None` where numbers grow beyond all use.
    pub fn affine(&mut self, affine: &Affine) -> Option<Affine> {
        for &(atom, _) in &affine.terms {
            self.atom(atom)?;
        }
        let rebuilt = affine.terms.iter().map(|(atom, k)| {
            let affine = &self.memo[atom.0 as usize];
            (affine.as_ref().expect("every atom of it was just rebuilt"), *k)
        });
        let sum = Affine::sum(affine.c, rebuilt)?;
        self.arena.merge(sum)
    }

    /// Rebuilds an atom, once.
    fn atom(&mut self, id: AtomId) -> Option<()> {
        if self.memo[id.0 as usize].is_some() {
            return Some(());
        }
        let plan = self.plan;
        let bounds = plan.arena.atom_bounds(id);
        let limit = plan.limit as f64;
        let affine = match plan.arena.atom(id) {
            Atom::Position => Arena::position(),
            Atom::Feature { place, column } => match self.known.row {
                Some(row) if Some(place) == plan.live.selector.as_ref() => {
                    let token = plan.live.representatives[row as usize];
                    Affine::constant(plan.features.columns[*column][token])
                }
                _ => {
                    let place = self.affine(place)?;
                    match place.as_constant() {
                        // Places are clamped: this is position 0.
                        Some(..=0) => {
                            let bos = plan.bos.token.index();
                            Affine::constant(plan.features.columns[*column][bos])
                        }
                        _ => self.arena.feature(place, *column),
                    }
                }
            },
            Atom::Clamped(place) => {
                let place = self.affine(place)?;
                self.arena.clamped(place, limit)
            }
            Atom::Age(age) => match self.known.age {
                Some(known) if plan.live.age == Some(*age) => Affine::constant(i64::from(known)),
                _ => self.age(*age)?,
            },
            found @ (Atom::Found { table, query } | Atom::FoundKey { table, query }) => {
                let (table, query) = (*table, self.affine(query)?);
                if query.as_constant() == Some(0) && plan.live.leaves_zero[table] {
                    // Position 0 has key 0 for ever, and both are 0.
                    Affine::default()
                } else if matches!(found, Atom::Found { .. }) {
                    Affine::atom(self.arena.intern(Atom::Found { table, query }, bounds))
                } else {
                    Affine::atom(self.arena.intern(Atom::FoundKey { table, query }, bounds))
                }
            }
            Atom::Column { column, place } => {
                let place = self.affine(place)?;
                Affine::atom(self.arena.intern(Atom::Column { column: *column, place }, bounds))
            }
            Atom::Piece { gate, factor, knots } => {
                let gate = self.affine(gate)?;
                // What stands behind a gate that cannot open need not be rebuilt.
                let high = self.arena.bounds(&gate).high;
                if knots.iter().all(|&(k, _)| high + k as f64 <= 0.0) {
                    Affine::default()
                } else {
                    let factor = self.affine(factor)?;
                    self.arena.piece(&gate, &factor, knots)?
                }
            }
            Atom::Rounded { affine, shift } => {
                let affine = self.affine(affine)?;
                self.arena.rounded(affine, *shift)?
            }
            Atom::Whole { affine, shift } => {
                let affine = self.affine(affine)?;
                self.arena.whole(&affine, *shift)?
            }
            Atom::Guarded(affine) => {
                let affine = self.affine(affine)?;
                self.arena.guarded(affine)?
            }
            same @ (Atom::Sum(_) | Atom::Hull { .. }) => {
                Affine::atom(self.arena.intern(same.clone(), bounds))
            }
        };
        self.memo[id.0 as usize] = Some(affine);
        Some(())
    }

    /// The age of a register: 0 where this class takes part, at least 1 where it does not.
    fn age(&mut self, age: usize) -> Option<Affine> {
        let dead = self.affine(&self.plan.items.latches[age])?;
        let dead = self.arena.bounds(&dead);
        if dead.low == 0.0 && dead.high == 0.0 {
            return Some(Affine::default());
        }
        let least = if dead.low > 0.0 { 1.0 } else { 0.0 };
        let bounds = Bounds::new(least, MAX_AGE as f64);
        Some(Affine::atom(self.arena.intern(Atom::Age(age), bounds)))
    }
}

/// What is known of tokens when the latest is of a class.
pub fn feature_bounds(plan: &Plan, class: u16) -> FeatureBounds {
    let bos = plan.single_bos().map(|token| token.index());
    let members = &plan.live.members[class as usize];
    let current = members.iter().copied().filter(|&token| Some(token) != bos).collect();
    plan.arena.feature_bounds.narrowed(current, plan.elsewhere.clone())
}

/// For each table, whether no token after position 0 is written under key 0: every class
/// either takes no part or has keys of at least 1.
pub fn leaves_zero(plan: &Plan) -> Vec<bool> {
    let mut leaves = vec![true; plan.items.tables.len()];
    for class in 0..plan.live.members.len() {
        let known = Known { class: class as u16, row: None, age: None };
        let mut special = Specialiser::new(plan, known, feature_bounds(plan, known.class));
        if special.arena.feature_bounds.is_impossible() {
            continue;
        }
        for (table, leaves) in plan.items.tables.iter().zip(&mut leaves) {
            let (dead, number) = (special.affine(&table.dead), special.affine(&table.number));
            let mut low =
                |affine: Option<Affine>| affine.map(|affine| special.arena.bounds(&affine).low);
            let (dead, number) = (low(dead), low(number));
            *leaves &= dead.is_some_and(|low| low > 0.0) || number.is_some_and(|low| low >= 1.0);
        }
    }
    leaves
}
