//! The numbers: every combination of values becomes a row over the slots that
//! they live in, every head and unit a few such rows.

use super::operations::{Kept, Operations};
use super::schedule::Times;
use super::slots::{HalfLayer, Layout};
use crate::graph::{Fetch, FetchId, Graph, Linear, Node, Value};
use crate::model::{Clears, HeadKind, LayerParts, ModelParts, Shape, TieBreak, Token};

/// Queries are scaled by this: a softmax in place of the hard maximum would be as hard.
pub const QUERY_SCALE: f64 = 1e10 * std::f64::consts::SQRT_2;

/// Builds all matrices.
pub fn fill(
    graph: &Graph,
    operations: &Operations,
    times: &Times,
    layout: &Layout,
    (vocabulary, stop): (Vec<String>, Token),
    query_scale: f64,
) -> ModelParts {
    let width = layout.width();
    let shape = Shape {
        vocabulary: graph.vocabulary(),
        width,
        layers: times.layers,
        heads: width / 2,
        units: layout.units,
    };
    let builder = Builder { graph, operations, times, layout, shape, query_scale };
    let mut layers = Vec::new();
    let mut clears = Vec::new();
    let mut heads = Vec::new();
    for layer in 0..times.layers {
        let (attention_in, attention_out) = builder.attention(2 * layer + 1, &mut heads);
        let (feed_forward_in, feed_forward_out) = builder.feed_forward(2 * layer + 2);
        layers.push(LayerParts { attention_in, attention_out, feed_forward_in, feed_forward_out });
        let cleared = |half: usize| {
            layout.half_layers[half].cleared.iter().map(|&slot| slot as u32).collect()
        };
        clears.push(Clears {
            after_attention: cleared(2 * layer),
            after_feed_forward: cleared(2 * layer + 1),
        });
    }
    let (ties, kinds) = heads.into_iter().unzip();
    ModelParts {
        shape,
        stop,
        vocabulary,
        embedding: builder.embedding(),
        layers,
        head: builder.head(),
        clears: Some(clears),
        ties: Some(ties),
        kinds: Some(kinds),
    }
}

/// A row-major matrix, zero until it is filled.
struct Dense {
    columns: usize,
    data: Vec<f64>,
}

impl Dense {
    fn zeros(rows: usize, columns: usize) -> Dense {
        Dense { columns, data: vec![0.0; rows * columns] }
    }

    fn set(&mut self, row: usize, column: usize, number: f64) {
        self.data[row * self.columns + column] = number;
    }
}

/// What a head or unit of a half-layer brings, by its column in the matrix that adds to slots.
type Columns = Vec<(Value, usize)>;

struct Builder<'a> {
    graph: &'a Graph,
    operations: &'a Operations,
    times: &'a Times,
    layout: &'a Layout,
    shape: Shape,
    query_scale: f64,
}

impl Builder<'_> {
    fn slot(&self, value: Value) -> usize {
        let kept = self.operations.place[value.index()].expect("only values with a slot are read");
        self.layout.slot[kept]
    }

    /// Writes a combination as a row over slots.
    fn row(&self, matrix: &mut Dense, row: usize, linear: &Linear, scale: f64) {
        for &(value, coefficient) in linear.terms() {
            matrix.set(row, self.slot(value), coefficient * scale);
        }
    }

    fn embedding(&self) -> Vec<f64> {
        let mut embedding = Dense::zeros(self.shape.vocabulary, self.shape.width);
        for Kept { value, .. } in &self.operations.kept {
            if let Node::Feature(table) = self.graph.origin(*value) {
                for (token, &number) in table.iter().enumerate() {
                    embedding.set(token, self.slot(*value), number);
                }
            }
        }
        embedding.data
    }

    fn head(&self) -> Vec<f64> {
        let mut head = Dense::zeros(self.shape.vocabulary, self.shape.width);
        for (token, logit) in self.graph.logits().iter().enumerate() {
            self.row(&mut head, token, logit, 1.0);
        }
        head.data
    }

    /// Both matrices of an attention; ties and kinds of its heads are appended.
    fn attention(
        &self,
        half_layer: usize,
        heads: &mut Vec<(TieBreak, HeadKind)>,
    ) -> (Vec<f64>, Vec<f64>) {
        let width = self.shape.width;
        let mut inwards = Dense::zeros(3 * width, width);
        let mut columns = Columns::new();
        let mut described = Vec::with_capacity(self.shape.heads);
        let mut add = |fetch: &Fetch| {
            let first = 2 * described.len();
            for part in 0..2 {
                self.row(&mut inwards, first + part, &fetch.query[part], self.query_scale);
                self.row(&mut inwards, width + first + part, &fetch.key[part], 1.0);
            }
            for (part, value) in fetch.values.iter().enumerate() {
                self.row(&mut inwards, 2 * width + first + part, value, 1.0);
            }
            described.push((fetch.tie, fetch.kind));
            first
        };
        for fetch in self.fetches(half_layer) {
            let first = add(&self.graph.fetches()[fetch.index()]);
            columns.extend(self.parts(fetch).map(|(value, part)| (value, first + part)));
        }
        let HalfLayer { passed, .. } = &self.layout.half_layers[half_layer - 1];
        let mut passed_columns = Vec::new();
        for pair in passed.chunks(2) {
            let first = add(&self.passthrough(pair));
            passed_columns.extend(pair.iter().zip(first..));
        }
        described.resize(self.shape.heads, (TieBreak::Average, HeadKind::Lookup));
        heads.extend(described);

        let outwards = self.outwards(half_layer, width, &columns, &passed_columns);
        (inwards.data, outwards)
    }

    /// A head by which every position hands one or two combinations to itself.
    fn passthrough(&self, values: &[Linear]) -> Fetch {
        let (t, one) = (self.graph.position(), self.graph.one());
        Fetch {
            kind: HeadKind::Passthrough,
            tie: TieBreak::Average,
            query: [t.into(), one.into()],
            key: [t * 2.0, one.into()],
            values: values.to_vec(),
        }
    }

    /// Both matrices of a feed-forward.
    fn feed_forward(&self, half_layer: usize) -> (Vec<f64>, Vec<f64>) {
        let Shape { width, units, .. } = self.shape;
        let mut inwards = Dense::zeros(2 * units, width);
        let mut columns = Columns::new();
        let mut count = 0;
        let mut add = |gate: &Linear, factor: &Linear| {
            self.row(&mut inwards, count, gate, 1.0);
            self.row(&mut inwards, units + count, factor, 1.0);
            count += 1;
            count - 1
        };
        for unit in self.units(half_layer) {
            if let Node::Unit { gate, factor } = self.graph.origin(unit) {
                columns.push((unit, add(gate, factor)));
            }
        }
        let HalfLayer { passed, .. } = &self.layout.half_layers[half_layer - 1];
        let one = self.graph.one().into();
        let passed_columns: Vec<_> =
            passed.iter().map(|linear| (linear, add(&one, linear))).collect();
        let outwards = self.outwards(half_layer, units, &columns, &passed_columns);
        (inwards.data, outwards)
    }

    /// The matrix that adds to the residual stream.
    fn outwards(
        &self,
        half_layer: usize,
        columns: usize,
        raw: &Columns,
        passed: &[(&Linear, usize)],
    ) -> Vec<f64> {
        let mut outwards = Dense::zeros(self.shape.width, columns);
        let HalfLayer { births, subtracted, .. } = &self.layout.half_layers[half_layer - 1];
        for (slot, negated) in subtracted {
            for &(_, column) in passed.iter().filter(|(linear, _)| *linear == negated) {
                outwards.set(*slot, column, 1.0);
            }
        }
        for birth in births {
            let slot = self.layout.slot[birth.kept];
            for &(value, coefficient) in self.operations.kept[birth.kept].raw.terms() {
                let column = raw.binary_search_by_key(&value, |column| column.0);
                let column = column.expect("raw values are read in their own half-layer");
                outwards.set(slot, raw[column].1, coefficient);
            }
            for &(_, column) in passed.iter().filter(|(linear, _)| **linear == birth.passed) {
                outwards.set(slot, column, 1.0);
            }
        }
        outwards.data
    }

    fn fetches(&self, half_layer: usize) -> Vec<FetchId> {
        let mut fetches: Vec<FetchId> =
            self.groups(half_layer).flat_map(|group| group.fetches.clone()).collect();
        fetches.sort();
        fetches
    }

    fn units(&self, half_layer: usize) -> Vec<Value> {
        let mut units: Vec<Value> =
            self.groups(half_layer).flat_map(|group| group.units.clone()).collect();
        units.sort();
        units
    }

    fn groups(&self, half_layer: usize) -> impl Iterator<Item = &super::operations::Group> {
        let timed = self.operations.groups.iter().zip(&self.times.of);
        timed.filter(move |timed| *timed.1 == half_layer).map(|timed| timed.0)
    }

    /// The values that a fetch brings, with which of its two they are.
    fn parts(&self, wanted: FetchId) -> impl Iterator<Item = (Value, usize)> {
        self.graph.values().filter_map(move |value| match self.graph.origin(value) {
            Node::Fetched { fetch, part } if *fetch == wanted => Some((value, *part)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;
    use crate::attention::Brute;
    use crate::engine::{Attention, Reference};
    use crate::graph::evaluate::Evaluation;
    use crate::linalg::Kernel;
    use crate::model::Model;
    use crate::weights::operations::operations;
    use crate::weights::schedule::tests::any_times;
    use crate::weights::slots::allocate;
    use crate::weights::small_graphs::{self, TOKENS};

    fn names() -> Vec<String> {
        (0..TOKENS).map(|token| format!("token-{token}")).collect()
    }

    fn model(graph: &Graph, seed: u64) -> Model {
        let operations = operations(graph);
        let times = any_times(&operations, &mut Rng::with_seed(seed));
        let layout = allocate(&operations, &times);
        let parts = fill(graph, &operations, &times, &layout, (names(), Token(0)), QUERY_SCALE);
        Model::new(parts).unwrap()
    }

    /// The numbers of a graph's values at each position, as its operations are defined.
    fn evaluated(graph: &Graph, history: &[usize]) -> Vec<Vec<f64>> {
        let mut all: Vec<Vec<f64>> = Vec::new();
        for (t, &token) in history.iter().enumerate() {
            all.push(vec![0.0; graph.len()]);
            for value in graph.values() {
                let at = |linear: &Linear, s: usize| linear.evaluate(|v| all[s][v.index()]);
                let x = t as f64;
                let number = match graph.origin(value) {
                    Node::Feature(table) => table[token],
                    Node::Position => x,
                    Node::InverseLog => 1.0 / std::f64::consts::LN_2 - 1.0 / (x + 2.0).ln(),
                    Node::PositionSquared => x * x,
                    Node::Unit { gate, factor } => at(gate, t).max(0.0) * at(factor, t),
                    Node::Persist(linear) => at(linear, t),
                    Node::Fetched { fetch, part } => {
                        let fetch = &graph.fetches()[fetch.index()];
                        let score = |s: usize| {
                            at(&fetch.query[0], t) * at(&fetch.key[0], s)
                                + at(&fetch.query[1], t) * at(&fetch.key[1], s)
                        };
                        let best = (0..=t).map(score).fold(f64::NEG_INFINITY, f64::max);
                        let winners = (0..=t).filter(|&s| score(s) == best);
                        let values = winners.map(|s| at(&fetch.values[*part], s));
                        let values: Vec<f64> = values.collect();
                        match fetch.tie {
                            TieBreak::Latest => values[values.len() - 1],
                            TieBreak::Average => values.iter().sum::<f64>() / values.len() as f64,
                        }
                    }
                };
                all[t][value.index()] = number;
            }
        }
        all
    }

    fn history(random: &mut Rng) -> Vec<usize> {
        let tokens = (0..random.usize(1..12)).map(|_| random.usize(1..TOKENS));
        std::iter::once(0).chain(tokens.collect::<Vec<_>>()).collect()
    }

    #[test]
    fn the_forward_pass_over_the_weights_gives_the_logits_of_the_graph() {
        let (mut compared, mut different) = (0, 0);
        for seed in 0..250 {
            let random = &mut Rng::with_seed(seed);
            let graph = small_graphs::random(seed);
            if super::super::operations::operations(&graph).groups.is_empty() {
                continue;
            }
            let model = model(&graph, seed);
            let history = history(random);
            let numbers = evaluated(&graph, &history);
            let attention = [Attention::Brute, Attention::Kinds][random.usize(..2)];
            let mut reference = Reference::new(&model, attention, Kernel::preferred()).unwrap();
            for (t, &token) in history.iter().enumerate() {
                reference.step(Token(token as u32)).unwrap();
                let of = |linear: &Linear| linear.evaluate(|value| numbers[t][value.index()]);
                let expected: Vec<f64> = graph.logits().iter().map(of).collect();
                assert_eq!(reference.logits(), expected, "seed {seed}, position {t}");
                different += u32::from(expected.iter().any(|&logit| logit != expected[0]));
                compared += 1;
            }
        }
        assert!(compared > 500 && different > 400, "{compared} compared, {different} different");
    }

    #[test]
    fn whole_builds_predict_what_direct_evaluation_does() {
        for seed in [2, 3, 5] {
            let graph = small_graphs::random(seed);
            let build = crate::weights::build(&graph, names(), Token(0));
            assert_eq!(build.fetches.len(), build.parts.shape.layers);
            let model = Model::new(build.parts).unwrap();
            for run in 0..10 {
                let mut reference =
                    Reference::new(&model, Attention::Hull, Kernel::preferred()).unwrap();
                let brute = |_, tie| -> Result<Box<dyn crate::attention::Memory>, _> {
                    Ok(Box::new(Brute::new(tie)))
                };
                let mut evaluation = Evaluation::new(&graph, brute).unwrap();
                for token in history(&mut Rng::with_seed(run)) {
                    reference.step(Token(token as u32)).unwrap();
                    evaluation.step(token).unwrap();
                    let next = reference.next_token().unwrap();
                    assert_eq!(next.index(), evaluation.next_token(), "graph {seed}");
                }
            }
        }
    }

    #[test]
    fn the_same_graph_gives_the_same_bytes() {
        let build = || {
            let build = crate::weights::build(&small_graphs::random(6), names(), Token(0));
            Model::new(build.parts).unwrap().to_bytes()
        };
        assert_eq!(build(), build());
    }

    #[test]
    fn a_mean_is_that_of_all_positions_but_the_first() {
        let mut graph = Graph::new(TOKENS, 0);
        let number = graph.feature("number", |token| token as f64);
        let mean = graph.mean("mean", &[number.into()])[0];
        let total = graph.unit(graph.position(), mean);
        let kept = graph.persist("total", total * 1.0);
        graph.predict(1, kept.into());
        let model = model(&graph, 0);
        let mut reference = Reference::new(&model, Attention::Kinds, Kernel::preferred()).unwrap();
        let mut sum = 0;
        for token in [0usize, 3, 1, 4, 4, 2] {
            reference.step(Token(token as u32)).unwrap();
            sum += token;
            assert!((reference.logits()[1] - sum as f64).abs() < 1e-9, "{sum}");
        }
    }
}
