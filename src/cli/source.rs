//! What to run: the SOURCE that `run`, `oracle` and `compile` share, a bundled
//! program's name or a file, with its input or the call of an export.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::bundled_programs::{self, BundledProgram};
use super::clang::CompileC;
use super::given_input::GivenInput;
use super::outputs::Input;
use super::places::{Compiled, SourceModule};
use super::preload::Preloads;
use super::{CliError, clang, inputs};
use crate::program::Program;
use crate::shown;
use crate::specialise::Takes;
use crate::wasm::{self, Argument, Entry, InputRoom, Invocation, Options, Places};

/// A program and its input, as named on the command line.
#[derive(Debug, Default, Args)]
pub struct Source {
    /// A bundled program (`hardmax programs` lists them), or a file: .c, .wasm, .wat, or a
    /// token program .txt
    #[arg(index = 1)]
    source: PathBuf,
    #[command(flatten)]
    c: CompileC,
    #[command(flatten)]
    given: GivenInput,
    #[command(flatten)]
    preloads: Preloads,
    /// Compile for a model without memory.resize: accesses beyond the end of memory do not trap
    #[arg(long, requires = "source")]
    endless_memory: bool,
    /// Refuse a module that can run into what cannot be compiled, instead of a trap there
    #[arg(long, requires = "source")]
    strict: bool,
    /// Call this export, instead of `compute` or `_start`, and print its results; everything behind it is
    /// an argument, decimal or 0x...
    #[arg(long, requires = "source", num_args = 1.., value_names = ["EXPORT", "ARG"], allow_hyphen_values = true)]
    invoke: Option<Vec<String>>,
}

/// A source, or, for a model that has its program inside, only an input. There must be a source unless
/// there is `--prompt` or `--model`.
#[derive(Debug)]
pub struct SourceOrInput {
    /// The source, if there is one.
    pub source: Option<Source>,
    /// The input; of a source, the same as its own.
    pub input: GivenInput,
}

impl Args for SourceOrInput {
    fn augment_args(command: Command) -> Command {
        let command = Source::augment_args(command);
        command.mut_arg("source", |source| {
            let help = "A bundled program (`hardmax programs` lists them), or a file: .c, .wasm, .wat, or a token \
                        program .txt; for a model that has its program inside, nothing, or its prompt .txt";
            source.required(false).required_unless_present_any(["prompt", "model"]).help(help)
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        SourceOrInput::augment_args(command)
    }
}

impl FromArgMatches for SourceOrInput {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let is_given = matches.contains_id("source");
        let source = is_given.then(|| Source::from_arg_matches(matches)).transpose()?;
        Ok(SourceOrInput { source, input: GivenInput::from_arg_matches(matches)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = SourceOrInput::from_arg_matches(matches)?;
        Ok(())
    }
}

impl SourceOrInput {
    /// A program with what it is given by default.
    pub fn named(source: PathBuf) -> SourceOrInput {
        let source = Some(Source { source, ..Source::default() });
        SourceOrInput { source, input: GivenInput::default() }
    }

    /// The files that are read.
    pub fn files(&self) -> Vec<Input<'_>> {
        match &self.source {
            Some(source) => source.files(),
            None => vec![("the input", self.input.input.as_deref())],
        }
    }
}

/// A program, and what its compilation says about it.
pub struct Resolved {
    /// The program with its input.
    pub program: Program,
    /// What it was compiled from.
    pub compiled: Compiled,
    /// Where the input goes, where that is known.
    pub input: Option<InputRoom>,
    /// What it takes for its input.
    pub takes: Takes,
}

/// What the name of a source says about it.
enum Kind {
    Bundled(&'static BundledProgram),
    Tokens,
    Wasm,
    Text,
    C,
}

impl Source {
    /// As it was named.
    pub fn path(&self) -> &Path {
        &self.source
    }

    /// The files that are read.
    pub fn files(&self) -> Vec<Input<'_>> {
        let is_file = !matches!(kind(&self.source), Ok(Kind::Bundled(_)));
        let program = is_file.then_some(&self.source).into_iter().chain(self.c.files());
        let program = program.chain(self.preloads.files());
        let program = program.map(|path| ("the program", Some(path.as_path())));
        program.chain([("the input", self.given.input.as_deref())]).collect()
    }

    /// As it was named, for reports.
    pub fn name(&self) -> String {
        self.source.display().to_string()
    }

    /// Whether it is a token program as somebody wrote it, that no compiler vouches for.
    pub fn is_token_program(&self) -> bool {
        matches!(kind(&self.source), Ok(Kind::Tokens))
    }

    /// The first flag that changes what a file says, if one is given.
    pub fn flag(&self) -> Option<&'static str> {
        self.compiling_flag().or(self.c.flag()).or(self.given.flag())
    }

    /// The first flag that is for modules, if one is given.
    fn compiling_flag(&self) -> Option<&'static str> {
        let flags = [
            ("--preload", self.preloads.are_given()),
            ("--invoke", self.invoke.is_some()),
            ("--endless-memory", self.endless_memory),
            ("--strict", self.strict),
        ];
        flags.into_iter().find(|flag| flag.1).map(|flag| flag.0)
    }

    /// The program with its input, and what is known about it.
    pub fn resolve(&self) -> Result<Resolved, CliError> {
        let path = &self.source;
        let kind = kind(path)?;
        if let (Some(flag), false) = (self.c.flag(), matches!(kind, Kind::C)) {
            return Err(CliError::NotC { path: path.clone(), flag });
        }
        let input = self.given.read()?;
        match kind {
            Kind::Tokens => self.token_program(input),
            Kind::Wasm => self.compile(SourceModule::module(inputs::module(path)?), input),
            Kind::C => {
                let export = self.invoke.as_ref().and_then(|call| call.first());
                let wasm = clang::compile(path, &self.c, export.map(String::as_str))?;
                self.compile(SourceModule::other(wasm), input)
            }
            Kind::Text => {
                let text = inputs::text_module(path)?;
                let wasm = wasm::parse_text(&text).map_err(|source| self.refusal(source))?;
                self.compile(SourceModule::text(wasm, text), input)
            }
            Kind::Bundled(bundled) => {
                let default = || bundled.input.clone().into_bytes();
                let input = input.or_else(|| self.invoke.is_none().then(default));
                self.compile(SourceModule::module(bundled.wasm), input)
            }
        }
    }

    /// A token program does not say what it takes: its last payload is the input, for an input that is given
    /// takes its place, and may be as long as memory is.
    fn token_program(&self, input: Option<Vec<u8>>) -> Result<Resolved, CliError> {
        let path = &self.source;
        if let Some(flag) = self.compiling_flag().or(self.given.wasi_flag()) {
            return Err(CliError::NotAModule { path: path.clone(), flag });
        }
        let mut program = inputs::program(path)?;
        if let Some(input) = input {
            program = program
                .with_input(&input)
                .map_err(|source| CliError::Input { path: path.clone(), source })?;
        }
        let takes = match program.payloads() {
            [] => Takes::Nothing,
            _ => Takes::AtMost(u32::MAX),
        };
        let compiled = Compiled::new(Places::unknown(), path, None);
        Ok(Resolved { program, compiled, input: None, takes })
    }

    /// Room for the input is made as large as it needs to be.
    fn compile(&self, written: SourceModule, input: Option<Vec<u8>>) -> Result<Resolved, CliError> {
        let written = match self.preloads.are_given() {
            // What it was compiled from is no longer known by its bytes.
            true => SourceModule::other(self.preloads.link(written.wasm(), &self.source)?),
            false => written,
        };
        let entry = self.entry(written.wasm());
        let is_wasi = entry == Entry::Start;
        let input = match (is_wasi, self.given.wasi_flag()) {
            (true, _) => Some(self.given.of_wasi(&self.source, input).payload()),
            (false, None) => input,
            (false, Some(flag)) => {
                return Err(CliError::NotOfWasi { name: self.name(), flag });
            }
        };
        let mut options = Options {
            entry,
            endless_memory: self.endless_memory,
            strict: self.strict,
            ..Options::default()
        };
        if let Some(input) = &input {
            let length = u32::try_from(input.len()).unwrap_or(u32::MAX);
            options.input_capacity = options.input_capacity.max(Some(length));
        }
        let refused = |source| self.refusal(source);
        let mut compiled = wasm::compile(written.wasm(), &options).map_err(refused)?;
        for warning in &compiled.warnings {
            note!(
                "warning: {}: {warning}: it traps where it is reached",
                shown::path(&self.source)
            );
        }
        let places = std::mem::replace(&mut compiled.places, Places::unknown());
        let room = compiled.input;
        let program = match input {
            Some(input) => compiled.with_input(&input).map_err(refused)?,
            None => compiled.program,
        };
        let takes = match room {
            Some(_) if is_wasi => Takes::Wasi,
            Some(room) => Takes::AtMost(room.capacity),
            None => Takes::Nothing,
        };
        let compiled = Compiled::new(places, &self.source, Some(written));
        Ok(Resolved { program, compiled, input: room, takes })
    }

    fn refusal(&self, source: wasm::WasmError) -> CliError {
        let path = self.source.clone();
        match source {
            wasm::WasmError::MissingEntry { .. } if self.invoke.is_none() => {
                CliError::NoCompute { path, source }
            }
            _ => CliError::Wasm { path, source },
        }
    }

    fn entry(&self, wasm: &[u8]) -> Entry {
        let Some([export, args @ ..]) = self.invoke.as_deref() else { return wasm::entry_of(wasm) };
        let args = args.iter().map(|arg| Argument::Written(arg.clone())).collect();
        Entry::Invoke(vec![Invocation { export: export.clone(), args }])
    }
}

/// Bundled names have no ending, so no file that can be run has one of them.
fn kind(path: &Path) -> Result<Kind, CliError> {
    let name = path.to_string_lossy();
    if let Some(bundled) = bundled_programs::all().iter().find(|program| program.name == name) {
        return Ok(Kind::Bundled(bundled));
    }
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("txt") => Ok(Kind::Tokens),
        Some("wasm") => Ok(Kind::Wasm),
        Some("wat") => Ok(Kind::Text),
        Some("c") => Ok(Kind::C),
        _ => Err(CliError::UnknownSource { meant: nearest(&name), name: name.into() }),
    }
}

/// The bundled program that a misspelt name may mean.
fn nearest(name: &str) -> Option<&'static str> {
    /// Below this, names have no more in common than any two words.
    const SIMILAR: f64 = 0.8;
    let similarity = |program: &'static BundledProgram| {
        (strsim::jaro_winkler(name, &program.name), program.name.as_str())
    };
    let best = bundled_programs::all().iter().map(similarity).max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|best| best.0 >= SIMILAR).map(|best| best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_its_program_and_a_stranger_none() {
        assert_eq!(nearest("soduku"), Some("sudoku"));
        assert_eq!(nearest("fibonaci"), Some("fibonacci"));
        assert_eq!(nearest("zzz"), None);
    }
}
