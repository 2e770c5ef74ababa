//! `verify`, `trace`, and what `run` does with traces, as users meet them.

use std::fs;
use std::io::BufReader;
use std::time::{Duration, Instant};

use crate::common::command::{
    at, binary_trace, file, hardmax, json, prints, refused, says, vector,
};
use hardmax::program::binary::{BinaryError, Header, Reader, Writer};
use serde_json::Value;

#[test]
fn a_trace_verifies_from_text_binary_and_a_pipe() {
    let (_folder, path) = binary_trace("reverse");
    for trace in [&vector("reverse_ref.txt"), &path] {
        for attention in ["kinds", "hull", "brute"] {
            let report = json(0, &["verify", trace, "--attention", attention, "--threads", "2"]);
            assert_eq!((&report["positions"], &report["mismatches"]), (&768.into(), &0.into()));
            assert_eq!((&report["threads"], &report["method"]), (&2.into(), &"sparse".into()));
            assert_eq!((&report["end"], &report["cut"]), (&"halted".into(), &false.into()));
        }
        let bytes = fs::read(trace).unwrap();
        let said = says(0, hardmax(&["verify", "-"]).write_stdin(bytes));
        assert!(said.contains("verified 768 generated tokens by sparse: 0 mismatches"), "{said}");
    }
}

#[test]
fn a_sample_says_how_many_positions_it_has() {
    let trace = vector("reverse_ref.txt");
    let report = json(0, &["verify", &trace, "--spot", "50", "--seed", "3"]);
    assert_eq!((&report["positions"], &report["seed"]), (&50.into(), &3.into()));
    assert_eq!((&report["generated_tokens"], &report["method"]), (&768.into(), &"spot".into()));
    let said = says(0, &mut hardmax(&["verify", &trace, "--spot"]));
    assert!(said.contains("768 of 768 (a sample, seed 0)"), "{said}");
}

#[test]
fn a_wrong_token_fails_and_is_named_with_its_instruction() {
    let good = fs::read_to_string(vector("reverse_ref.txt")).unwrap();
    let (folder, path) = file("wrong.txt", good.replacen("out(m)", "out(M)", 1));
    let said = says(1, &mut hardmax(&["verify", &path]));
    for part in [
        ": 1 mismatch,",
        "first mismatch at position ",
        "the trace has `out(M)`",
        "the model predicts `out(m)`",
        "in output at program counter ",
        "every head has the same output",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let report = json(1, &["verify", &path]);
    let first = &report["first_mismatch"];
    assert_eq!((&first["expected"], &first["predicted"]), (&"out(M)".into(), &"out(m)".into()));
    assert!(first["expected_logit"].as_f64() < first["predicted_logit"].as_f64());
    assert_eq!(first["differing_heads"], Value::Array(Vec::new()));

    // The same through binary, and with more after the end.
    let binary = at(&folder, "wrong.hmt");
    hardmax(&["trace", &path, "-o", &binary]).assert().code(0);
    assert_eq!(json(1, &["verify", &binary])["first_mismatch"], *first);
    fs::write(&path, format!("{good}00")).unwrap();
    assert_eq!(json(1, &["verify", &path])["end"], "after_stop");
}

#[test]
fn text_and_binary_convert_into_each_other_without_loss() {
    let (folder, path) = binary_trace("reverse");
    let back = at(&folder, "back.txt");
    hardmax(&["trace", &path, "--output", &back]).assert().code(0);
    assert_eq!(fs::read(&back).unwrap(), fs::read(vector("reverse_ref.txt")).unwrap());
    let again = at(&folder, "again.hmt");
    hardmax(&["trace", &path, "--output", &again]).assert().code(0);
    assert_eq!(fs::read(&again).unwrap(), fs::read(&path).unwrap());
}

#[test]
fn ranges_are_shown_by_position() {
    let (_folder, path) = binary_trace("reverse");
    let expected = json(0, &["trace", &vector("reverse_ref.txt"), "--range", "180..200"]);
    let shown = json(0, &["trace", &path, "--range", "180..200"]);
    assert_eq!(shown["tokens"], expected["tokens"]);
    assert_eq!(shown["tokens"].as_array().unwrap().len(), 20);
    let lines = prints(0, &mut hardmax(&["trace", &path, "--range", "..7"]));
    let first: Vec<&str> = lines.lines().collect();
    assert_eq!(first[0], "0\t{");
    assert!(first.len() == 3 && first[1].starts_with("1\tinput_base "), "{lines}");
    assert!(refused(&["trace", &path, "--range", "954..960"]).contains("954 tokens"));
    hardmax(&["trace", &path, "--range", "9..9"]).assert().code(2);
}

#[test]
fn run_verifies_by_default_and_reports_it() {
    let report = json(0, &["run", &vector("reverse.txt")]);
    let verify = &report["verify"];
    assert_eq!((&verify["method"], &verify["positions"]), (&"sparse".into(), &768.into()));
    assert_eq!(verify["mismatches"], 0);
    for key in ["seconds", "tokens_per_second", "threads"] {
        assert!(verify[key].as_f64().unwrap() > 0.0, "{key}");
    }
    let report = json(0, &["run", &vector("reverse.txt"), "--verify", "spot=9"]);
    assert_eq!(report["verify"]["positions"], 9);
    let report = json(0, &["run", &vector("reverse.txt"), "--verify", "dgemm"]);
    assert_eq!(
        (&report["verify"]["method"], &report["verify"]["mismatches"]),
        (&"dgemm".into(), &0.into())
    );
    assert_eq!(
        json(0, &["run", &vector("reverse.txt"), "--verify", "none"])["verify"],
        Value::Null
    );
    hardmax(&["run", &vector("reverse.txt"), "--verify", "maybe"]).assert().code(2);
}

#[test]
fn run_and_oracle_write_binary_traces_and_check_against_them() {
    let (folder, path) = binary_trace("reverse");
    let trace = at(&folder, "run.hmt");
    let program = vector("reverse.txt");
    for command in ["run", "oracle"] {
        hardmax(&[command, &program, "--trace", &trace, "--check", &path]).assert().code(0);
        assert_eq!(fs::read(&trace).unwrap(), fs::read(&path).unwrap());
    }
}

/// Digests are genuine, for no token of the prompt is concerned: only the names lie.
#[test]
fn a_trace_that_calls_tokens_by_other_names_is_refused() {
    let (folder, path) = binary_trace("reverse");
    let file = BufReader::new(fs::File::open(&path).unwrap());
    let mut reader = Reader::new(file).unwrap();
    let (header, tokens) = (reader.header().clone(), reader.by_ref().map(Result::unwrap));
    let tokens: Vec<u16> = tokens.collect();
    let forged = |header: &Header| {
        let mut writer = Writer::new(Vec::new(), header)?;
        tokens.iter().try_for_each(|&token| writer.push(token)).unwrap();
        let path = at(&folder, "forged.hmt");
        fs::write(&path, writer.finish().unwrap()).unwrap();
        Ok::<_, BinaryError>(path)
    };
    let id = |name: &str| header.names.iter().position(|known| known == name).unwrap();
    let mut swapped = header.clone();
    swapped.names.swap(id("out(H)"), id("out(J)"));
    let error = refused(&["verify", &forged(&swapped).unwrap()]);
    assert!(
        error.contains("\"out(J)\", that of the model at hand (built in) \"out(H)\""),
        "{error}"
    );
    let more = Header { names: [&header.names[..], &["more".into()]].concat(), ..header.clone() };
    assert!(refused(&["verify", &forged(&more).unwrap()]).contains("is called \"more\""));
    let other_stop = Header { stop: header.stop - 1, ..header.clone() };
    assert!(refused(&["verify", &forged(&other_stop).unwrap()]).contains("it ends at token"));
    prints(0, &mut hardmax(&["verify", &forged(&header).unwrap()]));

    // Names that are several words, or another's, are no names.
    for name in ["{ halt 00", "", " 00", "out(J)"] {
        let mut bad = header.clone();
        bad.names[id("out(H)")] = name.to_owned();
        assert!(matches!(forged(&bad), Err(BinaryError::Word { .. } | BinaryError::Twice { .. })));
    }
}

#[test]
fn other_models_bad_files_and_odd_places_are_refused_by_name() {
    let (folder, path) = binary_trace("reverse");
    let mut model = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/models/wasm32.bin")).unwrap();
    // Another name for its first token: still a model, but another.
    assert_eq!(&model[28..30], b"00");
    model[29] = b'~';
    let other = at(&folder, "other.bin");
    fs::write(&other, &model).unwrap();
    let error = refused(&["verify", &path, "--model", &other]);
    assert!(error.contains("trace of another model") && error.contains("reverse.hmt"), "{error}");

    let good = fs::read(&path).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = at(&folder, name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    for (bytes, said) in [
        (flipped(good.len() - 1), "does not have its checksum"),
        (flipped(good.len() - 100), "does not have its checksum"),
        (flipped(100), "header does not have the checksum"),
        (flipped(8), "version 0"),
        (good[..50].to_vec(), "byte 50: the file ends within its header"),
        (Vec::new(), "expected `{`"),
        (b"{ halt 00 00 00 00 } 00 nope".to_vec(), ":1:25: \"nope\" is not a token"),
        (vec![0; 1 << 16], "expected `{`"),
    ] {
        let bad = write("bad.hmt", &bytes);
        for command in ["verify", "trace"] {
            let error = refused(&[command, &bad]);
            assert!(error.contains("bad.hmt") && error.contains(said), "{error}");
        }
    }
    assert!(refused(&["verify", "no/such/trace"]).contains("no/such/trace"));
    assert!(refused(&["verify", "/"]).contains('/'));
    let kernel = ["verify", &path, "--kernel", "mkl"];
    assert!(refused(&kernel).contains("\"mkl\""));
}

#[test]
fn blocks_and_threads_without_measure_are_refused() {
    let numbers = [("--block", "0"), ("--block", "99999999999"), ("--threads", "99999999")];
    for (flag, number) in numbers {
        let error = refused(&["verify", &vector("countdown_ref.txt"), flag, number]);
        assert!(error.contains(flag) && error.contains(number), "{error}");
    }
}

/// What is read once only is told of as far as it can be.
#[cfg(unix)]
#[test]
fn a_mismatch_that_came_through_a_pipe_is_told() {
    let text = fs::read_to_string(vector("reverse_ref.txt")).unwrap();
    let wrong = text.replace("out(x)", "out(y)");
    assert_ne!(wrong, text);
    let (folder, path) = file("wrong.txt", wrong.clone());
    let fifo = at(&folder, "fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let of_file = says(1, &mut hardmax(&["verify", &path]));
    assert!(of_file.contains("first mismatch") && of_file.contains("program counter"), "{of_file}");
    for extra in [&[][..], &["--spot", "2000"]] {
        let writer = std::thread::spawn({
            let (fifo, wrong) = (fifo.clone(), wrong.clone());
            move || fs::write(fifo, wrong).unwrap()
        });
        let said = says(1, hardmax(&["verify", &fifo]).args(extra));
        writer.join().unwrap();
        assert!(said.contains("first mismatch at position"), "{said}");
        assert!(said.contains("cannot be read again"), "{said}");
        let said = says(1, hardmax(&["verify", "-"]).args(extra).write_stdin(wrong.clone()));
        assert!(said.contains("first mismatch") && said.contains("cannot be read again"), "{said}");
    }
}

/// Of what a trace does not have, nothing is verified.
#[test]
fn a_trace_that_is_not_known_to_be_whole_is_not_verified() {
    let text = fs::read_to_string(vector("reverse_ref.txt")).unwrap();
    let words: Vec<&str> = text.split_whitespace().collect();
    let prompt = fs::read_to_string(vector("reverse.txt")).unwrap().split_whitespace().count();
    for (count, said, with_leave) in
        [(words.len() - 1, "it ends before the stop token", 0), (prompt, "nothing was compared", 1)]
    {
        let (_folder, path) = file("cut.txt", words[..count].join(" "));
        for method in ["dgemm", "plan"] {
            let verify = ["verify", &path, "--method", method];
            let report = json(1, &verify);
            assert!(report["unverified"].as_str().unwrap().contains(said), "{report}");
            assert_eq!(report["mismatches"], 0);
            assert!(says(1, &mut hardmax(&verify)).contains("not known to be whole"));
            hardmax(&verify).arg("--allow-cut").assert().code(with_leave);
        }
    }
    let whole = vector("reverse_ref.txt");
    assert_eq!(json(0, &["verify", &whole])["unverified"], Value::Null);
    refused(&["verify", &whole, "--spot", "0"]);
    refused(&["run", &vector("reverse.txt"), "--verify", "spot=0"]);
}

/// A file that goes on where the run has ended is not one that breaks off.
#[test]
fn tokens_after_the_stop_token_are_called_so() {
    let text = fs::read_to_string(vector("countdown_ref.txt")).unwrap() + "01 02\n";
    let (folder, text) = file("after.txt", text);
    let (whole, cut) = (at(&folder, "after.hmt"), at(&folder, "cut.hmt"));
    hardmax(&["trace", &text, "-o", &whole]).assert().code(0);
    let bytes = fs::read(&whole).unwrap();
    // Without the block that is the end.
    fs::write(&cut, &bytes[..bytes.len() - 32]).unwrap();
    for (trace, is_cut) in [(&text, false), (&whole, false), (&cut, true)] {
        let report = json(0, &["trace", trace]);
        assert_eq!((&report["halted"], &report["cut"]), (&false.into(), &is_cut.into()));
        assert_eq!(report["after_stop"], 210);
        let printed = prints(0, &mut hardmax(&["trace", trace]));
        assert!(printed.contains("goes on after the stop token, from position 210"), "{printed}");
        assert_eq!(printed.contains("breaks off"), is_cut);
        for method in ["dgemm", "plan"] {
            let report = json(1, &["verify", trace, "--method", method, "--allow-cut"]);
            assert_eq!((&report["end"], &report["mismatches"]), (&"after_stop".into(), &0.into()));
            let said = report["end_problem"].as_str().unwrap();
            assert!(said.contains("after the stop token, at position 210"), "{said}");
        }
    }
    assert_eq!(json(0, &["trace", &vector("countdown_ref.txt")])["after_stop"], Value::Null);
}

/// A run that is killed leaves a file that verifies up to its last whole block.
#[test]
fn a_killed_run_leaves_a_trace_that_verifies() {
    let (folder, program) = file("forever.txt", "{ br ff ff ff ff halt 00 00 00 00 }");
    let trace = at(&folder, "forever.hmt");
    let mut run = std::process::Command::new(env!("CARGO_BIN_EXE_hardmax"))
        .args(["run", &program, "--trace", &trace, "--verify", "none"])
        .spawn()
        .unwrap();
    let size = || fs::metadata(&trace).map_or(0, |file| file.len());
    let begun = Instant::now();
    let mut sizes = vec![0];
    // Header and prompt, then two blocks.
    while sizes.len() < 4 && begun.elapsed() < Duration::from_secs(120) {
        if size() > sizes[sizes.len() - 1] {
            sizes.push(size());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(sizes.len() == 4, "{sizes:?}");
    let mut whole = None;
    for method in ["dgemm", "plan"] {
        let cut = ["verify", &trace, "--method", method];
        assert!(says(1, &mut hardmax(&cut)).contains("the file breaks off"));
        let report = json(0, &[&cut[..], &["--allow-cut"]].concat());
        assert_eq!((&report["cut"], &report["end"]), (&true.into(), &"open".into()));
        assert_eq!((&report["method"], &report["fallback"]), (&method.into(), &Value::Null));
        let positions = report["positions"].as_u64().unwrap();
        assert!(positions >= 32_768 && positions.is_multiple_of(32_768), "{positions}");
        assert_eq!(*whole.get_or_insert(positions), positions);
    }

    // A copy of it has broken off, too.
    let copy = at(&folder, "copy.hmt");
    assert!(prints(0, &mut hardmax(&["trace", &trace, "-o", &copy])).contains("breaks off"));
    let report = json(1, &["verify", &copy]);
    assert_eq!((&report["cut"], report["positions"].as_u64()), (&true.into(), whole));

    // Torn within its last block, it still does.
    let torn = fs::read(&trace).unwrap();
    fs::write(&trace, &torn[..torn.len() - 3]).unwrap();
    for method in ["dgemm", "plan"] {
        let report = json(0, &["verify", &trace, "--method", method, "--allow-cut"]);
        assert_eq!(report["positions"].as_u64().map(|left| left + 32_768), whole);
    }
}
