//! `hardmax programs`: what the binary brings along.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use textwrap::Options;

use super::bundled_programs::{self, BundledProgram, HEADER, MANIFEST};
use super::report::{self, grouped};
use super::{CliError, Verdict, outputs};
use crate::program::{Program, text};
use crate::shown;
use crate::wasm;

/// Columns of the list.
const WIDTH: usize = 100;

/// List the bundled programs, or write their sources.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hardmax programs
  hardmax programs --json
  hardmax programs --write /tmp/hardmax-programs")]
pub struct Programs {
    /// Write .c, .wasm and .txt of each, and the header they include, into this directory
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
    /// Print one JSON object instead of a list
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    programs: Vec<Row>,
    written: Option<String>,
}

#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    about: &'static BundledProgram,
    instructions: usize,
    prompt_tokens: usize,
}

impl Programs {
    pub fn run(&self) -> Result<Verdict, CliError> {
        let mut programs = Vec::new();
        for about in bundled_programs::all() {
            let program = with_default_input(about)?;
            if let Some(directory) = &self.write {
                write(directory, about, &program)?;
            }
            let (instructions, prompt_tokens) = (program.code().len(), program.prompt().len());
            programs.push(Row { about, instructions, prompt_tokens });
        }
        if let Some(directory) = &self.write {
            outputs::write(&directory.join("hardmax.h"), HEADER.as_bytes())?;
            outputs::write(&directory.join("programs.json"), MANIFEST.as_bytes())?;
        }
        let written = self.write.as_ref().map(|directory| directory.display().to_string());
        let report = Report { programs, written };
        if self.json {
            report::json(&report)?;
        } else {
            report.tell().map_err(CliError::Stdout)?;
        }
        Ok(Verdict::Done)
    }
}

fn with_default_input(about: &BundledProgram) -> Result<Program, CliError> {
    wasm::compile(about.wasm, &wasm::Options::default())
        .and_then(|compiled| compiled.with_input(about.input.as_bytes()))
        .map_err(|source| CliError::Wasm { path: about.name.clone().into(), source })
}

fn write(directory: &Path, about: &BundledProgram, program: &Program) -> Result<(), CliError> {
    std::fs::create_dir_all(directory)
        .map_err(|source| CliError::Write { path: directory.into(), source })?;
    let file = |ending: &str| directory.join(format!("{}.{ending}", about.name));
    outputs::write(&file("c"), about.source.as_bytes())?;
    outputs::write(&file("wasm"), about.wasm)?;
    outputs::write(&file("txt"), text::write_program(program).as_bytes())
}

impl Report {
    fn tell(&self) -> std::io::Result<()> {
        let mut stdout = std::io::stdout().lock();
        for Row { about, instructions, prompt_tokens } in &self.programs {
            let text = format!(
                "{}\n{} instructions, {} prompt tokens\nInput {}: {}",
                about.description,
                grouped(*instructions as u64),
                grouped(*prompt_tokens as u64),
                shortened(&about.input),
                about.input_meaning
            );
            let name = format!("{:<18} ", about.name);
            let indent = " ".repeat(name.len());
            let layout = Options::new(WIDTH).initial_indent(&name).subsequent_indent(&indent);
            writeln!(stdout, "{}", textwrap::fill(&text, layout))?;
        }
        if let Some(directory) = &self.written {
            let directory = shown::path(directory);
            note!("{directory}: sources, modules and token programs of all");
        }
        Ok(())
    }
}

/// An input in quotes, and no more of it than a line holds.
fn shortened(input: &str) -> String {
    const ENOUGH: usize = 32;
    match input.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{:?}...", &input[..end]),
        None => format!("{input:?}"),
    }
}
