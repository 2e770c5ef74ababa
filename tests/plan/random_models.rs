//! Models that nobody has built, and prompts that they were not made for.

use hardmax::engine::{Break, Fallback, Reason};
use hardmax::model::Token;
use hardmax::plan::Plan;
use proptest::prelude::*;

use crate::common::cases;
use crate::generator::{Random, random_model, random_prompt};
use crate::{by_plan, by_reference};

/// Where the opening token comes again, `one` is 0 in the middle of a history.
#[test]
fn an_opening_token_that_comes_again_breaks_the_plan_and_not_the_tokens() {
    let prompt = [0, 1, 2, 0, 1].map(Token);
    let mut broken = 0;
    for seed in 1..300 {
        let model = random_model(seed * 7919);
        if Plan::new(&model, Token(0)).is_ok_and(|plan| plan.opens_once().is_some()) {
            let (got, fallback) = by_plan(&model, &prompt, 40);
            assert_eq!(got.unwrap(), by_reference(&model, &prompt, 40).unwrap());
            match fallback {
                Some(Fallback { position: 3, reason: Reason::Broke(Break::Opening) }) => {
                    broken += 1
                }
                // A product left its guard before.
                Some(Fallback { position: ..3, reason: Reason::Broke(Break::Product) }) => {}
                other => panic!("seed {seed}: {other:?}"),
            }
        }
    }
    assert!(broken > 10, "{broken} plans");
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

/// The property is worth something only if plans run.
#[test]
fn many_random_models_have_plans() {
    let planned =
        (1..=600u64).filter(|seed| check_random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))).count();
    assert!(planned > 60, "{planned} of 600");
}
