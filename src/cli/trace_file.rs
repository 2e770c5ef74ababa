//! Traces as files, text or binary, as the commands read and write them.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{CliError, inputs};
use crate::files;
use crate::machine::Symbol;
use crate::model::{Model, Token};
use crate::program::binary::{self, BinaryError, Digest, Header, Reader, Writer};
use crate::program::stream::TextReader;
use crate::program::{Program, Trace, text};

/// A trace that is being read: an iterator over its tokens, prompt first.
pub struct TraceFile {
    /// Its name in messages.
    path: String,
    program: Program,
    prompt: std::vec::IntoIter<Token>,
    prompt_tokens: u64,
    rest: Rest,
    /// Tokens taken, and the last of them.
    taken: u64,
    last: Option<Token>,
    /// Bytes read of the file, and how many it has where that is known.
    read: Arc<AtomicU64>,
    size: Option<u64>,
}

enum Rest {
    /// With the model's token of each symbol.
    Text(TextReader<Buffered>, Vec<Option<Token>>),
    Binary(Reader<Buffered>),
}

type Buffered = BufReader<Counted>;

/// Counts what is read, for progress.
struct Counted {
    file: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Read from files at once.
const BUFFER: usize = 1 << 16;

impl TraceFile {
    /// Opens the trace at `path`, standard input for `-`. A text trace's tokens
    /// are those of the model, a binary trace's its own.
    pub fn open(path: &Path, model: &Model) -> Result<TraceFile, CliError> {
        let failed = |source| CliError::Read { path: path.into(), source };
        let (file, size): (Box<dyn Read + Send>, _) = if path == Path::new("-") {
            (Box::new(std::io::stdin()), None)
        } else {
            let file = File::open(path).map_err(failed)?;
            let size = file.metadata().map_err(failed)?.len();
            (Box::new(file), Some(size))
        };
        let read = Arc::new(AtomicU64::new(0));
        let counted = Counted { file, read: Arc::clone(&read) };
        let mut file = BufReader::with_capacity(BUFFER, counted);
        let is_binary = binary::is_binary(file.fill_buf().map_err(failed)?);
        let path =
            if size.is_some() { path.display().to_string() } else { "standard input".to_owned() };
        let (program, prompt, rest) = if is_binary {
            let failed = |source| CliError::BinaryTrace { path: path.clone(), source };
            let mut reader = Reader::new(file).map_err(failed)?;
            let count = reader.header().prompt as usize;
            let prompt: Vec<u16> =
                reader.by_ref().take(count).collect::<Result<_, _>>().map_err(failed)?;
            let program = program(&path, reader.header(), &prompt)?;
            let prompt = prompt.into_iter().map(|token| Token(token.into())).collect();
            (program, prompt, Rest::Binary(reader))
        } else {
            let failed = |source| CliError::TextTrace { path: path.clone(), source };
            let reader = TextReader::new(file).map_err(failed)?;
            let program = reader.program().clone();
            let prompt = inputs::encode(model, &program.prompt())?;
            (program, prompt, Rest::Text(reader, inputs::ids(model)))
        };
        Ok(TraceFile {
            path,
            program,
            prompt_tokens: prompt.len() as u64,
            prompt: prompt.into_iter(),
            rest,
            taken: 0,
            last: None,
            read,
            size,
        })
    }

    /// As [`TraceFile::open`]; a binary trace must be this model's. `name` is what messages call it.
    pub fn open_for(path: &Path, model: &Model, name: &str) -> Result<TraceFile, CliError> {
        let trace = TraceFile::open(path, model)?;
        let wanted = model_digest(model);
        match &trace.rest {
            Rest::Binary(reader) if reader.header().model != wanted => Err(CliError::OtherModel {
                path: trace.path,
                model: name.to_owned(),
                found: hex(&reader.header().model),
                wanted: hex(&wanted),
            }),
            _ => Ok(trace),
        }
    }

    pub fn name(&self) -> &str {
        &self.path
    }

    pub fn program(&self) -> &Program {
        &self.program
    }

    pub fn prompt_tokens(&self) -> u64 {
        self.prompt_tokens
    }

    /// The header of a binary trace.
    pub fn header(&self) -> Option<&Header> {
        match &self.rest {
            Rest::Text(..) => None,
            Rest::Binary(reader) => Some(reader.header()),
        }
    }

    /// Whether the file broke off; known once all tokens are taken.
    pub fn is_cut(&self) -> bool {
        match &self.rest {
            Rest::Text(..) => false,
            Rest::Binary(reader) => !reader.complete(),
        }
    }

    /// How many tokens were taken.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// The last of them.
    pub fn last_token(&self) -> Option<Token> {
        self.last
    }

    /// The file's size, if it is known, and what counts the bytes that were read of it.
    pub fn progress(&self) -> (Option<u64>, Arc<AtomicU64>) {
        (self.size, Arc::clone(&self.read))
    }
}

impl Iterator for TraceFile {
    type Item = Result<Token, CliError>;

    fn next(&mut self) -> Option<Self::Item> {
        let token = match self.prompt.next() {
            Some(token) => Ok(token),
            None => self.generated()?,
        };
        if let Ok(token) = token {
            self.taken += 1;
            self.last = Some(token);
        }
        Some(token)
    }
}

impl TraceFile {
    /// The next token after the prompt.
    fn generated(&mut self) -> Option<Result<Token, CliError>> {
        match &mut self.rest {
            Rest::Binary(reader) => Some(match reader.next()? {
                Ok(token) => Ok(Token(token.into())),
                Err(source) => Err(CliError::BinaryTrace { path: self.path.clone(), source }),
            }),
            Rest::Text(reader, ids) => Some(match reader.next()? {
                Ok(symbol) => ids[symbol.id() as usize]
                    .ok_or_else(|| CliError::NoToken { name: symbol.to_string() }),
                Err(source) => Err(CliError::TextTrace { path: self.path.clone(), source }),
            }),
        }
    }
}

/// The program that a binary trace's prompt is.
fn program(path: &str, header: &Header, prompt: &[u16]) -> Result<Program, CliError> {
    let words: Vec<&str> =
        prompt.iter().map(|&token| header.names[usize::from(token)].as_str()).collect();
    text::parse_program(words.join(" ").as_bytes())
        .map_err(|error| CliError::Prompt { path: path.to_owned(), problem: error.problem })
}

/// The trace at `path`, whole, of either format.
pub fn whole(path: &Path, model: &Model) -> Result<Trace, CliError> {
    let mut file = TraceFile::open(path, model)?;
    let names = names(&file, model);
    let mut generated = Vec::new();
    for (position, token) in file.by_ref().enumerate() {
        let name = &names[token?.index()];
        let foreign = || CliError::ForeignName {
            path: path.display().to_string(),
            name: name.clone(),
            position: position as u64,
        };
        generated.push(Symbol::from_name(name).ok_or_else(foreign)?);
    }
    generated.drain(..file.prompt_tokens as usize);
    Ok(Trace { program: file.program, generated })
}

/// The names of a trace's tokens.
pub fn names(file: &TraceFile, model: &Model) -> Vec<String> {
    match file.header() {
        Some(header) => header.names.clone(),
        None => model.vocabulary().iter().map(|(_, name)| name.to_owned()).collect(),
    }
}

/// Whether a trace at this path is written in binary.
pub fn is_binary_name(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "hmt")
}

/// The header of a model's trace.
pub fn header(model: &Model, prompt: &[Token]) -> Header {
    let name = |&token: &Token| model.vocabulary().name(token);
    Header {
        names: model.vocabulary().iter().map(|(_, name)| name.to_owned()).collect(),
        stop: model.stop().0 as u16,
        prompt: prompt.len() as u64,
        model: model_digest(model),
        program: binary::program_digest(prompt.iter().map(name)),
    }
}

fn model_digest(model: &Model) -> Digest {
    blake3::hash(&model.to_bytes()).into()
}

/// A digest as text.
pub fn hex(digest: &Digest) -> String {
    blake3::Hash::from_bytes(*digest).to_hex().to_string()
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
            let writer = Writer::new(file, &header(model, prompt));
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
        None => header(model, file.prompt.as_slice()),
    };
    let mut writer = Writer::new(out, &header).map_err(|error| binary_failure(target, error))?;
    while let Some(token) = file.next().transpose()? {
        writer.push(token.0 as u16).map_err(unwritten)?;
        if file.taken == header.prompt {
            writer.end_block().map_err(unwritten)?;
        }
    }
    writer.finish().map(|_| ()).map_err(unwritten)
}

fn to_text(
    file: &mut TraceFile,
    model: &Model,
    target: &Path,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let unwritten = |source| CliError::Write { path: target.into(), source };
    let names = names(file, model);
    let symbols: Vec<Option<Symbol>> = names.iter().map(|name| Symbol::from_name(name)).collect();
    let mut text = text::write_program(&file.program);
    let mut lines = text::Lines::default();
    while let Some(token) = file.next().transpose()? {
        if file.taken > file.prompt_tokens {
            let foreign = || CliError::ForeignName {
                path: file.path.clone(),
                name: names[token.index()].clone(),
                position: file.taken - 1,
            };
            lines.write(symbols[token.index()].ok_or_else(foreign)?, &mut text);
            if text.len() >= BUFFER {
                out.write_all(text.as_bytes()).map_err(unwritten)?;
                text.clear();
            }
        }
    }
    lines.end(&mut text);
    out.write_all(text.as_bytes()).map_err(unwritten)
}
