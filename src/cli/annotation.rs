//! What stands beside the tokens of a trace: which instruction each belongs to, and where that is in the
//! source.

use clap::builder::Resettable;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use serde::Serialize;

use super::places::{Compiled, Place};
use super::source::Source;
use crate::machine::Symbol;
use crate::program::{Program, Walk};
use crate::shown;
use crate::wasm::{Frame, Lines};

/// A source whose places are shown beside something else, with the options that it is compiled with; named
/// by `--annotate`.
#[derive(Debug)]
pub struct AnnotateBy {
    /// The source, if there is one.
    pub source: Option<Source>,
}

impl Args for AnnotateBy {
    fn augment_args(command: Command) -> Command {
        let command = Source::augment_args(command).mut_arg("source", |source| {
            let help = "Print the tokens, one a line, each with its instruction, the depths of stack and calls, and the \
                        place in this source, whose trace it must be; it is compiled as --invoke and the other options \
                        for programs say";
            let flag = source.index(Resettable::Reset).long("annotate");
            flag.required(false).conflicts_with("output").help(help)
        });
        // Without a source there is nothing that they could be of.
        let of_source = ["args", "input", "input_hex"];
        of_source.into_iter().fold(command, |command, name| {
            command.mut_arg(name, |argument| argument.requires("source"))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        AnnotateBy::augment_args(command)
    }
}

impl FromArgMatches for AnnotateBy {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let is_given = matches.contains_id("source");
        let source = is_given.then(|| Source::from_arg_matches(matches)).transpose()?;
        Ok(AnnotateBy { source })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = AnnotateBy::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Where a token of a trace belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The instruction of the program, if the token is one of an instruction.
    at: Option<u32>,
    /// Operands on the stack, and calls that have not returned, before that instruction; none in the
    /// prompt.
    depths: Option<(i64, u32)>,
}

/// Follows a trace.
pub struct Annotator<'p> {
    program: &'p Program,
    compiled: &'p Compiled,
    lines: Option<Lines>,
    walk: Walk,
    /// Tokens taken.
    taken: u64,
    prompt: u64,
}

/// A place for machines.
#[derive(Clone, Debug, Serialize)]
pub struct Annotation {
    /// The instruction of the machine.
    instruction: Option<&'static str>,
    /// That of WebAssembly.
    wasm_instruction: Option<String>,
    #[serde(flatten)]
    place: Option<Place>,
    stack: Option<i64>,
    calls: Option<u32>,
}

impl<'p> Annotator<'p> {
    /// Before the first token of a trace of this program, whose prompt has so many.
    pub fn new(program: &'p Program, compiled: &'p Compiled, prompt: u64) -> Annotator<'p> {
        let walk = Walk::new(program);
        Annotator { program, compiled, lines: compiled.lines(), walk, taken: 0, prompt }
    }

    /// Takes the next token, and says where it belongs.
    pub fn take(&mut self, token: Option<Symbol>) -> Standing {
        let position = self.taken;
        self.taken += 1;
        if position >= self.prompt {
            let calls = u32::try_from(self.walk.calls()).unwrap_or(u32::MAX);
            let (at, depths) = (self.walk.at(), Some((self.walk.depth(), calls)));
            token.into_iter().for_each(|token| self.walk.step(token));
            return Standing { at: Some(at), depths };
        }
        // Five tokens for each instruction, between the braces.
        let at = position.checked_sub(1).map(|behind| behind / 5);
        let at = at.filter(|&at| at < self.program.code().len() as u64);
        Standing { at: at.map(|at| at as u32), depths: None }
    }

    /// What is known of a place.
    pub fn annotation(&self, Standing { at, depths }: Standing) -> Annotation {
        let places = &self.compiled.places;
        let at = at.map(|at| at as usize);
        let source = at.and_then(|at| places.source(at));
        let place = at.map(|at| {
            let routine = &places.routines()[places.routine_at(at)];
            self.compiled.place(&Frame { at, routine, source }, self.lines.as_ref())
        });
        let instruction = at.and_then(|at| self.program.code().get(at));
        Annotation {
            instruction: instruction.map(|instruction| instruction.op.name()),
            wasm_instruction: source.map(|source| source.name.to_owned()),
            place,
            stack: depths.map(|depths| depths.0),
            calls: depths.map(|depths| depths.1),
        }
    }
}

/// What [`Annotation::columns`] are.
pub const COLUMNS: &str = "pc\tinstruction\tstack\tcalls\tfunction\tsource";

impl Annotation {
    /// Where it is, if anywhere.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// The instruction, at a place that is told as a phrase.
    pub fn sentence(&self, phrase: &str) -> String {
        let Some(place) = &self.place else { return "none".to_owned() };
        let own = self.instruction.unwrap_or("none");
        let mut text = format!("{}, {own}", place.program_counter);
        if let Some(wasm) = &self.wasm_instruction {
            text += &format!(", for {wasm} at {phrase}");
        }
        if let Some(function) = &place.function {
            text += &format!(", in {}", shown::name(function));
        }
        text
    }

    /// The instruction in few words.
    pub fn short(&self) -> String {
        let Some(place) = &self.place else { return String::new() };
        let of = if self.stack.is_none() { "in the prompt, " } else { "" };
        format!("{of}{} {}", self.instruction.unwrap_or("none"), place.program_counter)
    }

    /// As columns, with tabs between.
    pub fn columns(&self) -> String {
        let Some(place) = &self.place else { return String::new() };
        let number =
            |number: Option<i64>| number.map_or(String::new(), |number| number.to_string());
        let mut source = self.wasm_instruction.clone().unwrap_or_default();
        if let Some(offset) = place.offset {
            source += &format!(" at byte {offset}");
        }
        if let Some((file, line)) = place.file.as_deref().zip(place.line) {
            source += &format!(", {}:{line}", super::places::short(file));
        }
        format!(
            "{}\t{}\t{}\t{}\t{}\t{source}",
            place.program_counter,
            self.instruction.unwrap_or("none"),
            number(self.stack),
            number(self.calls.map(i64::from)),
            place.function.as_deref().map(shown::name).unwrap_or_default(),
        )
    }
}
