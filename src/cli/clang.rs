//! C to WebAssembly, by the clang that is installed.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use super::bundled_programs::HEADER;
use super::{CliError, inputs};
use crate::files::Folder;

/// What `programs/README.md` says, and why; but names of functions are kept, for
/// listings.
const FLAGS: [&str; 19] = [
    "--target=wasm32",
    "-mcpu=mvp",
    "-std=c11",
    "-O2",
    "-ffreestanding",
    "-nostdlib",
    "-funsigned-char",
    "-fno-jump-tables",
    "-fno-vectorize",
    "-fno-slp-vectorize",
    "-fno-unroll-loops",
    "-mllvm",
    "-replexitval=never",
    "-mllvm",
    "-combiner-store-merging=false",
    "-Wl,--no-entry",
    "-Wl,--export=__heap_base",
    "-Wl,--stack-first",
    "-Wl,-z,stack-size=16384",
];

/// The module of a C source, which may include `hardmax.h` from wherever it is.
/// `export` is the function that shall be called.
pub fn compile(source: &Path, export: &str) -> Result<Vec<u8>, CliError> {
    // A missing source is our message, not clang's.
    inputs::read(source)?;
    let failed = |source| CliError::Write { path: std::env::temp_dir(), source };
    let folder = Folder::new().map_err(failed)?;
    let module = folder.path().join("module.wasm");
    fs::write(folder.path().join("hardmax.h"), HEADER).map_err(failed)?;

    let mut clang = Command::new("clang");
    // Lines of the source, in sections that no code depends on.
    clang.arg("-gline-tables-only");
    clang.args(FLAGS).arg("-I").arg(folder.path()).arg("-o").arg(&module);
    clang.args(["-Xlinker".into(), format!("--export={export}")]);
    // A relative path that begins with a dash would be a flag.
    clang.arg(Path::new(".").join(source));
    let run = clang.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => CliError::NoClang { path: source.into(), lacks: "clang" },
        _ => CliError::Clang { path: source.into(), said: error.to_string() },
    })?;
    let said = String::from_utf8_lossy(&run.stderr);
    if !run.status.success() {
        return Err(match said.contains("wasm-ld\" doesn't exist") {
            true => CliError::NoClang { path: source.into(), lacks: "wasm-ld" },
            false => CliError::Clang { path: source.into(), said: said.trim_end().into() },
        });
    }
    // Warnings.
    if !said.is_empty() {
        note!("{}", said.trim_end());
    }
    inputs::read(&module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_are_those_that_the_programs_were_built_with() {
        let script = include_str!("../../programs/build.sh");
        let words: Vec<&str> = script.split_whitespace().collect();
        for flag in FLAGS.iter().filter(|&&flag| flag != "-O2") {
            assert!(words.contains(flag), "{flag}");
        }
        assert!(script.contains("${OPTIMISE:--O2}"));
    }
}
