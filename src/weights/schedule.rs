//! A half-layer for every group of operations.
//!
//! A group stands after everything that makes what it reads, in a half-layer of
//! its own kind. The earliest such half-layers give the least number of layers.
//! Within that number, groups that are not on the longest chain can move; a
//! descent moves them one or two at a time as long as the model gets narrower, or
//! smaller at equal width.

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

/// The best schedule found.
pub fn schedule(operations: &Operations) -> Times {
    let earliest = earliest(operations);
    let layers = earliest.iter().copied().max().unwrap_or(1).div_ceil(2);
    let latest = latest(operations, 2 * layers);
    let starts = [earliest, latest].map(|of| descend(operations, Times { of, layers }));
    let [early, late] = starts;
    if cost(operations, &late) < cost(operations, &early) { late } else { early }
}

/// What to make small, the most important first: width, units, work to pass
/// values on, and values alive over all states.
fn cost(operations: &Operations, times: &Times) -> (usize, usize, usize, usize) {
    let layout = allocate(operations, times);
    (layout.width(), layout.units, layout.passed, layout.live.iter().sum())
}

/// Moves groups while that makes the cost smaller.
fn descend(operations: &Operations, mut times: Times) -> Times {
    let mut best = cost(operations, &times);
    loop {
        let before = best;
        for first in (0..times.of.len()).map(GroupId) {
            for time in window(operations, &times, first) {
                let mut moved = times.clone();
                moved.of[first.0] = time;
                let candidate = cost(operations, &moved);
                if candidate < best {
                    (best, times) = (candidate, moved);
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

/// Each group as late as what reads it allows.
fn latest(operations: &Operations, end: usize) -> Vec<usize> {
    let mut times = vec![end; operations.groups.len()];
    settle(&mut times, |times, group| {
        let before = readers(operations, GroupId(group)).map(|reader| times[reader.0]);
        let last = before.min().unwrap_or(end + 1) - 1;
        if fits(operations.groups[group].part, last) { last } else { last - 1 }
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
