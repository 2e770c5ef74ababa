//! What lies outside of memory: tables that change, and passive segments.
//!
//! The machine lets no access reach beyond the size that memory has, by the latest `memory.resize`. So code of
//! the compiler's own that needs what lies there *opens* it: it says that memory has all pages, and afterwards what it has.
//! Nothing of the program runs between.
//!
//! The stretches lie at the end of the 2^32 bytes that there are, and memory never grows so far. An element is a
//! reference of four bytes. What a stretch has at first is data of the prompt, like that of memory.

use super::cells::Cell;
use super::compiler::Compiler;
use super::error::{Result, WasmError};
use super::image::Image;
use super::memory;
use super::module::{Module, PAGE, Segment, Table};
use super::types::Width;
use crate::machine::Op;

/// Pages that there can be.
pub const PAGES: u64 = (1 << 32) / PAGE;

/// Bytes of an element.
const ELEMENT: u64 = 4;

/// Where things lie.
#[derive(Debug)]
pub struct Outside {
    /// Of tables that change; none of those that do not.
    pub tables: Vec<Option<Stretch>>,
    /// Of segments of elements.
    pub elements: Vec<Stretch>,
    /// Of segments of data.
    pub data: Vec<Stretch>,
    /// What they have at first, with its addresses.
    pub image: Image,
    /// Words of the cells of their lengths, behind those of the module's globals.
    pub words: u32,
    /// The page from which on they lie; memory has none from there on.
    pub first_page: u64,
}

impl Default for Outside {
    fn default() -> Self {
        Outside {
            tables: Vec::new(),
            elements: Vec::new(),
            data: Vec::new(),
            image: Image::default(),
            words: 0,
            first_page: PAGES,
        }
    }
}

/// Elements, or bytes, one behind the other.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    /// The address of the first.
    pub begin: u32,
    /// How many there can be.
    pub most: u32,
    /// How many there are.
    pub length: Length,
}

/// How many elements or bytes a stretch has.
#[derive(Clone, Copy, Debug)]
pub enum Length {
    /// Ever.
    Always(u32),
    /// By the cell that begins at this word.
    Cell {
        /// The word.
        word: u32,
        /// How many there are at first.
        first: u32,
    },
}

/// Gives addresses and cells to one stretch after another.
struct Layout {
    /// The first word that is no cell yet.
    word: u32,
    /// Where the next stretch begins, from the first on.
    end: u64,
}

impl Layout {
    fn stretch(&mut self, most: u64, unit: u64, length: u32, may_change: bool) -> Stretch {
        // For now from the first on.
        let begin = self.end as u32;
        self.end = (self.end + most * unit).next_multiple_of(ELEMENT);
        let length = match may_change {
            true => Length::Cell { word: self.word, first: length },
            false => Length::Always(length),
        };
        self.word += u32::from(may_change);
        Stretch { begin, most: most as u32, length }
    }

    fn table(&mut self, table: &Table) -> Stretch {
        let most = if table.grows { table.maximum } else { table.size };
        self.stretch(most, ELEMENT, table.size as u32, table.grows)
    }

    /// What no instruction asks for has no place.
    fn segment(&mut self, segment: &Segment, unit: u64) -> Stretch {
        let length = if segment.is_used { segment.bytes.len() as u64 / unit } else { 0 };
        self.stretch(length, unit, length as u32, segment.is_used && segment.drops)
    }
}

impl Outside {
    /// Lays out what a module has outside, and takes it from what memory may grow to.
    pub fn lay_out(module: &mut Module) -> Result<()> {
        let word = module.global_words();
        let mut layout = Layout { word, end: 0 };
        let tables = module.tables.iter();
        let tables = tables.map(|table| table.changes.then(|| layout.table(table))).collect();
        let segments = module.element_segments.iter();
        let elements = segments.map(|segment| layout.segment(segment, ELEMENT)).collect();
        let segments = module.data_segments.iter();
        let data = segments.map(|segment| layout.segment(segment, 1)).collect();
        let Layout { word: end_word, end } = layout;
        let words = end_word - word;
        let mut outside = Outside { tables, elements, data, words, ..Outside::default() };
        if end > 0 {
            // Behind them at least a byte is free, for the 0 that ends what the prompt writes.
            let pages = (end + 1).div_ceil(PAGE);
            let initial = module.memory.as_ref().map_or(0, |memory| memory.initial);
            let first_page = PAGES.checked_sub(pages).filter(|&first| initial <= first);
            outside.first_page = first_page.ok_or(WasmError::NoRoomOutside { pages, initial })?;
            outside.begin(module);
            if let Some(memory) = &mut module.memory {
                memory.maximum = memory.maximum.min(outside.first_page);
            }
        }
        module.outside = outside;
        Ok(())
    }

    /// Puts the stretches at their addresses, and what they have at first into the image.
    fn begin(&mut self, module: &Module) {
        let begin = (self.first_page * PAGE) as u32;
        let tables = self.tables.iter_mut().flatten();
        for stretch in tables.chain(&mut self.elements).chain(&mut self.data) {
            stretch.begin += begin;
        }
        for (table, stretch) in module.tables.iter().zip(&self.tables) {
            let Some(stretch) = stretch else { continue };
            for (&index, reference) in &table.elements {
                let place = u64::from(stretch.begin) + ELEMENT * u64::from(index);
                self.image.write(place, &reference.to_le_bytes());
            }
        }
        let elements = module.element_segments.iter().zip(&self.elements);
        let data = module.data_segments.iter().zip(&self.data);
        for (segment, stretch) in elements.chain(data).filter(|(segment, _)| segment.is_used) {
            self.image.write(stretch.begin.into(), &segment.bytes);
        }
    }

    /// All stretches.
    pub fn stretches(&self) -> impl Iterator<Item = &Stretch> {
        self.tables.iter().flatten().chain(&self.elements).chain(&self.data)
    }
}

impl Length {
    /// Pushes it.
    pub fn push(self, compiler: &mut Compiler) {
        match self {
            Length::Always(length) => compiler.asm.constant(length),
            Length::Cell { word, .. } => Cell::Global(word, Width::Four).load(compiler),
        }
    }

    /// Pops it; `scratch` is a local that may change. What never changes stays.
    pub fn set(self, compiler: &mut Compiler, scratch: u32) {
        match self {
            Length::Always(_) => compiler.asm.emit(Op::Drop, 0),
            Length::Cell { word, .. } => Cell::Global(word, Width::Four).store(compiler, scratch),
        }
    }

    /// Gives the cell what it has at first.
    pub fn begin(self, compiler: &mut Compiler) {
        if let Length::Cell { word, first: first @ 1.. } = self {
            Cell::Global(word, Width::Four).store_constant(compiler, first.into());
        }
    }
}

/// From here on accesses reach what lies outside; the local `saved` has the size of memory.
pub fn open(compiler: &mut Compiler, saved: u32) {
    if compiler.endless_memory {
        return;
    }
    if known_size(compiler).is_none() {
        memory::size(compiler);
        compiler.asm.set(saved);
    }
    compiler.asm.constant(PAGES as u32);
    compiler.asm.emit(Op::MemoryResize, 0);
}

/// From here on they do not.
pub fn close(compiler: &mut Compiler, saved: u32) {
    if compiler.endless_memory {
        return;
    }
    match known_size(compiler) {
        Some(pages) => compiler.asm.constant(pages),
        None => compiler.asm.get(saved),
    }
    compiler.asm.emit(Op::MemoryResize, 0);
}

/// The pages that memory has, if it cannot grow.
fn known_size(compiler: &Compiler) -> Option<u32> {
    match &compiler.module.memory {
        None => Some(0),
        Some(memory) => (!memory::may_grow(memory)).then_some(memory.initial as u32),
    }
}
