//! Text traces as a stream: of any length, in the memory of their prompt.
//!
//! White space is ASCII here, and no word longer than 256 bytes, so that neither a
//! file of one endless word nor one of nothing but blanks takes more memory than a line.

use std::io::{self, BufRead};

use thiserror::Error;

use super::text::{parse_program, quoted};
use super::{Problem, Program, ProgramError};
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
    program: Program,
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
        let prompt = words.words.prompt()?;
        Ok(TextReader { program: parse_program(&prompt)?, words })
    }

    /// What ran.
    pub fn program(&self) -> &Program {
        &self.program
    }
}

impl<R: BufRead> Iterator for TextReader<R> {
    type Item = Result<Symbol, TextError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.words.next(Symbol::from_word)
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
    /// wrong with it is for the parser to say.
    fn prompt(&mut self) -> Result<Vec<u8>, TextError> {
        self.kept = Some(Vec::new());
        let payload_end = PAYLOAD_END.to_string();
        let (mut opened, mut closed, mut payloads) = (false, false, 0usize);
        while !(closed && payloads == 0) && self.next()? {
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

    fn read(text: &[u8]) -> Result<(Program, Vec<Symbol>), String> {
        // Seven bytes at a time, so that words lie across buffers.
        let file = io::BufReader::with_capacity(7, text);
        let mut reader = TextReader::new(file).map_err(|error| error.to_string())?;
        let generated: Result<_, _> = reader.by_ref().collect();
        let generated = generated.map_err(|error| error.to_string())?;
        Ok((reader.program().clone(), generated))
    }

    #[test]
    fn a_stream_is_what_the_whole_text_is() {
        let good = TRACE.replace("H }", "H i");
        for tail in ["", " ", "\n00 ff'\tout(a)\r\n halt\n", " a z <sp>"] {
            let text = format!("{good}{tail}");
            let trace = parse_trace(text.as_bytes()).unwrap();
            assert_eq!(read(text.as_bytes()), Ok((trace.program, trace.generated)), "{tail:?}");
        }
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
