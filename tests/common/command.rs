//! The binary as its users call it, and the files that tests give it.

use std::fs;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// The binary with arguments, in the root of the repository. Wherever it makes threads
/// without saying so, their stacks are small.
pub fn hardmax(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("hardmax").unwrap();
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env("RUST_MIN_STACK", "131072");
    command.args(arguments);
    command
}

/// Runs to an exit code, and returns what is printed to standard output.
pub fn prints(code: i32, command: &mut Command) -> String {
    let run = command.assert().code(code);
    String::from_utf8(run.get_output().stdout.clone()).unwrap()
}

/// Runs to an exit code, and returns what is said on standard error.
pub fn says(code: i32, command: &mut Command) -> String {
    let run = command.assert().code(code);
    String::from_utf8(run.get_output().stderr.clone()).unwrap()
}

/// Runs to exit code 2, with nothing on standard output; returns the error.
pub fn refused(arguments: &[&str]) -> String {
    let run = hardmax(arguments).assert().code(2).stdout("");
    let error = String::from_utf8(run.get_output().stderr.clone()).unwrap();
    assert!(error.starts_with("error: ") && !error.contains("panicked"), "{error}");
    error
}

/// Runs to an exit code, and returns the report for machines.
pub fn json(code: i32, arguments: &[&str]) -> Value {
    // Not at the end, where `--invoke` takes everything for arguments.
    let (command, rest) = arguments.split_first().unwrap();
    let report = prints(code, hardmax(&[command, "--json"]).args(rest));
    serde_json::from_str(&report).unwrap()
}

/// The path of a file of the conformance vectors.
pub fn vector(name: &str) -> String {
    format!("{}/tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A folder with one file, and the file's path.
pub fn file(name: &str, contents: impl AsRef<[u8]>) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = at(&folder, name);
    fs::write(&path, contents).unwrap();
    (folder, path)
}

/// A folder with the trace of a conformance vector in binary, and the trace's path.
pub fn binary_trace(name: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = at(&folder, &format!("{name}.hmt"));
    let text = vector(&format!("{name}_ref.txt"));
    hardmax(&["trace", &text, "--output", &path]).assert().code(0);
    (folder, path)
}

/// A path within a folder.
pub fn at(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).into_os_string().into_string().unwrap()
}

/// Whether C can be compiled; says so where a test is left out.
pub fn clang() -> bool {
    let has = |name: &str| {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&paths).any(|folder| folder.join(name).is_file())
    };
    let found = has("clang") && has("wasm-ld");
    if !found {
        eprintln!("left out: there is no clang with wasm-ld here");
    }
    found
}
