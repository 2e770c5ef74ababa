//! Hard attention over two-dimensional keys: one file per way to answer a head.
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
//! | gather | [`Gather`]: the values, by position | O(1) | packed values, or nothing where a `History` decides |
//! | keyed | [`Keyed`]: a table from whole keys to latest values | O(1), a miss O(log n) | one entry a key |
//! | mean | `Mean`: a running sum | O(1) | nothing |
//!
//! [`Brute`] is the twin that they are all tested against: it scans.
//!
//! Every memory is *honest*: what its kind presumes of keys and queries is
//! checked as they pass, and a violation is a [`Broken`], never a wrong
//! answer. A refused key leaves the memory as it was. Nothing here panics.
//!
//! Whether two scores are equal is decided exactly, as if they were real
//! numbers, by all memories but [`Brute`], whose scores are rounded. The two
//! agree wherever products and their sums are whole numbers below 2^53.

mod broken;
mod brute;
mod chain;
mod door;
mod envelope;
mod exact;
mod gather;
mod history;
mod hull;
mod keyed;
mod mean;
mod pages;
mod passthrough;
mod recency;
mod tied;
mod values;

use crate::model::{HeadKind, TieBreak};

pub use broken::{Broken, Part};
pub use brute::Brute;
pub use gather::Gather;
pub(crate) use history::History;
pub use hull::Hull;
pub use keyed::Keyed;
use mean::Mean;
use passthrough::Passthrough;

/// One head's memory: keys and values of positions 0, 1, 2, ... in order.
pub trait Memory: Send {
    /// Remembers (key, value) for the next position.
    fn insert(&mut self, key: [f64; 2], value: [f64; 2]) -> Result<(), Broken>;

    /// Hardmax over all positions inserted so far (at least one).
    fn answer(&mut self, query: [f64; 2]) -> Result<[f64; 2], Broken>;

    /// [`Memory::insert`], then [`Memory::answer`], for each of the next positions in
    /// order, in one call. Says how many were answered before one broke a promise.
    fn advance(&mut self, steps: Steps<'_>, answers: [&mut [f64]; 2]) -> Result<(), BrokenAt> {
        let Steps { queries, keys, values } = steps;
        let [first, second] = answers;
        let inputs = queries.into_iter().chain(keys).chain(values);
        let count = inputs.map(<[f64]>::len).min().unwrap_or(0).min(first.len()).min(second.len());
        for at in 0..count {
            let pair = |part: [&[f64]; 2]| [part[0][at], part[1][at]];
            let broken_at = |broken| BrokenAt { answered: at, broken };
            self.insert(pair(keys), pair(values)).map_err(broken_at)?;
            [first[at], second[at]] = self.answer(pair(queries)).map_err(broken_at)?;
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
    /// qx and qy.
    pub queries: [&'a [f64]; 2],
    /// kx and ky.
    pub keys: [&'a [f64]; 2],
    /// Both components of the values.
    pub values: [&'a [f64]; 2],
}

/// What broke, and how many positions before it were answered.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokenAt {
    /// Positions of this call that were answered.
    pub answered: usize,
    /// What the next one broke.
    pub broken: Broken,
}

/// The cheapest honest memory for a head of this kind.
pub fn memory(kind: HeadKind, tie: TieBreak) -> Result<Box<dyn Memory>, Broken> {
    Ok(match kind {
        HeadKind::Lookup => Box::new(Hull::new(tie)),
        HeadKind::Passthrough => Box::new(Passthrough::new()),
        HeadKind::Gather => Box::new(Gather::new(tie)),
        HeadKind::Keyed => Box::new(Keyed::new(tie)?),
        HeadKind::Mean => Box::new(Mean::new(tie)?),
    })
}
