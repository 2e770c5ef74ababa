//! Text traces as a stream: of any length, in the memory of their prompt.
//!
//! White space is ASCII here, and no word longer than 256 bytes, so that neither a
//! file of one endless word nor one of nothing but blanks takes more memory than a line.

use std::io::{self, BufRead};

use thiserror::Error;

use super::text::{parse_program, quoted};
use super::{Problem, ProgramError, Prompt};
use crate::machine::{PAYLOAD_END, Symbol};

/// No token's name is nearly as long.
const LONGEST_WORD: usize = 256;

/// Most bytes of text before the first generated token.
const LONGEST_PROMPT: usize = 1 << 26;

/// Why a text trace cannot be read on.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum TextError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Program(#[from] ProgramError),
}

/// A text trace that is being read: an iterator over its generated tokens.
pub struct TextReader<R> {
    words: WordReader<R>,
    prompt: Prompt,
    /// What was read behind the prompt to find its end, the next symbol last.
    ahead: Vec<Symbol>,
}

/// The words of a text, one at a time.
pub struct WordReader<R> {
    words: Words<R>,
    /// After a fault there is nothing more.
    failed: bool,
}

impl<R: BufRead> WordReader<R> {
    /// Before the first word.
    pub fn new(file: R) -> Self {
        let words = Words { file, word: Vec::new(), begin: (1, 1), end: (1, 1), kept: None };
        WordReader { words, failed: false }
    }

    /// What the next word means, if there is one. A word that means nothing is an error.
    pub fn next<T>(
        &mut self,
        meaning: impl FnOnce(&str) -> Option<T>,
    ) -> Option<Result<T, TextError>> {
        if self.failed {
            return None;
        }
        let found = match self.words.next() {
            Ok(false) => return None,
            Ok(true) => self.words.meaning(meaning).map_err(TextError::from),
            Err(error) => Err(error),
        };
        self.failed = found.is_err();
        Some(found)
    }
}

impl<R: BufRead> TextReader<R> {
    /// Reads the prompt.
    pub fn new(file: R) -> Result<Self, TextError> {
        let mut words = WordReader::new(file);
        words.words.kept = Some(Vec::new());
        let begins = words.words.next()?;
        if begins && words.words.word == Symbol::Start.to_string().as_bytes() {
            words.words.kept = None;
            return TextReader::behind_start(words);
        }
        let text = words.words.prompt(begins)?;
        let prompt = Prompt::Program(parse_program(&text)?);
        Ok(TextReader { prompt, words, ahead: Vec::new() })
    }

    /// Reads the prompt of a model that has its program inside.
    fn behind_start(mut words: WordReader<R>) -> Result<Self, TextError> {
        let mut symbols = Vec::new();
        while let Some(symbol) = words.next(Symbol::from_word).transpose()? {
            symbols.push(symbol);
            if !matches!(symbol, Symbol::Byte(_)) {
                break;
            }
            if symbols.len() > LONGEST_PROMPT {
                return Err(words
                    .words
                    .problem(Problem::LongPrompt { limit: LONGEST_PROMPT })
                    .into());
            }
        }
        let (prompt, mut ahead) = Prompt::behind_start(symbols);
        ahead.reverse();
        Ok(TextReader { words, prompt, ahead })
    }

    /// What it begins with.
    pub fn prompt(&self) -> &Prompt {
        &self.prompt
    }
}

impl<R: BufRead> Iterator for TextReader<R> {
    type Item = Result<Symbol, TextError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.ahead.pop() {
            Some(symbol) => Some(Ok(symbol)),
            None => self.words.next(Symbol::from_word),
        }
    }
}

/// The words of a file, one at a time, with their places.
struct Words<R> {
    file: R,
    word: Vec<u8>,
    /// Line and column of the word, and of what follows it.
    begin: (usize, usize),
    end: (usize, usize),
    /// All bytes so far, as long as they are wanted.
    kept: Option<Vec<u8>>,
}

impl<R: BufRead> Words<R> {
    /// The text up to the end of the prompt, or of the file if it has none: what is
    /// wrong with it is for the parser to say. The first word is there if the text `begins`.
    fn prompt(&mut self, begins: bool) -> Result<Vec<u8>, TextError> {
        let mut goes_on = begins;
        let payload_end = PAYLOAD_END.to_string();
        let (mut opened, mut closed, mut payloads) = (false, false, 0usize);
        while goes_on {
            opened |= self.word == b"{";
            if !opened || self.word.len() > LONGEST_WORD {
                break;
            }
            match self.word.as_slice() {
                b"input_base" if !closed => payloads += 1,
                b"}" => closed = true,
                word if closed && word == payload_end.as_bytes() => payloads -= 1,
                _ => {}
            }
            if self.kept.as_ref().is_some_and(|kept| kept.len() > LONGEST_PROMPT) {
                return Err(self.problem(Problem::LongPrompt { limit: LONGEST_PROMPT }).into());
            }
            goes_on = !(closed && payloads == 0) && self.next()?;
        }
        Ok(self.kept.take().unwrap_or_default())
    }

    /// Moves on to the next word, if there is one.
    fn next(&mut self) -> Result<bool, TextError> {
        self.word.clear();
        loop {
            let bytes = self.file.fill_buf()?;
            if bytes.is_empty() {
                if self.word.is_empty() {
                    self.begin = self.end;
                }
                return Ok(!self.word.is_empty());
            }
            let mut used = 0;
            let mut done = false;
            for &byte in bytes {
                let blank = byte.is_ascii_whitespace() || byte == 0x0b;
                if blank && !self.word.is_empty() || self.word.len() > LONGEST_WORD {
                    done = true;
                    break;
                }
                used += 1;
                if !blank {
                    if self.word.is_empty() {
                        self.begin = self.end;
                    }
                    self.word.push(byte);
                }
                match byte {
                    b'\n' => self.end = (self.end.0 + 1, 1),
                    // Columns count characters: the later bytes of one do not.
                    _ => self.end.1 += usize::from(byte & 0xc0 != 0x80),
                }
            }
            if let Some(kept) = &mut self.kept {
                kept.extend_from_slice(&bytes[..used]);
                done |= kept.len() > LONGEST_PROMPT;
            }
            self.file.consume(used);
            if done {
                return Ok(true);
            }
        }
    }

    fn meaning<T>(&self, meaning: impl FnOnce(&str) -> Option<T>) -> Result<T, ProgramError> {
        let word = String::from_utf8_lossy(&self.word);
        meaning(&word).ok_or_else(|| self.problem(Problem::UnknownToken { word: quoted(&word) }))
    }

    fn problem(&self, problem: Problem) -> ProgramError {
        ProgramError { line: self.begin.0, column: self.begin.1, problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::text::parse_trace;

    const TRACE: &str =
        "{ input_base 10 00 00 00\nhalt 00 00 00 00 }\nH } 00 commit(+0,sts=0,bt=0)";

    fn read(text: &[u8]) -> Result<(Prompt, Vec<Symbol>), String> {
        // Seven bytes at a time, so that words lie across buffers.
        let file = io::BufReader::with_capacity(7, text);
        let mut reader = TextReader::new(file).map_err(|error| error.to_string())?;
        let generated: Result<_, _> = reader.by_ref().collect();
        let generated = generated.map_err(|error| error.to_string())?;
        Ok((reader.prompt().clone(), generated))
    }

    #[test]
    fn a_stream_is_what_the_whole_text_is() {
        let good = TRACE.replace("H }", "H i");
        for tail in ["", " ", "\n00 ff'\tout(a)\r\n halt\n", " a z <sp>"] {
            let text = format!("{good}{tail}");
            let trace = parse_trace(text.as_bytes()).unwrap();
            assert_eq!(read(text.as_bytes()), Ok((trace.prompt, trace.generated)), "{tail:?}");
        }
    }

    #[test]
    fn a_prompt_without_a_program_ends_with_its_payload_or_is_start_alone() {
        let of = |text: &str| read(text.as_bytes()).unwrap();
        let names = |symbols: &[Symbol]| {
            symbols.iter().map(Symbol::to_string).collect::<Vec<_>>().join(" ")
        };
        let (prompt, generated) = of(" start H i\n00 commit(+0,sts=0,bt=0) 01 02 halt");
        assert_eq!(prompt, Prompt::Input(Some(b"Hi".to_vec())));
        assert_eq!(names(&prompt.symbols()), "start 48 69 00 commit(+0,sts=0,bt=0)");
        assert_eq!(names(&generated), "01 02 halt");
        let (prompt, generated) = of("start 00 commit(+0,sts=0,bt=0)");
        assert_eq!((prompt, generated), (Prompt::Input(Some(Vec::new())), Vec::new()));
        for behind in ["", "00 00 00 00 commit(+1,sts=1,bt=0) halt", "05 halt", "halt", "05"] {
            let (prompt, generated) = of(&format!("start {behind}"));
            let whole = parse_trace(format!("start {behind}").as_bytes()).unwrap();
            assert_eq!((&whole.prompt, &whole.generated), (&prompt, &generated));
            assert_eq!((prompt, names(&generated)), (Prompt::Input(None), behind.to_owned()));
        }
        assert_eq!(
            read(b"start a\n nope").unwrap_err(),
            "2:2: \"nope\" is not a token of the machine"
        );
    }

    #[test]
    fn faults_are_placed_as_in_the_whole_text() {
        let good = TRACE.replace("H }", "H i");
        let long = "x".repeat(10_000);
        for text in [
            "",
            "{",
            "nothing",
            TRACE,
            "{ halt 00 00 }",
            &format!("{good}\n00 é nope\n00"),
            &format!("{good} halt\n \n  nope"),
        ] {
            let whole = parse_trace(text.as_bytes()).unwrap_err().to_string();
            assert_eq!(read(text.as_bytes()).unwrap_err(), whole, "{text:?}");
        }
        let endless = read(format!("{good}\n{long}").as_bytes()).unwrap_err();
        assert!(endless.starts_with("4:1: \"xxxx") && endless.len() < 100, "{endless}");
    }
}
