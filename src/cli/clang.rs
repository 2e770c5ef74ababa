//! C to WebAssembly, by the clang that is installed.
//!
//! There are two kinds of C. A *freestanding* program includes `hardmax.h` or nothing, and defines `compute`,
//! or whatever `--invoke` calls. Any other is *hosted*: an ordinary program with `main` and the C library of
//! WASI. Which of the two it is, its objects say: what compiles without a C library is hosted only if it
//! defines `main` and nothing that could be called without it.

mod objects;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clap::Args;

use super::bundled_programs::HEADER;
use super::{CliError, inputs};
use crate::files::Folder;

/// How C is compiled.
#[derive(Debug, Default, Args)]
pub struct CompileC {
    /// Another C file of the same program; again for more
    #[arg(long = "with", value_name = "C_FILE")]
    files: Vec<PathBuf>,
    /// How clang optimises C: 0, 1, 2, 3, s or z [default: 2]
    #[arg(short = 'O', long = "optimise", value_name = "LEVEL")]
    #[arg(value_parser = ["0", "1", "2", "3", "s", "z"], hide_possible_values = true)]
    optimise: Option<String>,
    /// Define a macro for C; again for more
    #[arg(short = 'D', long = "define", value_name = "NAME[=VALUE]")]
    define: Vec<String>,
    /// Look for headers of C here, too; again for more
    #[arg(short = 'I', long = "include", value_name = "DIR")]
    include: Vec<PathBuf>,
}

impl CompileC {
    /// The files beside the first.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// What is given that only C has, if something is.
    pub fn flag(&self) -> Option<&'static str> {
        let flags = [
            ("--with", !self.files.is_empty()),
            ("-O", self.optimise.is_some()),
            ("-D", !self.define.is_empty()),
            ("-I", !self.include.is_empty()),
        ];
        flags.into_iter().find(|flag| flag.1).map(|flag| flag.0)
    }
}

/// Lines of the source, in sections that no code depends on.
const LINES: &str = "-gline-tables-only";

/// What `programs/README.md` says, and why.
const COMPILE: [&str; 9] = [
    "-mcpu=mvp",
    "-fno-jump-tables",
    "-fno-vectorize",
    "-fno-slp-vectorize",
    "-fno-unroll-loops",
    "-mllvm",
    "-replexitval=never",
    "-mllvm",
    "-combiner-store-merging=false",
];

/// Flags of compilation and of linking that programs without a C library have besides; but names of
/// functions are kept, for listings.
const FREESTANDING: [&[&str]; 2] = [
    &["--target=wasm32", "-std=gnu11", "-ffreestanding", "-funsigned-char"],
    &[
        "--target=wasm32",
        "-nostdlib",
        "-Wl,--no-entry",
        "-Wl,--export=__heap_base",
        "-Wl,--stack-first",
        "-Wl,-z,stack-size=16384",
    ],
];

/// The same for programs with one. A stack of 1 MiB, first in memory, leaves memory when it overflows. What the C
/// library only has where a program asks for it, memory maps, signals, times of a process and its number, is
/// there; its linker looks into archives for what is undefined wherever they stand. What is defined nowhere becomes an
/// import, which is treated as in any other module.
const HOSTED: [&[&str]; 2] = [
    &[
        "--target=wasm32-wasi",
        "-D_WASI_EMULATED_MMAN",
        "-D_WASI_EMULATED_SIGNAL",
        "-D_WASI_EMULATED_PROCESS_CLOCKS",
        "-D_WASI_EMULATED_GETPID",
    ],
    &[
        "--target=wasm32-wasi",
        "-Wl,--stack-first",
        "-Wl,-z,stack-size=1048576",
        "-Wl,--import-undefined",
        "-lwasi-emulated-mman",
        "-lwasi-emulated-signal",
        "-lwasi-emulated-process-clocks",
        "-lwasi-emulated-getpid",
    ],
];

/// Names of `main` in objects: clang gives it one by its parameters.
const MAIN: [&str; 3] = ["main", "__main_argc_argv", "__main_void"];

/// The module of C sources. `export` is the function that shall be called, if one is named.
pub fn compile(first: &Path, with: &CompileC, export: Option<&str>) -> Result<Vec<u8>, CliError> {
    let sources: Vec<&Path> = [first].into_iter().chain(with.files.iter().map(|f| &**f)).collect();
    // A missing source is our message, not clang's.
    for source in &sources {
        inputs::read(source)?;
    }
    let failed = |source| CliError::Write { path: std::env::temp_dir(), source };
    let folder = Folder::new().map_err(failed)?;
    fs::write(folder.path().join("hardmax.h"), HEADER).map_err(failed)?;
    let clang = Clang { sources, with, folder: folder.path() };

    let objects = clang.objects(FREESTANDING[0])?;
    let wanted = export.unwrap_or("compute");
    let module = match objects {
        Ok(objects) if !clang.is_hosted(&objects.0, wanted)? => {
            let said = objects.1;
            let linked = clang.link(FREESTANDING[1], &objects.0, Some(wanted))?;
            linked.map(|(module, more)| (module, said + &more)).map_err(|said| clang.error(said))?
        }
        Err(said) if clang.can_be_read()? => return Err(clang.error(said)),
        _ => clang.hosted(export)?,
    };
    let (module, said) = module;
    // Warnings.
    if !said.is_empty() {
        note!("{}", said.trim_end());
    }
    inputs::read(&module)
}

/// A clang that has these sources to compile.
struct Clang<'c> {
    sources: Vec<&'c Path>,
    with: &'c CompileC,
    folder: &'c Path,
}

/// What clang made and what it said besides; or only what it said, where it could not.
type Made<T> = Result<(T, String), String>;

impl Clang<'_> {
    /// Compiles each source.
    fn objects(&self, flags: &[&str]) -> Result<Made<Vec<PathBuf>>, CliError> {
        let (mut objects, mut said) = (Vec::new(), String::new());
        for (number, source) in self.sources.iter().enumerate() {
            let object = self.folder.join(format!("{number}.o"));
            let mut clang = self.reading(flags, source);
            let run = self.run(clang.arg(LINES).args(COMPILE).arg("-c").arg("-o").arg(&object))?;
            said += &String::from_utf8_lossy(&run.stderr);
            if !run.status.success() {
                return Ok(Err(said));
            }
            objects.push(object);
        }
        Ok(Ok((objects, said)))
    }

    /// Whether all headers are there without a C library: then what is wrong is in the sources.
    fn can_be_read(&self) -> Result<bool, CliError> {
        for source in &self.sources {
            let mut clang = self.reading(FREESTANDING[0], source);
            if !self.run(clang.args(["-E", "-o"]).arg(self.folder.join("read.i")))?.status.success()
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A command that reads a source.
    fn reading(&self, flags: &[&str], source: &Path) -> Command {
        let CompileC { optimise, define, include, .. } = self.with;
        let mut clang = Command::new("clang");
        clang.args(flags).arg(format!("-O{}", optimise.as_deref().unwrap_or("2")));
        clang.args(define.iter().map(|define| format!("-D{define}")));
        for folder in include.iter().map(PathBuf::as_path).chain([self.folder]) {
            clang.arg("-I").arg(folder);
        }
        // A relative path that begins with a dash would be a flag.
        clang.arg(Path::new(".").join(source));
        clang
    }

    fn link(
        &self,
        flags: &[&str],
        objects: &[PathBuf],
        export: Option<&str>,
    ) -> Result<Made<PathBuf>, CliError> {
        let module = self.folder.join("module.wasm");
        let mut clang = Command::new("clang");
        clang.args(flags).arg("-o").arg(&module).args(objects);
        clang.args(export.iter().flat_map(|name| ["-Xlinker".into(), format!("--export={name}")]));
        let run = self.run(&mut clang)?;
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        Ok(if run.status.success() { Ok((module, said)) } else { Err(said) })
    }

    /// Whether what compiled without a C library is a program that needs one.
    fn is_hosted(&self, objects: &[PathBuf], wanted: &str) -> Result<bool, CliError> {
        let mut has_main = false;
        for object in objects {
            let names = objects::functions(&inputs::read(object)?);
            if names.iter().any(|name| name == wanted) {
                return Ok(false);
            }
            has_main |= names.iter().any(|name| MAIN.contains(&name.as_str()));
        }
        Ok(has_main)
    }

    /// The module of a program with the C library of WASI.
    fn hosted(&self, export: Option<&str>) -> Result<(PathBuf, String), CliError> {
        let made = match self.objects(HOSTED[0])? {
            Ok((objects, said)) => {
                let linked = self.link(HOSTED[1], &objects, export)?;
                linked.map(|(module, more)| (module, said + &more))
            }
            Err(said) => Err(said),
        };
        match made {
            Ok(made) => Ok(made),
            Err(said) => Err(match self.lacks_library()? {
                Some(lacks) => {
                    let said = said.lines().next().unwrap_or_default().into();
                    CliError::NoLibrary { path: self.sources[0].into(), lacks, said }
                }
                None => {
                    let advice = foreign_header(&said).map(|header| {
                        format!(
                            "\nnote: the C library of WASI has no <{header}>; what clang found is that of this machine"
                        )
                    });
                    self.error(said.trim_end().to_owned() + &advice.unwrap_or_default())
                }
            }),
        }
    }

    /// What of the C library is not where clang looks for it, if something is not.
    fn lacks_library(&self) -> Result<Option<&'static str>, CliError> {
        for (lacks, asks) in [
            ("the C library of WASI", "-print-file-name=libc.a"),
            ("clang's own library for WebAssembly", "-print-libgcc-file-name"),
        ] {
            let run = self.run(Command::new("clang").args(HOSTED[0]).arg(asks))?;
            let path = PathBuf::from(String::from_utf8_lossy(&run.stdout).trim_end());
            if !(path.is_absolute() && path.is_file()) {
                return Ok(Some(lacks));
            }
        }
        Ok(None)
    }

    fn run(&self, clang: &mut Command) -> Result<Output, CliError> {
        let path = || self.sources[0].to_owned();
        clang.output().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => CliError::NoClang { path: path(), lacks: "clang" },
            _ => CliError::Clang { path: path(), said: error.to_string() },
        })
    }

    fn error(&self, said: String) -> CliError {
        let path = self.sources[0].into();
        match said.contains("wasm-ld\" doesn't exist") {
            true => CliError::NoClang { path, lacks: "wasm-ld" },
            false => CliError::Clang { path, said: said.trim_end().into() },
        }
    }
}

/// The header of this machine's own C library in which clang, as it says, missed another: some distributions have
/// their headers where those of WASI are looked for, too.
fn foreign_header(said: &str) -> Option<&str> {
    let missed = said.lines().find(|line| line.contains(": fatal error: '"))?;
    let (path, _) = missed.split_once(':')?;
    let header = path.strip_prefix("/usr/include/")?;
    (!header.starts_with("wasm32-wasi")).then_some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_this_machine_is_told_from_those_of_the_program() {
        let said = |path: &str| {
            let error = "fatal error: 'bits/setjmp.h' file not found";
            format!(
                "In file included from x.c:1:\n{path}:29:10: {error}\n#include <bits/setjmp.h>\n"
            )
        };
        assert_eq!(foreign_header(&said("/usr/include/setjmp.h")), Some("setjmp.h"));
        assert_eq!(foreign_header(&said("/usr/include/wasm32-wasi/stdio.h")), None);
        assert_eq!(foreign_header(&said("include/mine.h")), None);
        assert_eq!(foreign_header("x.c:1:1: error: unknown type name 'x'"), None);
    }

    #[test]
    fn the_flags_are_those_that_the_programs_were_built_with() {
        let script = include_str!("../../programs/build.sh");
        let words: Vec<&str> = script.split_whitespace().collect();
        for flag in COMPILE.iter().chain(FREESTANDING.into_iter().flatten()) {
            assert!(words.contains(flag), "{flag}");
        }
        assert!(script.contains("${OPTIMISE:--O2}"));
    }
}
