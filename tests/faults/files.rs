//! Devices, pipes and streams that fail, and files that change while they are in use.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::command::{at, binary_trace, file, hardmax, prints, refused, says, vector};
use crate::{FOREVER, HARDMAX, ended, eventually, names, text, under};

#[test]
fn a_full_device_is_told() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let full = at(&folder, "full.hmt");
    std::os::unix::fs::symlink("/dev/full", &full).unwrap();
    let (program, reference) = (vector("reverse.txt"), vector("reverse_ref.txt"));
    let writers: [&[&str]; 5] = [
        &["run", &program, "--trace"],
        &["oracle", &program, "--trace"],
        &["trace", &reference, "--output"],
        &["compile", &program, "--output"],
        &["build", "--output"],
    ];
    for words in writers {
        for output in ["/dev/full", &full] {
            let said = says(2, &mut hardmax(&[words, &[output]].concat()));
            assert!(said.contains("cannot be written: No space left on device"), "{said}");
        }
    }
    assert_eq!(names(folder.path()), ["full.hmt"]);
}

/// A stream that is closed is no file that is opened later.
#[test]
fn closed_and_full_streams_change_nothing_of_what_is_done() {
    let program = vector("reverse.txt");
    let reference = fs::read(vector("reverse_ref.txt")).unwrap();
    let streams = ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "2>/dev/full", ">&- 2>/dev/full"];
    for streams in streams
        .iter()
        .filter(|streams| !streams.contains("full") || Path::new("/dev/full").exists())
    {
        let folder = tempfile::tempdir().unwrap();
        for ending in ["txt", "hmt"] {
            let trace = at(&folder, &format!("trace.{ending}"));
            let words = ["run", &program, "--trace", &trace];
            let run = under(&format!("exec {streams}"), &words).output().unwrap();
            assert_eq!(ended(&run), 0, "{streams}");
            prints(0, &mut hardmax(&["verify", &trace]));
            if ending == "txt" {
                assert!(fs::read(&trace).unwrap() == reference, "{streams}");
            }
            let run = under(&format!("exec {streams}"), &["run", "no-such-program"]).output();
            assert_eq!(ended(&run.unwrap()), 2, "{streams}");
        }
    }
}

/// The model is in memory: nothing that happens to its file can reach it.
#[test]
fn a_model_may_be_cut_or_replaced_while_it_is_in_use() {
    let (folder, program) = file("forever.txt", FOREVER);
    for replaces in [false, true] {
        let [model, trace] = ["model.bin", "trace.hmt"].map(|name| at(&folder, name));
        fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/models/wasm32.bin"), &model).unwrap();
        let _ = fs::remove_file(&trace);
        let engine: &[&str] = if replaces { &[] } else { &["--engine", "reference"] };
        let mut run = Command::new(HARDMAX);
        run.args(["run", &program, "--model", &model, "--trace", &trace]).args(engine);
        let words = ["--max-tokens", "20000", "--verify", "spot=100"];
        let child = run.args(words).stderr(Stdio::piped()).spawn().unwrap();
        eventually("no trace", || fs::metadata(&trace).is_ok());
        if replaces {
            fs::remove_file(&model).unwrap();
            fs::write(&model, "no model").unwrap();
        } else {
            fs::File::options().write(true).open(&model).unwrap().set_len(0).unwrap();
        }
        let run = child.wait_with_output().unwrap();
        assert_eq!(ended(&run), 1, "{}", text(&run.stderr));
        assert!(text(&run.stderr).contains("100 of 20,000"), "{}", text(&run.stderr));
    }
}

#[test]
fn pipes_with_names_are_read_where_a_file_may_be_anything() {
    let folder = tempfile::tempdir().unwrap();
    let [program, input] = ["program.txt", "input"].map(|name| at(&folder, name));
    for fifo in [&program, &input] {
        assert!(Command::new("mkfifo").arg(fifo).status().unwrap().success());
    }
    let feed = |path: &str, contents: Vec<u8>| {
        let path = path.to_owned();
        std::thread::spawn(move || fs::write(path, contents).unwrap())
    };
    let feeders = [
        feed(&program, fs::read(vector("reverse.txt")).unwrap()),
        feed(&input, b"stressed".to_vec()),
    ];
    assert_eq!(prints(0, &mut hardmax(&["run", &program, "--input", &input])), "desserts");
    feeders.into_iter().for_each(|feeder| feeder.join().unwrap());
    // A model is read from files only, and a pipe that nobody writes to is not waited for.
    assert!(refused(&["inspect", &input]).contains("not a regular file"));
    // What is written to is not read from.
    let error = refused(&["run", &program, "--trace", &program]);
    assert!(error.contains("this is the program that is read"), "{error}");
}

/// A reader that goes away is told of, and no end of the process.
#[test]
fn a_pipe_whose_reader_goes_is_an_error() {
    let (folder, program) = file("forever.txt", FOREVER);
    let fifo = at(&folder, "pipe.hmt");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let words = ["run", &program, "--trace", &fifo, "--max-tokens", "100000", "--verify", "none"];
    let run = Command::new(HARDMAX).args(words).stderr(Stdio::piped()).spawn().unwrap();
    drop(fs::File::open(&fifo).unwrap());
    let run = run.wait_with_output().unwrap();
    assert_eq!(ended(&run), 2);
    assert!(text(&run.stderr).contains("Broken pipe"), "{}", text(&run.stderr));
}

#[cfg(target_os = "linux")]
#[test]
fn names_of_files_need_not_be_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &[u8]| folder.path().join(OsStr::from_bytes(name));
    let [program, trace, copy, model] =
        [&b"pro\xffgram.txt"[..], b"tr\xfface.hmt", b"co\xfepy.txt", b"m\xffodel.bin"].map(path);
    fs::copy(vector("reverse.txt"), &program).unwrap();
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/models/wasm32.bin"), &model).unwrap();
    let run = |words: &[&OsStr]| Command::new(HARDMAX).args(words).output().unwrap();
    let word = OsStr::new;
    let output = run(&[
        word("run"),
        program.as_os_str(),
        word("--model"),
        model.as_os_str(),
        word("--trace"),
        trace.as_os_str(),
    ]);
    assert_eq!(ended(&output), 0, "{}", text(&output.stderr));
    let output = run(&[word("trace"), trace.as_os_str(), word("-o"), copy.as_os_str()]);
    assert_eq!(ended(&output), 0);
    assert!(fs::read(&copy).unwrap() == fs::read(vector("reverse_ref.txt")).unwrap());
    assert_eq!(ended(&run(&[word("verify"), trace.as_os_str(), word("--json")])), 0);
    assert_eq!(ended(&run(&[word("run"), copy.as_os_str()])), 2);
    assert_eq!(names(folder.path()).len(), 4);
}

/// What a user may not do is told before the work. Root may do everything, and so becomes another.
#[test]
fn permissions_are_asked_before_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &str, mode| {
        let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(mode);
        fs::set_permissions(path, mode).unwrap();
    };
    let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(folder.path()).unwrap());
    let is_root = owner == 0;
    mode(folder.path().to_str().unwrap(), 0o755);
    let program = at(&folder, "forever.txt");
    fs::write(&program, FOREVER).unwrap();
    let [locked, sticky, open] = ["locked", "sticky", "open"].map(|name| at(&folder, name));
    for name in [&locked, &sticky, &open] {
        fs::create_dir(name).unwrap();
        for ending in ["txt", "hmt"] {
            fs::write(format!("{name}/older.{ending}"), "older").unwrap();
            mode(&format!("{name}/older.{ending}"), if *name == open { 0o444 } else { 0o666 });
        }
    }
    mode(&locked, 0o555);
    mode(&sticky, 0o1777);
    mode(&open, 0o777);
    let mut cases = vec![(format!("{locked}/new"), false), (format!("{locked}/older"), true)];
    cases.push((format!("{open}/older"), true));
    // One's own files one may replace there.
    cases.extend(is_root.then(|| (format!("{sticky}/older"), true)));
    for (output, is_there) in cases {
        for ending in ["txt", "hmt"] {
            let output = format!("{output}.{ending}");
            let mut run = Command::new(HARDMAX);
            run.args(["run", &program, "--trace", &output]);
            if is_root {
                std::os::unix::process::CommandExt::uid(&mut run, 65_534);
            }
            // Where others cannot get at the binary itself there is nothing to be seen.
            let Ok(run) = run.output() else { return };
            assert_eq!(ended(&run), 2, "{output}");
            let said = text(&run.stderr);
            assert!(said.contains("cannot be written"), "{output}: {said}");
            assert_eq!(fs::read(&output).ok(), is_there.then(|| b"older".to_vec()), "{output}");
        }
    }
    mode(&locked, 0o755);
}

/// A file that is mounted by itself, as containers have it, cannot be replaced. To mount one takes
/// rights, or a system that gives everyone a space of his own.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_a_mount_point_is_refused_before_the_work() {
    let (folder, program) = file("forever.txt", FOREVER);
    for ending in ["txt", "hmt"] {
        let trace = at(&folder, &format!("a trace.{ending}"));
        fs::write(&trace, "older").unwrap();
        let script = "mount --bind \"$1\" \"$1\" || exit 77; exec \"$0\" run \"$2\" --trace \"$1\"";
        let mut run = Command::new("unshare");
        run.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
        let Ok(run) = run.args([HARDMAX, &trace, &program]).output() else { return };
        let said = text(&run.stderr);
        if said.contains("unshare") || run.status.code() == Some(77) {
            eprintln!("left out, for nothing can be mounted here: {said}");
            return;
        }
        assert_eq!(ended(&run), 2, "{said}");
        assert!(said.contains("it is a mount point"), "{said}");
        assert_eq!(fs::read(&trace).unwrap(), b"older");
    }
}

/// Who finds another file at the end has lost his own.
#[test]
fn a_trace_that_was_replaced_or_removed_meanwhile_is_told() {
    let (folder, program) = file("forever.txt", FOREVER);
    for removes in [false, true] {
        let trace = at(&folder, if removes { "removed.hmt" } else { "replaced.hmt" });
        let words = ["run", &program, "--trace", &trace, "--verify", "none"];
        let mut run = Command::new(HARDMAX);
        // Enough for the time until it is noticed that it began.
        run.args(words).args(["--max-tokens", "10000000"]).stderr(Stdio::piped());
        let child = run.spawn().unwrap();
        eventually("no trace", || fs::metadata(&trace).is_ok());
        fs::remove_file(&trace).unwrap();
        if !removes {
            fs::write(&trace, "another").unwrap();
        }
        let run = child.wait_with_output().unwrap();
        assert_eq!(ended(&run), 2, "{}", text(&run.stderr));
        assert!(text(&run.stderr).contains("replaced or removed"), "{}", text(&run.stderr));
        assert_eq!(fs::read(&trace).ok(), (!removes).then(|| b"another".to_vec()));
    }
}

/// An older trace is never open to be written: who reads it meanwhile reads it to its end.
#[test]
fn who_reads_a_trace_while_it_is_replaced_reads_the_older_one() {
    let (folder, trace) = binary_trace("reverse");
    let older = fs::read(&trace).unwrap();
    let mut reading = fs::File::open(&trace).unwrap();
    let program = vector("countdown.txt");
    hardmax(&["run", &program, "--trace", &trace]).assert().code(0);
    let mut read = Vec::new();
    std::io::Read::read_to_end(&mut reading, &mut read).unwrap();
    assert!(read == older && fs::read(&trace).unwrap() != older);
    assert_eq!(names(folder.path()), ["reverse.hmt"]);
}
