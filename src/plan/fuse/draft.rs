//! Small models written down weight by weight, for tests.
//!
//! Token 0 opens. All others have 1 in slot [`ONE`], their own number in [`NUMBER`] and whether
//! that is odd in [`ODD`]. Slots from [`FREE`] on are empty.

use super::position_zero::{PositionZero, position_zero};
use super::{Fusion, Stream};
use crate::model::{Clears, HeadKind, LayerParts, Model, ModelParts, Shape, TieBreak, Token};

/// The position.
pub const TIME: usize = 0;
/// The recency.
pub const RECENCY: usize = 1;
/// The squared position.
pub const SQUARE: usize = 2;
/// 1 for all tokens but the first.
pub const ONE: usize = 3;
/// The number of a token: 0, 1, 2, ...
pub const NUMBER: usize = 4;
/// 1 for odd tokens, 0 for even ones.
pub const ODD: usize = 5;
/// Empty slots from here on.
pub const FREE: usize = 6;

/// A row of weights that are not 0, with their slots.
pub type Row<'a> = &'a [(usize, f64)];

/// What a head asks and remembers.
#[derive(Clone, Copy)]
pub struct HeadDraft<'a> {
    pub kind: HeadKind,
    pub tie: TieBreak,
    pub query: [Row<'a>; 2],
    pub key: [Row<'a>; 2],
    pub value: [Row<'a>; 2],
}

/// A model in the making.
#[derive(Clone)]
pub struct Draft {
    pub parts: ModelParts,
}

impl Draft {
    /// A model whose layers do nothing yet, and whose logits are all 0.
    pub fn new(vocabulary: usize, width: usize, layers: usize, units: usize) -> Draft {
        let shape = Shape { vocabulary, width, layers, heads: width / 2, units };
        let layer = LayerParts {
            attention_in: vec![0.0; 3 * width * width],
            attention_out: vec![0.0; width * width],
            feed_forward_in: vec![0.0; 2 * units * width],
            feed_forward_out: vec![0.0; width * units],
        };
        let mut draft = Draft {
            parts: ModelParts {
                shape,
                stop: Token(0),
                vocabulary: (0..vocabulary).map(|token| format!("token-{token}")).collect(),
                embedding: vec![0.0; vocabulary * width],
                layers: vec![layer; layers],
                head: vec![0.0; vocabulary * width],
                clears: Some(vec![Clears::default(); layers]),
                ties: Some(vec![TieBreak::Average; layers * width / 2]),
                kinds: Some(vec![HeadKind::Lookup; layers * width / 2]),
            },
        };
        for token in 1..vocabulary {
            draft.embed(token, &[(ONE, 1.0), (NUMBER, token as f64), (ODD, (token % 2) as f64)]);
        }
        draft
    }

    fn write(matrix: &mut [f64], columns: usize, row: usize, weights: Row<'_>) {
        for &(column, weight) in weights {
            matrix[row * columns + column] = weight;
        }
    }

    /// What a token brings to slots.
    pub fn embed(&mut self, token: usize, brings: Row<'_>) {
        Draft::write(&mut self.parts.embedding, self.parts.shape.width, token, brings);
    }

    /// Writes a head, whose answers are its columns 2h and 2h + 1.
    pub fn head(&mut self, layer: usize, head: usize, draft: HeadDraft<'_>) {
        let Shape { width, heads, .. } = self.parts.shape;
        let matrix = &mut self.parts.layers[layer].attention_in;
        for (part, rows) in [draft.query, draft.key, draft.value].into_iter().enumerate() {
            for (i, row) in rows.into_iter().enumerate() {
                Draft::write(matrix, width, part * width + 2 * head + i, row);
            }
        }
        self.parts.ties.as_mut().unwrap()[layer * heads + head] = draft.tie;
        self.parts.kinds.as_mut().unwrap()[layer * heads + head] = draft.kind;
    }

    /// What the answers of heads bring to a slot.
    pub fn attended(&mut self, layer: usize, slot: usize, columns: Row<'_>) {
        let width = self.parts.shape.width;
        Draft::write(&mut self.parts.layers[layer].attention_out, width, slot, columns);
    }

    /// Writes a gated unit.
    pub fn unit(&mut self, layer: usize, unit: usize, gate: Row<'_>, factor: Row<'_>) {
        let Shape { width, units, .. } = self.parts.shape;
        let matrix = &mut self.parts.layers[layer].feed_forward_in;
        Draft::write(matrix, width, unit, gate);
        Draft::write(matrix, width, units + unit, factor);
    }

    /// What units bring to a slot.
    pub fn fed(&mut self, layer: usize, slot: usize, of: Row<'_>) {
        let units = self.parts.shape.units;
        Draft::write(&mut self.parts.layers[layer].feed_forward_out, units, slot, of);
    }

    /// The logit of a token.
    pub fn logit(&mut self, token: usize, row: Row<'_>) {
        Draft::write(&mut self.parts.head, self.parts.shape.width, token, row);
    }

    /// The model, which must be one.
    pub fn model(&self) -> Model {
        Model::new(self.parts.clone()).unwrap()
    }
}

/// What position 0 leaves behind, where token 0 opens.
pub fn zero(model: &Model) -> PositionZero {
    position_zero(model, Token(0))
}

/// The passes over a model before its first layer, and its slots there.
pub fn fusion<'a>(
    model: &Model,
    position_zero: &'a PositionZero,
    limit: u64,
) -> (Fusion<'a>, Stream) {
    let mut fusion = Fusion::new(model, position_zero, limit);
    let slots = fusion.embed(model);
    (fusion, slots)
}
