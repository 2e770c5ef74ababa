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
    /// Slots from which a value that died is subtracted, with what is passed on for that.
    pub subtracted: Vec<(Slot, Linear)>,
}

impl HalfLayer {
    /// Passes a combination on, once.
    pub fn pass(&mut self, linear: &Linear) {
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
    /// Units by layer, but for those that pass combinations on.
    pub units_of: Vec<usize>,
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
    let units_of = own.iter().copied().skip(1).step_by(2).collect();
    Layout { slot, half_layers, slots, live, fetches, heads, units, units_of, passed }
}

/// How many values are alive in each state.
fn live(operations: &Operations, times: &Times) -> Vec<usize> {
    let (births, deaths) = lives(operations, times);
    (0..=2 * times.layers)
        .map(|s| births.iter().zip(&deaths).filter(|(b, d)| **b <= s && s <= **d).count())
        .collect()
}

/// The first and the last state in which each value is in its slot.
pub fn lives(operations: &Operations, times: &Times) -> (Vec<usize>, Vec<usize>) {
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
pub fn own_sizes(operations: &Operations, times: &Times) -> Vec<usize> {
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
pub fn sizes(own: &[usize], half_layers: &[HalfLayer]) -> (usize, usize) {
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

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;
    use crate::weights::operations::operations;
    use crate::weights::schedule::tests::any_times;
    use crate::weights::small_graphs;

    fn layouts(check: impl Fn(&Operations, &Times, &Layout, u64)) {
        for seed in 0..400 {
            let operations = operations(&small_graphs::random(seed));
            if operations.groups.is_empty() {
                continue;
            }
            let times = any_times(&operations, &mut Rng::with_seed(seed));
            check(&operations, &times, &allocate(&operations, &times), seed);
        }
    }

    #[test]
    fn two_values_that_live_at_once_never_share_a_slot() {
        layouts(|operations, times, layout, seed| {
            let (births, deaths) = lives(operations, times);
            for a in 0..births.len() {
                for b in 0..a {
                    let apart = deaths[a] < births[b] || deaths[b] < births[a];
                    assert!(apart || layout.slot[a] != layout.slot[b], "seed {seed}: {a}, {b}");
                }
            }
            assert!(layout.slot.iter().all(|&slot| slot < layout.slots));
        });
    }

    #[test]
    fn values_live_from_their_birth_to_their_last_reader_and_no_longer() {
        layouts(|operations, times, layout, seed| {
            let (births, deaths) = lives(operations, times);
            let end = 2 * times.layers;
            for (at, kept) in operations.kept.iter().enumerate() {
                let made = kept.group.map_or(0, |group| times.of[group.0]);
                assert_eq!(births[at], made, "seed {seed}");
                let groups = operations.groups.iter().zip(&times.of);
                let reads = groups.filter(|(group, _)| group.reads.contains(&at));
                let last = reads.map(|(_, time)| time - 1).max().unwrap_or(made);
                let expected = match at {
                    _ if kept.read_by_logits || at == operations.one => end,
                    at if at == operations.position => last.max(end - 2),
                    _ => last,
                };
                assert_eq!(deaths[at], expected, "seed {seed}, value {at}");
            }
            for (state, &count) in layout.live.iter().enumerate() {
                let alive = births.iter().zip(&deaths);
                let alive = alive.filter(|(birth, death)| (**birth..=**death).contains(&state));
                assert_eq!(alive.count(), count, "seed {seed}, state {state}");
            }
            assert!(layout.slots >= *layout.live.iter().max().unwrap());
        });
    }

    /// Follows what each slot holds, as a combination of values, through all half-layers.
    #[test]
    fn every_value_that_lives_is_what_its_slot_holds() {
        let mut in_place = 0;
        for seed in 0..400 {
            let operations = operations(&small_graphs::random(seed));
            if operations.groups.is_empty() {
                continue;
            }
            let times = any_times(&operations, &mut Rng::with_seed(seed));
            let layout = allocate(&operations, &times);
            let (births, deaths) = lives(&operations, &times);
            let mut slots = vec![Linear::zero(); layout.slots];
            let holds = |state: usize, slots: &[Linear]| {
                for (at, kept) in operations.kept.iter().enumerate() {
                    if (births[at]..=deaths[at]).contains(&state) {
                        let slot = &slots[layout.slot[at]];
                        assert_eq!(*slot, kept.value.into(), "seed {seed}, state {state}");
                    }
                }
            };
            for (at, kept) in operations.kept.iter().enumerate() {
                if births[at] == 0 {
                    slots[layout.slot[at]] = kept.value.into();
                }
            }
            holds(0, &slots);
            for (before, half_layer) in layout.half_layers.iter().enumerate() {
                for birth in &half_layer.births {
                    let kept = &operations.kept[birth.kept];
                    assert!(birth.passed.is_zero() || half_layer.passed.contains(&birth.passed));
                    let slot = &mut slots[layout.slot[birth.kept]];
                    in_place += u32::from(!slot.is_zero());
                    // What is added, with a value for what it was defined as.
                    let sum = slot.clone() + birth.passed.clone() + kept.raw.clone();
                    let defined = kept.slots.clone() + kept.raw.clone();
                    assert_eq!(sum, defined, "seed {seed}, half-layer {before}");
                    *slot = kept.value.into();
                }
                for &slot in &half_layer.cleared {
                    slots[slot] = Linear::zero();
                }
                holds(before + 1, &slots);
            }
        }
        assert!(in_place > 100, "{in_place}");
    }

    #[test]
    fn only_exact_values_take_others_over_unless_they_grow() {
        let mut graph = crate::graph::Graph::new(3, 0);
        let half = graph.feature("half", |token| token as f64 / 3.0);
        let whole = graph.feature("whole", |token| token as f64);
        let gate = graph.feature("gate", |token| token as f64);
        let unit = graph.unit(whole + gate, half);
        let inexact = graph.persist("inexact", unit * 1.0);
        let grown = graph.persist("grown", inexact + whole * 2.0);
        graph.predict(1, grown.into());
        let operations = operations(&graph);
        let of = |value: crate::graph::Value| operations.place[value.index()].unwrap();
        let exact = |value| operations.kept[of(value)].exact;
        assert_eq!(
            [exact(whole), exact(half), exact(inexact), exact(grown)],
            [true, false, false, false]
        );
        let times = Times { of: vec![2, 3], layers: 2 };
        let layout = allocate(&operations, &times);
        // What is the old value and more takes its slot; of whole and half none is taken over.
        assert_eq!(layout.slot[of(grown)], layout.slot[of(inexact)]);
        assert_ne!(layout.slot[of(inexact)], layout.slot[of(gate)], "exact, but not the newcomer");
        assert_ne!(layout.slot[of(inexact)], layout.slot[of(half)]);
        assert_ne!(layout.slot[of(inexact)], layout.slot[of(whole)]);
    }
}
