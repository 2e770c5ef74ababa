//! What the binary carries with it.

use crate::machine::{HALT, Symbol, graph};
use crate::model::{Model, ModelError, Token};
use crate::weights;

/// The model of `models/wasm32.bin`.
static DEFAULT_MODEL: &[u8] = include_bytes!("../../models/wasm32.bin");

/// The model inside the binary.
pub fn default_model() -> Result<Model, ModelError> {
    Model::from_bytes(DEFAULT_MODEL)
}

/// What `hardmax build` makes, and `models/wasm32.bin` was made of.
pub fn build_model() -> weights::Build {
    let names = Symbol::all().iter().map(Symbol::to_string).collect();
    weights::build(&graph::machine(), names, Token(HALT.id()))
}
