//! What the binary carries with it.

use crate::machine::{HALT, Op, Symbol, graph};
use crate::model::{Model, ModelError};
use crate::tokenizer::Tokenizer;
use crate::weights;

/// The model of `models/wasm32.bin`.
static DEFAULT_MODEL: &[u8] = include_bytes!("../../models/wasm32.bin");

/// The model inside the binary.
pub fn default_model() -> Result<Model, ModelError> {
    Model::from_bytes(DEFAULT_MODEL)
}

/// What `hardmax build` makes, and `models/wasm32.bin` was made of.
pub fn build_model() -> weights::Build {
    let names: Vec<String> = Symbol::with_program().iter().map(Symbol::to_string).collect();
    let tokenizer = Tokenizer::of_names(names.iter().map(String::as_str));
    let stop = tokenizer.token(HALT).expect("these are the names of all symbols");
    weights::build(&graph::machine(), names, stop)
}

/// What `hardmax build --style` makes: a machine of these instructions in the style of others.
pub fn build_in(style: &weights::Style, ops: &[Op]) -> weights::Build {
    weights::build_in(
        style,
        &graph::machine_of(ops, style.locals),
        Symbol::names(ops),
        &HALT.to_string(),
    )
}
