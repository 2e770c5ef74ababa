//! Direct evaluation of a graph: the oracle of the weights, and a way to run a
//! machine before it has any.
//!
//! Every value is computed in f64 in the order of its terms, and every fetch is
//! computed by a [`Memory`] of the caller's choice. Queries are not scaled here,
//! for a hard maximum does not see a positive factor.

use super::{Graph, Linear, Node, Value};
use crate::attention::{Memory, Violation};
use crate::model::{HeadKind, TieBreak};

/// A graph on its way through a history.
pub struct Evaluation<'g> {
    graph: &'g Graph,
    memories: Vec<Box<dyn Memory>>,
    /// Of the latest token, by value.
    numbers: Vec<f64>,
    position: u64,
}

impl<'g> Evaluation<'g> {
    /// Before the first token. `memory` chooses how each fetch is computed.
    pub fn new(
        graph: &'g Graph,
        memory: impl Fn(HeadKind, TieBreak) -> Result<Box<dyn Memory>, Violation>,
    ) -> Result<Self, Violation> {
        let memories = graph.fetches().iter().map(|fetch| memory(fetch.kind, fetch.tie));
        Ok(Evaluation {
            graph,
            memories: memories.collect::<Result<_, _>>()?,
            numbers: vec![0.0; graph.len()],
            position: 0,
        })
    }

    /// Takes the next token of the history.
    ///
    /// # Panics
    ///
    /// When a value is not what the graph's builder claims that it is.
    pub fn step(&mut self, token: usize) -> Result<(), Violation> {
        let t = self.position as f64;
        let mut fetched = [0.0; 2];
        for value in self.graph.values() {
            let number = match self.graph.origin(value) {
                Node::Feature(table) => table[token],
                Node::Position => t,
                Node::InverseLog => 1.0 / std::f64::consts::LN_2 - 1.0 / (t + 2.0).ln(),
                Node::PositionSquared => t * t,
                Node::Unit { gate, factor } => self.of(gate).max(0.0) * self.of(factor),
                Node::Persist(linear) => self.of(linear),
                Node::Fetched { fetch, part } => {
                    if *part == 0 {
                        fetched = self.fetch(fetch.index())?;
                    }
                    fetched[*part]
                }
            };
            self.numbers[value.index()] = number;
        }
        for (value, range) in &self.graph.claims {
            let number = self.number(*value);
            let name = self.graph.name(*value);
            assert!(range.contains(number), "{name} is {number}, against what its builder claims");
        }
        self.position += 1;
        Ok(())
    }

    /// The two parts of a fetch are neighbours, so it is computed at the first.
    fn fetch(&mut self, index: usize) -> Result<[f64; 2], Violation> {
        let fetch = &self.graph.fetches()[index];
        let pair = |linears: &[Linear]| [0, 1].map(|i| linears.get(i).map_or(0.0, |l| self.of(l)));
        let (query, key, value) = (pair(&fetch.query), pair(&fetch.key), pair(&fetch.values));
        let memory = &mut self.memories[index];
        memory.insert(key, value)?;
        memory.output(query)
    }

    fn of(&self, linear: &Linear) -> f64 {
        linear.evaluate(|value| self.number(value))
    }

    /// A value at the latest token.
    fn number(&self, value: Value) -> f64 {
        self.numbers[value.index()]
    }

    /// The token with the greatest logit, the lowest id on a tie.
    pub fn next_token(&self) -> usize {
        let mut best = (0, f64::NEG_INFINITY);
        for (token, logit) in self.graph.logits().iter().enumerate() {
            let logit = self.of(logit);
            if logit > best.1 {
                best = (token, logit);
            }
        }
        best.0
    }
}
