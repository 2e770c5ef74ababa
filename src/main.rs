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
            let _ = writeln!(std::io::stderr(), "error: {}", shortened(error.to_string()));
            ExitCode::from(2)
        }
    }
}

/// Bytes of a message, at most: one may quote a line of a file that has no other.
const LONGEST_MESSAGE: usize = 4000;

/// A message that is not too long to be read.
fn shortened(mut message: String) -> String {
    if message.len() > LONGEST_MESSAGE {
        let more = message.len() - LONGEST_MESSAGE;
        let end = (0..=LONGEST_MESSAGE).rev().find(|&end| message.is_char_boundary(end));
        message.truncate(end.unwrap_or(0));
        message.push_str(&format!("... ({more} bytes more)"));
    }
    message
}
