//! Logits of numbers that are a little off, nearly tied: running sums that are not rounded on purpose,
//! copies, products and multiples of them, read by an output head whose tokens differ by as much as that
//! is off, by a bit more or less, or not at all.
//!
//! A plan must predict what the reference does, or hand over; that it does, and that the tokens are still
//! the reference's behind it, is counted. `PROPTEST_CASES` says how many models are tried,
//! `HARDMAX_LENGTH` how many tokens each, if not 16,000, and `HARDMAX_FIRST_SEED` which is the first.

use hardmax::engine::{Attention, Decoder, GuardFailure, Planned, Reason, Reference};
use hardmax::linalg::Kernel;
use hardmax::model::{Model, TieBreak, Token};
use hardmax::plan::{Plan, Refusal};

use crate::by_hand::{A, B, C, D, E, F, Hand, ONE, Row, SCALE, TIME};
use crate::common::{cases, setting};
use crate::generator::Random;
use crate::verdict::planned;

const VOCABULARY: usize = 9;

fn choose<T: Copy>(random: &mut Random, among: &[T]) -> T {
    among[random.below(among.len() as u64) as usize]
}

/// C is a running sum and B its copy; D is another, or a product of the first and a feature; E is a
/// feature. The first sum grows by the number that is returned, and by one more at token 2.
fn sums(random: &mut Random) -> (Hand, f64) {
    let mut hand = Hand::new(VOCABULARY, 3);
    let [most, other] = [0; 2].map(|_| choose(random, &[1, 3, 1_000, 70_000]));
    let same = random.below(most + 1) as f64;
    for token in 1..VOCABULARY {
        let growth = if token == 2 { same + 1.0 } else { same };
        hand.feature(token, A, growth);
        hand.feature(token, E, random.below(9) as f64 - 3.0);
        hand.feature(token, F, random.below(other + 1) as f64);
    }
    hand.head([0, 0], Row::Key, 1, &[(ONE, 1.0)]).asks([0, 0], &[], SCALE, [A, B]);
    hand.head([0, 0], Row::Value, 1, &[(F, 1.0)]).answer([0, 0], 1, D);
    hand.tie([0, 0], TieBreak::Average);
    hand.unit([0, 0], &[(TIME, 1.0)], &[(B, 1.0)], (C, 1.0));
    hand.unit([0, 1], &[(TIME, 1.0)], &[(D, 1.0)], (A, 1.0));
    hand.unit([0, 2], &[(ONE, 1.0)], &[(A, 1.0)], (A, -1.0));
    hand.clear(0, B).clear(0, D);
    hand.copies([1, 0], (C, 1.0), B);
    match random.below(3) {
        0 => hand.copies([1, 1], (A, 1.0), D),
        1 => hand.unit([1, 0], &[(C, 1.0), (ONE, -5.0)], &[(E, 1.0)], (D, 1.0)),
        _ => hand.unit([1, 0], &[(E, 1.0)], &[(C, 1.0), (A, -1.0)], (D, 1.0)),
    };
    hand.clear(1, A);
    (hand, same)
}

/// Rows that pick whole numbers, as bytes are picked; rows that differ by powers of two; the same again;
/// rows that mean the same as another but read the copy; and rows that mean nearly the same but read the
/// position, which is exact.
fn logits(random: &mut Random, hand: &mut Hand, same: f64) {
    let weight = |random: &mut Random, bits: u64| {
        let sign = if random.below(2) == 0 { 1.0 } else { -1.0 };
        sign * (1u64 << random.below(bits)) as f64
    };
    // What is exact must fit registers up to position 2^20, on the grid of the finest weight.
    let finest = choose(random, &[12, 16, 20]);
    let most = 40 - finest - (same.max(1.0).log2().ceil() as u64);
    let great = weight(random, most.clamp(1, 12));
    let near = choose(random, &[C, C, D]);
    let mut rows: Vec<[f64; 6]> = Vec::new();
    for token in 1..VOCABULARY {
        // Weights of C, B, D, E, ONE and TIME.
        let mut row = [0.0; 6];
        match random.below(9) {
            0 => {
                let v = token as f64;
                let at = if near == C { 0 } else { 2 };
                row[at] = 2.0 * v * 0.25;
                row[4] = -v * v * 0.25;
            }
            1 => {
                row[0] = great;
                row[4] = weight(random, 20) * 2f64.powi(-(finest as i32));
            }
            2 => {
                row[0] = great;
                row[3] = weight(random, 12) * 2f64.powi(-(finest as i32));
            }
            3 => row = [great + weight(random, 4), 0.0, 1.0, great, 0.0, 0.0],
            4..7 => {
                row[5] = great * same;
                // That is as great where token 2 has come so often.
                let often = random.below(6) as f64;
                row[4] = great * often + weight(random, 2) * 2f64.powi(-(finest as i32));
            }
            7 if !rows.is_empty() => row = choose(random, &rows),
            _ if !rows.is_empty() => {
                row = choose(random, &rows);
                row.swap(0, 1);
            }
            _ => row[0] = 1.0,
        }
        rows.push(row);
        for (slot, weight) in [C, B, D, E, ONE, TIME].into_iter().zip(row) {
            hand.logit(token, slot, weight);
        }
    }
}

#[derive(Debug, Default)]
struct Counts {
    models: usize,
    refused: usize,
    predictions: usize,
    /// Histories in which the output head's guard failed, and another.
    open: usize,
    ended: usize,
    /// Predictions by the reference behind such a guard.
    behind: usize,
}

/// Predictions along a history, before and behind a guard that fails.
fn compared(model: &Model, plan: &Result<Plan, Refusal>, history: &[Token], counts: &mut Counts) {
    let kernel = Kernel::Portable;
    let mut reference = Reference::new(model, Attention::Kinds, kernel).unwrap();
    let mut engine = Planned::new(model, plan, Attention::Kinds, kernel);
    for (at, &token) in history.iter().enumerate() {
        engine.take(token, true).unwrap();
        reference.step(token).unwrap();
        assert_eq!(engine.next_token(), reference.next_token(), "position {at}");
        counts.predictions += usize::from(engine.fallback().is_none());
        counts.behind += usize::from(engine.fallback().is_some());
    }
    match engine.fallback().map(|fallback| fallback.reason) {
        Some(Reason::GuardFailed(GuardFailure::InexactLogit)) => counts.open += 1,
        Some(_) => counts.ended += 1,
        None => {}
    }
}

#[test]
fn logits_that_nearly_tie_are_told_apart_as_in_the_reference_or_the_plan_hands_over() {
    let (first, length) = (setting("HARDMAX_FIRST_SEED", 1), setting("HARDMAX_LENGTH", 16_000));
    let count = u64::from(cases(150).max(150));
    let mut counts = Counts::default();
    for seed in first..first + count {
        let random = &mut Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let (mut hand, same) = sums(random);
        logits(random, &mut hand, same);
        let model = hand.model();
        let plan = planned(&model);
        counts.models += 1;
        if let Err(why) = &plan {
            counts.refused += 1;
            println!("seed {seed}: {why}");
            continue;
        }
        // Histories of few tokens meet the same sums again.
        let pool = 1 + random.below(VOCABULARY as u64 - 1);
        let next = |random: &mut Random| match random.below(pool) {
            1 if random.below(800) > 0 => Token(1),
            token => Token(1 + token as u32),
        };
        let mut history = vec![Token(0)];
        history.extend((1..length).map(|_| next(random)));
        compared(&model, &plan, &history, &mut counts);
    }
    println!("{counts:?}");
    assert!(counts.refused < counts.models / 3, "{counts:?}");
    assert!(counts.open > counts.models / 20 && counts.behind > 1_000, "{counts:?}");
    assert!(counts.predictions > counts.models * 100, "{counts:?}");
}
