//! Hard attention over two-dimensional keys: one file per way to compute a head's output.
//!
//! A head remembers a key and a value for every position. Asked with a query q
//! it finds the positions s with the greatest score q·k_s, the *winners*, and
//! gives the mean of their values or the value of the latest, as its
//! [`TieBreak`] says. [`Memory`] is that contract; [`memory`] picks the cheapest
//! way to keep it for a [`HeadKind`]:
//!
//! | kind | memory | a query costs | holds |
//! | --- | --- | --- | --- |
//! | lookup | [`Hull`]: the convex hull of the keys | O(log h) | 40 bytes a vertex |
//! | passthrough | `Passthrough`: the last value | O(1) | nothing |
//! | gather | [`Gather`]: the values, by position | O(1) | packed values |
//! | keyed | [`Keyed`]: a table from whole keys to latest values | O(1), a miss O(log n) | one entry a key |
//! | mean | `Mean`: a running sum | O(1) | nothing |
//!
//! [`Brute`] is the twin that they are all tested against: it scans.
//!
//! Every memory is *honest*: what its kind presumes of keys and queries is
//! checked as they pass, and what breaks it is a [`Violation`], never a wrong
//! output. A refused key leaves the memory as it was. Nothing here panics.
//!
//! Whether two scores are equal is decided exactly, as if they were real
//! numbers, by all memories but [`Brute`], whose scores are rounded. The two
//! agree wherever products and their sums are whole numbers below 2^53.

mod admission;
mod brute;
mod chain;
mod envelope;
mod gather;
mod history;
mod hull;
mod key_table;
mod keyed;
mod mean;
mod nearest;
mod own_keys;
mod pages;
mod passthrough;
mod predicates;
mod recency;
mod tied;
mod values;
mod violation;

use crate::model::{HeadKind, TieBreak};

pub use brute::Brute;
pub use gather::Gather;
pub(crate) use history::History;
pub use hull::Hull;
pub(crate) use key_table::{KeyTable, Place, PlainKeys, plain_queries};
pub use keyed::Keyed;
use mean::Mean;
pub(crate) use mean::{Sum, VerticalKeys};
pub(crate) use nearest::{Keys, Nearest};
pub(crate) use own_keys::{OwnKeys, Winners};
pub(crate) use passthrough::AscendingKeys;
use passthrough::Passthrough;
pub(crate) use values::Column;
pub use violation::{Part, Violation};

/// One head's memory: keys and values of positions 0, 1, 2, ... in order.
pub trait Memory: Send {
    /// Remembers (key, value) for the next position.
    fn insert(&mut self, key: [f64; 2], value: [f64; 2]) -> Result<(), Violation>;

    /// Hardmax over all positions inserted so far (at least one).
    fn output(&mut self, query: [f64; 2]) -> Result<[f64; 2], Violation>;

    /// [`Memory::insert`], then [`Memory::output`], for each of the next positions in
    /// order, in one call. Says how many have an output before one violated a promise.
    fn advance(&mut self, steps: Steps<'_>, outputs: [&mut [f64]; 2]) -> Result<(), ViolationAt> {
        let Steps { queries, keys, values } = steps;
        let [first, second] = outputs;
        let inputs = queries.into_iter().chain(keys).chain(values);
        let count = inputs.map(<[f64]>::len).min().unwrap_or(0).min(first.len()).min(second.len());
        for at in 0..count {
            let pair = |part: [&[f64]; 2]| [part[0][at], part[1][at]];
            let violation_at = |violation| ViolationAt { before: at, violation };
            self.insert(pair(keys), pair(values)).map_err(violation_at)?;
            [first[at], second[at]] = self.output(pair(queries)).map_err(violation_at)?;
        }
        Ok(())
    }

    /// Bytes of heap held, for reports.
    fn heap_bytes(&self) -> usize;
}

/// Queries, keys and values of consecutive positions, component by component; all
/// six are equally long.
#[derive(Clone, Copy, Debug)]
pub struct Steps<'a> {
    /// qx of every position, then qy of every position.
    pub queries: [&'a [f64]; 2],
    /// kx of every position, then ky of every position.
    pub keys: [&'a [f64]; 2],
    /// The first component of every position's value, then the second.
    pub values: [&'a [f64]; 2],
}

/// A violation, and how many positions of the call come before it.
#[derive(Clone, Debug, PartialEq)]
pub struct ViolationAt {
    /// Positions of this call before it: those that have an output.
    pub before: usize,
    /// What the next position violated.
    pub violation: Violation,
}

/// The cheapest honest memory for a head of this kind.
pub fn memory(kind: HeadKind, tie: TieBreak) -> Result<Box<dyn Memory>, Violation> {
    Ok(match kind {
        HeadKind::Lookup => Box::new(Hull::new(tie)),
        HeadKind::Passthrough => Box::new(Passthrough::new()),
        HeadKind::Gather => Box::new(Gather::new(tie)),
        HeadKind::Keyed => Box::new(Keyed::new(tie)?),
        HeadKind::Mean => Box::new(Mean::new(tie)?),
    })
}
