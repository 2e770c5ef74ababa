//! The command line: one file for each subcommand, and what they share.
//!
//! Program output and requested results go to standard output, everything else to
//! standard error. Nothing here computes: a subcommand reads, calls the library,
//! and reports.

/// Prints a line to standard error, as a person may see it. Where that cannot be written nobody could
/// be told, so the line is lost, and the exit code stays what it is.
macro_rules! note {
    ($($arg:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "{}", crate::shown::message(&format!($($arg)*)));
    }};
}

mod annotation;
mod bundled;
mod bundled_programs;
mod check;
mod clang;
mod error;
mod given_input;
mod inputs;
mod listing;
mod mismatch;
mod output;
mod outputs;
mod places;
mod plan_check;
mod plan_report;
mod preload;
mod prompt;
mod report;
mod signals;
mod source;
mod trace_file;
mod trace_listing;
mod trace_output;
mod values;
mod verification;
mod version;
mod xml;

mod bench;
mod build;
mod compile;
mod explain;
mod export;
mod generate;
mod import;
mod inspect;
mod new;
mod oracle;
mod profile;
mod programs;
mod run;
mod specialise;
mod trace;
mod verify;
mod wast;

use std::io::Write;

use clap::{Parser, Subcommand};

pub use bundled::{build_model, default_model};
pub use bundled_programs::{BundledProgram, all as bundled_programs};
pub use error::CliError;

use crate::shown;

/// How a command that did its work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should.
    Done,
    /// The program trapped, a check failed, or a limit was hit.
    Failed,
    /// All is well, but the program ended with an exit code other than 0.
    Exited,
}

impl Verdict {
    fn of(done: bool) -> Verdict {
        if done { Verdict::Done } else { Verdict::Failed }
    }

    /// Of a run whose program may have an exit code.
    fn of_run(done: bool, exit_code: Option<u32>) -> Verdict {
        match (Verdict::of(done), exit_code) {
            (Verdict::Done, Some(1..)) => Verdict::Exited,
            (verdict, _) => verdict,
        }
    }
}

/// Runs WebAssembly inside a transformer whose weights are computed.
#[derive(Debug, Parser)]
#[command(version = version::VERSION, long_version = version::long(), about, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// In parts: what describes a subcommand stands on the stack, and of all together that would be too much for
/// small ones.
#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Running(Box<Running>),
    #[command(flatten)]
    Checking(Box<Checking>),
    #[command(flatten)]
    Seeing(Box<Seeing>),
    #[command(flatten)]
    Making(Box<Making>),
    #[command(flatten)]
    Models(Box<Models>),
}

/// What the model runs.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of it, in a box")]
enum Running {
    Run(run::Run),
    Verify(verify::Verify),
}

/// What runs are compared with.
#[derive(Debug, Subcommand)]
enum Checking {
    Trace(trace::TraceCommand),
    Oracle(oracle::Oracle),
    Wast(wast::WastCommand),
}

/// What shows what happens in runs.
#[derive(Debug, Subcommand)]
enum Seeing {
    Profile(profile::ProfileCommand),
    Explain(explain::Explain),
    Bench(bench::Bench),
}

/// What makes programs.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of it, in a box")]
enum Making {
    New(new::New),
    Compile(compile::Compile),
    Programs(programs::Programs),
    #[command(hide = true)]
    Generate(generate::Generate),
}

/// What makes models, and shows them.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of it, in a box")]
enum Models {
    Build(build::Build),
    Specialise(specialise::Specialise),
    Export(export::Export),
    Import(import::Import),
    Inspect(inspect::Inspect),
}

/// Says why a command could not do its work. Where even this cannot be said the exit code has to do.
pub fn tell(error: &CliError) {
    match error {
        CliError::Usage(usage) => {
            // The message quotes the command line, on which a pattern of the shell may have put the
            // names of files, and these are anything. Otherwise it may have its colours.
            if std::env::args_os().all(|argument| shown::is_plain(&argument.to_string_lossy())) {
                let _ = usage.print();
            } else {
                note!("{usage}");
            }
        }
        error => note!("error: {error}"),
    }
}

impl Cli {
    /// The command line of this process; nothing, once help or version are printed where these
    /// were asked for.
    pub fn parse_arguments() -> Result<Option<Cli>, CliError> {
        match Cli::try_parse() {
            Ok(cli) => Ok(Some(cli)),
            Err(usage) if usage.use_stderr() => Err(CliError::Usage(usage)),
            Err(answer) => {
                let printed = answer.print().and_then(|()| std::io::stdout().flush());
                printed.map(|()| None).map_err(CliError::Stdout)
            }
        }
    }

    /// Runs the subcommand.
    pub fn run(&self) -> Result<Verdict, CliError> {
        signals::watch();
        match &self.command {
            Command::Running(command) => match &**command {
                Running::Run(run) => run.run(),
                Running::Verify(verify) => verify.run(),
            },
            Command::Checking(command) => match &**command {
                Checking::Trace(trace) => trace.run(),
                Checking::Oracle(oracle) => oracle.run(),
                Checking::Wast(wast) => wast.run(),
            },
            Command::Seeing(command) => match &**command {
                Seeing::Profile(profile) => profile.run(),
                Seeing::Explain(explain) => explain.run(),
                Seeing::Bench(bench) => bench.run(),
            },
            Command::Making(command) => match &**command {
                Making::New(new) => new.run(),
                Making::Compile(compile) => compile.run(),
                Making::Programs(programs) => programs.run(),
                Making::Generate(generate) => generate.run(),
            },
            Command::Models(command) => match &**command {
                Models::Build(build) => build.run(),
                Models::Specialise(specialise) => specialise.run(),
                Models::Export(export) => export.run(),
                Models::Import(import) => import.run(),
                Models::Inspect(inspect) => inspect.run(),
            },
        }
    }
}
