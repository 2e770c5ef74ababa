//! `hardmax build`: compute the model.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use super::report::{self, grouped};
use super::{CliError, Verdict, bundled, outputs};
use crate::machine::Op;
use crate::model::{Model, Shape};
use crate::shown;
use crate::weights::{self, Style};

/// Compute the model's weights and write the model file.
///
/// The same bytes every time, on every machine.
///
/// With --style the same machine is written as other builders write theirs, by choices that are drawn by
/// a seed: sums that are not rounded, head types 0 to 2 or none, other factors of the recency, scales,
/// squares and keys, and slots that are listed as cleared, subtracted or never used again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hardmax build --output /tmp/wasm32.bin
  hardmax build --output /tmp/wasm32.bin --json
  hardmax build --style 3 --plain --output /tmp/other.bin")]
pub struct Build {
    /// Where to write the model
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Write it in another style, drawn by this seed
    #[arg(long, value_name = "SEED")]
    style: Option<u64>,
    /// With --style: only the 34 instructions of the plain vocabulary
    #[arg(long, requires = "style")]
    plain: bool,
    /// Print one JSON object instead of a summary
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    model: String,
    /// The seed of its style, if it is not the usual one.
    style: Option<u64>,
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
        let weights::Build { parts, live, fetches } = match self.style {
            Some(seed) => {
                let ops = if self.plain { Op::plain() } else { Op::ALL };
                bundled::build_in(&Style::random(seed), ops)
            }
            None => bundled::build_model(),
        };
        let model = Model::new(parts)?;
        let seconds = building.elapsed().as_secs_f64();
        let bytes = model.to_bytes();
        outputs::write_to(place, &self.output, &bytes)?;
        let report = Report {
            model: self.output.display().to_string(),
            style: self.style,
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
