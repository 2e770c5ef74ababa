//! Any model and any prompt: `hardmax run --prompt FILE --raw`.

use crate::common::command::{at, file, hardmax, json, prints, refused, says, vector};
use hardmax::model::{Model, ModelParts, Shape, Token};
use serde_json::Value;

/// A model that is no machine: it counts from a to d and begins again, until it is at the end.
fn counting(names: [&str; 6]) -> Model {
    let shape = Shape { vocabulary: 6, width: 10, layers: 0, heads: 5, units: 0 };
    let mut embedding = vec![0.0; 6 * 10];
    let mut head = vec![0.0; 6 * 10];
    // The first token, a to d, and the end: each is followed by one.
    for (token, next) in [(0, 1), (1, 2), (2, 3), (3, 4), (4, 1), (5, 5)] {
        embedding[token * 10 + 3 + token] = 1.0;
        head[next * 10 + 3 + token] = 1.0;
    }
    Model::new(ModelParts {
        shape,
        stop: Token(5),
        vocabulary: names.map(str::to_owned).into(),
        embedding,
        layers: Vec::new(),
        head,
        clears: None,
        ties: None,
        kinds: None,
    })
    .unwrap()
}

#[test]
fn a_program_as_a_prompt_gives_the_names_of_its_trace() {
    let run = ["run", "--prompt", &vector("countdown.txt"), "--raw"];
    let names = prints(0, &mut hardmax(&run));
    let whole = std::fs::read_to_string(vector("countdown_ref.txt")).unwrap();
    let program = std::fs::read_to_string(vector("countdown.txt")).unwrap();
    let prompt = program.split_whitespace().count();
    let expected: Vec<&str> = whole.split_whitespace().skip(prompt).collect();
    assert_eq!(names.lines().collect::<Vec<_>>(), expected);
    let report = json(0, &run);
    assert_eq!(report["generated_tokens"], expected.len() as u64);
    assert_eq!(report["tokens"].as_array().unwrap().len(), expected.len());
    assert!(report["halted"] == true && report["verify"]["mismatches"] == 0);
    for engine in ["plan", "reference"] {
        assert_eq!(prints(0, hardmax(&run).args(["--engine", engine, "--verify", "plan"])), names);
    }
}

#[test]
fn a_model_that_is_no_machine_runs() {
    let (folder, prompt) = file("prompt", "start a\n  b\tc\n");
    let model = at(&folder, "model.bin");
    counting(["start", "a", "b", "c", "d", "end"]).write(model.as_ref()).unwrap();
    let run = ["run", "--model", &model, "--prompt", &prompt, "--raw", "--max-tokens", "5"];
    // It never ends, and that is a limit.
    assert_eq!(prints(1, &mut hardmax(&run)), "d\na\nb\nc\nd\n");
    assert!(says(1, &mut hardmax(&run)).contains("stopped at --max-tokens after 4 prompt and 5"));
    let report = json(1, &run);
    assert!(report["halted"] == false && report["verify"]["mismatches"] == 0, "{report}");
    std::fs::write(&prompt, "start end").unwrap();
    assert_eq!(prints(0, &mut hardmax(&run)), "end\n");
    // What a terminal would obey is not printed as it is.
    counting(["start", "a", "b", "c", "\u{1b}[2J", "end"]).write(model.as_ref()).unwrap();
    std::fs::write(&prompt, "start c").unwrap();
    assert!(prints(1, &mut hardmax(&run)).starts_with("\\u{1b}[2J\n"));
}

#[test]
fn a_prompt_that_the_model_cannot_take_is_refused_at_its_place() {
    let raw = |path: &str| refused(&["run", "--prompt", path, "--raw"]);
    let (folder, path) = file("prompt", "{ halt\n00 00 start 00");
    assert!(raw(&path).contains(&format!("{path}:2: this model has no token \"start\"")));
    std::fs::write(&path, " \n").unwrap();
    assert!(raw(&path).contains("a prompt has at least one token"));
    std::fs::write(&path, b"{ \xff").unwrap();
    assert!(raw(&path).contains("byte 2 is no UTF-8"));
    assert!(raw(&at(&folder, "none")).contains("none: "));
}

#[test]
fn a_prompt_takes_the_place_of_a_program() {
    for arguments in [
        &["run"][..],
        &["run", "--raw"],
        &["run", "hello", "--raw"],
        &["run", "--prompt", "x"],
        &["run", "hello", "--prompt", "x", "--raw"],
        &["run", "--prompt", "x", "--raw", "--args", "1"],
        &["run", "--prompt", "x", "--raw", "--trace", "t.hmt"],
    ] {
        refused(arguments);
    }
}

/// A trace behind a prompt that is no program: written, shown, converted and verified.
#[test]
fn a_trace_behind_any_prompt_is_a_trace() {
    let (folder, prompt) = file("prompt", "start a\n b c\n");
    let model = at(&folder, "model.bin");
    counting(["start", "a", "b", "c", "d", "end"]).write(model.as_ref()).unwrap();
    let [binary, text, other] = ["run.hmt", "run.txt", "other"].map(|name| at(&folder, name));
    for trace in [&binary, &text] {
        let run = ["run", "--model", &model, "--prompt", &prompt, "--raw", "--max-tokens", "5"];
        hardmax(&run).args(["--trace", trace]).assert().code(1);
    }
    assert_eq!(std::fs::read_to_string(&text).unwrap(), "start a b c\nd\na\nb\nc\nd\n");

    // The binary one knows its prompt; that of the other has to be said.
    let cut = ["--model", &model, "--allow-cut"];
    let by_prompt = ["--prompt", &prompt];
    for (trace, more) in [(&binary, &[][..]), (&binary, &by_prompt), (&text, &by_prompt)] {
        for method in ["sparse", "dgemm", "plan"] {
            let verify = ["verify", trace, "--method", method];
            let report = json(0, &[&verify[..], &cut, more].concat());
            assert_eq!((&report["positions"], &report["mismatches"]), (&5.into(), &0.into()));
            assert_eq!(report["prompt_tokens"], 4);
        }
    }
    let unknown = refused(&["verify", &text, "--model", &model]);
    assert!(unknown.contains("run.txt: the prompt is no program"), "{unknown}");

    // Converted there and back it is the same.
    let convert = |from: &str, to: &str, more: &[&str]| {
        hardmax(&["trace", from, "--model", &model, "-o", to]).args(more).assert().code(0);
        std::fs::read(to).unwrap()
    };
    let [to_text, to_binary] = ["there.txt", "back.hmt"].map(|name| at(&folder, name));
    assert_eq!(convert(&binary, &to_text, &[]), std::fs::read(&text).unwrap());
    assert_eq!(convert(&to_text, &to_binary, &by_prompt), std::fs::read(&binary).unwrap());
    let shown = prints(0, &mut hardmax(&["trace", &binary, "--range", "2..6"]));
    assert_eq!(shown.split_whitespace().skip(1).step_by(2).count(), shown.lines().count());
    assert!(shown.contains("d") && shown.starts_with("2\tb"), "{shown}");

    // Another token is found, and there is no instruction that it belongs to.
    std::fs::write(&text, "start a b c d a c d a").unwrap();
    let report = json(1, &[&["verify", &text], &cut[..], &by_prompt].concat());
    let first = &report["first_mismatch"];
    assert_eq!((&first["position"], &first["expected"]), (&6.into(), &"c".into()));
    assert_eq!((&first["predicted"], &first["instruction"]), (&"b".into(), &Value::Null));
    assert_eq!(first["differing_heads"], Value::Array(Vec::new()));

    std::fs::write(&other, "start a c").unwrap();
    for trace in [&text, &binary] {
        let wrong = refused(&["verify", trace, "--model", &model, "--prompt", &other]);
        assert!(wrong.contains("does not begin with this prompt: it differs at position 2"));
    }
    std::fs::write(&text, "start a b").unwrap();
    let short = refused(&["verify", &text, "--model", &model, "--prompt", &prompt]);
    assert!(short.contains("differs at position 3"), "{short}");
    std::fs::write(&text, "start a b c\nd e").unwrap();
    let unknown = refused(&["trace", &text, "--model", &model, "--prompt", &prompt]);
    assert!(unknown.contains("run.txt:2:3: "), "{unknown}");
    let none = at(&folder, "none");
    for command in ["verify", "trace"] {
        let read = [command, &text, "--model", &model, "--prompt", &none];
        assert!(refused(&read).contains("none: "));
    }
    // `--check` compares with either, by names, and a program's run is none of them.
    let run = ["run", "--model", &model, "--prompt", &prompt, "--raw", "--max-tokens", "5"];
    for (reference, found) in [(&to_text, Value::from("equal")), (&binary, Value::from("equal"))] {
        assert_eq!(json(1, &[&run[..], &["--check", reference]].concat())["check"], found);
    }
    std::fs::write(&text, "start a b c\nd a a c d").unwrap();
    let check = json(1, &[&run[..], &["--check", &text]].concat());
    let [position, expected, got] = ["position", "expected", "got"].map(|key| &check["check"][key]);
    assert_eq!((position, expected, got), (&6.into(), &"a".into(), &"b".into()));
    refused(&["run", "--prompt", &prompt, "--raw", "--check", &binary]);
    let foreign = refused(&["run", &vector("countdown.txt"), "--check", &binary]);
    assert!(foreign.contains("run.hmt: the prompt is no program"), "{foreign}");
}

/// Such a name would be read as others: no trace is written, and an older one stays.
#[test]
fn names_that_are_no_single_word_are_in_no_text_trace() {
    let (folder, prompt) = file("prompt", "start c");
    let [model, trace] = ["model.bin", "run.txt"].map(|name| at(&folder, name));
    let run = ["run", "--model", &model, "--prompt", &prompt, "--raw", "--max-tokens", "1"];
    for name in ["two words", "", "line\n"] {
        counting(["start", "a", "b", "c", name, "end"]).write(model.as_ref()).unwrap();
        std::fs::write(&trace, "older").unwrap();
        // After the run, whose tokens are printed all the same.
        let said = says(2, hardmax(&run).args(["--trace", &trace]));
        assert!(said.contains("is no single word"), "{said}");
        assert_eq!(std::fs::read_to_string(&trace).unwrap(), "older");
    }
}
