//! Models of the same graph in the style of other builders.
//!
//! A transformer VM can be written in many ways that mean the same. The builder of this project rounds its
//! running sums, names the kind of each head and clears slots by a list; others do not. A [`Style`] is a
//! draw of such choices, by a seed, and [`build_in`] writes a graph accordingly, for tests and benches of
//! what is made of files that come from elsewhere:
//!
//! - `rewrite` changes the graph: sums are left as they are computed, fl(fl(S/t)·t); squares are sums of
//!   relu(e)·e and of -relu(-e)·e; keys have another recency, gathers too; tokens that take no part have
//!   negative keys instead of cleared ones; the tokens of instructions that a machine lacks are left out;
//! - `slots` changes where values live: every value in a slot of its own, or dead values taken out of their
//!   slots by heads and units that subtract them, instead of a list of cleared slots.
//!
//! Layers are not searched for but drawn: operations stand somewhere between their earliest and latest
//! half-layer, in up to three layers more than the longest chain has.

mod rewrite;
mod slots;

use fastrand::Rng;

use super::{Build, matrices, operations, schedule, slots as layout};
use crate::graph::Graph;
use crate::model::{HeadKind, ModelParts, TieBreak, Token};

/// How a model is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Style {
    /// Room for locals that a machine has for each call: what their keys are made of.
    pub locals: u16,
    /// The seed by which operations are placed.
    seed: u64,
    /// The factor of the recency in keys that the latest token is looked up by.
    recency: f64,
    /// The same in keys of positions.
    gather_recency: f64,
    /// What a query for a whole number is multiplied by.
    query_scale: f64,
    /// Whether squares have units for both signs.
    both_signs: bool,
    /// Whether tokens that take no part have negative keys, else cleared ones.
    negative_keys: bool,
    /// What equal winners of a gather give; there are none.
    gather_tie: TieBreak,
    /// Whether the file names lookups, gathers and passthrough heads; of other kinds it has none.
    kinds: bool,
    /// What becomes of slots whose value has died.
    dead: Dead,
    /// Layers beyond the longest chain.
    spare_layers: usize,
}

/// What becomes of slots whose value has died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dead {
    /// They are listed as cleared, and used again.
    Listed,
    /// A head or unit subtracts the value, where there is one to spare, and they are used again.
    Subtracted,
    /// They stay as they are, and are not used again.
    Kept,
}

impl Style {
    /// The same style for the same seed.
    pub fn random(seed: u64) -> Style {
        let random = &mut Rng::with_seed(seed);
        let recencies = [0.3, 0.3, 0.3, 0.25, 0.1, 0.03];
        let kinds = random.bool();
        let gather_recency = [0.0, 0.3, 0.3, 0.1][random.usize(..4)];
        // A gather whose kind is named may have a recency only where it gives the latest.
        let ties = [TieBreak::Latest, TieBreak::Average];
        let gather_tie = ties[random.usize(..if kinds && gather_recency > 0.0 { 1 } else { 2 })];
        Style {
            locals: [64, 64, 1024][random.usize(..3)],
            seed,
            recency: recencies[random.usize(..recencies.len())],
            gather_recency,
            query_scale: [1.0, 1e10, 1e10 * std::f64::consts::SQRT_2, 300.0][random.usize(..4)],
            both_signs: random.bool(),
            negative_keys: random.u8(..3) == 0,
            gather_tie,
            kinds,
            dead: [Dead::Listed, Dead::Listed, Dead::Subtracted, Dead::Kept][random.usize(..4)],
            spare_layers: random.usize(1..4),
        }
    }

    /// The same with another factor of the recency.
    pub fn with_recency(self, recency: f64) -> Style {
        Style { recency, ..self }
    }
}

/// The model that computes `graph` over the tokens for which `names` has one, written in a style.
pub fn build_in(style: &Style, graph: &Graph, names: Vec<Option<String>>, stop: &str) -> Build {
    let kept: Vec<usize> = (0..names.len()).filter(|&id| names[id].is_some()).collect();
    let names: Vec<String> = names.into_iter().flatten().collect();
    let stop = names.iter().position(|name| name == stop).expect("the stop token has a name");
    let graph = rewrite::rewritten(graph, &kept, style);
    let operations = operations::operations(&graph);
    let random = &mut Rng::with_seed(style.seed);
    let times = schedule::drawn(&operations, style.spare_layers, random);
    let layout = match style.dead {
        Dead::Listed => layout::allocate(&operations, &times),
        Dead::Subtracted => slots::subtracted(&operations, layout::allocate(&operations, &times)),
        Dead::Kept => slots::kept(&operations, &times),
    };
    let mut parts = matrices::fill(
        &graph,
        &operations,
        &times,
        &layout,
        (names, Token(stop as u32)),
        style.query_scale,
    );
    without_what_others_lack(&mut parts, style);
    Build { parts, live: layout.live, fetches: layout.fetches }
}

/// Others know heads of three kinds, or none, and need list nothing.
fn without_what_others_lack(parts: &mut ModelParts, style: &Style) {
    if style.kinds {
        for kind in parts.kinds.iter_mut().flatten() {
            if matches!(kind, HeadKind::Keyed | HeadKind::Mean) {
                *kind = HeadKind::Lookup;
            }
        }
    } else {
        parts.kinds = None;
    }
    let cleared = |parts: &ModelParts| {
        let all = parts.clears.iter().flatten();
        all.flat_map(|clears| clears.after_attention.iter().chain(&clears.after_feed_forward))
            .count()
    };
    if cleared(parts) == 0 {
        parts.clears = None;
    }
}

#[cfg(test)]
mod tests;
