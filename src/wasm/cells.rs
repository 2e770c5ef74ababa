//! Where a program keeps what is neither on the stack nor in WebAssembly's linear memory.
//!
//! The machine has instructions for globals. A machine without them
//! ([`super::Options::endless_memory`]) has memory that ends nowhere: an address is an operand below
//! 2^32 plus an immediate below 2^32. Where the module may grow its memory, the operand 2^32 - 1
//! with an immediate from 1 on reaches what no 32-bit pointer can be: the *cells*, from 2^32 on.
//! Otherwise they lie beyond the end of memory, from 32 MiB on if it is shorter: near enough for
//! hulls, whose keys end at 2^26. Never written, they read 0.

use super::compiler::Compiler;
use super::memory::may_grow;
use super::module::{Module, PAGE};
use super::runtime::RUNTIME;
use super::types::Width;
use crate::machine::Op;

/// Cells of short memories begin here.
const NEAR: u64 = 1 << 25;

/// The operand for addresses of cells: 1 less than where they begin.
fn base(module: &Module) -> u32 {
    match &module.memory {
        Some(memory) if may_grow(memory) => u32::MAX,
        Some(memory) => ((memory.initial * PAGE).max(NEAR) - 1) as u32,
        None => (NEAR - 1) as u32,
    }
}

/// Where memory and cells end, those of the runtime's globals among them, which lie behind the module's.
pub fn end(module: &Module, endless_memory: bool) -> u64 {
    let words = match endless_memory {
        true => 1 + module.global_words() + RUNTIME.global_words(),
        false => 0,
    };
    u64::from(base(module)) + 1 + 4 * u64::from(words)
}

/// A value outside of linear memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// By how many pages the memory has grown.
    PagesGrown,
    /// The value of a mutable global, whose cell begins at this word, of this width.
    Global(u32, Width),
}

impl Cell {
    /// The immediate of its instructions. In memory it is the address, less the operand's part.
    fn immediate(self, compiler: &Compiler) -> u32 {
        let index = match self {
            Cell::PagesGrown => 0,
            Cell::Global(word, _) if compiler.endless_memory => word + 1,
            Cell::Global(word, _) => word,
        };
        4 * index + u32::from(compiler.endless_memory)
    }

    /// Of its value.
    pub fn width(self) -> Width {
        match self {
            Cell::PagesGrown => Width::Four,
            Cell::Global(_, width) => width,
        }
    }

    /// Pushes the cell's value.
    pub fn load(self, compiler: &mut Compiler) {
        let immediate = self.immediate(compiler);
        if compiler.endless_memory {
            compiler.asm.constant(base(compiler.module));
            compiler.asm.emit(self.width().of(Op::Load), immediate);
        } else {
            compiler.asm.emit(self.width().of(Op::GlobalGet), immediate);
        }
    }

    /// Pops into the cell; `scratch` is a local that may change.
    pub fn store(self, compiler: &mut Compiler, scratch: u32) {
        let (width, immediate) = (self.width(), self.immediate(compiler));
        if compiler.endless_memory {
            let value = compiler.asm.pop_to_local_as(width, scratch);
            compiler.asm.constant(base(compiler.module));
            compiler.asm.get_as(width, value);
            compiler.asm.emit(width.of(Op::Store), immediate);
        } else {
            compiler.asm.emit(width.of(Op::GlobalSet), immediate);
        }
    }

    /// Gives the cell a value.
    pub fn store_constant(self, compiler: &mut Compiler, bits: u64) {
        let (width, immediate) = (self.width(), self.immediate(compiler));
        if compiler.endless_memory {
            compiler.asm.constant(base(compiler.module));
            compiler.asm.constant_as(width, bits);
            compiler.asm.emit(width.of(Op::Store), immediate);
        } else {
            compiler.asm.constant_as(width, bits);
            compiler.asm.emit(width.of(Op::GlobalSet), immediate);
        }
    }
}
