//! The forward pass as the format defines it: every matrix dense, every head computed by its
//! memory, one position after the other.
//!
//! This is the engine that all others are measured against and must agree with,
//! so it takes no short cut that a reader of the definition would not see. With
//! [`Attention::Kinds`] heads are computed as their kind allows, and heads whose
//! values or output columns are all zero are left out.

use super::generate::Decoder;
use super::greatest::Greatest;
use super::guard::Guard;
use super::recency::recency;
use super::{Attention, EngineError};
use crate::attention::{Brute, Hull, Memory, Violation, memory};
use crate::linalg::{Dims, Kernel};
use crate::model::{HeadKind, Layer, Model, TieBreak, Token};

/// A model on its way through a history.
pub struct Reference<'m> {
    model: &'m Model,
    kernel: Kernel,
    layers: Vec<LayerState<'m>>,
    position: u64,
    /// The residual stream, D numbers.
    x: Vec<f64>,
    /// Queries, keys and values of a layer, 3D numbers.
    projected: Vec<f64>,
    /// Outputs of the heads of a layer, D numbers.
    outputs: Vec<f64>,
    /// Gates and factors of a layer's units, 2F numbers.
    gated: Vec<f64>,
    /// A part's contribution to the residual stream, D numbers.
    delta: Vec<f64>,
    /// The logit of every token, V numbers.
    logits: Vec<f64>,
    greatest: Greatest,
}

struct LayerState<'m> {
    weights: Layer<'m>,
    heads: Vec<Head>,
}

/// A head's memory, `None` where it has no effect.
struct Head {
    memory: Option<Box<dyn Memory>>,
    guard: Option<Guard>,
}

/// Who sees what happens at a position.
pub(super) trait Watch {
    /// Layer, number, query, key and output of a head that has an effect.
    fn head(
        &mut self,
        layer: usize,
        head: usize,
        query_key_output: [[f64; 2]; 3],
    ) -> Result<(), Violation>;
    /// The residual stream: after the embedding, and after both halves of each layer.
    fn stream(&mut self, values: &[f64]);
}

/// Nobody.
impl Watch for () {
    fn head(&mut self, _: usize, _: usize, _: [[f64; 2]; 3]) -> Result<(), Violation> {
        Ok(())
    }

    fn stream(&mut self, _: &[f64]) {}
}

impl<'m> Reference<'m> {
    /// Before the first token.
    pub fn new(
        model: &'m Model,
        attention: Attention,
        kernel: Kernel,
    ) -> Result<Self, EngineError> {
        let shape = model.shape();
        let head = |layer: usize, head: usize| {
            let (kind, tie) = (model.kind(layer, head), model.tie(layer, head));
            let left_out = attention == Attention::Kinds && model.layer(layer).is_dead_head(head);
            let memory = (!left_out).then(|| head_memory(attention, kind, tie)).transpose();
            Ok(Head {
                memory: memory.map_err(|violation| EngineError::Head { layer, head, violation })?,
                guard: Guard::new(kind, attention),
            })
        };
        let layers = (0..shape.layers).map(|layer| {
            let heads = (0..shape.heads).map(|at| head(layer, at)).collect::<Result<_, _>>()?;
            Ok(LayerState { weights: model.layer(layer), heads })
        });
        Ok(Reference {
            model,
            kernel,
            layers: layers.collect::<Result<_, EngineError>>()?,
            position: 0,
            x: vec![0.0; shape.width],
            projected: vec![0.0; 3 * shape.width],
            outputs: vec![0.0; shape.width],
            gated: vec![0.0; 2 * shape.units],
            delta: vec![0.0; shape.width],
            logits: vec![0.0; shape.vocabulary],
            greatest: Greatest::new(model.head().data.chunks_exact(shape.width), shape.width),
        })
    }

    /// Takes the next token of the history.
    pub fn step(&mut self, token: Token) -> Result<(), EngineError> {
        self.step_watched(token, &mut ())
    }

    /// The same, and is watched.
    pub(super) fn step_watched(
        &mut self,
        token: Token,
        watch: &mut impl Watch,
    ) -> Result<(), EngineError> {
        let vocabulary = self.model.shape().vocabulary;
        if token.index() >= vocabulary {
            return Err(EngineError::NoToken { token: token.0, vocabulary });
        }
        self.embed(token);
        watch.stream(&self.x);
        for layer in 0..self.layers.len() {
            self.attend(layer, watch)?;
            watch.stream(&self.x);
            self.feed_forward(layer);
            watch.stream(&self.x);
        }
        self.position += 1;
        Ok(())
    }

    fn embed(&mut self, token: Token) {
        let t = self.position as f64;
        self.x.copy_from_slice(self.model.embedding().row(token.index()));
        self.x[0] += t;
        self.x[1] += recency(self.position);
        self.x[2] += t * t;
    }

    fn attend(&mut self, layer: usize, watch: &mut impl Watch) -> Result<(), EngineError> {
        let LayerState { weights, heads } = &mut self.layers[layer];
        let width = self.x.len();
        product(self.kernel, weights.attention_in.data, &self.x, &mut self.projected);
        for (head, Head { memory, guard }) in heads.iter_mut().enumerate() {
            let Some(memory) = memory else {
                // The layer before may have left an output here.
                self.outputs[2 * head..2 * head + 2].fill(0.0);
                continue;
            };
            let [query, key, value] = [0, 1, 2].map(|part| {
                let at = part * width + 2 * head;
                [self.projected[at], self.projected[at + 1]]
            });
            if let Some(guard) = guard {
                guard.check(layer, head, self.position, key)?;
            }
            let refused = |violation| EngineError::Head { layer, head, violation };
            memory.insert(key, value).map_err(refused)?;
            let output = memory.output(query).map_err(refused)?;
            self.outputs[2 * head..2 * head + 2].copy_from_slice(&output);
            watch.head(layer, head, [query, key, output]).map_err(refused)?;
        }
        product(self.kernel, weights.attention_out.data, &self.outputs, &mut self.delta);
        add(&mut self.x, &self.delta, weights.cleared_after_attention);
        Ok(())
    }

    fn feed_forward(&mut self, layer: usize) {
        let weights = &self.layers[layer].weights;
        product(self.kernel, weights.feed_forward_in.data, &self.x, &mut self.gated);
        let (gates, factors) = self.gated.split_at_mut(self.model.shape().units);
        for (gate, factor) in gates.iter_mut().zip(factors) {
            *gate = gate.max(0.0) * *factor;
        }
        product(self.kernel, weights.feed_forward_out.data, gates, &mut self.delta);
        add(&mut self.x, &self.delta, weights.cleared_after_feed_forward);
    }

    /// The logits after the latest token.
    pub fn logits(&mut self) -> &[f64] {
        product(self.kernel, self.model.head().data, &self.x, &mut self.logits);
        &self.logits
    }

    /// The token with the greatest logit, the lowest id on a tie. Where kernels might differ, by
    /// sums in the order of slots.
    pub fn next_token(&mut self) -> Result<Token, EngineError> {
        let head = self.model.head();
        product(self.kernel, head.data, &self.x, &mut self.logits);
        let [x, logits] = [&self.x, &self.logits].map(|numbers| numbers.iter().copied());
        let best = self.greatest.token(|id| head.row(id), x, logits);
        best.map(|best| best.0).ok_or(EngineError::NoLogit { position: self.position })
    }

    /// Tokens taken so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Bytes that the memories of all heads hold.
    pub fn heap_bytes(&self) -> usize {
        let heads = self.layers.iter().flat_map(|layer| &layer.heads);
        heads.filter_map(|head| head.memory.as_ref()).map(|memory| memory.heap_bytes()).sum()
    }
}

impl Decoder for Reference<'_> {
    fn take(&mut self, token: Token, _predicts: bool) -> Result<(), EngineError> {
        self.step(token)
    }

    fn next_token(&mut self) -> Result<Token, EngineError> {
        Reference::next_token(self)
    }
}

/// y = a · x.
fn product(kernel: Kernel, a: &[f64], x: &[f64], y: &mut [f64]) {
    kernel.multiply(Dims { n: 1, m: y.len(), k: x.len() }, x, a, y);
}

fn add(x: &mut [f64], delta: &[f64], cleared: &[u32]) {
    for (x, delta) in x.iter_mut().zip(delta) {
        *x += delta;
    }
    for &slot in cleared {
        x[slot as usize] = 0.0;
    }
}

/// The memory of a head that is computed in this way.
pub(super) fn head_memory(
    attention: Attention,
    kind: HeadKind,
    tie: TieBreak,
) -> Result<Box<dyn Memory>, Violation> {
    match attention {
        Attention::Hull => Ok(Box::new(Hull::new(tie))),
        Attention::Brute => Ok(Box::new(Brute::new(tie))),
        Attention::Kinds => memory(kind, tie),
    }
}
