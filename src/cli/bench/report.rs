//! What was measured, as numbers.

use serde::Serialize;

use super::machine::Machine;
use super::measure::{Part, Round};
use super::spread::Spread;
use crate::cli::report::rate;
use crate::engine::{Attention, Fallback};
use crate::model::Shape;

/// All that was measured, and where.
#[derive(Serialize)]
pub struct Report {
    pub machine: Machine,
    pub model: String,
    pub shape: Shape,
    /// Rounds that count.
    pub runs: u32,
    /// How the reference computes heads.
    pub attention: Attention,
    pub kernel: &'static str,
    pub kernel_description: String,
    /// Tokens that the reference generates at most; null where it runs programs to their end.
    pub reference_tokens: Option<u64>,
    /// Of reading and checking the model.
    pub load_seconds: Spread,
    pub programs: Vec<ProgramReport>,
}

/// Of one program.
#[derive(Serialize)]
pub struct ProgramReport {
    pub program: String,
    pub prompt_tokens: u64,
    pub generated_tokens: u64,
    /// Or it was stopped at `--max-tokens`.
    pub halted: bool,
    /// Of its trace as a binary file, if a file can hold it.
    pub trace_bytes: Option<u64>,
    pub planning_seconds: Spread,
    pub measurements: Vec<Measurement>,
    /// Which tokens differ, if some do.
    pub difference: Option<String>,
}

impl ProgramReport {
    /// Tokens of the prompt and generated ones.
    pub fn tokens(&self) -> u64 {
        self.prompt_tokens + self.generated_tokens
    }
}

/// What a measurement is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    Run,
    Verify,
}

impl Task {
    pub fn name(self) -> &'static str {
        match self {
            Task::Run => "run",
            Task::Verify => "verify",
        }
    }
}

/// A part of all rounds.
#[derive(Serialize)]
pub struct Measurement {
    pub task: Task,
    /// The engine that ran, or the method of the verification.
    pub method: &'static str,
    pub threads: usize,
    /// Prompt and generated tokens; of the reference perhaps only the first of the trace.
    pub tokens: u64,
    /// Whether these are all.
    pub whole: bool,
    pub seconds: Spread,
    pub tokens_per_second: Spread,
    /// Tokens a second over those of the reference in the same round.
    pub ratio: Spread,
    /// The most memory that the process held meanwhile, in any round, where the system tells.
    pub peak_bytes: Option<u64>,
    /// What history and memories of heads held at the end.
    pub history_bytes: u64,
    pub history_bytes_per_token: f64,
    /// Where something else took over from the plan, and why.
    pub fallback: Option<Fallback>,
}

impl Measurement {
    /// Those of rounds, of which there is one at least, over traces of so many tokens.
    pub fn of_rounds(rounds: &[Round], tokens: u64) -> Vec<Measurement> {
        let parts = 0..rounds[0].parts.len();
        parts.map(|number| Measurement::of_part(rounds, number, tokens)).collect()
    }

    fn of_part(rounds: &[Round], number: usize, tokens: u64) -> Measurement {
        let parts = || rounds.iter().map(|round| &round.parts[number]);
        let speed = |part: &Part| rate(part.tokens, part.seconds);
        let ratios = rounds.iter().map(|round| {
            let reference = round.parts.iter().find(|part| part.method == "reference");
            let reference = reference.expect("every round has a run by the reference");
            speed(&round.parts[number]) / speed(reference)
        });
        let first = &rounds[0].parts[number];
        Measurement {
            task: first.task,
            method: first.method,
            threads: first.threads,
            tokens: first.tokens,
            whole: first.tokens == tokens,
            seconds: Spread::of(parts().map(|part| part.seconds)),
            tokens_per_second: Spread::of(parts().map(speed)),
            ratio: Spread::of(ratios),
            peak_bytes: parts().filter_map(|part| part.peak_bytes).max(),
            history_bytes: first.history_bytes,
            history_bytes_per_token: first.history_bytes as f64 / first.tokens as f64,
            fallback: parts().find_map(|part| part.fallback),
        }
    }
}
