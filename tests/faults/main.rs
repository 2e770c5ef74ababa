//! What goes wrong around a process: signals, limits, full disks, streams that are closed, files
//! that change while they are in use. Whatever happens, an output is whole, or a trace that says
//! of itself that it was cut, or what it was before.

#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;
mod files;
mod limits;
mod signals;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use common::command::hardmax;

const HARDMAX: &str = env!("CARGO_BIN_EXE_hardmax");

/// A program that ends only when it is ended.
const FOREVER: &str = "{ br ff ff ff ff halt 00 00 00 00 }";

/// The binary under what a shell sets for it.
fn under(limits: &str, words: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{limits}; exec \"$0\" \"$@\""), HARDMAX]).args(words);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Waits for something to be so.
fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.unwrap().file_name().to_string_lossy().into_owned()
    };
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

/// Whether a file is being written beside its place.
fn has_unfinished(folder: &Path) -> bool {
    names(folder).iter().any(|name| name.starts_with(".hardmax-"))
}

/// What there is of a trace is the older one, or one that was cut, or whole only where it may be.
fn is_sound(trace: &str, older: &[u8], may_be_whole: bool) {
    let Ok(bytes) = fs::read(trace) else { return };
    if bytes == older {
        return;
    }
    let verify = hardmax(&["verify", trace, "--method", "plan"]).output().unwrap();
    let said = String::from_utf8(verify.stderr).unwrap();
    match verify.status.code() {
        Some(0) => assert!(may_be_whole, "{said}"),
        Some(1) => assert!(
            said.contains(": 0 mismatches") && said.contains("not known to be whole"),
            "{said}"
        ),
        code => panic!("{code:?}: {said}"),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An end that was not a crash: no signal, no panic.
fn ended(run: &Output) -> i32 {
    let said = text(&run.stderr);
    assert!(!said.contains("panicked"), "{said}");
    run.status.code().unwrap_or_else(|| panic!("{}: {said}", run.status))
}
