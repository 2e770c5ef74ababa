//! Models that a review of inexact numbers found to be predicted wrong: what cancels but not quite, what is
//! meant to be 0 and is great, what memories read off keys that are far off. Their plans must be refused,
//! end, or agree with the reference.

use hardmax::engine::Attention;
use hardmax::model::{HeadKind, TieBreak, Token};

use crate::by_hand::{A, B, C, D, E, F, Hand, INVERSE_LOG, ONE, Row, SCALE, SQUARE, TIME, WHOLE};
use crate::generator::Random;
use crate::verdict::{Verdict, behind, planned};

fn two(exponent: i32) -> f64 {
    2f64.powi(exponent)
}

/// What rounds a number of less than 2^51 that is added.
const ROUNDING: f64 = WHOLE * 0.75;

/// The mean of A goes to B.
fn mean(hand: &mut Hand) {
    hand.head([0, 0], Row::Key, 1, &[(ONE, 1.0)]).asks([0, 0], &[], SCALE, [A, B]);
    hand.tie([0, 0], TieBreak::Average);
}

/// The running sum of A goes to C as it is, to D rounded, and what is between them to E, in layers 0 to 2.
fn sum_and_error(hand: &mut Hand) {
    mean(hand);
    hand.unit([0, 0], &[(TIME, 1.0)], &[(B, 1.0)], (C, 1.0)).clear(0, B).clear(0, A);
    hand.unit([1, 0], &[(ONE, 1.0)], &[(C, 1.0), (ONE, ROUNDING)], (D, 1.0));
    hand.copies([2, 1], (ONE, -ROUNDING), D);
}

#[track_caller]
fn is_never_wrong(hand: &Hand, history: &[u32]) {
    let (model, history): (_, Vec<Token>) =
        (hand.model(), history.iter().map(|&id| Token(id)).collect());
    let plan = planned(&model);
    let without_kinds = Attention::Hull;
    let modes = if model.has_kinds() { vec![] } else { vec![without_kinds] };
    for attention in modes.into_iter().chain([Attention::Kinds]) {
        let verdict = behind(&model, &plan, (&history, 0), attention);
        assert!(!matches!(verdict, Verdict::Differs { .. }), "{attention:?}: {verdict:?}");
    }
}

/// Behind token 0, tokens of a vocabulary of so many in some order.
fn mixed(length: u32, tokens: u32) -> Vec<u32> {
    (0..length).map(|t| if t == 0 { 0 } else { 1 + (t * 7 / 3) % (tokens - 1) }).collect()
}

/// Two products by 3 and -3, one of them fused.
#[test]
fn what_is_multiplied_by_no_power_of_two_may_not_cancel() {
    for weight in [3.0, 0.3, 0.7] {
        for [from, to] in [[INVERSE_LOG, F], [INVERSE_LOG, E], [INVERSE_LOG, B]] {
            let mut hand = Hand::new(3, 2);
            hand.copies([1, 1], (from, 1.0), to);
            hand.unit([1, 0], &[(ONE, 1.0)], &[(from, weight), (to, -weight)], (D, two(60)));
            hand.is_positive(D);
            is_never_wrong(&hand, &mixed(60, 3));
        }
    }
}

#[test]
fn what_was_subnormal_on_the_way_may_not_cancel() {
    let mut hand = Hand::new(3, 6);
    hand.features(A, &[0.0, 1.0, 0.0]);
    sum_and_error(&mut hand);
    hand.unit([2, 0], &[(ONE, 1.0)], &[(C, 1.0), (D, -1.0)], (E, 1.0)).clear(2, C).clear(2, D);
    hand.copies([3, 1], (E, two(-400)), F);
    hand.unit([3, 0], &[(ONE, 1.0)], &[(F, two(-400))], (B, two(-250))).clear(3, F);
    hand.copies([4, 1], (B, two(400)), C);
    hand.unit([4, 0], &[(ONE, 1.0)], &[(C, two(400))], (D, two(250)));
    hand.unit([5, 0], &[(ONE, 1.0)], &[(E, 1.0), (D, -1.0)], (F, two(60)));
    hand.is_positive(F);
    is_never_wrong(&hand, &mixed(200, 3));
}

#[test]
fn a_mean_that_was_subnormal_on_the_way_is_none() {
    for recency in [1e-3, 1e-9, 1e-15, 0.0] {
        let mut hand = Hand::new(20, 6);
        let change = |token: usize| [1.0, -1.0, 0.0][token % 3];
        for token in 1..20 {
            hand.feature(token, A, change(token)).feature(token, E, token as f64);
        }
        mean(&mut hand);
        hand.clear(0, A);
        hand.unit([0, 0], &[(ONE, 1.0)], &[(B, two(-400))], (C, two(-400))).clear(0, B);
        hand.unit([1, 0], &[(ONE, 1.0)], &[(C, two(-220))], (D, 1.0)).clear(1, C);
        hand.unit([2, 0], &[(ONE, 1.0)], &[(D, two(400))], (C, two(400))).clear(2, D);
        hand.unit([3, 0], &[(TIME, 1.0)], &[(C, two(220))], (D, 1.0)).clear(3, C);
        hand.unit([4, 0], &[(D, 1.0)], &[(D, 1.0)], (C, 1.0));
        hand.head([5, 0], Row::Key, 0, &[(D, 2.0)]);
        hand.head([5, 0], Row::Key, 1, &[(C, -1.0), (INVERSE_LOG, recency)]);
        hand.asks([5, 0], &[(D, SCALE)], SCALE, [E, F]).reads(F);
        let history = kept(&mut Random(77), 3_000, vec![0], |sum| (0..=9).contains(&sum));
        is_never_wrong(&hand, &history);
    }
}

/// A history after its first tokens that keeps the sum of changes 1, -1 and 0 of later ones where it
/// may be.
fn kept(
    random: &mut Random,
    tries: usize,
    mut history: Vec<u32>,
    may_be: impl Fn(i64) -> bool,
) -> Vec<u32> {
    let mut sum = 0;
    for _ in 0..tries {
        let token = 2 + random.below(18) as u32;
        let next = sum + [1, -1, 0][token as usize % 3];
        if may_be(next) {
            sum = next;
            history.push(token);
        }
    }
    history
}

/// The sum times minus one is off to the other side, and what is off may be told apart from what is meant.
#[test]
fn errors_of_a_negative_running_sum_do_not_cancel_those_of_a_positive_one() {
    for seed in 1..120u64 {
        let random = &mut Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let base = two(14 + random.below(12) as i32) * 1.75;
        let k = base + random.below(300) as f64;
        let recency = [0.3, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6][random.below(7) as usize];
        let mut hand = Hand::new(20, 4);
        for token in 1..20 {
            let change = if token == 1 { base } else { [1.0, -1.0, 0.0][token % 3] };
            hand.feature(token, A, change).feature(token, E, token as f64);
        }
        mean(&mut hand);
        hand.unit([0, 0], &[(TIME, 1.0)], &[(B, 1.0)], (C, 1.0)).clear(0, B).clear(0, A);
        hand.unit([0, 1], &[(TIME, 1.0)], &[(B, -1.0)], (D, 1.0));
        hand.unit([1, 0], &[(ONE, 1.0)], &[(C, 1.0), (ONE, ROUNDING)], (A, 1.0));
        hand.copies([2, 1], (ONE, -ROUNDING), A);
        hand.unit([1, 1], &[(D, 1.0), (ONE, k)], &[(D, 1.0), (ONE, k)], (B, 1.0));
        hand.unit([1, 2], &[(D, -1.0), (ONE, -k)], &[(D, 1.0), (ONE, k)], (B, -1.0));
        hand.unit([2, 0], &[(ONE, 1.0)], &[(A, -1.0)], (C, 1.0));
        hand.unit([2, 1], &[(ONE, 1.0)], &[(ONE, -k)], (A, 1.0));
        hand.head([3, 0], Row::Key, 0, &[(C, 2.0), (A, -2.0)]);
        hand.head([3, 0], Row::Key, 1, &[(B, -1.0), (INVERSE_LOG, recency)]);
        hand.asks([3, 0], &[(A, -SCALE)], SCALE, [E, F]).reads(F);
        let history = kept(random, 1_500, vec![0, 1], |sum| (0..=300).contains(&sum));
        is_never_wrong(&hand, &history);
    }
}

/// The key is meant to be -128, and is 128.
#[test]
fn a_keyed_memory_reads_another_number_off_a_key_that_is_far_off() {
    for kind in [HeadKind::Keyed, HeadKind::Lookup, HeadKind::Gather] {
        let mut hand = Hand::new(4, 5);
        hand.features(A, &[0.0, 1.0, 0.0, 0.0]).features(C, &[0.0, 1.0, 2.0, 3.0]);
        hand.features(F, &[0.0, two(40), two(40), two(40)]);
        let added = [
            (F, two(20)),
            (A, 154.0),
            (A, 154.0),
            (A, 154.0),
            (A, 153.0),
            (A, 153.0),
            (A, -1024.0),
            (F, -two(20)),
        ];
        for (at, from) in added.into_iter().enumerate() {
            if at % 2 == 0 {
                hand.copies([at / 2, 0], from, D);
            } else {
                hand.unit([at / 2, 0], &[(ONE, 1.0)], &[from], (D, 1.0));
            }
        }
        hand.unit([0, 1], &[(A, 128.0)], &[(A, 128.0)], (B, 1.0));
        hand.head([4, 0], Row::Key, 0, &[(D, 1.0)]).head([4, 0], Row::Key, 1, &[(B, -1.0)]);
        hand.asks([4, 0], &[(ONE, 128.0)], 1.0, [C, E]).reads(E).kind([4, 0], kind);
        is_never_wrong(&hand, &[0, 2, 1, 2, 3, 2, 1, 3]);
    }
}

/// 2^400 times what a sum is off is meant to be 0, and clears a token.
#[test]
fn a_height_that_is_far_off_clears_a_token() {
    for gathers in [false, true] {
        for kind in [HeadKind::Keyed, HeadKind::Gather, HeadKind::Lookup] {
            let mut hand = Hand::new(4, 4);
            hand.features(A, &[0.0, 1.0, 0.0, 1.0]).features(F, &[0.0, 1.0, 2.0, 3.0]);
            sum_and_error(&mut hand);
            hand.unit([2, 0], &[(C, 1.0), (D, -1.0)], &[(ONE, 1.0)], (E, two(400)));
            if gathers {
                hand.head([3, 0], Row::Key, 0, &[(TIME, 2.0)]);
                hand.head([3, 0], Row::Key, 1, &[(SQUARE, -1.0), (E, -1.0)]);
                hand.asks([3, 0], &[(TIME, 1.0), (ONE, -1.0)], 1.0, [F, A]);
            } else {
                hand.head([3, 0], Row::Key, 1, &[(E, -1.0)]).asks([3, 0], &[], 1.0, [F, A]);
            }
            hand.reads(A).kind([3, 0], kind);
            is_never_wrong(&hand, &mixed(200, 4));
        }
    }
}

/// What is meant to be 0 is the position, as long as that is small.
#[test]
fn keys_that_ascend_by_rounding_are_taken_for_a_passthrough() {
    for gathers in [true, false] {
        let mut hand = Hand::new(4, 3);
        hand.features(F, &[0.0, two(40), two(40), two(40)]).features(C, &[0.0, 1.0, 2.0, 3.0]);
        hand.copies([0, 0], (F, two(20)), D);
        hand.unit([0, 0], &[(ONE, 1.0)], &[(TIME, 255.0)], (D, 1.0));
        hand.copies([1, 0], (F, -two(20)), D);
        hand.unit([1, 0], &[(ONE, 1.0)], &[(TIME, -255.0)], (D, 1.0));
        hand.unit([0, 1], &[(TIME, 1.0)], &[(TIME, 1.0)], (B, 1.0));
        hand.head([2, 0], Row::Key, 0, &[(TIME, 2.0)]);
        let square = if gathers { SQUARE } else { B };
        hand.head([2, 0], Row::Key, 1, &[(square, -1.0), (D, two(40))]);
        hand.asks([2, 0], &[(ONE, 1.0)], 1.0, [C, E]).reads(E);
        hand.kind([2, 0], HeadKind::Passthrough);
        is_never_wrong(&hand, &[0, 1, 2, 3, 1, 2, 3]);
    }
}

/// A key beyond all that can be asked for, whose square is so much off that it is found.
#[test]
fn a_far_key_that_is_far_off_ends_the_plan() {
    let mut hand = Hand::new(3, 5);
    hand.features(D, &[0.0, 1_234_567.0, 1_234_569.0]).features(A, &[0.0, two(27) + 1.0, 0.0]);
    hand.features(F, &[0.0, 0.0, 1.0]);
    hand.head([0, 0], Row::Key, 1, &[(ONE, 1.0)]).asks([0, 0], &[], SCALE, [D, B]);
    hand.tie([0, 0], TieBreak::Average);
    hand.unit([0, 0], &[(TIME, 1.0)], &[(B, 1.0)], (C, 1.0)).clear(0, B).clear(0, D);
    hand.unit([1, 0], &[(ONE, 1.0)], &[(C, 1.0), (ONE, ROUNDING)], (D, 1.0));
    hand.copies([2, 1], (ONE, -ROUNDING), D);
    hand.unit([2, 0], &[(ONE, 1.0)], &[(C, 1.0), (D, -1.0)], (E, 1.0)).clear(2, C);
    hand.unit([3, 0], &[(A, 1.0)], &[(A, 1.0), (E, two(30))], (B, 1.0));
    hand.head([4, 0], Row::Key, 0, &[(A, 2.0)]);
    hand.head([4, 0], Row::Key, 1, &[(B, -1.0), (INVERSE_LOG, 0.3), (F, -1e30)]);
    hand.asks([4, 0], &[(ONE, two(26))], 1.0, [A, C]).is_positive(C);
    let history: Vec<u32> =
        (0..120).map(|t| if t == 0 { 0 } else { 2 - u32::from(t % 3 == 0) }).collect();
    is_never_wrong(&hand, &history);
}

/// The square of the negative part of a sum that is never negative, times what no 64 bits hold.
#[test]
fn a_great_multiple_of_a_square_that_is_meant_to_be_0_is_no_overflow() {
    let mut hand = Hand::new(3, 3);
    hand.features(A, &[0.0, 1.0, 0.0]);
    mean(&mut hand);
    hand.unit([0, 0], &[(TIME, 1.0)], &[(B, 1.0)], (C, 1.0)).clear(0, B);
    hand.unit([1, 0], &[(C, -1.0)], &[(C, 1.0)], (D, 1.0));
    hand.copies([2, 1], (D, -1e19), E).is_positive(E);
    is_never_wrong(&hand, &mixed(60, 3));
}
