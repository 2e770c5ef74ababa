//! `hardmax profile`: where the tokens of a program go.

mod flame;
mod tables;

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use self::tables::{Functions, Instructions, Lines};
use super::places::{Compiled, program_of};
use super::report::{self, grouped};
use super::source::{Resolved, Source};
use super::trace_file::TraceFile;
use super::{CliError, Verdict, inputs, outputs};
use crate::oracle::{self, Stopped};
use crate::profile::{Counted, DEEPEST, Profile};
use crate::program::Program;
use crate::shown;

/// Count where the tokens of a program go: by function, by WebAssembly instruction, by line.
///
/// The program is executed directly, by the oracle, whose tokens are those that the model must generate, or
/// was executed already, and left a trace (--from). Nothing but counts is kept, so that a run may be of any length. What
/// the program writes is not printed.
///
/// A function's own tokens are those of its instructions; the total has those of what it called, too. The
/// tokens of a WebAssembly instruction, and of a line, have those of the runtime that the compiler
/// links in. Lines are known where the module has debug information: for .c and .wat, always.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hardmax profile sudoku
  hardmax profile programs/gcd.wat --invoke gcd 84 36
  hardmax profile hello --folded /tmp/hello.folded --flamegraph /tmp/hello.svg
  hardmax run hello --trace /tmp/hello.hmt
  hardmax profile hello --from /tmp/hello.hmt --json")]
pub struct ProfileCommand {
    #[command(flatten)]
    source: Source,
    /// Count the tokens of this trace of the program, text or binary, instead of executing it
    #[arg(long, value_name = "TRACE")]
    from: Option<PathBuf>,
    /// Model file, for the token ids of a text trace [default: the one in the binary]
    #[arg(long, value_name = "FILE", requires = "from")]
    model: Option<PathBuf>,
    /// Stop after this many generated tokens
    #[arg(long, value_name = "N", default_value_t = 1_000_000_000)]
    max_tokens: u64,
    /// Write the paths of calls with their own tokens, one a line, as tools for flame graphs read them
    #[arg(long, value_name = "FILE")]
    folded: Option<PathBuf>,
    /// Draw the paths of calls
    #[arg(long, value_name = "FILE.svg")]
    flamegraph: Option<PathBuf>,
    /// Rows of each table
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Print one JSON object, with all rows, instead of tables
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    program: String,
    /// The trace that was counted; `null` where the oracle ran.
    trace: Option<String>,
    generated_tokens: u64,
    instructions: u64,
    seconds: f64,
    halted: bool,
    trapped: bool,
    functions: Functions,
    wasm_instructions: Instructions,
    /// `null` where nobody knows lines.
    lines: Option<Lines>,
}

/// How what was counted ended.
struct End {
    halted: bool,
    trapped: bool,
}

impl ProfileCommand {
    pub fn run(&self) -> Result<Verdict, CliError> {
        let mut read = self.source.files();
        read.extend([("the trace", self.from.as_deref()), ("the model", self.model.as_deref())]);
        outputs::check(self.flamegraph.as_deref(), &read)?;
        read.push(("the flame graph", self.flamegraph.as_deref()));
        outputs::check(self.folded.as_deref(), &read)?;
        let place = |path: &Option<PathBuf>| path.as_deref().map(outputs::place).transpose();
        let (folded, drawn) = (place(&self.folded)?, place(&self.flamegraph)?);
        let resolved = self.source.resolve()?;
        let Resolved { program, compiled, .. } = &resolved;
        let counting = Instant::now();
        let (counted, end) = match &self.from {
            Some(path) => self.count_trace(path, &resolved)?,
            None => self.count_run(program, compiled)?,
        };
        let seconds = counting.elapsed().as_secs_f64();
        if let Some((place, path)) = folded.zip(self.folded.as_deref()) {
            outputs::write_to(place, path, flame::folded(&counted).as_bytes())?;
        }
        if let Some((place, path)) = drawn.zip(self.flamegraph.as_deref()) {
            let drawing = flame::svg(&counted, &self.source.name());
            outputs::write_to(place, path, drawing.as_bytes())?;
        }
        let report = Report {
            program: self.source.name(),
            trace: self.from.as_ref().map(|path| path.display().to_string()),
            generated_tokens: counted.all.tokens,
            instructions: counted.all.instructions,
            seconds,
            halted: end.halted,
            trapped: end.trapped,
            functions: Functions::of(&counted),
            wasm_instructions: Instructions::of(&counted, program, compiled),
            lines: compiled.lines().map(|lines| Lines::of(&counted, compiled, &lines)),
        };
        report.tell(self)?;
        Ok(Verdict::of(end.halted && !end.trapped))
    }

    fn count_run(
        &self,
        program: &Program,
        compiled: &Compiled,
    ) -> Result<(Counted, End), CliError> {
        let mut profile = Profile::new(program, &compiled.places);
        let run = oracle::execute(program, self.max_tokens, |token| profile.take(token));
        let path = self.source.path().to_owned();
        let stopped = run.map_err(|source| CliError::Oracle { path, source })?;
        let halted = stopped != Stopped::TokenLimit;
        Ok((profile.finish(), End { halted, trapped: stopped == Stopped::Trapped }))
    }

    fn count_trace(
        &self,
        path: &std::path::Path,
        resolved: &Resolved,
    ) -> Result<(Counted, End), CliError> {
        let model = inputs::model(self.model.as_deref())?;
        let mut trace = TraceFile::open(path, &model, None)?;
        let program = program_of(&resolved.program, self.source.path(), &trace)?;
        let mut profile = Profile::new(&program, &resolved.compiled.places);
        let (tokenizer, prompt) = (trace.tokenizer().clone(), trace.prompt_tokens());
        let names = super::trace_file::names(&trace, &model);
        let mut trapped = false;
        while let Some(token) = trace.next().transpose()? {
            let position = trace.taken() - 1;
            if position < prompt {
                continue;
            }
            if position - prompt >= self.max_tokens || trace.after_stop().is_some() {
                break;
            }
            let symbol = tokenizer.symbol(token).ok_or_else(|| CliError::ForeignName {
                path: trace.name().to_owned(),
                name: names[token.index()].clone(),
                position,
            })?;
            trapped |= symbol == crate::machine::Symbol::Trap;
            profile.take(symbol);
        }
        Ok((profile.finish(), End { halted: trace.halted(), trapped }))
    }
}

impl Report {
    fn tell(&self, command: &ProfileCommand) -> Result<(), CliError> {
        if command.json {
            return report::json(self);
        }
        let (all, top) = (self.generated_tokens, command.top);
        let mut text = format!("{}\n\n", self.functions.table(all, top));
        text += &format!("{}\n", self.wasm_instructions.table(all, top));
        if let Some(lines) = &self.lines {
            text += &format!("\n{}\n", lines.table(all, top));
        }
        report::print(&text)?;
        let by = match &self.trace {
            Some(trace) => format!("counted in {}", shown::path(trace)),
            None => "executed by the oracle".to_owned(),
        };
        note!(
            "{}: {} after {} tokens of {} instructions, {by} in {:.3} s",
            shown::path(&self.program),
            report::end(self.halted, self.trapped, None),
            grouped(self.generated_tokens),
            grouped(self.instructions),
            self.seconds
        );
        for (path, what) in
            [(&command.folded, "paths of calls"), (&command.flamegraph, "a flame graph")]
        {
            if let Some(path) = path {
                note!("{}: {what}, of at most {DEEPEST} calls", shown::path(path));
            }
        }
        Ok(())
    }
}
