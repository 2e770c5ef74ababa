//! What can be run, and how its input is given: bundled programs, C, WebAssembly
//! and token programs.

use std::fs;
use std::path::Path;

use crate::common::command::{at, clang, file, hardmax, json, prints, refused, says};

/// Runs by the oracle to exit code 0 and returns the output.
fn output(arguments: &[&str]) -> String {
    prints(0, hardmax(&["oracle"]).args(arguments))
}

/// Exports for the tests of calls.
const MODULE: &str = r#"(module (memory 1)
    (func (export "sum") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
    (func (export "both") (param i32) (result i32 i32) local.get 0 i32.const 0 local.get 0 i32.sub)
    (func (export "peek") (param i32) (result i32) local.get 0 i32.load)
    (func (export "stop") unreachable))"#;

/// What takes from an empty stack halts all the same: by the model, which has no empty stack.
#[test]
fn a_token_program_that_no_machine_would_run_is_called_ill_formed() {
    for (program, problem) in [
        ("i32.add 00 00 00 00 halt 00 00 00 00", "instruction 0 (i32.add) takes from an empty"),
        ("i32.const 41 00 00 00 halt 00 00 00 00 output 00 00 00 00", ""),
        ("return 00 00 00 00 halt 00 00 00 00", "returns without a call"),
    ] {
        let (_folder, path) = file("program.txt", format!("{{ {program} }}"));
        let run = ["run", &path, "--max-tokens", "50"];
        let code = i32::from(!problem.is_empty());
        let report = json(code, &run);
        let said = says(code, &mut hardmax(&run));
        assert_eq!(report["verify"]["mismatches"], 0, "{report}");
        match problem {
            "" => assert!(report["ill_formed"].is_null() && !said.contains("ill-formed")),
            problem => {
                let named = report["ill_formed"].as_str().unwrap();
                assert!(named.contains(problem) && said.contains("the program is ill-formed"));
            }
        }
    }
}

#[test]
fn a_bundled_program_runs_by_its_name_with_its_default_input_or_another() {
    assert_eq!(output(&["hello"]), "Hello, world!\n");
    assert_eq!(output(&["hello", "--args", "you"]), "Hello, you!\n");
    assert_eq!(output(&["hello", "--args", "-v"]), "Hello, -v!\n");
    assert_eq!(output(&["hello", "--input-hex", "79 6f 75"]), "Hello, you!\n");
    let (_folder, path) = file("input", "all of you");
    assert_eq!(output(&["hello", "--input", &path]), "Hello, all of you!\n");
}

#[test]
fn the_model_runs_a_bundled_program() {
    hardmax(&["run", "hello", "--args", "you"]).assert().code(0).stdout("Hello, you!\n");
    let report = json(0, &["run", "hello"]);
    assert_eq!(report["output"], "Hello, world!\n");
    assert_eq!(report["trapped"], false);
}

#[test]
fn module_text_and_token_program_do_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let [wasm, wat, tokens] = ["m.wasm", "m.wat", "m.txt"].map(|name| at(&folder, name));
    fs::write(&wat, MODULE).unwrap();
    fs::write(&wasm, wat::parse_str(MODULE).unwrap()).unwrap();
    let call = ["--invoke", "sum", "40", "2"];
    hardmax(&["compile", &wat, "--output", &tokens]).args(call).assert().code(0).stdout("");
    for source in [&wasm, &wat] {
        assert_eq!(output(&[&[source.as_str()], &call[..]].concat()), "42\n");
    }
    assert_eq!(output(&[&tokens]), "42\n");
}

#[test]
fn c_is_compiled_and_finds_its_header() {
    if !clang() {
        return;
    }
    let source = "#include \"hardmax.h\"\nvoid compute(const char *input) { puts(input); }\n\
                  int twice(int n) { return 2 * n; }\n";
    let (_folder, path) = file("echo.c", source);
    assert_eq!(output(&[&path, "--args", "so it is"]), "so it is\n");
    assert_eq!(output(&[&path, "--invoke", "twice", "-21"]), "-42\n");
    let (_folder, path) = file("wrong.c", "void compute(const char *input) { nonsense }\n");
    let error = refused(&["oracle", &path]);
    assert!(error.contains("wrong.c:1:35: error:"), "{error}");
}

/// What the header has does what the C library of WASI does; that wrote what is kept here.
#[test]
fn the_header_has_what_small_programs_use() {
    if !clang() {
        return;
    }
    let run = ["tests/library/library.c", "--args", "some input"];
    let expected = include_str!("../library/library.txt");
    assert_eq!(output(&run), expected);
    let asks = ["--target=wasm32-wasi", "-print-file-name=libc.a"];
    let said = std::process::Command::new("clang").args(asks).output().unwrap().stdout;
    if std::path::Path::new(String::from_utf8(said).unwrap().trim()).is_absolute() {
        assert_eq!(output(&[run[0], "-D", "HOST"]), expected);
    }
}

#[test]
fn a_new_program_compiles_and_runs() {
    let (folder, there) = file("there.c", "mine");
    let name = at(&folder, "first.c");
    let said = says(0, &mut hardmax(&["new", &name]));
    assert!(said.contains("hardmax run"), "{said}");
    assert!(refused(&["new", &there]).contains("--force"));
    assert_eq!(fs::read_to_string(&there).unwrap(), "mine");
    assert!(refused(&["new", &at(&folder, "first.cpp")]).contains("ends in .c"));
    let report = json(0, &["new", &there, "--force", "--main"]);
    assert_eq!(report["bytes"], fs::read(&there).unwrap().len());
    if clang() {
        assert_eq!(output(&[&name, "--args", "3 1 -2"]), "-2 1 3\n");
        assert_eq!(
            output(&[&name, "--args", "3 x"]),
            "error: expected at most 100 whole numbers\n"
        );
    }
}

#[test]
fn the_bundled_modules_are_those_of_their_sources() {
    if !clang() {
        return;
    }
    let of = |source: &str| {
        let (_folder, path) = file("program.txt", "");
        hardmax(&["compile", source, "--args", "1", "--output", &path]).assert().code(0);
        fs::read_to_string(path).unwrap()
    };
    for name in ["hello", "rpn"] {
        assert_eq!(of(name), of(&format!("programs/{name}.c")));
    }
}

#[test]
fn without_clang_c_is_refused_and_the_way_to_it_named() {
    let run = &mut hardmax(&["run", "programs/hello.c"]);
    let error = says(2, run.env("PATH", ""));
    assert!(error.contains("apt-get install clang lld"), "{error}");
}

#[test]
fn what_cannot_be_compiled_traps_where_it_is_reached_and_is_told_of() {
    let (_folder, path) = file(
        "m.wat",
        r#"(module (import "env" "abort" (func $abort (param i32)))
        (func (export "f") (param i32) (result i32)
            (if (i32.eq (local.get 0) (i32.const 1)) (then (call $abort (i32.const 5))))
            (if (i32.eq (local.get 0) (i32.const 2)) (then (drop (v128.const i64x2 0 0))))
            (i32.const 7)))"#,
    );
    let run = |arg: &str, code| {
        let run = hardmax(&["run", &path, "--invoke", "f", arg]).assert().code(code);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (text(&run.get_output().stdout), text(&run.get_output().stderr))
    };
    let (output, notes) = run("0", 0);
    assert_eq!(output, "7\n");
    let warnings: Vec<&str> = notes.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(warnings.len(), 2, "{notes}");
    assert!(warnings[0].contains("v128.const") && warnings[1].contains("env.abort"), "{notes}");
    for arg in ["1", "2"] {
        assert!(run(arg, 1).1.contains("trapped"));
    }
    let error = refused(&["run", &path, "--strict", "--invoke", "f", "0"]);
    assert!(error.contains("import env.abort"), "{error}");
}

#[test]
fn calls_take_negative_and_hexadecimal_numbers_and_print_signed_results() {
    let (_folder, path) = file("m.wat", MODULE);
    let call = |args: &[&str]| output(&[&[path.as_str(), "--invoke"], args].concat());
    assert_eq!(call(&["sum", "-5", "3"]), "-2\n");
    assert_eq!(call(&["sum", "0xffffffff", "-0x10"]), "-17\n");
    assert_eq!(call(&["sum", "4294967295", "0"]), "-1\n");
    assert_eq!(call(&["both", "7"]), "7\n-7\n");
    for (args, said) in [
        (&["sum", "1"][..], "sum is (i32, i32) -> (i32), but it is invoked with 1 argument"),
        (&["sum", "1", "x"], "argument 2 of sum, \"x\", is no i32"),
        (&["sum", "1", "--json"], "other options stand before it"),
        (&["sun", "1"], "no function is exported as \"sun\"; there are: both, peek, stop, sum"),
    ] {
        let error = refused(&[&["oracle", &path, "--invoke"], args].concat());
        assert!(error.contains(said), "{error}");
    }
    let error = refused(&["oracle", &path]);
    assert!(error.contains("\"compute\"") && error.contains("--invoke"), "{error}");
}

#[test]
fn a_trap_is_reported_and_fails() {
    let (_folder, path) = file("m.wat", MODULE);
    for command in ["oracle", "run"] {
        let error = says(1, &mut hardmax(&[command, &path, "--invoke", "stop"]));
        assert!(error.contains("m.wat: trapped after"), "{error}");
        let report = json(1, &[command, &path, "--invoke", "stop"]);
        assert_eq!((&report["trapped"], &report["halted"]), (&true.into(), &true.into()));
    }
}

#[test]
fn an_access_beyond_memory_traps_unless_memory_has_no_end() {
    let (_folder, path) = file("m.wat", MODULE);
    let peek = ["--invoke", "peek", "65533"];
    let endless = [&[path.as_str(), "--endless-memory"], &peek[..]].concat();
    assert_eq!(output(&endless), "0\n");
    says(1, hardmax(&["oracle", &path]).args(peek));
}

#[test]
fn inputs_exclude_each_other_and_are_checked() {
    for two in [
        ["--args", "a", "--input-hex", "00"],
        ["--args", "a", "--input", "x"],
        ["--input", "x", "--input-hex", "00"],
        ["--args", "a", "--invoke", "f"],
    ] {
        assert!(
            refused(&[&["oracle", "hello"], &two[..]].concat()).contains("cannot be used with")
        );
    }
    assert!(refused(&["oracle", "hello", "--input-hex", "4g"]).contains("'g' is no hexadecimal"));
    assert!(refused(&["oracle", "hello", "--input-hex", "412"]).contains("there are 3"));
    assert!(refused(&["oracle", "hello", "--input", "no/such"]).contains("no/such"));
}

#[test]
fn an_input_is_refused_by_what_takes_none() {
    let (_folder, wat) = file("m.wat", "(module (func (export \"compute\") (param i32)))");
    let (_folder, tokens) = file("m.txt", "{ halt 00 00 00 00 }");
    for path in [wat, tokens] {
        let error = refused(&["oracle", &path, "--args", "a"]);
        assert!(error.contains("takes no input"), "{error}");
        hardmax(&["oracle", &path]).assert().code(0);
    }
}

#[test]
fn a_long_input_gets_the_room_it_needs() {
    let (_folder, path) = file("input", "a".repeat(100_000));
    assert_eq!(output(&["hello", "--input", &path]).len(), 100_000 + "Hello, !\n".len());
}

#[test]
fn a_token_program_can_be_given_another_input_but_not_another_entry() {
    let reverse = "tests/vectors/reverse.txt";
    assert_eq!(output(&[reverse]), "xamdrah");
    assert_eq!(output(&[reverse, "--args", "abc"]), "cba");
    for flags in [&["--endless-memory"][..], &["--invoke", "f"]] {
        let error = refused(&[&["oracle", reverse], flags].concat());
        assert!(error.contains(&format!("{} needs a module", flags[0])), "{error}");
    }
}

#[test]
fn an_unknown_name_suggests_a_known_one() {
    for (name, said) in [
        ("soduku", "did you mean sudoku?"),
        ("xyz", "hardmax programs lists the bundled ones"),
        ("module.o", "ends in .txt, .wasm, .wat or .c"),
    ] {
        let error = refused(&["run", name]);
        assert!(error.contains(name) && error.contains(said), "{error}");
    }
}

#[test]
fn a_bad_module_is_refused_with_its_name_and_offset() {
    let vector = "(module (func (export \"compute\") (param i32) v128.const i64x2 0 0 drop))";
    let module = wat::parse_str(vector).unwrap();
    let cases = [
        (module.clone(), ": byte 37: v128.const is not supported"),
        (module[..20].to_vec(), "bad.wasm: "),
        (b"MZ nonsense".to_vec(), "not a WebAssembly module: it begins with"),
    ];
    for (bytes, said) in cases {
        let (_folder, path) = file("bad.wasm", bytes);
        let error = refused(&["run", &path, "--strict"]);
        assert!(error.contains("bad.wasm") && error.contains(said), "{error}");
    }
    for text in [&b"(module (func"[..], b"\xff"] {
        let (_folder, path) = file("bad.wat", text);
        assert!(refused(&["compile", &path, "--json"]).contains("not a WebAssembly text"));
    }
}

#[test]
fn compile_writes_what_runs_the_same_and_counts_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = &at(&folder, "rpn.txt");
    let report = json(0, &["compile", "rpn", "--args", "6 7 *", "--output", path]);
    assert_eq!(output(&[path]), output(&["rpn", "--args", "6 7 *"]));
    let again = json(0, &["compile", path]);
    for key in ["instructions", "prompt_tokens"] {
        assert!(report[key].as_u64().unwrap() > 100);
        assert_eq!(report[key], again[key]);
    }
    assert_eq!(report["input_bytes"], 5);
    let functions = report["functions"].as_array().unwrap();
    assert!(functions.iter().all(|function| function["name"].is_string()));
    assert!(functions[0]["start"].as_u64().unwrap() > 0);

    let nowhere = at(&folder, "missing/rpn.txt");
    assert!(refused(&["compile", "rpn", "-o", &nowhere]).contains("written"));
    says(2, &mut hardmax(&["compile", "rpn"]));
}

#[test]
fn a_listing_names_functions_and_targets() {
    let command = ["compile", "programs/gcd.wat", "--listing", "--invoke", "gcd", "84", "36"];
    let listing = prints(0, &mut hardmax(&command));
    for part in ["i32.const 84\n", " gcd\n", "\ngcd:\n", "i32.rem_u\n", "br_if -> ", "\nprint:\n"] {
        assert!(listing.contains(part), "{part}\n{listing}");
    }
}

#[test]
fn the_programs_are_listed_and_written() {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let list = words(&prints(0, &mut hardmax(&["programs"])));
    let folder = tempfile::tempdir().unwrap();
    let directory = at(&folder, "new");
    let report = json(0, &["programs", "--write", &directory]);
    let directory = Path::new(&directory);
    let programs = report["programs"].as_array().unwrap();
    assert_eq!(programs.len(), 20);
    for program in programs {
        let name = program["name"].as_str().unwrap();
        for key in ["description", "input_meaning"] {
            assert!(list.contains(program[key].as_str().unwrap()), "{list}");
        }
        assert!(program["input"].is_string() && program["instructions"].as_u64() > Some(50));
        assert!(program["prompt_tokens"].as_u64() > program["instructions"].as_u64());
        for ending in ["c", "wasm", "txt"] {
            let name = format!("{name}.{ending}");
            let original = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs").join(&name);
            assert!(fs::read(directory.join(&name)).unwrap() == fs::read(original).unwrap());
        }
    }
    assert!(directory.join("hardmax.h").is_file() && directory.join("programs.json").is_file());
}
