//! From a graph to weights, in four steps that each have a file:
//!
//! 1. `operations`: which values need a slot, and which operations must share a
//!    layer because one reads what another leaves in no slot.
//! 2. `schedule`: a time for every operation. Half-layers are counted from 1:
//!    odd ones are attention, even ones feed-forward. *State* s is the residual
//!    stream after s half-layers; half-layer s reads state s-1 and writes state s.
//! 3. `slots`: a slot for every value from its birth to its last use.
//! 4. `matrices`: the numbers.
//!
//! What bounds the result: the number of layers is the longest chain of dependencies, found
//! exactly, and one more, which makes all of them narrower. The width is at least the number of
//! values that live at the same time; which values do is searched for, by moving operations
//! between their earliest and their latest half-layer. Nothing here is random and nothing depends
//! on the machine: the same graph gives the same bytes.

mod matrices;
mod operations;
mod schedule;
mod slots;
#[cfg(test)]
mod small_graphs;
mod style;

use crate::graph::Graph;
use crate::model::{ModelParts, Token};
pub use style::{Style, build_in};

/// What the weights of a graph look like, and where each value lives.
pub struct Build {
    /// The model.
    pub parts: ModelParts,
    /// Values that live in each state, the greatest of which bounds the width.
    pub live: Vec<usize>,
    /// Heads of each layer that fetch; what other heads there are pass slots on.
    pub fetches: Vec<usize>,
}

/// The model that computes `graph`, over a vocabulary with these names.
pub fn build(graph: &Graph, names: Vec<String>, stop: Token) -> Build {
    let operations = operations::operations(graph);
    let times = schedule::schedule(&operations);
    let layout = slots::allocate(&operations, &times);
    let parts =
        matrices::fill(graph, &operations, &times, &layout, (names, stop), matrices::QUERY_SCALE);
    Build { parts, live: layout.live, fetches: layout.fetches }
}
