//! A slot for every value, from the half-layer that makes it to the last that
//! reads it.
//!
//! A value that dies in a half-layer leaves its slot in one of two ways. The slot
//! is *cleared* and free from the next half-layer on; or a value born in this
//! very half-layer takes it over *in place*: the layer adds the difference. For
//! that both must be exact ([`Kept::exact`](super::operations::Kept)), for
//! x + (y - x) is y only without rounding. Adding the difference costs half a
//! passthrough head or one unit, or nothing where another newcomer has the same. Where the
//! newcomer is the old value and something more, only that is added, exact or not; raw values
//! cost nothing.

use super::operations::{Operations, Part};
use super::schedule::Times;
use crate::graph::Linear;

/// A slot of the residual stream.
pub type Slot = usize;

/// The first three slots, to which the forward pass adds position, inverse
/// logarithm and squared position.
pub const SOURCE_SLOTS: usize = 3;

/// A value born in a half-layer.
pub struct Birth {
    /// Place in [`Operations::kept`].
    pub kept: usize,
    /// What the half-layer adds to the slot besides raw values.
    pub passed: Linear,
}

/// One half-layer's traffic.
#[derive(Default)]
pub struct HalfLayer {
    /// Values born.
    pub births: Vec<Birth>,
    /// Slots cleared at its end.
    pub cleared: Vec<Slot>,
    /// Combinations of slots that it passes on, each once.
    pub passed: Vec<Linear>,
}

impl HalfLayer {
    fn pass(&mut self, linear: &Linear) {
        if !linear.is_zero() && !self.passed.contains(linear) {
            self.passed.push(linear.clone());
        }
    }
}

/// Where everything lives.
pub struct Layout {
    /// Slot by place in [`Operations::kept`].
    pub slot: Vec<Slot>,
    /// By half-layer, from half-layer 1 at index 0.
    pub half_layers: Vec<HalfLayer>,
    /// Number of slots.
    pub slots: usize,
    /// Values alive, by state.
    pub live: Vec<usize>,
    /// Fetches by layer.
    pub fetches: Vec<usize>,
    /// Heads in the attention that needs most.
    pub heads: usize,
    /// Units in the feed-forward that needs most.
    pub units: usize,
    /// Combinations passed on, in all half-layers.
    pub passed: usize,
}

impl Layout {
    /// D: room for all slots and all heads.
    pub fn width(&self) -> usize {
        (self.slots.max(2 * self.heads)).next_multiple_of(2)
    }
}

/// Gives every value its slot, in a model as narrow as this order of things allows.
///
/// Taking slots over in place needs fewer slots but more heads, and the width has
/// to hold both: the least width is found by trying.
pub fn allocate(operations: &Operations, times: &Times) -> Layout {
    let most_live = live(operations, times).into_iter().max().unwrap_or(0);
    let mut width = most_live.next_multiple_of(2);
    loop {
        let layout = allocate_within(operations, times, width);
        if layout.width() <= width {
            return layout;
        }
        width += 2;
    }
}

/// Gives every value its slot, taking slots over in place as long as no attention
/// needs more heads than a model of this width has.
fn allocate_within(operations: &Operations, times: &Times, width: usize) -> Layout {
    let (births, deaths) = lives(operations, times);
    let states = 2 * times.layers;
    let live = live(operations, times);
    let mut slot = vec![usize::MAX; operations.kept.len()];
    let mut slots = SOURCE_SLOTS;
    let mut free: Vec<Slot> = Vec::new();
    for (at, kept) in operations.kept.iter().enumerate() {
        if births[at] == 0 {
            slot[at] = kept.value.index().min(slots);
            slots = slots.max(slot[at] + 1);
        }
    }

    let own = own_sizes(operations, times);
    let mut half_layers = Vec::with_capacity(states);
    for now in 1..=states {
        let mut half_layer = HalfLayer::default();
        let may_pass = match now % 2 {
            1 => 2 * (width / 2).saturating_sub(own[now - 1]),
            _ => usize::MAX,
        };
        let mut dying: Vec<usize> = (0..deaths.len()).filter(|&at| deaths[at] + 1 == now).collect();
        let mut born: Vec<usize> = (0..births.len()).filter(|&at| births[at] == now).collect();
        // First those that need a free slot; of the others those that take something from
        // slots anyway, for they take slots over for nothing.
        born.sort_by_key(|&at| (operations.kept[at].exact, operations.kept[at].slots.is_zero()));
        for at in born {
            let kept = &operations.kept[at];
            let grows = |&old: &usize| kept.slots.coefficient(operations.kept[old].value) == 1.0;
            let grown = dying.iter().position(grows);
            let replaced = || {
                let exact = |old: &usize| kept.exact && operations.kept[*old].exact;
                let pays = !kept.slots.is_zero() || half_layer.passed.len() < may_pass;
                let pays = pays && free.is_empty();
                dying.iter().position(exact).filter(|_| pays)
            };
            let mut passed = kept.slots.clone();
            let in_place = grown.or_else(replaced);
            slot[at] = if let Some(index) = in_place {
                let old = dying.remove(index);
                passed = passed - operations.kept[old].value;
                slot[old]
            } else if let Some(slot) = free.pop() {
                slot
            } else {
                slots += 1;
                slots - 1
            };
            half_layer.pass(&passed);
            half_layer.births.push(Birth { kept: at, passed });
        }
        half_layer.cleared = dying.iter().map(|&old| slot[old]).collect();
        half_layer.cleared.sort_unstable();
        free.extend(half_layer.cleared.iter().rev());
        half_layers.push(half_layer);
    }
    let (heads, units) = sizes(&own, &half_layers);
    let passed = half_layers.iter().map(|half_layer| half_layer.passed.len()).sum();
    let fetches = own.iter().copied().step_by(2).collect();
    Layout { slot, half_layers, slots, live, fetches, heads, units, passed }
}

/// How many values are alive in each state.
fn live(operations: &Operations, times: &Times) -> Vec<usize> {
    let (births, deaths) = lives(operations, times);
    (0..=2 * times.layers)
        .map(|s| births.iter().zip(&deaths).filter(|(b, d)| **b <= s && s <= **d).count())
        .collect()
}

/// The first and the last state in which each value is in its slot.
fn lives(operations: &Operations, times: &Times) -> (Vec<usize>, Vec<usize>) {
    let born = |at: usize| operations.kept[at].group.map_or(0, |group| times.of[group.0]);
    let births: Vec<usize> = (0..operations.kept.len()).map(born).collect();
    let mut deaths = births.clone();
    for (group, &time) in operations.groups.iter().zip(&times.of) {
        for &read in &group.reads {
            deaths[read] = deaths[read].max(time - 1);
        }
    }
    let end = 2 * times.layers;
    for (at, kept) in operations.kept.iter().enumerate() {
        if kept.read_by_logits {
            deaths[at] = end;
        }
    }
    // Passing a slot on takes `one`, and in attention the position.
    deaths[operations.one] = end;
    deaths[operations.position] = deaths[operations.position].max(end - 2);
    (births, deaths)
}

/// Fetches or units by half-layer.
fn own_sizes(operations: &Operations, times: &Times) -> Vec<usize> {
    let mut own = vec![0; 2 * times.layers];
    for (group, &time) in operations.groups.iter().zip(&times.of) {
        own[time - 1] += match group.part {
            Part::Attention => group.fetches.len(),
            _ => group.units.len(),
        };
    }
    own
}

/// Heads and units of the layers that need most.
fn sizes(own: &[usize], half_layers: &[HalfLayer]) -> (usize, usize) {
    let (mut heads, mut units) = (0, 0);
    for (index, half_layer) in half_layers.iter().enumerate() {
        if index % 2 == 0 {
            heads = heads.max(own[index] + half_layer.passed.len().div_ceil(2));
        } else {
            units = units.max(own[index] + half_layer.passed.len());
        }
    }
    (heads, units)
}
