//! What `hardmax run` says of a run.

use serde::Serialize;

use super::EngineName;
use crate::cli::places::TrapReport;
use crate::cli::report::{self, Check, grouped};
use crate::cli::verification::VerifyReport;
use crate::cli::{CliError, Verdict};
use crate::engine::{Attention, Fallback};
use crate::model::Shape;
use crate::shown;

/// Of one run.
#[derive(Serialize)]
pub struct Report {
    pub program: String,
    pub model: String,
    pub shape: Shape,
    pub engine: EngineName,
    pub fallback: Option<Fallback>,
    pub attention: Attention,
    pub kernel: &'static str,
    pub kernel_description: String,
    pub threads: usize,
    pub prompt_tokens: u64,
    pub generated_tokens: u64,
    pub seconds: f64,
    pub tokens_per_second: f64,
    pub load_seconds: f64,
    pub attention_bytes: usize,
    pub halted: bool,
    pub trapped: bool,
    /// Of a program of WASI that ended.
    pub exit_code: Option<u32>,
    /// Why and where it trapped.
    pub trap: Option<TrapReport>,
    /// What a token program does that no program may. The model goes on all the same.
    pub ill_formed: Option<String>,
    pub check: Check,
    pub verify: Option<VerifyReport>,
    pub output_bytes: u64,
    pub output: Option<String>,
}

impl Report {
    /// Tells in sentences what is known when generation has ended.
    pub fn tell_run(&self) {
        let Shape { layers, width, units, .. } = self.shape;
        let end = report::end(self.halted, self.trapped, self.exit_code);
        note!(
            "{}: {end} after {} prompt and {} generated tokens, {:.3} s, {} tokens/s",
            shown::path(&self.program),
            grouped(self.prompt_tokens),
            grouped(self.generated_tokens),
            self.seconds,
            grouped(self.tokens_per_second as u64)
        );
        let model = shown::path(&self.model);
        let model = format!("model {model} (L={layers} D={width} F={units})");
        let reference = format!(
            "attention {}, kernel {} ({}), {} thread",
            self.attention.name(),
            self.kernel,
            self.kernel_description,
            self.threads
        );
        match (self.engine, self.fallback) {
            (EngineName::Reference, _) => note!("{model}, engine reference, {reference}"),
            (EngineName::Plan, None) => note!("{model}, engine plan, 1 thread"),
            (EngineName::Plan, Some(Fallback { position, reason })) => note!(
                "{model}, engine plan, but from position {position} on engine reference, \
                     {reference}: {reason}"
            ),
        }
        self.trap.iter().for_each(TrapReport::tell);
        if let Some(problem) = &self.ill_formed {
            note!(
                "the program is ill-formed: {problem}. The tokens from there on are the \
                     model's, and mean nothing"
            );
        }
        self.check.tell();
    }

    /// Tells the rest, or all of it as one JSON object, and says how the run went.
    pub fn tell(&self, json: bool) -> Result<Verdict, CliError> {
        if json {
            report::json(self)?;
        } else if let Some(verify) = &self.verify {
            verify.tell();
        }
        let verified = self.verify.as_ref().is_none_or(|v| v.verdict() == Verdict::Done);
        let fine = self.halted && !self.trapped && self.ill_formed.is_none();
        Ok(Verdict::of_run(fine && !self.check.failed() && verified, self.exit_code))
    }
}
