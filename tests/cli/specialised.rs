//! `hardmax specialise`, and runs of the models that it makes from the command line.

use crate::common::command::{at, hardmax, json, prints, refused, says};
use serde_json::Value;

/// A model with a bundled program inside, in a folder of its own.
fn specialised(source: &[&str]) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let model = at(&folder, "model.bin");
    hardmax(&[&["specialise", "-o", &model], source].concat()).assert().code(0);
    (folder, model)
}

#[test]
fn a_model_with_a_program_inside_takes_only_the_input() {
    let (folder, model) = specialised(&["hello"]);
    let run = ["run", "--model", &model];
    assert_eq!(prints(0, &mut hardmax(&[&run[..], &["--args", "you"]].concat())), "Hello, you!\n");
    let hex = ["--input-hex", "6d 65"];
    assert_eq!(prints(0, &mut hardmax(&[&run[..], &hex].concat())), "Hello, me!\n");
    // Nothing given is an empty input.
    assert_eq!(prints(0, &mut hardmax(&run)), "Hello, world!\n");
    let prompt = at(&folder, "prompt.txt");
    std::fs::write(&prompt, "start W o r l d\n00 commit(+0,sts=0,bt=0)").unwrap();
    let by_file = [&run[..], &[&prompt]].concat();
    assert_eq!(prints(0, &mut hardmax(&by_file)), "Hello, World!\n");
    let report = json(0, &[&by_file[..], &["--engine", "reference", "--verify", "plan"]].concat());
    assert_eq!((&report["prompt_tokens"], &report["verify"]["mismatches"]), (&8.into(), &0.into()));
    assert_eq!((&report["fallback"], &report["verify"]["fallback"]), (&Value::Null, &Value::Null));
    // Longer than there is room for, however it is given.
    let long = at(&folder, "long");
    std::fs::write(&long, "a".repeat(65_536)).unwrap();
    let refusal = refused(&[&run[..], &["--input", &long]].concat());
    assert!(refusal.contains("an input of 65536 bytes, but"), "{refusal}");
    std::fs::write(&prompt, format!("start {}00 commit(+0,sts=0,bt=0)", "a ".repeat(65_536)))
        .unwrap();
    assert!(refused(&by_file).contains("has room for 65535"));
    // Without its payload the prompt goes on by itself, as with an empty input.
    std::fs::write(&prompt, "start").unwrap();
    assert_eq!(prints(0, &mut hardmax(&by_file)), "Hello, world!\n");
}

#[test]
fn a_model_and_a_prompt_that_do_not_fit_are_refused_at_the_first_token_that_is_lacking() {
    let (folder, model) = specialised(&["hello"]);
    let run = ["run", "--model", &model];
    let refuse = |more: &[&str]| refused(&[&run[..], more].concat());
    let vector = "tests/vectors/countdown.txt";
    assert!(refuse(&[vector]).contains("countdown.txt:1: this model has no token \"{\""));
    assert!(refuse(&["hello"]).contains("no token \"{\", which stands at position 0"));
    let prompt = at(&folder, "prompt.txt");
    std::fs::write(&prompt, "start a\n\nb branch").unwrap();
    assert!(refuse(&[&prompt]).contains("prompt.txt:3: this model has no token \"branch\""));
    assert!(refuse(&[&prompt, "--args", "a"]).contains("taken as it stands; --args"));
    assert!(refused(&["run", &prompt]).contains("prompt.txt:1:1: expected `{`"));
    assert!(refused(&["run", "--model", "models/wasm32.bin"]).contains("none is named"));
    assert!(refused(&["run", "--args", "a"]).contains("SOURCE"));
    assert!(refused(&["run", "--model", &model, "--invoke", "f"]).contains("SOURCE"));
    for command in ["verify", "trace"] {
        let trace = at(&folder, "trace.txt");
        std::fs::write(&trace, "start a 00 commit(+0,sts=0,bt=0) 00").unwrap();
        let of_other = [command, &trace, "-o", "/tmp/never.hmt"];
        let of_other = &of_other[..if command == "verify" { 2 } else { 4 }];
        assert!(refused(of_other).contains("the prompt is no program"), "{command}");
    }
}

/// The trace of the oracle, of the universal model, and of the specialised one: each checks the others.
#[test]
fn traces_of_programs_and_of_their_models_are_the_same_behind_their_prompts() {
    let (folder, model) = specialised(&["hello"]);
    let own = ["--model", &model];
    let [text, binary, universal] = ["own.txt", "own.hmt", "universal.hmt"].map(|n| at(&folder, n));
    for trace in [&text, &binary] {
        let run = [&["run"], &own[..], &["--args", "you", "--trace", trace]].concat();
        hardmax(&run).assert().code(0);
        for method in ["sparse", "dgemm", "plan"] {
            let report = json(0, &[&["verify", trace, "--method", method], &own[..]].concat());
            assert_eq!((&report["mismatches"], &report["prompt_tokens"]), (&0.into(), &6.into()));
        }
        let oracle = ["oracle", "hello", "--args", "you", "--check", trace];
        assert_eq!(json(0, &[&oracle[..], &own].concat())["check"], "equal");
    }
    let by_oracle = at(&folder, "oracle.txt");
    let oracle = ["oracle", "hello", "--args", "you", "--trace", &by_oracle];
    hardmax(&[&oracle[..], &own].concat()).assert().code(0);
    assert_eq!(std::fs::read(&by_oracle).unwrap(), std::fs::read(&text).unwrap());
    assert!(std::fs::read_to_string(&text).unwrap().starts_with("start y o u 00 commit"));

    let run = ["run", "hello", "--args", "you", "--trace", &universal];
    hardmax(&run).assert().code(0);
    let checked = |args: &str, reference: &str| {
        let run = ["run", "--args", args, "--check", reference];
        hardmax(&[&run[..], &own].concat())
    };
    for reference in [&text, &binary, &universal] {
        assert!(says(0, &mut checked("you", reference)).contains("check: every token is that"));
    }
    assert_eq!(json(0, &["run", "hello", "--args", "you", "--check", &text])["check"], "equal");
    assert!(says(2, &mut checked("me", &universal)).contains("a trace with another input"));
    // Of the same shape the inputs are compared as any token.
    let wrong = says(1, &mut checked("yor", &binary));
    assert!(wrong.contains("check failed: position 3: expected `75`, got `72`"), "{wrong}");
    let mut cut = std::fs::read_to_string(&text).unwrap();
    cut.truncate(cut.trim_end().len() - "halt".len());
    std::fs::write(&text, cut + "00").unwrap();
    let wrong = says(1, &mut checked("you", &text));
    assert!(wrong.contains("expected `00`, got `halt`"), "{wrong}");

    let shown = prints(0, &mut hardmax(&["trace", &binary, "--range", "0..8"]));
    assert!(shown.starts_with("0\tstart 79 6f 75 00\n5\tcommit(+0,sts=0,bt=0)\n6\t"), "{shown}");
    let [there, back] = ["there.txt", "back.hmt"].map(|name| at(&folder, name));
    hardmax(&[&["trace", &binary, "-o", &there], &own[..]].concat()).assert().code(0);
    hardmax(&[&["trace", &there, "-o", &back], &own[..]].concat()).assert().code(0);
    assert_eq!(std::fs::read(&back).unwrap(), std::fs::read(&binary).unwrap());
}

#[test]
fn a_program_without_an_input_is_run_by_start_alone() {
    let (folder, model) = specialised(&["programs/gcd.wat", "--invoke", "gcd", "84", "36"]);
    assert_eq!(prints(0, &mut hardmax(&["run", "--model", &model])), "12\n");
    let input = refused(&["run", "--model", &model, "--args", "a"]);
    assert!(input.contains("the program inside takes no input"), "{input}");
    let trace = at(&folder, "trace.txt");
    hardmax(&["run", "--model", &model, "--trace", &trace]).assert().code(0);
    assert!(std::fs::read_to_string(&trace).unwrap().starts_with("start\n"));
    json(0, &["verify", &trace, "--model", &model, "--method", "plan"]);
}

#[test]
fn a_report_says_how_large_a_model_is_and_what_cannot_be_built_is_refused() {
    let (folder, model) = specialised(&["hello"]);
    let report = json(0, &["specialise", "hello", "-o", &model]);
    assert_eq!(report["input_capacity"], 65_535);
    let inspected = json(0, &["inspect", &model, "--plan"]);
    assert_eq!(report["nonzeros"], inspected["nonzeros"]);
    assert_eq!(report["shape"], inspected["shape"]);
    assert_eq!(report["bytes"], std::fs::metadata(&model).unwrap().len());
    assert!(inspected["plan"]["summary"]["selected_classes"].as_u64().unwrap() > 10);
    // Built again it is the same, byte for byte.
    let again = at(&folder, "again.bin");
    hardmax(&["specialise", "hello", "-o", &again]).assert().code(0);
    assert_eq!(std::fs::read(&again).unwrap(), std::fs::read(&model).unwrap());

    let long = at(&folder, "long.txt");
    let code = "drop 00 00 00 00\n".repeat(1 << 15);
    std::fs::write(&long, format!("{{ {code} halt 00 00 00 00 }}")).unwrap();
    let refusal = refused(&["specialise", &long, "-o", &again]);
    assert!(refusal.contains("32769 instructions"), "{refusal}");
    let onto = refused(&["specialise", &long, "-o", &long]);
    assert!(onto.contains("is the program that is read"), "{onto}");
    std::fs::write(&long, "{ drop 00 00 00 00 halt 00 00 00 00 }").unwrap();
    let ill = refused(&["specialise", &long, "-o", &again]);
    assert!(ill.contains("takes from an empty stack"), "{ill}");
}

#[test]
fn plans_of_such_models_agree_with_the_reference_on_random_histories() {
    let (folder, model) = specialised(&["hello"]);
    let report = json(0, &["inspect", &model, "--histories", "60", "--check-plan"]);
    let plan = &report["plan"];
    assert_eq!(plan["agreement"]["difference"], Value::Null, "{plan}");
    let prompt = at(&folder, "prompt.txt");
    std::fs::write(&prompt, "start W o r l d 00 commit(+0,sts=0,bt=0)").unwrap();
    json(0, &["inspect", &model, "--prompt", &prompt, "--histories", "20"]);
}
