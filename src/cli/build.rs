//! `hardmax build`: compute the model.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use super::report::{self, grouped};
use super::{CliError, Verdict, bundled, outputs};
use crate::model::{Model, Shape};
use crate::shown;
use crate::weights;

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
    /// Values that live at the same time: after the embedding and after each half-layer.
    live_values: Vec<usize>,
    /// Heads that bring values, by layer; the others pass them on.
    fetches: Vec<usize>,
}

impl Build {
    pub fn run(&self) -> Result<Verdict, CliError> {
        let place = outputs::place(&self.output)?;
        let building = Instant::now();
        let weights::Build { parts, live, fetches } = bundled::build_model();
        let model = Model::new(parts)?;
        let seconds = building.elapsed().as_secs_f64();
        let bytes = model.to_bytes();
        outputs::write_to(place, &self.output, &bytes)?;
        let report = Report {
            model: self.output.display().to_string(),
            shape: model.shape(),
            bytes: bytes.len() as u64,
            seconds,
            live_values: live,
            fetches,
        };
        if self.json {
            report::json(&report)?;
        } else {
            note!(
                "{}: {}, {} bytes, built in {seconds:.3} s",
                shown::path(&report.model),
                report.shape,
                grouped(report.bytes)
            );
            note!(
                "values alive after the embedding and each half-layer {:?}, heads that fetch in \
                 each layer {:?}",
                report.live_values,
                report.fetches
            );
        }
        Ok(Verdict::Done)
    }
}
