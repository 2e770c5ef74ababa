//! Whole-number expressions over what a history holds, each kept once.
//!
//! A [`Lin`] is c + Σ kᵢ·atomᵢ with whole coefficients. An [`Atom`] is anything
//! that is not linear: a feature of the token at some place, a running sum, the
//! position that a table finds, a piecewise linear gate times a factor. Equal atoms
//! have one id, so equal expressions are computed once, and cancellation is exact
//! because coefficients are integers.
//!
//! Every atom has bounds; features of one place have them together (`joint.rs`).

use rustc_hash::FxHashMap;

use super::joint::{Columns, Joint, Stands};
use super::lin::{AtomId, Lin};

/// What is not linear.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Atom {
    /// The position t.
    Position,
    /// A feature of the token at a place, which is clamped to 0..=t.
    Feature {
        /// The place.
        place: Lin,
        /// Which feature.
        column: usize,
    },
    /// A place clamped to 0..=t.
    Clamped(Lin),
    /// A running sum over positions 1..=t.
    Sum(usize),
    /// How long ago the latest live token of a register stood.
    Age(usize),
    /// The position that a table has for the key nearest to a query.
    Found {
        /// Which table.
        table: usize,
        /// The query.
        query: Lin,
    },
    /// The key nearest to a query.
    FoundKey {
        /// Which table.
        table: usize,
        /// The query.
        query: Lin,
    },
    /// What a column holds for a place within 0..=t.
    Column {
        /// Which column.
        column: usize,
        /// The place.
        place: Lin,
    },
    /// What a hull answers.
    Hull {
        /// Which hull.
        hull: usize,
        /// First or second value.
        part: usize,
    },
    /// An expression over 2^shift, rounded, ties to even.
    Rounded {
        /// The expression.
        lin: Lin,
        /// At least 1.
        shift: u32,
    },
    /// An expression over 2^shift, guarded to be whole.
    Whole {
        /// The expression.
        lin: Lin,
        /// At least 1.
        shift: u32,
    },
    /// An expression guarded to stay within ±2^40.
    Guarded(Lin),
    /// Σ c·max(gate + k, 0) · factor over knots (k, c); the gate has no constant.
    Piece {
        /// The gate.
        gate: Lin,
        /// The factor.
        factor: Lin,
        /// (k, c), by ascending k.
        knots: Vec<(i64, i64)>,
    },
}

/// Least and greatest value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Least.
    pub low: f64,
    /// Greatest.
    pub high: f64,
}

impl Bounds {
    /// From least to greatest.
    pub fn new(low: f64, high: f64) -> Bounds {
        Bounds { low, high }
    }

    /// Of the sum of two.
    pub fn plus(self, other: Bounds) -> Bounds {
        Bounds::new(self.low + other.low, self.high + other.high)
    }

    /// Of a multiple.
    pub fn times(self, k: f64) -> Bounds {
        if k == 0.0 {
            return Bounds::new(0.0, 0.0);
        }
        let (a, b) = (self.low * k, self.high * k);
        Bounds::new(a.min(b), a.max(b))
    }

    /// Of the product of two.
    pub fn product(self, other: Bounds) -> Bounds {
        let (a, b) = (other.times(self.low), other.times(self.high));
        Bounds::new(a.low.min(b.low), a.high.max(b.high))
    }

    /// Of either.
    pub fn union(self, other: Bounds) -> Bounds {
        Bounds::new(self.low.min(other.low), self.high.max(other.high))
    }

    /// The greatest magnitude.
    pub fn magnitude(self) -> f64 {
        self.low.abs().max(self.high.abs())
    }
}

/// The features of all tokens, as whole numbers.
#[derive(Clone, Debug)]
pub struct Features {
    /// By column, then token. Columns that are not whole are empty.
    pub columns: Vec<Vec<i64>>,
    /// Number of tokens.
    pub tokens: usize,
}

/// Atoms, each once, with their bounds.
#[derive(Clone, Debug)]
pub struct Arena {
    /// Bounds of features, and the tokens that may stand at the latest position.
    pub joint: Joint,
    atoms: Vec<Atom>,
    bounds: Vec<Bounds>,
    ids: FxHashMap<Atom, AtomId>,
}

impl Arena {
    /// The position, always the first atom.
    pub const POSITION: AtomId = AtomId(0);

    /// An arena for histories of up to `limit` tokens, of which the latest is as `joint` says.
    pub fn new(joint: Joint, limit: f64) -> Arena {
        let (atoms, bounds, ids) = (Vec::new(), Vec::new(), FxHashMap::default());
        let mut arena = Arena { joint, atoms, bounds, ids };
        arena.intern(Atom::Position, Bounds::new(1.0, limit));
        arena
    }

    /// The position as an expression.
    pub fn position() -> Lin {
        Lin::atom(Arena::POSITION)
    }

    /// An atom with the bounds that it has if it is new.
    pub fn intern(&mut self, atom: Atom, bounds: Bounds) -> AtomId {
        if let Some(&id) = self.ids.get(&atom) {
            return id;
        }
        let id = AtomId(self.atoms.len() as u32);
        self.ids.insert(atom.clone(), id);
        self.atoms.push(atom);
        self.bounds.push(bounds);
        id
    }

    /// How many atoms there are.
    pub fn len(&self) -> usize {
        self.atoms.len()
    }

    /// What an id stands for.
    pub fn atom(&self, id: AtomId) -> &Atom {
        &self.atoms[id.0 as usize]
    }

    /// The bounds of an atom.
    pub fn atom_bounds(&self, id: AtomId) -> Bounds {
        self.bounds[id.0 as usize]
    }

    /// A feature of the token at a place: a constant where all tokens that may stand there agree.
    pub fn feature(&mut self, place: Lin, column: usize) -> Lin {
        // A feature clamps its place itself.
        let place = match place.single().map(|(atom, k)| (self.atom(atom), k)) {
            Some((Atom::Clamped(inner), 1)) => inner.clone(),
            _ => place,
        };
        let bounds = self.joint.feature(stands(&place), column);
        if bounds.low == bounds.high {
            return Lin::constant(bounds.low as i64);
        }
        Lin::atom(self.intern(Atom::Feature { place, column }, bounds))
    }

    /// A place clamped to 0..=t.
    pub fn clamped(&mut self, place: Lin, limit: f64) -> Lin {
        if let Some((atom, 1)) = place.single()
            && matches!(self.atom(atom), Atom::Clamped(_) | Atom::Found { .. } | Atom::Position)
        {
            return place;
        }
        Lin::atom(self.intern(Atom::Clamped(place), Bounds::new(0.0, limit)))
    }

    /// Bounds of an expression.
    pub fn bounds(&mut self, lin: &Lin) -> Bounds {
        let Arena { joint, atoms, bounds, .. } = self;
        let mut total = Bounds::new(lin.c as f64, lin.c as f64);
        let mut places: Vec<(&Lin, Columns)> = Vec::new();
        for &(atom, k) in &lin.terms {
            if let Atom::Feature { place, column } = &atoms[atom.0 as usize] {
                match places.iter_mut().find(|known| known.0 == place) {
                    Some(known) => known.1.push((*column, k)),
                    None => places.push((place, vec![(*column, k)])),
                }
            } else {
                total = total.plus(bounds[atom.0 as usize].times(k as f64));
            }
        }
        for (place, mut columns) in places {
            columns.sort_unstable();
            total = total.plus(joint.sum(stands(place), &columns));
        }
        total
    }
}

/// What is known of a token at a place.
fn stands(place: &Lin) -> Stands {
    let now = place.single() == Some((Arena::POSITION, 1));
    if now { Stands::Now } else { Stands::Elsewhere }
}
