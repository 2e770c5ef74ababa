//! Where a program keeps what is not WebAssembly's linear memory.
//!
//! An address is an operand below 2^32 plus an immediate below 2^32. With the
//! operand 2^32 - 1 an immediate from 1 on reaches what no 32-bit pointer of the
//! module can be: the *cells*, words from 2^32 on. Never written, they read 0.

use super::assembler::Assembler;
use crate::machine::Op;

/// The operand for addresses of cells.
const BASE: u32 = u32::MAX;

/// A word outside of linear memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// By how many pages the memory has grown.
    PagesGrown,
    /// The value of a mutable global.
    Global(u32),
}

impl Cell {
    /// The address, less the operand's part.
    fn immediate(self) -> u32 {
        let index = match self {
            Cell::PagesGrown => 0,
            Cell::Global(global) => global + 1,
        };
        1 + 4 * index
    }

    /// Pushes the cell's value.
    pub fn load(self, asm: &mut Assembler) {
        asm.constant(BASE);
        asm.emit(Op::Load, self.immediate());
    }

    /// Pops into the cell; `scratch` is a local that may change.
    pub fn store(self, asm: &mut Assembler, scratch: u32) {
        let value = asm.pop_to_local(scratch);
        asm.constant(BASE);
        asm.get(value);
        asm.emit(Op::Store, self.immediate());
    }

    /// Gives the cell a value.
    pub fn store_constant(self, asm: &mut Assembler, value: u32) {
        asm.constant(BASE);
        asm.constant(value);
        asm.emit(Op::Store, self.immediate());
    }
}
