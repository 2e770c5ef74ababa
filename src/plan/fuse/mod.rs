//! First pass: follow every slot through the layers as an expression.
//!
//! The residual stream starts as the token's features, the position, its square and the
//! inverse logarithm. Each layer's heads and units are replaced by what they are proved to
//! be (`heads.rs`), and every sum is followed with its rounding error (`exact.rs`).
//! Passthrough heads and units with a constant gate are linear and vanish here; so do
//! slots that take each other's place, for x + (y - x) is y where nothing rounds.
//!
//! Tokens that stand after position 0 are all but the bos one, if leaving it
//! out makes some feature constant: such a feature is the `one` by which a model writes
//! constants. That the bos token does not come again is an assumption, guarded at run time.

pub mod heads;
pub mod position_zero;
pub mod rounding;
mod substitute;

use std::sync::Arc;

use crate::model::{Matrix, Model};
use crate::plan::expression::affine::Affine;
use crate::plan::expression::arena::{Arena, Atom, Bounds, Features};
use crate::plan::expression::feature_bounds::FeatureBounds;
use crate::plan::fuse::heads::{Heads, Items};
use crate::plan::fuse::position_zero::PositionZero;
use crate::plan::fuse::rounding::{Limits, MAX_SUM, Value, bounds, row};

/// A model as expressions.
pub struct Fused {
    /// Atoms.
    pub arena: Arena,
    /// What must be remembered.
    pub items: Items,
    /// The residual stream after the last layer.
    pub slots: Vec<Value>,
    /// Bounds.
    pub limits: Limits,
    /// Guarded products, by number.
    pub guards: Vec<Affine>,
    /// Features of all tokens.
    pub features: Arc<Features>,
    /// Whether the bos token is assumed to stand at position 0 only.
    pub single_bos: bool,
}

/// The whole columns of the embedding, and one that marks the bos token.
fn features(model: &Model, bos: usize) -> Features {
    let embedding = model.embedding();
    let whole = |x: f64| x.fract() == 0.0 && x.abs() < (1u64 << 50) as f64;
    let mut columns: Vec<Vec<i64>> = (0..embedding.cols)
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
    let own = features.columns.len() - 1;
    features.columns[..own].iter().any(|column| {
        let mut others =
            column.iter().enumerate().filter(|(token, _)| *token != bos).map(|(_, x)| x);
        let first = others.next();
        first.is_some_and(|first| *first != 0)
            && column.get(bos) != first
            && others.all(|x| Some(x) == first)
    })
}

/// The token that opens prompts, as far as the embedding tells: one that differs from all others.
pub fn likely_bos(model: &Model) -> usize {
    let features = features(model, 0);
    let tokens = 0..features.tokens;
    tokens.clone().find(|&token| leaves_constant(&features, token)).unwrap_or(0)
}

/// Follows a model's slots for histories of at most `limit` tokens.
pub fn fuse(model: &Model, bos: &PositionZero, limit: f64) -> Fused {
    let token = bos.token.index();
    let features = Arc::new(features(model, token));
    let single_bos = leaves_constant(&features, token);
    let current = (0..features.tokens).filter(|&id| !(single_bos && id == token)).collect();
    let mut heads = Heads {
        arena: Arena::new(FeatureBounds::new(features.clone(), current), limit),
        limits: Limits { position: limit, summands: Vec::new() },
        items: Items::default(),
        bos,
        features,
        single_bos,
        guards: Vec::new(),
    };
    let mut slots = embed(&mut heads, model);
    for (number, layer) in model.layers().enumerate() {
        let mut answers = Vec::with_capacity(slots.len());
        for head in 0..model.shape().heads {
            if layer.is_dead_head(head) {
                answers.extend([Value::zero(), Value::zero()]);
            } else {
                let first = bos.heads[number][head];
                let tie = model.tie(number, head);
                answers.extend(heads.answer(layer, head, tie, first, &slots));
            }
        }
        add(&mut heads, &mut slots, layer.attention_out, &answers);
        clear(&mut slots, layer.cleared_after_attention);
        let units = model.shape().units;
        let mut brought = Vec::with_capacity(units);
        for unit in 0..units {
            brought.push(if layer.is_dead_unit(unit) {
                Value::zero()
            } else {
                let gate = gate(&mut heads, layer.feed_forward_in.row(unit), &slots);
                let factor = product(&mut heads, layer.feed_forward_in.row(units + unit), &slots);
                gated(&mut heads, &gate, &factor).unwrap_or_else(Value::unknown)
            });
        }
        add(&mut heads, &mut slots, layer.feed_forward_out, &brought);
        clear(&mut slots, layer.cleared_after_feed_forward);
    }
    let Heads { arena, items, limits, guards, features, single_bos, .. } = heads;
    Fused { arena, items, slots, limits, guards, features, single_bos }
}

fn embed(heads: &mut Heads<'_>, model: &Model) -> Vec<Value> {
    let mut slots: Vec<Value> = (0..model.shape().width)
        .map(|column| {
            if heads.features.columns[column].is_empty() {
                return Value::unknown();
            }
            Value::exact(heads.arena.feature(Arena::position(), column))
        })
        .collect();
    let sources = [
        Value::exact(Arena::position()),
        Value { inverse_log: 1.0, ..Value::zero() },
        Value { square: 1.0, ..Value::zero() },
    ];
    for (slot, source) in slots.iter_mut().zip(&sources) {
        *slot = row(&mut heads.arena, &heads.limits, &[(1.0, slot), (1.0, source)]);
    }
    slots
}

fn product(heads: &mut Heads<'_>, weights: &[f64], values: &[Value]) -> Value {
    let terms: Vec<(f64, &Value)> =
        weights.iter().copied().zip(values).filter(|term| term.0 != 0.0).collect();
    row(&mut heads.arena, &heads.limits, &terms)
}

fn gate(heads: &mut Heads<'_>, weights: &[f64], values: &[Value]) -> Value {
    let terms: Vec<(f64, &Value)> =
        weights.iter().copied().zip(values).filter(|term| term.0 != 0.0).collect();
    rounding::gate(&mut heads.arena, &heads.limits, &terms)
}

fn add(heads: &mut Heads<'_>, slots: &mut [Value], out: Matrix<'_>, brought: &[Value]) {
    for (slot, value) in slots.iter_mut().enumerate() {
        let delta = product(heads, out.row(slot), brought);
        *value = row(&mut heads.arena, &heads.limits, &[(1.0, value), (1.0, &delta)]);
    }
}

fn clear(slots: &mut [Value], cleared: &[u32]) {
    for &slot in cleared {
        slots[slot as usize] = Value::zero();
    }
}

/// max(gate, 0) · factor.
fn gated(heads: &mut Heads<'_>, gate: &Value, factor: &Value) -> Option<Value> {
    let assumes = gate.assumes | factor.assumes;
    let zero = Value { assumes, ..Value::zero() };
    if gate.is_unknown() || factor.is_zero() {
        return factor.is_zero().then_some(zero);
    }
    let around = bounds(&mut heads.arena, &heads.limits, gate);
    if around.high <= 0.0 {
        return Some(zero);
    }
    let (gate_lin, gate_exponent) = gate.as_fraction()?;
    if let (true, Some((sum, scale))) = (*gate_lin == Arena::position(), factor.mean) {
        let summed = summed(heads, factor, sum, scale)?;
        return Some(Value { assumes, ..summed });
    }
    let open = Bounds::new(around.low.max(0.0), around.high);
    if !factor.is_plain() {
        return None;
    }
    let exponent = gate_exponent + factor.exponent;
    let product = open.product(bounds(&mut heads.arena, &heads.limits, factor));
    let exact = factor.error == 0.0 && rounding::fits(product, exponent);
    let affine = heads.arena.piece(gate_lin, &factor.affine, &[(0, 1)])?;
    // Squares are keys of tables, which bear more (`heads.rs`).
    let is_square = gate.affine == factor.affine;
    if !exact && factor.error == 0.0 && exponent == 0 && !is_square {
        return guarded(heads, affine, assumes);
    }
    let error = open.high * factor.error + product.magnitude() * f64::EPSILON;
    let error = if exact { 0.0 } else { error };
    let mut value = Value { error, exponent, assumes, ..Value::exact(affine) };
    value.reduce();
    Some(value)
}

/// A product that is exact if it stays within its guard.
fn guarded(heads: &mut Heads<'_>, product: Affine, assumes: u64) -> Option<Value> {
    let affine = heads.arena.guarded(product)?;
    let guards = &mut heads.guards;
    let number = guards.iter().position(|known| *known == affine).unwrap_or_else(|| {
        guards.push(affine.clone());
        guards.len() - 1
    });
    let bit = 1u64.checked_shl(number as u32).filter(|bit| *bit != 0)?;
    Some(Value { assumes: assumes | bit, ..Value::exact(affine) })
}

/// A mean times the position: nearly the running sum (see `exact.rs`).
fn summed(heads: &mut Heads<'_>, factor: &Value, sum: usize, scale: f64) -> Option<Value> {
    let only_mean =
        factor.affine == Affine::default() && factor.inverse_log == 0.0 && factor.square == 0.0;
    if !only_mean || factor.error != 0.0 || scale.abs() != 1.0 {
        return None;
    }
    let most = MAX_SUM as f64;
    let atom = heads.arena.intern(Atom::Sum(sum), Bounds::new(0.0, most));
    let affine = Affine::default().plus(&Affine::atom(atom), scale as i64)?;
    Some(Value { error: most * 2.0 * f64::EPSILON, ..Value::exact(affine) })
}
