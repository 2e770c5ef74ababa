//! Models made of *motifs*: heads and units nearly as models have them, each with numbers from a
//! list of hostile ones.
//!
//! Which motifs and numbers is decided by whoever asks for a model: random numbers in
//! `hostile.rs`, the bytes of an input in the fuzz target of plans, which shares this file.

use hardmax::model::{HeadKind, TieBreak};

use super::by_hand::{A, B, C, D, E, F, Hand, INVERSE_LOG, ONE, Row, SCALE, SQUARE, TIME, WHOLE};

/// What makes decisions.
pub trait Choices {
    /// A number below `n`.
    fn below(&mut self, n: u64) -> u64;

    /// One of several.
    fn choose<'c, T>(&mut self, among: &'c [T]) -> &'c T {
        &among[self.below(among.len() as u64) as usize]
    }
}

const SLOTS: [usize; 6] = [A, B, C, D, E, F];
const ROUNDING: f64 = WHOLE * 0.75;

/// Where numbers stop being exact, and a few that are harmless.
pub const HOSTILE: [f64; 24] = [
    1.0,
    1.0,
    1.0,
    2.0,
    3.0,
    0.5,
    0.25,
    0.1,
    1.0 / 3.0,
    0.3,
    0.6,
    1e-17,
    67_108_864.0,
    134_217_730.0,
    1_099_511_627_776.0,
    WHOLE / 256.0 + 12_345.0,
    WHOLE / 16.0,
    WHOLE / 8.0 - 1.0,
    WHOLE / 2.0,
    WHOLE - 1.0,
    WHOLE,
    WHOLE * 512.0,
    1e30,
    1e200,
];

/// The number of ways in which a motif can be built.
const MOTIFS: u64 = 9;

struct Maker<'r, R> {
    random: &'r mut R,
    hand: Hand,
    layers: usize,
    vocabulary: usize,
    truthful: bool,
}

impl<R: Choices> Maker<'_, R> {
    fn one_in(&mut self, n: u64) -> bool {
        self.random.below(n) == 0
    }

    fn slot(&mut self) -> usize {
        *self.random.choose(&SLOTS)
    }

    fn weight(&mut self) -> f64 {
        let number = match self.random.below(6) {
            0..=2 => self.random.below(5) as f64 - 2.0,
            3 => self.random.below(1 << 20) as f64 * 0.5f64.powi(self.random.below(40) as i32),
            _ => *self.random.choose(&HOSTILE),
        };
        if self.one_in(3) { -number } else { number }
    }

    /// A slot that most sums read, perhaps with another that takes it away again.
    fn terms(&mut self) -> Vec<(usize, f64)> {
        let (slot, weight) = (self.slot(), self.weight());
        let mut terms = vec![(slot, weight)];
        if self.one_in(2) {
            let other = self.slot();
            terms.push((other, if self.one_in(2) { -weight } else { self.weight() }));
        }
        if self.one_in(3) {
            terms.push((*self.random.choose(&[ONE, ONE, TIME]), self.weight()));
        }
        terms.sort_by_key(|term| term.0);
        terms.dedup_by_key(|term| term.0);
        terms
    }

    fn features(&mut self, slot: usize) {
        let (style, great) = (self.random.below(8), *self.random.choose(&HOSTILE[12..19]));
        for token in 0..self.vocabulary {
            let small = self.random.below(4) as f64;
            let feature = match style {
                0 | 1 => small,
                2 => f64::from(u8::from(small > 1.0)),
                3 => token as f64,
                4 => 4096.0 * (token as f64 - 31.5),
                5 => great + small,
                6 => great * f64::from(u8::from(small > 1.0)),
                _ => small - 1.0,
            };
            let opens = token == 0 && !self.one_in(6);
            self.hand.feature(token, slot, if opens { 0.0 } else { feature });
        }
    }

    fn scale(&mut self) -> f64 {
        *self.random.choose(&[1.0, 1.0, SCALE, 3.0, 0.1, 1e-310, 1e200])
    }

    fn recency(&mut self) -> f64 {
        *self.random.choose(&[0.0, 0.3, 0.3, 0.3, 0.6, 0.64, 1e-17, -0.3])
    }

    fn kind(&mut self, at: [usize; 2], kind: HeadKind) {
        if self.truthful {
            self.hand.kind(at, kind);
        }
    }

    /// What clears a key, and what else may be added to it.
    fn key(&mut self, mut key: Vec<(usize, f64)>) -> Vec<(usize, f64)> {
        key.push((INVERSE_LOG, self.recency()));
        if self.one_in(2) {
            let clear = *self.random.choose(&[-1e30, -1e30, 1e30, -3e28]);
            key.push((self.slot(), clear));
            if self.one_in(3) {
                key.push((self.slot(), -clear));
            }
        }
        if self.one_in(4) {
            key.extend(self.terms());
        }
        key
    }

    /// Adds a motif to a layer, on a head and unit of that number: where its answer is.
    fn motif(&mut self, layer: usize, number: usize) -> usize {
        let (at, unit) = ([layer, number], [layer, number]);
        let (from, to) = (self.slot(), self.slot());
        match self.random.below(MOTIFS) {
            0 => {
                let terms = self.terms();
                self.hand.copies(at, (from, self.random.choose(&[1.0, 1.0, WHOLE]).to_owned()), to);
                if self.one_in(3) {
                    self.hand.head(at, Row::Value, 0, &terms);
                }
                self.kind(at, HeadKind::Passthrough);
            }
            1 => {
                let height = self.weight().abs();
                self.hand.head(at, Row::Key, 1, &[(ONE, height)]).asks(at, &[], 1.0, [from, to]);
                self.hand.tie(at, TieBreak::Average);
                self.kind(at, HeadKind::Mean);
                // The running sum, mostly rounded.
                let late = [(layer + 1).min(self.layers - 1), 3];
                self.hand.unit(unit, &[(TIME, 1.0)], &[(to, 1.0)], (from, 1.0));
                if self.one_in(3) {
                    return from;
                }
                self.hand.unit([layer, 3], &[(ONE, 1.0)], &[(ONE, 1.0)], (from, ROUNDING));
                if late[0] > layer {
                    self.hand.unit(late, &[(ONE, 1.0)], &[(ONE, 1.0)], (from, -ROUNDING));
                }
            }
            2 => {
                let (scale, back) = (self.scale(), self.random.below(4) as f64);
                self.hand.head(at, Row::Key, 0, &[(TIME, 2.0)]);
                let key = if self.one_in(3) {
                    self.key(vec![(SQUARE, -1.0)])
                } else {
                    vec![(SQUARE, -1.0)]
                };
                self.hand.head(at, Row::Key, 1, &key);
                self.hand.asks(at, &[(TIME, scale), (ONE, -back * scale)], scale, [from, to]);
                if self.one_in(3) {
                    let slot = self.slot();
                    self.hand.head(at, Row::Query, 0, &[(slot, scale)]);
                }
                self.kind(at, HeadKind::Gather);
            }
            // A table, whose squares are made by a unit of the layer before.
            3 | 4 => {
                let (square, asked, scale) = (self.slot(), self.slot(), self.scale());
                let number = self.slot();
                if layer > 0 {
                    let before = [layer - 1, number.min(2)];
                    self.hand.unit(before, &[(number, 1.0)], &[(number, 1.0)], (square, 1.0));
                    if self.one_in(3) {
                        let below = [layer - 1, 3];
                        self.hand.unit(below, &[(number, -1.0)], &[(number, 1.0)], (square, -1.0));
                    }
                }
                self.hand.head(at, Row::Key, 0, &[(number, 2.0)]);
                let key = self.key(vec![(square, -1.0)]);
                self.hand.head(at, Row::Key, 1, &key);
                self.hand.asks(at, &[(asked, scale)], scale, [from, to]);
                self.kind(at, HeadKind::Keyed);
            }
            5 => {
                let key = self.key(Vec::new());
                self.hand.head(at, Row::Key, 1, &key).asks(at, &[], 1.0, [from, to]);
            }
            6 => {
                for row in [Row::Query, Row::Key] {
                    for component in 0..2 {
                        let terms = self.terms();
                        self.hand.head(at, row, component, &terms);
                    }
                }
                self.hand.head(at, Row::Value, 0, &[(from, 1.0)]).answer(at, 0, to);
            }
            _ => {
                let (gate, factor) = (self.terms(), self.terms());
                let factor = if self.one_in(2) { vec![(ONE, 1.0)] } else { factor };
                let weight = self.weight();
                self.hand.unit(unit, &gate, &factor, (to, weight));
                if self.one_in(2) {
                    // Its neighbour, so that both are a clamp.
                    let mut next = gate.clone();
                    next.retain(|term| term.0 != ONE);
                    next.push((ONE, self.random.below(3) as f64 - 1.0));
                    self.hand.unit([layer, (number + 1) % 4], &next, &factor, (to, -weight));
                }
            }
        }
        to
    }
}

/// A model of a few motifs; then one weight and one head's kind may be anything.
pub fn model(random: &mut impl Choices) -> Hand {
    let layers = 1 + random.below(3) as usize;
    let vocabulary = *random.choose(&[4, 6, 64]);
    let truthful = random.below(3) == 0;
    let hand = Hand::new(vocabulary, layers);
    let mut maker = Maker { random, hand, layers, vocabulary, truthful };
    for slot in SLOTS {
        if !maker.one_in(3) {
            maker.features(slot);
        }
    }
    let mut answers = vec![A];
    for layer in 0..layers {
        for number in 0..1 + maker.random.below(2) as usize {
            answers.push(maker.motif(layer, number));
        }
        if maker.one_in(4) {
            let slot = maker.slot();
            maker.hand.clear(layer, slot);
        }
    }
    for _ in 0..1 + maker.random.below(2) {
        let slot = if maker.one_in(4) { maker.slot() } else { answers[answers.len() - 1] };
        match maker.random.below(4) {
            0 | 1 => drop(maker.hand.reads(slot)),
            2 => drop(maker.hand.is_positive(slot)),
            _ => {
                let token = 1 + maker.random.below(3) as usize;
                let weight = maker.weight();
                maker.hand.logit(token, slot, weight);
            }
        }
    }
    if maker.one_in(3) {
        let (which, weight) = (maker.random.below(1 << 20), maker.weight());
        maker.hand.change(which as usize, weight);
    }
    if !truthful && maker.one_in(3) {
        let kinds = [HeadKind::Lookup, HeadKind::Keyed, HeadKind::Gather, HeadKind::Mean];
        let (at, kind) =
            ([maker.random.below(layers as u64) as usize, 0], *maker.random.choose(&kinds));
        maker.hand.kind(at, kind);
    }
    maker.hand
}
