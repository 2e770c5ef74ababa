//! `hardmax specialise`: compute the model of one program.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use super::report::{self, grouped};
use super::source::Source;
use super::{CliError, Verdict, outputs};
use crate::model::{Model, Shape};
use crate::shown;
use crate::specialise::{self, Takes};

/// Compute a model that has a program in its weights, and write the model file.
///
/// The prompt of such a model is only the input: `hardmax run --model FILE --args TEXT`. Behind it,
/// it generates the very tokens that the model of all programs does. The same bytes every time, on
/// every machine. An input that is given here is not in the model, but there will be room for as many bytes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hardmax specialise hello -o /tmp/hello.bin
  hardmax run --model /tmp/hello.bin --args you
  hardmax specialise sudoku -o /tmp/sudoku.bin --json
  hardmax specialise tests/vectors/countdown.txt -o /tmp/countdown.bin
  hardmax specialise programs/gcd.wat -o /tmp/gcd.bin --invoke gcd 84 36
  hardmax specialise tests/wasi/echo.wat -o /tmp/echo.bin
  hardmax run --model /tmp/echo.bin --env A=B --args input -- some arguments")]
pub struct Specialise {
    #[command(flatten)]
    source: Source,
    /// Where to write the model
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Print one JSON object instead of a summary
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    program: String,
    model: String,
    /// How many bytes the input of its prompt may have, if there is one.
    input_capacity: Option<u32>,
    instructions: usize,
    shape: Shape,
    weights: u64,
    nonzeros: u64,
    bytes: u64,
    seconds: f64,
}

impl Specialise {
    pub fn run(&self) -> Result<Verdict, CliError> {
        outputs::check(Some(&self.output), &self.source.files())?;
        let place = outputs::place(&self.output)?;
        let resolved = self.source.resolve()?;
        let takes = resolved.takes;
        let building = Instant::now();
        let failed = |source| CliError::Specialise { path: self.source.path().into(), source };
        let build = specialise::specialise(&resolved.program, takes).map_err(failed)?;
        let model = Model::new(build.parts)?;
        let seconds = building.elapsed().as_secs_f64();
        let bytes = model.to_bytes();
        outputs::write_to(place, &self.output, &bytes)?;
        let report = Report {
            program: self.source.name(),
            model: self.output.display().to_string(),
            input_capacity: match takes {
                Takes::AtMost(bytes) => Some(bytes),
                Takes::Wasi => Some(u32::MAX),
                Takes::Nothing => None,
            },
            instructions: resolved.program.code().len(),
            shape: model.shape(),
            weights: model.shape().weights() as u64,
            nonzeros: model.nonzeros() as u64,
            bytes: bytes.len() as u64,
            seconds,
        };
        if self.json {
            report::json(&report)?;
        } else {
            note!(
                "{}: {}, {} instructions inside, {} weights of which {} are not zero, {} bytes, built in \
                 {seconds:.3} s",
                shown::path(&report.model),
                report.shape,
                grouped(report.instructions as u64),
                grouped(report.weights),
                grouped(report.nonzeros),
                grouped(report.bytes)
            );
        }
        Ok(Verdict::Done)
    }
}
