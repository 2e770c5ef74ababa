//! Heads of one layer that share something, or seem to: verification computes such heads together, and
//! what it says must be what the reference says, which computes each for itself.

use hardmax::engine::EngineError;
use hardmax::model::{HeadKind, TieBreak, Token};

use crate::by_hand::{A, B, C, D, E, F, Hand, INVERSE_LOG, ONE, Row, SQUARE, TIME};
use crate::generator::Random;
use crate::products::{by_reference, check};

/// A history of tokens from 1 to below `vocabulary`, behind token 0.
fn history(length: usize, vocabulary: u64) -> Vec<Token> {
    let random = &mut Random(7);
    let token = |at: usize| if at == 0 { 0 } else { 1 + random.below(vocabulary - 1) as u32 };
    (0..length).map(token).map(Token).collect()
}

/// Half way between two positions one head gives the mean of both, another with the same keys the later.
#[test]
fn gathers_with_the_same_keys_and_query_break_ties_each_in_its_way() {
    for ties in [
        [TieBreak::Average, TieBreak::Latest],
        [TieBreak::Latest, TieBreak::Average],
        [TieBreak::Average, TieBreak::Average],
    ] {
        let mut hand = Hand::new(30, 1);
        for token in 1..8 {
            hand.feature(token, A, 2.0 * token as f64);
        }
        for (head, tie) in ties.into_iter().enumerate() {
            hand.head([0, head], Row::Key, 0, &[(TIME, 2.0)]);
            hand.head([0, head], Row::Key, 1, &[(SQUARE, -1.0)]);
            hand.asks([0, head], &[(TIME, 1.0), (ONE, -0.5)], 1.0, [A, B]);
            hand.tie([0, head], tie).kind([0, head], HeadKind::Gather);
        }
        let (wrong, faults, great) = check(&hand.reads(B).model(), &history(300, 8), 1);
        assert!(wrong > 500 && faults == 0 && !great, "{ties:?}: {wrong} {faults}");
    }
}

/// Keys 0 and 1 are their own squares.
#[test]
fn tables_under_unlike_keys_are_two() {
    let mut hand = Hand::new(30, 1);
    for token in 1..12 {
        let [a, d] = [token % 2, token / 2 % 2].map(|bit| bit as f64);
        hand.feature(token, A, a).feature(token, D, d).feature(token, E, token as f64);
    }
    for (head, [key, query]) in [[A, D], [D, A]].into_iter().enumerate() {
        hand.head([0, head], Row::Key, 0, &[(key, 2.0)]);
        hand.head([0, head], Row::Key, 1, &[(key, -1.0), (INVERSE_LOG, 0.3)]);
        hand.asks([0, head], &[(query, 1.0)], 1.0, [E, B]).kind([0, head], HeadKind::Keyed);
    }
    let (wrong, faults, great) = check(&hand.reads(B).model(), &history(300, 12), 1);
    assert!(wrong > 500 && faults == 0 && !great, "{wrong} {faults}");
}

/// Of the highest keys: one head has all positions, the other those whose feature D is 1.
#[test]
fn means_over_unlike_keys_are_two() {
    let mut hand = Hand::new(30, 1);
    for token in 1..12 {
        hand.feature(token, D, (token % 2) as f64).feature(token, E, token as f64);
    }
    for (head, height) in [ONE, D].into_iter().enumerate() {
        hand.head([0, head], Row::Key, 1, &[(height, 1.0)]);
        hand.asks([0, head], &[], 1.0, [E, B]).kind([0, head], HeadKind::Mean);
        hand.tie([0, head], TieBreak::Average);
    }
    let (wrong, faults, great) = check(&hand.reads(B).model(), &history(300, 12), 1);
    assert!(wrong > 500 && faults == 0 && !great, "{wrong} {faults}");
}

/// One that reads the position, the recency and the squared position as well is none.
#[test]
fn a_value_is_one_of_its_token_if_it_reads_nothing_else() {
    for (time, recency, square) in [(0.01, 0.25, 1e-5), (0.01, 0.0, 0.0), (0.0, 0.0, 0.0)] {
        let mut hand = Hand::new(30, 1);
        (1..8).for_each(|token| {
            hand.feature(token, A, token as f64);
        });
        hand.head([0, 0], Row::Key, 0, &[(TIME, 2.0)]);
        hand.head([0, 0], Row::Key, 1, &[(SQUARE, -1.0)]);
        hand.asks([0, 0], &[(TIME, 1.0), (ONE, -1.0)], 1.0, [A, B]);
        let more = [(TIME, time), (INVERSE_LOG, recency), (SQUARE, square)];
        hand.head([0, 0], Row::Value, 0, &more).kind([0, 0], HeadKind::Gather);
        let (wrong, faults, great) = check(&hand.reads(B).model(), &history(300, 8), 1);
        assert!(wrong > 400 && faults == 0 && !great, "{time}: {wrong} {faults}");
    }
}

/// What a kind presumes of keys, and keys that break it where the slot F is not 0.
fn keys(kind: HeadKind, breaks: bool) -> [Vec<(usize, f64)>; 2] {
    let [mut x, y] = match kind {
        HeadKind::Passthrough => [vec![(TIME, 2.0)], vec![(ONE, 1.0)]],
        HeadKind::Gather => [vec![(TIME, 2.0)], vec![(SQUARE, -1.0)]],
        HeadKind::Keyed => [vec![], vec![(INVERSE_LOG, 0.3)]],
        HeadKind::Mean => [vec![], vec![(ONE, 1.0)]],
        HeadKind::Lookup => unreachable!("presumes nothing"),
    };
    if breaks {
        x.push((F, -9.0));
    }
    [x, y]
}

/// The second of two heads of a kind may have keys of its own, which are checked for it.
#[test]
fn keys_are_checked_for_each_head_that_has_others() {
    for kind in [HeadKind::Passthrough, HeadKind::Gather, HeadKind::Keyed, HeadKind::Mean] {
        for breaks in [[false, true], [true, false], [true, true], [false, false]] {
            let mut hand = Hand::new(6, 1);
            hand.features(A, &[0.0, 1.0, 2.0, 3.0]).features(F, &[0.0, 0.0, 0.0, 1.0]);
            for (head, breaks) in breaks.into_iter().enumerate() {
                let [x, y] = keys(kind, breaks);
                hand.head([0, head], Row::Key, 0, &x).head([0, head], Row::Key, 1, &y);
                let query: &[_] = match kind {
                    HeadKind::Passthrough | HeadKind::Gather => &[(TIME, 1.0)],
                    _ => &[],
                };
                hand.asks([0, head], query, 1.0, [A, B + head]).kind([0, head], kind);
                let is_latest = kind == HeadKind::Keyed;
                let tie = if is_latest { TieBreak::Latest } else { TieBreak::Average };
                hand.tie([0, head], tie);
            }
            let model = hand.logit(1, B, 1.0).logit(2, C, 1.0).model();
            let history = [0, 1, 2, 1, 2, 3, 1, 3, 2].map(Token);
            check(&model, &history, 1);
            let fault = by_reference(&model, &history, 1, hardmax::engine::Attention::Kinds).fault;
            let first = breaks.iter().position(|&breaks| breaks);
            let told = fault.map(|(position, error)| match error {
                EngineError::Head { layer: 0, head, .. } => (position, head),
                other => panic!("{kind:?} {breaks:?}: {other}"),
            });
            assert_eq!(told, first.map(|head| (5, head)), "{kind:?} {breaks:?}");
        }
    }
}
