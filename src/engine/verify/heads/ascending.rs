//! Heads of kind passthrough, with the same keys and queries.

use super::{At, Fault, pair};
use crate::attention::AscendingKeys;
use crate::engine::verify::chunk::Row;
use crate::engine::verify::vectors::widest;

/// Heads of kind passthrough. Their values are their outputs: there is nothing but checks.
pub struct AscendingHeads {
    /// The lowest number of a head.
    head: usize,
    keys: [usize; 2],
    queries: [usize; 2],
    checked: AscendingKeys,
}

impl AscendingHeads {
    pub fn new(head: usize, keys: [usize; 2], queries: [usize; 2]) -> AscendingHeads {
        AscendingHeads { head, keys, queries, checked: AscendingKeys::default() }
    }

    /// Rows of their keys and queries.
    pub fn keys(&self) -> ([usize; 2], [usize; 2]) {
        (self.keys, self.queries)
    }

    pub fn advance(&mut self, at: &At<'_>, projected: &[Row]) -> Option<Fault> {
        let [keys, queries] = [self.keys, self.queries].map(|rows| pair(projected, rows, at.len));
        let checked = widest(
            at.arch,
            #[inline(always)]
            || self.checked.advance_all(keys, queries),
        );
        checked.err().map(|violation| at.fault(self.head, violation))
    }
}
