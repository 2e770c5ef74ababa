//! Numbers that leave what f64 can hold. A weight of 0 does not hide them: 0·∞ is no number, so
//! every logit is none, and there is no token to predict.

use crate::by_hand::{A, B, C, D, Hand, ONE, Row, TIME};
use crate::verdict::never_differs;

const HISTORY: [u32; 6] = [0, 1, 2, 1, 1, 2];

fn hand() -> Hand {
    let mut hand = Hand::new(3, 2);
    hand.features(A, &[0.0, 1.0, 2.0]).features(B, &[0.0, 1e300, 1.0]).reads(A);
    hand
}

/// A unit that nothing reads.
#[test]
fn a_unit_without_effect_overflows() {
    let mut hand = hand();
    hand.unit([0, 0], &[(A, 1e200)], &[(A, 1e200)], (C, 0.0));
    never_differs(&hand.model(), &HISTORY);
}

/// A slot that no logit depends on.
#[test]
fn a_slot_that_nothing_reads_overflows() {
    let mut hand = hand();
    hand.unit([0, 0], &[(A, 1e200)], &[(A, 1e200)], (C, 1.0));
    never_differs(&hand.model(), &HISTORY);
}

/// The sum is beyond f64, its parts are not.
#[test]
fn a_sum_that_nothing_reads_overflows() {
    let mut hand = hand();
    hand.feature(1, D, 1.7e308).feature(2, D, 1.0).copies([0, 0], (D, 1.0), D);
    never_differs(&hand.model(), &HISTORY);
}

/// The same, with the slot cleared before anything multiplies it.
#[test]
fn a_slot_is_cleared_after_it_overflows() {
    let mut hand = hand();
    hand.unit([1, 0], &[(B, 1.0)], &[(B, 1e10)], (C, 1.0)).clear(1, C);
    never_differs(&hand.model(), &HISTORY);
}

/// A value that nothing reads of a head that something reads.
#[test]
fn a_value_that_nothing_reads_overflows() {
    let mut hand = hand();
    hand.copies([0, 0], (A, 1.0), C).head([0, 0], Row::Value, 1, &[(B, 1e10)]);
    never_differs(&hand.model(), &HISTORY);
}

/// Shut gates and infinite factors.
#[test]
fn a_shut_gate_before_an_infinite_factor() {
    for gate in [(ONE, -1.0), (TIME, -1.0), (TIME, 0.0)] {
        let mut hand = hand();
        hand.unit([0, 0], &[gate], &[(B, 1e10)], (C, 1.0));
        never_differs(&hand.model(), &HISTORY);
    }
}

/// A register whose query has a component that no score depends on.
#[test]
fn a_component_of_a_query_overflows() {
    let mut hand = hand();
    hand.head([0, 0], Row::Query, 1, &[(ONE, 1.0)]).head([0, 0], Row::Query, 0, &[(B, 1e300)]);
    hand.head([0, 0], Row::Value, 0, &[(A, 1.0)]).answer([0, 0], 0, C).reads(C);
    never_differs(&hand.model(), &HISTORY);
}
