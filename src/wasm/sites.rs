//! Sites: where each instruction is emitted from, while it is, and ever after.
//!
//! A *site* is the instruction of WebAssembly that an instruction of the machine was compiled from. It
//! stays with it where the assembler makes something shorter of what was emitted. What one instruction
//! of WebAssembly became lies together, but for what is put out of the way behind a function's code; so
//! a site is noted once for a *run* of instructions.
//!
//! Some instructions do nothing but trap. Why they do is noted here, too, in a *mark*, which
//! [`super::trap`] makes a reason of.

use rustc_hash::FxHashMap;
use wasmparser::Operator;

use super::error::WasmError;
use super::mnemonic::{mnemonic, visitor_name};

/// The offset of what stands nowhere in the module.
const NOWHERE: u32 = u32::MAX;

/// Why an instruction traps that does nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It is WebAssembly's own `unreachable`.
    Unreachable,
    /// A quotient is too great.
    Overflow,
    /// An access lies beyond the memory.
    Memory,
    /// No function of the right type is at an index of a table that never changes.
    Element,
    /// A call is of an index beyond the end of a table.
    Undefined,
    /// It finds null.
    Uninitialized,
    /// It finds a function of another type.
    OtherType,
    /// Another instruction reaches beyond the end of a table, or of a segment of elements.
    Table,
    /// The instruction cannot be compiled.
    Unsupported,
    /// The function is imported from nowhere.
    Missing,
}

impl Mark {
    /// Of what traps because it cannot be compiled.
    pub fn of(what: &WasmError) -> Mark {
        match what {
            WasmError::UnknownImport { .. } => Mark::Missing,
            _ => Mark::Unsupported,
        }
    }
}

/// Where an instruction comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    offset: u32,
    /// Place among the names.
    pub name: u16,
    /// Why it traps, if it does nothing else.
    pub mark: Option<Mark>,
    /// Whether it is the first of its site.
    pub first: bool,
}

impl Site {
    /// Of code that stands nowhere in the module.
    pub const NOWHERE: Site = Site { offset: NOWHERE, name: 0, mark: None, first: false };

    /// The byte of the module, if it stands there.
    pub fn offset(self) -> Option<u32> {
        (self.offset != NOWHERE).then_some(self.offset)
    }

    /// The same, for what is out of the way of the rest.
    pub fn behind(self) -> Site {
        Site { first: false, ..self }
    }
}

/// Instructions of one site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    /// Its first instruction; no other is first of its site.
    begin: u32,
    site: Site,
}

/// The sites of instructions 0, 1, ...
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// Ascending, the first at instruction 0.
    runs: Vec<Run>,
    /// How many instructions there are.
    len: u32,
}

impl Runs {
    fn push(&mut self, site: Site) {
        if self.runs.last().is_none_or(|run| run.site.behind() != site) {
            self.runs.push(Run { begin: self.len, site });
        }
        self.len += 1;
    }

    fn pop(&mut self) -> Option<Site> {
        self.len = self.len.checked_sub(1)?;
        let last = *self.runs.last()?;
        if last.begin < self.len {
            return Some(last.site.behind());
        }
        self.runs.pop();
        Some(last.site)
    }

    /// Whether there are no instructions.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Where this instruction comes from, if there is one.
    pub fn get(&self, instruction: usize) -> Option<Site> {
        let at = u32::try_from(instruction).ok().filter(|&at| at < self.len)?;
        let Run { begin, site } = self.runs[self.runs.partition_point(|run| run.begin <= at) - 1];
        Some(if begin < at { site.behind() } else { site })
    }
}

/// Sites of the instructions that are emitted, in their order.
#[derive(Debug)]
pub struct Sites {
    /// Of what was emitted.
    pub runs: Runs,
    /// Of what is emitted next.
    current: Site,
}

impl Default for Sites {
    fn default() -> Self {
        Sites { runs: Runs::default(), current: Site::NOWHERE }
    }
}

impl Sites {
    /// Says where all that follows comes from.
    pub fn set(&mut self, site: Site) {
        self.current = site;
    }

    /// Where what follows comes from.
    pub fn current(&self) -> Site {
        self.current
    }

    /// An instruction was appended.
    pub fn push(&mut self, mark: Option<Mark>) {
        self.runs.push(Site { mark, ..self.current });
        self.current.first = false;
    }

    /// The last instruction was taken away.
    pub fn pop(&mut self) {
        let popped = self.runs.pop();
        self.current.first |=
            popped.is_some_and(|popped| popped.first && popped.offset == self.current.offset);
    }
}

/// Names of instructions, each once.
#[derive(Debug, Default)]
pub struct Names {
    /// As numbered, from 1.
    pub names: Vec<String>,
    numbers: FxHashMap<&'static str, u16>,
}

impl Names {
    /// The site of an instruction at this byte.
    pub fn site(&mut self, operator: &Operator, offset: u64) -> Site {
        self.named(visitor_name(operator), || mnemonic(operator), offset)
    }

    /// The site of what takes the arguments of a function whose body begins at this byte.
    pub fn entry(&mut self, offset: u64) -> Site {
        const ENTRY: &str = "function entry";
        self.named(ENTRY, || ENTRY.to_owned(), offset)
    }

    fn named(&mut self, key: &'static str, name: impl Fn() -> String, offset: u64) -> Site {
        let name = *self.numbers.entry(key).or_insert_with(|| {
            self.names.push(name());
            // There are far fewer instructions; 0 is the name of none.
            self.names.len() as u16
        });
        let offset = u32::try_from(offset).unwrap_or(NOWHERE);
        Site { offset, name, mark: None, first: true }
    }
}
