//! The checker of plans: every variant of code against the expressions that it was made of.

use hardmax::engine::{Steps, compare_variants};
use hardmax::model::{Model, Token};
use hardmax::plan::Plan;

use crate::bundled_model::{MODEL, parts};
use crate::common::cases;
use crate::common::programs::source;
use crate::common::tokens;
use crate::generator::{Random, random_model};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

fn prompts() -> Vec<Vec<Token>> {
    let mut runner = TestRunner::deterministic();
    let mut program = || source(false).new_tree(&mut runner).unwrap().current().program();
    (0..20).map(|_| tokens(&program().prompt())[1..].to_vec()).collect()
}

#[test]
fn every_variant_of_the_bundled_plan_computes_its_expressions() {
    let plan = Plan::new(&MODEL, Plan::likely_bos(&MODEL)).unwrap();
    let steps = Steps { states: 2, seed: 1 };
    let found = compare_variants(&MODEL, &plan, &prompts(), steps).unwrap();
    assert_eq!(found.difference, None);
    let summary = plan.summary();
    // All classes but that of the BOS token, all rows, with a prediction and without.
    let least = 2 * (summary.classes - 1) * summary.selected_classes;
    assert!(found.variants >= least && found.steps > 5_000, "{found:?}");
}

#[test]
fn variants_of_models_that_nobody_built_compute_their_expressions() {
    let mut variants = 0;
    for seed in 1..=u64::from(cases(200)).max(200) {
        let model = random_model(seed * 7919);
        if let Ok(plan) = Plan::new(&model, Token(0)) {
            let found = compare_variants(&model, &plan, &[], Steps { states: 3, seed }).unwrap();
            assert_eq!(found.difference, None, "model {seed}");
            variants += found.variants;
        }
    }
    assert!(variants > 1_000, "{variants}");
}

/// Code is made of one model, the expressions of another.
#[test]
fn code_that_computes_something_else_is_found_out() {
    let plan = Plan::new(&MODEL, Plan::likely_bos(&MODEL)).unwrap();
    let (random, prompts) = (&mut Random(11), prompts());
    let mut found = 0;
    const CHANGES: usize = 12;
    for seed in 0..CHANGES as u64 {
        let mut changed = parts(&MODEL);
        let layer = random.below(changed.layers.len() as u64) as usize;
        let weights = &mut changed.layers[layer].feed_forward_out;
        let used: Vec<usize> = (0..weights.len()).filter(|&at| weights[at] != 0.0).collect();
        weights[used[random.below(used.len() as u64) as usize]] *= -1.0;
        let changed = Model::new(changed).unwrap();
        let steps = Steps { states: 2, seed };
        let compared = compare_variants(&changed, &plan, &prompts, steps).unwrap();
        found += usize::from(compared.difference.is_some());
    }
    // Units that open rarely, or not in these states, may say anything.
    assert!(found >= CHANGES / 3, "{found} of {CHANGES} changed weights");
}
