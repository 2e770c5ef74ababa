//! What several integration tests share.

#![allow(dead_code, reason = "each test uses its part")]

pub mod command;
pub mod programs;

use std::sync::LazyLock;

use hardmax::engine::{Attention, EngineError, Planned, Reference, generate};
use hardmax::linalg::Kernel;
use hardmax::machine::Symbol;
use hardmax::model::{Model, Token};
use hardmax::plan::{Plan, Refusal};
use hardmax::tokenizer::Tokenizer;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Of 1, 2 and 5 threads, on stacks as small as some systems give.
pub static POOLS: LazyLock<Vec<ThreadPool>> = LazyLock::new(|| {
    let pool = |threads| ThreadPoolBuilder::new().num_threads(threads).stack_size(128 << 10);
    [1, 2, 5].map(|threads| pool(threads).build().unwrap()).into()
});

/// The model inside the binary.
pub fn model() -> Model {
    hardmax::cli::default_model().unwrap()
}

/// Its tokens, and what they mean.
static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| Tokenizer::new(model().vocabulary()));

/// The tokens of symbols, in the model inside the binary.
pub fn tokens<'s>(symbols: impl IntoIterator<Item = &'s Symbol>) -> Vec<Token> {
    let token = |&symbol: &Symbol| TOKENIZER.token(symbol).unwrap();
    symbols.into_iter().map(token).collect()
}

/// A number from the environment, if it is there.
pub fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// How many random cases are tried, unless PROPTEST_CASES says so.
pub fn cases(default: u32) -> u32 {
    setting("PROPTEST_CASES", default.into()).try_into().unwrap()
}

/// What the model generates after a prompt, at most `limit` tokens.
pub fn generated(
    model: &Model,
    prompt: &[Symbol],
    attention: Attention,
    kernel: Kernel,
    limit: u64,
) -> Result<Vec<Symbol>, EngineError> {
    let prompt = tokens(prompt);
    let mut engine = Reference::new(model, attention, kernel)?;
    let mut generated = Vec::new();
    let emit = |token: Token| generated.push(TOKENIZER.symbol(token).unwrap());
    generate(&mut engine, &prompt, model.stop(), limit, emit)?;
    Ok(generated)
}

/// The plan of a model for programs.
pub fn plan(model: &Model) -> Result<Plan, Refusal> {
    Plan::new(model, Tokenizer::new(model.vocabulary()).token(Symbol::Open).unwrap())
}

/// What the plan generates after a prompt, at most `limit` tokens, without any fallback.
pub fn generated_by_plan(
    model: &Model,
    plan: &Result<Plan, Refusal>,
    prompt: &[Symbol],
    limit: u64,
) -> Vec<Symbol> {
    let prompt = tokens(prompt);
    let mut engine = Planned::new(model, plan, Attention::Kinds, Kernel::preferred());
    let mut generated = Vec::new();
    let emit = |token: Token| generated.push(TOKENIZER.symbol(token).unwrap());
    generate(&mut engine, &prompt, model.stop(), limit, emit).unwrap();
    assert_eq!(engine.fallback(), None);
    generated
}
