//! The model inside the binary, its plan and its tokens: made once.

use std::sync::LazyLock;

use hardmax::machine::Symbol;
use hardmax::model::{Model, Token};
use hardmax::plan::{Plan, Refusal};
use hardmax::tokenizer::Tokenizer;

pub static MODEL: LazyLock<Model> = LazyLock::new(|| hardmax::cli::default_model().unwrap());

pub static PLAN: LazyLock<Result<Plan, Refusal>> =
    LazyLock::new(|| Plan::new(&MODEL, TOKENIZER.token(Symbol::Open).unwrap()));

pub static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| Tokenizer::new(MODEL.vocabulary()));

/// The tokens of symbols, all of which the model has.
pub fn tokens(symbols: &[Symbol]) -> Vec<Token> {
    TOKENIZER.encode(symbols).unwrap()
}
