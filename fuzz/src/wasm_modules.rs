//! Modules against an independent engine: compiled and run by the oracle, a module writes the
//! output, traps and leaves the memory that wasmi says.
//!
//! The bytes decide on calls and on a valid module, which is then made one whose accesses meet and
//! whose results matter (`tame`).

use arbitrary::Unstructured;
use hardmax::machine::Symbol;
use hardmax::oracle::{self, Stopped};
use hardmax::wasm::{Entry, Invocation, Options, WasmError, compile};
use wasm_smith::{Config, InstructionKind, InstructionKinds, MemoryOffsetChoices, Module};

#[path = "../../tests/differential/interpreter.rs"]
mod interpreter;
mod tame;

use super::bytes::Bytes;
use interpreter::{Outcome, interpret};

/// Calls and rounds of loops before the program traps.
const FUEL: u32 = 300;

/// Runs that are longer are left undecided.
const TOKENS: u64 = 4_000_000;

/// What every module exports, and how many arguments each function takes.
const EXPORTS: &str = r#"(module
    (func (export "a") (param i32 i32) (result i32) unreachable)
    (func (export "b") (param i32))
    (func (export "c") (result i32 i32) unreachable)
    (memory (export "memory") 1 3))"#;
const CALLS: [(&str, usize); 3] = [("a", 2), ("b", 1), ("c", 0)];

const IMPORTS: &str = r#"(module (import "env" "output_byte" (func (param i32))))"#;

/// The bytes are decisions. Whether a module came of them that compiles and ends.
pub fn check(data: &[u8]) -> bool {
    let mut bytes = Bytes(data);
    let masked = bytes.below(4) != 0;
    let traps = bytes.below(4) == 0;
    let noted = bytes.below(2) == 1;
    let calls: Vec<Invocation> = (0..1 + bytes.below(3))
        .map(|_| {
            let &(export, args) = bytes.choose(&CALLS);
            let args = (0..args).map(|_| argument(&mut bytes).into()).collect();
            Invocation { export: export.into(), args }
        })
        .collect();
    let Some(wasm) = module(bytes.0, traps) else { return false };
    let wasm = tame::tame(&wasm, masked, noted);
    let of = |endless_memory| {
        let entry = Entry::Invoke(calls.clone());
        compile(&wasm, &Options { entry, endless_memory, ..Options::default() })
    };
    let program = match of(false) {
        Ok(compiled) => compiled.program,
        Err(WasmError::Invalid { offset, message }) => panic!("byte {offset}: {message}"),
        Err(_) => return false,
    };
    let (expected, memory) = interpret(&wasm, &calls);
    let mut programs = vec![program];
    if !expected.trapped {
        // All accesses were within memory: without an end of memory it does the same.
        programs.push(of(true).expect("what compiles for other machines").program);
    }
    let mut decided = true;
    for program in programs {
        let mut output = Vec::new();
        let run = oracle::run(&program, TOKENS, |token| {
            if let Symbol::Out(byte) = token {
                output.push(byte);
            }
        });
        let run = run.unwrap_or_else(|error| panic!("{error}"));
        if run.stopped == Stopped::TokenLimit {
            decided = false;
            continue;
        }
        let outcome = Outcome { output, trapped: run.stopped == Stopped::Trapped };
        assert_eq!(outcome, expected, "{calls:?}");
        assert!(outcome.trapped || run.stack.is_empty(), "operands are left");
        let differ = (0..).zip(&memory).find(|&(at, &byte)| run.memory.read(at) != byte);
        assert_eq!(differ, None, "memory");
    }
    decided
}

fn argument(bytes: &mut Bytes) -> i32 {
    match bytes.below(3) {
        0 => bytes.below(8) as i32,
        1 => i32::from(bytes.byte().cast_signed()),
        _ => bytes.word().cast_signed(),
    }
}

/// A module that ends. `traps`: perhaps for other reasons than that it has run for too long.
fn module(data: &[u8], traps: bool) -> Option<Vec<u8>> {
    use InstructionKind::{Control, Memory, Numeric, Parametric, Reference, Table, Variable};
    let kinds = [Control, Memory, Numeric, Parametric, Reference, Table, Variable];
    let config = Config {
        available_imports: Some(wat::parse_str(IMPORTS).unwrap()),
        exports: Some(wat::parse_str(EXPORTS).unwrap()),
        allowed_instructions: InstructionKinds::new(&kinds),
        memory_offset_choices: MemoryOffsetChoices(95, 4, 1),
        allow_floats: true,
        // The specification leaves open which NaN a result is.
        canonicalize_nans: true,
        bulk_memory_enabled: true,
        compact_imports_enabled: false,
        disallow_traps: !traps,
        exceptions_enabled: false,
        gc_enabled: false,
        max_data_segments: 4,
        max_element_segments: 4,
        max_elements: 10,
        max_funcs: 8,
        max_globals: 6,
        // There is the one that is exported.
        max_memories: 0,
        max_memory32_bytes: 3 << 16,
        max_table_elements: 20,
        max_tables: 3,
        memory64_enabled: false,
        reference_types_enabled: true,
        relaxed_simd_enabled: false,
        saturating_float_to_int_enabled: true,
        simd_enabled: false,
        // Where there is no limit, engines have limits of their own.
        table_max_size_required: true,
        tail_call_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        ..Config::default()
    };
    let mut module = Module::new(config, &mut Unstructured::new(data)).ok()?;
    module.ensure_termination(FUEL).expect("functions that were generated");
    Some(module.to_bytes())
}
