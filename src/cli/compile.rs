//! `hardmax compile`: make a token program.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::listing::listing;
use super::report::{self, grouped};
use super::source::Source;
use super::{CliError, Verdict, outputs};
use crate::program::text;
use crate::shown;

/// Compile C or WebAssembly to a token program: the prompt that makes the model run it.
///
/// The input is part of it. Functions that nothing calls are left out.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hardmax compile programs/hello.c --output /tmp/hello.txt
  hardmax compile programs/gcd.wat --listing --invoke gcd 84 36
  hardmax compile tests/wasi/echo.wat --json -- some arguments
  hardmax compile sudoku --output /tmp/sudoku.txt --json")]
pub struct Compile {
    #[command(flatten)]
    source: Source,
    /// Where to write the token program
    #[arg(long, short, value_name = "FILE", required_unless_present_any = ["listing", "json"])]
    output: Option<PathBuf>,
    /// Print the instructions, under the names of their functions
    #[arg(long, conflicts_with = "json")]
    listing: bool,
    /// Print one JSON object instead of a summary
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    program: String,
    output: Option<String>,
    instructions: usize,
    prompt_tokens: usize,
    /// The three are known where a module is compiled that takes an input.
    input_bytes: Option<usize>,
    input_address: Option<u32>,
    input_capacity: Option<u32>,
    functions: Vec<Function>,
}

/// A routine and its first instruction.
#[derive(Serialize)]
struct Function {
    name: String,
    start: usize,
}

impl Compile {
    pub fn run(&self) -> Result<Verdict, CliError> {
        outputs::check(self.output.as_deref(), &self.source.files())?;
        let resolved = self.source.resolve()?;
        let program = &resolved.program;
        if let Some(path) = &self.output {
            outputs::write(path, text::write_program(program).as_bytes())?;
        }
        let functions = resolved.compiled.functions();
        if self.listing {
            let listing = listing(program, &functions);
            report::print(&listing)?;
        }
        let functions = functions.into_iter().map(|(name, start)| Function { name, start });
        let report = Report {
            program: self.source.name(),
            output: self.output.as_ref().map(|path| path.display().to_string()),
            instructions: program.code().len(),
            prompt_tokens: program.prompt().len(),
            input_bytes: resolved.input.and(program.payloads().last()).map(Vec::len),
            input_address: resolved.input.map(|room| room.address),
            input_capacity: resolved.input.map(|room| room.capacity),
            functions: functions.collect(),
        };
        report.tell(self.json)
    }
}

impl Report {
    fn tell(&self, json: bool) -> Result<Verdict, CliError> {
        if json {
            report::json(self)?;
        } else {
            // A token program does not say what its functions are.
            let functions = match self.functions.len() {
                0 => String::new(),
                1 => " in 1 function".to_owned(),
                count => format!(" in {count} functions"),
            };
            note!(
                "{}: {} instructions{functions}, {} prompt tokens{}",
                shown::path(&self.program),
                grouped(self.instructions as u64),
                grouped(self.prompt_tokens as u64),
                self.output
                    .as_ref()
                    .map_or(String::new(), |path| format!(", in {}", shown::path(path)))
            );
        }
        Ok(Verdict::Done)
    }
}
