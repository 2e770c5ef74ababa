//! Lines of the source that a module was compiled from, by the module's debug information (DWARF), which
//! stands in custom sections: `clang -g` writes it, and so does the assembler of the text format.
//!
//! It is only for people, and may be wrong in any way: what cannot be read is left out. Of it all only the
//! tables of lines are read, in the order in which they stand: that takes time in proportion to their
//! length, whatever they say.

use std::collections::BTreeMap;
use std::ops::Range;

use gimli::{
    AttributeValue, DebugLine, DebugLineOffset, EndianSlice, IncompleteLineProgram, LittleEndian,
};
use wasmparser::{Parser, Payload};

/// Most rows of all line tables, so that a few bytes cannot ask for all memory.
const MOST_ROWS: usize = 1 << 22;

/// More of a file's path is not shown.
const LONGEST_PATH: usize = 4096;

/// Of memory 32.
const ADDRESS_BYTES: u8 = 4;

/// Most bytes of a text whose lines are known: what finds them takes time in proportion to the square of the
/// longest line.
pub const LONGEST_WITH_LINES: usize = 1 << 18;

/// Lines of a module's code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// Ascending by offsets: from there on up to the next.
    rows: Vec<Row>,
    files: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    /// In the module.
    offset: u32,
    file: u32,
    /// 0 for what has none.
    line: u32,
}

/// A line of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Line<'l> {
    /// The path of the file, as the compiler was given it.
    pub file: &'l str,
    /// From 1.
    pub line: u32,
}

type Bytes<'w> = EndianSlice<'w, LittleEndian>;

impl Lines {
    /// Of a module, if it has debug information.
    pub fn of(wasm: &[u8]) -> Option<Lines> {
        Lines::read(wasm, |range, _| range.start)
    }

    /// `begins` says where the addresses of the code count from, by where its section is, and how much of it
    /// is behind the number of functions.
    fn read(wasm: &[u8], begins: fn(Range<u64>, u64) -> u64) -> Option<Lines> {
        let mut sections: BTreeMap<&str, &[u8]> = BTreeMap::new();
        let mut code = None;
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.ok()? {
                Payload::CodeSectionStart { unchecked_range, size, .. } => {
                    code = Some(begins(unchecked_range, size.into()));
                }
                Payload::CustomSection(section) => {
                    sections.entry(section.name()).or_insert(section.data());
                }
                _ => {}
            }
        }
        let section = |name: &str| sections.get(name).copied().unwrap_or_default();
        let [strings, line_strings] = [".debug_str", ".debug_line_str"].map(section);
        let (lines, files) = (Lines::default(), BTreeMap::new());
        let mut collected = Collected { lines, files, code: code?, strings, line_strings };
        collected.read(section(".debug_line"));
        let mut lines = collected.lines;
        // Where two begin at one offset the latter counts, but not the end of what stood before.
        lines.rows.sort_by_key(|row| (row.offset, row.line > 0));
        (!lines.rows.is_empty()).then_some(lines)
    }

    /// Of a module in the text format, whose file is called so: offsets are those of the module that it makes.
    pub fn of_text(text: &[u8], path: &std::path::Path) -> Option<Lines> {
        let text =
            std::str::from_utf8(text).ok().filter(|text| text.len() <= LONGEST_WITH_LINES)?;
        let mut parser = wat::Parser::new();
        let module = parser.generate_dwarf(wat::GenerateDwarf::Lines).parse_str(Some(path), text);
        // The assembler does not count the number of functions.
        Lines::read(&module.ok()?, |range, behind| range.end.saturating_sub(behind))
    }

    /// The line of the instruction at a byte of the module.
    pub fn at(&self, offset: u32) -> Option<Line<'_>> {
        let above = self.rows.partition_point(|row| row.offset <= offset);
        let row = self.rows[..above].last().filter(|row| row.line > 0)?;
        Some(Line { file: &self.files[row.file as usize], line: row.line })
    }
}

/// Lines on their way.
struct Collected<'w> {
    lines: Lines,
    files: BTreeMap<String, u32>,
    /// Where the section of code begins, from which addresses count.
    code: u64,
    /// The sections in which names stand.
    strings: &'w [u8],
    line_strings: &'w [u8],
}

impl<'w> Collected<'w> {
    /// Takes in all tables of a section, one behind the other, as far as they can be read.
    fn read(&mut self, section: &'w [u8]) {
        let tables = DebugLine::new(section, LittleEndian);
        let mut begin = 0;
        while let Ok(table) = tables.program(DebugLineOffset(begin), ADDRESS_BYTES, None, None) {
            let header = table.header();
            let length = usize::from(header.format().initial_length_size());
            begin = begin.saturating_add(length).saturating_add(header.unit_length());
            // What is wrong with a table ends it.
            let _: gimli::Result<()> = self.table(table);
        }
    }

    fn table(&mut self, table: IncompleteLineProgram<Bytes<'w>>) -> gimli::Result<()> {
        let mut rows = table.rows();
        let mut files: BTreeMap<u64, u32> = BTreeMap::new();
        let mut sequence: Vec<Row> = Vec::new();
        while let Some((header, row)) = rows.next_row()? {
            if self.lines.rows.len() + sequence.len() >= MOST_ROWS {
                return Ok(());
            }
            let index = row.file_index();
            let file = match files.get(&index) {
                Some(&file) => file,
                None => {
                    let path = header.file(index).and_then(|entry| self.text(entry.path_name()));
                    let file = self.file(path.unwrap_or_else(|| "?".to_owned()));
                    files.insert(index, file);
                    file
                }
            };
            let line = row.line().and_then(|line| u32::try_from(line.get()).ok());
            let line = line.filter(|_| !row.end_sequence()).unwrap_or(0);
            let offset = row.address().checked_add(self.code);
            let Some(offset) = offset.and_then(|offset| u32::try_from(offset).ok()) else {
                continue;
            };
            sequence.push(Row { offset, file, line });
            if row.end_sequence() {
                // No function stands where the section says how many there are: these were left out.
                let is_there =
                    sequence.first().is_some_and(|row| u64::from(row.offset) > self.code);
                if is_there {
                    self.lines.rows.append(&mut sequence);
                }
                sequence.clear();
            }
        }
        Ok(())
    }

    /// What a name says, up to a length that is reasonable.
    fn text(&self, name: AttributeValue<Bytes<'w>>) -> Option<String> {
        let bytes = match name {
            AttributeValue::String(bytes) => bytes.slice(),
            AttributeValue::DebugStrRef(begin) => self.strings.get(begin.0..)?,
            AttributeValue::DebugLineStrRef(begin) => self.line_strings.get(begin.0..)?,
            _ => return None,
        };
        let bytes = &bytes[..bytes.len().min(LONGEST_PATH)];
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        Some(String::from_utf8_lossy(&bytes[..end]).into_owned())
    }

    fn file(&mut self, path: String) -> u32 {
        let next = self.lines.files.len() as u32;
        *self.files.entry(path).or_insert_with_key(|path| {
            self.lines.files.push(path.clone());
            next
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::wasm::{Options, compile_text};

    const TEXT: &str = "(module\n  (func (export \"f\") (result i32)\n    i32.const 1\n    i32.const 2\n    \
                        i32.div_u))\n";

    #[test]
    fn instructions_of_a_text_have_its_lines() {
        let lines = Lines::of_text(TEXT.as_bytes(), Path::new("dir/d.wat")).unwrap();
        let places = compile_text(TEXT, &Options::invoke("f", &[])).unwrap().places;
        let found = (0..).map_while(|at| match at {
            20.. => None,
            at => Some(places.source(at).and_then(|s| Some((s.name, lines.at(s.offset)?)))),
        });
        let found: Vec<(&str, Line)> = found.flatten().collect();
        let line = |line| Line { file: "d.wat", line };
        let expected = [("i32.const", 3), ("i32.const", 4), ("i32.div_u", 5), ("end", 5)];
        assert_eq!(found, expected.map(|(name, number)| (name, line(number))));
    }

    #[test]
    fn whatever_a_module_says_of_its_source_is_read_or_left_out() {
        let mut parser = wat::Parser::new();
        let path = Some(Path::new("d.wat"));
        let wasm = parser.generate_dwarf(wat::GenerateDwarf::Lines).parse_str(path, TEXT).unwrap();
        let mut known = 0;
        for at in 0..wasm.len() {
            for change in [0x01, 0x40, 0x80, 0xff] {
                let mut wasm = wasm.clone();
                wasm[at] ^= change;
                known += usize::from(Lines::of(&wasm).is_some());
            }
        }
        assert!(known > wasm.len(), "{known}");
    }

    #[test]
    fn what_is_no_debug_information_has_no_lines() {
        assert_eq!(Lines::of(&wat::parse_str(TEXT).unwrap()), None);
        assert_eq!(Lines::of(b"nonsense"), None);
        let mut wasm = wat::parse_str("(module (func nop))").unwrap();
        for name in [".debug_info", ".debug_line", ".debug_abbrev", ".debug_str"] {
            let contents = [0xff; 40];
            let size = 1 + name.len() + contents.len();
            wasm.extend([0, size as u8, name.len() as u8]);
            wasm.extend(name.as_bytes());
            wasm.extend(contents);
        }
        assert_eq!(Lines::of(&wasm), None);
        let long = format!("{TEXT};; {}", "x".repeat(LONGEST_WITH_LINES));
        assert_eq!(Lines::of_text(long.as_bytes(), Path::new("d.wat")), None);
    }
}
