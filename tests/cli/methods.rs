//! The methods of verification, and hostile traces, as users meet them.

use std::fs::{self, File};
use std::time::{Duration, Instant};

use crate::common::command::{at, binary_trace, file, hardmax, json, says, vector};
use serde_json::Value;

#[test]
fn run_and_verify_go_through_the_plan() {
    let (program, trace) = (vector("reverse.txt"), vector("reverse_ref.txt"));
    let run = json(0, &["run", &program, "--verify", "plan"]);
    let reference = json(0, &["run", &program, "--engine", "reference", "--verify", "plan"]);
    let verify = json(0, &["verify", &trace, "--method", "plan"]);
    assert!(verify["load_seconds"].as_f64().unwrap() > 0.0);
    for report in [&run["verify"], &reference["verify"], &verify] {
        assert_eq!((&report["method"], &report["fallback"]), (&"plan".into(), &Value::Null));
        assert_eq!((&report["positions"], &report["mismatches"]), (&768.into(), &0.into()));
        for key in ["seconds", "tokens_per_second", "threads"] {
            assert!(report[key].as_f64().unwrap() > 0.0, "{key}");
        }
    }
    let said = says(0, &mut hardmax(&["verify", &trace, "--method", "plan"]));
    assert!(said.contains("generated tokens by plan: 0 mismatches"), "{said}");
    assert!(!said.contains("dgemm") && !said.contains("sparse"), "{said}");
    // The flag's name in earlier versions.
    assert_eq!(json(0, &["verify", &trace, "--road", "plan"])["method"], "plan");
    hardmax(&["verify", &trace, "--method", "plan", "--spot", "5"]).assert().code(2);
    hardmax(&["verify", &trace, "--method", "hull"]).assert().code(2);
    hardmax(&["verify", &trace, "--method", "spot"]).assert().code(2);
}

#[test]
fn a_wrong_token_is_reported_alike_by_every_method() {
    let good = fs::read_to_string(vector("reverse_ref.txt")).unwrap();
    let (_folder, path) = file("wrong.txt", good.replacen("out(m)", "out(M)", 1));
    let wrong = |method| json(1, &["verify", &path, "--method", method]);
    let (plan, dgemm, sparse) = (wrong("plan"), wrong("dgemm"), wrong("sparse"));
    assert_eq!((&dgemm["method"], &dgemm["products"]), (&"dgemm".into(), &"dense".into()));
    assert_eq!((&sparse["method"], &sparse["products"]), (&"sparse".into(), &"sparse".into()));
    assert_eq!(sparse["first_mismatch"], dgemm["first_mismatch"]);
    assert_eq!((&plan["method"], &plan["mismatches"]), (&"plan".into(), &1.into()));
    assert_eq!(plan["first_mismatch"], dgemm["first_mismatch"]);
    assert!(plan["first_mismatch"]["expected_logit"].is_f64());
    assert_eq!(plan["first_mismatch"]["differing_heads"], Value::Array(Vec::new()));
}

#[test]
fn where_the_plan_does_not_go_is_said() {
    let good = fs::read_to_string(vector("reverse_ref.txt")).unwrap();
    let (_folder, path) = file("opens.txt", good.replacen("out(m)", "{", 1));
    let arguments = ["verify", &path, "--method", "plan"];
    let report = json(1, &arguments);
    assert_eq!(report["fallback"]["reason"], "second-bos");
    assert_eq!(report["fallback"]["position"], report["first_mismatch"]["position"]);
    let said = says(1, &mut hardmax(&arguments));
    assert!(
        said.contains("on by sparse")
            && said.contains("the token that prompts begin with came again"),
        "{said}"
    );
}

#[test]
fn the_trace_of_another_program_fails() {
    let trace = fs::read_to_string(vector("reverse_ref.txt")).unwrap();
    let prompt = fs::read_to_string(vector("reverse.txt")).unwrap();
    assert!(trace.starts_with(prompt.trim_end()));
    let other = fs::read_to_string(vector("countdown.txt")).unwrap();
    let other = trace.replacen(prompt.trim_end(), other.trim_end(), 1);
    let (_folder, path) = file("other.txt", other);
    for method in ["sparse", "dgemm", "plan"] {
        let report = json(1, &["verify", &path, "--method", method]);
        assert!(report["mismatches"].as_u64().unwrap() > 0);
    }
}

/// Whatever byte is wrong: an error that names the file, or a mismatch, and nothing worse.
#[test]
fn flipped_bytes_are_errors_or_mismatches() {
    let good = vector("countdown_ref.txt");
    let (folder, binary) = binary_trace("countdown");
    let bad = at(&folder, "bad");
    let mut random = fastrand::Rng::with_seed(3);
    for (file, codes) in [(&good, &[1, 2][..]), (&binary, &[2])] {
        let bytes = fs::read(file).unwrap();
        for method in ["sparse", "dgemm", "plan"] {
            for _ in 0..12 {
                let mut flipped = bytes.clone();
                flipped[random.usize(0..bytes.len())] ^= 0x20;
                fs::write(&bad, &flipped).unwrap();
                let output = hardmax(&["verify", &bad, "--method", method]).output().unwrap();
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(codes.contains(&output.status.code().unwrap()), "{said}");
                assert!(said.contains("bad") || said.contains("mismatch"), "{said}");
            }
        }
    }
}

/// Files of 10 GB that are almost only holes, in a gigabyte of address space.
#[test]
#[cfg(target_os = "linux")]
fn sparse_files_of_ten_gigabytes_are_errors_soon_and_in_little_memory() {
    let good = vector("reverse_ref.txt");
    let (folder, binary) = binary_trace("reverse");
    let binary = fs::read(binary).unwrap();
    // Without the block that ends it, so that more may follow.
    let open = &binary[..binary.len() - 32];
    let file = at(&folder, "sparse.txt");
    for beginning in [&b""[..], b"{", &fs::read(&good).unwrap(), &binary, open] {
        fs::write(&file, beginning).unwrap();
        File::options().write(true).open(&file).unwrap().set_len(10 << 30).unwrap();
        let commands: [&[&str]; 7] = [
            &["verify", "FILE"],
            &["verify", "FILE", "--method", "plan"],
            &["trace", "FILE", "--range", "5000.."],
            &["run", "FILE"],
            &["run", &vector("reverse.txt"), "--check", "FILE"],
            &["oracle", &vector("reverse.txt"), "--check", "FILE"],
            &["oracle", &vector("reverse.txt"), "--input", "FILE"],
        ];
        for command in commands {
            let begun = Instant::now();
            let limited = format!(
                "ulimit -v 1048576; exec {} {}",
                env!("CARGO_BIN_EXE_hardmax"),
                command.join(" ").replace("FILE", &file)
            );
            let output = std::process::Command::new("sh").args(["-c", &limited]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{command:?}: {said}");
            assert!(said.contains("sparse.txt"), "{command:?}: {said}");
            assert!(begun.elapsed() < Duration::from_secs(20), "{command:?}");
        }
    }
}
