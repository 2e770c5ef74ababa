//! `hardmax bench`: what it measures is there in every format, and says of what it is.

use std::fs;

use crate::common::command::{at, file, hardmax, json, prints, refused, vector};
use serde_json::Value;

/// What is measured of a program, in this order, where verification has one thread.
const PARTS: [(&str, &str); 5] = [
    ("run", "plan"),
    ("run", "reference"),
    ("verify", "sparse"),
    ("verify", "dgemm"),
    ("verify", "plan"),
];

/// Least, median and most, positive and in this order.
fn spread(value: &Value) -> [f64; 3] {
    let numbers = ["least", "median", "most"].map(|key| value[key].as_f64().unwrap());
    assert!(numbers[0] > 0.0 && numbers.is_sorted() && numbers[2].is_finite(), "{value}");
    numbers
}

#[test]
fn every_number_of_the_report_is_sane() {
    let program = vector("reverse.txt");
    let report = json(0, &["bench", &program, "hello", "--runs", "2", "--threads", "1"]);
    assert_eq!((&report["runs"], &report["attention"]), (&2.into(), &"hull".into()));
    assert_eq!((&report["model"], &report["shape"]["layers"]), (&"built in".into(), &6.into()));
    let machine = &report["machine"];
    assert!(machine["cores"].as_u64() > Some(0) && machine["target"].is_string(), "{machine}");
    assert!(spread(&report["load_seconds"])[2] < 10.0);
    let programs = report["programs"].as_array().unwrap();
    assert_eq!(programs.len(), 2);
    let reverse = &programs[0];
    assert_eq!(reverse["program"], program);
    assert_eq!(
        (&reverse["prompt_tokens"], &reverse["generated_tokens"]),
        (&186.into(), &768.into())
    );
    for program in programs {
        assert_eq!((&program["difference"], &program["halted"]), (&Value::Null, &true.into()));
        let tokens = program["prompt_tokens"].as_u64().unwrap();
        let tokens = tokens + program["generated_tokens"].as_u64().unwrap();
        assert!(program["trace_bytes"].as_u64().unwrap() > 1000);
        assert!(spread(&program["planning_seconds"])[2] < 100.0);
        let parts = program["measurements"].as_array().unwrap();
        let names = parts.iter().map(|part| {
            let name = |key: &str| part[key].as_str().unwrap();
            (name("task"), name("method"))
        });
        assert!(names.eq(PARTS), "{program}");
        for part in parts {
            assert_eq!((&part["tokens"], &part["whole"]), (&tokens.into(), &true.into()));
            assert_eq!((&part["threads"], &part["fallback"]), (&1.into(), &Value::Null));
            let [_, seconds, _] = spread(&part["seconds"]);
            let [least, _, most] = spread(&part["tokens_per_second"]);
            let rate = tokens as f64 / seconds;
            assert!(least <= rate * 1.001 && rate <= most * 1.001, "{part}");
            let history = part["history_bytes"].as_f64().unwrap();
            let each = part["history_bytes_per_token"].as_f64().unwrap();
            assert!(history > 0.0 && (each * tokens as f64 - history).abs() < 1.0, "{part}");
            if cfg!(target_os = "linux") {
                let peak = part["peak_bytes"].as_u64().unwrap();
                assert!((1 << 20..1 << 32).contains(&peak), "{peak}");
            }
            let ratio = spread(&part["ratio"]);
            if part["method"] == "reference" {
                assert_eq!(ratio, [1.0; 3]);
            }
        }
    }
}

#[test]
fn the_reference_may_run_a_prefix_which_is_said() {
    let program = vector("reverse.txt");
    let prefix = ["--runs", "1", "--threads", "1", "--reference-tokens", "100"];
    let report = json(0, &[&["bench", &program], &prefix[..]].concat());
    assert_eq!(report["reference_tokens"], 100);
    for part in report["programs"][0]["measurements"].as_array().unwrap() {
        let is_reference = part["method"] == "reference";
        assert_eq!(part["whole"], !is_reference);
        assert_eq!(part["tokens"], if is_reference { 286 } else { 954 });
    }
    let text = prints(0, hardmax(&["bench", &program]).args(prefix));
    assert!(text.contains("the first 100 of 768 generated tokens"), "{text}");
    let all = ["--runs", "1", "--threads", "1", "--reference-tokens", "all"];
    let report = json(0, &[&["bench", &program], &all[..]].concat());
    assert!(report["reference_tokens"].is_null());
    let text = prints(0, hardmax(&["bench", &program]).args(all));
    assert!(text.contains("all 768 tokens are the same in every run"), "{text}");
}

#[test]
fn a_program_without_end_is_stopped_which_is_said() {
    let (_folder, forever) = file("forever.txt", "{ br ff ff ff ff halt 00 00 00 00 }");
    let limits = ["--runs", "1", "--threads", "1", "--max-tokens", "600"];
    let report = json(0, &[&["bench", &forever], &limits[..]].concat());
    let program = &report["programs"][0];
    assert_eq!((&program["halted"], &program["generated_tokens"]), (&false.into(), &600.into()));
    let text = prints(0, hardmax(&["bench", &forever]).args(limits));
    assert!(text.contains("600 generated tokens, stopped at --max-tokens"), "{text}");
}

#[test]
fn comma_separated_values_have_a_header_and_a_line_for_each_measurement() {
    let program = vector("reverse.txt");
    let text =
        prints(0, &mut hardmax(&["bench", &program, "--runs", "1", "--threads", "1", "--csv"]));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|found| found == name).expect(name);
    let lines: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let names = lines.iter().map(|line| (&line[column("task")], &line[column("method")]));
    assert!(names.eq(PARTS), "{text}");
    for line in &lines {
        assert_eq!((&line[column("program")], &line[column("tokens")]), (&*program, "954"));
        for name in ["tokens_per_second", "ratio", "seconds", "planning_seconds", "load_seconds"] {
            assert!(line[column(name)].parse::<f64>().unwrap() > 0.0, "{name}: {text}");
        }
    }
}

#[test]
fn markdown_has_a_table_with_a_row_for_each_measurement() {
    let program = vector("reverse.txt");
    let text = prints(
        0,
        &mut hardmax(&["bench", &program, "--runs", "1", "--threads", "1", "--markdown"]),
    );
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 2 + PARTS.len(), "{text}");
    let cells = |row: &&str| row.matches('|').count();
    assert!(rows.iter().all(|row| cells(row) == cells(&rows[0])), "{text}");
    assert!(text.contains("\n- hardmax "), "{text}");
}

/// Whatever the program is called.
#[test]
fn a_drawing_is_xml_with_a_bar_for_each_measurement() {
    let name = "a&b <\"c\">.txt";
    let (folder, program) = file(name, fs::read(vector("reverse.txt")).unwrap());
    let drawing = at(&folder, "bench.svg");
    let words = ["bench", &program, "hello", "--runs", "1", "--threads", "1", "--svg", &drawing];
    assert!(prints(0, &mut hardmax(&words)).contains("run by reference"));
    let text = fs::read_to_string(&drawing).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let of_class = |class: &'static str| {
        document.descendants().filter(move |node| node.attribute("class") == Some(class))
    };
    let bars = of_class("run").chain(of_class("verify"));
    let widths: Vec<f64> =
        bars.map(|bar| bar.attribute("width").unwrap().parse().unwrap()).collect();
    assert_eq!(widths.len(), 2 * PARTS.len());
    assert!(widths.iter().all(|width| (0.0..=860.0).contains(width)), "{widths:?}");
    let names: Vec<&str> = of_class("program").filter_map(|node| node.text()).collect();
    assert!(names.len() == 2 && names[0].contains(name), "{names:?}");
    assert!(text.contains("prefers-color-scheme: dark"));
}

#[test]
fn what_cannot_be_measured_or_written_is_refused_before_the_work() {
    let (folder, program) = file("program.txt", fs::read(vector("reverse.txt")).unwrap());
    let error = refused(&["bench", &program, "--svg", &program]);
    assert!(error.contains("this is the program that is read"), "{error}");
    let missing = at(&folder, "missing/bench.svg");
    assert!(refused(&["bench", "sudoku", "--svg", &missing]).contains("cannot be written"));
    let drawing = at(&folder, "bench.svg");
    let error = refused(&["bench", "hello", "soduku", "--svg", &drawing]);
    assert!(error.contains("did you mean sudoku?"), "{error}");
    assert!(refused(&["bench", "hello", "--kernel", "mkl"]).contains("mkl"));
    for words in [["--runs", "0"], ["--reference-tokens", "0"], ["--reference-tokens", "few"]] {
        refused(&[&["bench", "hello"], &words[..]].concat());
    }
    assert!(refused(&["bench", "hello", "--json", "--csv"]).contains("cannot be used with"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
