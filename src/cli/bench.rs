//! `hardmax bench`: how fast all of it is, on the machine at hand.

mod chart;
mod machine;
mod measure;
mod report;
mod spread;
mod table;

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, value_parser};

use super::source::SourceOrInput;
use super::verification::MOST_THREADS;
use super::{CliError, Verdict, inputs, outputs};
use crate::engine::Attention;
use crate::linalg::Kernel;
use crate::shown;
use machine::Machine;
use measure::Bench as Measuring;
use report::Report;
use spread::Spread;
use table::Look;

/// Measure how fast programs run and are verified.
///
/// Both engines run each program, and every method verifies its trace, in turns: a first round warms up and
/// does not count, then come --runs rounds, of which the median, the least and the most are shown, and the
/// ratio to the reference in the same round. All tokens are compared; where some differ the exit code is 1.
/// Loading the model and planning are measured apart. The reference is slow, and runs only the first
/// --reference-tokens of a program, which is said with the numbers. docs/performance.md says what each means.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hardmax bench hello --runs 3
  hardmax bench hello tests/vectors/countdown.txt --runs 1 --markdown
  hardmax bench hello --runs 1 --reference-tokens all --json
  hardmax bench hello --runs 1 --threads 1 --csv --svg /tmp/hello-bench.svg")]
pub struct Bench {
    /// Bundled programs, or files: .c, .wasm, .wat, or token programs .txt [default: sudoku]
    #[arg(value_name = "PROGRAM")]
    programs: Vec<PathBuf>,
    /// Model file [default: the one in the binary]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Rounds that count
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// The reference generates so many tokens of each program, as in 5000 or 20k, or all
    #[arg(long, value_name = "N|all", default_value = "20k", value_parser = reference_tokens)]
    reference_tokens: u64,
    /// How the reference computes heads
    #[arg(long, value_enum, default_value = "hull")]
    attention: Attention,
    /// Dense products: portable, or openblas or accelerate where built in
    #[arg(long, value_name = "NAME")]
    kernel: Option<String>,
    /// Threads of verifications [default: measured with one, and with one for each core]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=MOST_THREADS))]
    threads: Option<u16>,
    /// Stop programs after this many generated tokens, as in 5000, 10k or 2G
    #[arg(long, value_name = "N", default_value = "1G", value_parser = super::values::tokens)]
    max_tokens: u64,
    /// Draw a bar chart, too
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print one JSON object instead of tables
    #[arg(long, group = "format")]
    json: bool,
    /// Print tables in Markdown
    #[arg(long, group = "format")]
    markdown: bool,
    /// Print comma-separated values, a line for each measurement
    #[arg(long, group = "format")]
    csv: bool,
}

/// Without a limit, where all are asked for.
fn reference_tokens(text: &str) -> Result<u64, String> {
    match text {
        "all" => Ok(u64::MAX),
        text => match super::values::tokens(text)? {
            0 => Err("the reference must generate a token, to be compared with".to_owned()),
            tokens => Ok(tokens),
        },
    }
}

impl Bench {
    pub fn run(&self) -> Result<Verdict, CliError> {
        let programs = match &self.programs[..] {
            [] => vec![SourceOrInput::named("sudoku".into())],
            programs => programs.iter().cloned().map(SourceOrInput::named).collect(),
        };
        let mut read = vec![("the model", self.model.as_deref())];
        read.extend(programs.iter().flat_map(SourceOrInput::files));
        outputs::check(self.svg.as_deref(), &read)?;
        let place = self.svg.as_deref().map(outputs::place).transpose()?;
        let kernel = self.kernel.as_deref().map_or(Ok(Kernel::preferred()), Kernel::named)?;

        let path = self.model.as_deref();
        let mut load_seconds = Vec::new();
        for _ in 0..self.runs {
            let since = Instant::now();
            inputs::model(path)?;
            load_seconds.push(since.elapsed().as_secs_f64());
        }
        let model = inputs::model(path)?;
        let given: Result<Vec<_>, _> =
            programs.iter().map(|program| program.given(&model, path)).collect();
        let given = given?;
        let measuring = Measuring {
            model: &model,
            attention: self.attention,
            kernel,
            runs: self.runs,
            max_tokens: self.max_tokens,
            reference_tokens: self.reference_tokens,
            pools: measure::pools(&self.threads())?,
        };
        let measured: Result<Vec<_>, _> =
            given.iter().map(|given| measuring.measure(given)).collect();
        let report = Report {
            machine: Machine::here(),
            model: inputs::model_name(path),
            shape: model.shape(),
            runs: self.runs,
            attention: self.attention,
            kernel: kernel.name(),
            kernel_description: kernel.description(),
            reference_tokens: (self.reference_tokens != u64::MAX).then_some(self.reference_tokens),
            load_seconds: Spread::of(load_seconds),
            programs: measured?,
        };
        if let (Some(place), Some(path)) = (place, &self.svg) {
            outputs::write_to(place, path, chart::svg(&report).as_bytes())?;
        }
        self.print(&report)?;
        let differing = report.programs.iter().filter_map(|program| {
            Some((shown::path(&program.program), program.difference.as_ref()?))
        });
        let differing: Vec<_> = differing.collect();
        for (program, difference) in &differing {
            note!("{program}: tokens differ: {difference}");
        }
        Ok(Verdict::of(differing.is_empty()))
    }

    fn print(&self, report: &Report) -> Result<(), CliError> {
        match (self.json, self.markdown, self.csv) {
            (true, ..) => super::report::json(report),
            (_, true, _) => super::report::print(&table::tables(report, Look::Markdown)),
            (.., true) => super::report::print(&table::csv(report)),
            _ => super::report::print(&table::tables(report, Look::Text)),
        }
    }

    /// How many threads verifications get, one number after the other.
    fn threads(&self) -> Vec<NonZero<u16>> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let all = match self.threads {
            Some(threads) => vec![threads],
            None => vec![1, u16::try_from(cores).unwrap_or(u16::MAX)],
        };
        let mut all: Vec<_> = all.into_iter().filter_map(NonZero::new).collect();
        all.dedup();
        all
    }
}
