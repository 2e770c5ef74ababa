//! Random models whose numbers are where f64 or 64-bit integers end.
//!
//! A model is a few *motifs*, heads and units nearly as models have them, each with numbers from
//! a list of hostile ones; then one weight may be anything. Its plan must be refused, break, or
//! predict what the reference predicts, by kinds and by hulls, along random histories, on random
//! walks and in runs.
//!
//! What differs is shrunk before it is shown: weights are left out as long as it differs. That
//! the plan panics differs, too.
//! `PROPTEST_CASES` says how many models are tried, `HARDMAX_HOSTILE` which is the first.

use std::panic::{AssertUnwindSafe, catch_unwind};

use hardmax::engine::{Attention, Walks, compare};
use hardmax::linalg::Kernel;
use hardmax::model::{HeadKind, TieBreak};
use hardmax::model::{Model, Token};

use crate::by_hand::{
    A, B, C, D, E, F, Hand, INVERSE_LOG, ONE, Row, SCALE, SQUARE, TIME, WHOLE, describe, shrunk,
};
use crate::common::cases;
use crate::generator::Random;
use crate::verdict::{Verdict, behind, planned};
use crate::{by_plan, by_reference};

const SLOTS: [usize; 6] = [A, B, C, D, E, F];
const ROUNDING: f64 = WHOLE * 0.75;

/// Where numbers stop being exact, and a few that are harmless.
const HOSTILE: [f64; 24] = [
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

struct Maker<'r> {
    random: &'r mut Random,
    hand: Hand,
    layers: usize,
    vocabulary: usize,
    truthful: bool,
}

impl Maker<'_> {
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
                // The running sum, rounded.
                let late = [(layer + 1).min(self.layers - 1), 3];
                self.hand.unit(unit, &[(TIME, 1.0)], &[(to, 1.0)], (from, 1.0));
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

/// A model made of a number.
fn hostile_model(seed: u64) -> Hand {
    let random = &mut Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
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

/// Histories that are not too long, and now and then one that is.
fn histories(seed: u64, vocabulary: u64) -> Vec<Vec<Token>> {
    let random = &mut Random((seed << 8) | 1);
    let count = 3;
    (0..count)
        .map(|_| {
            let length = if random.below(60) == 0 { 3_000 } else { 60 + random.below(240) };
            let pool = 1 + random.below(vocabulary - 1);
            let mut history: Vec<Token> =
                (0..length).map(|_| Token(1 + random.below(pool) as u32)).collect();
            history[0] = Token(0);
            history
        })
        .collect()
}

/// What is wrong with the plan of a model, if something is. Whether it has one.
fn wrong(model: &Model, seed: u64) -> (bool, Option<String>) {
    let plan = planned(model);
    let Ok(made) = &plan else { return (false, None) };
    for history in histories(seed, model.shape().vocabulary as u64) {
        let middle = history.len() / 2;
        for (attention, prompt) in
            [(Attention::Kinds, 0), (Attention::Hull, 0), (Attention::Kinds, middle)]
        {
            let verdict = behind(model, &plan, (&history, prompt), attention);
            if let Verdict::Differs { at, .. } = verdict {
                let tokens: Vec<u32> = history[..=at.min(40)].iter().map(|token| token.0).collect();
                return (true, Some(format!("{attention:?} {prompt} {verdict:?} {tokens:?}")));
            }
        }
    }
    let walks = Walks { count: 4, length: 60, seed, known: Vec::new() };
    if let Ok(agreement) = compare(model, made, walks, Attention::Kinds, Kernel::Portable)
        && let Some(difference) = agreement.difference
    {
        return (true, Some(format!("{difference:?}")));
    }
    let prompt = &histories(seed + 1, model.shape().vocabulary as u64)[0][..20];
    let (got, expected) = (by_plan(model, prompt, 100).0, by_reference(model, prompt, 100));
    let same = expected.is_err() || got == expected;
    (true, (!same).then(|| "a run differs".to_owned()))
}

/// The same where a panic is wrong as well.
fn found(hand: &Hand, seed: u64) -> (bool, Option<String>) {
    let model = hand.model();
    let all = catch_unwind(AssertUnwindSafe(|| wrong(&model, seed)));
    all.unwrap_or((true, Some("panics".to_owned())))
}

#[test]
fn hostile_models_give_the_tokens_of_the_reference() {
    let first = std::env::var("HARDMAX_HOSTILE").map_or(1, |seed| seed.parse().unwrap());
    let count = u64::from(cases(400)).max(400);
    let (mut plans, mut differ) = (0, Vec::new());
    for seed in first..first + count {
        let hand = hostile_model(seed);
        let (has_plan, what) = found(&hand, seed);
        plans += u64::from(has_plan);
        if what.is_some() {
            differ.push(seed);
            if differ.len() <= 5 {
                let small = shrunk(&hand, |hand| found(hand, seed).1.is_some());
                println!("model {seed}: {:?}\n{}", found(&small, seed).1, describe(&small));
            }
        }
    }
    println!("{plans} plans of {count} models, {} differ: {differ:?}", differ.len());
    assert!(differ.is_empty(), "{} of {plans} plans are wrong: {differ:?}", differ.len());
    assert!(plans > count / 10, "{plans} plans");
}
