//! Random modules do the same in the oracle, compiled, as in an interpreter of
//! WebAssembly: output, results, traps, and every byte of memory. The model, by its plan,
//! generates the oracle's trace, token for token.
//!
//! Of half of the modules a table changes. Half make accesses beyond the end of memory; the other half make none, and are also
//! compiled for machines whose memory has no end. All are linked to another module with a memory of its own, too,
//! before it runs or after.
//! `HARDMAX_CASES` says how many there are, `HARDMAX_FIRST_CASE` with which to begin.

mod common;
#[path = "differential/generator.rs"]
mod generator;
#[path = "differential/interpreter.rs"]
mod interpreter;

use std::sync::LazyLock;

use generator::{RUN_PARAMS, Random, module};
use hardmax::machine::Symbol;
use hardmax::model::Model;
use hardmax::oracle::{self, Run, Stopped};
use hardmax::plan::{Plan, Refusal};
use hardmax::wasm::link::{Linked, Sizes, Step, Store};
use hardmax::wasm::{Entry, Invocation, Options, compile};
use interpreter::{Outcome, interpret};

/// More than any module can need that runs out of fuel.
const TOKENS: u64 = 50_000_000;

/// Of one that is linked every access costs some 30 times as many.
const LINKED_TOKENS: u64 = 30 * TOKENS;

/// What modules are linked to, and where their memory then begins.
const NEIGHBOUR: &str = r#"(module (memory 2 2) (data (i32.const 131064) "\ff\ff\ff\ff\ff\ff\ff\ff")
    (func (export "f") (i32.store (i32.const 0) (i32.const -1))))"#;
const BEGIN: i64 = 2 << 16;

static MODEL: LazyLock<Model> = LazyLock::new(common::model);

static PLAN: LazyLock<Result<Plan, Refusal>> = LazyLock::new(|| common::plan(&MODEL));

#[test]
fn random_modules_do_what_an_interpreter_says() {
    let (first, cases) =
        (common::setting("HARDMAX_FIRST_CASE", 0), common::setting("HARDMAX_CASES", 300));
    let (mut trapped, mut tokens, mut outputs) = (0, 0, 0);
    for case in first..first + cases {
        let outcome = check(case, &mut tokens);
        trapped += u64::from(outcome.trapped);
        outputs += u64::from(!outcome.output.is_empty());
    }
    println!("{cases} modules, {trapped} trapped, {outputs} with output, {tokens} tokens");
}

#[test]
fn damaged_modules_compile_or_are_refused() {
    let (first, cases) =
        (common::setting("HARDMAX_FIRST_CASE", 0), common::setting("HARDMAX_CASES", 300));
    let mut compiled = 0;
    for case in first..first + cases {
        let mut random = Random::new(case);
        let mut wasm = wat::parse_str(module(&mut random, true)).unwrap();
        let calls = vec![Invocation { export: "run".into(), args: vec![0.into(); RUN_PARAMS] }];
        for _ in 0..20 {
            let at = random.below(wasm.len());
            let intact = std::mem::replace(&mut wasm[at], random.next() as u8);
            for endless_memory in [false, true] {
                let entry = Entry::Invoke(calls.clone());
                let options = Options { entry, endless_memory, ..Options::default() };
                compiled += u64::from(compile(&wasm, &options).is_ok());
            }
            wasm[at] = intact;
        }
    }
    println!("{} damaged modules, {} compile", 20 * cases, compiled / 2);
}

/// Compares all that one module does.
fn check(case: u64, tokens: &mut u64) -> Outcome {
    let mut random = Random::new(case);
    let wild = case % 2 == 1;
    let text = module(&mut random, wild);
    let wasm = wat::parse_str(&text).unwrap_or_else(|error| panic!("case {case}: {error}\n{text}"));
    let mut calls = Vec::new();
    for _ in 0..2 {
        let args = (0..RUN_PARAMS).map(|_| random.value().into()).collect();
        calls.push(Invocation { export: "run".into(), args });
    }
    let states = if text.contains("(export \"d\")") { 4 } else { 3 };
    let states = ["g0", "g1", "g2", "d"].into_iter().take(states);
    calls.extend(states.map(|export| Invocation { export: export.into(), args: Vec::new() }));
    let (expected, memory) = interpret(&wasm, &calls);
    for endless_memory in [false, true] {
        if wild && endless_memory {
            continue;
        }
        let options =
            Options { entry: Entry::Invoke(calls.clone()), endless_memory, ..Options::default() };
        let compiled =
            compile(&wasm, &options).unwrap_or_else(|error| panic!("case {case}: {error}\n{text}"));
        let (mut output, mut trace) = (Vec::new(), Vec::new());
        let run = oracle::run(&compiled.program, TOKENS, |token| {
            *tokens += 1;
            trace.push(token);
            if let Symbol::Out(byte) = token {
                output.push(byte);
            }
        });
        let run: Run = run.unwrap_or_else(|error| panic!("case {case}: {error}\n{text}"));
        assert_ne!(run.stopped, Stopped::TokenLimit, "case {case}\n{text}");
        // One token more than expected is a difference, too.
        let (prompt, limit) = (compiled.program.prompt(), trace.len() as u64 + 1);
        let generated = common::generated_by_plan(&MODEL, &PLAN, &prompt, limit);
        assert!(generated == trace, "case {case}: other tokens\n{text}");
        let outcome = Outcome { output, trapped: run.stopped == Stopped::Trapped };
        assert_eq!(outcome, expected, "case {case}, {calls:?}\n{text}");
        if !outcome.trapped {
            assert!(run.stack.is_empty(), "case {case}: operands are left\n{text}");
        }
        for (address, &byte) in memory.iter().enumerate() {
            let got = run.memory.read(address as i64);
            assert_eq!(got, byte, "case {case}: memory at {address}\n{text}");
        }
    }
    check_linked(case, &wasm, &calls, (&expected, &memory));
    expected
}

/// The same where its memory is a part behind another; of half of the modules all is written after code has run.
fn check_linked(case: u64, wasm: &[u8], calls: &[Invocation], expected: (&Outcome, &[u8])) {
    let mut store = Store::default();
    let neighbour = store.instantiate(&wat::parse_str(NEIGHBOUR).unwrap(), Sizes::First).unwrap();
    let instance = store.instantiate(wasm, Sizes::First).unwrap();
    let mut steps = vec![Step::Instantiate { instance: neighbour, traps: false }];
    if case / 2 % 2 == 1 {
        let export = "f".to_owned();
        steps.push(Step::Invoke { instance: neighbour, export, args: Vec::new() });
    }
    steps.push(Step::Instantiate { instance, traps: false });
    steps.extend(calls.iter().cloned().map(|Invocation { export, args }| Step::Invoke {
        instance,
        export,
        args,
    }));
    let Linked { wasm, calls } = store.program(&steps, None).unwrap();
    let options = Options { entry: Entry::Invoke(calls), ..Options::default() };
    let program = compile(&wasm, &options).unwrap().program;
    let mut output = Vec::new();
    let run = oracle::run(&program, LINKED_TOKENS, |token| {
        if let Symbol::Out(byte) = token {
            output.push(byte);
        }
    });
    let run = run.unwrap_or_else(|error| panic!("case {case}, linked: {error}"));
    assert_ne!(run.stopped, Stopped::TokenLimit, "case {case}, linked");
    let outcome = Outcome { output, trapped: run.stopped == Stopped::Trapped };
    assert_eq!((&outcome, case), (expected.0, case), "linked");
    for (address, &byte) in expected.1.iter().enumerate() {
        let got = run.memory.read(BEGIN + address as i64);
        assert_eq!(got, byte, "case {case}, linked: memory at {address}");
    }
    assert_eq!(run.memory.read(BEGIN - 1), 0xff, "case {case}, linked: the neighbour's memory");
}
