//! The text format of programs and traces: words separated by white space.

use super::{Problem, Program, ProgramError, Prompt, Trace};
use crate::machine::{Instruction, Op, PAYLOAD_END, Symbol};

/// A program file: a prompt and nothing after it.
pub fn parse_program(file: &[u8]) -> Result<Program, ProgramError> {
    let mut words = Words::new(file)?;
    let program = prompt(&mut words)?;
    match words.next() {
        None => Ok(program),
        Some(word) => Err(words.error(Problem::AfterPrompt { got: quoted(word) })),
    }
}

/// A prompt of its words, one by one, where they stand in no file.
pub(crate) fn prompt_of_words<'w>(words: impl Iterator<Item = &'w str>) -> Result<Prompt, Problem> {
    let mut words = words.peekable();
    if words.next_if(|word| Symbol::from_name(word) == Some(Symbol::Start)).is_some() {
        let mut symbols = Vec::new();
        for word in words.by_ref() {
            symbols.push(symbol(word)?);
        }
        let (prompt, rest) = Prompt::behind_start(symbols);
        return if rest.is_empty() { Ok(prompt) } else { Err(Problem::UnterminatedPayload) };
    }
    let program = prompt_of(&mut || words.next())?;
    match words.next() {
        None => Ok(Prompt::Program(program)),
        Some(word) => Err(Problem::AfterPrompt { got: quoted(word) }),
    }
}

/// A trace file: a prompt and the generated tokens.
pub fn parse_trace(file: &[u8]) -> Result<Trace, ProgramError> {
    let mut words = Words::new(file)?;
    let (prompt, mut generated) = match text_begins(words.text) {
        Some(Symbol::Start) => {
            words.next();
            let mut symbols = Vec::new();
            while symbols.last().is_none_or(|last| matches!(last, Symbol::Byte(_)))
                && let Some(word) = words.next()
            {
                symbols.push(symbol(word).map_err(|problem| words.error(problem))?);
            }
            Prompt::behind_start(symbols)
        }
        _ => (Prompt::Program(prompt(&mut words)?), Vec::new()),
    };
    while let Some(word) = words.next() {
        generated.push(symbol(word).map_err(|problem| words.error(problem))?);
    }
    Ok(Trace { prompt, generated })
}

/// The first token of a text, if it begins with one.
fn text_begins(text: &str) -> Option<Symbol> {
    text.split_whitespace().next().and_then(Symbol::from_name)
}

/// The prompt of a file; what is wrong with it stands at the latest word.
fn prompt(words: &mut Words) -> Result<Program, ProgramError> {
    let program = prompt_of(&mut || words.next());
    program.map_err(|problem| words.error(problem))
}

/// `{`, instructions, `}` and one payload for each `input_base`, of words that come one by one.
fn prompt_of<'w>(next: &mut impl FnMut() -> Option<&'w str>) -> Result<Program, Problem> {
    match next() {
        Some("{") => {}
        got => return Err(Problem::NoOpeningBrace { got: quoted(got.unwrap_or_default()) }),
    }
    let mut code = Vec::new();
    loop {
        let word = next().ok_or(Problem::NoClosingBrace)?;
        match symbol(word)? {
            Symbol::Close => break,
            Symbol::Instruction(op) => code.push(instruction(next, op)?),
            _ => return Err(Problem::NotAnInstruction { got: quoted(word) }),
        }
    }
    let takes = code.iter().take_while(|i| i.op == Op::InputBase).count();
    let payloads = (0..takes).map(|_| payload(next)).collect::<Result<_, _>>()?;
    Program::new(code, payloads)
}

fn instruction<'w>(
    next: &mut impl FnMut() -> Option<&'w str>,
    op: Op,
) -> Result<Instruction, Problem> {
    let mut immediate = [0; 4];
    for (byte, place) in immediate.iter_mut().enumerate() {
        let word = next().unwrap_or_default();
        let short = || Problem::ShortImmediate { op: op.name(), byte, got: quoted(word) };
        *place = hex_pair(word).ok_or_else(short)?;
    }
    Ok(Instruction::new(op, u32::from_le_bytes(immediate)))
}

/// Bytes, `00` and a commit.
fn payload<'w>(next: &mut impl FnMut() -> Option<&'w str>) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    loop {
        let word = next().ok_or(Problem::NoPayloadEnd)?;
        match symbol(word)? {
            Symbol::Byte(byte) => bytes.push(byte),
            PAYLOAD_END => break,
            _ => return Err(Problem::NotInput { got: quoted(word) }),
        }
    }
    match bytes.pop() {
        Some(0) => Ok(bytes),
        _ => Err(Problem::UnterminatedPayload),
    }
}

fn symbol(word: &str) -> Result<Symbol, Problem> {
    Symbol::from_word(word).ok_or_else(|| Problem::UnknownToken { word: quoted(word) })
}

/// A word as messages show it: the beginning of one that is longer than any token's name.
pub(super) fn quoted(word: &str) -> String {
    const SHOWN: usize = 20;
    match word.char_indices().nth(2 * SHOWN) {
        None => word.to_owned(),
        Some(_) => format!("{}...", word.chars().take(SHOWN).collect::<String>()),
    }
}

fn hex_pair(word: &str) -> Option<u8> {
    match Symbol::from_name(word) {
        Some(Symbol::Byte(byte)) => Some(byte),
        _ => None,
    }
}

/// The words of a file, with the place of the latest one.
struct Words<'a> {
    text: &'a str,
    /// Where the next word is looked for.
    offset: usize,
    /// Where the latest word begins; the end of the text once there is none.
    word: usize,
}

impl<'a> Words<'a> {
    fn new(file: &'a [u8]) -> Result<Self, ProgramError> {
        match std::str::from_utf8(file) {
            Ok(text) => Ok(Words { text, offset: 0, word: 0 }),
            Err(error) => {
                let valid = &file[..error.valid_up_to()];
                Err(place(std::str::from_utf8(valid).unwrap_or_default(), Problem::NotText))
            }
        }
    }

    fn next(&mut self) -> Option<&'a str> {
        let rest = &self.text[self.offset..];
        let begin = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let word = rest[begin..].split(char::is_whitespace).next().unwrap_or_default();
        self.word = self.offset + begin;
        self.offset = self.word + word.len();
        (!word.is_empty()).then_some(word)
    }

    fn error(&self, problem: Problem) -> ProgramError {
        place(&self.text[..self.word], problem)
    }
}

/// A problem that stands right behind `before`.
fn place(before: &str, problem: Problem) -> ProgramError {
    let line_begin = before.rfind('\n').map_or(0, |at| at + 1);
    ProgramError {
        line: before.matches('\n').count() + 1,
        column: before[line_begin..].chars().count() + 1,
        problem,
    }
}

/// The text of a program file.
pub fn write_program(program: &Program) -> String {
    let mut text = String::from("{\n");
    for instruction in program.code() {
        text.push_str(instruction.op.name());
        for byte in instruction.immediate.to_le_bytes() {
            text.push(' ');
            text.push_str(&Symbol::Byte(byte).to_string());
        }
        text.push('\n');
    }
    text.push_str("}\n");
    for payload in program.payloads() {
        for &byte in payload {
            text.push_str(&readable(byte));
            text.push(' ');
        }
        text.push_str(&format!("00 {PAYLOAD_END}\n"));
    }
    text
}

/// The text of a prompt.
pub fn write_prompt(prompt: &Prompt) -> String {
    match prompt {
        Prompt::Program(program) => write_program(program),
        Prompt::Input(None) => format!("{}\n", Symbol::Start),
        Prompt::Input(Some(input)) => {
            let bytes: String = input.iter().map(|&byte| readable(byte) + " ").collect();
            format!("{} {bytes}00 {PAYLOAD_END}\n", Symbol::Start)
        }
    }
}

/// The text of a trace file: the prompt and, line by line, what each
/// instruction generated.
pub fn write_trace(prompt: &Prompt, generated: &[Symbol]) -> String {
    let mut text = write_prompt(prompt);
    let mut lines = Lines::default();
    for &symbol in generated {
        lines.write(symbol, &mut text);
    }
    lines.end(&mut text);
    text
}

/// The same, written as it is made.
pub(crate) fn write_trace_to(
    out: &mut dyn std::io::Write,
    prompt: &Prompt,
    generated: impl Iterator<Item = Symbol>,
) -> std::io::Result<()> {
    let mut text = write_prompt(prompt);
    let mut lines = Lines::default();
    for symbol in generated {
        lines.write(symbol, &mut text);
        if text.len() >= 1 << 16 {
            out.write_all(text.as_bytes())?;
            text.clear();
        }
    }
    lines.end(&mut text);
    out.write_all(text.as_bytes())
}

/// Generated tokens as lines, one for each instruction, for traces that are
/// written as they come.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    within_line: bool,
}

impl Lines {
    /// Appends a token to the text.
    pub fn write(&mut self, symbol: Symbol, text: &mut String) {
        use std::fmt::Write;
        if self.within_line {
            text.push(' ');
        }
        // Writing to a string does not fail.
        let _ = write!(text, "{symbol}");
        self.within_line = symbol.byte().is_some() || matches!(symbol, Symbol::Digit(_));
        if !self.within_line {
            text.push('\n');
        }
    }

    /// Ends the last line.
    pub fn end(&mut self, text: &mut String) {
        if std::mem::take(&mut self.within_line) {
            text.push('\n');
        }
    }
}

/// An input byte: its alias, or its hex pair where the alias would be read as
/// something else.
fn readable(byte: u8) -> String {
    match byte {
        b'{' | b'}' => Symbol::Byte(byte).to_string(),
        0x21..=0x7e => char::from(byte).to_string(),
        _ => Symbol::Byte(byte).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECHO: &str =
        "{ input_base 10 00 00 00\nhalt 00 00 00 00 }\nH i 20 ! <sp> 00 commit(+0,sts=0,bt=0)";

    fn problem(text: &str) -> (usize, usize, Problem) {
        let error = parse_program(text.as_bytes()).unwrap_err();
        (error.line, error.column, error.problem)
    }

    #[test]
    fn a_program_is_read_and_written_back() {
        let program = parse_program(ECHO.as_bytes()).unwrap();
        assert_eq!(program.payloads(), [b"Hi ! "]);
        let text = write_program(&program);
        assert_eq!(
            text,
            "{\ninput_base 10 00 00 00\nhalt 00 00 00 00\n}\nH i 20 ! 20 00 commit(+0,sts=0,bt=0)\n"
        );
        assert_eq!(parse_program(text.as_bytes()), Ok(program));
    }

    #[test]
    fn every_byte_of_input_survives() {
        let all: Vec<u8> = (0..=255).collect();
        let program = parse_program(ECHO.as_bytes()).unwrap().with_input(&all).unwrap();
        assert_eq!(parse_program(write_program(&program).as_bytes()), Ok(program));
    }

    #[test]
    fn errors_name_line_column_and_word() {
        let unknown = |w: &str| Problem::UnknownToken { word: w.into() };
        assert_eq!(problem(""), (1, 1, Problem::NoOpeningBrace { got: "".into() }));
        assert_eq!(problem("{ halt 00 00\n 00 00"), (2, 7, Problem::NoClosingBrace));
        assert_eq!(problem("{\n  i32.nope 00"), (2, 3, unknown("i32.nope")));
        assert_eq!(
            problem("{ halt 00 00 00 }"),
            (1, 17, Problem::ShortImmediate { op: "halt", byte: 3, got: "}".into() })
        );
        assert_eq!(problem("{ 00 }"), (1, 3, Problem::NotAnInstruction { got: "00".into() }));
        assert_eq!(problem("{ }"), (1, 3, Problem::Empty));
        assert_eq!(
            problem("{ halt 00 00 00 00 } 00"),
            (1, 22, Problem::AfterPrompt { got: "00".into() })
        );
        assert_eq!(
            problem("{ halt 00 00 00 00 input_base 00 00 00 00 }").2,
            Problem::LateInputBase { instruction: 1 }
        );
    }

    #[test]
    fn input_must_be_terminated() {
        let head = "{ input_base 00 00 00 00 halt 00 00 00 00 } ";
        let with = |input: &str| problem(&format!("{head}{input}")).2;
        assert_eq!(with("a b"), Problem::NoPayloadEnd);
        assert_eq!(with("a 00"), Problem::NoPayloadEnd);
        assert_eq!(with("a commit(+0,sts=0,bt=0)"), Problem::UnterminatedPayload);
        assert_eq!(with("halt"), Problem::NotInput { got: "halt".into() });
        assert_eq!(with("ff' 00"), Problem::NotInput { got: "ff'".into() });
        assert_eq!(with("é"), Problem::UnknownToken { word: "é".into() });
    }

    #[test]
    fn a_word_without_end_is_shown_by_its_beginning() {
        let long = "x".repeat(1 << 20);
        for text in [long.clone(), format!("{{ {long}"), format!("{{ halt {long}")] {
            assert!(parse_program(text.as_bytes()).unwrap_err().to_string().len() < 200);
        }
    }

    #[test]
    fn bytes_that_are_not_text_are_placed() {
        let error = parse_program(b"{\nhalt \xff").unwrap_err();
        assert_eq!((error.line, error.column, error.problem), (2, 6, Problem::NotText));
    }
}
