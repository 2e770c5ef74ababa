//! A graph of named values over the tokens of a history: what a transformer computes, before
//! there are layers, slots or weights.
//!
//! Sources are features of the token at hand, `one` (0 at position 0, else 1),
//! the position, its square, and the inverse logarithm 1/ln 2 - 1/ln(t+2), which
//! grows strictly and stays below 1.45. Everything else is made by four
//! operations, each of which is one part of a transformer:
//!
//! | operation | meaning | becomes |
//! | --- | --- | --- |
//! | `Linear` combination | Σ cᵢ·vᵢ | nothing: folded into the reader |
//! | `Graph::unit` | relu(gate) · factor | one feed-forward unit |
//! | `Graph::persist` | a combination that is kept | a slot of the residual stream |
//! | `Graph::fetch` and its short forms | values at the position a query selects | one head |
//!
//! A graph is built front to back: an operation reads only values that exist, so
//! ascending `Value` order is an order of evaluation. [`evaluate`] runs a graph
//! directly; `weights/` turns it into matrices.

pub mod evaluate;
mod linear;
pub(crate) mod range;

pub(crate) use linear::Linear;

use crate::model::{HeadKind, TieBreak};

/// A value of a graph; also its place in the order of evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Value(pub(crate) u32);

impl Value {
    /// Place in the order of evaluation.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A fetch of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FetchId(u32);

impl FetchId {
    /// Place among the fetches.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a value comes from.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// A number for each token of the vocabulary.
    Feature(Vec<f64>),
    /// The position t.
    Position,
    /// 1/ln 2 - 1/ln(t+2).
    InverseLog,
    /// t².
    PositionSquared,
    /// One of the one or two values that a fetch brings.
    Fetched {
        /// Which fetch.
        fetch: FetchId,
        /// 0 or 1.
        part: usize,
    },
    /// max(gate, 0) · factor.
    Unit {
        /// What opens the unit.
        gate: Linear,
        /// What passes when it is open.
        factor: Linear,
    },
    /// A linear combination in a slot of its own.
    Persist(Linear),
}

/// Attention by one head: the values at the position, or positions, whose key has
/// the greatest product with the query.
#[derive(Clone, Debug)]
pub(crate) struct Fetch {
    /// What is promised of keys and queries.
    pub kind: HeadKind,
    /// What equal winners give.
    pub tie: TieBreak,
    /// Two-dimensional.
    pub query: [Linear; 2],
    /// Two-dimensional.
    pub key: [Linear; 2],
    /// One or two values.
    pub values: Vec<Linear>,
}

/// The key of [`Graph::latest`]: a whole number n with its square, and which
/// tokens do not take part.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// The whole number n.
    pub number: Linear,
    /// n².
    pub square: Linear,
    /// How many reasons there are to leave the token out; 0 for none.
    pub dead: Linear,
}

/// A graph and the logits that it predicts the next token by.
#[derive(Clone, Debug)]
pub struct Graph {
    nodes: Vec<Node>,
    names: Vec<String>,
    fetches: Vec<Fetch>,
    claims: Vec<(Value, range::Range)>,
    vocabulary: usize,
    one: Value,
    position: Value,
    inverse_log: Value,
    position_squared: Value,
    logits: Vec<Linear>,
}

/// What `latest` adds to a key, times the inverse logarithm: less than 1/2 even
/// when the history is endless, so recency never outweighs a key one off.
const RECENCY: f64 = 0.3;

/// What `clear` takes from a key, times `dead`.
pub(crate) const CLEARED: f64 = 1e30;

/// Adding and subtracting this rounds a number of less than 2⁵¹ to a whole one,
/// for here two neighbouring f64 are 1 apart.
pub(crate) const ROUNDING: f64 = 1.5 * (1u64 << 52) as f64;

impl Graph {
    /// An empty graph over a vocabulary, whose token `opening` stands at position
    /// 0 and nowhere else.
    pub(crate) fn new(vocabulary: usize, opening: usize) -> Graph {
        let mut graph = Graph {
            nodes: Vec::new(),
            names: Vec::new(),
            fetches: Vec::new(),
            claims: Vec::new(),
            vocabulary,
            one: Value(3),
            position: Value(0),
            inverse_log: Value(1),
            position_squared: Value(2),
            logits: vec![Linear::zero(); vocabulary],
        };
        graph.node("position", Node::Position);
        graph.node("inverse log", Node::InverseLog);
        graph.node("position squared", Node::PositionSquared);
        graph.feature("one", |token| if token == opening { 0.0 } else { 1.0 });
        graph
    }

    fn node(&mut self, name: &str, node: Node) -> Value {
        let value = Value(u32::try_from(self.nodes.len()).expect("a graph is built by hand"));
        self.nodes.push(node);
        self.names.push(name.to_owned());
        value
    }

    /// 0 at position 0, else 1. Constants are multiples of it.
    pub(crate) fn one(&self) -> Value {
        self.one
    }

    /// The position t.
    pub(crate) fn position(&self) -> Value {
        self.position
    }

    /// 1/ln 2 - 1/ln(t+2).
    pub(crate) fn inverse_log(&self) -> Value {
        self.inverse_log
    }

    /// The position's square.
    pub(crate) fn position_squared(&self) -> Value {
        self.position_squared
    }

    /// Within what a value was promised to be whole.
    pub(crate) fn claimed(&self, value: Value) -> Option<f64> {
        self.claims.iter().find(|claim| claim.0 == value).map(|claim| claim.1.high)
    }

    /// A feature of the token at hand. The opening token's should be 0.
    pub(crate) fn feature(&mut self, name: &str, of: impl Fn(usize) -> f64) -> Value {
        let table = (0..self.vocabulary).map(of).collect();
        self.node(name, Node::Feature(table))
    }

    /// max(gate, 0) · factor. Asked for again it is the same unit.
    pub(crate) fn unit(&mut self, gate: impl Into<Linear>, factor: impl Into<Linear>) -> Value {
        let (gate, factor) = (gate.into(), factor.into());
        let same = |value: &Value| match self.origin(*value) {
            Node::Unit { gate: g, factor: f } => (g, f) == (&gate, &factor),
            _ => false,
        };
        let known = self.values().find(same);
        known.unwrap_or_else(|| self.node("unit", Node::Unit { gate, factor }))
    }

    /// factor where the whole number `at_least_one` is 1 or more, else 0: two units.
    pub(crate) fn step(
        &mut self,
        at_least_one: impl Into<Linear>,
        factor: impl Into<Linear>,
    ) -> Linear {
        let (gate, factor) = (at_least_one.into(), factor.into());
        let less = gate.clone() - self.one;
        self.unit(gate, factor.clone()) - self.unit(less, factor)
    }

    /// factor where the whole number is 0, else 0: three units.
    pub(crate) fn where_zero(
        &mut self,
        number: impl Into<Linear>,
        factor: impl Into<Linear>,
    ) -> Linear {
        let (number, factor) = (number.into(), factor.into());
        let above = self.unit(number.clone() + self.one, factor.clone());
        let at = self.unit(number.clone(), factor.clone());
        let below = self.unit(number - self.one, factor);
        above - at * 2.0 + below
    }

    /// Functions of a whole number, as sums of units: the k-th value of a column where the number is
    /// k, and 0 before and after them. Each is a polygon, and all of them bend at the same numbers, so
    /// a unit bends all: one for each value, and two more.
    pub(crate) fn tabulated(
        &mut self,
        number: impl Into<Linear>,
        columns: &[Vec<f64>],
    ) -> Vec<Linear> {
        let number = number.into();
        let length = columns.iter().map(Vec::len).max().unwrap_or(0) as i64;
        let at = |column: &[f64], k: i64| {
            usize::try_from(k).ok().and_then(|k| column.get(k)).copied().unwrap_or(0.0)
        };
        let mut bends = vec![Vec::new(); columns.len()];
        for k in -1..=length {
            let bend =
                |column: &Vec<f64>| at(column, k + 1) - 2.0 * at(column, k) + at(column, k - 1);
            let bent: Vec<f64> = columns.iter().map(bend).collect();
            if bent.iter().any(|&bend| bend != 0.0) {
                let beyond = self.unit(number.clone() - self.one * k as f64, self.one);
                bends.iter_mut().zip(bent).for_each(|(bends, bend)| bends.push((beyond, bend)));
            }
        }
        bends.into_iter().map(|bends| bends.into_iter().collect()).collect()
    }

    /// n² of a whole n ≥ 0: one unit.
    pub(crate) fn square(&mut self, number: impl Into<Linear>) -> Value {
        let number = number.into();
        self.unit(number.clone(), number)
    }

    /// A combination in a slot of its own.
    pub(crate) fn persist(&mut self, name: &str, linear: impl Into<Linear>) -> Value {
        let linear = linear.into();
        self.node(name, Node::Persist(linear))
    }

    /// A combination that is nearly a whole number within ±2⁵⁰, rounded to it: two
    /// slots, one after the other. The first sum ends where neighbouring f64 are 1
    /// apart; the second is exact.
    pub(crate) fn round(&mut self, name: &str, linear: impl Into<Linear>, within: f64) -> Value {
        let biased = self.persist(&format!("{name}, biased"), linear.into() + self.one * ROUNDING);
        let rounded = self.persist(name, biased - self.one * ROUNDING);
        self.claims.push((rounded, range::Range::whole(-within, within)));
        rounded
    }

    /// A value rounded like by [`Graph::round`], to be used as the factor of a unit: one
    /// slot, and half a layer sooner.
    pub(crate) fn rounded_factor(&mut self, name: &str, value: Value) -> Linear {
        let biased = self.persist(&format!("{name}, biased"), value + self.one * ROUNDING);
        biased - self.one * ROUNDING
    }

    /// A combination in a slot of its own, with the promise that it is a whole
    /// number within ±`within` where [`range`] cannot see it. [`evaluate`] checks
    /// every promise.
    pub(crate) fn persist_whole(
        &mut self,
        name: &str,
        linear: impl Into<Linear>,
        within: f64,
    ) -> Value {
        let value = self.persist(name, linear);
        self.claims.push((value, range::Range::whole(-within, within)));
        value
    }

    /// Attention by one head, as it stands.
    pub(crate) fn fetch(&mut self, name: &str, fetch: Fetch) -> Vec<Value> {
        assert!((1..=2).contains(&fetch.values.len()), "a head has two value rows");
        let id = FetchId(u32::try_from(self.fetches.len()).expect("a graph is built by hand"));
        let parts = fetch.values.len();
        self.fetches.push(fetch);
        (0..parts).map(|part| self.node(name, Node::Fetched { fetch: id, part })).collect()
    }

    /// The values at the position `at`, a whole number or nearly so; the nearest
    /// position if there is none.
    pub(crate) fn gather(
        &mut self,
        name: &str,
        at: impl Into<Linear>,
        values: &[Linear],
    ) -> Vec<Value> {
        let fetch = Fetch {
            kind: HeadKind::Gather,
            tie: TieBreak::Average,
            query: [at.into(), self.one.into()],
            key: [self.position * 2.0, -self.position_squared],
            values: values.to_vec(),
        };
        self.fetch(name, fetch)
    }

    /// The values at the latest token that is not dead and whose key is `wanted`,
    /// or nearest to it.
    pub(crate) fn latest(
        &mut self,
        name: &str,
        key: &Key,
        wanted: impl Into<Linear>,
        values: &[Linear],
    ) -> Vec<Value> {
        let recency = self.inverse_log * RECENCY;
        let fetch = Fetch {
            kind: HeadKind::Keyed,
            tie: TieBreak::Latest,
            query: [wanted.into(), self.one.into()],
            key: [
                key.number.clone() * 2.0,
                recency - key.square.clone() - key.dead.clone() * CLEARED,
            ],
            values: values.to_vec(),
        };
        self.fetch(name, fetch)
    }

    /// The means of values over positions 1..=t.
    pub(crate) fn mean(&mut self, name: &str, values: &[Linear]) -> Vec<Value> {
        let fetch = Fetch {
            kind: HeadKind::Mean,
            tie: TieBreak::Average,
            query: [Linear::zero(), self.one.into()],
            key: [Linear::zero(), self.one.into()],
            values: values.to_vec(),
        };
        self.fetch(name, fetch)
    }

    /// Sets the logit of a token.
    pub(crate) fn predict(&mut self, token: usize, logit: Linear) {
        self.logits[token] = logit;
    }

    /// Number of values.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// All values, in order of evaluation.
    pub(crate) fn values(&self) -> impl DoubleEndedIterator<Item = Value> + use<> {
        (0..self.nodes.len() as u32).map(Value)
    }

    /// Where a value comes from.
    pub(crate) fn origin(&self, value: Value) -> &Node {
        &self.nodes[value.index()]
    }

    /// What its builder called a value.
    pub(crate) fn name(&self, value: Value) -> &str {
        &self.names[value.index()]
    }

    /// All fetches.
    pub(crate) fn fetches(&self) -> &[Fetch] {
        &self.fetches
    }

    /// Number of tokens.
    pub(crate) fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// The logit of each token.
    pub(crate) fn logits(&self) -> &[Linear] {
        &self.logits
    }
}
