//! The `hardmax` binary: parses the command line and turns results into exit
//! codes. 0 is done, 1 a program that trapped, or a check or limit that failed, 2 bad
//! usage or input.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use hardmax::cli::{Cli, Verdict};

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(Verdict::Done) => ExitCode::SUCCESS,
        Ok(Verdict::Failed) => ExitCode::from(1),
        Err(error) => {
            // Where even this cannot be said the exit code has to do.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}
