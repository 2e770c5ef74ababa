//! `hardmax new`: a program of C to begin with.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{CliError, Verdict, outputs, report};
use crate::shown;

/// Write a small C program that compiles and runs, to be made into another.
///
/// It reads its input, and says what the header that it includes has. Nothing is needed beside it but clang and its linker; with
/// --main, a C library of WASI.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hardmax new /tmp/hardmax-new.c --force
  hardmax run /tmp/hardmax-new.c --args 7")]
pub struct New {
    /// The file, which ends in .c
    file: PathBuf,
    /// An ordinary program with `main` and stdio.h, instead of one that includes hardmax.h
    #[arg(long)]
    main: bool,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
    /// Print one JSON object instead of what to do next
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    written: String,
    bytes: usize,
}

/// What a program is that includes `hardmax.h`.
const COMPUTE: &str = include_str!("new/compute.c");

/// What an ordinary one is.
const MAIN: &str = include_str!("new/main.c");

impl New {
    pub fn run(&self) -> Result<Verdict, CliError> {
        let path = self.file.as_path();
        if path.extension().is_none_or(|extension| extension != "c") {
            return Err(CliError::NoNameOfC { path: path.into() });
        }
        if !self.force && path.symlink_metadata().is_ok() {
            return Err(CliError::Exists { path: path.into() });
        }
        let template = if self.main { MAIN } else { COMPUTE };
        outputs::write(path, template.as_bytes())?;
        if self.json {
            report::json(&Report { written: shown::path(path), bytes: template.len() })?;
        } else {
            note!("{0}: written; hardmax run {0} --args \"3 1 2\" runs it", shown::path(path));
        }
        Ok(Verdict::Done)
    }
}
