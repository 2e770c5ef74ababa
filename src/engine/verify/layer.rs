//! A layer: its products, and its heads with what they remember.
//!
//! Products of a block depend on no other block. Each group of heads takes blocks in order, and a
//! thread goes from group to group: so another may be some groups behind it, in the same layer.

use std::cell::Cell;

use pulp::Arch;

use super::block::Block;
use super::bounds::check_weights;
use super::chunk::{CHUNK, Embedding, Row};
use super::heads::{self, At, Fault, Group, Heads, Known};
use super::products::{LayerProducts, Products, Scratch as ProductScratch, values_by_token};
use super::turns::Turns;
use crate::attention::{History, Memory};
use crate::engine::{Attention, EngineError};
use crate::linalg::Kernel;
use crate::model::Model;

/// A layer of a model.
pub struct Layer {
    number: usize,
    products: LayerProducts,
    /// Rows of the projection, and behind these of the heads' outputs.
    projected: usize,
    rows: usize,
    /// Where a block comes that has numbers without a bound before this layer.
    entry: Turns<()>,
    groups: Vec<Turns<Group>>,
    cleared_after_attention: Vec<u32>,
    cleared_after_feed_forward: Vec<u32>,
}

/// What of a model all blocks share.
pub struct Start {
    pub embedding: Embedding,
    /// The tokens of all positions that a layer has seen, of small vocabularies.
    pub history: History,
}

/// What one thread needs room for.
#[derive(Default)]
pub struct Scratch {
    /// What heads read and give, chunk after chunk.
    rows: Vec<Row>,
    products: ProductScratch,
    heads: heads::Scratch,
}

impl Scratch {
    /// Of this machine.
    pub fn arch(&self) -> Arch {
        self.products.arch
    }
}

/// Numbers of all tables by token, 32 MB: a model of many layers and tokens could ask for any
/// multiple of its file.
const MAX_IN_TABLES: usize = 1 << 22;

/// Tokens of larger vocabularies are not kept for values that depend on them.
const MAX_VOCABULARY: usize = 1 << 16;

impl Start {
    pub fn new(model: &Model) -> Start {
        Start { embedding: Embedding::new(model), history: History::default() }
    }
}

/// All layers of a model, with heads that remember nothing yet.
pub fn layers(
    model: &Model,
    attention: Attention,
    products: Products,
    kernel: Kernel,
) -> Result<Vec<Layer>, EngineError> {
    check_weights(model)?;
    let mut slots = TokenSlots::new(model);
    let room = Cell::new(MAX_IN_TABLES);
    (0..model.shape().layers)
        .map(|number| {
            let values = |weights: &[f64]| values_by_token(model, weights, products, kernel);
            let known = Known { slots: &slots.0, values: &values, room: &room };
            let heads = Heads::new(model, number, attention, &known)?;
            slots.pass(model, number);
            Ok(Layer::new(model, number, heads, products, kernel))
        })
        .collect()
}

/// All layers of a model, with a memory for each head that has an effect.
pub fn layers_with_memories(
    model: &Model,
    kernel: Kernel,
    memory: impl Fn(usize, usize) -> Result<Box<dyn Memory>, EngineError>,
) -> Result<Vec<Layer>, EngineError> {
    check_weights(model)?;
    (0..model.shape().layers)
        .map(|number| {
            let heads = Heads::with_memories(model, number, |head| memory(number, head))?;
            Ok(Layer::new(model, number, heads, Products::Dense, kernel))
        })
        .collect()
}

/// By slot, whether it still holds what the embedding put there, which depends on the token alone.
struct TokenSlots(Vec<bool>);

impl TokenSlots {
    fn new(model: &Model) -> TokenSlots {
        // The position is in the first three.
        let is_small = model.shape().vocabulary <= MAX_VOCABULARY;
        TokenSlots((0..model.shape().width).map(|slot| slot >= 3 && is_small).collect())
    }

    /// Behind a layer.
    fn pass(&mut self, model: &Model, layer: usize) {
        let layer = model.layer(layer);
        for matrix in [layer.attention_out, layer.feed_forward_out] {
            for (row, is_token) in self.0.iter_mut().enumerate() {
                *is_token &= matrix.row(row).iter().all(|&weight| weight == 0.0);
            }
        }
        for &slot in layer.cleared_after_attention.iter().chain(layer.cleared_after_feed_forward) {
            self.0[slot as usize] = false;
        }
    }
}

impl Layer {
    fn new(
        model: &Model,
        number: usize,
        heads: Heads,
        products: Products,
        kernel: Kernel,
    ) -> Layer {
        let weights = model.layer(number);
        let Heads { projected, outputs, computed, groups } = heads;
        Layer {
            number,
            products: LayerProducts::new(weights, &projected, &outputs, products, kernel),
            projected: projected.len(),
            rows: projected.len() + computed,
            entry: Turns::new(()),
            groups: groups.into_iter().map(Turns::new).collect(),
            cleared_after_attention: weights.cleared_after_attention.to_vec(),
            cleared_after_feed_forward: weights.cleared_after_feed_forward.to_vec(),
        }
    }

    /// Takes a block, once each group of heads has had all blocks before it. If a head fails, or a
    /// number has no bound, gives the position at which the first one did, and the block ends before
    /// it. An error means that this happened in an earlier block.
    pub fn pass(
        &self,
        number: u64,
        block: &mut Block,
        history: &History,
        scratch: &mut Scratch,
    ) -> Result<Option<(u64, EngineError)>, FailedBefore> {
        let Scratch { rows, products, heads: room } = scratch;
        let great = block.first_great(products.arch, self.number);
        let mut entry = self.entry.take(number).ok_or(FailedBefore)?;
        if great.is_some() {
            entry.is_the_last();
        }
        drop(entry);
        let (first, tokens, chunks) = block.parts();
        // A layer may have no rows at all.
        let width = self.rows.max(1);
        rows.resize(chunks.len() * width, [0.0; CHUNK]);
        for (chunk, rows) in chunks.iter().zip(rows.chunks_mut(width)) {
            let projected = &mut rows[..self.projected];
            self.products.project(&chunk.x, projected, products);
        }
        let mut failed: Option<(usize, Fault)> = None;
        for group in &self.groups {
            let mut turn = group.take(number).ok_or(FailedBefore)?;
            for (at, (chunk, rows)) in chunks.iter().zip(rows.chunks_mut(width)).enumerate() {
                let at_chunk = At {
                    layer: self.number,
                    arch: products.arch,
                    position: first + chunk.offset as u64,
                    len: chunk.len,
                    tokens: &tokens[chunk.offset..][..chunk.len],
                    history,
                };
                let (projected, outputs) = rows.split_at_mut(self.projected);
                if let Some(fault) = turn.advance(&at_chunk, projected, outputs, room) {
                    // No block behind this one passes.
                    turn.is_the_last();
                    failed = earlier(failed, (at, fault));
                    break;
                }
            }
        }
        let good = failed.as_ref().map_or(chunks.len(), |(chunk, _)| chunk + 1);
        for (chunk, rows) in chunks[..good].iter_mut().zip(rows.chunks_mut(width)) {
            if let Some((_, fault)) =
                failed.as_ref().filter(|failed| failed.0 * CHUNK == chunk.offset)
            {
                // Whatever is computed from here on is not used, but has to be a number.
                rows[self.projected..].iter_mut().for_each(|row| row[fault.place..].fill(0.0));
            }
            let x = &mut chunk.x;
            self.products.attend(x, rows, products);
            clear(x, &self.cleared_after_attention);
            self.products.feed_forward(x, products);
            clear(x, &self.cleared_after_feed_forward);
        }
        // A head's fault is before the number without a bound, where the block ends already.
        let failed = failed.map(|(chunk, fault)| {
            let place = chunk * CHUNK + fault.place;
            block.truncate(place);
            (first + place as u64, fault.error)
        });
        Ok(failed.or(great))
    }

    /// There are no more turns.
    pub fn end(&self) {
        self.entry.end();
        self.groups.iter().for_each(Turns::end);
    }

    /// Bytes that the memories of its heads hold.
    pub fn heap_bytes(&self) -> usize {
        self.groups.iter().map(|group| group.with(Group::heap_bytes)).sum()
    }
}

/// A head failed in an earlier block, so nothing is known of this one.
pub struct FailedBefore;

/// Of two faults, each with its chunk, the one that the reference would meet first.
fn earlier(found: Option<(usize, Fault)>, other: (usize, Fault)) -> Option<(usize, Fault)> {
    let faults = found.into_iter().chain([other]);
    faults.min_by_key(|(chunk, fault)| (*chunk, fault.place, fault.head))
}

fn clear(x: &mut [Row], slots: &[u32]) {
    for &slot in slots {
        x[slot as usize].fill(0.0);
    }
}
