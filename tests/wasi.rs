//! Programs of WASI do what an independent engine makes of them, with functions that are written once more
//! (`wasi/host.rs`): their output, memory and exit code.

#[path = "wasi/c.rs"]
mod c;
#[path = "wasi/calls.rs"]
mod calls;
mod common;
#[path = "wasi/host.rs"]
mod host;

use std::collections::BTreeSet;

use calls::Random;
use common::command::{at, file, hardmax, json, prints, refused, says};
use hardmax::oracle::{self, Stopped};
use hardmax::program::Program;
use hardmax::wasm::wasi::{EXIT_TOKENS, Given, exit_code};
use hardmax::wasm::{Entry, Options, compile, entry_of};
use host::{FUNCTIONS, Outcome, interpret};

/// More than any of the programs needs.
const TOKENS: u64 = 100_000_000;

/// Pairs of a function and an error of it.
const ERRORS: usize = 67;

const ECHO: &str = include_str!("wasi/echo.wat");

fn program(wasm: &[u8], given: &Given, endless_memory: bool) -> Program {
    let options = Options { entry: Entry::Start, endless_memory, ..Options::default() };
    compile(wasm, &options).unwrap().with_input(&given.payload()).unwrap()
}

/// What the oracle makes of a program.
fn outcome(program: &Program) -> Outcome {
    let (trace, stopped) = oracle::trace(program, TOKENS).unwrap();
    assert_ne!(stopped, Stopped::TokenLimit);
    let last = &trace[trace.len().saturating_sub(EXIT_TOKENS)..];
    Outcome { output: oracle::output(&trace), exit_code: exit_code(last) }
}

fn given(arguments: &[&str], environment: &[&str], input: &str) -> Given {
    let bytes =
        |strings: &[&str]| strings.iter().map(|string| string.as_bytes().to_vec()).collect();
    Given {
        arguments: bytes(arguments),
        environment: bytes(environment),
        input: input.as_bytes().to_vec(),
    }
}

#[test]
fn random_calls_do_what_they_do_elsewhere() {
    let (first, cases) =
        (common::setting("HARDMAX_FIRST_CASE", 0), common::setting("HARDMAX_CASES", 400));
    let (mut exits, mut bytes, mut errors) = (0, 0, BTreeSet::new());
    for case in first..first + cases {
        let mut random = Random(fastrand::Rng::with_seed(case));
        let (text, given) = (random.module(), random.given());
        let wasm = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let (expected, said) = interpret(&wasm, &given);
        errors.extend(said);
        for endless_memory in [false, true] {
            let found = outcome(&program(&wasm, &given, endless_memory));
            assert!(found == expected, "case {case}: {given:?}\n{text}\n{found:?}\n{expected:?}");
        }
        exits += u32::from(expected.exit_code.is_some());
        bytes += expected.output.len();
    }
    println!("{cases} programs, {exits} end by an exit code, {bytes} bytes of output: {errors:?}");
    // What every function can say is said by some program, where there are enough.
    assert!(cases < 400 || (exits > 200 && errors.len() == ERRORS), "{}", errors.len());
}

#[test]
fn the_model_does_what_the_oracle_does() {
    let model = common::model();
    let plan = common::plan(&model);
    for case in 0..12 {
        let mut random = Random(fastrand::Rng::with_seed(case));
        let (wasm, given) = (wat::parse_str(random.module()).unwrap(), random.given());
        let program = program(&wasm, &given, false);
        let (expected, _) = oracle::trace(&program, TOKENS).unwrap();
        let generated = common::generated_by_plan(&model, &plan, &program.prompt(), TOKENS);
        assert!(generated == expected, "case {case}");
    }
}

#[test]
fn a_function_of_another_type_is_refused_and_one_that_is_none_traps() {
    let module = |import: &str| {
        let text = format!(
            "(module (import {import} (param i32)))
                (memory 1) (func (export \"_start\") (call $f (i32.const 1))))"
        );
        wat::parse_str(text).unwrap()
    };
    let options = Options { entry: Entry::Start, ..Options::default() };
    let refused = |import: &str| compile(&module(import), &options).unwrap_err().to_string();
    let error = refused("\"wasi_snapshot_preview1\" \"fd_close\" (func $f");
    let said =
        "wasi_snapshot_preview1.fd_close is imported as (i32) -> (), but it is (i32) -> (i32)";
    assert!(error.contains(said), "{error}");
    let error = refused("\"wasi_snapshot_preview1\" \"fd_flush\" (func $f");
    assert!(error.contains("import wasi_snapshot_preview1.fd_flush"), "{error}");
    let lenient = Options { strict: false, ..options };
    let compiled =
        compile(&module("\"wasi_snapshot_preview1\" \"fd_flush\" (func $f"), &lenient).unwrap();
    assert_eq!(compiled.warnings.len(), 1);
    assert_eq!(oracle::trace(&compiled.program, TOKENS).unwrap().1, Stopped::Trapped);
}

/// Where nothing is given, nothing is there: not even the program's name.
#[test]
fn without_a_payload_and_without_memory_functions_say_so() {
    let call = |name: &str, params: &str| {
        let params =
            params.chars().map(|ty| if ty == 'i' { "(i32.const 0)" } else { "(i64.const 0)" });
        format!("(call $out (call ${name} {}))", params.collect::<String>())
    };
    let mut text = String::from("(module (import \"env\" \"output_byte\" (func $out (param i32)))");
    let functions = FUNCTIONS.into_iter().filter(|function| function.0 != "proc_exit");
    for (name, params) in functions.clone() {
        let params = params.replace('i', "i32 ").replace('I', "i64 ");
        text += &format!(
            "(import \"wasi_snapshot_preview1\" \"{name}\" (func ${name} (param {params}) (result i32)))"
        );
    }
    let calls: String = functions.map(|(name, params)| call(name, params)).collect();
    text += &format!("(func (export \"_start\") {calls}))");
    let wasm = wat::parse_str(text).unwrap();
    let options = Options { entry: Entry::Start, ..Options::default() };
    let program = compile(&wasm, &options).unwrap().program;
    assert_eq!(outcome(&program), interpret(&wasm, &Given::default()).0);
}

#[test]
fn globals_beyond_what_a_payload_begins_with_are_refused_where_they_lie_there() {
    let module = |globals: usize, memory: &str| {
        let globals = "(global (mut i64) (i64.const 1))".repeat(globals);
        let text = format!(
            "(module {memory} {globals} (func (export \"_start\")
                (drop (memory.grow (i32.const 1)))))"
        );
        wat::parse_str(text).unwrap()
    };
    let options =
        |endless_memory| Options { entry: Entry::Start, endless_memory, ..Options::default() };
    let compiled = |globals, memory| compile(&module(globals, memory), &options(true));
    assert!(compiled(28, "(memory 1)").is_ok());
    let error = compiled(29, "(memory 1)").unwrap_err().to_string();
    assert!(error.contains("globals of 232 bytes"), "{error}");
    assert!(compiled(100, "(memory 1 1)").is_ok());
    assert!(compile(&module(100, "(memory 1)"), &options(false)).is_ok());
}

#[test]
fn compute_comes_before_start() {
    let exports = |names: &[&str]| {
        let functions: String =
            names.iter().map(|name| format!("(func (export \"{name}\"))")).collect();
        entry_of(&wat::parse_str(format!("(module {functions})")).unwrap())
    };
    assert_eq!(exports(&["_start"]), Entry::Start);
    assert_eq!(exports(&["_start", "compute"]), Entry::Compute);
    assert_eq!(exports(&["f"]), Entry::Compute);
    assert_eq!(entry_of(b"no module"), Entry::Compute);
}

#[test]
fn a_library_is_initialized_before_what_is_invoked() {
    let wasm = wat::parse_str(
        "(module (global $g (mut i32) (i32.const 1))
            (func (export \"_initialize\") (global.set $g (i32.const 5)))
            (func (export \"get\") (result i32) (global.get $g)))",
    );
    let program = compile(&wasm.unwrap(), &Options::invoke("get", &[])).unwrap().program;
    assert_eq!(oracle::output(&oracle::trace(&program, TOKENS).unwrap().0), b"5\n");
}

/// AssemblyScript's strings are UTF-16 behind their length.
#[test]
fn abort_of_assemblyscript_writes_its_message_and_traps() {
    let text = |string: &str| {
        let units: Vec<u8> = string.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let bytes = (units.len() as u32).to_le_bytes().into_iter().chain(units);
        bytes.map(|byte| format!("\\{byte:02x}")).collect::<String>()
    };
    let (message, name) = (text("é 𝄞 €"), text("a.ts"));
    let wasm = wat::parse_str(format!(
        "(module (import \"env\" \"abort\" (func $abort (param i32 i32 i32 i32)))
            (memory 1) (data (i32.const 12) \"{message}\") (data (i32.const 96) \"{name}\")
            (func (export \"compute\") (param i32)
                (call $abort (i32.const 16) (i32.const 100) (i32.const 120) (i32.const 7))))"
    ));
    let program = compile(&wasm.unwrap(), &Options::default()).unwrap().program;
    let (trace, stopped) = oracle::trace(&program, TOKENS).unwrap();
    assert_eq!(stopped, Stopped::Trapped);
    assert_eq!(String::from_utf8(oracle::output(&trace)).unwrap(), "abort: é 𝄞 € in a.ts(120:7)\n");
}

#[test]
fn echo_is_given_what_the_command_line_says() {
    let (folder, path) = file("echo.wat", ECHO);
    let model = at(&folder, "echo.bin");
    let expected = "echo\nx\n-y\nA=1\nB=\nso it is";
    fn with<'a>(command: &[&'a str]) -> Vec<&'a str> {
        let given = ["--env", "A=1", "--env", "B=", "--args", "so it is", "--", "x", "-y"];
        [command, &given].concat()
    }
    assert_eq!(prints(0, &mut hardmax(&with(&["oracle", &path]))), expected);
    let report = json(0, &with(&["run", &path]));
    assert_eq!((&report["output"], &report["exit_code"]), (&expected.into(), &0.into()));
    assert_eq!(report["verify"]["mismatches"], 0);
    hardmax(&["specialise", &path, "-o", &model]).assert().code(0);
    assert_eq!(json(0, &with(&["run", "--model", &model]))["output"], expected);
    // A pipe is read once.
    if cfg!(unix) {
        let mut piped = hardmax(&["oracle", &path, "--input", "/dev/stdin"]);
        assert_eq!(prints(0, piped.write_stdin("from a pipe")), "echo\nfrom a pipe");
    }
    // A token program has what it was compiled with.
    let tokens = at(&folder, "tokens.txt");
    hardmax(&with(&["compile", &path, "-o", &tokens])).assert().code(0);
    assert_eq!(prints(0, &mut hardmax(&["oracle", &tokens])), expected);
}

#[test]
fn an_exit_code_is_reported_and_the_process_ends_by_3() {
    let (_folder, path) = file("echo.wat", ECHO);
    for command in ["oracle", "run"] {
        let error = says(3, &mut hardmax(&[command, &path]));
        assert!(error.contains("echo.wat: exited with code 7 after"), "{error}");
        assert_eq!(json(3, &[command, &path])["exit_code"], 7);
    }
    assert!(json(0, &["oracle", "hello"])["exit_code"].is_null());
    let stopped = json(1, &["oracle", &path, "--max-tokens", "100"]);
    assert!(stopped["exit_code"].is_null());
}

#[test]
fn what_only_programs_of_wasi_take_is_refused_elsewhere() {
    let (_folder, path) = file("echo.wat", ECHO);
    let error = refused(&["oracle", "hello", "--env", "A=1"]);
    assert!(error.contains("--env is for programs of WASI"), "{error}");
    let error = refused(&["run", "hello", "--", "a"]);
    assert!(error.contains("-- ARG... is for programs of WASI"), "{error}");
    let error = refused(&["run", "tests/vectors/reverse.txt", "--", "a"]);
    assert!(error.contains("-- ARG... needs a module"), "{error}");
    let error = refused(&["run", &path, "--env", "A"]);
    assert!(error.contains("NAME=VALUE"), "{error}");
    let error = refused(&["run", &path, "-O3"]);
    assert!(error.contains("-O is for C"), "{error}");
}
