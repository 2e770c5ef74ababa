//! Traces as files, text or binary, as the commands write them.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::CliError;
use super::trace_file::{TraceFile, model_digest, names};
use crate::files;
use crate::machine::Symbol;
use crate::model::{Model, Token};
use crate::program::binary::{self, BinaryError, Header, Writer};
use crate::program::{Program, text};

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

/// Writes the trace of a run: binary while it is running, text when it is over.
pub struct Recorder<'p> {
    path: &'p Path,
    binary: Option<Writer<File>>,
    failed: Option<CliError>,
}

impl<'p> Recorder<'p> {
    pub fn new(path: &'p Path, model: &Model, prompt: &[Token]) -> Result<Self, CliError> {
        let mut recorder = Recorder { path, binary: None, failed: None };
        if is_binary_name(path) {
            let failed = |source| CliError::Write { path: path.into(), source };
            let file = File::create(path).map_err(failed)?;
            let writer = Writer::new(file, &header(model, prompt.iter().copied()));
            recorder.binary = Some(writer.map_err(|error| binary_failure(path, error))?);
            prompt.iter().for_each(|&token| recorder.push(token));
            if let Some(writer) = &mut recorder.binary {
                writer.end_block().map_err(failed)?;
            }
        }
        Ok(recorder)
    }

    /// Takes a token. What fails is said at the end.
    pub fn push(&mut self, token: Token) {
        if let Some(writer) = &mut self.binary
            && let Err(source) = writer.push(token.0 as u16)
        {
            self.failed = Some(CliError::Write { path: self.path.into(), source });
            self.binary = None;
        }
    }

    /// Completes the file.
    pub fn finish(
        self,
        program: &Program,
        generated: impl Iterator<Item = Symbol>,
    ) -> Result<(), CliError> {
        let written = match (self.failed, self.binary) {
            (Some(error), _) => return Err(error),
            (None, Some(writer)) => writer.finish().map(|_| ()),
            (None, None) => {
                files::write_with(self.path, |file| text::write_trace_to(file, program, generated))
            }
        };
        written.map_err(|source| CliError::Write { path: self.path.into(), source })
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
    let written = files::write_with(target, |out| {
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

fn to_text(
    file: &mut TraceFile,
    model: &Model,
    target: &Path,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let unwritten = |source| CliError::Write { path: target.into(), source };
    let names = names(file, model);
    let tokenizer = file.tokenizer().clone();
    let mut text = text::write_program(file.program());
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
