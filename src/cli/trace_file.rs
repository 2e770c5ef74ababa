//! Traces as files, text or binary, as the commands read them.

use std::fs::{File, Metadata};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::CliError;
use crate::files;
use crate::machine::Symbol;
use crate::model::{Model, Token, Tokens, Vocabulary};
use crate::program::binary::{self, Digest, Header, Reader};
use crate::program::stream::{TextReader, WordReader};
use crate::program::{Problem, Program, Prompt, text};
use crate::tokenizer::Tokenizer;

/// A trace that is being read: an iterator over its tokens, prompt first.
pub struct TraceFile {
    /// Its name in messages.
    path: String,
    /// What its prompt is, or why it is none of the machine's.
    shape: Result<Prompt, Problem>,
    /// For the model's tokens, or a binary trace's own.
    tokenizer: Tokenizer,
    prompt: Tokens,
    rest: Rest,
    /// How many tokens were taken.
    taken: u64,
    stop: Token,
    /// How many were taken with the first stop token after the prompt.
    stopped: Option<u64>,
    /// Whether all tokens were taken.
    ended: bool,
    /// Bytes read of the file, and how many it has where that is known.
    read: Arc<AtomicU64>,
    size: Option<u64>,
    /// Of a regular file: opening another thing again would not give the same tokens.
    metadata: Option<Metadata>,
}

enum Rest {
    Text(TextReader<Buffered>),
    /// A text trace of which it is said what its prompt is: names of tokens, whatever they mean.
    Names(WordReader<Buffered>, Vocabulary),
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
    /// are those of the model, a binary trace's its own. A text trace begins with `known`, the
    /// prompt, or else with a program, for only that has an end of its own.
    pub fn open(
        path: &Path,
        model: &Model,
        known: Option<&[Token]>,
    ) -> Result<TraceFile, CliError> {
        TraceFile::open_as(path, model, known, Tokenizer::new(model.vocabulary()))
    }

    /// The same, where a text trace of the machine has tokens of its own: those of a `tokenizer`.
    pub fn open_as(
        path: &Path,
        model: &Model,
        known: Option<&[Token]>,
        tokenizer: Tokenizer,
    ) -> Result<TraceFile, CliError> {
        let failed = |source| CliError::Read { path: path.into(), source };
        let (file, metadata): (Box<dyn Read + Send>, _) = if path == Path::new("-") {
            (Box::new(std::io::stdin()), None)
        } else {
            let file = File::open(path).map_err(failed)?;
            let metadata = file.metadata().map_err(failed)?;
            (Box::new(file), metadata.is_file().then_some(metadata))
        };
        let read = Arc::new(AtomicU64::new(0));
        let counted = Counted { file, read: Arc::clone(&read) };
        let mut file = BufReader::with_capacity(BUFFER, counted);
        let is_binary = binary::is_binary(file.fill_buf().map_err(failed)?);
        let path = match path.to_str() {
            Some("-") => "standard input".to_owned(),
            _ => path.display().to_string(),
        };
        let (shape, tokenizer, prompt, rest) = if is_binary {
            let failed = |source| CliError::BinaryTrace { path: path.clone(), source };
            let mut reader = Reader::new(file).map_err(failed)?;
            let count = reader.header().prompt as usize;
            let prompt = reader.by_ref().take(count).map(|token| Ok(Token(token?.into())));
            let prompt: Tokens = prompt.collect::<Result<_, _>>().map_err(failed)?;
            let names = &reader.header().names;
            let shape = shape(&prompt, |token| &names[token.index()]);
            let tokenizer = Tokenizer::of_names(names.iter().map(String::as_str));
            (shape, tokenizer, prompt, Rest::Binary(reader))
        } else if let Some(known) = known {
            let failed = |source| CliError::TextTrace { path: path.clone(), source };
            let vocabulary = model.vocabulary();
            let mut words = WordReader::new(file);
            let count = known.len();
            let prompt = std::iter::from_fn(|| words.next(|name| vocabulary.id(name)));
            let prompt: Tokens = prompt.take(count).collect::<Result<_, _>>().map_err(failed)?;
            let shape = shape(&prompt, |token| vocabulary.name(token));
            let rest = Rest::Names(words, vocabulary.clone());
            (shape, tokenizer, prompt, rest)
        } else {
            let failed = |source| CliError::TextTrace { path: path.clone(), source };
            let reader = TextReader::new(file).map_err(failed)?;
            let shape = reader.prompt().clone();
            if shape.program().is_none() && !has_machine(&tokenizer) {
                let problem = Problem::NoOpeningBrace { got: Symbol::Start.to_string() };
                return Err(CliError::Prompt { path, problem });
            }
            let prompt = tokenizer.encode(&shape.symbols())?.into_iter().collect();
            (Ok(shape), tokenizer, prompt, Rest::Text(reader))
        };
        if let Some(known) = known
            && !prompt.iter().eq(known.iter().copied())
        {
            let differs = prompt.iter().zip(known).take_while(|(found, known)| found == *known);
            return Err(CliError::OtherPrompt { path, position: differs.count() });
        }
        let stop = match &rest {
            Rest::Binary(reader) => Token(reader.header().stop.into()),
            Rest::Text(_) | Rest::Names(..) => model.stop(),
        };
        Ok(TraceFile {
            path,
            shape,
            tokenizer,
            prompt,
            rest,
            taken: 0,
            stop,
            stopped: None,
            ended: false,
            read,
            size: metadata.as_ref().map(Metadata::len),
            metadata,
        })
    }

    /// As [`TraceFile::open`]; a binary trace must be this model's. `name` is what messages call it.
    pub fn open_for(
        path: &Path,
        model: &Model,
        name: &str,
        known: Option<&[Token]>,
    ) -> Result<TraceFile, CliError> {
        let trace = TraceFile::open(path, model, known)?;
        if let Some(header) = trace.header() {
            belongs(&trace.path, header, model, name)?;
        }
        Ok(trace)
    }

    /// Whether it can be opened again, for the same tokens.
    pub fn is_file(&self) -> bool {
        self.metadata.is_some()
    }

    /// Opens it again, if it is still what it was.
    pub fn again(&self, path: &Path, model: &Model) -> Result<TraceFile, CliError> {
        let known: Option<Vec<Token>> = match self.rest {
            Rest::Names(..) => Some(self.prompt.iter().collect()),
            Rest::Text(_) | Rest::Binary(_) => None,
        };
        let again = TraceFile::open(path, model, known.as_deref())?;
        match self.metadata.as_ref().zip(again.metadata.as_ref()) {
            Some((before, now)) if is_unchanged(before, now) => Ok(again),
            _ => Err(CliError::Changed { path: self.path.clone() }),
        }
    }

    pub fn name(&self) -> &str {
        &self.path
    }

    /// The program that its prompt is, if it is one.
    pub fn program(&self) -> Option<&Program> {
        self.shape().and_then(Prompt::program)
    }

    /// What its prompt is, if it is one of the machine's.
    pub fn shape(&self) -> Option<&Prompt> {
        self.shape.as_ref().ok()
    }

    /// The same, or why it is none.
    pub fn into_shape(self) -> Result<Prompt, Problem> {
        self.shape
    }

    /// Whether it is text with the machine's own tokens.
    pub fn is_text_of_the_machine(&self) -> bool {
        matches!(self.rest, Rest::Text(_))
    }

    /// What its tokens mean.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The tokens of the prompt.
    pub fn prompt(&self) -> &Tokens {
        &self.prompt
    }

    pub fn prompt_tokens(&self) -> u64 {
        self.prompt.len() as u64
    }

    /// The header of a binary trace.
    pub fn header(&self) -> Option<&Header> {
        match &self.rest {
            Rest::Text(_) | Rest::Names(..) => None,
            Rest::Binary(reader) => Some(reader.header()),
        }
    }

    /// Whether the file broke off; known once all tokens are taken.
    pub fn is_cut(&self) -> bool {
        match &self.rest {
            Rest::Text(_) | Rest::Names(..) => false,
            Rest::Binary(reader) => self.ended && !reader.complete(),
        }
    }

    /// The position of the first token after the stop token, if one was taken.
    pub fn after_stop(&self) -> Option<u64> {
        self.stopped.filter(|&position| position < self.taken)
    }

    /// How many tokens were taken.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether the last of them is the first stop token after the prompt.
    pub fn halted(&self) -> bool {
        self.stopped == Some(self.taken)
    }

    /// The file's size, if it is known, and what counts the bytes that were read of it.
    pub fn progress(&self) -> (Option<u64>, Arc<AtomicU64>) {
        (self.size, Arc::clone(&self.read))
    }
}

impl Iterator for TraceFile {
    type Item = Result<Token, CliError>;

    fn next(&mut self) -> Option<Self::Item> {
        let ahead = usize::try_from(self.taken).ok().and_then(|taken| self.prompt.get(taken));
        let token = ahead.map(Ok).or_else(|| self.generated());
        self.ended = token.is_none();
        if let Some(Ok(token)) = token {
            self.taken += 1;
            if token == self.stop && self.taken > self.prompt_tokens() {
                self.stopped.get_or_insert(self.taken);
            }
        }
        token
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
            Rest::Text(reader) => Some(match reader.next()? {
                Ok(symbol) => self.tokenizer.token_at(symbol, self.taken).map_err(CliError::from),
                Err(source) => Err(CliError::TextTrace { path: self.path.clone(), source }),
            }),
            Rest::Names(words, vocabulary) => {
                let token = words.next(|name| vocabulary.id(name))?;
                let failed = |source| CliError::TextTrace { path: self.path.clone(), source };
                Some(token.map_err(failed))
            }
        }
    }
}

/// Whether a file is the one that it was, with what it had, as far as its description tells.
fn is_unchanged(before: &Metadata, now: &Metadata) -> bool {
    (files::is_same(before, now) || cfg!(not(unix)))
        && before.len() == now.len()
        && before.modified().ok() == now.modified().ok()
}

/// Whether a binary trace's own digest, names and stop token are those of a model: if names
/// differed, ids would mean other tokens than the prompt that they spell.
fn belongs(path: &str, header: &Header, model: &Model, name: &str) -> Result<(), CliError> {
    let (path, name) = (path.to_owned(), name.to_owned());
    let wanted = model_digest(model);
    if header.model != wanted {
        let (found, wanted) = (hex(&header.model), hex(&wanted));
        return Err(CliError::OtherModel { path, model: name, found, wanted });
    }
    let names = model.vocabulary().iter().map(|(_, name)| name);
    let count = header.names.len().max(model.shape().vocabulary);
    let both = header.names.iter().map(String::as_str).map(Some).chain(std::iter::repeat(None));
    let both = both.zip(names.map(Some).chain(std::iter::repeat(None)));
    for (token, (found, wanted)) in both.take(count).enumerate() {
        if found != wanted {
            let [found, wanted] = [found, wanted].map(|name| name.unwrap_or_default().to_owned());
            return Err(CliError::OtherNames { path, model: name, token, found, wanted });
        }
    }
    let (found, wanted) = (header.stop, model.stop().0);
    if u32::from(found) != wanted {
        return Err(CliError::OtherStop { path, model: name, found, wanted });
    }
    Ok(())
}

/// Whether a model can have a program of the machine inside.
fn has_machine(tokenizer: &Tokenizer) -> bool {
    [Symbol::Start, Symbol::Byte(0)].iter().all(|&symbol| tokenizer.token(symbol).is_some())
}

/// What a prompt is, if it is one of the machine's.
fn shape<'n>(prompt: &Tokens, name: impl Fn(Token) -> &'n str) -> Result<Prompt, Problem> {
    text::prompt_of_words(prompt.iter().map(name))
}

/// The names of a trace's tokens.
pub fn names(file: &TraceFile, model: &Model) -> Vec<String> {
    match file.header() {
        Some(header) => header.names.clone(),
        None => model.vocabulary().iter().map(|(_, name)| name.to_owned()).collect(),
    }
}

/// What names a model in its traces.
pub fn model_digest(model: &Model) -> Digest {
    blake3::hash(&model.to_bytes()).into()
}

/// A digest as text.
pub fn hex(digest: &Digest) -> String {
    blake3::Hash::from_bytes(*digest).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::default_model;

    #[test]
    fn what_has_changed_meanwhile_is_not_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.txt");
        std::fs::write(&path, "{ halt 00 00 00 00 } halt").unwrap();
        let model = default_model().unwrap();
        let trace = TraceFile::open(&path, &model, None).unwrap();
        assert!(trace.again(&path, &model).is_ok());
        std::fs::write(&path, "{ halt 00 00 00 00 } 00 00 halt").unwrap();
        assert!(matches!(trace.again(&path, &model), Err(CliError::Changed { .. })));
    }
}
