//! What benches run: bundled programs by the bundled model.

use hardmax::cli::{BundledProgram, bundled_programs};
use hardmax::model::Model;
use hardmax::program::Program;
use hardmax::wasm::{self, Options};

/// The model, and the programs whose names the command line has, or these of the bundled ones.
pub fn model_and_programs(default: &[&str]) -> (Model, Vec<(String, Program)>) {
    // cargo passes flags of its own.
    let named: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let model = Model::from_bytes(&include_bytes!("../../models/wasm32.bin")[..]);
    let is_asked_for = |name: &str| match named.as_slice() {
        [] => default.contains(&name),
        named => named.iter().any(|named| named == name),
    };
    let mut programs = bundled();
    programs.retain(|(name, _)| is_asked_for(name));
    (model.expect("bundled"), programs)
}

/// How often each is run.
pub fn runs() -> usize {
    let runs = std::env::var("HARDMAX_BENCH_RUNS");
    runs.map_or(5, |runs| runs.parse().expect("HARDMAX_BENCH_RUNS is a number"))
}

/// The median of some rates, which are put into order.
pub fn median(rates: &mut [f64]) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// The programs in the binary, with their default inputs.
fn bundled() -> Vec<(String, Program)> {
    let compiled = |bundled: &BundledProgram| {
        let compiled = wasm::compile(bundled.wasm, &Options::default()).expect("bundled");
        let program = compiled.with_input(bundled.input.as_bytes()).expect("a default input");
        (bundled.name.clone(), program)
    };
    bundled_programs().iter().map(compiled).collect()
}
