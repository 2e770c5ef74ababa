//! What `run` and its like tell: outputs, exit codes, kernels and engines, and what a bad input is told.

use std::fs;

use crate::common::command::{at, file, hardmax, json, prints, refused, says, vector};

/// The commands that the help lists.
const COMMANDS: [&str; 16] = [
    "run",
    "verify",
    "trace",
    "oracle",
    "wast",
    "profile",
    "explain",
    "bench",
    "new",
    "compile",
    "programs",
    "build",
    "specialise",
    "export",
    "import",
    "inspect",
];

#[test]
fn run_writes_program_output_to_stdout_and_the_summary_to_stderr() {
    let run = &mut hardmax(&["run", &vector("reverse.txt")]);
    assert_eq!(prints(0, run), "xamdrah");
    let summary = says(0, run);
    for part in ["halted", "768 generated", "engine plan"] {
        assert!(summary.contains(part), "{summary}");
    }
}

#[test]
fn the_reference_engine_says_how_heads_are_computed_and_by_which_kernel() {
    let by_engine = ["--engine", "reference"];
    let by_attention = ["--attention", "kinds"];
    for flags in [by_engine, by_attention] {
        let summary = says(0, hardmax(&["run", &vector("reverse.txt")]).args(flags));
        for part in ["engine reference", "attention kinds", "kernel "] {
            assert!(summary.contains(part), "{summary}");
        }
    }
}

#[test]
fn inspect_shows_what_a_plan_is_made_of() {
    let report = json(0, &["inspect", "--plan"]);
    assert_eq!(report["plan"]["bos"], "{");
    assert_eq!(report["plan"]["refused"], serde_json::Value::Null);
    assert_eq!(report["plan"]["summary"]["plane_groups"], 1);
    assert!(report["plan"]["summary"]["tables"].as_u64() > Some(0));
}

#[test]
fn build_writes_the_machine_in_another_style_which_runs_by_a_plan() {
    let (folder, path) = file("other.bin", "");
    let built = json(0, &["build", "--style", "3", "--plain", "--output", &path]);
    assert_eq!((&built["style"], &built["shape"]["vocabulary"]), (&3.into(), &821.into()));
    let mut run = hardmax(&["run", "--model", &path, &vector("reverse.txt")]);
    assert_eq!(prints(0, &mut run), "xamdrah");
    assert!(says(0, &mut run).contains("engine plan, "));
    let text = prints(0, &mut hardmax(&["inspect", &path, "--plan"]));
    assert!(text.contains("may be off, and are compared with that"), "{text}");
    assert!(refused(&["build", "--plain", "--output", &at(&folder, "no.bin")]).contains("--style"));
}

#[test]
fn inspect_compares_the_plan_with_the_model_on_random_histories() {
    let report = json(0, &["inspect", "--histories", "20", "--seed", "3"]);
    let agreement = &report["plan"]["agreement"];
    assert_eq!(agreement["difference"], serde_json::Value::Null);
    assert_eq!((&agreement["histories"], &agreement["seed"]), (&20.into(), &3.into()));
    assert!(agreement["predictions"].as_u64().unwrap() > 100, "{agreement}");
    let text = prints(0, &mut hardmax(&["inspect", "--histories", "1"]));
    assert!(text.contains("\nhistories   1 random ones (seed 0)"), "{text}");
    assert!(json(0, &["inspect", "--plan"])["plan"]["agreement"].is_null());
    refused(&["inspect", "--seed", "3"]);
}

/// What cannot be said changes nothing of what was done.
#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_error_is_no_panic() {
    for (args, code) in [(vec!["run", "hello"], 0), (vec!["run", "no-such-program"], 2)] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut run = std::process::Command::new(env!("CARGO_BIN_EXE_hardmax"));
        let status = run.args(&args).stdout(std::process::Stdio::null()).stderr(full).status();
        assert_eq!(status.unwrap().code(), Some(code), "{args:?}");
    }
}

#[test]
fn inspect_checks_a_plan_and_tells_of_a_head() {
    let text = prints(0, &mut hardmax(&["inspect", "--check-plan", "--seed", "3"]));
    assert!(text.contains("\ncheck       bounds of ") && text.contains(": all equal\n"), "{text}");
    let report = json(0, &["inspect", "--head", "2.5"]);
    let head = &report["plan"]["head"];
    assert_eq!(head["kind"], "keyed, ties give the latest");
    assert!(head["tables"][0].as_str().unwrap().starts_with("table0: "), "{head}");
    assert!(report["plan"]["check"].is_null());
    assert!(refused(&["inspect", "--head", "6.0"]).contains("layers 0 to 5"));
    refused(&["inspect", "--head", "6"]);
}

#[test]
fn run_reports_as_one_json_object() {
    let (program, trace) = (vector("reverse.txt"), vector("reverse_ref.txt"));
    let report = json(0, &["run", &program, "--check", &trace]);
    assert_eq!(report["check"], "equal");
    assert_eq!(report["halted"], true);
    assert_eq!(report["output"], "xamdrah");
    assert_eq!(report["output_bytes"], 7);
    assert_eq!((&report["prompt_tokens"], &report["generated_tokens"]), (&186.into(), &768.into()));
    for key in ["program", "model", "engine", "attention", "kernel"] {
        assert!(report[key].is_string(), "{key}");
    }
    for key in ["threads", "seconds", "tokens_per_second", "load_seconds"] {
        assert!(report[key].as_f64().unwrap() > 0.0, "{key}");
    }
}

#[test]
fn the_trace_of_a_run_is_the_reference_letter_for_letter() {
    let (_folder, path) = file("trace.txt", b"an older trace");
    for command in ["run", "oracle"] {
        hardmax(&[command, &vector("reverse.txt"), "--trace", &path]).assert().code(0);
        assert_eq!(fs::read(&path).unwrap(), fs::read(vector("reverse_ref.txt")).unwrap());
    }
}

#[test]
fn a_token_limit_that_is_hit_is_named_and_fails() {
    for command in ["run", "oracle"] {
        let program = vector("reverse.txt");
        let said = says(1, &mut hardmax(&[command, &program, "--max-tokens", "767"]));
        assert!(said.contains("stopped at --max-tokens"), "{said}");
        hardmax(&[command, &program, "--max-tokens", "768"]).assert().code(0);
        for enough in ["1k", "1_000", "0.001M", "2G"] {
            hardmax(&[command, &program, "--max-tokens", enough]).assert().code(0);
        }
        for wrong in ["", "k", "-1", "99999999999G"] {
            assert!(
                refused(&[command, &program, &format!("--max-tokens={wrong}")]).contains("10k")
            );
        }
    }
}

#[test]
fn a_check_names_position_expected_and_got() {
    let reference = fs::read_to_string(vector("reverse_ref.txt")).unwrap();
    let halt = reference.rfind("halt").unwrap();
    let cases = [
        (reference.replacen("out(m)", "out(M)", 1), "expected `out(M)`, got `out(m)`"),
        (reference[..halt].to_owned(), "expected the end of the trace, got `halt`"),
        (format!("{reference}00"), "expected `00`, got the end of the trace"),
        (reference.replacen("h a r d", "H a r d", 1), "position 177: expected `48`, got `68`"),
    ];
    for (reference, said) in cases {
        let (_folder, path) = file("ref.txt", reference);
        for command in ["run", "oracle"] {
            let check = &mut hardmax(&[command, &vector("reverse.txt"), "--check", &path]);
            let error = says(1, check);
            assert!(error.contains("check failed: position ") && error.contains(said), "{error}");
        }
    }
}

#[test]
fn a_malformed_program_is_refused_with_file_line_and_column() {
    let cases: [(&[u8], &str); 7] = [
        (b"{\nhalt 00 00 00 00\ni32.nope 00 00 00 00\n}", ":3:1: \"i32.nope\" is not a token"),
        (b"{\nhalt 00 00 00 00\n", ":3:1: the file ends before `}`"),
        (b"halt", ":1:1: expected `{`"),
        (b"{ halt 00 00 00 }", ":1:17: the immediate of halt has four bytes"),
        (b"{ input_base 00 00 00 00 halt 00 00 00 00 } a", ":1:46: the file ends within the input"),
        (
            b"{ input_base 00 00 00 00 halt 00 00 00 00 } a commit(+0,sts=0,bt=0)",
            "does not end with `00`",
        ),
        (b"\xff\xfe", ":1:1: not UTF-8"),
    ];
    for (contents, said) in cases {
        let (_folder, path) = file("program.txt", contents);
        for command in ["run", "oracle"] {
            let error = refused(&[command, &path]);
            assert!(error.contains("program.txt") && error.contains(said), "{error}");
        }
    }
    assert!(refused(&["run", "no/such/file.txt"]).contains("no/such/file.txt"));
    assert!(refused(&["run", "/"]).contains("neither a bundled program nor a file"));
}

#[test]
fn a_broken_model_file_is_refused_with_its_name() {
    let model = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/models/wasm32.bin")).unwrap();
    let mut huge = model.clone();
    huge[0..4].copy_from_slice(&i32::MAX.to_le_bytes());
    let mut long = model.clone();
    long.push(0);
    for (bytes, said) in
        [(&model[..1000], "truncated.bin"), (&huge, "truncated.bin"), (&long, "truncated.bin")]
    {
        let (_folder, path) = file("truncated.bin", bytes);
        assert!(refused(&["inspect", &path]).contains(said));
        assert!(refused(&["run", &vector("countdown.txt"), "--model", &path]).contains(said));
    }
}

#[test]
fn a_program_that_the_oracle_refuses_is_placed_by_instruction() {
    let (_folder, path) = file("drop.txt", b"{ drop 00 00 00 00 halt 00 00 00 00 }");
    let error = refused(&["oracle", &path]);
    assert!(error.contains("instruction 0 (drop) takes from an empty stack"), "{error}");
}

#[test]
fn a_build_says_what_it_is() {
    let short = prints(0, &mut hardmax(&["-V"]));
    let version = short.trim_end().strip_prefix("hardmax ").unwrap();
    assert!(version.starts_with(env!("CARGO_PKG_VERSION")), "{short}");
    let long = prints(0, &mut hardmax(&["--version"]));
    let lines: Vec<&str> = long.lines().collect();
    let [first, target, features, kernels] = lines[..] else { panic!("{long}") };
    assert_eq!(first, format!("hardmax {version}"));
    assert!(target.starts_with("target    "), "{long}");
    assert!(features.starts_with("features  "), "{long}");
    for kernel in hardmax::linalg::Kernel::ALL {
        assert!(kernels.contains(kernel.name()), "{long}");
    }
    assert_eq!(json(0, &["programs"])["version"], version);
    assert_eq!(json(0, &["run", &vector("countdown.txt")])["version"], version);
}

#[test]
fn what_the_build_lacks_is_an_error() {
    assert!(refused(&["run", &vector("countdown.txt"), "--kernel", "mkl"]).contains("\"mkl\""));
    hardmax(&["run", &vector("countdown.txt"), "--attention", "guess"]).assert().code(2);
}

#[test]
fn files_are_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = at(&folder, "missing/trace.txt");
    let error = says(2, &mut hardmax(&["run", &vector("countdown.txt"), "--trace", &nowhere]));
    assert!(error.contains("missing/trace.txt: cannot be written"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let target = folder.path().to_str().unwrap();
    assert!(refused(&["build", "--output", target]).contains(target));
}

#[test]
fn inspect_shows_shape_kinds_and_vocabulary() {
    let text = prints(0, &mut hardmax(&["inspect"]));
    for part in
        ["L=6", "stop token halt", "keyed", "gather", "mean", "passthrough", "return_commit"]
    {
        assert!(text.contains(part), "{text}");
    }
    let report = json(0, &["inspect"]);
    assert_eq!(report["vocabulary"].as_array().unwrap().len(), report["shape"]["vocabulary"]);
    assert_eq!(report["layers"].as_array().unwrap().len(), report["shape"]["layers"]);
}

#[test]
fn completions_and_manual_pages_name_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let target = at(&folder, "man");
    hardmax(&["generate", "man", &target]).assert().code(0).stdout("");
    let scripts = ["bash", "fish", "zsh"]
        .map(|shell| prints(0, &mut hardmax(&["generate", "completions", shell])));
    let help = prints(0, &mut hardmax(&["--help"]));
    for command in COMMANDS {
        let page = fs::read_to_string(format!("{target}/hardmax-{command}.1")).unwrap();
        assert!(page.contains("Examples"), "{page}");
        assert!(scripts.iter().chain([&help]).all(|text| text.contains(command)), "{command}");
    }
    assert!(!help.contains("generate "), "{help}");
}

/// Every line under "Examples:" of every subcommand.
#[test]
fn the_examples_of_the_help_work() {
    let mut examples = 0;
    let clang = std::process::Command::new("clang").arg("--version").output().is_ok();
    for command in COMMANDS.iter().chain(&["generate"]) {
        let help = prints(0, &mut hardmax(&[command, "--help"]));
        let lines = help.lines().map(str::trim).filter(|line| line.starts_with("hardmax "));
        for line in lines {
            if !clang && line.contains(".c ") {
                eprintln!("left out, for there is no clang here: {line}");
                continue;
            }
            let arguments: Vec<&str> = line.split_whitespace().skip(1).collect();
            hardmax(&arguments).assert().code(0);
            examples += 1;
        }
    }
    assert!(examples >= 15, "{examples}");
}
