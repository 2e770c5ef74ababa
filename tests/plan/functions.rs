//! Sums of many units of one gate, which plans look up as functions: random polygons of several numbers,
//! which other units ask about together, as a program in the weights is asked.

use fastrand::Rng;
use hardmax::engine::{Attention, Steps, compare_variants};
use hardmax::model::{LayerParts, Model, ModelParts, Shape, TieBreak, Token};

use crate::by_hand::{A, B, C, D, E, ONE, TIME};
use crate::verdict::{Verdict, behind, planned};

const WIDTH: usize = 12;
const UNITS: usize = 60;
const TOKENS: usize = 40;

/// A running sum, and the number of which polygons are; 1.5·2^52 rounds the sum on purpose.
const SUM: usize = 10;
const NUMBER: usize = 11;
const ROUNDING: f64 = 1.5 * (1u64 << 52) as f64;

/// Weights of one layer, set by place.
struct Weights(LayerParts);

impl Weights {
    fn none() -> Weights {
        Weights(LayerParts {
            attention_in: vec![0.0; 3 * WIDTH * WIDTH],
            attention_out: vec![0.0; WIDTH * WIDTH],
            feed_forward_in: vec![0.0; 2 * UNITS * WIDTH],
            feed_forward_out: vec![0.0; WIDTH * UNITS],
        })
    }

    fn unit(&mut self, unit: usize, gate: &[(usize, f64)], factor: usize, out: &[(usize, f64)]) {
        for &(slot, weight) in gate {
            self.0.feed_forward_in[unit * WIDTH + slot] += weight;
        }
        self.0.feed_forward_in[(UNITS + unit) * WIDTH + factor] = 1.0;
        for &(slot, weight) in out {
            self.0.feed_forward_out[slot * UNITS + unit] = weight;
        }
    }
}

/// Polygons of a number in two slots, C and D, and units over sums of them, in E; the token predicted is
/// what E holds, or nearest to it. The number is a running sum of a feature, the difference of two
/// features, the position, or a feature.
fn model(random: &mut Rng) -> Model {
    let mut embedding = vec![0.0; TOKENS * WIDTH];
    for token in 1..TOKENS {
        embedding[token * WIDTH + ONE] = 1.0;
        embedding[token * WIDTH + A] = random.u8(..30).into();
        embedding[token * WIDTH + B] = random.u8(..3).into();
    }
    let [mut first, mut second, mut third] = [(); 3].map(|()| Weights::none());
    // A mean of B over all positions but 0, times the position, rounded.
    let (key, value) = (WIDTH * WIDTH, 2 * WIDTH * WIDTH);
    first.0.attention_in[WIDTH + ONE] = 1.0;
    first.0.attention_in[key + WIDTH + ONE] = 1.0;
    first.0.attention_in[value + B] = 1.0;
    first.0.attention_out[SUM * WIDTH] = 1.0;
    let number: &[(usize, f64)] = match random.u8(..4) {
        0 => &[],
        1 => &[(A, 1.0), (B, -7.0)],
        2 => &[(TIME, 1.0)],
        _ => &[(A, 1.0)],
    };
    if number.is_empty() {
        first.unit(0, &[(TIME, 1.0)], SUM, &[(NUMBER, 1.0)]);
        first.unit(1, &[(ONE, 1.0)], ONE, &[(NUMBER, ROUNDING)]);
        // Taken away again by a head that attends to its own position.
        second.0.attention_in[TIME] = 1.0;
        second.0.attention_in[WIDTH + ONE] = 1.0;
        second.0.attention_in[key + TIME] = 2.0;
        second.0.attention_in[key + WIDTH + ONE] = 1.0;
        second.0.attention_in[value + ONE] = -ROUNDING;
        second.0.attention_out[NUMBER * WIDTH] = 1.0;
    } else {
        first.unit(0, &[(ONE, 1.0)], ONE, &[]);
        for (unit, &(slot, weight)) in number.iter().enumerate() {
            first.unit(unit, &[(ONE, 1.0)], slot, &[(NUMBER, weight)]);
        }
    }
    let count = random.usize(10..UNITS);
    let step = random.i64(1..4);
    let begin = random.i64(-12..12);
    let great = if random.u8(..6) == 0 { (1u64 << random.u8(20..44)) as f64 } else { 1.0 };
    let mut slopes = [0.0; 2];
    for unit in 0..count {
        let bend = -(begin + step * unit as i64) as f64;
        let mut bends = [0; 2].map(|_| great * random.i8(-3..4) as f64);
        // Mostly they end level.
        if unit + 1 == count && random.u8(..4) > 0 {
            bends = slopes.map(|slope: f64| -slope);
        }
        (0..2).for_each(|of| slopes[of] += bends[of]);
        let out = [(C, bends[0]), (D, bends[1])];
        second.unit(unit, &[(NUMBER, 1.0), (ONE, bend)], ONE, &out);
    }
    for unit in 0..random.usize(1..8) {
        let mut weight = || random.i8(-2..3).into();
        let gate = [(C, weight()), (D, weight()), (A, weight()), (ONE, weight())];
        let factor = *[ONE, ONE, A, C, D].get(random.usize(..5)).unwrap();
        third.unit(unit, &gate, factor, &[(E, [1.0, -1.0, 2.0][random.usize(..3)])]);
    }
    let mut head = vec![0.0; TOKENS * WIDTH];
    let read = [E, E, C][random.usize(..3)];
    for token in 1..TOKENS {
        head[token * WIDTH + read] = 2.0 * token as f64;
        head[token * WIDTH + ONE] = -((token * token) as f64);
    }
    let shape =
        Shape { vocabulary: TOKENS, width: WIDTH, layers: 3, heads: WIDTH / 2, units: UNITS };
    let mut ties = vec![TieBreak::Latest; 3 * WIDTH / 2];
    ties[0] = TieBreak::Average;
    Model::new(ModelParts {
        shape,
        stop: Token(TOKENS as u32 - 1),
        vocabulary: (0..TOKENS).map(|token| format!("t{token}")).collect(),
        embedding,
        layers: vec![first.0, second.0, third.0],
        head,
        clears: None,
        ties: Some(ties),
        kinds: None,
    })
    .unwrap()
}

#[test]
fn polygons_of_many_units_predict_what_the_reference_does() {
    let (mut agreed, mut by_rows, mut refused, mut ended) = (0, 0, 0, 0);
    for seed in 0..400 {
        let random = &mut Rng::with_seed(seed);
        let model = model(random);
        let plan = planned(&model);
        refused += u32::from(plan.is_err());
        for _ in 0..2 {
            let mut history = vec![Token(0)];
            history.extend((0..random.usize(2..150)).map(|_| Token(random.u32(1..TOKENS as u32))));
            match behind(&model, &plan, (&history, 1), Attention::Hull) {
                Verdict::Agrees { predictions } => agreed += predictions,
                Verdict::Refused => {}
                // A product beyond its guard.
                Verdict::Broken { .. } => ended += 1,
                other => panic!("seed {seed}: {other:?}"),
            }
        }
        if let (Ok(plan), true) = (&plan, seed % 4 == 0) {
            by_rows += u32::from(plan.summary().selected_classes > 1);
            let steps = Steps { states: 2, seed };
            let found = compare_variants(&model, plan, &[], steps).unwrap();
            assert_eq!(found.difference, None, "seed {seed}");
        }
    }
    assert!(
        agreed > 30_000 && by_rows > 20 && refused < 100 && ended < 40,
        "{agreed} predictions, {by_rows} with classes, {refused} refused, {ended} ended"
    );
}
