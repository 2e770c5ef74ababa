//! Heads that are nearly of a known form, one small model for each.

use std::convert::Infallible;

use hardmax::engine::Attention;
use hardmax::engine::verify::differing_heads;
use hardmax::linalg::Kernel;
use hardmax::model::{HeadKind, Token};
use hardmax::plan::{Refusal, Rule};

use crate::by_hand::{A, B, C, D, E, F, Hand, INVERSE_LOG, ONE, Row, SCALE, SQUARE, TIME, WHOLE};
use crate::verdict::{Verdict, behind, never_differ, never_differs, planned};

/// A model with a table: slot `A` is the key, `C` is asked for, `D` is the value, in layer 1.
/// Without position 0, token t has the t-th key, query and value. The token predicted is the value
/// that was found.
fn table(tokens: &[[f64; 3]], scale: f64, recency: f64) -> Hand {
    let mut hand = Hand::new(tokens.len() + 1, 2);
    for (token, &[key, query, value]) in tokens.iter().enumerate() {
        hand.feature(token + 1, A, key).feature(token + 1, C, query).feature(token + 1, D, value);
    }
    hand.unit([0, 0], &[(A, 1.0)], &[(A, 1.0)], (B, 1.0));
    hand.head([1, 0], Row::Key, 0, &[(A, 2.0)]);
    hand.head([1, 0], Row::Key, 1, &[(B, -1.0), (INVERSE_LOG, recency)]);
    hand.asks([1, 0], &[(C, scale)], scale, [D, E]).reads(E);
    hand
}

/// Of a table with keys far out: odd squares lose their last one, so an odd key next to the one
/// that is asked for ties with it.
#[test]
fn keys_whose_squares_are_no_f64_without_a_kind() {
    for key in [(1u64 << 27) + 2, (1 << 28) + 2, (1 << 33) + 4, (1 << 40) + 4] {
        let key = key as f64;
        for recency in [0.0, 0.3] {
            let tokens = [
                [key, key, 1.0],
                [key + 1.0, key, 2.0],
                [key + 3.0, key + 2.0, 3.0],
                [0.0, key, 4.0],
            ];
            let hand = table(&tokens, 1.0, recency);
            never_differs(&hand.model(), &[0, 1, 2, 4, 3, 1, 3, 2, 4]);
        }
    }
}

/// At 2^26 a square leaves whole numbers for the recency: 0.56 counts as 1, as much as a key that
/// is one off.
#[test]
fn recency_that_rounds_up_to_one() {
    let key = (1u64 << 26) as f64 + 2.0;
    for kind in [None, Some(HeadKind::Keyed)] {
        let tokens = [[key, key, 1.0], [key + 1.0, key, 2.0], [0.0, key, 3.0]];
        let mut hand = table(&tokens, 1.0, 0.6);
        if let Some(kind) = kind {
            let tokens =
                [[key - 3.0, key - 3.0, 1.0], [key - 2.0, key - 3.0, 2.0], [0.0, key - 3.0, 3.0]];
            hand = table(&tokens, 1.0, 0.6);
            hand.kind([1, 0], kind);
        }
        never_differs(&hand.model(), &[0, 1, 3, 3, 3, 3, 3, 2, 3, 1, 2]);
    }
}

/// Two keys equally near to the one that is asked for, one below a power of two and one above: the
/// recency of the earlier is rounded up more than that of the later.
#[test]
fn recency_of_equally_near_keys_is_rounded_apart() {
    for power in [16, 20, 22, 24, 25] {
        let middle = (1u64 << power) as f64;
        for recency in [0.25, 0.3, 0.6] {
            let tokens =
                [[middle + 1.0, middle, 1.0], [middle - 1.0, middle, 2.0], [0.0, middle, 3.0]];
            let model = table(&tokens, 1.0, recency).model();
            for fillers in 0..40 {
                let mut history = vec![3; fillers + 1];
                history[0] = 0;
                history.extend([1, 2, 1, 2, 1, 2, 2, 1, 1, 2]);
                never_differs(&model, &history);
            }
        }
    }
}

/// The one thing in which a plan may differ from hulls, by the theorem: of 0 and 2, equally near to
/// 1, a table finds the later, and in a hull the smaller key has kept a recency that the other's
/// square has swallowed. Without a kind the plan breaks there.
#[test]
fn a_table_that_misses_between_equally_near_keys_needs_its_kind() {
    let mut hand = table(&[[0.0, 1.0, 1.0], [2.0, 1.0, 2.0]], 1.0, 1e-17);
    hand.kind([1, 0], HeadKind::Keyed);
    let (kinds, none) = (hand.model(), hand.without_kinds().model());
    let history = [0, 1, 2];
    let agrees = Verdict::Agrees { predictions: 3 };
    assert_eq!(never_differ(&kinds, &none, &history), agrees);
    let tokens = history.map(Token);
    let by_hull = |model| behind(model, &planned(model), (&tokens, 0), Attention::Hull);
    assert_eq!(by_hull(&none), Verdict::Broken { at: 2 });
    assert!(matches!(by_hull(&kinds), Verdict::Differs { at: 2, .. }));
}

/// The unit that squares keys is closed for negative ones: their height is 0, and at 0 they tie with 0.
#[test]
fn negative_keys_are_off_the_parabola() {
    for recency in [0.0, 0.3] {
        let tokens = [[0.0, 0.0, 1.0], [-3.0, 0.0, 2.0], [2.0, -3.0, 3.0], [-1.0, 1.0, 4.0]];
        let mut hand = table(&tokens, 1.0, recency);
        for history in [[0, 1, 2, 1, 2, 1, 3, 2], [0, 2, 1, 4, 3, 1, 2, 4]] {
            never_differs(&hand.model(), &history);
            never_differs(&hand.kind([1, 0], HeadKind::Keyed).model(), &history);
        }
        let refusal = planned(&hand.model()).map(|_| ()).unwrap_err();
        let Refusal::Unproved(cause) = refusal else { panic!("{refusal:?}") };
        assert_eq!((cause.rule, cause.bound), (Rule::Parabola, None));
    }
}

/// What explains a mismatch names that head, and no other of this history.
#[test]
fn a_head_whose_table_and_hull_differ_is_named_with_its_place() {
    let mut hand = table(&[[0.0, 1.0, 1.0], [2.0, 1.0, 2.0]], 1.0, 1e-17);
    hand.kind([1, 0], HeadKind::Keyed);
    let model = hand.model();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let named = |history: &[u32]| {
        let history = history.iter().map(|&token| Ok::<_, Infallible>(Token(token)));
        differing_heads(&model, history, Kernel::Portable, &pool).unwrap()
    };
    // The position of a token is computed once another follows.
    assert_eq!(named(&[0, 1, 2]), []);
    let [difference] = &named(&[0, 1, 2, 1, 2])[..] else { panic!() };
    assert_eq!((difference.layer, difference.head, difference.position), (1, 0, 2));
    assert_eq!((difference.kind, difference.query), (HeadKind::Keyed, [1.0, 1.0]));
    assert_eq!((difference.by_kind[0], difference.by_hull[0]), (2.0, 1.0));
    // Beyond a token that is none, nothing is computed.
    assert_eq!(named(&[0, 1, 99, 2, 1, 2]), []);
}

/// fl(w·n)/w is not n: of two keys equally near to n one is nearer to it, whichever is later.
#[test]
fn a_scale_that_is_no_power_of_two_decides_between_equally_near_keys() {
    for scale in [SCALE, 0.1, 3.0, 1.0 / 3.0] {
        for n in 1..60 {
            let n = f64::from(n);
            for recency in [0.0, 1e-17] {
                let tokens = [[n - 1.0, n, 1.0], [n + 1.0, n, 2.0]];
                let hand = table(&tokens, scale, recency);
                never_differs(&hand.model(), &[0, 1, 2, 1, 2]);
            }
        }
    }
}

/// A query that is a mean times the position is only nearly whole: at 49, 1/49·49 is less than 1.
#[test]
fn a_query_that_is_nearly_whole_decides_between_equally_near_keys() {
    use hardmax::model::TieBreak;
    let mut hand = Hand::new(4, 2);
    hand.features(A, &[0.0, 0.0, 0.0, 2.0])
        .features(C, &[0.0, 1.0])
        .features(D, &[0.0, 1.0, 2.0, 3.0]);
    hand.unit([0, 0], &[(A, 1.0)], &[(A, 1.0)], (B, 1.0));
    hand.head([0, 0], Row::Query, 1, &[(ONE, 1.0)]).head([0, 0], Row::Key, 1, &[(ONE, 1.0)]);
    hand.head([0, 0], Row::Value, 0, &[(C, 1.0)]).answer([0, 0], 0, F);
    hand.tie([0, 0], TieBreak::Average);
    // What is asked for goes to the same slot as the mean, which is cleared first.
    hand.unit([0, 1], &[(TIME, 1.0)], &[(F, 1.0)], (E, 1.0));
    hand.head([1, 0], Row::Key, 0, &[(A, 2.0)]).head([1, 0], Row::Key, 1, &[(B, -1.0)]);
    hand.asks([1, 0], &[(E, 1.0)], 1.0, [D, C]);
    hand.reads(C);
    let model = hand.model();
    for t in 2..200 {
        let mut history = vec![2; t + 1];
        (history[0], history[1], history[t]) = (0, 1, 3);
        never_differs(&model, &history);
    }
}

/// Of subnormal scores only whole multiples of the least f64 are left: 0.4 less is no less.
#[test]
fn scores_of_a_subnormal_query_lose_the_recency() {
    for scale in [5e-324, 1e-323, 1e-320, 1e-310] {
        let tokens = [[1.0, 0.0, 1.0], [3.0, 0.0, 2.0], [4.0, 3.0, 3.0], [2.0, 1.0, 4.0]];
        let mut hand = table(&tokens, scale, 0.6);
        hand.feature(0, D, 0.0);
        never_differs(&hand.model(), &[0, 2, 2, 2, 2, 2, 2, 1, 2, 3, 4, 3, 2, 4, 1]);
    }
}

/// A great number that is added to a key and taken away again leaves it rounded: less than a
/// square of a far key would, but more than what is between the recency of two positions.
#[test]
fn a_key_that_is_rounded_by_what_cancels() {
    let mut hand = Hand::new(4, 2);
    hand.features(A, &[0.0, 3.0, 3.0, (1u64 << 25) as f64]);
    hand.features(C, &[0.0, 1.0, 0.0, 0.0]).copies([0, 0], (C, 1.0), F);
    hand.features(D, &[0.0, 1.0, 2.0, 3.0]);
    hand.unit([0, 0], &[(A, 1.0)], &[(A, 1.0)], (B, 1.0));
    let great = (1u64 << 47) as f64;
    hand.head([1, 0], Row::Key, 0, &[(A, 2.0)]);
    hand.head([1, 0], Row::Key, 1, &[(B, -1.0), (INVERSE_LOG, 0.3), (C, great), (F, -great)]);
    hand.asks([1, 0], &[(ONE, 3.0)], 1.0, [D, E]).reads(E);
    let history: Vec<u32> = (0..60).map(|t| if t == 0 { 0 } else { 1 + (t * t / 3) % 2 }).collect();
    never_differs(&hand.model(), &history);
}

/// A key of half a square is none of a table.
#[test]
fn a_key_of_half_a_square() {
    for half in [0.5, 0.25] {
        let mut hand = table(&[[2.0, 3.0, 1.0], [5.0, 4.0, 2.0], [3.0, 1.0, 3.0]], 1.0, 0.3);
        hand.unit([0, 0], &[], &[], (B, half));
        never_differs(&hand.model(), &[0, 1, 2, 3, 2, 1, 3, 1]);
    }
}

/// A model with a register: what is live is as `key` says, the value is in `D`.
fn register(key: &[(usize, f64)], vocabulary: usize) -> Hand {
    let mut hand = Hand::new(vocabulary, 2);
    for token in 1..vocabulary {
        hand.feature(token, D, token as f64);
    }
    hand.head([1, 0], Row::Key, 1, key).asks([1, 0], &[], 1.0, [D, E]).reads(E);
    hand
}

fn alternating(length: u32) -> Vec<u32> {
    (0..length).map(|t| if t == 0 { 0 } else { 1 + (t * t / 3 + t / 7) % 2 }).collect()
}

/// Keys of 1/2 and the recency are below the 1 of position 0, not level with it.
#[test]
fn a_register_whose_level_is_a_fraction() {
    for (level, weight) in [(2.0, 0.5), (4.0, 0.25)] {
        let mut hand = register(&[(A, weight), (INVERSE_LOG, 0.3)], 3);
        hand.features(A, &[level, 1.0, 1.0]);
        never_differs(&hand.model(), &alternating(20));
    }
}

/// Keys that are no whole numbers have no level at all.
#[test]
fn a_register_whose_key_is_unknown() {
    for recency in [0.0, 0.3] {
        let mut hand = register(&[(A, 1.0), (INVERSE_LOG, recency)], 3);
        hand.features(A, &[0.0, 0.1, 0.7]);
        never_differs(&hand.model(), &alternating(20));
    }
}

/// x + y is constant, but what is left of the recency next to a great x is not what is left of it
/// next to a small one.
#[test]
fn a_register_whose_height_is_a_sum_that_cancels() {
    for great in [1u64 << 40, 1 << 47, 1 << 53] {
        let great = great as f64;
        let key = [(A, great), (F, -great), (INVERSE_LOG, 0.3)];
        let mut hand = register(&key, 3);
        hand.features(A, &[0.0, 1.0, 0.0]).copies([0, 0], (A, 1.0), F);
        never_differs(&hand.model(), &alternating(3000));
    }
}

/// As often cleared as its opposite: the exact sum is 0, but the key is gone.
#[test]
fn a_register_cleared_by_slots_that_cancel() {
    let clear = 1e30;
    let signs = [[clear, -clear], [-clear, clear], [3e28, -1e28], [-3e28, 1e28], [-1.5e30, 0.5e30]];
    for [a, b] in signs {
        let both = -a / b;
        let mut hand = register(&[(A, a), (B, b), (INVERSE_LOG, 0.3)], 3);
        hand.features(A, &[0.0, 0.0, 1.0]).features(B, &[0.0, 0.0, both]);
        never_differs(&hand.model(), &alternating(20));
    }
}

/// The same of a table.
#[test]
fn a_table_cleared_by_slots_that_cancel() {
    let tokens = [[2.0, 2.0, 1.0], [2.0, 2.0, 2.0], [5.0, 4.0, 3.0]];
    for [a, b] in [[1e30, -1e30], [-1e30, 1e30]] {
        let mut hand = table(&tokens, 1.0, 0.3);
        hand.features(F, &[0.0, 0.0, 1.0, 0.0]).copies([0, 0], (F, 1.0), E).clear(1, F);
        hand.head([1, 0], Row::Key, 1, &[(F, a), (E, b)]);
        let history = alternating(20);
        hand.logit(0, F, 0.0);
        never_differs(&hand.model(), &history);
    }
}

/// 0.3·e - 0.3·e is what rounding leaves, with any sign, not 0.
#[test]
fn a_recency_that_cancels() {
    let keys: [&[(usize, f64)]; 3] = [
        &[(INVERSE_LOG, 0.3), (A, -0.3)],
        &[(INVERSE_LOG, 0.1), (A, 0.2), (B, -0.3)],
        &[(INVERSE_LOG, 0.7), (A, -0.1), (B, -0.6)],
    ];
    for key in keys {
        let mut hand = register(key, 3);
        hand.copies([0, 0], (INVERSE_LOG, 1.0), A).copies([0, 1], (INVERSE_LOG, 1.0), B);
        never_differs(&hand.model(), &alternating(60));
    }
}

/// Keys -t² that a great number wiped out: they lie on a line, and the last one wins.
#[test]
fn a_gather_whose_key_is_wiped_out() {
    for great in [1u64 << 30, 1 << 40, 1 << 49] {
        let mut hand = Hand::new(4, 2);
        hand.features(C, &[0.0, great as f64, 0.0, 1.0]).copies([0, 0], (C, 1.0), F);
        hand.features(D, &[0.0, 1.0, 2.0, 3.0]);
        let great = great as f64;
        hand.head([1, 0], Row::Key, 0, &[(TIME, 2.0)]);
        hand.head([1, 0], Row::Key, 1, &[(SQUARE, -1.0), (C, great), (F, -great)]);
        hand.asks([1, 0], &[(TIME, 1.0), (ONE, -3.0)], 1.0, [D, E]).reads(E);
        never_differs(&hand.model(), &[0, 1, 2, 3, 2, 1, 1, 3, 2, 2, 1, 3]);
    }
}

/// The hull of a plan is asked with 64-bit integers: 2^53·2^12 is 0 there.
#[test]
fn a_key_of_a_hull_that_is_a_great_power_of_two() {
    let mut hand = Hand::new(64, 1);
    for token in 1..64 {
        hand.feature(token, A, 4096.0 * token as f64).feature(token, D, token as f64);
    }
    hand.head([0, 0], Row::Query, 0, &[(ONE, 1.0)]).head([0, 0], Row::Key, 0, &[(A, WHOLE)]);
    hand.head([0, 0], Row::Value, 0, &[(D, 1.0)]).answer([0, 0], 0, E).reads(E);
    never_differs(&hand.model(), &[0, 2, 1, 2, 2, 1, 60, 50, 40]);
}

#[test]
fn a_key_of_a_hull_that_is_a_great_power_of_two_times_the_position() {
    let mut hand = Hand::new(3, 1);
    hand.features(D, &[0.0, 1.0, 2.0]);
    hand.head([0, 0], Row::Query, 0, &[(ONE, 1.0)]).head([0, 0], Row::Key, 0, &[(TIME, WHOLE)]);
    hand.head([0, 0], Row::Value, 0, &[(D, 1.0)]).answer([0, 0], 0, E).reads(E);
    // Not ascending as a passthrough would have it: its second component changes.
    hand.head([0, 0], Row::Key, 1, &[(D, 1.0)]);
    never_differs(&hand.model(), &alternating(2100));
}

/// Of a key (2n, -n² + 1) the recency is 1, as much as a key that is one off: all keys tie. By its
/// kind the head must say so, or answer as the hull does.
#[test]
fn a_recency_of_one_is_none() {
    for kind in [HeadKind::Keyed, HeadKind::Gather, HeadKind::Lookup] {
        let mut hand = Hand::new(4, 1);
        hand.features(A, &[0.0, 1.0, 0.0, 1.0]).head([0, 0], Row::Key, 0, &[(A, 2.0)]);
        hand.asks([0, 0], &[], 1.0, [A, C]).is_positive(C).kind([0, 0], kind);
        for history in [[0, 1, 1, 2], [0, 2, 1, 1], [0, 3, 2, 1]] {
            never_differs(&hand.model(), &history);
        }
    }
}
