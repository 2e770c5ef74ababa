//! Constructions of a reviewer, each of which a lemma of docs/plan.md forbids.

use hardmax::model::HeadKind;

use crate::by_hand::{A, B, C, D, Hand, ONE, Row, TIME};
use crate::verdict::never_differs;

const HISTORY: [u32; 6] = [0, 1, 2, 1, 1, 2];

/// Slots within what lemma 21 allows, and weights that take them beyond f64.
fn finite() -> Hand {
    let mut hand = Hand::new(3, 2);
    hand.features(A, &[0.0, 1.0, 2.0]).features(B, &[0.0, 1e200, 1e200]).reads(A);
    hand
}

/// A value beyond f64 of a head that something reads, which itself nothing reads.
#[test]
fn an_infinite_value_that_nothing_reads() {
    let mut hand = finite();
    hand.copies([0, 0], (A, 1.0), C).head([0, 0], Row::Value, 1, &[(B, 1e200)]);
    never_differs(&hand.model(), &HISTORY);
}

/// A head without effect: by kinds it is left out, by hulls it is not.
#[test]
fn an_infinite_value_of_a_head_without_effect() {
    let mut hand = finite();
    hand.head([0, 0], Row::Value, 1, &[(B, 1e200)]);
    never_differs(&hand.model(), &HISTORY);
}

/// An infinite gate before a factor that is 0, and the other way around.
#[test]
fn an_infinite_gate_before_no_factor() {
    let mut hand = finite();
    hand.unit([0, 0], &[(B, 1e200)], &[], (C, 1.0));
    never_differs(&hand.model(), &HISTORY);
}

#[test]
fn no_gate_before_an_infinite_factor() {
    let mut hand = finite();
    hand.unit([0, 0], &[], &[(B, 1e200)], (C, 1.0));
    never_differs(&hand.model(), &HISTORY);
}

/// Keys (2t, 0): for passthrough and for a hull the latest wins. At position 1 the memory of a
/// gather or keyed head takes the 0 for -1 + 1, a recency of 1.
#[test]
fn a_passthrough_that_calls_itself_gather_or_keyed() {
    for (kind, query) in [(HeadKind::Gather, 0.25), (HeadKind::Keyed, 1e-7)] {
        let mut hand = Hand::new(3, 1);
        hand.features(D, &[2.0, 1.0, 1.0]);
        hand.head([0, 0], Row::Key, 0, &[(TIME, 2.0)]);
        hand.asks([0, 0], &[(ONE, query)], 1.0, [D, C]).reads(C).kind([0, 0], kind);
        never_differs(&hand.model(), &HISTORY);
    }
}
