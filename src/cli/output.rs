//! What a program writes, as it writes it, and the exit code that it ends with.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use super::CliError;
use crate::machine::Symbol;
use crate::wasm::wasi::{self, EXIT_TOKENS};

/// Collects a program's output and, unless a report will carry it, passes it on.
///
/// Lines appear as they are complete; the rest, such as a prompt or a row of
/// dots, at the latest every [`PATIENCE`] tokens.
pub struct ProgramOutput {
    stdout: Option<BufWriter<Stdout>>,
    bytes: Vec<u8>,
    count: u64,
    /// Whether the last line has not ended.
    within_line: bool,
    waiting: u32,
    failed: Option<io::Error>,
    /// The latest tokens, the last of which is at `newest`.
    latest: [Option<Symbol>; EXIT_TOKENS],
    newest: usize,
}

/// A program's output once the program has ended.
pub struct Written {
    /// How much there was.
    pub bytes: u64,
    /// What was kept of it.
    pub text: Option<String>,
    /// Whether standard output took it.
    pub complete: Result<(), CliError>,
    /// What the program ended with, if it is one of WASI.
    pub exit_code: Option<u32>,
}

/// Tokens for which a part of a line may wait.
const PATIENCE: u32 = 4096;

/// Of an output that is only reported, this much is kept.
const KEPT: usize = 16 << 20;

impl ProgramOutput {
    /// `streams`: straight to standard output, and not kept.
    pub fn new(streams: bool) -> ProgramOutput {
        ProgramOutput {
            stdout: streams.then(|| BufWriter::new(io::stdout())),
            bytes: Vec::new(),
            count: 0,
            within_line: false,
            waiting: 0,
            failed: None,
            latest: [None; EXIT_TOKENS],
            newest: 0,
        }
    }

    /// Takes a token, if the machine has it.
    pub fn take(&mut self, token: Option<Symbol>) {
        self.newest = if self.newest + 1 < EXIT_TOKENS { self.newest + 1 } else { 0 };
        self.latest[self.newest] = token;
        let byte = if let Some(Symbol::Out(byte)) = token { Some(byte) } else { None };
        if let Some(byte) = byte {
            self.count += 1;
            self.within_line = byte != b'\n';
            match &mut self.stdout {
                Some(stdout) => {
                    let result = stdout.write_all(&[byte]);
                    self.failed = self.failed.take().or(result.err());
                    self.waiting = self.waiting.max(1);
                }
                None if self.bytes.len() < KEPT => self.bytes.push(byte),
                None => {}
            }
        }
        if self.waiting > 0 {
            self.waiting += 1;
            if byte == Some(b'\n') || self.waiting > PATIENCE {
                self.flush();
            }
        }
    }

    fn flush(&mut self) {
        self.waiting = 0;
        let result = self.stdout.as_mut().map_or(Ok(()), |stdout| stdout.flush());
        self.failed = self.failed.take().or(result.err());
    }

    /// Ends the output. That it could not be written is told once all else is done: a run is more
    /// than its output.
    pub fn finish(mut self) -> Written {
        self.flush();
        // What is told next does not begin behind it, where both are seen at one place.
        let is_seen = self.stdout.is_some() && io::stdout().is_terminal();
        if is_seen && self.within_line && io::stderr().is_terminal() {
            note!("");
        }
        let kept = self.stdout.is_none();
        self.latest.rotate_left((self.newest + 1) % EXIT_TOKENS);
        let latest: Option<Vec<Symbol>> = self.latest.into_iter().collect();
        Written {
            bytes: self.count,
            text: kept.then(|| String::from_utf8_lossy(&self.bytes).into_owned()),
            complete: self.failed.map_or(Ok(()), |error| Err(CliError::Stdout(error))),
            exit_code: latest.and_then(|latest| wasi::exit_code(&latest)),
        }
    }
}
