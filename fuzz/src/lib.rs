//! What the fuzz targets do with their bytes.
//!
//! Each file has one target: a function `check` that takes any bytes, fails by a panic, and says
//! whether they got as far as what is compared: `false` is an input that was refused, as most
//! random ones are. `fuzz_targets/` hands them to libFuzzer. `tests/fuzz_targets.rs` of the main
//! crate includes this file and runs every target over its seeds and over mutations of them, so
//! nothing here may need more than the crates that both have.

#[path = "../../tests/model_file/allocation.rs"]
mod allocation;
mod bundled;
mod bytes;

pub mod binary_traces;
pub mod model_loader;
pub mod plan_agreement;
pub mod seeds;
pub mod text_traces;
pub mod token_programs;
pub mod wasm_modules;
pub mod wat_texts;
pub mod wrong_tokens;

/// A target.
pub struct Target {
    /// Its name, which is also that of its binary and of its folder in `corpus/`.
    pub name: &'static str,
    /// Takes any bytes, and says whether they got as far as what is compared.
    pub check: fn(&[u8]) -> bool,
    /// What a campaign begins with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

macro_rules! targets {
    ($($name:ident)*) => {
        &[$(Target { name: stringify!($name), check: $name::check, seeds: seeds::$name }),*]
    };
}

/// All of them.
pub const TARGETS: &[Target] = targets! {
    model_loader plan_agreement token_programs text_traces binary_traces wasm_modules wat_texts
    wrong_tokens
};
