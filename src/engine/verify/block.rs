//! A block of positions, and its way through all layers.

use std::sync::Arc;

use rayon::prelude::*;

use super::columns::{CHUNK, Chunk, Embedding, LayerWeights, Scratch};
use super::heads::{HeadOutputs, LiveHead};
use super::reused::Reused;
use crate::attention::{Gather, History, Memory};
use crate::engine::guard::Guard;
use crate::engine::reference::head_memory;
use crate::engine::{Attention, EngineError};
use crate::linalg::Kernel;
use crate::model::{HeadKind, Layer, Model, Token};

/// Positions, each with the token that follows it.
pub struct Block {
    width: usize,
    /// The position of the first.
    position: u64,
    /// Length of the prompt: the first token that is compared.
    prompt: u64,
    tokens: Vec<Token>,
    next: Vec<Token>,
    chunks: Vec<Chunk>,
}

impl Block {
    pub fn new(width: usize) -> Block {
        let (tokens, next, chunks) = (Vec::new(), Vec::new(), Vec::new());
        Block { width, position: 0, prompt: 0, tokens, next, chunks }
    }

    pub fn begin(&mut self, position: u64, prompt: u64) {
        self.clear();
        (self.position, self.prompt) = (position, prompt);
    }

    pub fn push(&mut self, token: Token, next: Token) {
        self.tokens.push(token);
        self.next.push(next);
    }

    /// Drops all positions.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    fn truncate(&mut self, len: usize) {
        self.tokens.truncate(len);
        self.next.truncate(len);
    }

    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The position after the last.
    pub fn end(&self) -> u64 {
        self.position + self.len() as u64
    }

    /// The chunks that have positions.
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks[..self.len().div_ceil(CHUNK)]
    }

    fn chunks_mut(&mut self) -> &mut [Chunk] {
        let count = self.len().div_ceil(CHUNK);
        &mut self.chunks[..count]
    }

    /// The tokens that follow a chunk's positions, the place in the chunk from which on they are
    /// generated, and the position of the first.
    pub fn expected(&self, chunk: &Chunk) -> (&[Token], usize, u64) {
        let end = (chunk.offset + chunk.len).min(self.len());
        let expected = &self.next[chunk.offset..end];
        let first = self.position + chunk.offset as u64 + 1;
        let generated = self.prompt.saturating_sub(first).min(expected.len() as u64);
        (expected, generated as usize, first)
    }

    /// Cuts the positions into chunks and embeds them.
    fn embed(&mut self, embedding: &Embedding) {
        let Block { position, tokens, chunks, width, .. } = self;
        let count = tokens.len().div_ceil(CHUNK);
        while chunks.len() < count {
            let x = Vec::with_capacity(CHUNK * *width);
            chunks.push(Chunk { offset: chunks.len() * CHUNK, x, ..Chunk::default() });
        }
        let cut = chunks.par_iter_mut().zip(tokens.par_chunks(CHUNK));
        cut.for_each(|(chunk, tokens)| {
            chunk.embed(embedding, *position + chunk.offset as u64, tokens);
        });
    }
}

/// All layers of a model with the state of their heads.
pub struct Layers {
    kernel: Kernel,
    embedding: Embedding,
    layers: Vec<LayerState>,
    /// The tokens so far, for memories of values that depend on them alone.
    history: Arc<History>,
    scratch: Reused<Scratch>,
}

struct LayerState {
    weights: LayerWeights,
    heads: Vec<LiveHead>,
    outputs: Vec<HeadOutputs>,
}

impl Layers {
    /// With heads that remember nothing yet.
    pub fn new(
        model: &Model,
        attention: Attention,
        kernel: Kernel,
        block: usize,
    ) -> Result<Layers, EngineError> {
        let guard = |layer, head| Guard::new(model.kind(layer, head), attention);
        let history = Arc::new(History::default());
        let narrow = model.shape().vocabulary <= 1 << 16;
        let memory = |layer, head| -> Result<Box<dyn Memory>, EngineError> {
            let (kind, tie) = (model.kind(layer, head), model.tie(layer, head));
            if narrow && (attention, kind) == (Attention::Kinds, HeadKind::Gather) {
                return Ok(Box::new(Gather::along(tie, Arc::clone(&history))));
            }
            head_memory(attention, kind, tie).map_err(|violation| EngineError::Head {
                layer,
                head,
                violation,
            })
        };
        let layers = Layers::with_memories(model, kernel, block, guard, memory)?;
        Ok(Layers { history, ..layers })
    }

    /// With heads that are given their memories.
    pub fn with_memories(
        model: &Model,
        kernel: Kernel,
        block: usize,
        guard: impl Fn(usize, usize) -> Option<Guard>,
        memory: impl Fn(usize, usize) -> Result<Box<dyn Memory>, EngineError>,
    ) -> Result<Layers, EngineError> {
        let state = |(layer, weights): (usize, Layer<'_>)| {
            let heads = (0..model.shape().heads)
                .filter(|&head| !weights.is_dead_head(head))
                .map(|head| {
                    Ok(LiveHead::new(layer, head, memory(layer, head)?, guard(layer, head)))
                })
                .collect::<Result<Vec<LiveHead>, EngineError>>()?;
            let outputs = heads.iter().map(|_| [vec![0.0; block], vec![0.0; block]]).collect();
            Ok(LayerState { weights: LayerWeights::new(weights, &heads), heads, outputs })
        };
        Ok(Layers {
            kernel,
            embedding: Embedding::new(model),
            layers: model.layers().enumerate().map(state).collect::<Result<_, EngineError>>()?,
            history: Arc::default(),
            scratch: Reused::default(),
        })
    }

    /// Takes a block through all layers. If a head fails, gives the position at
    /// which the first one did, and the block ends before it.
    pub fn advance(&mut self, block: &mut Block) -> Option<(u64, EngineError)> {
        if block.is_empty() {
            return None;
        }
        // Before any head of the block reads them.
        for (position, token) in (block.position..).zip(&block.tokens) {
            if let (Ok(position), Ok(token)) = (u32::try_from(position), u16::try_from(token.0)) {
                self.history.set(position, token);
            }
        }
        block.embed(&self.embedding);
        let Layers { kernel, layers, scratch, .. } = self;
        let mut failed = None;
        let mut before: Option<(&LayerWeights, &[HeadOutputs])> = None;
        for LayerState { weights, heads, outputs } in layers {
            block.chunks_mut().par_iter_mut().for_each(|chunk| {
                scratch.with(|scratch| {
                    if let Some((before, outputs)) = before {
                        chunk.update(before, outputs, *kernel, scratch);
                    }
                    chunk.project(weights, *kernel, scratch);
                });
            });
            if let Some((place, error)) = attend(heads, outputs, block) {
                failed = Some((block.position + place as u64, error));
                block.truncate(place);
            }
            before = Some((weights, outputs));
        }
        if let Some((last, outputs)) = before {
            block.chunks_mut().par_iter_mut().for_each(|chunk| {
                scratch.with(|scratch| chunk.update(last, outputs, *kernel, scratch));
            });
        }
        failed
    }

    /// Bytes that the memories of all heads hold.
    pub fn heap_bytes(&self) -> usize {
        let heads = self.layers.iter().flat_map(|layer| &layer.heads);
        heads.map(LiveHead::heap_bytes).sum::<usize>() + self.history.heap_bytes()
    }
}

/// Computes the outputs of heads for a block, in parallel. Of heads that fail, the one at the
/// first place counts, the lowest of several.
fn attend(
    heads: &mut [LiveHead],
    outputs: &mut [HeadOutputs],
    block: &Block,
) -> Option<(usize, EngineError)> {
    let heads = heads.par_iter_mut().zip(outputs).enumerate();
    heads
        .filter_map(|(number, (head, outputs))| {
            let failed = head.advance(number, block.chunks(), block.position, block.len(), outputs);
            failed.map(|(place, error)| (place, number, error))
        })
        .min_by_key(|&(place, number, _)| (place, number))
        .map(|(place, _, error)| (place, error))
}
