//! The programs in the binary: their token programs are those of their modules,
//! and oracle, model and another WebAssembly engine agree on what they do.

mod common;

use std::path::Path;

use hardmax::cli::{BundledProgram, bundled_programs};
use hardmax::engine::Attention;
use hardmax::linalg::Kernel;
use hardmax::machine::Symbol;
use hardmax::oracle::{self, Stopped};
use hardmax::program::{Program, text};
use hardmax::wasm::{self, Options};

/// More than any of these runs needs.
const TOKENS: u64 = 50_000_000;

/// Inputs that every program must answer, if only by an error.
const ANY: [&str; 6] = ["", "3", "12 7 5", "-1", "nonsense @#", "99999999999999999999"];

/// Inputs that mean something to one of them.
const OWN: [(&str, &str); 14] = [
    ("hello", "transformer\n"),
    ("addition", "99999 + 1"),
    ("collatz", "97"),
    (
        "sudoku",
        "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79 unique",
    ),
    ("sudoku", "55..............................................................................."),
    ("queens", "6"),
    ("maze", "##### #S.E# #####"),
    ("life", "2\n.#.\n.#.\n.#."),
    ("quicksort", "3,1,-2,2147483647,-2147483648,3"),
    ("rpn", "-2147483648 -1 / 7 -2 % 0 /"),
    ("roman", "IV 12 mcmxcix IIII 4000"),
    ("sha256", "abc"),
    ("brainfuck", ",[.,]!echo"),
    ("min_cost_matching", "4 1 3; 2 0 5; 3 2 2"),
];

/// The beginnings of these run through the reference, which takes its time.
const BY_THE_REFERENCE: [&str; 4] = ["hello", "brainfuck", "crc32", "queens"];

/// So many tokens are a beginning.
const BEGINNING: u64 = 3_000;

fn compiled(bundled: &BundledProgram, input: &str) -> Program {
    let compiled = wasm::compile(bundled.wasm, &Options::default()).unwrap();
    compiled.with_input(input.as_bytes()).unwrap()
}

/// What wasmi makes of `compute`, with the input where the compiler puts it.
fn interpret(bundled: &BundledProgram, input: &str) -> Vec<u8> {
    use wasmi::{Caller, Engine, Linker, Module, Store, Val};
    let engine = Engine::default();
    let module = Module::new(&engine, bundled.wasm).unwrap();
    let mut store = Store::new(&engine, Vec::<u8>::new());
    let mut linker = Linker::new(&engine);
    let output_byte = |mut caller: Caller<Vec<u8>>, value: i32| caller.data_mut().push(value as u8);
    linker.func_wrap("env", "output_byte", output_byte).unwrap();
    let instance = linker.instantiate_and_start(&mut store, &module).unwrap();
    let memory = instance.get_memory(&store, "memory").unwrap();
    let room = wasm::compile(bundled.wasm, &Options::default()).unwrap().input.unwrap();
    let end = u64::from(room.address) + u64::from(room.capacity) + 1;
    let pages = end.div_ceil(65536).saturating_sub(memory.size(&store));
    memory.grow(&mut store, pages).unwrap();
    memory.write(&mut store, room.address as usize, input.as_bytes()).unwrap();
    let compute = instance.get_func(&store, "compute").unwrap();
    compute.call(&mut store, &[Val::I32(room.address.cast_signed())], &mut []).unwrap();
    store.data().clone()
}

#[test]
fn token_programs_are_those_of_the_modules() {
    for bundled in bundled_programs() {
        let program = compiled(bundled, &bundled.input);
        let path = format!("{}/programs/{}.txt", env!("CARGO_MANIFEST_DIR"), bundled.name);
        let file = std::fs::read_to_string(&path).unwrap();
        assert!(
            file == text::write_program(&program),
            "{path} is out of date: cargo run -- compile {0} --output programs/{0}.txt",
            bundled.name
        );
    }
}

#[test]
fn the_oracle_writes_what_another_engine_writes() {
    for bundled in bundled_programs() {
        let own = OWN.iter().filter(|own| own.0 == bundled.name).map(|own| own.1);
        for input in [bundled.input.as_str()].into_iter().chain(ANY).chain(own) {
            let mut output = Vec::new();
            let program = compiled(bundled, input);
            let stopped = oracle::execute(&program, TOKENS, |token| {
                output.extend(oracle::output(&[token]));
            });
            assert_eq!(stopped, Ok(Stopped::Halted), "{} {input:?}", bundled.name);
            let [got, expected] = [output, interpret(bundled, input)]
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            assert_eq!(got, expected, "{} {input:?}", bundled.name);
        }
    }
}

#[test]
fn the_plan_generates_what_the_oracle_writes_to_the_end() {
    let model = common::model();
    let plan = common::plan(&model);
    for bundled in bundled_programs() {
        let program = compiled(bundled, &bundled.input);
        let (expected, _) = oracle::trace(&program, TOKENS).unwrap();
        let got = common::generated_by_plan(&model, &plan, &program.prompt(), TOKENS);
        same(bundled, &got, &expected);
    }
}

#[test]
fn the_reference_generates_what_the_oracle_writes() {
    let model = common::model();
    let chosen = |bundled: &&BundledProgram| BY_THE_REFERENCE.contains(&bundled.name.as_str());
    for bundled in bundled_programs().iter().filter(chosen) {
        let program = compiled(bundled, &bundled.input);
        let (expected, _) = oracle::trace(&program, BEGINNING).unwrap();
        let (kernel, prompt) = (Kernel::preferred(), program.prompt());
        for attention in [Attention::Kinds, Attention::Hull] {
            let got = common::generated(&model, &prompt, attention, kernel, BEGINNING).unwrap();
            same(bundled, &got, &expected);
        }
    }
}

fn same(bundled: &BundledProgram, got: &[Symbol], expected: &[Symbol]) {
    let parting = got.iter().zip(expected).position(|(got, expected)| got != expected);
    assert_eq!(parting, None, "{}", bundled.name);
    assert_eq!(got.len(), expected.len(), "{}", bundled.name);
}

#[test]
fn every_bundled_file_is_in_the_folder_of_programs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs");
    let sources = std::fs::read_dir(folder).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        (path.extension()? == "c").then(|| path.file_stem().unwrap().to_str().unwrap().to_owned())
    });
    let mut sources: Vec<String> = sources.collect();
    let mut names: Vec<String> = bundled_programs().iter().map(|b| b.name.clone()).collect();
    sources.sort();
    names.sort();
    assert_eq!(sources, names);
}
