//! Signals, at whatever moment.

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::common::command::{at, file, vector};
use crate::{FOREVER, HARDMAX, eventually, has_unfinished, is_sound, names, under};

/// The signals that this process does not ignore, and so nothing that it starts: a shell has INT and
/// QUIT ignored by what runs in its background, and `nohup` HUP.
fn heeded<'s>(signals: &[(&'s str, i32)]) -> Vec<(&'s str, i32)> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.map_or(0, |mask| u64::from_str_radix(mask.trim(), 16).unwrap());
    let (ignored, heeded): (Vec<_>, Vec<_>) =
        signals.iter().copied().partition(|(_, number)| mask >> (number - 1) & 1 == 1);
    if !ignored.is_empty() {
        eprintln!("left out, for they are ignored here: {ignored:?}");
    }
    heeded
}

/// What becomes of a process that is to end soon.
fn ends(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if begun.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Sends a signal by its name.
fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

/// Begins to convert a trace that does not end until it is let go: what it writes is unfinished.
fn converting(prefix: &str, output: &str) -> Child {
    let mut child = under(prefix, &["trace", "-", "--output", output])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let whole = fs::read(vector("reverse_ref.txt")).unwrap();
    child.stdin.as_mut().unwrap().write_all(&whole).unwrap();
    let folder = Path::new(output).parent().unwrap();
    eventually("nothing is written", || has_unfinished(folder));
    // The first is there to try the place, and goes at once.
    std::thread::sleep(Duration::from_millis(20));
    eventually("nothing is written", || has_unfinished(folder));
    child
}

#[test]
fn a_signal_leaves_nothing_unfinished_and_ends_the_process_as_it_would() {
    for ending in ["txt", "hmt"] {
        for (signal, number) in heeded(&[("INT", 2), ("TERM", 15), ("HUP", 1), ("QUIT", 3)]) {
            let folder = tempfile::tempdir().unwrap();
            let output = at(&folder, &format!("output.{ending}"));
            fs::write(&output, "older").unwrap();
            let mut child = converting("ulimit -c 0", &output);
            // Waiting would close what the child reads, and let it go.
            let stdin = child.stdin.take();
            send(signal, &child);
            let status = ends(&mut child);
            drop(stdin);
            assert_eq!(status.signal(), Some(number), "{signal}: {status}");
            assert_eq!(names(folder.path()), [format!("output.{ending}")]);
            assert!(fs::read(&output).unwrap() == b"older", "{signal}");
        }
    }
}

/// As `nohup` starts it.
#[test]
fn a_signal_that_is_ignored_stays_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let output = at(&folder, "output.txt");
    let mut child = converting("trap '' HUP INT", &output);
    send("HUP", &child);
    send("INT", &child);
    std::thread::sleep(Duration::from_millis(100));
    assert!(child.try_wait().unwrap().is_none());
    drop(child.stdin.take());
    assert!(ends(&mut child).success());
    assert!(fs::read(&output).unwrap() == fs::read(vector("reverse_ref.txt")).unwrap());
    assert_eq!(names(folder.path()), ["output.txt"]);
}

/// Whenever it comes.
#[test]
fn a_run_that_is_ended_leaves_an_older_trace_or_one_that_was_cut() {
    let (programs, program) = file("forever.txt", FOREVER);
    let mut random = fastrand::Rng::with_seed(7);
    let signals = heeded(&[("INT", 2), ("TERM", 15), ("KILL", 9)]);
    for (round, (signal, _)) in signals.into_iter().cycle().take(18).enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let ending = if round % 3 == round / 3 % 3 { "txt" } else { "hmt" };
        let trace = at(&folder, &format!("trace.{ending}"));
        let older: &[u8] = if round % 2 == 0 { b"older" } else { b"" };
        if !older.is_empty() {
            fs::write(&trace, older).unwrap();
        }
        let mut run = Command::new(HARDMAX);
        run.args(["run", &program, "--trace", &trace]).stderr(Stdio::null());
        let mut child = run.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(random.u64(0..150)));
        send(signal, &child);
        let status = ends(&mut child);
        assert_eq!(status.code(), None, "{status}");
        is_sound(&trace, older, false);
        // What nobody can catch may leave an unfinished file, but no other.
        let left: Vec<String> = names(folder.path());
        let left: Vec<&String> =
            left.iter().filter(|name| signal != "KILL" || !name.starts_with(".hardmax-")).collect();
        assert!(left.is_empty() || left == [&format!("trace.{ending}")], "{signal}: {left:?}");
    }
    assert_eq!(names(programs.path()), ["forever.txt"]);
}

/// What the compiler of C needs meanwhile does not stay.
#[test]
fn a_folder_for_the_compiler_does_not_stay() {
    if heeded(&[("TERM", 15)]).is_empty() {
        return;
    }
    let (folder, source) = file("slow.c", "int x;");
    let temporary = TempDir::new_in(folder.path()).unwrap();
    // A compiler that takes its time.
    let clang = at(&folder, "clang");
    fs::write(&clang, "#!/bin/sh\nexec sleep 5\n").unwrap();
    let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
    fs::set_permissions(&clang, mode).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let mut run = Command::new(HARDMAX);
    run.args(["run", &source]).env("PATH", path).env("TMPDIR", temporary.path());
    let mut child = run.spawn().unwrap();
    eventually("no folder", || has_unfinished(temporary.path()));
    send("TERM", &child);
    let status = ends(&mut child);
    assert_eq!(status.signal(), Some(15));
    assert!(names(temporary.path()).is_empty());
}
