//! Violations: keys and queries that break what their head kind promises.
//!
//! Positions are counted by the memory; for a query it is the latest position
//! at the time. Layer and head are the engine's to add.

use thiserror::Error;

use crate::model::{HeadKind, TieBreak};

/// Which of a head's two inputs is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What a position is found by.
    Key,
    /// What a position asks for.
    Query,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Part::Key => "key",
            Part::Query => "query",
        })
    }
}

/// A promise of a head kind that a key or query does not keep: which one, where, and the values.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Violation {
    /// A query before any key.
    #[error("a query before any key was inserted")]
    Empty,
    /// More positions than a memory counts.
    #[error("more than {limit} positions")]
    TooManyPositions {
        /// How many positions fit into a memory.
        limit: u32,
    },
    /// NaN or an infinity.
    #[error("the {part} ({}, {}) at position {position} is not finite", .pair[0], .pair[1])]
    NotFinite {
        /// Which input of the head it is.
        part: Part,
        /// The position, from 0, as the memory counts.
        position: u32,
        /// Both components, as the head computed them.
        pair: [f64; 2],
    },
    /// So large that scores might overflow.
    #[error("the {part} ({:e}, {:e}) at position {position} exceeds {limit:e}", .pair[0], .pair[1])]
    TooLarge {
        /// Which input of the head it is.
        part: Part,
        /// The position, from 0, as the memory counts.
        position: u32,
        /// Both components, as the head computed them.
        pair: [f64; 2],
        /// The greatest magnitude allowed.
        limit: f64,
    },
    /// The kind's memory gives the right output only under the other tie-break.
    #[error("a {kind:?} head cannot break ties by {tie:?}")]
    UnfitTieBreak {
        /// The kind of the head.
        kind: HeadKind,
        /// The tie-break asked for.
        tie: TieBreak,
    },
    /// A query that does not look in the direction in which the kind's keys compete.
    #[error("the query ({}, {}) at position {position} is not one of a {kind:?} head", .query[0], .query[1])]
    Direction {
        /// The kind of the head.
        kind: HeadKind,
        /// The position, from 0, as the memory counts.
        position: u32,
        /// Both components of the query, (qx, qy).
        query: [f64; 2],
    },
    /// Passthrough: a key not beyond the one before it.
    #[error(
        "the key ({}, {}) at position {position} is not beyond its predecessor ({}, {})",
        .key[0], .key[1], .previous[0], .previous[1]
    )]
    NotAscending {
        /// The position, from 0, as the memory counts.
        position: u32,
        /// Both components of the key, (kx, ky).
        key: [f64; 2],
        /// The key of the position before.
        previous: [f64; 2],
    },
    /// Gather: a key that names another position.
    #[error("the key ({}, {}) does not name its position {position}", .key[0], .key[1])]
    NotThisPosition {
        /// The position, from 0, as the memory counts.
        position: u32,
        /// Both components of the key, (kx, ky).
        key: [f64; 2],
    },
    /// Gather, keyed: a key (2n, y) with y not in [-n², -n² + 1), or not exactly -n² under average.
    #[error("the key ({}, {:e}) at position {position} of a {kind:?} head is off the parabola by {by:e}", .key[0], .key[1])]
    OffParabola {
        /// The kind of the head.
        kind: HeadKind,
        /// The position, from 0, as the memory counts.
        position: u32,
        /// Both components of the key, (kx, ky).
        key: [f64; 2],
        /// y + n², which is ε if the key keeps its form.
        by: f64,
    },
    /// Gather, keyed: the recency term ε of a key is below that of an earlier one.
    #[error(
        "the recency {recency:e} of the key at position {position} of a {kind:?} head is below an earlier {earlier:e}"
    )]
    Recency {
        /// The kind of the head.
        kind: HeadKind,
        /// The position, from 0, as the memory counts.
        position: u32,
        /// ε of this key.
        recency: f64,
        /// The least that an earlier key's ε can be.
        earlier: f64,
    },
    /// Keyed: a key or query that stands for no whole number up to 2^53.
    #[error("the {part} ({}, {}) at position {position} stands for {number}, no whole number up to 2^53", .pair[0], .pair[1])]
    NotWhole {
        /// Which input of the head it is.
        part: Part,
        /// The position, from 0, as the memory counts.
        position: u32,
        /// Both components, as the head computed them.
        pair: [f64; 2],
        /// What they stand for.
        number: f64,
    },
    /// Mean: a key with a horizontal component.
    #[error("the key ({}, {}) at position {position} of a mean head is not vertical", .key[0], .key[1])]
    NotVertical {
        /// The position, from 0, as the memory counts.
        position: u32,
        /// Both components of the key, (kx, ky).
        key: [f64; 2],
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_which_input_of_the_head_is_meant() {
        let (position, pair) = (3, [f64::NAN, 1.0]);
        let of = |part| Violation::NotFinite { part, position, pair }.to_string();
        assert_eq!(of(Part::Key), "the key (NaN, 1) at position 3 is not finite");
        assert_eq!(of(Part::Query), "the query (NaN, 1) at position 3 is not finite");
    }
}
