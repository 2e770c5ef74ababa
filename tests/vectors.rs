//! The conformance vectors: every engine gives exactly the reference trace.

mod common;

use hardmax::attention::memory;
use hardmax::engine::Attention;
use hardmax::graph::evaluate::Evaluation;
use hardmax::linalg::Kernel;
use hardmax::machine::Symbol;
use hardmax::oracle;
use hardmax::program::{Prompt, text};
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
        assert_eq!(text::write_trace(&Prompt::Program(program), &tokens), reference, "{name}");
    }
}

#[test]
fn the_graph_predicts_every_token_of_the_reference_traces() {
    let graph = hardmax::machine::graph::machine();
    for (name, _, reference) in vectors() {
        let trace = text::parse_trace(&reference).unwrap();
        let prompt = trace.prompt.symbols();
        let mut evaluation = Evaluation::new(&graph, memory).unwrap();
        let tokens: Vec<Symbol> = prompt.iter().chain(&trace.generated).copied().collect();
        for (at, &token) in tokens.iter().enumerate() {
            if at >= prompt.len() {
                let next = Symbol::all()[evaluation.next_token()];
                assert_eq!(next.to_string(), token.to_string(), "{name}, position {at}");
            }
            evaluation.step(token.id() as usize).unwrap();
        }
    }
}

/// The model generates the reference traces, with every kernel.
fn generates_the_reference_traces(attention: Attention) {
    let model = common::model();
    for (name, _, reference) in vectors() {
        let trace = text::parse_trace(&reference).unwrap();
        let prompt = trace.prompt.symbols();
        for &kernel in Kernel::ALL {
            let generated =
                common::generated(&model, &prompt, attention, kernel, u64::MAX).unwrap();
            assert_eq!(
                text::write_trace(&trace.prompt, &generated),
                text::write_trace(&trace.prompt, &trace.generated),
                "{name}, {attention:?}, {kernel}"
            );
        }
    }
}

// A test for each, so that they run side by side.
#[test]
fn the_model_generates_the_reference_traces_by_hulls() {
    generates_the_reference_traces(Attention::Hull);
}

#[test]
fn the_model_generates_the_reference_traces_by_scans() {
    generates_the_reference_traces(Attention::Brute);
}

#[test]
fn the_model_generates_the_reference_traces_by_head_kinds() {
    generates_the_reference_traces(Attention::Kinds);
}
