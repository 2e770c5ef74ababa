//! Limits that the system sets for a process.

use std::fs;

use crate::common::command::{at, file, hardmax, json, prints, vector};
use crate::{FOREVER, ended, has_unfinished, is_sound, names, text, under};

/// A file that grows beyond what it may is an error of the write, and no end of the process.
#[test]
fn a_file_that_may_not_grow_is_told_and_not_left_half_written() {
    let program = vector("reverse.txt");
    let reference = vector("reverse_ref.txt");
    let writers: [&[&str]; 6] = [
        &["run", &program, "--trace", "trace.txt"],
        &["run", &program, "--trace", "trace.hmt"],
        &["oracle", &program, "--trace", "trace.hmt"],
        &["trace", &reference, "--output", "trace.hmt"],
        &["compile", "hello", "--output", "hello.txt"],
        &["build", "--output", "model.bin"],
    ];
    for words in writers {
        for older in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let name = words[words.len() - 1];
            if older {
                fs::write(folder.path().join(name), "older").unwrap();
            }
            let mut command = under("ulimit -f 1", words);
            let run = command.current_dir(folder.path()).output().unwrap();
            assert_eq!(ended(&run), 2, "{words:?}: {}", text(&run.stderr));
            let said = text(&run.stderr);
            assert!(said.contains(name) && said.contains("File too large"), "{said}");
            assert_eq!(names(folder.path()), if older { vec![name] } else { vec![] }, "{words:?}");
            if older {
                assert_eq!(fs::read(folder.path().join(name)).unwrap(), b"older");
            }
        }
    }
}

/// A disk that is full in the middle of a run.
#[test]
fn a_trace_that_could_not_be_written_on_was_cut() {
    let (folder, program) = file("forever.txt", FOREVER);
    let trace = at(&folder, "trace.hmt");
    // The header and some blocks, but not those of ten million tokens.
    let words =
        ["run", &program, "--trace", &trace, "--max-tokens", "10000000", "--verify", "none"];
    let run = under("ulimit -f 40", &words).output().unwrap();
    assert_eq!(ended(&run), 2);
    let said = text(&run.stderr);
    assert!(said.contains("trace.hmt: cannot be written: "), "{said}");
    assert!(said.contains("the run goes on, and its trace stays cut"), "{said}");
    assert!(fs::metadata(&trace).unwrap().len() > 16_384);
    is_sound(&trace, b"", false);
    let verified = json(1, &["verify", &trace, "--method", "plan"]);
    assert!(verified["positions"].as_u64() > Some(32_768), "{verified}");
}

/// With few of whatever a process needs it does its work or says why not; only memory that the
/// system refuses ends it at once.
#[test]
fn small_limits_are_no_crash_and_no_half_of_a_file() {
    let program = vector("reverse.txt");
    let files = (3..12).map(|count| format!("ulimit -n {count}"));
    let memory = [20_000, 40_000, 80_000, 160_000, 4_000_000].map(|kb| format!("ulimit -v {kb}"));
    let stacks = [64, 256, 1024].map(|kb| format!("ulimit -s {kb}"));
    let processes = ["ulimit -u 1 2>/dev/null".to_owned()];
    let mut succeeded = 0;
    for limit in files.chain(memory).chain(stacks).chain(processes) {
        for ending in ["txt", "hmt"] {
            let folder = tempfile::tempdir().unwrap();
            let trace = at(&folder, &format!("trace.{ending}"));
            fs::write(&trace, "older").unwrap();
            let run = under(&limit, &["run", &program, "--trace", &trace]).output().unwrap();
            let said = text(&run.stderr);
            assert!(!said.contains("panicked"), "{limit}: {said}");
            match run.status.code() {
                Some(0) => {
                    prints(0, &mut hardmax(&["verify", &trace]));
                    assert_eq!(text(&run.stdout), "xamdrah");
                    succeeded += 1;
                }
                // A limit under which not even the loader or the shell can work: 126 or 127.
                code => {
                    let refused = matches!(code, Some(2 | 126 | 127));
                    let no_memory = limit.contains("-v") && !run.status.success();
                    assert!(refused || no_memory, "{limit}: {}: {said}", run.status);
                    is_sound(&trace, b"older", true);
                }
            }
            assert!(!has_unfinished(folder.path()), "{limit}");
        }
    }
    assert!(succeeded > 10, "{succeeded}");
}

#[test]
fn one_thread_is_enough() {
    let run = ["run", &vector("reverse.txt"), "--threads", "1", "--verify", "plan"];
    assert_eq!(json(0, &run)["verify"]["threads"], 1);
}
