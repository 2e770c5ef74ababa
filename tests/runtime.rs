//! The runtime that is linked into programs is what its sources in `src/wasm/runtime/` make.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use wasmparser::{KnownCustom, Parser, Payload};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/wasm/runtime");

/// The names that a module exports, and what made it, with versions.
fn exports_and_makers(wasm: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut exports, mut makers) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.unwrap() {
            Payload::ExportSection(section) => {
                exports.extend(section.into_iter().map(|export| export.unwrap().name.to_owned()));
            }
            Payload::CustomSection(section) => {
                let KnownCustom::Producers(fields) = section.as_known() else { continue };
                for field in fields {
                    for value in field.unwrap().values {
                        let value = value.unwrap();
                        makers.push(format!("{} {}", value.name, value.version));
                    }
                }
            }
            _ => {}
        }
    }
    (exports, makers)
}

/// Another clang may make other code of the same sources, but nothing else.
#[test]
fn the_module_is_what_its_sources_make() {
    if !common::command::clang() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let built = Command::new(Path::new(FOLDER).join("build.sh")).env("OUT", folder.path()).status();
    assert!(built.unwrap().success());
    let made = fs::read(folder.path().join("runtime.wasm")).unwrap();
    let kept = fs::read(Path::new(FOLDER).join("runtime.wasm")).unwrap();
    let [(names, by), (kept_names, kept_by)] = [&made, &kept].map(|wasm| exports_and_makers(wasm));
    assert_eq!(names, kept_names);
    assert!(!kept_by.is_empty());
    if by == kept_by {
        assert!(made == kept, "src/wasm/runtime/build.sh makes another module of {by:?}");
    } else {
        eprintln!("code is not compared: {by:?} here, {kept_by:?} there");
    }
}
