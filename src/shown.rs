//! Text from outside, as it may be shown to a person.
//!
//! Names in model, trace and module files, words of programs and names of files can hold anything:
//! sequences that a terminal obeys, marks that turn the direction of what follows, lines that look
//! like our own, or 60 kB of it. What is shown of them is escaped, and no longer than a person
//! wants to read. Reports for machines have them as they are.

use std::path::Path;

/// As much of a name as a message needs, in characters.
const LONGEST_NAME: usize = 80;

/// Paths are shown in full, but for those that no system takes.
const LONGEST_PATH: usize = 4096;

/// The longest message, in characters: what a compiler says of C may have many lines.
const LONGEST_MESSAGE: usize = 1 << 14;

/// A name, on one line.
pub fn name(text: &str) -> String {
    escaped(text, LONGEST_NAME, |_| false)
}

/// A name in quotes, as Rust would write it.
pub fn quoted(text: &str) -> String {
    match text.char_indices().nth(LONGEST_NAME) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}...", &text[..end]),
    }
}

/// The path of a file, on one line.
pub fn path(path: impl AsRef<Path>) -> String {
    escaped(&path.as_ref().to_string_lossy(), LONGEST_PATH, |_| false)
}

/// A message of several lines, whose parts should be names, paths and words of our own.
pub fn message(text: &str) -> String {
    escaped(text, LONGEST_MESSAGE, |c| matches!(c, '\n' | '\t'))
}

/// Lines for standard output, of any length.
pub fn lines(text: &str) -> String {
    escaped(text, usize::MAX, |c| matches!(c, '\n' | '\t'))
}

/// Whether text may be shown as it is.
pub fn is_plain(text: &str) -> bool {
    text.chars().count() <= LONGEST_PATH && !text.chars().any(is_treacherous)
}

fn escaped(text: &str, longest: usize, passes: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len().min(longest));
    for (count, c) in text.chars().enumerate() {
        if count == longest {
            return shown + "...";
        }
        if passes(c) || !is_treacherous(c) {
            shown.push(c);
        } else {
            shown.extend(c.escape_debug());
        }
    }
    shown
}

/// Whether a character does something else than to be seen: controls, of both ranges; breaks of
/// lines; marks and overrides of direction; and what has no width.
fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        let hostile = "a\x1b[31mb\u{9b}2J\u{202e}c\nd\r\u{200b}\x07\x7f";
        let shown = r"a\u{1b}[31mb\u{9b}2J\u{202e}c\nd\r\u{200b}\u{7}\u{7f}";
        assert_eq!(name(hostile), shown);
        assert_eq!(path(hostile), shown);
        assert_eq!(message("a\n\tb\x1b"), "a\n\tb\\u{1b}");
        assert_eq!(lines("a\n\tb\x1b"), "a\n\tb\\u{1b}");
        assert_eq!(name("café \"日本\" \\ e\u{301}"), "café \"日本\" \\ e\u{301}");
    }

    #[test]
    fn nothing_is_longer_than_a_person_reads() {
        let long = "x".repeat(100_000);
        assert_eq!(name(&long).len(), LONGEST_NAME + 3);
        assert_eq!(quoted(&long).len(), LONGEST_NAME + 5);
        assert_eq!(message(&long).len(), LONGEST_MESSAGE + 3);
        assert_eq!(lines(&long), long);
        assert_eq!(quoted(&long[..LONGEST_NAME]).len(), LONGEST_NAME + 2);
    }
}
