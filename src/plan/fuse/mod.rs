//! First pass: follow every slot through the layers as an expression.
//!
//! The residual stream starts as the token's features, the position, its square and the
//! recency. Each layer's heads and units are replaced by what they are proved to be (`heads`,
//! `units.rs`), and every sum is followed with its rounding (`rounding.rs`, over `value.rs`).
//! Passthrough heads and units with a constant gate are linear and vanish here; so do
//! slots that take each other's place, for x + (y - x) is y where nothing rounds. That nothing
//! overflows is proved before (`finite.rs`); position 0 is computed as it stands
//! (`position_zero.rs`).
//!
//! Tokens that stand after position 0 are all but the BOS token, if leaving it out makes some
//! feature constant: such a feature is the `one` by which a model writes constants. That the BOS
//! token does not come again is an assumption, guarded at run time.

#[cfg(test)]
pub mod draft;
pub mod error;
mod finite;
pub mod guards;
pub mod heads;
pub mod nearly;
pub mod position_zero;
pub mod rounding;
mod substitute;
mod units;
mod upper;
pub mod value;

use std::sync::Arc;

use cranelift_entity::{EntityRef, PrimaryMap};

use crate::model::{Layer, Matrix, Model};
use crate::plan::expression::affine::Affine;
use crate::plan::expression::arena::{Arena, Features};
use crate::plan::expression::feature_bounds::FeatureBounds;
use crate::plan::ids::{FeatureId, GuardId, LayerId, SlotId};
use crate::plan::refusal::{Cause, Place, Rule};
use guards::Guards;
use heads::Items;
use position_zero::PositionZero;
use rounding::Analysis;
use value::{Number, Rounding, Symbols, Value};

/// The residual stream: what every slot holds.
pub type Stream = PrimaryMap<SlotId, Value>;

/// A model as expressions.
pub struct Fused {
    /// Expressions, and with what rows are analysed.
    pub analysis: Analysis,
    /// What must be remembered.
    pub items: Items,
    /// The residual stream after the last layer.
    pub slots: Stream,
    /// Products that are exact while they stay within ±`MAX_PRODUCT`.
    pub guards: PrimaryMap<GuardId, Affine>,
    /// Features of all tokens.
    pub features: Arc<Features>,
    /// Whether the BOS token is assumed to stand at position 0 only.
    pub single_bos: bool,
    /// The greatest position, if that is less than what was asked for.
    pub hull_limit: Option<u64>,
}

/// A model on its way through the layers.
pub struct Fusion<'a> {
    analysis: Analysis,
    items: Items,
    position_zero: &'a PositionZero,
    features: Arc<Features>,
    single_bos: bool,
    guards: PrimaryMap<GuardId, Affine>,
    hull_limit: Option<u64>,
    /// The layer and head to be watched, and what was seen of it.
    watch: Option<(LayerId, usize)>,
    watched: Option<Watched>,
    /// What slots became on the way to the watched head: after which part, and what.
    changes: Vec<(SlotId, Place, Value)>,
}

/// What was seen of one head.
pub struct Watched {
    /// Query, key and value: two rows of slots and weights each.
    pub rows: Vec<heads::Row>,
    /// The slots that they read.
    pub slots: Vec<(SlotId, Value)>,
    /// What became of these slots before, after which part.
    pub changes: Vec<(SlotId, Place, Value)>,
    /// What it gives.
    pub outputs: [Value; 2],
}

/// The whole columns of the embedding, and one that marks the BOS token.
fn features(model: &Model, bos: usize) -> Features {
    let embedding = model.embedding();
    let whole = |x: f64| x.fract() == 0.0 && x.abs() < (1u64 << 50) as f64;
    let mut columns: PrimaryMap<FeatureId, Vec<i64>> = (0..embedding.cols)
        .map(|column| {
            let of = (0..embedding.rows).map(|token| embedding.row(token)[column]);
            if of.clone().all(whole) { of.map(|x| x as i64).collect() } else { Vec::new() }
        })
        .collect();
    columns.push((0..embedding.rows).map(|token| i64::from(token == bos)).collect());
    Features { columns, tokens: embedding.rows }
}

/// Whether leaving a token out makes some feature a constant that is not 0.
fn leaves_constant(features: &Features, bos: usize) -> bool {
    let mark = features.bos_mark();
    features.columns.iter().filter(|column| column.0 != mark).any(|(_, column)| {
        let mut others =
            column.iter().enumerate().filter(|(token, _)| *token != bos).map(|(_, x)| x);
        let first = others.next();
        first.is_some_and(|first| *first != 0)
            && column.get(bos) != first
            && others.all(|x| Some(x) == first)
    })
}

/// The token that prompts begin with, as far as the embedding tells: one that differs from all
/// others.
pub fn likely_bos(model: &Model) -> usize {
    let features = features(model, 0);
    let tokens = 0..features.tokens;
    tokens.clone().find(|&token| leaves_constant(&features, token)).unwrap_or(0)
}

/// Follows a model's slots for positions up to `limit`.
pub fn fuse(model: &Model, position_zero: &PositionZero, limit: u64) -> Result<Fused, Cause> {
    fuse_watching(model, position_zero, limit, None).map(|fused| fused.0)
}

/// The same, telling of one layer's head on the way.
pub fn fuse_watching(
    model: &Model,
    position_zero: &PositionZero,
    limit: u64,
    watch: Option<(LayerId, usize)>,
) -> Result<(Fused, Option<Watched>), Cause> {
    finite::check(model, limit)?;
    let mut fusion = Fusion::new(model, position_zero, limit);
    fusion.watch = watch;
    let mut slots = fusion.embed(model);
    for (number, layer) in model.layers().enumerate() {
        let id = LayerId::new(number);
        fusion.attend(model, id, layer, &mut slots);
        fusion.feed_forward(id, layer, model.shape().units, &mut slots);
    }
    let Fusion { analysis, items, guards, features, single_bos, hull_limit, watched, .. } = fusion;
    Ok((Fused { analysis, items, slots, guards, features, single_bos, hull_limit }, watched))
}

impl<'a> Fusion<'a> {
    /// Before the first layer, for positions up to `limit`.
    fn new(model: &Model, position_zero: &'a PositionZero, limit: u64) -> Fusion<'a> {
        let bos = position_zero.bos.index();
        let features = Arc::new(features(model, bos));
        let single_bos = leaves_constant(&features, bos);
        let current = (0..features.tokens).filter(|&id| !(single_bos && id == bos)).collect();
        let arena = Arena::new(FeatureBounds::new(features.clone(), current), limit);
        Fusion {
            analysis: Analysis {
                arena,
                summands: PrimaryMap::new(),
                place: Place::Plan,
                sources: 0,
            },
            items: Items::default(),
            position_zero,
            features,
            single_bos,
            guards: PrimaryMap::new(),
            hull_limit: None,
            watch: None,
            watched: None,
            changes: Vec::new(),
        }
    }

    fn embed(&mut self, model: &Model) -> Stream {
        let mut symbol = |symbols: Symbols| {
            let number = Number::new(Affine::default(), 0, symbols, Rounding::None, Guards::NONE);
            Value::Known(self.analysis.computed(number))
        };
        let sources = [
            Value::exact(Arena::position()),
            symbol(Symbols { recency: 1.0, ..Symbols::default() }),
            symbol(Symbols { square: 1.0, ..Symbols::default() }),
        ];
        (0..model.shape().width)
            .map(|slot| {
                self.analysis.place = Place::Embedding { slot: SlotId::new(slot) };
                let feature = FeatureId::new(slot);
                if self.features.columns[feature].is_empty() {
                    return Value::Unknown(self.analysis.cause(Rule::WholeFeatures));
                }
                let token = self.analysis.arena.feature(Arena::position(), feature);
                let token = Value::exact(token);
                match sources.get(slot) {
                    Some(source) => self.analysis.row(&[(1.0, &token), (1.0, source)]),
                    None => token,
                }
            })
            .collect()
    }

    fn attend(&mut self, model: &Model, id: LayerId, layer: Layer<'_>, slots: &mut Stream) {
        let mut outputs = Vec::with_capacity(slots.len());
        for head in 0..model.shape().heads {
            self.analysis.place = Place::Head { layer: id, head };
            if layer.is_dead_head(head) {
                outputs.extend([Value::zero(), Value::zero()]);
            } else {
                let at_zero = self.position_zero.heads[id][head];
                let types = (model.kind(id.index(), head), model.tie(id.index(), head));
                outputs.extend(self.head(layer, head, types, at_zero, slots));
            }
        }
        let place = |slot| Place::AttentionOut { layer: id, slot };
        self.add(slots, layer.attention_out, &outputs, place);
        clear(slots, layer.cleared_after_attention);
    }

    fn feed_forward(&mut self, id: LayerId, layer: Layer<'_>, units: usize, slots: &mut Stream) {
        let mut brought = Vec::with_capacity(units);
        for unit in 0..units {
            self.analysis.place = Place::Unit { layer: id, unit };
            brought.push(if layer.is_dead_unit(unit) {
                Value::zero()
            } else {
                let [gate, factor] = [unit, units + unit].map(|row| layer.feed_forward_in.row(row));
                self.unit(gate, factor, slots)
            });
        }
        let place = |slot| Place::FeedForwardOut { layer: id, slot };
        self.add(slots, layer.feed_forward_out, &brought, place);
        clear(slots, layer.cleared_after_feed_forward);
    }

    fn add(
        &mut self,
        slots: &mut Stream,
        out: Matrix<'_>,
        brought: &[Value],
        place: impl Fn(SlotId) -> Place,
    ) {
        for (slot, value) in slots.iter_mut() {
            self.analysis.place = place(slot);
            let row = out.row(slot.index()).iter().copied().zip(brought);
            let terms: Vec<(f64, &Value)> = row.filter(|term| term.0 != 0.0).collect();
            let delta = self.analysis.row(&terms);
            *value = self.analysis.row(&[(1.0, value), (1.0, &delta)]);
            if self.watch.is_some() && !delta.is_zero() {
                self.changes.push((slot, place(slot), value.clone()));
            }
        }
    }
}

fn clear(slots: &mut Stream, cleared: &[u32]) {
    for &slot in cleared {
        slots[SlotId::from_u32(slot)] = Value::zero();
    }
}
