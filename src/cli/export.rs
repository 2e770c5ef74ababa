//! `hardmax export`: a model for other software.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::report::{self, grouped};
use super::{CliError, Verdict, inputs, outputs};
use crate::model::Shape;
use crate::shown;

/// Write a model as a safetensors file, for PyTorch and other software.
///
/// All weights are f64, bit for bit, under names such as layers.0.attention.query.weight. What else it takes
/// to run them (vocabulary, stop token, cleared slots, tie-breaks and kinds of heads) is JSON text, the entry
/// "hardmax" of the file's metadata. The same bytes every time. docs/safetensors.md describes the file, and
/// examples/pytorch/decoder.py runs it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hardmax export --safetensors /tmp/wasm32.safetensors
  hardmax export --safetensors /tmp/wasm32.safetensors --model models/wasm32.bin --json")]
pub struct Export {
    /// Where to write the safetensors file
    #[arg(long, value_name = "FILE")]
    safetensors: PathBuf,
    /// Model file [default: the one in the binary]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Print one JSON object instead of a summary
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    model: String,
    safetensors: String,
    shape: Shape,
    weights: u64,
    bytes: u64,
}

impl Export {
    pub fn run(&self) -> Result<Verdict, CliError> {
        outputs::check(Some(&self.safetensors), &[("the model", self.model.as_deref())])?;
        let place = outputs::place(&self.safetensors)?;
        let model = inputs::model(self.model.as_deref())?;
        let failed = |source| CliError::Exchange { path: self.safetensors.clone(), source };
        let bytes = model.to_safetensors().map_err(failed)?;
        outputs::write_to(place, &self.safetensors, &bytes)?;
        let report = Report {
            model: inputs::model_name(self.model.as_deref()),
            safetensors: self.safetensors.display().to_string(),
            shape: model.shape(),
            weights: model.shape().weights() as u64,
            bytes: bytes.len() as u64,
        };
        if self.json {
            report::json(&report)?;
        } else {
            note!(
                "{}: {}, {} weights, {} bytes",
                shown::path(&report.safetensors),
                report.shape,
                grouped(report.weights),
                grouped(report.bytes)
            );
        }
        Ok(Verdict::Done)
    }
}
