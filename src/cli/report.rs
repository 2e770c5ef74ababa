//! Reports: one JSON object on standard output, or sentences on standard error.

use std::io::Write;

use serde::Serialize;

use super::CliError;
use super::check::Mismatch;
use super::version::VERSION;
use crate::shown;

/// A report, and what made it.
#[derive(Serialize)]
struct Versioned<'r, R> {
    version: &'static str,
    #[serde(flatten)]
    report: &'r R,
}

/// Prints lines to standard output, as a person may see them.
pub fn print(lines: &str) -> Result<(), CliError> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(shown::lines(lines).as_bytes());
    written.and_then(|()| stdout.flush()).map_err(CliError::Stdout)
}

/// Prints one JSON object.
pub fn json(report: &impl Serialize) -> Result<(), CliError> {
    let report = Versioned { version: VERSION, report };
    let text = serde_json::to_string_pretty(&report).expect("reports have string keys");
    writeln!(std::io::stdout(), "{text}").map_err(CliError::Stdout)
}

/// The outcome of a comparison with a reference trace: `null` when there was
/// none, `"equal"`, or the first mismatch.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Check {
    /// Nothing to compare with.
    None,
    /// Every token is the same.
    #[serde(serialize_with = "equal")]
    Equal,
    /// Where the traces part.
    Mismatch(Mismatch),
}

fn equal<S: serde::Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("equal")
}

impl Check {
    /// What became of a comparison, if there was one.
    pub fn of(compared: Option<Option<Mismatch>>) -> Check {
        match compared {
            None => Check::None,
            Some(None) => Check::Equal,
            Some(Some(mismatch)) => Check::Mismatch(mismatch),
        }
    }

    /// Whether a comparison failed.
    pub fn failed(&self) -> bool {
        matches!(self, Check::Mismatch(_))
    }

    /// Says how the comparison ended.
    pub fn tell(&self) {
        match self {
            Check::None => {}
            Check::Equal => note!("check: every token is that of the reference"),
            Check::Mismatch(mismatch) => note!("check failed: {}", mismatch.sentence()),
        }
    }
}

/// How a run ended. A program that traps halts right after.
pub fn end(halted: bool, trapped: bool, exit_code: Option<u32>) -> String {
    match (trapped, halted, exit_code) {
        (true, ..) => "trapped".into(),
        (false, true, None) => "halted".into(),
        (false, true, Some(code)) => format!("exited with code {code}"),
        (false, false, _) => "stopped at --max-tokens".into(),
    }
}

/// 1234567 as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Tokens over seconds, as a number.
pub fn rate(tokens: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { tokens as f64 / seconds } else { 0.0 }
}
