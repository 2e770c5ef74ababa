//! Sums and products that are not what bounds or 64-bit integers say, one small model for each.

use hardmax::model::TieBreak;

use crate::by_hand::{A, B, C, E, Hand, ONE, Row, TIME, WHOLE};
use crate::verdict::never_differs;

/// Added to a number that is nearly whole, it rounds it.
const ROUNDING: f64 = 1.5 * (1u64 << 52) as f64;

/// 8·(2^50 - 1) + 9 is 2^53 + 1, but the sum of the bounds in doubles is 2^53.
#[test]
fn a_sum_just_beyond_2_to_the_53_rounds_though_its_bounds_do_not_show_it() {
    let mut hand = Hand::new(3, 1);
    hand.features(A, &[0.0, WHOLE / 8.0 - 1.0, 5.0]).features(B, &[0.0, 1.0, 0.0]);
    hand.copies([0, 0], (A, 8.0), C).head([0, 0], Row::Value, 0, &[(B, 9.0)]);
    hand.unit([0, 0], &[(ONE, 1.0)], &[(ONE, 1.0)], (C, -WHOLE)).is_positive(C);
    never_differs(&hand.model(), &[0, 1, 2, 1]);
}

/// The same as a gate: its bounds end at 0, the gate itself is 1.
#[test]
fn a_gate_is_not_shut_because_its_bounds_are_rounded() {
    let mut hand = Hand::new(3, 1);
    hand.features(A, &[0.0, WHOLE / 8.0 - 1.0, 5.0]).features(B, &[0.0, 1.0, 0.0]);
    let gate = [(ONE, -WHOLE), (A, 8.0), (B, 9.0)];
    hand.unit([0, 0], &gate, &[(ONE, 1.0)], (C, 1.0)).is_positive(C);
    never_differs(&hand.model(), &[0, 1, 2, 1]);
}

/// w·x is a half and 2^-36 more, which the product loses before the great constant rounds it.
#[test]
fn a_product_that_rounds_before_it_is_rounded_on_purpose() {
    let x = (1u64 << 20) as f64 + 1.0;
    let w = ((1u64 << 35) - (1 << 20) + 1) as f64 / (1u64 << 36) as f64;
    let floor = ((1u64 << 19) - 16) as f64;
    for (value, one) in [(A, E), (E, A)] {
        let mut hand = Hand::new(3, 1);
        hand.features(value, &[0.0, x, 0.0]).features(one, &[0.0, 1.0, 1.0]);
        hand.copies([0, 0], (value, w), C).head([0, 0], Row::Value, 0, &[(one, ROUNDING)]);
        hand.unit([0, 0], &[(ONE, 1.0)], &[(ONE, 1.0)], (C, -ROUNDING));
        hand.unit([0, 1], &[(ONE, 1.0)], &[(ONE, 1.0)], (C, -floor)).is_positive(C);
        never_differs(&hand.model(), &[0, 1, 2, 1]);
    }
}

/// So many tokens that code is not specialised for each: a feature is a number that code reads.
const MANY: usize = 64;

/// Different multiples of a number, of both signs.
fn multiples(of: f64) -> Vec<f64> {
    (0..MANY).map(|token| if token == 0 { 0.0 } else { of * (token as f64 - 31.5) }).collect()
}

const SOME: [u32; 8] = [0, 40, 1, 50, 3, 2, 63, 33];

/// 2^53·2^11 is an f64, but 0 in 64 bits, and passes every guard.
#[test]
fn a_gate_that_is_a_great_power_of_two() {
    let mut hand = Hand::new(MANY, 1);
    hand.features(A, &multiples(4096.0)).copies([0, 0], (A, WHOLE), B);
    hand.unit([0, 0], &[(B, 1.0)], &[(ONE, 1.0)], (C, 1.0)).is_positive(C);
    never_differs(&hand.model(), &SOME);
}

#[test]
fn a_great_gate_times_a_feature() {
    for gate in [vec![(ONE, WHOLE)], vec![(A, WHOLE / 8.0)], vec![(B, WHOLE)], vec![(A, 1024.0)]] {
        for weight in [1.0, 2048.0, 4096.0, WHOLE, 1.0 / 1024.0] {
            let mut hand = Hand::new(MANY, 1);
            hand.features(A, &[0.0, 8.0, 8.0, 7.0, -8.0, 1.0]).features(B, &multiples(2.0));
            hand.unit([0, 0], &gate, &[(B, weight)], (C, 1.0)).is_positive(C);
            never_differs(&hand.model(), &SOME);
        }
    }
}

/// A unit over a constant of 2^53 written to a slot that other gates read.
#[test]
fn a_product_that_wraps_and_is_read_by_a_gate() {
    for great in [WHOLE, WHOLE / 2.0, WHOLE / 8.0] {
        for feature in [2.0, 128.0, 1024.0, 2048.0, 4096.0] {
            let mut hand = Hand::new(MANY, 2);
            hand.features(A, &multiples(feature));
            hand.unit([0, 0], &[(ONE, great)], &[(A, 1.0)], (B, 1.0));
            hand.unit([1, 0], &[(B, 1.0)], &[(ONE, 1.0)], (C, 1.0)).is_positive(C);
            never_differs(&hand.model(), &SOME);
        }
    }
}

/// A great power of two times a feature is a factor, under a gate that opens.
#[test]
fn a_factor_that_is_a_great_power_of_two() {
    let mut hand = Hand::new(MANY, 1);
    hand.features(A, &multiples(4096.0)).features(B, &multiples(2.0));
    hand.unit([0, 0], &[(B, 1.0)], &[(A, WHOLE)], (C, 1.0)).is_positive(C);
    never_differs(&hand.model(), &SOME);
}

/// The mean of numbers that are 0 in 64 bits; times the position it is far beyond any guard.
#[test]
fn a_running_sum_of_great_powers_of_two() {
    for (feature, weight) in [(4096.0, WHOLE), (2.0, (1u64 << 40) as f64), (1024.0, WHOLE)] {
        let features: Vec<f64> = (0..MANY).map(|token| feature * token as f64).collect();
        let mut hand = Hand::new(MANY, 2);
        hand.features(A, &features);
        hand.head([0, 0], Row::Query, 1, &[(ONE, 1.0)]).head([0, 0], Row::Key, 1, &[(ONE, 1.0)]);
        hand.head([0, 0], Row::Value, 0, &[(A, weight)]).answer([0, 0], 0, B);
        hand.tie([0, 0], TieBreak::Average);
        hand.unit([0, 0], &[(TIME, 1.0)], &[(B, 1.0)], (C, 1.0));
        hand.unit([0, 1], &[(ONE, 1.0)], &[(ONE, 1.0)], (C, ROUNDING));
        hand.unit([1, 0], &[(ONE, 1.0)], &[(ONE, 1.0)], (C, -ROUNDING)).is_positive(C);
        never_differs(&hand.model(), &SOME);
    }
}

/// A mean times half the position is half of the running sum.
#[test]
fn a_mean_times_half_of_the_position() {
    for half in [0.5, 0.25, 2.0] {
        let mut hand = Hand::new(12, 2);
        hand.features(A, &[0.0, 1.0, 0.0, 1.0]);
        hand.head([0, 0], Row::Query, 1, &[(ONE, 1.0)]).head([0, 0], Row::Key, 1, &[(ONE, 1.0)]);
        hand.head([0, 0], Row::Value, 0, &[(A, 1.0)]).answer([0, 0], 0, B);
        hand.tie([0, 0], TieBreak::Average);
        hand.unit([0, 0], &[(TIME, half)], &[(B, 1.0)], (C, 1.0));
        hand.unit([0, 1], &[(ONE, 1.0)], &[(ONE, 1.0)], (C, ROUNDING));
        hand.unit([1, 0], &[(ONE, 1.0)], &[(ONE, 1.0)], (C, -ROUNDING)).reads(C);
        never_differs(&hand.model(), &[0, 2, 1, 3, 1, 1, 2, 2, 3, 3, 3, 1]);
    }
}

/// Two slots of the embedding, one of which is multiplied by 0.1. Which sums a kernel takes by
/// fused multiply-add depends on where they stand.
fn pairs() -> impl Iterator<Item = (usize, usize)> {
    let all = || (0..10).filter(|&slot| slot != ONE);
    all()
        .flat_map(move |tenth| all().map(move |minus| (tenth, minus)))
        .filter(|pair| pair.0 != pair.1)
}

/// 0.1·10 - 1 is 0 where products round, and 2^-54 where they do not.
#[test]
fn a_product_at_position_0_that_only_looks_whole() {
    for (tenth, minus) in pairs() {
        let mut hand = Hand::new(3, 1);
        hand.feature(0, tenth, 10.0).feature(0, minus, 1.0);
        hand.head([0, 0], Row::Query, 0, &[(TIME, 1.0)]).head([0, 0], Row::Key, 0, &[(TIME, 1.0)]);
        hand.head([0, 0], Row::Value, 0, &[(tenth, 0.1), (minus, -1.0)]).answer([0, 0], 0, C);
        hand.unit([0, 0], &[(C, 1.0)], &[(C, 1.0)], (C, 1.0)).logit(1, C, 1.0);
        if tenth != C && minus != C {
            never_differs(&hand.model(), &[0, 1, 2]);
        }
    }
}

/// Units of one gate whose knots are far apart: what merges them multiplies great numbers.
#[test]
fn units_of_one_gate_with_great_weights() {
    for great in [1u64 << 20, 1 << 40, (1 << 45) + 12345, 1 << 52] {
        let great = great as f64;
        for range in [2.0, (1u64 << 26) as f64, (1u64 << 49) as f64] {
            let mut hand = Hand::new(4, 2);
            hand.features(A, &[0.0, range, -range, 1.0]);
            for (unit, (knot, weight)) in
                [(great, great), (0.0, 1.0), (-great, -great - 1.0), (1.0, -1.0)]
                    .into_iter()
                    .enumerate()
            {
                hand.unit([0, unit], &[(A, 1.0), (ONE, knot)], &[(ONE, 1.0)], (B, weight));
            }
            hand.unit([1, 0], &[(B, 1.0)], &[(ONE, 1.0)], (C, 1.0)).is_positive(C);
            never_differs(&hand.model(), &[0, 1, 2, 3, 1]);
        }
    }
}

/// A unit with a great weight, whose gate has a great weight: whether it is better open together
/// with others is asked of a product of coefficients that is beyond 64 bits.
#[test]
fn a_great_weight_of_a_unit_with_a_great_gate() {
    for (weight, out) in [(57_472.875, WHOLE), (WHOLE / 2.0, WHOLE), (WHOLE, -WHOLE)] {
        let mut hand = Hand::new(4, 2);
        hand.features(A, &[0.0, 1.0, -1.0, 0.0]).features(B, &[0.0, 0.0, 3.0, 1.0]);
        hand.unit([0, 0], &[(A, weight)], &[(ONE, 1.0)], (C, out));
        hand.unit([0, 1], &[(B, 1.0)], &[(ONE, 1.0)], (E, 1.0)).is_positive(E);
        never_differs(&hand.model(), &[0, 1, 2, 3, 1]);
    }
}

/// The square of a great number, as it would be at position 0, is beyond 64 bits.
#[test]
fn a_square_of_a_great_number_at_position_0() {
    for great in [ROUNDING, WHOLE / 2.0, (1u64 << 32) as f64] {
        let mut hand = Hand::new(4, 3);
        hand.features(A, &[0.0, 1.0, 0.0, 2.0]);
        hand.unit([0, 0], &[(TIME, 1.0)], &[(A, 1.0)], (B, 1.0));
        hand.unit([0, 1], &[(ONE, 1.0)], &[(ONE, 1.0)], (B, great));
        hand.unit([1, 0], &[(B, 1.0)], &[(B, 1.0)], (C, 1.0));
        hand.head([2, 0], Row::Key, 0, &[(TIME, 2.0)]).head([2, 0], Row::Key, 1, &[(2, -1.0)]);
        hand.asks([2, 0], &[(TIME, 1.0), (ONE, -1.0)], 1.0, [C, E]).is_positive(E);
        never_differs(&hand.model(), &[0, 1, 2, 3, 1]);
    }
}
