//! Which values need a slot, and which operations belong together.
//!
//! What a fetch or a unit brings is gone after its half-layer, unless it was
//! added to a slot. So every such *raw* value is either read only by persists, in
//! its own half-layer, or it is kept in a slot of its own. Operations tied by a
//! raw value form a [`Group`], which is scheduled as one.

use crate::graph::range::ranges;
use crate::graph::{Fetch, FetchId, Graph, Linear, Node, Value};

/// A place in [`Operations::groups`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupId(pub usize);

/// A value with a slot.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The value.
    pub value: Value,
    /// Who makes it; `None` for sources, which are there from the start.
    pub group: Option<GroupId>,
    /// What it takes from raw values of its own half-layer.
    pub raw: Linear,
    /// What it takes from slots.
    pub slots: Linear,
    /// Whether it may share a sum with other such values without rounding.
    pub exact: bool,
    /// Whether the logits read it.
    pub read_by_logits: bool,
}

/// The half-layers that a group may stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It fetches.
    Attention,
    /// It has units.
    FeedForward,
    /// It only combines slots.
    Either,
}

/// Operations of one half-layer.
#[derive(Clone, Debug)]
pub struct Group {
    /// Where it may stand.
    pub part: Part,
    /// Its fetches.
    pub fetches: Vec<FetchId>,
    /// Its units.
    pub units: Vec<Value>,
    /// The slots it fills: places in [`Operations::kept`].
    pub fills: Vec<usize>,
    /// The slots it reads: places in [`Operations::kept`], ascending.
    pub reads: Vec<usize>,
}

/// A graph, ready to be scheduled.
pub struct Operations {
    /// Values with a slot, in order of evaluation.
    pub kept: Vec<Kept>,
    /// Groups, in order of their first value.
    pub groups: Vec<Group>,
    /// Place of `one` in `kept`.
    pub one: usize,
    /// Place of the position in `kept`.
    pub position: usize,
    /// Place in `kept` by value.
    pub place: Vec<Option<usize>>,
    /// Number of tokens.
    pub vocabulary: usize,
}

/// Sorts out a graph. Values that no logit depends on are left out.
pub fn operations(graph: &Graph) -> Operations {
    let needed = needed(graph);
    let kept_values = kept_values(graph, &needed);
    let mut place = vec![None; graph.len()];
    for (at, value) in kept_values.iter().enumerate() {
        place[value.index()] = Some(at);
    }
    let is_kept = |value: Value| place[value.index()].is_some();
    // A persist takes raw what it can, even where that is kept as well: from the slot it
    // would come half a layer later. Fetches and units it cannot take both.
    let raw_part = |linear: &Linear| {
        let made_in = |wanted: Part| linear.filtered(|value| part(graph, value) == Some(wanted));
        let (fetched, units) = (made_in(Part::Attention), made_in(Part::FeedForward));
        if units.is_zero() { fetched } else { units }
    };

    let mut ties = Ties::new(graph.len());
    for &value in &kept_values {
        if let Node::Persist(linear) = graph.origin(value) {
            for &(raw, _) in raw_part(linear).terms() {
                ties.tie(value, raw);
            }
        }
    }
    for (value, fetch) in fetched(graph) {
        ties.tie(value, first_part(graph, fetch));
    }

    let exact: Vec<bool> = ranges(graph).into_iter().map(|range| range.is_exact()).collect();
    let mut groups: Vec<Group> = Vec::new();
    let mut group_of_root = vec![None; graph.len()];
    let mut kept = Vec::new();
    for value in graph.values().filter(|value| needed[value.index()]) {
        let group = (!is_source(graph, value)).then(|| {
            *group_of_root[ties.root(value).index()].get_or_insert_with(|| {
                let part = Part::Either;
                let empty = || (Vec::new(), Vec::new());
                let ((fills, reads), fetches, units) = (empty(), Vec::new(), Vec::new());
                groups.push(Group { part, fetches, units, fills, reads });
                GroupId(groups.len() - 1)
            })
        });
        if let Some(group) = group {
            join(&mut groups[group.0], graph, value, &place, raw_part);
        }
        if is_kept(value) {
            let (raw, slots) = match graph.origin(value) {
                Node::Persist(linear) => {
                    let raw = raw_part(linear);
                    (raw.clone(), linear.clone() - raw)
                }
                _ if group.is_some() => (value.into(), Linear::zero()),
                _ => (Linear::zero(), Linear::zero()),
            };
            let read_by_logits = graph.logits().iter().any(|l| l.coefficient(value) != 0.0);
            let exact = exact[value.index()];
            kept.push(Kept { value, group, raw, slots, exact, read_by_logits });
        }
    }
    for group in &mut groups {
        group.reads.sort_unstable();
        group.reads.dedup();
    }
    let of = |value: Value| place[value.index()].expect("constants and positions are needed");
    Operations {
        kept,
        groups,
        one: of(graph.one()),
        position: of(graph.position()),
        place,
        vocabulary: graph.vocabulary(),
    }
}

/// Adds a value's operation to its group.
fn join(
    group: &mut Group,
    graph: &Graph,
    value: Value,
    place: &[Option<usize>],
    raw_part: impl Fn(&Linear) -> Linear,
) {
    if let Some(at) = place[value.index()] {
        group.fills.push(at);
    }
    match graph.origin(value) {
        Node::Fetched { fetch, .. } if !group.fetches.contains(fetch) => group.fetches.push(*fetch),
        Node::Unit { .. } => group.units.push(value),
        _ => {}
    }
    if let Some(part) = part(graph, value) {
        assert!(
            group.part == Part::Either || group.part == part,
            "{}: fetches and units in one half-layer",
            graph.name(value)
        );
        group.part = part;
    }
    let reads = |linear: Linear| -> Vec<usize> {
        linear.terms().iter().filter_map(|term| place[term.0.index()]).collect()
    };
    match graph.origin(value) {
        Node::Persist(linear) => group.reads.extend(reads(linear.clone() - raw_part(linear))),
        _ => group.reads.extend(inputs(graph, value).into_iter().cloned().flat_map(reads)),
    }
}

/// Where a raw value is made; `None` for values that are no operation's, or a persist's.
fn part(graph: &Graph, value: Value) -> Option<Part> {
    match graph.origin(value) {
        Node::Fetched { .. } => Some(Part::Attention),
        Node::Unit { .. } => Some(Part::FeedForward),
        _ => None,
    }
}

/// The combinations that a value's operation reads.
fn inputs(graph: &Graph, value: Value) -> Vec<&Linear> {
    match graph.origin(value) {
        Node::Unit { gate, factor } => vec![gate, factor],
        Node::Persist(linear) => vec![linear],
        Node::Fetched { fetch, .. } => {
            let Fetch { query, key, values, .. } = &graph.fetches()[fetch.index()];
            query.iter().chain(key).chain(values).collect()
        }
        _ => Vec::new(),
    }
}

fn is_source(graph: &Graph, value: Value) -> bool {
    !matches!(graph.origin(value), Node::Unit { .. } | Node::Persist(_) | Node::Fetched { .. })
}

fn fetched(graph: &Graph) -> impl Iterator<Item = (Value, FetchId)> {
    graph.values().filter_map(|value| match graph.origin(value) {
        Node::Fetched { fetch, .. } => Some((value, *fetch)),
        _ => None,
    })
}

fn first_part(graph: &Graph, wanted: FetchId) -> Value {
    let mut parts = fetched(graph).filter(|(_, fetch)| *fetch == wanted);
    parts.next().expect("a fetch brings a value").0
}

/// Which values the logits depend on. Constants and positions always count, for
/// layers use them to pass slots on.
fn needed(graph: &Graph) -> Vec<bool> {
    let mut needed = vec![false; graph.len()];
    needed[graph.one().index()] = true;
    needed[graph.position().index()] = true;
    let mark = |linear: &Linear, needed: &mut Vec<bool>| {
        for term in linear.terms() {
            needed[term.0.index()] = true;
        }
    };
    for logit in graph.logits() {
        mark(logit, &mut needed);
    }
    for value in graph.values().rev() {
        if needed[value.index()] {
            for linear in inputs(graph, value) {
                mark(linear, &mut needed);
            }
        }
    }
    needed
}

/// Sources, persists, and raw values that something else than a persist reads:
/// operations, logits, or a persist of units, which runs half a layer after fetches.
fn kept_values(graph: &Graph, needed: &[bool]) -> Vec<Value> {
    let mut kept: Vec<bool> = graph
        .values()
        .map(|v| is_source(graph, v) || matches!(graph.origin(v), Node::Persist(_)))
        .collect();
    let others = graph
        .values()
        .filter(|&v| needed[v.index()] && !matches!(graph.origin(v), Node::Persist(_)))
        .flat_map(|v| inputs(graph, v));
    for linear in others.chain(graph.logits()) {
        for term in linear.terms() {
            kept[term.0.index()] = true;
        }
    }
    let is_unit = |term: &(Value, f64)| matches!(graph.origin(term.0), Node::Unit { .. });
    for value in graph.values() {
        if let Node::Persist(linear) = graph.origin(value)
            && linear.terms().iter().any(is_unit)
        {
            for term in linear.terms().iter().filter(|term| !is_unit(term)) {
                kept[term.0.index()] = true;
            }
        }
    }
    graph.values().filter(|v| kept[v.index()] && needed[v.index()]).collect()
}

/// Disjoint sets of values.
struct Ties(Vec<Value>);

impl Ties {
    fn new(len: usize) -> Ties {
        Ties((0..len as u32).map(Value).collect())
    }

    fn root(&self, mut value: Value) -> Value {
        while self.0[value.index()] != value {
            value = self.0[value.index()];
        }
        value
    }

    fn tie(&mut self, a: Value, b: Value) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.index().max(b.index())] = a.min(b);
    }
}

#[cfg(test)]
mod tests;
