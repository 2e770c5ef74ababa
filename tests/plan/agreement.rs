//! Plans and models on random histories.

use hardmax::engine::{Agreement, Attention, Walks, compare};
use hardmax::linalg::Kernel;
use hardmax::model::{Model, Token};
use hardmax::plan::Plan;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::bundled_model::{MODEL, parts};
use crate::common::programs::source;
use crate::common::{cases, tokens};
use crate::generator::{Random, random_model};

fn compared(model: &Model, plan: &Plan, walks: Walks) -> Agreement {
    compare(model, plan, walks, Attention::Kinds, Kernel::Portable).unwrap()
}

/// Walks that begin with programs.
fn walks(count: u64, seed: u64) -> Walks {
    let mut runner = TestRunner::deterministic();
    let mut program = || source(false).new_tree(&mut runner).unwrap().current().program();
    let known = (0..20).map(|_| tokens(&program().prompt())[1..].to_vec()).collect();
    Walks { count, length: 100, seed, known }
}

fn plan() -> Plan {
    Plan::new(&MODEL, Plan::likely_bos(&MODEL)).unwrap()
}

#[test]
fn the_plan_agrees_with_the_bundled_model() {
    let plan = plan();
    let count = u64::from(cases(200)).max(200);
    let agreement = compared(&MODEL, &plan, walks(count, 1));
    assert_eq!(agreement.difference, None);
    assert!(agreement.histories == count && agreement.longest > 100, "{agreement:?}");
    assert!(agreement.predictions > 20 * agreement.histories, "{agreement:?}");
    // Most walks stray until a guard fails, and the reference computes all.
    assert!(agreement.guard_failures > 0 && agreement.refused == 0, "{agreement:?}");
}

#[test]
fn the_same_seed_takes_the_same_walks() {
    let plan = plan();
    let [one, same, other] =
        [3, 3, 4].map(|seed| compared(&MODEL, &plan, walks(20, seed)).predictions);
    assert_eq!(one, same);
    assert_ne!(one, other);
}

#[test]
fn plans_agree_with_models_that_nobody_built() {
    let mut plans = 0;
    for seed in 1..=u64::from(cases(300)).max(300) {
        let model = random_model(seed * 104_729);
        if let Ok(plan) = Plan::new(&model, Token(0)) {
            plans += 1;
            let walks = Walks { count: 10, length: 60, seed, known: Vec::new() };
            let agreement = compared(&model, &plan, walks);
            assert_eq!(agreement.difference, None, "model {seed}");
        }
    }
    assert!(plans > 30, "{plans} plans");
}

/// The plan of a model against one with a single other weight.
#[test]
fn the_plan_of_another_model_is_found_out() {
    let plan = plan();
    let random = &mut Random(7);
    let mut found = 0;
    const CHANGES: usize = 20;
    for _ in 0..CHANGES {
        let mut changed = parts(&MODEL);
        let layer = random.below(changed.layers.len() as u64) as usize;
        let weights = &mut changed.layers[layer].feed_forward_out;
        let used: Vec<usize> = (0..weights.len()).filter(|&at| weights[at] != 0.0).collect();
        weights[used[random.below(used.len() as u64) as usize]] *= 3.0;
        let changed = Model::new(changed).unwrap();
        let agreement = compared(&changed, &plan, walks(100, 5));
        if let Some(difference) = agreement.difference {
            assert_ne!(difference.planned, difference.reference);
            assert!(difference.history.len() <= agreement.longest);
            found += 1;
        }
    }
    // Most weights are for few of the instructions, and a walk meets few of these.
    assert!(found >= CHANGES / 8, "{found} of {CHANGES} changed weights");
}
