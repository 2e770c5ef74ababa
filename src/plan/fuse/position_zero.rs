//! Position 0, computed as it stands: there every head attends to itself.
//!
//! Keys and values of position 0 are in every memory for ever, so the plan needs
//! their numbers. They are computed densely; a number that another order of
//! summation could change is NaN, and whoever needs it refuses.

use crate::model::{Model, Token};

/// What position 0 leaves behind.
#[derive(Clone, Debug)]
pub struct PositionZero {
    /// Its token.
    pub token: Token,
    /// By layer and head.
    pub heads: Vec<Vec<HeadAtZero>>,
    /// The token predicted at position 0.
    pub next: Option<Token>,
}

/// Key and value of one head.
#[derive(Clone, Copy, Debug)]
pub struct HeadAtZero {
    /// The key.
    pub key: [f64; 2],
    /// The value.
    pub value: [f64; 2],
}

/// Sums of multiples of this up to [`EXACT`] of them do not round.
const GRAIN: f64 = 1.0 / 1024.0;
const EXACT: f64 = (1u64 << 43) as f64;

fn dot(row: &[f64], x: &[f64]) -> f64 {
    let (mut sum, mut magnitude) = (0.0, 0.0);
    for (&weight, &x) in row.iter().zip(x).filter(|term| *term.0 != 0.0) {
        let product = weight * x;
        if (product / GRAIN).fract() != 0.0 {
            return f64::NAN;
        }
        sum += product;
        magnitude += product.abs();
    }
    if magnitude <= EXACT { sum } else { f64::NAN }
}

/// Runs position 0.
pub fn bos(model: &Model, token: Token) -> PositionZero {
    let shape = model.shape();
    // Position and its square are 0, and so is 1/ln 2 - 1/ln 2.
    let mut x = model.embedding().row(token.index()).to_vec();
    let mut heads = Vec::with_capacity(shape.layers);
    for layer in model.layers() {
        let width = shape.width;
        let of = |part: usize, head: usize| {
            let at = part * width + 2 * head;
            [at, at + 1].map(|row| dot(layer.attention_in.row(row), &x))
        };
        let all: Vec<HeadAtZero> = (0..shape.heads)
            .map(|head| HeadAtZero { key: of(1, head), value: of(2, head) })
            .collect();
        let answers: Vec<f64> = all.iter().flat_map(|head| head.value).collect();
        add(&mut x, layer.attention_out, &answers, layer.cleared_after_attention);
        let gated: Vec<f64> = (0..shape.units)
            .map(|unit| {
                let gate = dot(layer.feed_forward_in.row(unit), &x);
                let factor = dot(layer.feed_forward_in.row(shape.units + unit), &x);
                if gate.is_nan() { gate } else { gate.max(0.0) * factor }
            })
            .collect();
        add(&mut x, layer.feed_forward_out, &gated, layer.cleared_after_feed_forward);
        heads.push(all);
    }
    let logits: Vec<f64> = (0..shape.vocabulary).map(|id| dot(model.head().row(id), &x)).collect();
    let mut best = 0;
    for (id, &logit) in logits.iter().enumerate() {
        if logit > logits[best] {
            best = id;
        }
    }
    let known = logits.iter().all(|logit| !logit.is_nan());
    PositionZero { token, heads, next: known.then_some(Token(best as u32)) }
}

fn add(x: &mut [f64], out: crate::model::Matrix<'_>, brought: &[f64], cleared: &[u32]) {
    for (slot, x) in x.iter_mut().enumerate() {
        let sum = *x + dot(out.row(slot), brought);
        *x = if sum.abs() <= EXACT { sum } else { f64::NAN };
    }
    for &slot in cleared {
        x[slot as usize] = 0.0;
    }
}
