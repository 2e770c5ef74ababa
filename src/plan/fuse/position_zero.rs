//! Position 0, computed as it stands: there every head attends to itself.
//!
//! Keys and values of position 0 are in every memory for ever, so the plan needs
//! their numbers. They are computed densely, next to whether they are exact: whether no product
//! and no partial sum rounds, in whatever order (lemma 10 of docs/plan.md). A number that is not
//! known to be exact is `None`, and whoever needs it refuses.

use cranelift_entity::PrimaryMap;

use crate::model::{Matrix, Model, Token};
use crate::plan::fuse::rounding::exact_product;
use crate::plan::ids::LayerId;

/// What position 0 leaves behind.
#[derive(Clone, Debug)]
pub struct PositionZero {
    /// The token at position 0.
    pub bos: Token,
    /// By layer and head.
    pub heads: PrimaryMap<LayerId, Vec<HeadAtZero>>,
    /// The token predicted at position 0, if that is exact.
    pub next: Option<Token>,
}

/// Key and value of one head, as far as they are exact.
#[derive(Clone, Copy, Debug)]
pub struct HeadAtZero {
    /// Both components of the key, in the units of the model.
    pub key: [Option<f64>; 2],
    /// Both components of the value, in the units of the model.
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
    let mut heads = PrimaryMap::with_capacity(shape.layers);
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

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;
    use crate::engine::{Attention, Reference};
    use crate::linalg::Kernel;
    use crate::model::{HeadKind, TieBreak};
    use crate::plan::fuse::draft::{Draft, FREE, HeadDraft, NUMBER, ONE, zero};

    /// Σ w·x in a random order, fused or not.
    fn summed(random: &mut Rng, row: &[f64], x: &[f64]) -> f64 {
        let mut products: Vec<(f64, f64)> = row.iter().copied().zip(x.iter().copied()).collect();
        random.shuffle(&mut products);
        let fused = random.bool();
        let mut sums = [0.0f64; 2];
        for (at, (w, x)) in products.into_iter().enumerate() {
            let sum = &mut sums[at % (1 + at % 2)];
            *sum = if fused { w.mul_add(x, *sum) } else { *sum + w * x };
        }
        sums[0] + sums[1]
    }

    fn first_head(zero: &PositionZero, layer: u32) -> HeadAtZero {
        zero.heads[LayerId::from_u32(layer)][0]
    }

    #[test]
    fn a_sum_at_position_0_is_the_f64_of_every_order_or_none() {
        let random = &mut Rng::with_seed(3);
        let (mut known, mut none, mut rounding) = (0, 0, 0);
        for _ in 0..40_000 {
            let mut draw = || {
                let whole = random.i64(-(1 << 53)..=1 << 53) >> random.u32(20..54);
                let scale = [1.0, 1.0, 0.5, 0.25, GRAIN, 0.1][random.usize(..16) % 6];
                whole as f64 * scale
            };
            let row = [0; 4].map(|_| draw());
            let x = [0; 4].map(|_| draw());
            let sum = dot(&row, &x.map(Some));
            let orders: Vec<f64> = (0..8).map(|_| summed(random, &row, &x)).collect();
            match sum {
                Some(sum) => {
                    known += 1;
                    assert!(orders.iter().all(|&order| order == sum), "{row:?} · {x:?}");
                }
                None => {
                    none += 1;
                    rounding += u32::from(orders.iter().any(|order| *order != orders[0]));
                }
            }
        }
        assert!(known > 1_000 && none > 1_000 && rounding > 500, "{known} {none} {rounding}");
    }

    #[test]
    fn unknown_terms_count_unless_their_weight_is_0() {
        assert_eq!(dot(&[1.0, 0.0], &[Some(2.0), None]), Some(2.0));
        assert_eq!(dot(&[1.0, 1.0], &[Some(2.0), None]), None);
        assert_eq!(dot(&[0.1], &[Some(3.0)]), None, "the product rounds");
        assert_eq!(dot(&[GRAIN / 2.0], &[Some(3.0)]), None, "finer than the grain");
        assert_eq!(dot(&[1.0, -1.0], &[Some(EXACT), Some(1.0)]), None, "beyond the range");
        assert_eq!(dot(&[1.0], &[Some(EXACT)]), Some(EXACT));
    }

    fn passing_on<'a>(value: [&'a [(usize, f64)]; 2], key: &'a [(usize, f64)]) -> HeadDraft<'a> {
        HeadDraft {
            kind: HeadKind::Lookup,
            tie: TieBreak::Latest,
            query: [&[], &[]],
            key: [key, &[]],
            value,
        }
    }

    #[test]
    fn an_inexact_number_is_unknown_and_so_is_what_follows_from_it() {
        let mut draft = Draft::new(3, 10, 2, 1);
        draft.embed(0, &[(ONE, 3.0), (NUMBER, 2.0)]);
        draft.head(0, 0, passing_on([&[(ONE, 0.1)], &[(NUMBER, 4.0)]], &[(NUMBER, 0.5)]));
        draft.attended(0, FREE, &[(0, 1.0)]);
        draft.attended(0, FREE + 1, &[(1, 1.0)]);
        draft.head(1, 0, passing_on([&[(FREE, 1.0)], &[(FREE + 1, 1.0)]], &[(FREE, 1.0)]));
        draft.logit(2, &[(FREE + 1, 1.0)]);
        let at_zero = zero(&draft.model());
        assert_eq!(first_head(&at_zero, 0).key, [Some(1.0), Some(0.0)]);
        assert_eq!(first_head(&at_zero, 0).value, [None, Some(8.0)]);
        assert_eq!(first_head(&at_zero, 0).whole_value(0), None);
        assert_eq!(first_head(&at_zero, 0).whole_value(1), Some(8));
        assert_eq!(first_head(&at_zero, 1).key, [None, Some(0.0)]);
        assert_eq!(first_head(&at_zero, 1).value, [None, Some(8.0)]);
        assert_eq!(at_zero.next, Some(Token(2)), "no logit reads what is unknown");
        draft.logit(1, &[(FREE, 1.0)]);
        assert_eq!(zero(&draft.model()).next, None);
        // What is cleared is known again.
        draft.parts.clears.as_mut().unwrap()[0].after_attention = vec![FREE as u32];
        let at_zero = zero(&draft.model());
        assert_eq!(first_head(&at_zero, 1).key, [Some(0.0); 2]);
        assert_eq!(at_zero.next, Some(Token(2)));
        assert!(first_head(&at_zero, 1).has_key_zero() && !first_head(&at_zero, 0).has_key_zero());
    }

    #[test]
    fn a_fraction_is_no_whole_value() {
        let mut draft = Draft::new(3, 8, 1, 0);
        draft.embed(0, &[(NUMBER, 3.0)]);
        draft.head(0, 0, passing_on([&[(NUMBER, 0.5)], &[]], &[]));
        let head = first_head(&zero(&draft.model()), 0);
        assert_eq!((head.value[0], head.whole_value(0)), (Some(1.5), None));
    }

    #[test]
    fn the_first_prediction_is_the_references() {
        let random = &mut Rng::with_seed(11);
        let mut known = 0;
        for seed in 0..1000 {
            let mut draft = Draft::new(4, 8, 2, 2);
            let mut fill = |weights: &mut [f64]| {
                for weight in weights {
                    *weight = [0.0, 0.0, 0.0, 1.0, -2.0, 0.25, 3.0, 0.1][random.usize(..8)];
                    if *weight == 0.1 && random.u16(..300) > 0 {
                        *weight = -1.0;
                    }
                }
            };
            for layer in &mut draft.parts.layers {
                fill(&mut layer.attention_in);
                fill(&mut layer.attention_out);
                fill(&mut layer.feed_forward_in);
                fill(&mut layer.feed_forward_out);
            }
            fill(&mut draft.parts.embedding);
            fill(&mut draft.parts.head);
            let model = draft.model();
            let Some(next) = zero(&model).next else { continue };
            known += 1;
            for &attention in &[Attention::Brute, Attention::Hull] {
                let mut reference = Reference::new(&model, attention, Kernel::preferred()).unwrap();
                reference.step(Token(0)).unwrap();
                assert_eq!(reference.next_token().unwrap(), next, "model {seed}");
            }
        }
        assert!(known > 30, "{known} models");
    }
}
