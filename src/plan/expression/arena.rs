//! Whole-number expressions over what a history holds, each kept once.
//!
//! A [`Affine`] is c + Σ kᵢ·atomᵢ with whole coefficients. An [`Atom`] is anything
//! that is not linear: a feature of the token at some place, a running sum, the
//! position that a table finds, a piecewise linear gate times a factor. Equal atoms
//! have one id, so equal expressions are computed once, and cancellation is exact
//! because coefficients are integers.
//!
//! Every atom has bounds; features of one place have them together (`feature_bounds.rs`).

use rustc_hash::FxHashMap;

use crate::plan::expression::affine::{Affine, AtomId};
use crate::plan::expression::feature_bounds::{Columns, FeatureBounds, Stands};

/// What is not linear.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Atom {
    /// The position t.
    Position,
    /// A feature of the token at a place, which is clamped to 0..=t.
    Feature {
        /// The place.
        place: Affine,
        /// Which feature.
        column: usize,
    },
    /// A place clamped to 0..=t.
    Clamped(Affine),
    /// A running sum over positions 1..=t.
    Sum(usize),
    /// How long ago the latest live token of a register stood.
    Age(usize),
    /// The position that a table has for the key nearest to a query.
    Found {
        /// Which table.
        table: usize,
        /// The query.
        query: Affine,
    },
    /// The key nearest to a query.
    FoundKey {
        /// Which table.
        table: usize,
        /// The query.
        query: Affine,
    },
    /// What a column holds for a place within 0..=t.
    Column {
        /// Which column.
        column: usize,
        /// The place.
        place: Affine,
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
        affine: Affine,
        /// At least 1.
        shift: u32,
    },
    /// An expression over 2^shift, guarded to be whole.
    Whole {
        /// The expression.
        affine: Affine,
        /// At least 1.
        shift: u32,
    },
    /// An expression guarded to stay within ±2^40.
    Guarded(Affine),
    /// Σ c·max(gate + k, 0) · factor over knots (k, c); the gate has no constant.
    Piece {
        /// The gate.
        gate: Affine,
        /// The factor.
        factor: Affine,
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
    pub feature_bounds: FeatureBounds,
    atoms: Vec<Atom>,
    bounds: Vec<Bounds>,
    ids: FxHashMap<Atom, AtomId>,
}

impl Arena {
    /// The position, always the first atom.
    pub const POSITION: AtomId = AtomId(0);

    /// An arena for histories of up to `limit` tokens, of which the latest is as `feature_bounds` says.
    pub fn new(feature_bounds: FeatureBounds, limit: f64) -> Arena {
        let (atoms, bounds, ids) = (Vec::new(), Vec::new(), FxHashMap::default());
        let mut arena = Arena { feature_bounds, atoms, bounds, ids };
        arena.intern(Atom::Position, Bounds::new(1.0, limit));
        arena
    }

    /// The position as an expression.
    pub fn position() -> Affine {
        Affine::atom(Arena::POSITION)
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
    pub fn feature(&mut self, place: Affine, column: usize) -> Affine {
        // A feature clamps its place itself.
        let place = match place.single().map(|(atom, k)| (self.atom(atom), k)) {
            Some((Atom::Clamped(inner), 1)) => inner.clone(),
            _ => place,
        };
        let bounds = self.feature_bounds.feature(stands(&place), column);
        if bounds.low == bounds.high {
            return Affine::constant(bounds.low as i64);
        }
        Affine::atom(self.intern(Atom::Feature { place, column }, bounds))
    }

    /// A place clamped to 0..=t.
    pub fn clamped(&mut self, place: Affine, limit: f64) -> Affine {
        if let Some((atom, 1)) = place.single()
            && matches!(self.atom(atom), Atom::Clamped(_) | Atom::Found { .. } | Atom::Position)
        {
            return place;
        }
        Affine::atom(self.intern(Atom::Clamped(place), Bounds::new(0.0, limit)))
    }

    /// Bounds of an expression.
    pub fn bounds(&mut self, affine: &Affine) -> Bounds {
        let Arena { feature_bounds, atoms, bounds, .. } = self;
        let mut total = Bounds::new(affine.c as f64, affine.c as f64);
        let mut places: Vec<(&Affine, Columns)> = Vec::new();
        for &(atom, k) in &affine.terms {
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
            total = total.plus(feature_bounds.sum(stands(place), &columns));
        }
        total
    }
}

/// What is known of a token at a place.
fn stands(place: &Affine) -> Stands {
    let now = place.single() == Some((Arena::POSITION, 1));
    if now { Stands::Now } else { Stands::Elsewhere }
}
