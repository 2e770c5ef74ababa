//! Models that nobody has built, and prompts that they were not made for.

use std::convert::Infallible;

use hardmax::engine::verify::{Products, Settings, Verification, verify, verify_by_plan};
use hardmax::engine::{
    Attention, Decoder, EngineError, Fallback, GuardFailure, Planned, Reason, Reference,
};
use hardmax::linalg::Kernel;
use hardmax::model::{Token, Tokens};
use hardmax::plan::Plan;
use proptest::prelude::*;

use crate::common::{POOLS, cases};
use crate::generator::{Random, random_model, random_prompt};
use crate::{by_plan, by_reference};

/// Where BOS comes again, `one` is 0 in the middle of a history.
#[test]
fn a_bos_that_comes_again_ends_the_plan_and_changes_no_token() {
    let prompt = [0, 1, 2, 0, 1].map(Token);
    let mut failed = 0;
    for seed in 1..300 {
        let model = random_model(seed * 7919);
        if Plan::new(&model, Token(0)).is_ok_and(|plan| plan.single_bos().is_some()) {
            let (got, fallback) = by_plan(&model, &prompt, 40);
            assert_eq!(got.unwrap(), by_reference(&model, &prompt, 40).unwrap());
            match fallback {
                Some(Fallback {
                    position: 3,
                    reason: Reason::GuardFailed(GuardFailure::SecondBos),
                }) => failed += 1,
                // Another guard failed before.
                Some(Fallback { position: ..3, reason: Reason::GuardFailed(_) }) => {}
                other => panic!("seed {seed}: {other:?}"),
            }
        }
    }
    assert!(failed > 10, "{failed} plans");
}

/// Whether the plan ran to the end on its own, after checking that its tokens are right.
fn check_random(seed: u64) -> bool {
    let model = random_model(seed);
    let random = &mut Random(!seed | 1);
    let mut all = true;
    for _ in 0..3 {
        let prompt = random_prompt(random, model.shape().vocabulary as u64);
        let expected = by_reference(&model, &prompt, 120);
        let (got, fallback) = by_plan(&model, &prompt, 120);
        if let Ok(expected) = expected {
            assert_eq!(got.as_ref(), Ok(&expected), "seed {seed}, {fallback:?}, {prompt:?}");
        }
        all &= fallback.is_none();
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(2_000)))]

    #[test]
    fn models_that_nobody_built_give_the_tokens_of_the_reference(seed in any::<u64>()) {
        check_random(seed);
    }
}

/// Heads without values, whose outputs other layers' heads must not give in their place.
#[test]
fn heads_that_are_left_out_change_nothing() {
    let mut dead = 0;
    for seed in 1..300 {
        let model = random_model(seed * 104_729);
        let prompt = random_prompt(&mut Random(seed), model.shape().vocabulary as u64);
        let mut layers = model.layers();
        dead += usize::from(layers.any(|l| (0..model.shape().heads).any(|h| l.is_dead_head(h))));
        let [all, live] = [Attention::Hull, Attention::Kinds].map(|attention| {
            let mut reference = Reference::new(&model, attention, Kernel::Portable)?;
            let step = |&token: &Token| {
                reference.step(token)?;
                Ok::<_, EngineError>(reference.logits().to_vec())
            };
            prompt.iter().map(step).collect::<Result<Vec<_>, _>>()
        });
        if let Ok(all) = all {
            assert_eq!(all, live.unwrap(), "model {seed}");
        }
    }
    assert!(dead > 30, "{dead} models");
}

/// What a verification found: tokens compared, wrong ones, and the first of them.
type Finding = (u64, u64, Option<(u64, Token)>);

fn finding(verification: Verification) -> Finding {
    let first = verification.first.map(|wrong| (wrong.position, wrong.predicted));
    (verification.positions, verification.mismatches, first)
}

/// Verifies what a random model generates, with some wrong tokens, through its plan, whose
/// predictions are deferred and many at once, and by dense products. Tells whether the plan went to
/// the end.
fn check_deferred_predictions(seed: u64) -> bool {
    let model = random_model(seed);
    let random = &mut Random(!seed | 1);
    let vocabulary = model.shape().vocabulary as u64;
    let prompt = random_prompt(random, vocabulary);
    let Ok(generated) = by_reference(&model, &prompt, 150) else { return false };
    let mut trace = Tokens::default();
    for token in prompt.iter().chain(&generated) {
        let wrong = random.below(30) == 0 && !trace.is_empty();
        trace.push(if wrong { Token(random.below(vocabulary) as u32) } else { *token });
    }
    let attention = *random.choose(&[Attention::Hull, Attention::Kinds]);
    let products = *random.choose(&Products::ALL);
    let settings =
        Settings { attention, products, kernel: Kernel::Portable, block: 64, spot: None };
    let (plan, count) = (Plan::new(&model, prompt[0]), prompt.len() as u64);
    let dense = trace.iter().map(Ok::<_, Infallible>);
    let dense = verify(&model, count, dense, settings, &POOLS[0], |_| ());
    let by_plan = |pool| {
        let found = verify_by_plan(&model, &plan, count, &trace, settings, pool, |_| ());
        // Each thread has tables of its own.
        found.map(|found| Verification { attention_bytes: 0, ..found })
    };
    let planned = by_plan(&POOLS[0]);
    for pool in &POOLS[1..] {
        assert_eq!(by_plan(pool), planned, "seed {seed}");
    }
    let (Ok(dense), Ok(planned)) = (dense, planned) else { return false };
    let whole = planned.fallback.is_none();
    // Deferred or not, the plan ends at the same token for the same reason.
    let mut step = Planned::new(&model, &plan, Attention::Kinds, Kernel::Portable);
    for (at, token) in trace.iter().take(planned.tokens as usize - 1).enumerate() {
        if step.take(token, at as u64 + 1 >= count).is_err() || step.fallback().is_some() {
            break;
        }
    }
    assert_eq!(step.fallback(), planned.fallback, "seed {seed}");
    if dense.end == planned.end {
        assert_eq!(finding(dense), finding(planned), "seed {seed}");
    }
    whole
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(1_000)))]

    #[test]
    fn deferred_predictions_are_those_of_dense_products(seed in any::<u64>()) {
        check_deferred_predictions(seed);
    }
}

/// The property is worth something only if plans run.
#[test]
fn many_random_traces_are_verified_through_plans() {
    let whole =
        (1..=600u64).filter(|&seed| check_deferred_predictions(seed.wrapping_mul(48_271))).count();
    assert!(whole > 60, "{whole} of 600");
}

/// The property is worth something only if plans run.
#[test]
fn many_random_models_have_plans() {
    let planned =
        (1..=600u64).filter(|seed| check_random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))).count();
    assert!(planned > 60, "{planned} of 600");
}
