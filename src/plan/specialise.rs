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

use super::Plan;
use super::exact::OLDEST;
use super::joint::Joint;
use super::lin::{AtomId, Lin};
use super::term::{Arena, Atom, Bounds};

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
    memo: Vec<Option<Lin>>,
}

impl<'p> Specialiser<'p> {
    /// For code that runs when `known` holds; `joint` is that of its class.
    pub fn new(plan: &'p Plan, known: Known, joint: Joint) -> Specialiser<'p> {
        let arena = Arena::new(joint, plan.limit as f64);
        Specialiser { plan, known, arena, memo: vec![None; plan.arena.len()] }
    }

    /// An expression of the plan, rebuilt; `None` where numbers grow beyond all use.
    pub fn lin(&mut self, lin: &Lin) -> Option<Lin> {
        for &(atom, _) in &lin.terms {
            self.atom(atom)?;
        }
        let rebuilt = lin.terms.iter().map(|(atom, k)| {
            let lin = &self.memo[atom.0 as usize];
            (lin.as_ref().expect("every atom of it was just rebuilt"), *k)
        });
        let sum = Lin::sum(lin.c, rebuilt)?;
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
        let lin = match plan.arena.atom(id) {
            Atom::Position => Arena::position(),
            Atom::Feature { place, column } => match self.known.row {
                Some(row) if Some(place) == plan.live.selector.as_ref() => {
                    let token = plan.live.representatives[row as usize];
                    Lin::constant(plan.features.columns[*column][token])
                }
                _ => {
                    let place = self.lin(place)?;
                    match place.as_constant() {
                        // Places are clamped: this is position 0.
                        Some(..=0) => {
                            let opening = plan.opening.token.index();
                            Lin::constant(plan.features.columns[*column][opening])
                        }
                        _ => self.arena.feature(place, *column),
                    }
                }
            },
            Atom::Clamped(place) => {
                let place = self.lin(place)?;
                self.arena.clamped(place, limit)
            }
            Atom::Age(age) => match self.known.age {
                Some(known) if plan.live.age == Some(*age) => Lin::constant(i64::from(known)),
                _ => self.age(*age)?,
            },
            found @ (Atom::Found { table, query } | Atom::FoundKey { table, query }) => {
                let (table, query) = (*table, self.lin(query)?);
                if query.as_constant() == Some(0) && plan.live.leaves_zero[table] {
                    // Position 0 has key 0 for ever, and both are 0.
                    Lin::default()
                } else if matches!(found, Atom::Found { .. }) {
                    Lin::atom(self.arena.intern(Atom::Found { table, query }, bounds))
                } else {
                    Lin::atom(self.arena.intern(Atom::FoundKey { table, query }, bounds))
                }
            }
            Atom::Column { column, place } => {
                let place = self.lin(place)?;
                Lin::atom(self.arena.intern(Atom::Column { column: *column, place }, bounds))
            }
            Atom::Piece { gate, factor, knots } => {
                let gate = self.lin(gate)?;
                // What stands behind a gate that cannot open need not be rebuilt.
                let high = self.arena.bounds(&gate).high;
                if knots.iter().all(|&(k, _)| high + k as f64 <= 0.0) {
                    Lin::default()
                } else {
                    let factor = self.lin(factor)?;
                    self.arena.piece(&gate, &factor, knots)?
                }
            }
            Atom::Rounded { lin, shift } => {
                let lin = self.lin(lin)?;
                self.arena.rounded(lin, *shift)?
            }
            Atom::Whole { lin, shift } => {
                let lin = self.lin(lin)?;
                self.arena.whole(&lin, *shift)?
            }
            Atom::Guarded(lin) => {
                let lin = self.lin(lin)?;
                self.arena.guarded(lin)?
            }
            same @ (Atom::Sum(_) | Atom::Hull { .. }) => {
                Lin::atom(self.arena.intern(same.clone(), bounds))
            }
        };
        self.memo[id.0 as usize] = Some(lin);
        Some(())
    }

    /// The age of a register: 0 where this class takes part, at least 1 where it does not.
    fn age(&mut self, age: usize) -> Option<Lin> {
        let dead = self.lin(&self.plan.items.ages[age])?;
        let dead = self.arena.bounds(&dead);
        if dead.low == 0.0 && dead.high == 0.0 {
            return Some(Lin::default());
        }
        let least = if dead.low > 0.0 { 1.0 } else { 0.0 };
        let bounds = Bounds::new(least, OLDEST as f64);
        Some(Lin::atom(self.arena.intern(Atom::Age(age), bounds)))
    }
}

/// What is known of tokens when the latest is of a class.
pub fn joint(plan: &Plan, class: u16) -> Joint {
    let opening = plan.opens_once().map(|token| token.index());
    let members = &plan.live.members[class as usize];
    let current = members.iter().copied().filter(|&token| Some(token) != opening).collect();
    plan.arena.joint.narrowed(current, plan.elsewhere.clone())
}

/// For each table, whether no token after position 0 is written under key 0: every class
/// either takes no part or has keys of at least 1.
pub fn leaves_zero(plan: &Plan) -> Vec<bool> {
    let mut leaves = vec![true; plan.items.tables.len()];
    for class in 0..plan.live.members.len() {
        let known = Known { class: class as u16, row: None, age: None };
        let mut special = Specialiser::new(plan, known, joint(plan, known.class));
        if special.arena.joint.is_impossible() {
            continue;
        }
        for (table, leaves) in plan.items.tables.iter().zip(&mut leaves) {
            let (dead, number) = (special.lin(&table.dead), special.lin(&table.number));
            let mut low = |lin: Option<Lin>| lin.map(|lin| special.arena.bounds(&lin).low);
            let (dead, number) = (low(dead), low(number));
            *leaves &= dead.is_some_and(|low| low > 0.0) || number.is_some_and(|low| low >= 1.0);
        }
    }
    leaves
}
