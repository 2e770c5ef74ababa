//! The command line: one file for each subcommand, and what they share.
//!
//! Program output and requested results go to standard output, everything else to
//! standard error. Nothing here computes: a subcommand reads, calls the library,
//! and reports.

/// Prints a line to standard error. Where that cannot be written nobody could be told, so the line is
/// lost, and the exit code stays what it is.
macro_rules! note {
    ($($arg:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($arg)*);
    }};
}

mod bundled;
mod bundled_programs;
mod check;
mod clang;
mod error;
mod inputs;
mod listing;
mod mismatch;
mod output;
mod plan_check;
mod plan_report;
mod report;
mod source;
mod trace_file;
mod trace_output;
mod values;
mod verification;
mod version;

mod build;
mod compile;
mod generate;
mod inspect;
mod oracle;
mod programs;
mod run;
mod trace;
mod verify;

use clap::{Parser, Subcommand};

pub use bundled::{build_model, default_model};
pub use bundled_programs::{BundledProgram, all as bundled_programs};
pub use error::CliError;

/// How a command that did its work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should.
    Done,
    /// The program trapped, a check failed, or a limit was hit.
    Failed,
}

impl Verdict {
    fn of(done: bool) -> Verdict {
        if done { Verdict::Done } else { Verdict::Failed }
    }
}

/// Runs WebAssembly inside a transformer whose weights are computed.
#[derive(Debug, Parser)]
#[command(version = version::VERSION, long_version = version::long(), about, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Verify(verify::Verify),
    Trace(trace::TraceCommand),
    Oracle(oracle::Oracle),
    Compile(compile::Compile),
    Programs(programs::Programs),
    Build(build::Build),
    Inspect(inspect::Inspect),
    #[command(hide = true)]
    Generate(generate::Generate),
}

impl Cli {
    /// Runs the subcommand.
    pub fn run(&self) -> Result<Verdict, CliError> {
        match &self.command {
            Command::Run(run) => run.run(),
            Command::Verify(verify) => verify.run(),
            Command::Trace(trace) => trace.run(),
            Command::Oracle(oracle) => oracle.run(),
            Command::Compile(compile) => compile.run(),
            Command::Programs(programs) => programs.run(),
            Command::Build(build) => build.run(),
            Command::Inspect(inspect) => inspect.run(),
            Command::Generate(generate) => generate.run(),
        }
    }
}
