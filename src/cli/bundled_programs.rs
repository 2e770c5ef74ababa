//! The programs of `programs/` in the binary: sources, modules, and what
//! `programs.json` says about them.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// The runtime that every C program includes.
pub const HEADER: &str = include_str!("../../programs/hardmax.h");

/// `programs.json`, which describes the programs in the order of listings.
pub const MANIFEST: &str = include_str!("../../programs/programs.json");

/// A program in the binary.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct BundledProgram {
    /// By which it is asked for.
    pub name: String,
    /// What it does, a sentence.
    pub description: String,
    /// The input when none is given.
    pub input: String,
    /// What an input says.
    pub input_meaning: String,
    /// The C source.
    #[serde(skip)]
    pub source: &'static str,
    /// The module that clang made of it.
    #[serde(skip)]
    pub wasm: &'static [u8],
}

/// Name, source and module.
type Files = (&'static str, &'static str, &'static [u8]);

macro_rules! files {
    ($($name:literal)*) => {
        &[$((
            $name,
            include_str!(concat!("../../programs/", $name, ".c")),
            include_bytes!(concat!("../../programs/", $name, ".wasm")),
        ),)*]
    };
}

/// What `programs.json` names, file by file, for the compiler to include.
const FILES: &[Files] = files![
    "hello" "addition" "collatz" "fibonacci" "sieve" "pi" "min_cost_matching" "sudoku" "queens"
    "maze" "life" "mandelbrot" "hanoi" "quicksort" "rpn" "roman" "sha256" "crc32" "brainfuck"
    "scale"
];

/// All programs, in the order of listings.
pub fn all() -> &'static [BundledProgram] {
    static ALL: LazyLock<Vec<BundledProgram>> = LazyLock::new(|| {
        let mut programs = described();
        for (program, &(_, source, wasm)) in programs.iter_mut().zip(FILES) {
            (program.source, program.wasm) = (source, wasm);
        }
        programs
    });
    &ALL
}

fn described() -> Vec<BundledProgram> {
    #[derive(Deserialize)]
    struct Manifest {
        programs: Vec<BundledProgram>,
    }
    let manifest: Manifest = serde_json::from_str(MANIFEST).expect("a test reads this very text");
    manifest.programs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_names_the_files_in_their_order() {
        let names: Vec<String> = described().into_iter().map(|program| program.name).collect();
        let files: Vec<&str> = FILES.iter().map(|files| files.0).collect();
        assert_eq!(names, files);
    }
}
