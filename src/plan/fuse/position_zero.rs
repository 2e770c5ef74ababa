//! Position 0, computed as it stands: there every head attends to itself.
//!
//! Keys and values of position 0 are in every memory for ever, so the plan needs
//! their numbers. They are computed densely, next to whether they are exact: whether no product
//! and no partial sum rounds, in whatever order (lemma 10 of docs/plan.md). A number that is not
//! known to be exact is `None`, and whoever needs it refuses.

use crate::model::{Matrix, Model, Token};
use crate::plan::fuse::rounding::exact_product;

/// What position 0 leaves behind.
#[derive(Clone, Debug)]
pub struct PositionZero {
    /// Its token.
    pub bos: Token,
    /// By layer and head.
    pub heads: Vec<Vec<HeadAtZero>>,
    /// The token predicted at position 0, if that is exact.
    pub next: Option<Token>,
}

/// Key and value of one head, as far as they are exact.
#[derive(Clone, Copy, Debug)]
pub struct HeadAtZero {
    /// The key.
    pub key: [Option<f64>; 2],
    /// The value.
    pub value: [Option<f64>; 2],
}

impl HeadAtZero {
    /// Whether the key is (0, 0).
    pub fn has_key_zero(&self) -> bool {
        self.key == [Some(0.0); 2]
    }

    /// A component of the value, if it is exact and whole.
    pub fn whole_value(&self, part: usize) -> Option<i64> {
        self.value[part].filter(|value| value.fract() == 0.0).map(|value| value as i64)
    }
}

/// Sums of multiples of this up to [`EXACT`] do not round.
const GRAIN: f64 = 1.0 / 1024.0;
const EXACT: f64 = (1u64 << 43) as f64;

/// A number, if it is a multiple of the grain within the range.
fn on_grid(x: f64) -> Option<f64> {
    ((x / GRAIN).fract() == 0.0 && x.abs() <= EXACT).then_some(x)
}

fn dot(row: &[f64], x: &[Option<f64>]) -> Option<f64> {
    let (mut sum, mut magnitude) = (0.0, 0.0);
    for (&weight, &x) in row.iter().zip(x).filter(|term| *term.0 != 0.0) {
        let product = on_grid(exact_product(weight, x?)?)?;
        sum += product;
        magnitude += product.abs();
    }
    (magnitude <= EXACT).then_some(sum)
}

/// Computes position 0 for a BOS token.
pub fn position_zero(model: &Model, bos: Token) -> PositionZero {
    let shape = model.shape();
    // Position and its square are 0, and so is 1/ln 2 - 1/ln 2.
    let embedding = model.embedding().row(bos.index());
    let mut x: Vec<Option<f64>> = embedding.iter().map(|&x| on_grid(x)).collect();
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
        let outputs: Vec<Option<f64>> = all.iter().flat_map(|head| head.value).collect();
        add(&mut x, layer.attention_out, &outputs, layer.cleared_after_attention);
        let gated: Vec<Option<f64>> = (0..shape.units)
            .map(|unit| {
                let gate = dot(layer.feed_forward_in.row(unit), &x)?;
                let factor = dot(layer.feed_forward_in.row(shape.units + unit), &x)?;
                on_grid(exact_product(gate.max(0.0), factor)?)
            })
            .collect();
        add(&mut x, layer.feed_forward_out, &gated, layer.cleared_after_feed_forward);
        heads.push(all);
    }
    let logits: Option<Vec<f64>> =
        (0..shape.vocabulary).map(|id| dot(model.head().row(id), &x)).collect();
    PositionZero { bos, heads, next: logits.map(|logits| greatest(&logits)) }
}

/// The greatest logit's token, the lowest id on a tie.
fn greatest(logits: &[f64]) -> Token {
    let mut best = 0;
    for (id, &logit) in logits.iter().enumerate() {
        if logit > logits[best] {
            best = id;
        }
    }
    Token(best as u32)
}

fn add(x: &mut [Option<f64>], out: Matrix<'_>, brought: &[Option<f64>], cleared: &[u32]) {
    for (slot, x) in x.iter_mut().enumerate() {
        let delta = dot(out.row(slot), brought);
        *x = x.zip(delta).and_then(|(x, delta)| on_grid(x + delta));
    }
    for &slot in cleared {
        x[slot as usize] = Some(0.0);
    }
}
