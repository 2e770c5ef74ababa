//! Random models, and prompts for them.
//!
//! The first eight slots are what heads of the known kinds ask for, each the same in
//! every model; anything is added to the others.

use hardmax::model::{Clears, LayerParts, Model, ModelParts, Shape, TieBreak, Token};

/// A small xorshift, so that a model is one number.
pub struct Random(pub u64);

impl Random {
    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) % n
    }

    pub fn choose<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.below(among.len() as u64) as usize]
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn small(&mut self) -> f64 {
        self.below(5) as f64 - 2.0
    }

    /// A few small weights, mostly on slots that anything is added to.
    fn sparse(&mut self, row: &mut [f64]) {
        for _ in 0..1 + self.below(2) {
            let slot = if self.one_in(4) { ONE as u64 + self.below(3) } else { 8 + self.below(4) };
            row[slot as usize] = self.small();
        }
    }
}

const TIME: usize = 0;
const INVERSE_LOG: usize = 1;
const SQUARE: usize = 2;
const ONE: usize = 3;
/// Whole numbers from 0 to 3.
const KEY: usize = 4;
/// 0 or 1.
const DEAD: usize = 5;
/// The square of `KEY` from layer 1 on.
const KEY_SQUARED: usize = 6;
/// A mean from layer 1 on.
const MEAN: usize = 7;
/// 1.5·2^52: added to a small number, it rounds.
const ROUNDING: f64 = 1.5 * (1u64 << 52) as f64;
const WIDTH: usize = 12;
const HEADS: usize = WIDTH / 2;
const UNITS: usize = 4;

/// A model with heads of all kinds and of none, made of a number.
pub fn random_model(seed: u64) -> Model {
    let random = &mut Random(seed | 1);
    let shape = Shape {
        vocabulary: 5 + random.below(12) as usize,
        width: WIDTH,
        layers: 1 + random.below(3) as usize,
        heads: HEADS,
        units: UNITS,
    };
    let has_one = !random.one_in(5);
    let fractions = random.one_in(8);
    let mut embedding = vec![0.0; shape.vocabulary * WIDTH];
    for (token, row) in embedding.chunks_mut(WIDTH).enumerate() {
        for weight in &mut row[8..] {
            *weight = random.small() / if fractions { 3.0 } else { 1.0 };
        }
        if token > 0 {
            row[ONE] = f64::from(u8::from(has_one));
            row[KEY] = random.below(4) as f64;
            row[DEAD] = random.below(2) as f64;
        }
    }
    let mut ties = Vec::new();
    let mut clears = Vec::new();
    let layers = (0..shape.layers)
        .map(|layer| random_layer(random, layer, &mut ties, &mut clears))
        .collect();
    let mut head = vec![0.0; shape.vocabulary * WIDTH];
    for (token, row) in head.chunks_mut(WIDTH).enumerate() {
        let (slot, v) = (8 + random.below(3) as usize, token as f64);
        match random.below(4) {
            0 | 1 => {
                row[slot] = 2.0 * v;
                row[ONE] = -v * v + random.small() / 2.0;
            }
            // Along two directions.
            2 => (row[8], row[11]) = (v, -v * (v + 1.0) / 2.0),
            _ => random.sparse(row),
        }
    }
    let vocabulary = (0..shape.vocabulary).map(|token| format!("t{token}")).collect();
    let stop = Token(shape.vocabulary as u32 - 1);
    let (clears, ties) = (Some(clears), Some(ties));
    Model::new(ModelParts {
        shape,
        stop,
        vocabulary,
        embedding,
        layers,
        head,
        clears,
        ties,
        kinds: None,
    })
    .unwrap()
}

fn random_layer(
    random: &mut Random,
    layer: usize,
    ties: &mut Vec<TieBreak>,
    clears: &mut Vec<Clears>,
) -> LayerParts {
    const SCALE: f64 = 1e10 * std::f64::consts::SQRT_2;
    let mut attention_in = vec![0.0; 3 * WIDTH * WIDTH];
    let mut attention_out = vec![0.0; WIDTH * WIDTH];
    let at = |part: usize, head: usize, row: usize, slot: usize| {
        (part * WIDTH + 2 * head + row) * WIDTH + slot
    };
    let target = |random: &mut Random| 8 + random.below(4) as usize;
    let mut rounded = None;
    for head in 0..HEADS {
        let kind = random.below(if layer == 0 { 6 } else { 8 });
        // A head of no known form has no plan: one that a logit depends on is enough.
        let kind = if kind == 5 && !random.one_in(40) { 2 } else { kind };
        let mut set = |part: usize, row: usize, slot: usize, weight: f64| {
            attention_in[at(part, head, row, slot)] = weight
        };
        let mut tie = TieBreak::Latest;
        match kind {
            0 => {}
            1 => {
                set(0, 0, TIME, SCALE);
                set(0, 1, ONE, SCALE);
                set(1, 0, TIME, 2.0);
                set(1, 1, ONE, 1.0);
                tie = TieBreak::Average;
            }
            2 | 7 => {
                set(0, 0, TIME, SCALE);
                set(0, 0, ONE, -(random.below(4) as f64) * SCALE);
                if random.one_in(2) {
                    set(0, 0, target(random), SCALE * random.small());
                }
                set(0, 1, ONE, SCALE);
                set(1, 0, TIME, 2.0);
                set(1, 1, SQUARE, -1.0);
                tie = if random.one_in(2) { TieBreak::Average } else { TieBreak::Latest };
            }
            3 => {
                set(0, 1, ONE, SCALE);
                set(1, 1, ONE, 1.0);
                tie = if random.one_in(4) { TieBreak::Latest } else { TieBreak::Average };
            }
            4 => {
                set(0, 1, ONE, SCALE);
                set(1, 1, INVERSE_LOG, 0.3);
                set(1, 1, DEAD, -1e30);
            }
            5 => {
                for part in 0..2 {
                    for row in 0..2 {
                        random.sparse(&mut attention_in[at(part, head, row, 0)..][..WIDTH]);
                    }
                }
                tie = if random.one_in(12) { TieBreak::Average } else { TieBreak::Latest };
            }
            _ => {
                set(0, 0, target(random), SCALE);
                set(0, 0, KEY, SCALE * random.below(2) as f64);
                set(0, 1, ONE, SCALE);
                set(1, 0, KEY, 2.0);
                set(1, 1, KEY_SQUARED, -1.0);
                set(1, 1, INVERSE_LOG, 0.3);
                set(1, 1, DEAD, -1e30);
            }
        }
        for row in 0..2 {
            let values = &mut attention_in[at(2, head, row, 0)..][..WIDTH];
            if random.one_in(4) { values[TIME] = 1.0 } else { random.sparse(values) }
        }
        // A fraction, which the great constant rounds; a unit takes the constant away.
        let rounds = kind == 1 && rounded.is_none() && random.one_in(2);
        if rounds {
            let values = &mut attention_in[at(2, head, 0, 0)..][..WIDTH];
            values.fill(0.0);
            values[target(random)] = 0.5f64.powi(1 + random.below(3) as i32);
            values[ONE] = ROUNDING;
        }
        // The first mean of layer 0 goes where a unit will look for it.
        let slot = if kind == 3 && layer == 0 { MEAN } else { target(random) };
        if rounds {
            rounded = Some(slot);
        }
        attention_out[slot * WIDTH + 2 * head] = 1.0;
        if !random.one_in(3) && slot != MEAN {
            attention_out[target(random) * WIDTH + 2 * head + 1] = random.small();
        }
        ties.push(tie);
    }
    let mut feed_forward_in = vec![0.0; 2 * UNITS * WIDTH];
    let mut feed_forward_out = vec![0.0; WIDTH * UNITS];
    for unit in 0..UNITS {
        let (gate, factor) = feed_forward_in.split_at_mut(UNITS * WIDTH);
        let (gate, factor) =
            (&mut gate[unit * WIDTH..][..WIDTH], &mut factor[unit * WIDTH..][..WIDTH]);
        let mut slot = target(random);
        match unit {
            0 if layer == 0 => {
                gate[KEY] = 1.0;
                factor[KEY] = 1.0;
                slot = KEY_SQUARED;
            }
            1 if random.one_in(3) => {
                gate[TIME] = 1.0;
                factor[MEAN] = 1.0;
            }
            _ => {
                random.sparse(gate);
                gate[ONE] = random.small();
                if random.one_in(2) { factor[ONE] = 1.0 } else { random.sparse(factor) }
            }
        }
        if let (2, Some(rounded)) = (unit, rounded) {
            gate.fill(0.0);
            factor.fill(0.0);
            (gate[ONE], factor[ONE]) = (1.0, 1.0);
            feed_forward_out[rounded * UNITS + unit] = -ROUNDING;
        } else {
            let fraction = if random.one_in(8) { 0.25 } else { 1.0 };
            let weight = if unit == 0 { 1.0 } else { random.small() * fraction };
            feed_forward_out[slot * UNITS + unit] = weight;
        }
    }
    let cleared = |random: &mut Random| {
        if random.one_in(3) { vec![8 + random.below(4) as u32] } else { Vec::new() }
    };
    clears.push(Clears { after_attention: cleared(random), after_feed_forward: cleared(random) });
    LayerParts { attention_in, attention_out, feed_forward_in, feed_forward_out }
}

/// A prompt for a random model, which rarely opens twice.
pub fn random_prompt(random: &mut Random, vocabulary: u64) -> Vec<Token> {
    let bos = if random.one_in(6) { random.below(vocabulary) } else { 0 };
    let again = random.one_in(10);
    let rest =
        (0..random.below(40)).map(|_| {
            Token(if again { random.below(vocabulary) } else { 1 + random.below(vocabulary - 1) }
                as u32)
        });
    std::iter::once(Token(bos as u32)).chain(rest.collect::<Vec<_>>()).collect()
}
