//! `hardmax wast`: scripts of WebAssembly's test suite.

use std::cell::Cell;
use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use super::report::{self, grouped};
use super::{CliError, Verdict, inputs};
use crate::engine::{self, Attention, Engine, Planned, Reference, generate};
use crate::linalg::Kernel;
use crate::machine::Symbol;
use crate::model::Model;
use crate::oracle::{self, Stopped};
use crate::plan::{Plan, Refusal};
use crate::program::Program;
use crate::shown;
use crate::tokenizer::Tokenizer;
use crate::wast::{self, Finding, Options};

/// What executes the programs of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum By {
    /// The program directly.
    Oracle,
    /// The model, compiled to the few operations that matter.
    Plan,
    /// The model, every matrix dense.
    Reference,
}

/// Run scripts of WebAssembly's test suite: modules, what they return, how they trap, what is invalid.
///
/// All that a script does with a module, and with those that share something with it, is one program, and
/// is executed as one. An assertion passes; or it is refused, because it needs what programs do not have:
/// vectors; or it fails. Of a trap, and of what must not link, the reason is compared, too.
/// Modules may import from each other, once registered, and from `spectest`, whose functions print nothing.
/// Exit code 1 means that an assertion was refused or failed.
///
/// What a call had changed before it trapped is not there for what follows.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hardmax wast tests/wast/linking.wast
  hardmax wast tests/wast/linking.wast --by plan
  hardmax wast tests/wast/linking.wast --json")]
pub struct WastCommand {
    /// The scripts
    #[arg(required = true, value_name = "FILE.wast")]
    files: Vec<PathBuf>,
    /// What executes the programs
    #[arg(long, value_enum, default_value = "oracle")]
    by: By,
    /// Model file, for --by plan and --by reference [default: the one in the binary]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Stop a program after this many generated tokens, as in 5000, 10k or 2G; what it had not done then fails
    #[arg(long, value_name = "N", default_value = "1G", value_parser = super::values::tokens)]
    max_tokens: u64,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    by: By,
    seconds: f64,
    passed: usize,
    refused: usize,
    failed: usize,
    /// Programs of which the plan did not execute all, so that the reference went on.
    fallbacks: u64,
    files: Vec<File>,
}

#[derive(Serialize)]
struct File {
    file: String,
    passed: usize,
    tokens: u64,
    refused: Vec<Line>,
    failed: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    line: usize,
    message: String,
}

impl From<Finding> for Line {
    fn from(Finding { line, message }: Finding) -> Self {
        Line { line, message }
    }
}

/// A model that executes programs.
struct Machine<'m> {
    model: &'m Model,
    tokenizer: Tokenizer,
    /// None where the reference is to execute all.
    plan: Option<Result<Plan, Refusal>>,
    fallbacks: Cell<u64>,
}

impl WastCommand {
    pub fn run(&self) -> Result<Verdict, CliError> {
        let scripts = self.files.iter().map(|path| inputs::text(path));
        let scripts = scripts.collect::<Result<Vec<_>, _>>()?;
        let model = match self.by {
            By::Oracle => None,
            By::Plan | By::Reference => Some(inputs::model(self.model.as_deref())?),
        };
        let machine = model.as_ref().map(|model| Machine::new(model, self.by));
        let execute = |program: &Program, take: &mut dyn FnMut(Symbol)| match &machine {
            None => oracle::execute(program, self.max_tokens, take).map_err(|it| it.to_string()),
            Some(machine) => machine.execute(program, self.max_tokens, take),
        };
        let options = Options { execute: &execute, endless_memory: false };
        let running = Instant::now();
        let mut files = Vec::new();
        for (path, text) in self.files.iter().zip(&scripts) {
            let ran = wast::run(text, &options).map_err(|Finding { line, message }| {
                CliError::Script { path: path.clone(), line, message }
            })?;
            files.push(File {
                file: path.display().to_string(),
                passed: ran.passed,
                tokens: ran.tokens,
                refused: ran.refused.into_iter().map(Line::from).collect(),
                failed: ran.failed.into_iter().map(Line::from).collect(),
            });
        }
        let count = |of: fn(&File) -> usize| files.iter().map(of).sum();
        let report = Report {
            by: self.by,
            seconds: running.elapsed().as_secs_f64(),
            passed: count(|file| file.passed),
            refused: count(|file| file.refused.len()),
            failed: count(|file| file.failed.len()),
            fallbacks: machine.map_or(0, |machine| machine.fallbacks.get()),
            files,
        };
        report.tell(self.json)?;
        Ok(Verdict::of(report.refused + report.failed == 0))
    }
}

impl<'m> Machine<'m> {
    fn new(model: &'m Model, by: By) -> Self {
        let tokenizer = Tokenizer::new(model.vocabulary());
        // All programs begin with the same token.
        let bos = tokenizer.encode(&[Symbol::Open]).ok().and_then(|tokens| tokens.first().copied());
        let plan = bos.filter(|_| by == By::Plan).map(|bos| Plan::new(model, bos));
        Machine { model, tokenizer, plan, fallbacks: Cell::new(0) }
    }

    fn execute(
        &self,
        program: &Program,
        limit: u64,
        take: &mut dyn FnMut(Symbol),
    ) -> Result<Stopped, String> {
        let (attention, kernel) = (Attention::Kinds, Kernel::preferred());
        let prompt = self.tokenizer.encode(&program.prompt()).map_err(|it| it.to_string())?;
        let mut engine = match &self.plan {
            Some(plan) => Engine::Plan(Box::new(Planned::new(self.model, plan, attention, kernel))),
            None => {
                let reference = Reference::new(self.model, attention, kernel);
                Engine::Reference(Box::new(reference.map_err(|it| it.to_string())?))
            }
        };
        let mut trapped = false;
        let ended = generate(&mut engine, &prompt, self.model.stop(), limit, |token| {
            if let Some(symbol) = self.tokenizer.symbol(token) {
                trapped |= symbol == Symbol::Trap;
                take(symbol);
            }
        });
        self.fallbacks.set(self.fallbacks.get() + u64::from(engine.fallback().is_some()));
        Ok(match ended.map_err(|it| it.to_string())?.stopped {
            engine::Stopped::TokenLimit => Stopped::TokenLimit,
            engine::Stopped::Halted if trapped => Stopped::Trapped,
            engine::Stopped::Halted => Stopped::Halted,
        })
    }
}

impl Report {
    fn tell(&self, json: bool) -> Result<(), CliError> {
        if json {
            return report::json(self);
        }
        let mut table = Table::new();
        table.load_preset(NOTHING).set_header(["file", "passed", "refused", "failed", "tokens"]);
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let mut findings = String::new();
        for file in &self.files {
            let name = shown::path(&file.file).to_string();
            table.add_row([
                name.clone(),
                file.passed.to_string(),
                file.refused.len().to_string(),
                file.failed.len().to_string(),
                grouped(file.tokens),
            ]);
            for (verdict, lines) in [("refused", &file.refused), ("failed", &file.failed)] {
                for Line { line, message } in lines {
                    findings += &format!("{name}:{line}: {verdict}: {message}\n");
                }
            }
        }
        report::print(&format!("{findings}{}\n", table.trim_fmt()))?;
        let by = match self.by {
            By::Oracle => "the oracle",
            By::Plan => "the model's plan",
            By::Reference => "the model",
        };
        note!(
            "{} passed, {} refused, {} failed, executed by {by}, {:.1} s",
            grouped(self.passed as u64),
            grouped(self.refused as u64),
            grouped(self.failed as u64),
            self.seconds
        );
        if self.fallbacks > 0 {
            note!("the plan ended in {} programs, where the reference went on", self.fallbacks);
        }
        Ok(())
    }
}
