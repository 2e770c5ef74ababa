//! Accesses to linear memory: its size, its growth, its bounds.
//!
//! The machine adds operand and offset without wrapping, as WebAssembly does, and
//! reads 0 where nothing was written, but it knows no end of memory: what happens
//! there is [`super::Options::bounds_checks`]'s choice.

use super::assembler::Label;
use super::cells::Cell;
use super::compiler::Compiler;
use super::module::{Memory, PAGE};
use crate::machine::Op;

/// Pushes the memory's size in pages.
pub fn size(compiler: &mut Compiler) {
    let Some(memory) = &compiler.module.memory else { return };
    compiler.asm.constant(memory.initial as u32);
    if may_grow(memory) {
        Cell::PagesGrown.load(compiler);
        compiler.asm.emit(Op::Add, 0);
    }
}

/// Whether the size of a memory is not known.
pub fn may_grow(memory: &Memory) -> bool {
    memory.grows && memory.maximum > memory.initial
}

/// The routine of `memory.grow`: takes pages, gives the size before or -1.
pub fn grow(compiler: &mut Compiler) {
    const PAGES: u32 = 0;
    const GROWN: u32 = 1;
    let Some(memory) = &compiler.module.memory else { return };
    let asm = &mut compiler.asm;
    let (begin, refuse) = (asm.here(), asm.label());
    asm.set_height(1);
    asm.set(PAGES);
    asm.constant((memory.maximum - memory.initial) as u32);
    Cell::PagesGrown.load(compiler);
    let asm = &mut compiler.asm;
    asm.emit(Op::LocalTee, GROWN);
    asm.emit(Op::Sub, 0);
    asm.get(PAGES);
    asm.emit(Op::LtU, 0);
    asm.jump_if(refuse);
    asm.get(GROWN);
    asm.get(PAGES);
    asm.emit(Op::Add, 0);
    Cell::PagesGrown.store(compiler, PAGES);
    let asm = &mut compiler.asm;
    asm.constant(memory.initial as u32);
    asm.get(GROWN);
    asm.emit(Op::Add, 0);
    asm.return_from(begin);
    asm.bind(refuse);
    asm.set_height(0);
    asm.constant(u32::MAX);
    asm.return_from(begin);
}

/// Goes to `trap` unless the bytes from `address` (a local) + `offset` on lie
/// within the memory; `scratch` is a local that may change.
pub fn check(
    compiler: &mut Compiler,
    address: u32,
    offset: u64,
    bytes: u32,
    scratch: u32,
    trap: Label,
) {
    let Some(memory) = &compiler.module.memory else { return };
    let (last, size) = (offset + u64::from(bytes) - 1, memory.initial * PAGE);
    let asm = &mut compiler.asm;
    if may_grow(memory) {
        asm.get(address);
        asm.constant(last as u32);
        asm.emit(Op::Add, 0);
        asm.emit(Op::LocalTee, scratch);
        asm.get(address);
        asm.emit(Op::LtU, 0);
        asm.jump_if(trap);
        if last > u64::from(u32::MAX) {
            asm.jump(trap);
        }
        check_page_of(compiler, scratch, trap);
    } else if last >= size {
        asm.jump(trap);
    } else {
        asm.get(address);
        asm.constant((size - 1 - last) as u32);
        asm.emit(Op::GtU, 0);
        asm.jump_if(trap);
    }
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
