//! Random models whose numbers are where f64 or 64-bit integers end.
//!
//! A model is a few motifs (`motifs.rs`) that a seed decides. Its plan must be refused, break, or
//! predict what the reference predicts, by kinds and by hulls, along random histories, on random
//! walks and in runs.
//!
//! What differs is shrunk before it is shown: weights are left out as long as it differs. That
//! the plan panics differs, too.
//! `PROPTEST_CASES` says how many models are tried, `HARDMAX_HOSTILE` which is the first.

use std::panic::{AssertUnwindSafe, catch_unwind};

use hardmax::engine::{Attention, Walks, compare};
use hardmax::linalg::Kernel;
use hardmax::model::{Model, Token};

use crate::by_hand::{Hand, describe, shrunk};
use crate::common::cases;
use crate::generator::Random;
use crate::motifs::{self, Choices};
use crate::verdict::{Verdict, behind, planned};
use crate::{by_plan, by_reference};

impl Choices for Random {
    fn below(&mut self, n: u64) -> u64 {
        Random::below(self, n)
    }
}

/// A model made of a number.
fn hostile_model(seed: u64) -> Hand {
    motifs::model(&mut Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1))
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

/// What is wrong with the plan of a model, if something is. Whether it has one. By hulls nothing is
/// claimed where the same model without kinds breaks.
fn wrong(model: &Model, none: &Model, seed: u64) -> (bool, Option<String>) {
    let plan = planned(model);
    let Ok(made) = &plan else { return (false, None) };
    for history in histories(seed, model.shape().vocabulary as u64) {
        let middle = history.len() / 2;
        for (attention, prompt) in
            [(Attention::Kinds, 0), (Attention::Hull, 0), (Attention::Kinds, middle)]
        {
            let verdict = behind(model, &plan, (&history, prompt), attention);
            let is_claimed = || {
                let without = behind(none, &planned(none), (&history, 0), Attention::Kinds);
                attention == Attention::Kinds || matches!(without, Verdict::Agrees { .. })
            };
            if let Verdict::Differs { at, .. } = verdict
                && is_claimed()
            {
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
    let (model, none) = (hand.model(), hand.without_kinds().model());
    let all = catch_unwind(AssertUnwindSafe(|| wrong(&model, &none, seed)));
    all.unwrap_or((true, Some("panics".to_owned())))
}

#[test]
fn hostile_models_give_the_tokens_of_the_reference() {
    let first = crate::common::setting("HARDMAX_HOSTILE", 1);
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
