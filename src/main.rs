//! The `hardmax` binary: parses the command line and turns results into exit
//! codes. 0 is done, 1 a program that trapped, or a check or limit that failed, 2 bad
//! usage or input, or an output that could not be written, 3 a program that ended with an exit code
//! other than 0.

use std::process::ExitCode;

use hardmax::cli::{self, Cli, Verdict};

fn main() -> ExitCode {
    match Cli::parse_arguments().and_then(|cli| cli.map_or(Ok(Verdict::Done), |cli| cli.run())) {
        Ok(Verdict::Done) => ExitCode::SUCCESS,
        Ok(Verdict::Failed) => ExitCode::from(1),
        Ok(Verdict::Exited) => ExitCode::from(3),
        Err(error) => {
            cli::tell(&error);
            ExitCode::from(2)
        }
    }
}
