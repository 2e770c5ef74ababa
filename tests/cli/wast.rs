//! `hardmax wast`, and modules that import from others, as their users call them.

use crate::common::command::{file, json, refused};

#[test]
fn a_script_whose_assertions_hold_passes_by_the_oracle_and_by_the_model() {
    for by in ["oracle", "plan"] {
        let report = json(0, &["wast", "tests/wast/linking.wast", "--by", by]);
        assert_eq!(report["passed"], 48, "{report}");
        assert_eq!((&report["refused"], &report["failed"]), (&0.into(), &0.into()));
        assert_eq!(report["fallbacks"], 0);
    }
}

/// What no check could find would be no check.
#[test]
fn every_assertion_that_does_not_hold_is_found_at_its_line() {
    let report = json(1, &["wast", "tests/wast/wrong.wast"]);
    let lines = |of: &str| -> Vec<u64> {
        let of = report["files"][0][of].as_array().unwrap();
        of.iter().map(|finding| finding["line"].as_u64().unwrap()).collect()
    };
    assert_eq!(lines("failed"), (12..28).collect::<Vec<_>>());
    assert_eq!(lines("refused"), [28]);
    assert_eq!(report["passed"], 0);
}

#[test]
fn what_is_no_script_is_refused_with_its_line() {
    let (_folder, script) = file("broken.wast", ";; a comment\n(module (func))\n(modul)\n");
    let said = refused(&["wast", &script]);
    assert!(said.contains("broken.wast:3: not a script: "), "{said}");
    refused(&["wast", "no_such.wast"]);
}

const COUNTER: [&str; 2] = ["--preload", "counter=tests/linked/counter.wat"];

#[test]
fn a_module_imports_from_those_that_are_preloaded() {
    // The start function came to 41; the writer's data lie over the digit 0.
    let [flag, counter] = COUNTER;
    let run = ["run", "tests/linked/writer.wat", flag, counter, "--args", "!"];
    let report = json(0, &run);
    assert_eq!(report["output"], "42!");
    assert_eq!(report["verify"]["mismatches"], 0);
}

#[test]
fn what_traps_in_linked_modules_says_where() {
    let [flag, counter] = COUNTER;
    let fails = ["oracle", "tests/linked/writer.wat", flag, counter, "--invoke", "fails"];
    let report = json(1, &fails);
    assert_eq!(report["trap"]["reason"], "integer divide by zero");
    assert_eq!(report["trap"]["function"], "fails");
}

#[test]
fn what_cannot_be_linked_is_refused() {
    let said = refused(&["oracle", "tests/linked/writer.wat"]);
    assert!(said.contains("import counter.memory"), "{said}");
    let (_folder, other) = file("other.wat", "(module (memory (export \"memory\") 0))");
    let other = format!("counter={other}");
    let said = refused(&["oracle", "tests/linked/writer.wat", "--preload", &other]);
    assert!(said.contains("writer.wat: unknown import: counter.next"), "{said}");
    let (_folder, own) = file("own.wat", "(module (memory 1) (func (export \"f\")))");
    let (_main, main) = file(
        "main.wat",
        "(module (import \"o\" \"f\" (func)) (memory 1) (func (export \"compute\") (param i32)))",
    );
    let said = refused(&["oracle", &main, "--preload", &format!("o={own}")]);
    assert!(said.contains("2 memories"), "{said}");
    refused(&["oracle", &main, "--preload", "nonsense"]);
}
