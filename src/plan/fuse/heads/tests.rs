//! Each form of head, written down in a small model: recognised, it is what the reference
//! computes along random histories; with each of its conditions broken, it is refused by the rule
//! that says so.

use fastrand::Rng;

use super::*;
use crate::engine::{Attention, Reference};
use crate::linalg::Kernel;
use crate::model::{Model, Token};
use crate::plan::expression::arena::Arena;
use crate::plan::expression::atom::Atom;
use crate::plan::expression::evaluate::World;
use crate::plan::fuse::draft::{
    Draft, FREE, HeadDraft, NUMBER, ODD, ONE, RECENCY, SQUARE, TIME, zero,
};
use crate::plan::fuse::value::Rounding;
use crate::plan::fuse::{Fused, fuse};
use crate::plan::ids::LayerId;
use crate::plan::limits::MAX_HULL_KEY;

const TOKENS: usize = 8;
const WIDTH: usize = 16;
/// Where the head's answers go.
const OUT: usize = FREE;
/// The square of NUMBER, from layer 1 on.
const NUMBER_SQUARED: usize = FREE + 2;
/// A feature that a test chooses.
const OWN: usize = FREE + 3;
/// The same square once more.
const SQUARED_AGAIN: usize = FREE + 4;
/// Where a unit of layer 1 goes.
const GATED: usize = FREE + 5;

const LIMIT: u64 = u32::MAX as u64 - 1;
const CLEAR: f64 = -1e30;

/// A model whose head 0 of layer 1 is the one to look at.
fn draft(head: HeadDraft<'_>) -> Draft {
    let mut draft = Draft::new(TOKENS, WIDTH, 2, 2);
    draft.unit(0, 0, &[(NUMBER, 1.0)], &[(NUMBER, 1.0)]);
    draft.fed(0, NUMBER_SQUARED, &[(0, 1.0)]);
    draft.fed(0, SQUARED_AGAIN, &[(0, 1.0)]);
    draft.head(1, 0, head);
    draft.attended(1, OUT, &[(0, 1.0)]);
    draft.attended(1, OUT + 1, &[(1, 1.0)]);
    for (token, slot) in [(0, OUT), (1, OUT + 1), (2, GATED)] {
        draft.logit(token, &[(slot, 1.0)]);
    }
    draft
}

fn fused(model: &Model) -> Fused {
    fuse(model, &zero(model), LIMIT).unwrap()
}

/// By which rule the head is refused.
fn rule(draft: &Draft) -> Rule {
    let fused = fused(&draft.model());
    let cause = fused.slots[SlotId::new(OUT)].number().expect_err("a broken condition");
    assert_eq!(cause.place, crate::plan::refusal::Place::Head { layer: LayerId::new(1), head: 0 });
    cause.rule
}

fn rule_of(head: HeadDraft<'_>) -> Rule {
    rule(&draft(head))
}

/// Asserts that what the passes say of slots is what the reference computes, answered by each of
/// `ways`, along random histories; gives the fused model.
fn agrees(draft: &Draft, ways: &[Attention]) -> Fused {
    let model = draft.model();
    let fused = fused(&model);
    let random = &mut Rng::with_seed(17);
    for run in 0..60 {
        let kernel = Kernel::preferred();
        let attention = ways[run % ways.len()];
        let mut reference = Reference::new(&model, attention, kernel).unwrap();
        let pool = [2, 3, TOKENS - 1][random.usize(..3)];
        let mut history = vec![0];
        reference.step(Token(0)).unwrap();
        for t in 1..14 {
            let token = 1 + random.usize(..pool);
            history.push(token);
            reference.step(Token(token as u32)).unwrap();
            let logits = reference.logits().to_vec();
            let world = World::new(&fused.analysis.arena, &fused.features, &fused.items, &history);
            for (slot, logit) in [OUT, OUT + 1, GATED].into_iter().zip(logits) {
                let number = fused.slots[SlotId::new(slot)].number();
                let Some((affine, rounding)) = number.ok().and_then(|number| number.whole()) else {
                    continue;
                };
                let expected = world.at(affine, t) as f64;
                let error = rounding.error().number();
                assert!(
                    (logit - expected).abs() <= error,
                    "slot {slot} at {t} of {history:?} by {attention:?}: {logit}, not {expected}"
                );
            }
        }
    }
    fused
}

fn atom_of(fused: &Fused, slot: usize) -> &Atom {
    let affine = fused.slots[SlotId::new(slot)].as_exact().expect("a whole number without error");
    fused.analysis.arena.atom(affine.terms[0].0)
}

/// The position at which a value is read.
fn place_of(fused: &Fused, slot: usize) -> Affine {
    match atom_of(fused, slot) {
        Atom::Feature { place, .. } | Atom::Column { place, .. } => place.clone(),
        other => panic!("{other:?} is read nowhere"),
    }
}

const VALUE: [&[(usize, f64)]; 2] = [&[(NUMBER, 1.0)], &[(ODD, 3.0), (NUMBER, -1.0)]];

// --- passthrough ---

const PASSTHROUGH: HeadDraft<'static> = HeadDraft {
    kind: HeadKind::Passthrough,
    tie: TieBreak::Average,
    query: [&[(TIME, 5.0)], &[(ONE, 5.0)]],
    key: [&[(TIME, 2.0)], &[(ONE, 1.0)]],
    value: VALUE,
};

#[test]
fn a_score_that_grows_with_the_position_gives_the_value_at_hand() {
    let fused = agrees(&draft(PASSTHROUGH), Attention::ALL);
    assert_eq!(place_of(&fused, OUT), Arena::position());
    assert!(fused.items.columns.is_empty() && fused.items.tables.is_empty());
    // A lookup head with another query of the same kind, too.
    let slow = HeadDraft {
        kind: HeadKind::Lookup,
        query: [&[(ONE, 0.5)], &[]],
        key: [&[(TIME, 3.0), (ONE, -2.0)], &[(ONE, 2.0)]],
        ..PASSTHROUGH
    };
    let fused = agrees(&draft(slow), &[Attention::Brute, Attention::Hull]);
    assert_eq!(place_of(&fused, OUT), Arena::position());
}

#[test]
fn a_score_that_may_fall_is_no_passthrough() {
    // All of these are tables of no form: an average has no latest.
    let not = |head: HeadDraft<'_>| {
        let rule = rule_of(head);
        assert!(matches!(rule, Rule::Recency | Rule::HeadForm | Rule::PositionZero), "{rule:?}");
    };
    not(HeadDraft { key: [&[(TIME, -2.0)], &[(ONE, 1.0)]], ..PASSTHROUGH });
    not(HeadDraft { key: [&[(TIME, -2.0), (ONE, 10.0)], &[(ONE, 1.0)]], ..PASSTHROUGH });
    not(HeadDraft { query: [&[(TIME, -5.0)], &[(ONE, 5.0)]], ..PASSTHROUGH });
    not(HeadDraft { query: [&[], &[(ONE, 5.0)]], ..PASSTHROUGH });
    not(HeadDraft { query: [&[(TIME, 5.0)], &[(ONE, -5.0)]], ..PASSTHROUGH });
    // Position 0 outdoes position 1.
    let mut draft = draft(PASSTHROUGH);
    draft.embed(0, &[(TIME, 2.0)]);
    assert!(matches!(rule(&draft), Rule::Recency | Rule::PositionZero), "{:?}", rule(&draft));
}

#[test]
fn equal_keys_of_all_positions_give_the_value_at_hand_to_the_latest() {
    let equal = HeadDraft {
        kind: HeadKind::Lookup,
        tie: TieBreak::Latest,
        query: [&[(TIME, 1.0)], &[(RECENCY, -1.0)]],
        key: [&[], &[]],
        value: VALUE,
    };
    let fused = agrees(&draft(equal), &[Attention::Brute, Attention::Hull]);
    assert_eq!(place_of(&fused, OUT), Arena::position());
    assert_eq!(rule_of(HeadDraft { tie: TieBreak::Average, ..equal }), Rule::HeadForm);
    assert_eq!(rule_of(HeadDraft { key: [&[(ONE, 1.0)], &[]], ..equal }), Rule::HeadForm);
}

// --- vertical: mean, value at hand, latch ---

const MEAN: HeadDraft<'static> = HeadDraft {
    kind: HeadKind::Mean,
    tie: TieBreak::Average,
    query: [&[], &[(ONE, 1.0)]],
    key: [&[], &[(ONE, 1.0)]],
    value: VALUE,
};

#[test]
fn a_mean_times_the_position_is_the_running_sum() {
    let mut draft = draft(MEAN);
    draft.unit(1, 0, &[(TIME, 1.0)], &[(OUT, 1.0)]);
    draft.fed(1, GATED, &[(0, 1.0)]);
    let fused = agrees(&draft, Attention::ALL);
    let (affine, rounding) = fused.slots[SlotId::new(GATED)].number().unwrap().whole().unwrap();
    assert!(matches!(fused.analysis.arena.atom(affine.terms[0].0), Atom::Sum(_)));
    assert!(matches!(rounding, Rounding::Within(error) if error.is_below(2f64.powi(-22))));
    // By any other gate it is not known.
    for gate in [&[(TIME, 2.0)], &[(NUMBER, 1.0)]] {
        draft.unit(1, 0, &[(TIME, 0.0)], &[(OUT, 1.0)]);
        draft.unit(1, 0, gate, &[(OUT, 1.0)]);
        let cause = self::fused(&draft.model()).slots[SlotId::new(GATED)].number().unwrap_err();
        assert_eq!(cause.rule, Rule::PlainFactor);
        draft.unit(1, 0, &[(NUMBER, 0.0)], &[]);
    }
}

#[test]
fn a_mean_leaves_out_position_0_alone_and_is_of_whole_numbers() {
    // Position 0 has the same key.
    let mut with_zero = draft(HeadDraft { key: [&[], &[(OWN, 1.0)]], ..MEAN });
    for token in 0..TOKENS {
        with_zero.embed(token, &[(OWN, 2.0)]);
    }
    assert_eq!(rule(&with_zero), Rule::PositionZero);
    // It has a higher one.
    with_zero.embed(0, &[(OWN, 3.0)]);
    assert_eq!(rule(&with_zero), Rule::PositionZero);
    with_zero.embed(0, &[(OWN, 1.0)]);
    agrees(&with_zero, &[Attention::Brute, Attention::Hull]);
    assert!(
        fused(&with_zero.model()).slots[SlotId::new(OUT)].number().unwrap().mean_alone().is_some()
    );
    let half = HeadDraft { value: [&[(NUMBER, 0.5)], &[]], ..MEAN };
    assert_eq!(rule_of(half), Rule::ExactSummand);
    let scale = HeadDraft { query: [&[], &[(ONE, -1.0)]], ..MEAN };
    assert_eq!(rule_of(scale), Rule::HeadForm);
    let two = HeadDraft { query: [&[], &[(ONE, 1.0), (NUMBER, 1.0)]], ..MEAN };
    assert_eq!(rule_of(two), Rule::HeadForm);
}

#[test]
fn one_height_for_all_gives_the_value_at_hand_to_the_latest() {
    let latest = HeadDraft { kind: HeadKind::Lookup, tie: TieBreak::Latest, ..MEAN };
    let fused = agrees(&draft(latest), &[Attention::Brute, Attention::Hull]);
    assert_eq!(place_of(&fused, OUT), Arena::position());
    // Not if position 0 is higher.
    let mut draft = draft(latest);
    draft.embed(0, &[(ONE, 2.0)]);
    assert_eq!(rule(&draft), Rule::PositionZero);
}

const LATCH: HeadDraft<'static> = HeadDraft {
    kind: HeadKind::Keyed,
    tie: TieBreak::Latest,
    query: [&[], &[(ONE, 1.0)]],
    key: [&[], &[(RECENCY, 0.3), (ODD, CLEAR)]],
    value: VALUE,
};

#[test]
fn the_latest_live_token_is_a_latch() {
    for kind in [HeadKind::Keyed, HeadKind::Lookup] {
        let fused = agrees(&draft(HeadDraft { kind, ..LATCH }), Attention::ALL);
        assert_eq!(fused.items.latches.len(), 1);
        let place = place_of(&fused, OUT);
        let age = fused.analysis.arena.atom(place.terms[1].0);
        assert!(matches!(age, Atom::Age(_)), "{age:?}");
    }
}

#[test]
fn a_latch_needs_the_recency_and_one_level_with_position_0() {
    assert_eq!(rule_of(HeadDraft { tie: TieBreak::Average, ..LATCH }), Rule::Recency);
    let key = |y| HeadDraft { key: [&[], y], ..LATCH };
    assert_eq!(rule_of(key(&[(RECENCY, 0.66), (ODD, CLEAR)])), Rule::Recency);
    assert_eq!(rule_of(key(&[(RECENCY, -0.3), (ODD, CLEAR)])), Rule::Recency);
    assert_eq!(rule_of(key(&[(RECENCY, 0.3), (ONE, 1.0), (ODD, CLEAR)])), Rule::PositionZero);
    assert_eq!(rule_of(key(&[(RECENCY, 0.3), (NUMBER, 1.0), (ODD, CLEAR)])), Rule::HeadForm);
    agrees(&draft(key(&[(RECENCY, 0.64), (ODD, CLEAR)])), Attention::ALL);
}

#[test]
fn what_clears_a_key_may_not_cancel() {
    let mut draft =
        draft(HeadDraft { key: [&[], &[(RECENCY, 0.3), (ODD, CLEAR), (OWN, CLEAR)]], ..LATCH });
    for token in 1..TOKENS {
        draft.embed(token, &[(OWN, (token % 3) as f64)]);
    }
    agrees(&draft, Attention::ALL);
    draft.embed(1, &[(OWN, -1.0)]);
    assert_eq!(rule(&draft), Rule::Clear);
    // What is not exact clears nothing for certain.
    let inexact = HeadDraft { key: [&[], &[(RECENCY, CLEAR), (ODD, CLEAR)]], ..LATCH };
    assert_eq!(rule_of(inexact), Rule::Clear);
}

// --- gather ---

const GATHER: HeadDraft<'static> = HeadDraft {
    kind: HeadKind::Gather,
    tie: TieBreak::Average,
    query: [&[(TIME, 1.0), (NUMBER, -1.0)], &[(ONE, 1.0)]],
    key: [&[(TIME, 2.0)], &[(SQUARE, -1.0)]],
    value: VALUE,
};

#[test]
fn keys_that_are_positions_give_the_value_at_the_position_that_is_asked_for() {
    let gathered = agrees(&draft(GATHER), Attention::ALL);
    assert!(matches!(atom_of(&gathered, OUT), Atom::Feature { .. }));
    assert_eq!(gathered.hull_limit, None);
    // Scaled and nearly whole it is the same.
    let scaled = HeadDraft {
        query: [&[(TIME, 1e10), (NUMBER, -1e10), (ONE, 4e8)], &[(ONE, 1e10)]],
        ..GATHER
    };
    let again = agrees(&draft(scaled), Attention::ALL);
    assert_eq!(place_of(&again, OUT), place_of(&gathered, OUT));
    // A hull tells squares of positions apart up to 2^26 only.
    let hull = agrees(&draft(HeadDraft { kind: HeadKind::Lookup, ..GATHER }), Attention::ALL);
    assert_eq!(hull.hull_limit, Some(MAX_HULL_KEY as u64));
}

#[test]
fn a_gather_asks_for_nearly_whole_positions_among_all() {
    let query = |x| HeadDraft { query: [x, &[(ONE, 1.0)]], ..GATHER };
    assert_eq!(rule_of(query(&[(TIME, 1.0), (ONE, 0.06)])), Rule::WholeQuery);
    assert_eq!(rule_of(query(&[(TIME, 0.5)])), Rule::WholeQuery);
    assert_eq!(rule_of(query(&[(TIME, 1.0), (RECENCY, 1.0)])), Rule::HeadForm);
    assert_eq!(rule_of(query(&[(TIME, 1e17)])), Rule::WholeQuery);
    let scale = HeadDraft { query: [&[(TIME, 1.0)], &[(NUMBER, 1.0)]], ..GATHER };
    assert_eq!(rule_of(scale), Rule::HeadForm);
    let cleared = HeadDraft { key: [&[(TIME, 2.0)], &[(SQUARE, -1.0), (ODD, CLEAR)]], ..GATHER };
    assert_eq!(rule_of(cleared), Rule::Clear);
    let other = HeadDraft { key: [&[(TIME, 2.0)], &[(SQUARE, -2.0)]], ..GATHER };
    assert!(matches!(rule_of(other), Rule::Recency | Rule::Parabola));
    let half = HeadDraft { value: [&[(NUMBER, 0.5)], &[]], ..GATHER };
    assert_eq!(rule_of(half), Rule::WholeValue);
    // Position 0 has another key.
    let mut first = draft(GATHER);
    first.embed(0, &[(TIME, 1.0)]);
    assert_eq!(rule(&first), Rule::PositionZero);
}

// --- table ---

const TABLE: HeadDraft<'static> = HeadDraft {
    kind: HeadKind::Keyed,
    tie: TieBreak::Latest,
    query: [&[(NUMBER, 1.0), (ONE, 1.0)], &[(ONE, 1.0)]],
    key: [&[(NUMBER, 2.0)], &[(RECENCY, 0.3), (NUMBER_SQUARED, -1.0), (ODD, CLEAR)]],
    value: VALUE,
};

#[test]
fn whole_keys_on_the_parabola_are_a_table() {
    let fused = agrees(&draft(TABLE), &[Attention::Kinds, Attention::Brute]);
    assert_eq!(fused.items.tables.len(), 1);
    assert!(fused.items.tables.values().next().unwrap().hull.is_none());
    // The value that is the key needs no place.
    assert!(matches!(atom_of(&fused, OUT), Atom::FoundKey { .. }));
    let place = place_of(&fused, OUT + 1);
    assert!(matches!(fused.analysis.arena.atom(place.terms[0].0), Atom::Found { .. }));
    let hull = self::fused(&draft(HeadDraft { kind: HeadKind::Lookup, ..TABLE }).model());
    assert!(hull.items.tables.values().next().unwrap().hull.is_some());
}

#[test]
fn a_hull_finds_what_a_table_finds_where_no_two_keys_are_equally_near() {
    // All keys are even and so are queries: the nearest is one, but for equal keys.
    let even = HeadDraft {
        kind: HeadKind::Lookup,
        query: [&[(NUMBER, 1.0), (ODD, -1.0)], &[(ONE, 1.0)]],
        key: [&[(NUMBER, 2.0)], &[(RECENCY, 0.3), (NUMBER_SQUARED, -1.0), (ODD, CLEAR)]],
        ..TABLE
    };
    let model = draft(even).model();
    let fused = fused(&model);
    let random = &mut Rng::with_seed(5);
    for _ in 0..40 {
        let mut reference = Reference::new(&model, Attention::Hull, Kernel::preferred()).unwrap();
        let mut history = vec![0];
        reference.step(Token(0)).unwrap();
        for _ in 1..20 {
            let token = 1 + random.usize(..TOKENS - 1);
            let wanted = (token - token % 2) as i64;
            let keys = history.iter().chain([&token]).filter(|key| *key % 2 == 0);
            let keys: Vec<i64> = keys.map(|&key| key as i64).collect();
            let off = keys.iter().map(|key| (key - wanted).abs()).min().unwrap();
            if off > 0 && keys.contains(&(wanted - off)) && keys.contains(&(wanted + off)) {
                continue;
            }
            history.push(token);
            reference.step(Token(token as u32)).unwrap();
            let world = World::new(&fused.analysis.arena, &fused.features, &fused.items, &history);
            let t = history.len() - 1;
            let expected = [OUT, OUT + 1]
                .map(|slot| world.at(fused.slots[SlotId::new(slot)].as_exact().unwrap(), t));
            let got = reference.logits()[..2].to_vec();
            assert_eq!(got, expected.map(|x| x as f64), "{history:?}");
        }
    }
}

#[test]
fn a_table_needs_keys_that_are_minus_squares_by_recency() {
    assert_eq!(rule_of(HeadDraft { tie: TieBreak::Average, ..TABLE }), Rule::Recency);
    let key = |x, y| HeadDraft { key: [x, y], ..TABLE };
    const HEIGHT: (usize, f64) = (NUMBER_SQUARED, -1.0);
    let number: &[(usize, f64)] = &[(NUMBER, 2.0)];
    assert_eq!(rule_of(key(number, &[(RECENCY, 0.66), HEIGHT])), Rule::Recency);
    assert_eq!(rule_of(key(&[(NUMBER, 1.0)], &[(RECENCY, 0.3), HEIGHT])), Rule::HeadForm);
    assert_eq!(rule_of(key(&[(NUMBER, 4.0)], &[(RECENCY, 0.3), HEIGHT])), Rule::Parabola);
    assert_eq!(rule_of(key(number, &[(RECENCY, 0.3), (NUMBER_SQUARED, -2.0)])), Rule::Parabola);
    assert_eq!(rule_of(key(number, &[(RECENCY, 0.3), HEIGHT, (ONE, 1.0)])), Rule::Parabola);
    assert_eq!(rule_of(key(number, &[(RECENCY, 0.3), (SQUARE, -1.0)])), Rule::Parabola);
    assert_eq!(rule_of(key(&[(RECENCY, 2.0)], &[(RECENCY, 0.3), HEIGHT])), Rule::HeadForm);
}

/// A table over the feature OWN, whose greatest or least is `end`.
fn own_keys(end: f64, kind: HeadKind) -> Draft {
    let own = HeadDraft {
        kind,
        query: [&[(OWN, 1.0)], &[(ONE, 1.0)]],
        key: [&[(OWN, 2.0)], &[(RECENCY, 0.3), (GATED, -1.0)]],
        ..TABLE
    };
    let mut draft = draft(own);
    draft.unit(0, 1, &[(OWN, 1.0)], &[(OWN, 1.0)]);
    draft.fed(0, GATED, &[(1, 1.0)]);
    draft.embed(1, &[(OWN, end)]);
    draft
}

#[test]
fn keys_of_tables_are_not_beyond_2_to_the_45_and_their_squares_are_whole_ones() {
    let most = 2f64.powi(45);
    let fused = fused(&own_keys(most, HeadKind::Keyed).model());
    assert_eq!(fused.items.tables.len(), 1);
    assert_eq!(rule(&own_keys(most + 1.0, HeadKind::Keyed)), Rule::KeyRange);
    // Of a negative key max(n, 0)·n is no square.
    assert_eq!(rule(&own_keys(-1.0, HeadKind::Keyed)), Rule::Parabola);
    agrees(&own_keys(3.0, HeadKind::Keyed), Attention::ALL);
}

#[test]
fn queries_of_tables_are_nearly_whole_and_within_2_to_the_45() {
    let query = |x| HeadDraft { query: [x, &[(ONE, 1.0)]], ..TABLE };
    assert_eq!(rule_of(query(&[(NUMBER, 1.0), (ONE, 0.06)])), Rule::WholeQuery);
    // The position is below 2^32.
    assert_eq!(rule_of(query(&[(TIME, 10000.0)])), Rule::QueryRange);
    assert_eq!(rule_of(query(&[(TIME, -10000.0)])), Rule::QueryRange);
    agrees(&draft(query(&[(TIME, 8192.0)])), &[Attention::Kinds]);
    agrees(&draft(query(&[(NUMBER, -1.0), (ONE, 2.0)])), &[Attention::Kinds]);
}

#[test]
fn a_hull_orders_keys_by_recency_only_as_far_as_rounding_lets_it() {
    let lookup = HeadDraft { kind: HeadKind::Lookup, ..TABLE };
    let with = |recency: f64, head: HeadDraft<'static>| {
        let mut draft = draft(HeadDraft { key: [head.key[0], &[]], ..head });
        let y = [(RECENCY, recency), (NUMBER_SQUARED, -1.0), (ODD, CLEAR)];
        draft.head(1, 0, HeadDraft { key: [head.key[0], &y], ..head });
        draft
    };
    // 1.4427 times it, and 1/4 for rounding, must stay below 1.
    assert!(fused(&with(0.51, lookup).model()).slots[SlotId::new(OUT)].number().is_ok());
    assert_eq!(rule(&with(0.53, lookup)), Rule::Recency);
    assert!(fused(&with(0.53, TABLE).model()).slots[SlotId::new(OUT)].number().is_ok());
    // A square in two parts may round differently each time.
    let split: &[(usize, f64)] =
        &[(RECENCY, 0.3), (NUMBER_SQUARED, -2.0), (SQUARED_AGAIN, 1.0), (ODD, CLEAR)];
    let in_parts = HeadDraft { key: [TABLE.key[0], split], ..lookup };
    assert_eq!(rule_of(in_parts), Rule::HullKey);
    agrees(&draft(HeadDraft { kind: HeadKind::Keyed, ..in_parts }), &[Attention::Kinds]);
}

#[test]
fn equal_heads_share_what_they_remember() {
    let mut draft = draft(TABLE);
    draft.head(1, 1, TABLE);
    draft.head(1, 2, HeadDraft { query: [&[(NUMBER, 1.0)], &[(ONE, 1.0)]], ..TABLE });
    draft.head(1, 3, LATCH);
    draft.head(1, 4, HeadDraft { value: [&[(ODD, 1.0)], &[]], ..LATCH });
    for head in 1..5 {
        draft.attended(1, GATED, &[(2 * head, 1.0)]);
    }
    let fused = agrees(&draft, &[Attention::Kinds]);
    assert_eq!((fused.items.tables.len(), fused.items.latches.len()), (1, 1));
}

#[test]
fn a_value_that_is_no_token_is_a_column() {
    // The found key of one head is the value of another.
    let mut draft = Draft::new(TOKENS, WIDTH, 3, 1);
    draft.unit(0, 0, &[(NUMBER, 1.0)], &[(NUMBER, 1.0)]);
    draft.fed(0, NUMBER_SQUARED, &[(0, 1.0)]);
    draft.head(1, 0, TABLE);
    draft.attended(1, OWN, &[(0, 1.0)]);
    draft.head(2, 0, HeadDraft { value: [&[(OWN, 1.0)], &[]], ..GATHER });
    draft.attended(2, OUT, &[(0, 1.0)]);
    draft.logit(0, &[(OUT, 1.0)]);
    let fused = agrees(&draft, &[Attention::Kinds]);
    assert!(matches!(atom_of(&fused, OUT), Atom::Column { .. }));
    assert_eq!(fused.items.columns.len(), 1);
}
