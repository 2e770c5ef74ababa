//! Where a program stands in its source, in words and for machines.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::CliError;
use super::trace_file::TraceFile;
use crate::machine::{Instruction, Symbol};
use crate::oracle;
use crate::program::{Program, Walk};
use crate::shown;
use crate::wasm::{Frame, Lines, Origin, Places};

/// What a program was compiled from.
pub struct Compiled {
    /// What its instructions are.
    pub places: Places,
    /// As it was named.
    path: PathBuf,
    /// None for a token program.
    source: Option<SourceModule>,
}

/// A module, and how its source has it.
pub struct SourceModule {
    wasm: Cow<'static, [u8]>,
    /// The text format of it, if that is the source.
    text: Option<Vec<u8>>,
    /// Whether it is the source itself.
    is_source: bool,
}

impl SourceModule {
    /// A source that is a module.
    pub fn module(wasm: impl Into<Cow<'static, [u8]>>) -> SourceModule {
        SourceModule { wasm: wasm.into(), text: None, is_source: true }
    }

    /// A source in the text format, and the module that it makes.
    pub fn text(wasm: Vec<u8>, text: Vec<u8>) -> SourceModule {
        SourceModule { wasm: wasm.into(), text: Some(text), is_source: false }
    }

    /// The module that a source of another language makes.
    pub fn other(wasm: Vec<u8>) -> SourceModule {
        SourceModule { wasm: wasm.into(), text: None, is_source: false }
    }

    /// The module.
    pub fn wasm(&self) -> &[u8] {
        &self.wasm
    }
}

/// Callers that a sentence names.
const NAMED: usize = 8;

/// Callers that a report for machines has.
const REPORTED: usize = 100;

/// A place in the source.
#[derive(Clone, Debug, Serialize)]
pub struct Place {
    /// The name of the function; `null` where it is not known.
    pub function: Option<String>,
    /// Its index in the module.
    pub function_index: Option<u32>,
    /// The byte of the module at which the instruction stands.
    pub offset: Option<u32>,
    /// The file and the line that it was compiled from, where the module says.
    pub file: Option<String>,
    pub line: Option<u32>,
    /// The instruction of the program.
    pub program_counter: usize,
}

/// Why and where a program trapped.
#[derive(Clone, Debug, Serialize)]
pub struct TrapReport {
    reason: String,
    /// The instruction of WebAssembly; of a token program that of the machine.
    instruction: String,
    #[serde(flatten)]
    place: Place,
    /// Instructions of the machine before it.
    instructions: u64,
    /// The callers, the innermost first, and how many more there are.
    calls: Vec<Place>,
    more_calls: usize,
    /// The place as a phrase.
    #[serde(skip)]
    at: String,
}

impl Compiled {
    /// A program with this source map, of a source that was named so.
    pub fn new(places: Places, path: &Path, source: Option<SourceModule>) -> Compiled {
        Compiled { places, path: path.into(), source }
    }

    /// Names and first instructions of all routines but the start code.
    pub fn functions(&self) -> Vec<(String, usize)> {
        let is_named = |origin| !matches!(origin, Origin::Start | Origin::Unknown);
        let routines = self.places.routines().iter().filter(|routine| is_named(routine.origin));
        routines.map(|routine| (routine.name.clone(), routine.begin)).collect()
    }

    /// Lines of the source, if the module tells. This takes a while.
    pub fn lines(&self) -> Option<Lines> {
        let SourceModule { wasm, text, .. } = self.source.as_ref()?;
        match text {
            Some(text) => Lines::of_text(text, &self.path),
            None => Lines::of(wasm),
        }
    }

    /// Where a frame stands.
    pub fn place(&self, frame: &Frame, lines: Option<&Lines>) -> Place {
        let line = frame.source.and_then(|source| lines?.at(source.offset));
        let is_known = frame.routine.origin != Origin::Unknown;
        Place {
            function: is_known.then(|| frame.routine.label()),
            function_index: match frame.routine.origin {
                Origin::Function(index) | Origin::Missing(index) => Some(index),
                _ => None,
            },
            offset: frame.source.map(|source| source.offset),
            file: line.map(|line| line.file.to_owned()),
            line: line.map(|line| line.line),
            program_counter: frame.at,
        }
    }

    /// A place as a phrase: `line 3 of d.wat (byte 34 of its module)`.
    pub fn phrase(&self, place: &Place) -> String {
        let source = shown::path(self.path.file_name().map_or(&*self.path, Path::new));
        let whole = match &self.source {
            Some(SourceModule { is_source: false, .. }) => {
                format!("the module that {source} makes")
            }
            _ => source,
        };
        match (place.offset, place.file.as_deref().zip(place.line)) {
            (Some(byte), Some((file, line))) => {
                format!("line {line} of {} (byte {byte} of its module)", short(file))
            }
            (Some(byte), None) => format!("byte {byte} of {whole}"),
            (None, _) => format!("instruction {} of {whole}", place.program_counter),
        }
    }

    /// Why and where the program trapped that generated these tokens.
    pub fn trap(&self, program: &Program, generated: impl Iterator<Item = Symbol>) -> TrapReport {
        let mut walk = Walk::new(program);
        generated.for_each(|token| walk.step(token));
        self.trap_at(program, &walk)
    }

    /// The same where nobody has kept the tokens: the oracle generates them again, so many.
    pub fn trap_of_oracle(&self, program: &Program, tokens: u64) -> TrapReport {
        let mut walk = Walk::new(program);
        // What a run has come through without an error, or a model's own way, ends somewhere.
        let _: Result<_, _> = oracle::execute(program, tokens, |token| walk.step(token));
        self.trap_at(program, &walk)
    }

    fn trap_at(&self, program: &Program, walk: &Walk) -> TrapReport {
        let trap = self.places.trap(program, walk, REPORTED);
        let lines = self.lines();
        let of = |frame: &Frame| self.place(frame, lines.as_ref());
        let place = of(&trap.place);
        let own = walk.op(program).map_or("", |op| op.name());
        TrapReport {
            reason: trap.reason.to_string(),
            instruction: trap.place.source.map_or(own, |source| source.name).to_owned(),
            at: self.phrase(&place),
            place,
            instructions: trap.executed,
            calls: trap.callers.iter().map(of).collect(),
            more_calls: trap.more_callers,
        }
    }
}

impl TrapReport {
    /// Says it.
    pub fn tell(&self) {
        note!("{}", self.sentence());
    }

    /// As a sentence: `trapped: integer divide by zero, i32.div_u at byte 34 of d.wasm, in f, called
    /// from g, after 12 instructions`.
    pub fn sentence(&self) -> String {
        let mut text = format!("trapped: {}, {} at {}", self.reason, self.instruction, self.at);
        if let Some(function) = &self.place.function {
            text += &format!(", in {}", shown::name(function));
        }
        for caller in self.calls.iter().take(NAMED) {
            text += ", called from ";
            text += &match &caller.function {
                Some(function) => shown::name(function),
                None => format!("instruction {}", caller.program_counter),
            };
            if let Some(line) = caller.line {
                text += &format!(" at line {line}");
            }
        }
        let more = self.calls.len().saturating_sub(NAMED) + self.more_calls;
        if more > 0 {
            text += &format!(", and from {} more", super::report::grouped(more as u64));
        }
        text + &format!(", after {} instructions", super::report::grouped(self.instructions))
    }
}

/// The program of a trace, with the input that it had, if it is the one that was compiled from a source.
pub fn program_of(
    compiled: &Program,
    source: &Path,
    trace: &TraceFile,
) -> Result<Program, CliError> {
    let (path, source_path) = (trace.name().to_owned(), source.to_owned());
    let Some(program) = trace.program() else {
        return Err(CliError::NoProgramInTrace { path, source_path });
    };
    let (found, wanted) = (program.code(), compiled.code());
    if found == wanted {
        return Ok(program.clone());
    }
    let same = found.iter().zip(wanted).take_while(|(found, wanted)| found == wanted).count();
    let one = |code: &[Instruction]| match code.get(same) {
        Some(Instruction { op, immediate }) => format!("{} {immediate}", op.name()),
        None => "no more".to_owned(),
    };
    let differs =
        format!("its instruction {same} is {}, that of the program {}", one(found), one(wanted));
    Err(CliError::OtherProgram { path, source_path, differs })
}

/// The name of a file, without its folders.
pub fn short(file: &str) -> String {
    shown::name(file.rsplit(['/', '\\']).next().unwrap_or(file))
}
