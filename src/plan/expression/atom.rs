//! What is not linear, and the one traversal that all passes share.
//!
//! A pass that looks at every expression below an atom calls [`Atom::children`]; one that
//! rebuilds an atom from rebuilt children calls [`Atom::map_children`] and hands the result to
//! [`super::arena::Arena::make`], which finds its simplest form. So what an atom is made of is
//! written down once, here.

use super::affine::Affine;
use super::function::Function;
use crate::plan::ids::{ColumnId, FeatureId, LatchId, SumId, TableId};

/// What is not linear. All of it is whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Atom {
    /// The position t, in tokens from 0.
    Position,
    /// A feature of the token at a place, which is clamped to 0..=t.
    Feature {
        /// The place, as a position.
        place: Affine,
        /// Which feature.
        feature: FeatureId,
    },
    /// A place clamped to 0..=t.
    Clamped(Affine),
    /// A running sum over positions 1..=t; guarded to stay within 0..=`MAX_SUM`.
    Sum(SumId),
    /// How far a running sum that was divided by the position and multiplied by it is from itself, times
    /// 2^53, at most (`mean.rs`).
    SumSteps(SumId),
    /// How many positions ago a latch was set; guarded to be at most `MAX_AGE`.
    Age(LatchId),
    /// The position that a table has for the key nearest to a query.
    Found {
        /// Which table.
        table: TableId,
        /// The query, as a key.
        query: Affine,
        /// How far the reference's query may be off, times 2^53; it matters only to hulls.
        steps: Affine,
    },
    /// The key nearest to a query.
    FoundKey {
        /// Which table.
        table: TableId,
        /// The query, as a key.
        query: Affine,
        /// How far the reference's query may be off, times 2^53; it matters only to hulls.
        steps: Affine,
    },
    /// What a column holds for a place within 0..=t.
    Column {
        /// Which column.
        column: ColumnId,
        /// The place, as a position.
        place: Affine,
    },
    /// An expression over 2^shift, rounded, ties to even.
    Rounded {
        /// The expression.
        affine: Affine,
        /// From 1 to 62.
        shift: u32,
    },
    /// An expression over 2^shift, guarded to be whole.
    Whole {
        /// The expression.
        affine: Affine,
        /// From 1 to 62.
        shift: u32,
    },
    /// An expression guarded to stay within ±`MAX_PRODUCT`.
    Guarded(Affine),
    /// A count of steps of 2^-53 by which a number may be off, guarded to be at most `MAX_COUNT`.
    Count(Affine),
    /// Σ c·max(gate + k, 0) · factor over knots (k, c); the gate has no constant.
    Piece {
        /// The gate.
        gate: Affine,
        /// The factor.
        factor: Affine,
        /// (k, c), by ascending k.
        knots: Knots,
    },
    /// What a function has at an expression.
    Function {
        /// The expression.
        of: Affine,
        /// The function.
        function: Function,
    },
}

/// The bends (k, c) of Σ c·max(x + k, 0).
pub type Knots = Vec<(i64, i64)>;

impl Atom {
    /// The expressions that it is made of.
    pub fn children(&self) -> impl Iterator<Item = &Affine> {
        let (first, second) = match self {
            Atom::Position | Atom::Sum(_) | Atom::SumSteps(_) | Atom::Age(_) => (None, None),
            Atom::Feature { place: child, .. }
            | Atom::Clamped(child)
            | Atom::Column { place: child, .. }
            | Atom::Rounded { affine: child, .. }
            | Atom::Whole { affine: child, .. }
            | Atom::Function { of: child, .. }
            | Atom::Guarded(child)
            | Atom::Count(child) => (Some(child), None),
            Atom::Piece { gate: child, factor: other, .. }
            | Atom::Found { query: child, steps: other, .. }
            | Atom::FoundKey { query: child, steps: other, .. } => (Some(child), Some(other)),
        };
        first.into_iter().chain(second)
    }

    /// The same atom of other expressions, unless one of them is refused.
    pub fn map_children(&self, mut map: impl FnMut(&Affine) -> Option<Affine>) -> Option<Atom> {
        Some(match self {
            same @ (Atom::Position | Atom::Sum(_) | Atom::SumSteps(_) | Atom::Age(_)) => {
                same.clone()
            }
            Atom::Feature { place, feature } => {
                Atom::Feature { place: map(place)?, feature: *feature }
            }
            Atom::Clamped(place) => Atom::Clamped(map(place)?),
            Atom::Found { table, query, steps } => {
                Atom::Found { table: *table, query: map(query)?, steps: map(steps)? }
            }
            Atom::FoundKey { table, query, steps } => {
                Atom::FoundKey { table: *table, query: map(query)?, steps: map(steps)? }
            }
            Atom::Column { column, place } => Atom::Column { column: *column, place: map(place)? },
            Atom::Rounded { affine, shift } => {
                Atom::Rounded { affine: map(affine)?, shift: *shift }
            }
            Atom::Whole { affine, shift } => Atom::Whole { affine: map(affine)?, shift: *shift },
            Atom::Guarded(affine) => Atom::Guarded(map(affine)?),
            Atom::Function { of, function } => {
                Atom::Function { of: map(of)?, function: function.clone() }
            }
            Atom::Count(affine) => Atom::Count(map(affine)?),
            Atom::Piece { gate, factor, knots } => {
                Atom::Piece { gate: map(gate)?, factor: map(factor)?, knots: knots.clone() }
            }
        })
    }
}
