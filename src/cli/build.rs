//! `hardmax build`: compute the model.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use super::report::{self, grouped};
use super::{CliError, Verdict, bundled};
use crate::model::{Model, Shape};

/// Compute the model's weights and write the model file.
///
/// The same bytes every time, on every machine.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hardmax build --output /tmp/wasm32.bin
  hardmax build --output /tmp/wasm32.bin --json")]
pub struct Build {
    /// Where to write the model
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Print one JSON object instead of a summary
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    model: String,
    shape: Shape,
    bytes: u64,
    seconds: f64,
}

impl Build {
    pub fn run(&self) -> Result<Verdict, CliError> {
        let building = Instant::now();
        let model = Model::new(bundled::model_parts())?;
        let seconds = building.elapsed().as_secs_f64();
        model.write(&self.output)?;
        let report = Report {
            model: self.output.display().to_string(),
            shape: model.shape(),
            bytes: model.to_bytes().len() as u64,
            seconds,
        };
        if self.json {
            report::json(&report)?;
        } else {
            let Shape { vocabulary, width, layers, heads, units } = report.shape;
            eprintln!(
                "{}: V={vocabulary} D={width} L={layers} H={heads} F={units}, {} bytes, built in \
                 {seconds:.3} s",
                report.model,
                grouped(report.bytes)
            );
        }
        Ok(Verdict::Done)
    }
}
