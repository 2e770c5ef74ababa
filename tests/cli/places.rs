//! Where a program traps, where its tokens go, and what stands beside them: in words that a programmer
//! finds in the source.

use std::fs;

use crate::common::command::{at, clang, file, hardmax, json, prints, refused, says, vector};

/// `g` divides by its argument within `f`.
const DIVIDES: &str = "(module
  (func $f (param i32) (result i32)
    i32.const 1
    local.get 0
    i32.div_u)
  (func $g (export \"g\") (param i32) (result i32)
    local.get 0
    call $f))
";

const TRAPPED: &str = "trapped: integer divide by zero, i32.div_u at line 5 of d.wat (byte 37 of its module), \
                       in f, called from g at line 8, after 7 instructions";

#[test]
fn a_trap_says_why_and_where_by_the_model_and_by_the_oracle() {
    let (folder, path) = file("d.wat", DIVIDES);
    let call = ["--invoke", "g", "0"];
    for command in [&["oracle"][..], &["run"], &["run", "--verify", "none"]] {
        let said = says(1, hardmax(command).arg(&path).args(call));
        assert!(said.contains(TRAPPED), "{said}");
        let report = json(1, &[command, &[&path], &call[..]].concat());
        let trap = &report["trap"];
        assert_eq!(trap["reason"], "integer divide by zero");
        assert_eq!(trap["instruction"], "i32.div_u");
        assert_eq!((&trap["function"], &trap["function_index"]), (&"f".into(), &0.into()));
        assert_eq!((&trap["offset"], &trap["line"]), (&37.into(), &5.into()));
        assert_eq!((&trap["instructions"], &trap["more_calls"]), (&7.into(), &0.into()));
        assert_eq!(trap["calls"][0]["function"], "g");
        assert_eq!(trap["calls"][0]["line"], 8);
        assert!(trap["calls"][1].is_null(), "{trap}");
    }
    // A module says the byte, and its own names.
    let wasm = at(&folder, "d.wasm");
    fs::write(&wasm, wat::parse_str(DIVIDES).unwrap()).unwrap();
    let said = says(1, hardmax(&["oracle", &wasm]).args(call));
    assert!(said.contains("i32.div_u at byte 37 of d.wasm, in f, called from g, after"), "{said}");
    let report = json(0, &["oracle", &path, "--invoke", "g", "1"]);
    assert!(report["trap"].is_null(), "{report}");
}

#[test]
fn many_callers_are_counted_and_a_token_program_has_numbers() {
    let text = "(module (func $f (export \"f\") (param i32)
        local.get 0 i32.eqz if unreachable end local.get 0 i32.const 1 i32.sub call $f))";
    let (_folder, path) = file("deep.wat", text);
    let call = ["--invoke", "f", "1000"];
    let said = says(1, hardmax(&["oracle", &path]).args(call));
    let named = ", called from f at line 2".repeat(8);
    assert!(said.contains(&format!("in f{named}, and from 992 more, after")), "{said}");
    let report = json(1, &[&["oracle", path.as_str()], &call[..]].concat());
    assert_eq!(report["trap"]["calls"].as_array().unwrap().len(), 100);
    assert_eq!(report["trap"]["more_calls"], 900);
    let program = "{ call 01 00 00 00 halt 00 00 00 00 unreachable 00 00 00 00 }";
    let (_folder, path) = file("p.txt", program);
    for command in ["oracle", "run"] {
        let said = says(1, &mut hardmax(&[command, &path]));
        let expected = "trapped: unreachable, unreachable at instruction 2 of p.txt, called from \
                        instruction 0, after 1 instructions";
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_trap_in_c_names_the_line_and_debug_information_changes_no_token() {
    if !clang() {
        return;
    }
    let source = "volatile int zero;\n__attribute__((noinline)) static int divide(int a) {\n    \
                  return a / zero;\n}\nvoid compute(const char *input) {\n    zero = input[0];\n    \
                  zero = divide(7);\n}\n";
    let (folder, path) = file("c.c", source);
    let said = says(1, hardmax(&["oracle", &path]).args(["--args", ""]));
    assert!(said.contains("integer divide by zero, i32.div_s at line 3 of c.c (byte "), "{said}");
    assert!(said.contains("in divide, called from compute at line 7, after"), "{said}");
    // Another length of the name, which the debug information has, makes no other program.
    let longer = at(&folder, "the_same_by_another_name.c");
    fs::copy(&path, &longer).unwrap();
    let [one, other] = [&path, &longer].map(|path| {
        let tokens = format!("{path}.txt");
        hardmax(&["compile", path, "--output", &tokens]).assert().code(0);
        fs::read(&tokens).unwrap()
    });
    assert_eq!(one, other);
}

#[test]
fn a_profile_counts_every_token_of_the_oracle_or_of_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let [trace, text, folded, drawn] =
        ["t.hmt", "t.txt", "f.folded", "f.svg"].map(|name| at(&folder, name));
    let call = ["--invoke", "gcd", "84", "36"];
    for trace in [&trace, &text] {
        hardmax(&["oracle", "programs/gcd.wat", "--trace", trace]).args(call).assert().code(0);
    }
    let profile = |options: &[&str]| {
        json(0, &[&["profile", "programs/gcd.wat"], options, &call[..]].concat())
    };
    let oracle = json(0, &[&["oracle", "programs/gcd.wat"], &call[..]].concat());
    let outputs = ["--folded", &folded, "--flamegraph", &drawn];
    let mut reports = [&outputs[..], &["--from", &trace], &["--from", &text]].map(profile);
    let own = |report: &serde_json::Value, rows: &str| -> u64 {
        report[rows].as_array().unwrap().iter().map(|row| row["tokens"].as_u64().unwrap()).sum()
    };
    for report in &mut reports {
        let all = &report["generated_tokens"];
        assert_eq!(all, &oracle["generated_tokens"]);
        assert_eq!(own(report, "functions"), all.as_u64().unwrap());
        assert_eq!(own(report, "wasm_instructions"), all.as_u64().unwrap());
        assert!(own(report, "lines") > 0 && own(report, "lines") < all.as_u64().unwrap());
        assert_eq!((&report["halted"], &report["trapped"]), (&true.into(), &false.into()));
        let rows = report["wasm_instructions"].as_array().unwrap();
        let rem = rows.iter().find(|row| row["name"] == "i32.rem_u").unwrap();
        assert_eq!((&rem["runs"], &rem["tokens_each"]), (&2.into(), &9.0.into()));
        report["seconds"] = 0.into();
        report["trace"] = 0.into();
    }
    assert_eq!(reports[0], reports[1]);
    assert_eq!(reports[0], reports[2]);
    let paths = fs::read_to_string(&folded).unwrap();
    assert!(paths.lines().any(|line| line.starts_with("the start code;gcd ")), "{paths}");
    let drawn = fs::read_to_string(&drawn).unwrap();
    assert!(drawn.starts_with("<svg ") && drawn.contains("<title>gcd: "), "{drawn}");
    let tables = prints(0, hardmax(&["profile", "programs/gcd.wat", "--top", "1"]).args(call));
    for part in ["tokens each", "instructions more", "the start code", "gcd.wat:"] {
        assert!(tables.contains(part), "{part}: {tables}");
    }
}

#[test]
fn a_profile_of_what_ends_badly_is_a_profile_all_the_same() {
    let (_folder, path) = file("d.wat", DIVIDES);
    let report = json(1, &["profile", &path, "--invoke", "g", "0"]);
    assert_eq!((&report["trapped"], &report["generated_tokens"]), (&true.into(), &39.into()));
    let report = json(1, &["profile", &path, "--max-tokens", "13", "--invoke", "g", "0"]);
    assert_eq!((&report["halted"], &report["generated_tokens"]), (&false.into(), &13.into()));
    let report = json(0, &["profile", &vector("countdown.txt")]);
    assert!(report["lines"].is_null());
    assert_eq!(report["functions"][0]["name"], "the program");
}

#[test]
fn a_trace_of_another_program_is_refused_with_the_difference() {
    let (folder, path) = file("d.wat", DIVIDES);
    let trace = at(&folder, "t.hmt");
    hardmax(&["oracle", &path, "--trace", &trace, "--invoke", "g", "5"]).assert().code(0);
    let calls: [&[&str]; 2] = [&["trace", &trace, "--annotate"], &["profile", "--from", &trace]];
    for call in calls {
        let refusal = refused(&[call, &[&path, "--invoke", "g", "6"]].concat());
        assert!(
            refusal.contains("its instruction 0 is i32.const 5, that of the program i32.const 6"),
            "{refusal}"
        );
    }
    let refusal = refused(&["trace", &trace, "--annotate", &vector("countdown.txt")]);
    assert!(refusal.contains("this is not the trace of the program that"), "{refusal}");
    for option in [&["--endless-memory"][..], &["--args", "x"], &["--invoke", "g"]] {
        refused(&[&["trace", &trace], option].concat());
    }
}

#[test]
fn a_trace_has_instruction_function_and_line_beside_each_token() {
    let (folder, path) = file("d.wat", DIVIDES);
    let trace = at(&folder, "t.hmt");
    let call = ["--invoke", "g", "0"];
    hardmax(&["oracle", &path, "--trace", &trace]).args(call).assert().code(1);
    let annotated = |options: &[&str]| {
        let command = &mut hardmax(&["trace", &trace, "--annotate", &path]);
        let lines = prints(0, command.args(options).args(call));
        lines.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let last = annotated(&["--tail", "2"]);
    let place = "40\ti32.div_u\t2\t2\tf\ti32.div_u at byte 37, d.wat:5";
    assert_eq!(last, [format!("249\ttrap\t{place}"), format!("250\thalt\t{place}")]);
    let all = annotated(&[]);
    assert_eq!(all.len(), 251);
    assert_eq!(all[249..], last);
    assert_eq!(all[0], "0\t{\t");
    assert_eq!(all[201], "201\ti32.div_u\t40\ti32.div_u\t\t\tf\ti32.div_u at byte 37, d.wat:5");
    assert_eq!(annotated(&["--range", "201..203"]), all[201..203]);
    let report =
        json(0, &["trace", &trace, "--tail", "1", "--annotate", &path, "--invoke", "g", "0"]);
    assert_eq!(report["tokens"][0], "halt");
    assert_eq!(
        (&report["places"][0]["line"], &report["places"][0]["calls"]),
        (&5.into(), &2.into())
    );
    assert_eq!(report["generated_tokens"], 39);
}

#[test]
fn one_token_is_explained_by_what_each_head_found() {
    let (folder, path) = file("d.wat", DIVIDES);
    let call = ["--invoke", "g", "0"];
    let said = prints(0, hardmax(&["explain", &path, "--last"]).args(call));
    for part in [
        "position    250: `halt`, the end of the run",
        "instruction 40, i32.div_u, for i32.div_u at line 5 of d.wat (byte 37 of its module), in f",
        "predicted   `halt`, logit ",
        // The layer that fetches the instruction finds it in the prompt.
        "201 `i32.div_u` in the prompt, i32.div_u 40",
        // And one finds the bytes of the divisor, which the latest instruction pushed.
        "248 `commit(+1,sts=1,bt=0)` local.get 39",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let explain = |options: &[&str]| json(0, &[&["explain", &path], options, &call[..]].concat());
    let last = explain(&["--last"]);
    assert_eq!(last, explain(&["--at", "250"]));
    let trace = at(&folder, "t.hmt");
    hardmax(&["oracle", &path, "--trace", &trace]).args(call).assert().code(1);
    assert_eq!(last, explain(&["--last", "--from", &trace]));
    assert_eq!((&last["token"], &last["predicted"]), (&"halt".into(), &"halt".into()));
    assert_eq!((&last["function"], &last["line"]), (&"f".into(), &5.into()));
    assert!(last["margin"].as_f64() > Some(0.0));
    let report = json(0, &["explain", "hello", "--output", "1"]);
    assert_eq!((&report["token"], &report["runner_up"]), (&"out(H)".into(), &"out(I)".into()));
    for (options, what) in [
        (["--at", "3"], "no generated token at position 3"),
        (["--at", "251"], "no generated token at position 251"),
        (["--output", "1"], "no byte 1 of output"),
    ] {
        let refusal = refused(&[&["explain", &path], &options[..], &call[..]].concat());
        assert!(refusal.contains(what), "{refusal}");
    }
    refused(&["explain", &path]);
}

#[test]
fn a_page_shows_each_head_and_needs_no_other_file() {
    // A name that is no markup.
    let (folder, path) = file("<d>.wat", DIVIDES);
    let html = at(&folder, "page.html");
    let explain = ["explain", &path, "--last", "--html", &html, "--invoke", "g", "0"];
    let report = json(0, &explain);
    let page = std::fs::read_to_string(&html).unwrap();
    let heads = report["heads"].as_array().unwrap();
    for head in heads {
        let row = format!("<tr data-head=\"{}.{}\">", head["layer"], head["head"]);
        assert_eq!(page.matches(&row).count(), 1, "{row}");
    }
    let found = heads.iter().filter(|head| !head["token"].is_null()).count();
    assert_eq!(page.matches("<path class=\"arc").count(), found);
    // The embedding, and both halves of six layers.
    assert_eq!(page.matches("<rect class=\"").count(), 1 + 13 * 48);
    assert!(page.contains("&lt;d&gt;.wat") && !page.contains("<d>"), "{page}");
    assert!(!page.contains("http") && !page.contains("src="), "it needs something else");
    let refusal = refused(&["explain", &path, "--last", "--html", &path, "--invoke", "g", "0"]);
    assert!(refusal.contains("d>.wat"), "{refusal}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), DIVIDES);
}

#[test]
fn the_tail_of_a_trace_is_its_last_range() {
    let trace = vector("reverse_ref.txt");
    let list = |options: &[&str]| prints(0, hardmax(&["trace", &trace]).args(options));
    let report = json(0, &["trace", &trace]);
    let count = |key: &str| report[key].as_u64().unwrap();
    let all = count("prompt_tokens") + count("generated_tokens");
    for tail in [1, 7, 100, all, all + 5] {
        let range = format!("{}..", all.saturating_sub(tail));
        assert_eq!(list(&["--tail", &tail.to_string()]), list(&["--range", &range]), "{tail}");
    }
    refused(&["trace", &trace, "--tail", "0"]);
}
