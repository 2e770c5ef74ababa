//! `memory.copy` and `memory.fill`: loops over words, then over the bytes that
//! are left. A copy goes upwards, or downwards when its destination lies above
//! its source, so that it never writes what it has still to read.

use super::assembler::Assembler;
use super::compiler::Compiler;
use super::memory::check_range;
use super::sites::Mark;
use crate::machine::Op;

/// The local of where to.
pub const TO: u32 = 0;
/// Of where from, or what.
pub const FROM: u32 = 1;
/// Of how many bytes.
pub const LENGTH: u32 = 2;
/// Of whatever is no longer wanted.
pub const SCRATCH: u32 = 3;

/// The routine of `memory.copy`.
pub fn copy(compiler: &mut Compiler) {
    let begin = compiler.asm.here();
    take_arguments(compiler, &[TO, FROM]);
    move_all(&mut compiler.asm, |asm| asm.return_from(begin));
    compiler.asm.return_from(begin);
}

/// Moves LENGTH bytes, all of which are there, and goes on behind this, or where `end` goes.
pub fn move_all(asm: &mut Assembler, end: impl Fn(&mut Assembler)) {
    let down = asm.label();
    asm.get(TO);
    asm.get(FROM);
    asm.emit(Op::GtU, 0);
    asm.jump_if(down);
    move_up(asm);
    end(asm);
    asm.bind(down);
    for pointer in [TO, FROM] {
        asm.get(pointer);
        asm.get(LENGTH);
        asm.emit(Op::Add, 0);
        asm.set(pointer);
    }
    for width in Width::BOTH {
        while_left(asm, width, |asm| {
            step(asm, &[TO, FROM], Op::Sub, width.bytes());
            move_one(asm, width);
        });
    }
}

/// The same upwards, which is right unless the destination begins within what is moved.
pub fn move_up(asm: &mut Assembler) {
    for width in Width::BOTH {
        while_left(asm, width, |asm| {
            move_one(asm, width);
            step(asm, &[TO, FROM], Op::Add, width.bytes());
        });
    }
}

/// The routine of `memory.fill`.
pub fn fill(compiler: &mut Compiler) {
    let begin = compiler.asm.here();
    take_arguments(compiler, &[TO]);
    let asm = &mut compiler.asm;
    asm.get(FROM);
    asm.constant(0xff);
    asm.emit(Op::And, 0);
    asm.constant(0x0101_0101);
    asm.emit(Op::Mul, 0);
    asm.set(FROM);
    for width in Width::BOTH {
        write(asm, width);
    }
    asm.return_from(begin);
}

/// Writes the word in FROM as often as it goes into LENGTH bytes.
pub fn write_words(asm: &mut Assembler) {
    write(asm, Width::Word);
}

fn write(asm: &mut Assembler, width: Width) {
    while_left(asm, width, |asm| {
        asm.get(TO);
        asm.get(FROM);
        asm.emit(width.store(), 0);
        step(asm, &[TO], Op::Add, width.bytes());
    });
}

/// How much a round of a loop moves.
#[derive(Clone, Copy)]
enum Width {
    Word,
    Byte,
}

impl Width {
    const BOTH: [Width; 2] = [Width::Word, Width::Byte];

    fn bytes(self) -> u32 {
        self.store().bytes()
    }

    fn load(self) -> Op {
        match self {
            Width::Word => Op::Load,
            Width::Byte => Op::Load8U,
        }
    }

    fn store(self) -> Op {
        match self {
            Width::Word => Op::Store,
            Width::Byte => Op::Store8,
        }
    }
}

/// Takes the three arguments, and traps unless all that `pointers` point to is there.
fn take_arguments(compiler: &mut Compiler, pointers: &[u32]) {
    compiler.asm.set_height(3);
    for local in [LENGTH, FROM, TO] {
        compiler.asm.set(local);
    }
    if !compiler.endless_memory {
        let (trap, fine) = (compiler.asm.label(), compiler.asm.label());
        for &pointer in pointers {
            check_range(compiler, pointer, LENGTH, SCRATCH, trap);
        }
        compiler.asm.jump(fine);
        compiler.asm.bind(trap);
        compiler.asm.trap(Mark::Memory);
        compiler.asm.bind(fine);
    }
}

/// Rounds as long as a whole `width` is left.
fn while_left(asm: &mut Assembler, width: Width, round: impl Fn(&mut Assembler)) {
    let (again, test) = (asm.label(), asm.label());
    asm.jump(test);
    asm.bind(again);
    round(asm);
    step(asm, &[LENGTH], Op::Sub, width.bytes());
    asm.bind(test);
    asm.get(LENGTH);
    if width.bytes() > 1 {
        asm.constant(width.bytes());
        asm.emit(Op::GeU, 0);
    }
    asm.jump_if(again);
}

fn move_one(asm: &mut Assembler, width: Width) {
    asm.get(TO);
    asm.get(FROM);
    asm.emit(width.load(), 0);
    asm.emit(width.store(), 0);
}

fn step(asm: &mut Assembler, locals: &[u32], by: Op, bytes: u32) {
    for &local in locals {
        asm.get(local);
        asm.constant(bytes);
        asm.emit(by, 0);
        asm.set(local);
    }
}
