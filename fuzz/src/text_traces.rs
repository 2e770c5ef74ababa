//! Text traces: the stream reads what the parser of whole texts reads, and refuses what it
//! refuses at the same place, in memory that the text bounds. What is read and written again
//! reads the same.

use std::io::BufReader;

use hardmax::machine::Symbol;
use hardmax::program::Prompt;
use hardmax::program::stream::TextReader;
use hardmax::program::text::{parse_trace, write_trace};

use super::allocation::peak_of;

/// The bytes are a text trace.
pub fn check(data: &[u8]) -> bool {
    // Tables of names are made once, and not by the reader.
    assert_eq!(Symbol::from_name("{"), Some(Symbol::Open));
    let (streamed, peak) = peak_of(|| stream(data));
    assert!(peak as usize <= 24 * data.len() + (1 << 14), "{peak} bytes for {}", data.len());
    let whole = parse_trace(data);
    match (&streamed, &whole) {
        (Ok((prompt, generated)), Ok(trace)) => {
            assert_eq!((prompt, generated), (&trace.prompt, &trace.generated));
        }
        (Ok(_), Err(error)) => panic!("only the stream reads it: {error}"),
        // Blanks beyond ASCII are white space to the parser only.
        (Err(error), Ok(_)) => assert!(!data.is_ascii(), "only the parser reads it: {error}"),
        (Err(streamed), Err(whole)) => {
            // The stream shortens words that are too long, and reads no further than the first
            // of several faults.
            if data.is_ascii() && longest_word(data) <= 256 {
                assert_eq!(*streamed, whole.to_string());
            }
        }
    }
    let Ok(trace) = whole else { return false };
    let written = write_trace(&trace.prompt, &trace.generated);
    assert_eq!(parse_trace(written.as_bytes()).as_ref(), Ok(&trace));
    true
}

/// All of a stream, read a few bytes at a time so that words lie across buffers.
fn stream(data: &[u8]) -> Result<(Prompt, Vec<Symbol>), String> {
    let file = BufReader::with_capacity(7, data);
    let mut reader = TextReader::new(file).map_err(|error| error.to_string())?;
    let generated = reader.by_ref().collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    Ok((reader.prompt().clone(), generated))
}

fn longest_word(data: &[u8]) -> usize {
    let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    data.split(blank).map(<[u8]>::len).max().unwrap_or_default()
}
