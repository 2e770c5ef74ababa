//! A graph that means the same, written in another style.
//!
//! Every value becomes a combination of values of the new graph. What is always 0 without the tokens that
//! are left out is left out, too.

use super::Style;
use crate::graph::{CLEARED, Fetch, Graph, Linear, Node, ROUNDING, Value};
use crate::model::{HeadKind, TieBreak};

/// What takes a token's key away has at least this weight.
const CLEARS: f64 = 1e28;

/// A graph over the tokens that are `kept`, in this style.
pub fn rewritten(graph: &Graph, kept: &[usize], style: &Style) -> Graph {
    let opening = kept.iter().position(|&id| match graph.origin(graph.one()) {
        Node::Feature(one) => one[id] == 0.0,
        _ => false,
    });
    let opening = opening.expect("a token opens histories");
    let mut rewriting = Rewriting {
        old: graph,
        new: Graph::new(kept.len(), opening),
        style,
        map: Vec::with_capacity(graph.len()),
        fetched: vec![None; graph.fetches().len()],
    };
    for value in graph.values() {
        let new = rewriting.value(value, kept);
        rewriting.map.push(new);
    }
    for (id, &old) in kept.iter().enumerate() {
        let logit = rewriting.linear(&graph.logits()[old]);
        rewriting.new.predict(id, logit);
    }
    rewriting.new
}

struct Rewriting<'a> {
    old: &'a Graph,
    new: Graph,
    style: &'a Style,
    /// By value of the old graph.
    map: Vec<Linear>,
    /// By fetch of the old graph, what its parts became.
    fetched: Vec<Option<Vec<Linear>>>,
}

impl Rewriting<'_> {
    fn linear(&self, linear: &Linear) -> Linear {
        linear.terms().iter().map(|&(value, c)| self.map[value.index()].clone() * c).sum()
    }

    fn value(&mut self, value: Value, kept: &[usize]) -> Linear {
        let (old, name) = (self.old, self.old.name(value));
        match old.origin(value) {
            Node::Position => self.new.position().into(),
            Node::InverseLog => self.new.inverse_log().into(),
            Node::PositionSquared => self.new.position_squared().into(),
            Node::Feature(_) if value == old.one() => self.new.one().into(),
            Node::Feature(table) => {
                if kept.iter().all(|&id| table[id] == 0.0) {
                    return Linear::zero();
                }
                self.new.feature(name, |id| table[kept[id]]).into()
            }
            Node::Unit { gate, factor } => {
                let (gate, factor) = (self.linear(gate), self.linear(factor));
                self.unit(gate, factor)
            }
            Node::Persist(linear) => self.persist(value, linear),
            Node::Fetched { fetch, part } => {
                if self.fetched[fetch.index()].is_none() {
                    let fetch_of = &old.fetches()[fetch.index()];
                    self.fetched[fetch.index()] = Some(self.fetch(name, fetch_of));
                }
                self.fetched[fetch.index()]
                    .as_ref()
                    .map_or(Linear::zero(), |all| all[*part].clone())
            }
        }
    }

    fn unit(&mut self, gate: Linear, factor: Linear) -> Linear {
        if gate.is_zero() || factor.is_zero() {
            return Linear::zero();
        }
        if gate == factor && self.style.both_signs {
            let above = self.new.unit(gate.clone(), gate.clone());
            let below = self.new.unit(-gate.clone(), gate);
            return self.new.persist("square", above - Linear::from(below)).into();
        }
        self.new.unit(gate, factor).into()
    }

    /// A combination that is kept, unless it is only a step on the way to a rounded one: others do not
    /// round.
    fn persist(&mut self, value: Value, linear: &Linear) -> Linear {
        let one = self.old.one();
        if self.is_biased(value) {
            return self.linear(&(linear.clone() - one * ROUNDING));
        }
        let biased = linear.terms().iter().find(|term| self.is_biased(term.0));
        let (linear, claimed) = match biased {
            Some(&(biased, 1.0)) => (self.map[biased.index()].clone(), None),
            _ => (self.linear(linear), self.old.claimed(value)),
        };
        if linear.is_zero() {
            return linear;
        }
        let name = self.old.name(value);
        match claimed {
            Some(within) => self.new.persist_whole(name, linear, within).into(),
            None => self.new.persist(name, linear).into(),
        }
    }

    /// Whether something is kept only for another to subtract what rounded it: a rounding that is not
    /// needed where the sum was whole but for errors.
    fn is_biased(&self, value: Value) -> bool {
        let one = self.old.one();
        let Node::Persist(linear) = self.old.origin(value) else { return false };
        linear.coefficient(one) == ROUNDING
            && self.old.values().any(|reader| match self.old.origin(reader) {
                Node::Persist(reads) => *reads == value - one * ROUNDING,
                _ => false,
            })
    }

    fn fetch(&mut self, name: &str, fetch: &Fetch) -> Vec<Linear> {
        let [query, key] =
            [&fetch.query, &fetch.key].map(|pair| pair.each_ref().map(|l| self.linear(l)));
        let mut values: Vec<Linear> = fetch.values.iter().map(|value| self.linear(value)).collect();
        let (kind, tie, key) = match fetch.kind {
            HeadKind::Gather => {
                let [x, y] = key;
                let y = y + self.new.inverse_log() * self.style.gather_recency;
                (HeadKind::Gather, self.style.gather_tie, [x, y])
            }
            HeadKind::Keyed => {
                (HeadKind::Lookup, TieBreak::Latest, self.key(name, key, &mut values))
            }
            kind => (kind, fetch.tie, key),
        };
        let live: Vec<usize> = (0..values.len()).filter(|&at| !values[at].is_zero()).collect();
        let mut parts = vec![Linear::zero(); values.len()];
        if !live.is_empty() {
            let values = live.iter().map(|&at| values[at].clone()).collect();
            let found = self.new.fetch(name, Fetch { kind, tie, query, key, values });
            for (at, value) in live.into_iter().zip(found) {
                parts[at] = value.into();
            }
        }
        parts
    }

    /// The key (2n, -n² + recency) of tokens that take part. Of others it is cleared, or negative where a feature
    /// says that they take no part: then what is found must tell the negative number, too.
    fn key(&mut self, name: &str, key: [Linear; 2], values: &mut [Linear]) -> [Linear; 2] {
        let [x, y] = key;
        let recency = self.new.inverse_log() * self.style.recency;
        let inverse_log = self.new.inverse_log();
        let weight = |value: Value| y.coefficient(value);
        let clears = y.filtered(|value| weight(value) <= -CLEARS);
        let square = y.filtered(|value| value != inverse_log && weight(value) > -CLEARS);
        let counts = clears.terms().iter().map(|&(value, c)| (value, c / -CLEARED));
        let dead: Linear = counts.collect();
        // What is computed of several units has no bounds that would tell how often it counts.
        let is_feature = |term: &(Value, f64)| matches!(self.new.origin(term.0), Node::Feature(_));
        let is_negative = self.style.negative_keys && dead.terms().iter().all(is_feature);
        if !is_negative || dead.is_zero() {
            return [x, recency + square + clears];
        }
        let number = x * 0.5;
        let live = self.unit(self.new.one() - dead.clone(), number.clone());
        let signed: Linear = self.new.persist(&format!("key of {name}"), live - dead).into();
        for value in values {
            if *value == number {
                *value = signed.clone();
            }
        }
        let above = self.new.unit(signed.clone(), signed.clone());
        let below = self.new.unit(-signed.clone(), signed.clone());
        let square =
            self.new.persist(&format!("key of {name}, squared"), above - Linear::from(below));
        [signed * 2.0, recency - square]
    }
}
