//! Random programs: oracle and model agree on every token, however heads are
//! computed.

mod common;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use common::generated;
use common::programs::{Source, source};
use hardmax::engine::{Attention, EngineError};
use hardmax::linalg::Kernel;
use hardmax::machine::{Op, Symbol};
use hardmax::model::Model;
use hardmax::oracle;
use hardmax::plan::{Plan, Refusal};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

static MODEL: LazyLock<Model> = LazyLock::new(common::model);

static PLAN: LazyLock<Result<Plan, Refusal>> = LazyLock::new(|| common::plan(&MODEL));

/// Traces are compared up to here by the plan,
const LONG: u64 = 20_000;

/// and by the reference up to here.
const LIMIT: u64 = 1_500;

/// A scan over all positions takes long, and is compared up to here.
const BRUTE_LIMIT: u64 = 300;

fn names(symbols: &[Symbol]) -> Vec<String> {
    symbols.iter().map(Symbol::to_string).collect()
}

fn generates_what_the_oracle_writes(
    source: &Source,
    attention: Attention,
    limit: u64,
) -> Result<(), TestCaseError> {
    let program = source.program();
    let prompt = program.prompt();
    let (expected, _) = oracle::trace(&program, limit).unwrap();
    for &kernel in Kernel::ALL {
        let got = generated(&MODEL, &prompt, attention, kernel, limit).unwrap();
        prop_assert_eq!(names(&got), names(&expected), "{:?} {}", attention, kernel);
    }
    Ok(())
}

fn by_plan_generates_what_the_oracle_writes(source: &Source) -> Result<(), TestCaseError> {
    let program = source.program();
    let (expected, _) = oracle::trace(&program, LONG).unwrap();
    let got = common::generated_by_plan(&MODEL, &PLAN, &program.prompt(), LONG);
    prop_assert_eq!(names(&got), names(&expected));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(common::cases(300)))]

    // A test for the plan and for each way to compute heads, so that they run side by side.

    #[test]
    fn by_the_plan_the_model_generates_what_the_oracle_writes(source in source(false)) {
        by_plan_generates_what_the_oracle_writes(&source)?;
    }

    #[test]
    fn by_the_plan_the_model_is_exact_at_addresses_near_the_end_of_memory(source in source(true)) {
        by_plan_generates_what_the_oracle_writes(&source)?;
    }

    #[test]
    fn by_head_kinds_the_model_generates_what_the_oracle_writes(source in source(false)) {
        generates_what_the_oracle_writes(&source, Attention::Kinds, LIMIT)?;
    }

    #[test]
    fn by_hulls_the_model_generates_what_the_oracle_writes(source in source(false)) {
        generates_what_the_oracle_writes(&source, Attention::Hull, LIMIT)?;
    }

    #[test]
    fn by_scans_the_model_generates_what_the_oracle_writes(source in source(false)) {
        generates_what_the_oracle_writes(&source, Attention::Brute, BRUTE_LIMIT)?;
    }

    /// Beyond 2²⁶ a hull cannot tell neighbouring addresses apart: it must refuse,
    /// and never be wrong.
    #[test]
    fn at_addresses_near_the_end_of_memory_kinds_are_exact_and_a_hull_refuses(source in source(true)) {
        let program = source.program();
        let prompt = program.prompt();
        let (expected, _) = oracle::trace(&program, LIMIT).unwrap();
        let kernel = Kernel::preferred();
        let got = generated(&MODEL, &prompt, Attention::Kinds, kernel, LIMIT).unwrap();
        prop_assert_eq!(names(&got), names(&expected));
        match generated(&MODEL, &prompt, Attention::Hull, kernel, LIMIT) {
            Ok(got) => prop_assert_eq!(names(&got), names(&expected)),
            Err(error) => {
                let refused = matches!(error, EngineError::Inexact { .. });
                prop_assert!(refused, "{}", error)
            }
        }
    }
}

/// The generator is worth something only if it reaches everything.
#[test]
fn random_programs_execute_every_instruction() {
    let mut runner = TestRunner::deterministic();
    let mut executed = BTreeSet::new();
    let mut ends = BTreeSet::new();
    for _ in 0..300 {
        let source = source(false).new_tree(&mut runner).unwrap().current();
        let program = source.program();
        executed.extend(program.code().iter().map(|instruction| instruction.op));
        ends.extend(oracle::trace(&program, LIMIT).unwrap().0);
    }
    assert_eq!(executed, Op::ALL.iter().copied().collect());
    for needed in [
        Symbol::BranchTaken,
        Symbol::CallCommit,
        Symbol::ReturnCommit,
        Symbol::MemoryCommit,
        Symbol::Marked(255),
    ] {
        assert!(ends.contains(&needed), "{needed} never occurs");
    }
}
