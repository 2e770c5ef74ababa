//! Traces as files, text or binary, as the commands write them.

use std::io::Write;
use std::path::Path;

use super::trace_file::{TraceFile, model_digest, names};
use super::{CliError, outputs};
use crate::files::{Place, Unfinished};
use crate::model::{Model, Token, Tokens};
use crate::program::binary::{self, BinaryError, Header, Writer};
use crate::program::text;
use crate::shown;

/// Written to files at once.
const BUFFER: usize = 1 << 16;

/// Whether a trace at this path is written in binary.
pub fn is_binary_name(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "hmt")
}

/// The header of a model's trace.
fn header(model: &Model, prompt: impl Iterator<Item = Token> + Clone) -> Header {
    let name = |token: Token| model.vocabulary().name(token);
    Header {
        names: model.vocabulary().iter().map(|(_, name)| name.to_owned()).collect(),
        stop: model.stop().0 as u16,
        prompt: prompt.clone().count() as u64,
        model: model_digest(model),
        program: binary::program_digest(prompt.map(name)),
    }
}

/// How many bytes a trace with this prompt has as a binary file, if such a file can hold it.
pub fn binary_bytes(model: &Model, prompt: &[Token], trace: &Tokens) -> Option<u64> {
    let mut writer = Writer::new(Vec::new(), &header(model, prompt.iter().copied())).ok()?;
    trace.iter().try_for_each(|token| writer.push(u16::try_from(token.0).ok()?).ok())?;
    Some(writer.finish().ok()?.len() as u64)
}

/// Writes the trace of a run: binary while it is running, text when it is over.
///
/// A binary trace is put into its place as soon as it has its prompt, when nothing but the run
/// itself is left to fail. So a run that is killed leaves a trace of all its whole blocks, and an
/// older trace is there until then.
pub struct Recorder<'p> {
    path: &'p Path,
    /// Until it is known to have failed, which is said at the end.
    output: Result<Output, CliError>,
}

enum Output {
    Binary(Writer<Unfinished>),
    Text(Place),
}

impl<'p> Recorder<'p> {
    /// Finds the trace's place, and begins a binary one.
    pub fn new(path: &'p Path, model: &Model, prompt: &[Token]) -> Result<Self, CliError> {
        let failed = |source| CliError::Write { path: path.into(), source };
        let place = outputs::place(path)?;
        if !is_binary_name(path) {
            return Ok(Recorder { path, output: Ok(Output::Text(place)) });
        }
        let place = alone(place, path)?;
        let writer =
            Writer::new(place.begin().map_err(failed)?, &header(model, prompt.iter().copied()));
        let mut writer = writer.map_err(|error| binary_failure(path, error))?;
        for token in prompt {
            writer.push(token.0 as u16).map_err(failed)?;
        }
        writer.end_block().map_err(failed)?;
        writer.file_mut().put_into_place().map_err(failed)?;
        Ok(Recorder { path, output: Ok(Output::Binary(writer)) })
    }

    /// Takes a token. What fails is said at once, and again at the end: until then it may be long.
    pub fn push(&mut self, token: Token) {
        if let Ok(Output::Binary(writer)) = &mut self.output
            && let Err(source) = writer.push(token.0 as u16)
        {
            let error = CliError::Write { path: self.path.into(), source };
            note!("{error}: the run goes on, and its trace stays cut");
            self.output = Err(error);
        }
    }

    /// Leaves a trace without an end: all tokens that there are of a binary one, and no text.
    pub fn break_off(self) {
        if let Ok(Output::Binary(mut writer)) = self.output {
            // The error of the run, which is told, comes before an error of its trace.
            let _ = writer.end_block();
        }
    }

    /// Completes the file. `text` writes a text trace as a whole.
    pub fn finish(
        self,
        text: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<(), CliError> {
        let written = match self.output? {
            Output::Binary(writer) => writer.finish().and_then(Unfinished::finish),
            Output::Text(place) => place.write(|file| text(file)),
        };
        written.map_err(|source| CliError::Write { path: self.path.into(), source })
    }
}

/// Where standard output did not take all that it should, says that the trace lacks nothing for that.
pub fn reassure<T>(printed: Result<T, CliError>, trace: Option<&Path>) -> Result<T, CliError> {
    if let (Err(CliError::Stdout(_)), Some(trace)) = (&printed, trace) {
        note!("{}: the trace is whole", shown::path(trace));
    }
    printed
}

/// A place where nothing else is written to, as a binary trace needs it.
fn alone(place: Place, path: &Path) -> Result<Place, CliError> {
    match place.is_standard_stream() {
        true => Err(CliError::NotAlone { path: path.into() }),
        false => Ok(place),
    }
}

fn binary_failure(path: &Path, error: BinaryError) -> CliError {
    match error {
        BinaryError::Io { source, .. } => CliError::Write { path: path.into(), source },
        source => CliError::BinaryTrace { path: path.display().to_string(), source },
    }
}

/// Converts a trace into the format that the name of `target` asks for, as a stream.
pub fn convert(file: &mut TraceFile, model: &Model, target: &Path) -> Result<(), CliError> {
    let mut failed: Option<CliError> = None;
    let place = outputs::place(target)?;
    let place = if is_binary_name(target) { alone(place, target)? } else { place };
    let written = place.write(|out| {
        let mut out = std::io::BufWriter::with_capacity(BUFFER, out);
        let result = if is_binary_name(target) {
            to_binary(file, model, target, &mut out)
        } else {
            to_text(file, model, target, &mut out)
        };
        // Another error than that of the target's file has to come out from under it.
        result.map_err(|error| match error {
            CliError::Write { source, .. } => source,
            other => {
                failed = Some(other);
                std::io::Error::other("the trace cannot be read")
            }
        })?;
        out.flush()
    });
    match failed {
        Some(error) => Err(error),
        None => written.map_err(|source| CliError::Write { path: target.into(), source }),
    }
}

fn to_binary(
    file: &mut TraceFile,
    model: &Model,
    target: &Path,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let unwritten = |source| CliError::Write { path: target.into(), source };
    let header = match file.header() {
        Some(header) => header.clone(),
        None => header(model, file.prompt().iter()),
    };
    let mut writer = Writer::new(out, &header).map_err(|error| binary_failure(target, error))?;
    while let Some(token) = file.next().transpose()? {
        writer.push(token.0 as u16).map_err(unwritten)?;
        if file.taken() == header.prompt {
            writer.end_block().map_err(unwritten)?;
        }
    }
    if file.is_cut() {
        // What broke off stays so: the whole blocks that there are, and no end.
        writer.end_block().map_err(unwritten)
    } else {
        writer.finish().map(|_| ()).map_err(unwritten)
    }
}

/// A token of a text trace whose prompt is no program: the prompt is a line, and every token behind
/// it. `goes_on` is where more of the prompt follows. A name that is no single word is refused, for
/// it would be read as others.
pub fn write_name(out: &mut dyn Write, name: &str, goes_on: bool) -> std::io::Result<()> {
    if name.split_whitespace().next() != Some(name) {
        let problem = format!("the token {} is no single word", shown::quoted(name));
        return Err(std::io::Error::other(problem));
    }
    out.write_all(name.as_bytes())?;
    out.write_all(if goes_on { b" " } else { b"\n" })
}

fn to_text(
    file: &mut TraceFile,
    model: &Model,
    target: &Path,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let unwritten = |source| CliError::Write { path: target.into(), source };
    let names = names(file, model);
    let Some(shape) = file.shape() else {
        let prompt = file.prompt_tokens();
        while let Some(token) = file.next().transpose()? {
            let goes_on = file.taken() < prompt;
            write_name(out, &names[token.index()], goes_on).map_err(unwritten)?;
        }
        return Ok(());
    };
    let tokenizer = file.tokenizer().clone();
    let mut text = text::write_prompt(shape);
    let mut lines = text::Lines::default();
    while let Some(token) = file.next().transpose()? {
        if file.taken() > file.prompt_tokens() {
            let foreign = || CliError::ForeignName {
                path: file.name().to_owned(),
                name: names[token.index()].clone(),
                position: file.taken() - 1,
            };
            lines.write(tokenizer.symbol(token).ok_or_else(foreign)?, &mut text);
            if text.len() >= BUFFER {
                out.write_all(text.as_bytes()).map_err(unwritten)?;
                text.clear();
            }
        }
    }
    lines.end(&mut text);
    out.write_all(text.as_bytes()).map_err(unwritten)
}
