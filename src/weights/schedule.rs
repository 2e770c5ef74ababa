//! A half-layer for every group of operations.
//!
//! A group stands after everything that makes what it reads, in a half-layer of
//! its own kind. The earliest such half-layers give the least number of layers;
//! up to [`SPARE_LAYERS`] more leave room, if that pays. Groups then move at random, ever less often to where
//! the model gets larger (simulated annealing), and at last only to where it gets
//! smaller. What looks random is the same every time.

use std::ops::RangeInclusive;

use super::operations::{GroupId, Operations, Part};
use super::slots::allocate;

/// When each group runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Times {
    /// The half-layer of each group, from 1; odd ones are attention.
    pub of: Vec<usize>,
    /// Number of layers.
    pub layers: usize,
}

/// Layers beyond the longest chain, at most. With one, neither heads nor units crowd in the layer
/// that looks for operands, and a token takes a sixth less work, for all layers are narrower. Where one
/// layer has thousands of units, which all others then have room for, none pays.
const SPARE_LAYERS: usize = 1;

/// Searches, each from the start with other random numbers. Which seeds does not matter much: for the bundled model 17 finds
/// 4 per cent fewer multiply-adds than the best of 1 to 4.
const SEEDS: RangeInclusive<u64> = 17..=20;

/// Moves of a search.
const MOVES: usize = 12_000;

/// By how many multiply-adds the first moves may make a model larger.
const HEAT: usize = 6_000;

/// The best schedule found.
pub fn schedule(operations: &Operations) -> Times {
    let of = earliest(operations);
    let longest_chain = of.iter().copied().max().unwrap_or(1).div_ceil(2);
    let search = |layers, seed| {
        let start = Times { of: of.clone(), layers };
        descend(operations, anneal(operations, start, Random(seed)))
    };
    let found = (longest_chain..=longest_chain + SPARE_LAYERS)
        .flat_map(|layers| SEEDS.map(move |seed| (layers, seed)))
        .map(|(layers, seed)| search(layers, seed));
    found.min_by_key(|times| cost(operations, times)).expect("there are searches")
}

/// Any schedule, with so many layers more than the longest chain has.
pub fn drawn(operations: &Operations, spare_layers: usize, random: &mut fastrand::Rng) -> Times {
    let of = earliest(operations);
    let layers = of.iter().copied().max().unwrap_or(1).div_ceil(2) + spare_layers;
    let mut times = Times { of, layers };
    for _ in 0..4 * times.of.len() {
        let group = GroupId(random.usize(..times.of.len()));
        let window = window(operations, &times, group);
        times.of[group.0] = window[random.usize(..window.len())];
    }
    times
}

/// Random moves, of which ever fewer may make the cost greater; the best seen.
fn anneal(operations: &Operations, mut times: Times, mut random: Random) -> Times {
    let mut now = cost(operations, &times);
    let mut best = (now, times.clone());
    for left in (1..=MOVES).rev() {
        let group = GroupId(random.below(times.of.len()));
        let window = window(operations, &times, group);
        let time = window[random.below(window.len())];
        if time == times.of[group.0] {
            continue;
        }
        let before = std::mem::replace(&mut times.of[group.0], time);
        let moved = cost(operations, &times);
        if moved.0 <= now.0 + random.below(1 + HEAT * left / MOVES) {
            now = moved;
            if now < best.0 {
                best = (now, times.clone());
            }
        } else {
            times.of[group.0] = before;
        }
    }
    best.1
}

/// Numbers that look random, the same every time (the multiplier is Knuth's).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % limit
    }
}

/// What to make small, the most important first: multiply-adds a token, work to pass
/// values on, and values alive over all states.
fn cost(operations: &Operations, times: &Times) -> (usize, usize, usize) {
    let layout = allocate(operations, times);
    let (width, units) = (layout.width(), layout.units);
    let layers = times.layers * (4 * width * width + 3 * units * width);
    let dense = layers + operations.vocabulary * width;
    (dense, layout.passed, layout.live.iter().sum())
}

/// Moves groups while that makes the cost smaller.
fn descend(operations: &Operations, mut times: Times) -> Times {
    let mut best = cost(operations, &times);
    loop {
        let before = best;
        for group in (0..times.of.len()).map(GroupId) {
            for time in window(operations, &times, group) {
                let old = std::mem::replace(&mut times.of[group.0], time);
                let moved = cost(operations, &times);
                if moved < best {
                    best = moved;
                } else {
                    times.of[group.0] = old;
                }
            }
        }
        if best == before {
            return times;
        }
    }
}

/// The half-layers that a group can stand in while all others stay.
fn window(operations: &Operations, times: &Times, group: GroupId) -> Vec<usize> {
    let makers = operations.groups[group.0].reads.iter();
    let after = makers.filter_map(|&read| operations.kept[read].group).map(|g| times.of[g.0]).max();
    let before = readers(operations, group).map(|reader| times.of[reader.0]).min();
    let last = before.unwrap_or(2 * times.layers + 1);
    let part = operations.groups[group.0].part;
    (after.unwrap_or(0) + 1..last).filter(|&time| fits(part, time)).collect()
}

fn fits(part: Part, time: usize) -> bool {
    match part {
        Part::Attention => time % 2 == 1,
        Part::FeedForward => time.is_multiple_of(2),
        Part::Either => true,
    }
}

fn readers(operations: &Operations, group: GroupId) -> impl Iterator<Item = GroupId> {
    let fills = &operations.groups[group.0].fills;
    let reads = move |reader: &GroupId| {
        let reads = &operations.groups[reader.0].reads;
        fills.iter().any(|fill| reads.binary_search(fill).is_ok())
    };
    (0..operations.groups.len()).map(GroupId).filter(reads)
}

/// Each group as early as what it reads allows.
fn earliest(operations: &Operations) -> Vec<usize> {
    let mut times = vec![0; operations.groups.len()];
    settle(&mut times, |times, group| {
        let reads = operations.groups[group].reads.iter();
        let after = reads.filter_map(|&read| operations.kept[read].group).map(|g| times[g.0]);
        let first = after.max().unwrap_or(0) + 1;
        if fits(operations.groups[group].part, first) { first } else { first + 1 }
    });
    times
}

/// Applies a rule to every group until nothing changes. Without a cycle, as many
/// rounds as there are groups suffice.
fn settle(times: &mut Vec<usize>, rule: impl Fn(&[usize], usize) -> usize) {
    for _ in 0..=times.len() {
        let settled: Vec<usize> = (0..times.len()).map(|group| rule(times, group)).collect();
        if settled == *times {
            return;
        }
        *times = settled;
    }
    panic!("a persist ties together operations of which one depends on the other");
}

#[cfg(test)]
pub mod tests {
    use fastrand::Rng;

    use super::*;
    use crate::weights::operations::operations;
    use crate::weights::small_graphs;

    /// Times that are allowed, but as they come: with room, and every group moved at random.
    pub fn any_times(operations: &Operations, random: &mut Rng) -> Times {
        let spare_layers = random.usize(..3);
        drawn(operations, spare_layers, random)
    }

    fn check(operations: &Operations, times: &Times) {
        for (at, group) in operations.groups.iter().enumerate() {
            let time = times.of[at];
            assert!((1..=2 * times.layers).contains(&time));
            match group.part {
                Part::Attention => assert_eq!(time % 2, 1, "heads stand in odd half-layers"),
                Part::FeedForward => assert_eq!(time % 2, 0, "units stand in even half-layers"),
                Part::Either => {}
            }
            for &read in &group.reads {
                let maker = operations.kept[read].group;
                assert!(maker.is_none_or(|maker| times.of[maker.0] < time), "made before read");
            }
        }
    }

    #[test]
    fn groups_stand_after_what_they_read_in_half_layers_of_their_kind() {
        for seed in 0..400 {
            let random = &mut Rng::with_seed(seed);
            let operations = operations(&small_graphs::random(seed));
            if operations.groups.is_empty() {
                continue;
            }
            let times = Times { of: earliest(&operations), layers: 100 };
            check(&operations, &times);
            // None could stand earlier.
            for group in 0..operations.groups.len() {
                let window = window(&operations, &times, GroupId(group));
                assert_eq!(window[0], times.of[group], "seed {seed}");
            }
            check(&operations, &any_times(&operations, random));
        }
    }

    #[test]
    fn a_schedule_has_at_most_one_layer_more_than_the_longest_chain_and_is_always_the_same() {
        for seed in [1, 4, 9] {
            let operations = operations(&small_graphs::random(seed));
            let found = schedule(&operations);
            check(&operations, &found);
            let chain = earliest(&operations).into_iter().max().unwrap().div_ceil(2);
            assert!((chain..=chain + SPARE_LAYERS).contains(&found.layers));
            assert_eq!(schedule(&operations), found);
            // No single move makes it smaller, and none of the start does better.
            let start = Times { of: earliest(&operations), layers: found.layers };
            assert!(cost(&operations, &found) <= cost(&operations, &start));
            assert_eq!(descend(&operations, found.clone()), found);
        }
    }
}
