//! Activations of some neighbouring positions, and what happens to them between two rounds of
//! heads.
//!
//! A *chunk* is a matrix with a row for each slot and a column for each position. With
//! positions side by side, gathering the slots that a product reads is copying whole
//! rows, and units, sums and clears run over neighbours. A chunk and
//! its products fit into the first caches, and chunks do not depend on each
//! other: they are computed in parallel.

use super::heads::{HeadOutputs, LiveHead};
use super::shrunk::Shrunk;
use crate::engine::recency::recency;
use crate::linalg::Kernel;
use crate::model::{Layer, Model, Token};

/// Positions of a chunk: two columns of 64 rows are a page, and a product is wide
/// enough for any kernel.
pub const CHUNK: usize = 64;

/// Neighbouring positions of a block.
#[derive(Default)]
pub struct Chunk {
    /// The place of the first one in its block.
    pub offset: usize,
    /// How many there are.
    pub len: usize,
    /// The residual stream: a row for each slot.
    pub x: Vec<f64>,
    /// Queries, keys and values of the layer that comes next: rows as in its `attention_in`.
    pub projected: Vec<f64>,
}

impl Chunk {
    /// A row of the residual stream.
    pub fn slot(&self, slot: usize) -> &[f64] {
        row(&self.x, self.len, slot)
    }

    /// A row of the projections.
    pub fn projection(&self, index: usize) -> &[f64] {
        row(&self.projected, self.len, index)
    }

    /// The residual stream at the latest position.
    pub fn last(&self) -> Vec<f64> {
        self.x.iter().skip(self.len - 1).step_by(self.len).copied().collect()
    }

    /// Sets the residual stream to what the tokens, the first at `position`, put into it.
    pub fn embed(&mut self, embedding: &Embedding, position: u64, tokens: &[Token]) {
        self.len = tokens.len();
        self.x.clear();
        for slot in &embedding.slots {
            self.x.extend(tokens.iter().map(|token| slot[token.index()]));
        }
        for at in 0..self.len {
            let t = (position + at as u64) as f64;
            self.x[at] += t;
            self.x[self.len + at] += recency(position + at as u64);
            self.x[2 * self.len + at] += t * t;
        }
    }

    /// Computes the inputs of a layer's heads.
    pub fn project(&mut self, layer: &LayerWeights, kernel: Kernel, scratch: &mut Scratch) {
        let Chunk { x, projected, len, .. } = self;
        layer.attention_in.apply(kernel, *len, |s| row(x, *len, s), &mut scratch.input, projected);
    }

    /// Adds the outputs of a layer's heads, then its feed-forward part.
    pub fn update(
        &mut self,
        layer: &LayerWeights,
        outputs: &[HeadOutputs],
        kernel: Kernel,
        scratch: &mut Scratch,
    ) {
        let (len, places) = (self.len, self.offset..self.offset + self.len);
        let Scratch { input, output, units } = scratch;
        let head_output = |column: usize| {
            let live = layer.live_of[column / 2].expect("columns of dead heads are left out");
            &outputs[live][column % 2][places.clone()]
        };
        layer.attention_out.apply(kernel, len, head_output, input, output);
        self.add(&layer.attention_out, output, &layer.cleared_after_attention);

        let x = &self.x;
        layer.feed_forward_in.apply(kernel, len, |slot| row(x, len, slot), input, units);
        let (gates, factors) = units.split_at_mut(layer.live_units.len() * len);
        for (gate, factor) in gates.iter_mut().zip(factors) {
            *gate = gate.max(0.0) * *factor;
        }
        let unit = |unit: usize| {
            let live = layer.live_units.binary_search(&unit);
            row(gates, len, live.expect("columns of dead units are left out"))
        };
        layer.feed_forward_out.apply(kernel, len, unit, input, output);
        self.add(&layer.feed_forward_out, output, &layer.cleared_after_feed_forward);
    }

    fn add(&mut self, matrix: &Shrunk, delta: &[f64], cleared: &[u32]) {
        let len = self.len;
        for (&slot, delta) in matrix.rows().iter().zip(delta.chunks_exact(len)) {
            for (x, delta) in self.x[slot * len..][..len].iter_mut().zip(delta) {
                *x += delta;
            }
        }
        for &slot in cleared {
            self.x[slot as usize * len..][..len].fill(0.0);
        }
    }
}

fn row(matrix: &[f64], len: usize, index: usize) -> &[f64] {
    &matrix[index * len..][..len]
}

/// Room for the products of one thread.
#[derive(Default)]
pub struct Scratch {
    input: Vec<f64>,
    output: Vec<f64>,
    units: Vec<f64>,
}

/// The embedding, turned round: a row for each slot, so that a row's tokens are near each other.
pub struct Embedding {
    slots: Vec<Vec<f64>>,
}

impl Embedding {
    pub fn new(model: &Model) -> Embedding {
        let embedding = model.embedding();
        let column = |slot| (0..embedding.rows).map(|token| embedding.row(token)[slot]).collect();
        Embedding { slots: (0..embedding.cols).map(column).collect() }
    }
}

/// A layer, shrunk to what has an effect.
pub struct LayerWeights {
    /// Six rows for each live head: two of its queries, keys and values each. Its kind may need
    /// fewer, but what it presumes of the others is checked as they pass.
    attention_in: Shrunk,
    attention_out: Shrunk,
    /// Gates of the live units, then their factors.
    feed_forward_in: Shrunk,
    feed_forward_out: Shrunk,
    /// Numbers of the units with an effect, in ascending order.
    live_units: Vec<usize>,
    /// The place of a head among the live ones.
    live_of: Vec<Option<usize>>,
    cleared_after_attention: Vec<u32>,
    cleared_after_feed_forward: Vec<u32>,
}

impl LayerWeights {
    pub fn new(layer: Layer<'_>, live_heads: &[LiveHead]) -> LayerWeights {
        let (width, units) = (layer.attention_out.rows, layer.feed_forward_out.cols);
        let mut live_of = vec![None; width / 2];
        for (place, live) in live_heads.iter().enumerate() {
            live_of[live.head] = Some(place);
        }
        let live_units: Vec<usize> = (0..units).filter(|&unit| !layer.is_dead_unit(unit)).collect();
        let is_live = |unit: usize| live_units.binary_search(&unit).is_ok();
        let parts = |head: &LiveHead| {
            let first = 2 * head.head;
            [0, 1, 2].into_iter().flat_map(move |part| [0, 1].map(|c| part * width + first + c))
        };
        let gates_and_factors = live_units.iter().chain(&live_units).enumerate();
        let feed_forward_rows = gates_and_factors
            .map(|(at, &unit)| if at < live_units.len() { unit } else { units + unit })
            .collect();
        LayerWeights {
            attention_in: Shrunk::new(
                layer.attention_in,
                live_heads.iter().flat_map(parts).collect(),
                |_| true,
            ),
            attention_out: Shrunk::nonzero_rows(layer.attention_out, |column| {
                live_of[column / 2].is_some()
            }),
            feed_forward_in: Shrunk::new(layer.feed_forward_in, feed_forward_rows, |_| true),
            feed_forward_out: Shrunk::nonzero_rows(layer.feed_forward_out, is_live),
            live_of,
            live_units,
            cleared_after_attention: layer.cleared_after_attention.to_vec(),
            cleared_after_feed_forward: layer.cleared_after_feed_forward.to_vec(),
        }
    }
}
