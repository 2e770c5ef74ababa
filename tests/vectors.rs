//! The conformance vectors: every road gives exactly the reference trace.

use hardmax::{oracle, program::text};
use std::path::PathBuf;

/// Program and reference trace of every vector: the small ones beside this file
/// and, where `HARDMAX_VECTORS` names their folder, the published ones.
fn vectors() -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors"))];
    folders.extend(std::env::var_os("HARDMAX_VECTORS").map(PathBuf::from));
    let mut vectors = Vec::new();
    for folder in folders {
        let mut names: Vec<String> = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
            .filter_map(|name| Some(name.strip_suffix("_ref.txt")?.to_owned()))
            .collect();
        names.sort();
        assert!(!names.is_empty(), "no vectors in {}", folder.display());
        for name in names {
            let read = |suffix| std::fs::read(folder.join(format!("{name}{suffix}"))).unwrap();
            vectors.push((name.clone(), read(".txt"), read("_ref.txt")));
        }
    }
    vectors
}

#[test]
fn the_oracle_writes_the_reference_traces_letter_for_letter() {
    for (name, program, reference) in vectors() {
        let program = text::parse_program(&program).unwrap();
        let (tokens, _) = oracle::trace(&program, u64::MAX).unwrap();
        let reference = String::from_utf8(reference).unwrap();
        assert_eq!(text::write_trace(&program, &tokens), reference, "{name}");
    }
}
