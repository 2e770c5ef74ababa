//! What is decided before the crate is compiled: which BLAS it multiplies by, and how
//! `hardmax --version` and reports call this build.
//!
//! Nothing here is needed to build: without git, or from a source archive, the commit is left
//! out, and nothing is fetched or searched for. The same sources for the same target give the
//! same text.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is compiled. The script runs again when one of these changes, and a build is
/// *modified* if one of them differs from the commit.
const SOURCES: &[&str] = &["Cargo.toml", "Cargo.lock", "build.rs", "src", "models", "programs"];

fn main() {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    for source in SOURCES.iter().filter(|source| root.join(source).exists()) {
        println!("cargo::rerun-if-changed={source}");
    }
    let blas = blas();
    println!("cargo::rustc-check-cfg=cfg(blas, values(none(), \"openblas\", \"accelerate\"))");
    if let Some(blas) = blas {
        println!("cargo::rustc-cfg=blas");
        println!("cargo::rustc-cfg=blas=\"{blas}\"");
    }
    let version = match commit(&root) {
        Some(commit) => format!("{} ({commit})", variable("CARGO_PKG_VERSION")),
        None => variable("CARGO_PKG_VERSION"),
    };
    println!("cargo::rustc-env=HARDMAX_VERSION={version}");
    println!("cargo::rustc-env=HARDMAX_TARGET={}", variable("TARGET"));
    println!("cargo::rustc-env=HARDMAX_TARGET_FEATURES={}", features());
}

/// One BLAS at most, for all of them have the same names for their functions: the one that was
/// asked for, else the one that comes with the system. Without any, the portable kernel does.
fn blas() -> Option<&'static str> {
    if env::var_os("CARGO_FEATURE_OPENBLAS").is_some() {
        Some("openblas")
    } else if variable("CARGO_CFG_TARGET_OS") == "macos" {
        Some("accelerate")
    } else {
        None
    }
}

/// The vector instructions and the like that the compiler may use everywhere. Kernels and
/// compiled plans find out for themselves, at run time, what more there is.
fn features() -> String {
    env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default().replace(',', " ")
}

/// The commit that the sources are, as git describes it, or as the archive says.
fn commit(root: &Path) -> Option<String> {
    // A repository further up is not this one.
    if !root.join(".git").exists() {
        return packaged(root);
    }
    for file in ["HEAD", "logs/HEAD", "packed-refs"] {
        let path = PathBuf::from(git(root, &["rev-parse", "--git-path", file])?);
        if let Some(path) = Some(root.join(path)).filter(|path| path.exists()) {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    let commit = git(root, &["describe", "--always", "--tags", "--abbrev=12"])?;
    let status = ["status", "--porcelain", "--untracked-files=no", "--"];
    let changes = git(root, &[&status, SOURCES].concat())?;
    Some(if changes.is_empty() { commit } else { format!("{commit}, modified") })
}

/// The commit that `cargo package` notes in an archive.
fn packaged(root: &Path) -> Option<String> {
    let note = fs::read_to_string(root.join(".cargo_vcs_info.json")).ok()?;
    let (_, hash) = note.split_once("\"sha1\"")?;
    let hash = hash.split('"').nth(1)?.get(..12)?;
    hash.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| hash.to_owned())
}

/// What git says, if there is one and it finds nothing wrong.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    // Set while git runs a hook: they would lead to whatever repository that is.
    command.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").env_remove("GIT_INDEX_FILE");
    let output = command.arg("--no-optional-locks").args(arguments).current_dir(root).output();
    let output = output.ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
