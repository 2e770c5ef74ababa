//! `hardmax import`: what `hardmax export` wrote, as a model file again.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::report::{self, grouped};
use super::{CliError, Verdict, inputs, outputs};
use crate::model::{Model, Shape};
use crate::shown;

/// Make a model file of a safetensors file that hardmax export wrote.
///
/// A model that was exported comes back as the file that it was, byte for byte. (A file of other builders
/// that ends before its last flags gets these, as 0.)
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hardmax export --safetensors /tmp/exported.safetensors
  hardmax import --safetensors /tmp/exported.safetensors --output /tmp/imported.bin")]
pub struct Import {
    /// The safetensors file
    #[arg(long, value_name = "FILE")]
    safetensors: PathBuf,
    /// Where to write the model
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Print one JSON object instead of a summary
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    safetensors: String,
    model: String,
    shape: Shape,
    bytes: u64,
}

impl Import {
    pub fn run(&self) -> Result<Verdict, CliError> {
        outputs::check(Some(&self.output), &[("the model", Some(&self.safetensors))])?;
        let place = outputs::place(&self.output)?;
        let file = inputs::tensors(&self.safetensors)?;
        let failed = |source| CliError::Exchange { path: self.safetensors.clone(), source };
        let model = Model::from_safetensors(&file).map_err(failed)?;
        let bytes = model.to_bytes();
        outputs::write_to(place, &self.output, &bytes)?;
        let report = Report {
            safetensors: self.safetensors.display().to_string(),
            model: self.output.display().to_string(),
            shape: model.shape(),
            bytes: bytes.len() as u64,
        };
        if self.json {
            report::json(&report)?;
        } else {
            let bytes = grouped(report.bytes);
            note!("{}: {}, {bytes} bytes", shown::path(&report.model), report.shape);
        }
        Ok(Verdict::Done)
    }
}
