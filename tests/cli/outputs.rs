//! Where outputs go: files, links, devices, pipes and standard streams, alike for every command
//! that writes.

use std::fs;

use crate::common::command::{
    at, binary_trace, file, hardmax, json, prints, refused, says, vector,
};
use tempfile::TempDir;

/// A program that ends only when it is ended.
const FOREVER: &str = "{ br ff ff ff ff halt 00 00 00 00 }";

/// Every way to write an output, but for its path, which follows: as text, or in binary.
fn writers() -> Vec<Vec<String>> {
    let (program, trace) = (vector("reverse.txt"), vector("reverse_ref.txt"));
    let writers: [&[&str]; 6] = [
        &["run", &program, "--verify", "none", "--trace"],
        &["oracle", &program, "--trace"],
        &["trace", &trace, "--output"],
        &["compile", &program, "--output"],
        &["build", "--output"],
        &["export", "--safetensors"],
    ];
    writers.map(|words| words.iter().map(|word| word.to_string()).collect()).into()
}

/// The command of a writer with its output.
fn writing(writer: &[String], output: &str) -> assert_cmd::Command {
    let mut words: Vec<&str> = writer.iter().map(String::as_str).collect();
    words.push(output);
    hardmax(&words)
}

/// Names in a folder.
fn names(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What cannot be written is told before the work, which would not end here.
#[test]
fn a_place_that_cannot_be_written_is_told_before_the_run() {
    let (folder, program) = file("forever.txt", FOREVER);
    let long = "a".repeat(300);
    for name in ["missing/trace", "forever.txt/trace", "new/", &long, ""] {
        for ending in ["txt", "hmt"] {
            let trace = match name {
                "new/" => at(&folder, name),
                "" => folder.path().to_str().unwrap().to_owned(),
                name => at(&folder, &format!("{name}.{ending}")),
            };
            for command in ["run", "oracle"] {
                let error = refused(&[command, &program, "--trace", &trace]);
                assert!(error.contains(&trace) && error.contains("cannot be written"), "{error}");
            }
        }
    }
    for writer in writers() {
        says(2, &mut writing(&writer, &at(&folder, "missing/output")));
        let error = says(2, &mut writing(&writer, "-"));
        assert!(error.contains("give /dev/stdout for standard output"), "{error}");
    }
    assert_eq!(names(&folder), ["forever.txt"]);
}

/// An older trace is there until nothing but the run itself can fail.
#[test]
fn an_older_trace_outlives_everything_that_is_refused() {
    let (folder, bad) = file("bad.txt", "{ nonsense");
    let program = vector("reverse.txt");
    for ending in ["txt", "hmt"] {
        let trace = at(&folder, &format!("trace.{ending}"));
        fs::write(&trace, "older").unwrap();
        let failing: [&[&str]; 6] = [
            &["run", &bad],
            &["run", &program, "--check", &bad],
            &["run", &program, "--model", &bad],
            &["run", &program, "--kernel", "mkl"],
            &["oracle", &bad],
            &["oracle", &program, "--check", &bad],
        ];
        for words in failing {
            refused(&[words, &["--trace", &trace]].concat());
            assert_eq!(fs::read(&trace).unwrap(), b"older", "{words:?}");
        }
        refused(&["trace", &bad, "--output", &trace]);
        assert_eq!(fs::read(&trace).unwrap(), b"older");
    }
    assert_eq!(names(&folder), ["bad.txt", "trace.hmt", "trace.txt"]);
}

#[test]
fn json_reports_name_files_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let output = at(&folder, "a\u{1b}[31mb.txt");
    let report = json(0, &["compile", &vector("reverse.txt"), "--output", &output]);
    assert_eq!(report["output"], output);
}

#[cfg(unix)]
mod unix {
    use std::fs::{File, OpenOptions};
    use std::io::{Seek, SeekFrom, Write};
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
    use std::process::{Command, Stdio};

    use super::*;

    /// The binary, for what `assert_cmd` does not redirect.
    fn process(words: &[String]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hardmax"));
        command.args(words).current_dir(env!("CARGO_MANIFEST_DIR"));
        command
    }

    /// A log file that is standard output or standard error keeps what it has.
    #[test]
    fn what_goes_to_a_standard_stream_stands_behind_what_is_there() {
        let (_folder, path) = file("log", "before\n");
        for writer in writers() {
            for (stream, appends) in [("stdout", true), ("stdout", false), ("stderr", true)] {
                fs::write(&path, "before\n").unwrap();
                let mut log = OpenOptions::new().write(true).append(appends).open(&path).unwrap();
                log.seek(SeekFrom::End(0)).unwrap();
                let mut command = process(&writer);
                // By its name as by its own, so that both are written by the one handle.
                command.arg(if appends { format!("/dev/{stream}") } else { path.clone() });
                let output = log.try_clone().unwrap();
                match stream {
                    "stdout" => command.stdout(output).stderr(Stdio::null()),
                    _ => command.stderr(output).stdout(Stdio::null()),
                };
                assert_eq!(command.status().unwrap().code(), Some(0), "{writer:?}");
                log.write_all(b"after\n").unwrap();
                let text = fs::read(&path).unwrap();
                assert!(text.starts_with(b"before\n") && text.ends_with(b"after\n"), "{writer:?}");
                assert!(text.len() > 500, "{writer:?}");
            }
        }
    }

    /// Program output and trace would be mixed into what is neither.
    #[test]
    fn a_binary_trace_needs_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = at(&folder, "trace.hmt");
        let stdout = File::create(&path).unwrap();
        let words = ["run", "hello", "--trace", &path].map(str::to_owned);
        let run = process(&words).stdout(stdout).output().unwrap();
        assert_eq!(run.status.code(), Some(2));
        assert!(String::from_utf8(run.stderr).unwrap().contains("needs a file of its own"));
        assert_eq!(fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn devices_and_pipes_are_written_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let [null, fifo] = ["null.hmt", "pipe.hmt"].map(|name| at(&folder, name));
        symlink("/dev/null", &null).unwrap();
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        for writer in writers() {
            for device in ["/dev/null", &null] {
                writing(&writer, device).assert().code(0);
            }
            let file = at(&folder, "file.hmt");
            writing(&writer, &file).assert().code(0);
            let reader = std::thread::spawn({
                let fifo = fifo.clone();
                move || fs::read(fifo).unwrap()
            });
            writing(&writer, &fifo).assert().code(0);
            assert!(reader.join().unwrap() == fs::read(&file).unwrap(), "{writer:?}");
        }
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
        assert!(fs::metadata(&fifo).unwrap().file_type().is_fifo());
        assert_eq!(names(&folder), ["file.hmt", "null.hmt", "pipe.hmt"]);
    }

    /// A file that is open has a name of its own.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_number_of_an_open_file_is_no_name_for_it() {
        let (_folder, path) = file("open", "as it was");
        let script = format!("exec \"$0\" run hello --trace /dev/fd/7 7>>{path}");
        let run = Command::new("sh").args(["-c", &script, env!("CARGO_BIN_EXE_hardmax")]).output();
        let run = run.unwrap();
        assert_eq!(run.status.code(), Some(2));
        assert!(String::from_utf8(run.stderr).unwrap().contains("give its own name"));
        assert_eq!(fs::read(&path).unwrap(), b"as it was");
    }

    #[test]
    fn an_output_that_is_an_input_is_refused_by_every_name() {
        let (folder, trace) = binary_trace("reverse");
        let [model, program, input, wat] =
            ["model.bin", "program.txt", "input.txt", "gcd.wat"].map(|name| at(&folder, name));
        fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/models/wasm32.bin"), &model).unwrap();
        fs::copy(vector("reverse.txt"), &program).unwrap();
        fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/programs/gcd.wat"), &wat).unwrap();
        fs::write(&input, "some input").unwrap();
        let cases: [(&str, &str, &[&str], &str); 12] = [
            ("the model", &model, &["run", &program, "--model", &model], "--trace"),
            ("the program", &program, &["run", &program], "--trace"),
            ("the input", &input, &["run", &program, "--input", &input], "--trace"),
            ("the trace", &trace, &["run", &program, "--check", &trace], "--trace"),
            ("the program", &program, &["oracle", &program], "--trace"),
            ("the input", &input, &["oracle", &program, "--input", &input], "--trace"),
            ("the trace", &trace, &["oracle", &program, "--check", &trace], "--trace"),
            ("the trace", &trace, &["trace", &trace], "--output"),
            ("the model", &model, &["trace", &trace, "--model", &model], "--output"),
            ("the program", &program, &["compile", &program], "--output"),
            ("the program", &wat, &["compile", &wat], "--output"),
            ("the input", &input, &["compile", &program, "--input", &input], "--output"),
        ];
        let links = ["symbolic.hmt", "hard.hmt"].map(|name| at(&folder, name));
        for (what, path, words, flag) in cases {
            let before = fs::read(path).unwrap();
            symlink(path, &links[0]).unwrap();
            fs::hard_link(path, &links[1]).unwrap();
            let file_name = path.rsplit('/').next().unwrap();
            let roundabout = at(
                &folder,
                &format!("./../{}", folder.path().file_name().unwrap().to_str().unwrap()),
            );
            let roundabout = format!("{roundabout}/{file_name}");
            for output in [path, &links[0], &links[1], &roundabout] {
                let error = refused(&[words, &[flag, output]].concat());
                assert!(error.contains(&format!("this is {what} that is read")), "{error}");
                assert!(error.contains(path), "{error}");
            }
            assert!(fs::read(path).unwrap() == before, "{words:?}");
            links.iter().for_each(|link| fs::remove_file(link).unwrap());
        }
        // From standard input, too.
        let before = fs::read(&trace).unwrap();
        let words = ["trace", "-", "-o", &trace].map(str::to_owned);
        let run = process(&words).stdin(File::open(&trace).unwrap()).output().unwrap();
        assert_eq!(run.status.code(), Some(2));
        assert!(fs::read(&trace).unwrap() == before);
        // A bundled program is no file, and what has its name no input.
        let mut compile = hardmax(&["compile", "hello", "-o", "hello"]);
        compile.current_dir(folder.path()).assert().code(0);
        compile.assert().code(0);
    }

    #[test]
    fn links_are_followed_alike_by_all_writers() {
        let folder = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let target = at(&other, "target.hmt");
        let [first, second] = ["first.hmt", "second.hmt"].map(|name| at(&folder, name));
        symlink("second.hmt", &first).unwrap();
        symlink(&target, &second).unwrap();
        for writer in writers() {
            for older in [None, Some("older")] {
                let hard = at(&other, "hard.hmt");
                if let Some(older) = older {
                    fs::write(&target, older).unwrap();
                    fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
                    fs::hard_link(&target, &hard).unwrap();
                }
                writing(&writer, &first).assert().code(0);
                for link in [&first, &second] {
                    assert!(fs::symlink_metadata(link).unwrap().is_symlink(), "{writer:?}");
                }
                assert!(fs::metadata(&target).unwrap().len() > 100, "{writer:?}");
                if let Some(older) = older {
                    assert_eq!(fs::metadata(&target).unwrap().mode() & 0o777, 0o640, "{writer:?}");
                    assert_eq!(fs::read_to_string(&hard).unwrap(), older, "{writer:?}");
                    fs::remove_file(&hard).unwrap();
                }
                fs::remove_file(&target).unwrap();
            }
        }
        // Around in a circle, or to where nothing can be.
        fs::remove_file(&second).unwrap();
        symlink("first.hmt", &second).unwrap();
        let [nowhere, folded] = ["nowhere.hmt", "folded.hmt"].map(|name| at(&folder, name));
        symlink("missing/target", &nowhere).unwrap();
        symlink("missing/", &folded).unwrap();
        for writer in writers() {
            for output in [&first, &nowhere, &folded] {
                says(2, &mut writing(&writer, output));
            }
        }
        assert_eq!(names(&folder), ["first.hmt", "folded.hmt", "nowhere.hmt", "second.hmt"]);
    }

    /// A file that nobody could write to is not replaced either: here a program that is running.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_cannot_be_written_to_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let copy = at(&folder, "sleep");
        fs::copy("/bin/sleep", &copy).unwrap();
        let mut sleep = Command::new(&copy).arg("60").spawn().unwrap();
        for writer in writers() {
            let said = says(2, &mut writing(&writer, &copy));
            assert!(said.contains("cannot be written: Text file busy"), "{said}");
        }
        sleep.kill().unwrap();
        sleep.wait().unwrap();
        assert!(fs::read(&copy).unwrap() == fs::read("/bin/sleep").unwrap());
    }

    /// Permission to act as the file's owner was given to another file.
    #[test]
    fn a_replaced_file_no_longer_acts_as_its_owner() {
        let (_folder, path) = file("output.txt", "older");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o6755)).unwrap();
        hardmax(&["compile", "hello", "--output", &path]).assert().code(0);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o755);
    }

    /// What the run did is not lost with its output.
    #[test]
    fn a_broken_standard_output_costs_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let program = vector("reverse.txt");
        for command in ["run", "oracle"] {
            for ending in ["txt", "hmt"] {
                for json in [false, true] {
                    let trace = at(&folder, &format!("trace.{ending}"));
                    let mut words = vec![command, &program, "--trace", &trace];
                    words.extend(json.then_some("--json"));
                    let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
                    let (reader, writer) = std::io::pipe().unwrap();
                    drop(reader);
                    let full = OpenOptions::new().write(true).open("/dev/full");
                    let mut streams: Vec<Stdio> = vec![writer.into()];
                    streams.extend(full.map(Stdio::from));
                    for stdout in streams {
                        let run = process(&words).stdout(stdout).output().unwrap();
                        let said = String::from_utf8(run.stderr).unwrap();
                        assert_eq!(run.status.code(), Some(2), "{said}");
                        assert!(said.contains("error: standard output: "), "{said}");
                        assert!(said.contains(&format!("{trace}: the trace is whole")), "{said}");
                        prints(0, &mut hardmax(&["verify", &trace]));
                        fs::remove_file(&trace).unwrap();
                    }
                }
            }
        }
        assert!(names(&folder).is_empty());
    }

    /// Help that nobody got is not given.
    #[test]
    fn every_command_says_that_standard_output_is_full() {
        if !std::path::Path::new("/dev/full").exists() {
            return;
        }
        let (_folder, trace) = binary_trace("reverse");
        let commands: [&[&str]; 8] = [
            &["--help"],
            &["--version"],
            &["inspect"],
            &["programs"],
            &["trace", &trace],
            &["trace", &trace, "--range", ".."],
            &["compile", "hello", "--listing"],
            &["generate", "completions", "bash"],
        ];
        for words in commands {
            let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
            let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
            let run = process(&words).stdout(full).output().unwrap();
            let said = String::from_utf8(run.stderr).unwrap();
            assert_eq!(run.status.code(), Some(2), "{words:?}: {said}");
            assert!(said.contains("standard output: No space left"), "{words:?}: {said}");
        }
    }
}
