//! The model in the repository is the one that the code builds.

mod common;

use std::process::Command;

use hardmax::cli::build_model;
use hardmax::model::Model;

fn bundled() -> &'static [u8] {
    include_bytes!("../models/wasm32.bin")
}

#[test]
fn building_the_model_gives_the_bytes_of_the_repository() {
    let built = Model::new(build_model().parts).unwrap().to_bytes();
    assert!(built == bundled(), "models/wasm32.bin is stale: hardmax build -o models/wasm32.bin");
}

#[test]
fn two_processes_build_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.bin", "b.bin"] {
        let path = folder.path().join(name);
        let mut build = Command::new(env!("CARGO_BIN_EXE_hardmax"));
        assert!(build.args(["build", "--output"]).arg(&path).status().unwrap().success());
        assert!(std::fs::read(&path).unwrap() == bundled());
    }
}

/// Width is paid for by every token.
#[test]
fn the_model_is_as_narrow_and_flat_as_promised() {
    let shape = common::model().shape();
    let promised = shape.layers <= 6 && shape.width <= 48 && shape.units <= 77;
    assert!(promised, "{shape:?}");
}
