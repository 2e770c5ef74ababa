//! Small models written by hand, weight by weight.
//!
//! Token 0 opens. All others have 1 in the slot [`ONE`]. [`Hand::reads`] makes the model say
//! what a slot holds.

use hardmax::model::{Clears, LayerParts, Model, ModelParts, Shape, Token};
use hardmax::model::{HeadKind, TieBreak};

pub const TIME: usize = 0;
pub const INVERSE_LOG: usize = 1;
pub const SQUARE: usize = 2;
pub const ONE: usize = 3;
/// The first slot that is free for anything.
pub const A: usize = 4;
pub const B: usize = 5;
pub const C: usize = 6;
pub const D: usize = 7;
pub const E: usize = 8;
pub const F: usize = 9;
/// Slots, unless more are asked for.
const WIDTH: usize = 10;
const UNITS: usize = 4;

/// 2^53.
pub const WHOLE: f64 = (1u64 << 53) as f64;
/// The scale that models are usually built with.
pub const SCALE: f64 = 1e10 * std::f64::consts::SQRT_2;

/// A row of an attention matrix: which of the queries, keys and values.
#[derive(Clone, Copy)]
pub enum Row {
    Query,
    Key,
    Value,
}

/// A model in the making.
#[derive(Clone)]
pub struct Hand(ModelParts);

impl Hand {
    /// Without any weights but those of [`ONE`].
    pub fn new(vocabulary: usize, layers: usize) -> Hand {
        Hand::with_width(vocabulary, layers, WIDTH)
    }

    /// The same with more slots, or fewer.
    pub fn with_width(vocabulary: usize, layers: usize, width: usize) -> Hand {
        let shape = Shape { vocabulary, width, layers, heads: width / 2, units: UNITS };
        let shape = if layers == 0 { Shape { units: 0, ..shape } } else { shape };
        let layer = LayerParts {
            attention_in: vec![0.0; 3 * width * width],
            attention_out: vec![0.0; width * width],
            feed_forward_in: vec![0.0; 2 * UNITS * width],
            feed_forward_out: vec![0.0; width * UNITS],
        };
        let mut hand = Hand(ModelParts {
            shape,
            stop: Token(vocabulary as u32 - 1),
            vocabulary: (0..vocabulary).map(|token| format!("t{token}")).collect(),
            embedding: vec![0.0; vocabulary * width],
            layers: vec![layer; layers],
            head: vec![0.0; vocabulary * width],
            clears: Some(vec![Clears::default(); layers]),
            ties: Some(vec![TieBreak::Latest; layers * shape.heads]),
            kinds: None,
        });
        for token in 1..vocabulary {
            hand.feature(token, ONE, 1.0);
        }
        hand
    }

    fn width(&self) -> usize {
        self.0.shape.width
    }

    /// A feature of one token.
    pub fn feature(&mut self, token: usize, slot: usize, value: f64) -> &mut Hand {
        let width = self.width();
        self.0.embedding[token * width + slot] = value;
        self
    }

    /// A feature of all tokens.
    pub fn features(&mut self, slot: usize, values: &[f64]) -> &mut Hand {
        for (token, &value) in values.iter().enumerate() {
            self.feature(token, slot, value);
        }
        self
    }

    /// What a row of a head reads: its first or second component.
    pub fn head(
        &mut self,
        [layer, head]: [usize; 2],
        row: Row,
        component: usize,
        weights: &[(usize, f64)],
    ) -> &mut Hand {
        let width = self.width();
        let at = (row as usize * width + 2 * head + component) * width;
        for &(slot, weight) in weights {
            self.0.layers[layer].attention_in[at + slot] = weight;
        }
        self
    }

    /// A component of a head's answer is added to a slot.
    pub fn answer(
        &mut self,
        [layer, head]: [usize; 2],
        component: usize,
        slot: usize,
    ) -> &mut Hand {
        let width = self.width();
        self.0.layers[layer].attention_out[slot * width + 2 * head + component] = 1.0;
        self
    }

    /// A head that answers with the latest value: a copy of a slot.
    pub fn copies(&mut self, at: [usize; 2], from: (usize, f64), to: usize) -> &mut Hand {
        self.head(at, Row::Query, 0, &[(TIME, 1.0)])
            .head(at, Row::Query, 1, &[(ONE, 1.0)])
            .head(at, Row::Key, 0, &[(TIME, 2.0)])
            .head(at, Row::Key, 1, &[(ONE, 1.0)])
            .head(at, Row::Value, 0, &[from])
            .answer(at, 0, to)
    }

    /// A head whose query is (weights, scale·one) and whose value is a slot, which is added to
    /// another.
    pub fn asks(
        &mut self,
        at: [usize; 2],
        query: &[(usize, f64)],
        scale: f64,
        [from, to]: [usize; 2],
    ) -> &mut Hand {
        self.head(at, Row::Query, 0, query)
            .head(at, Row::Query, 1, &[(ONE, scale)])
            .head(at, Row::Value, 0, &[(from, 1.0)])
            .answer(at, 0, to)
    }

    pub fn tie(&mut self, [layer, head]: [usize; 2], tie: TieBreak) -> &mut Hand {
        let heads = self.0.shape.heads;
        if let Some(ties) = &mut self.0.ties {
            ties[layer * heads + head] = tie;
        }
        self
    }

    /// What the file says of one head; of all others it says that they are lookups.
    pub fn kind(&mut self, [layer, head]: [usize; 2], kind: HeadKind) -> &mut Hand {
        let heads = self.0.shape.heads;
        let count = self.0.layers.len() * heads;
        let kinds = self.0.kinds.get_or_insert_with(|| vec![HeadKind::Lookup; count]);
        kinds[layer * heads + head] = kind;
        self
    }

    /// The same, as a file that says nothing of kinds.
    pub fn without_kinds(&self) -> Hand {
        Hand(ModelParts { kinds: None, ..self.0.clone() })
    }

    /// max(gate, 0)·factor·weight is added to a slot.
    pub fn unit(
        &mut self,
        [layer, unit]: [usize; 2],
        gate: &[(usize, f64)],
        factor: &[(usize, f64)],
        (slot, weight): (usize, f64),
    ) -> &mut Hand {
        let width = self.width();
        let weights = &mut self.0.layers[layer];
        for &(from, weight) in gate {
            weights.feed_forward_in[unit * width + from] = weight;
        }
        for &(from, weight) in factor {
            weights.feed_forward_in[(UNITS + unit) * width + from] = weight;
        }
        weights.feed_forward_out[slot * UNITS + unit] = weight;
        self
    }

    /// A slot is 0 after the units of a layer.
    pub fn clear(&mut self, layer: usize, slot: usize) -> &mut Hand {
        let slot = slot as u32;
        if let Some(clears) = &mut self.0.clears
            && !clears[layer].after_feed_forward.contains(&slot)
        {
            clears[layer].after_feed_forward.push(slot);
        }
        self
    }

    /// A weight of a token's logit.
    pub fn logit(&mut self, token: usize, slot: usize, weight: f64) -> &mut Hand {
        let width = self.width();
        self.0.head[token * width + slot] = weight;
        self
    }

    /// The token predicted is what a slot holds, or nearest to it.
    pub fn reads(&mut self, slot: usize) -> &mut Hand {
        for token in 1..self.0.shape.vocabulary {
            let v = token as f64;
            self.logit(token, slot, 2.0 * v).logit(token, ONE, -v * v);
        }
        self
    }

    /// The token predicted is 1 if a slot is positive, else 0.
    pub fn is_positive(&mut self, slot: usize) -> &mut Hand {
        self.logit(1, slot, 1.0)
    }

    /// All matrices, each with its name and the length of its rows.
    fn matrices(&mut self) -> Vec<(String, usize, &mut Vec<f64>)> {
        let width = self.width();
        let ModelParts { embedding, layers, head, .. } = &mut self.0;
        let mut all = vec![("embedding".to_owned(), width, embedding)];
        for (number, layer) in layers.iter_mut().enumerate() {
            let LayerParts { attention_in, attention_out, feed_forward_in, feed_forward_out } =
                layer;
            all.push((format!("attention_in {number}"), width, attention_in));
            all.push((format!("attention_out {number}"), width, attention_out));
            all.push((format!("feed_forward_in {number}"), width, feed_forward_in));
            all.push((format!("feed_forward_out {number}"), UNITS, feed_forward_out));
        }
        all.push(("head".to_owned(), width, head));
        all
    }

    /// Weights that are not 0, in some order.
    fn used(&mut self) -> impl Iterator<Item = &mut f64> {
        let all = self.matrices().into_iter().flat_map(|matrix| matrix.2);
        all.filter(|weight| **weight != 0.0)
    }

    /// One of the weights that are not 0 becomes another.
    pub fn change(&mut self, which: usize, to: f64) -> &mut Hand {
        let count = self.used().count();
        if let Some(weight) = self.used().nth(which % count) {
            *weight = to;
        }
        self
    }

    /// Any weight of any matrix.
    #[allow(dead_code, reason = "the fuzz target of plans uses it")]
    pub fn set(&mut self, matrix: usize, place: usize, to: f64) -> &mut Hand {
        let mut all = self.matrices();
        let count = all.len();
        let weights = &mut *all[matrix % count].2;
        let size = weights.len();
        weights[place % size] = to;
        self
    }

    pub fn model(&self) -> Model {
        Model::new(self.0.clone()).unwrap()
    }
}

/// The model with as few weights as may be for which something still holds.
pub fn shrunk(hand: &Hand, holds: impl Fn(&Hand) -> bool) -> Hand {
    let mut small = hand.clone();
    loop {
        let mut without = None;
        for which in (0..small.clone().used().count()).rev() {
            let mut next = without.clone().unwrap_or_else(|| small.clone());
            next.change(which, 0.0);
            if holds(&next) {
                without = Some(next);
            }
        }
        match without {
            Some(next) => small = next,
            None => return small,
        }
    }
}

/// Its weights that are not 0, row by row, but for [`ONE`] of the embedding, and its heads.
pub fn describe(hand: &Hand) -> String {
    let mut hand = hand.clone();
    let (ties, kinds) = (format!("{:?}", hand.0.ties), format!("{:?}", hand.0.kinds));
    let clears = format!("{:?}", hand.0.clears);
    let mut lines = vec![ties, kinds, clears];
    for (name, cols, weights) in hand.matrices() {
        for (row, weights) in weights.chunks(cols).enumerate() {
            let one = |slot: usize| name == "embedding" && slot == ONE;
            let used = weights.iter().enumerate();
            let used = used.filter(|&(slot, weight)| *weight != 0.0 && !one(slot));
            let used: Vec<String> = used.map(|(col, w)| format!("{col}: {w:?}")).collect();
            if !used.is_empty() {
                lines.push(format!("  {name}, row {row}: {}", used.join(", ")));
            }
        }
    }
    lines.join("\n")
}
