//! The size of linear memory, its growth, and whether whole ranges lie in it.
//!
//! The machine knows the size by the latest `memory.resize` and traps where a single access reaches
//! beyond it. With [`super::Options::endless_memory`] it is never told a size, and only counts pages.

use super::assembler::Label;
use super::cells::Cell;
use super::compiler::Compiler;
use super::module::{Memory, PAGE};
use crate::machine::Op;

/// Tells the machine the size that memory has before anything runs.
pub fn begin(compiler: &mut Compiler) {
    if let (Some(memory), false) = (&compiler.module.memory, compiler.endless_memory) {
        compiler.asm.constant(memory.initial as u32);
        compiler.asm.emit(Op::MemoryResize, 0);
    }
}

/// Pushes the memory's size in pages.
pub fn size(compiler: &mut Compiler) {
    // The runtime may ask where there is none.
    let Some(memory) = &compiler.module.memory else { return compiler.asm.constant(0) };
    match (may_grow(memory), compiler.endless_memory) {
        (false, _) => compiler.asm.constant(memory.initial as u32),
        (true, false) => compiler.asm.emit(Op::MemorySize, 0),
        (true, true) => {
            compiler.asm.constant(memory.initial as u32);
            Cell::PagesGrown.load(compiler);
            compiler.asm.emit(Op::Add, 0);
        }
    }
}

/// Whether the size of a memory is not known.
pub fn may_grow(memory: &Memory) -> bool {
    memory.grows && memory.maximum > memory.initial
}

/// The routine of `memory.grow`: takes pages, gives the size before or -1.
pub fn grow(compiler: &mut Compiler) {
    const PAGES: u32 = 0;
    const BEFORE: u32 = 1;
    const GROWN: u32 = 2;
    let Some(memory) = &compiler.module.memory else { return };
    let (begin, refuse) = (compiler.asm.here(), compiler.asm.label());
    compiler.asm.set_height(1);
    compiler.asm.set(PAGES);
    compiler.asm.constant(memory.maximum as u32);
    size(compiler);
    let asm = &mut compiler.asm;
    asm.emit(Op::LocalTee, BEFORE);
    asm.emit(Op::Sub, 0);
    asm.get(PAGES);
    asm.emit(Op::LtU, 0);
    asm.jump_if(refuse);
    if compiler.endless_memory {
        Cell::PagesGrown.load(compiler);
        compiler.asm.get(PAGES);
        compiler.asm.emit(Op::Add, 0);
        Cell::PagesGrown.store(compiler, GROWN);
    } else {
        asm.get(BEFORE);
        asm.get(PAGES);
        asm.emit(Op::Add, 0);
        asm.emit(Op::MemoryResize, 0);
    }
    let asm = &mut compiler.asm;
    asm.get(BEFORE);
    asm.return_from(begin);
    asm.bind(refuse);
    asm.set_height(0);
    asm.constant(u32::MAX);
    asm.return_from(begin);
}

/// Goes to `trap` unless `length` bytes from `address` on lie within the memory;
/// both are locals. No bytes fit at the very end, too.
pub fn check_range(compiler: &mut Compiler, address: u32, length: u32, last: u32, trap: Label) {
    let (fine, no_wrap) = (compiler.asm.label(), compiler.asm.label());
    let asm = &mut compiler.asm;
    asm.get(address);
    asm.get(length);
    asm.emit(Op::Or, 0);
    asm.jump_unless(fine);
    asm.get(address);
    asm.get(length);
    asm.emit(Op::Add, 0);
    asm.constant(1);
    asm.emit(Op::Sub, 0);
    asm.set(last);
    asm.get(length);
    asm.jump_unless(no_wrap);
    asm.get(last);
    asm.get(address);
    asm.emit(Op::LtU, 0);
    asm.jump_if(trap);
    asm.bind(no_wrap);
    check_page_of(compiler, last, trap);
    compiler.asm.bind(fine);
}

fn check_page_of(compiler: &mut Compiler, address: u32, trap: Label) {
    compiler.asm.get(address);
    compiler.asm.constant(PAGE.trailing_zeros());
    compiler.asm.emit(Op::ShrU, 0);
    size(compiler);
    compiler.asm.emit(Op::GeU, 0);
    compiler.asm.jump_if(trap);
}
