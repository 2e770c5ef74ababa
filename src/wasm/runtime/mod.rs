//! What the machine has no instruction for and the compiler writes no code for in place: most of
//! i64, and all of floats, whose values are their bits.
//!
//! It is a module of WebAssembly, compiled by this compiler like any other, and only what a program
//! uses. Each export has the name of the instruction that it is. Its source is in C, beside this
//! file, and `programs/build.sh` makes the module of it.

use std::sync::LazyLock;

use wasmparser::ExternalKind;

use super::module::{Module, read_runtime};

static BYTES: &[u8] = include_bytes!("runtime.wasm");

/// The module.
pub static RUNTIME: LazyLock<Module<'static>> =
    LazyLock::new(|| read_runtime(BYTES).expect("tests read the same bytes"));

/// The function that is this instruction, by its name.
pub fn function(name: &str) -> Option<u32> {
    match RUNTIME.exports.get(name) {
        Some(&(ExternalKind::Func, function)) => Some(function),
        _ => None,
    }
}

/// A function that is there.
pub fn known(name: &str) -> u32 {
    function(name).expect("tests look for all that the compiler names")
}

/// What to call a function in listings.
pub fn name(function: u32) -> String {
    let named = |export: &(&String, &(ExternalKind, u32))| export.1 == &(ExternalKind::Func, function);
    match RUNTIME.exports.iter().find(named) {
        Some((name, _)) => name.clone(),
        None => RUNTIME.function_name(function),
    }
}
