//! Numbers in decimal, written by code of the program itself.

use super::assembler::Assembler;
use crate::machine::Op;

const VALUE: u32 = 0;
const DIGIT: u32 = 1;

/// The routine: takes a number, writes it signed and a line feed. Digits come
/// lowest first, so they wait on the operand stack, on top of the line feed that
/// ends the writing.
pub fn print(asm: &mut Assembler) {
    let (begin, digits, write) = (asm.here(), asm.label(), asm.label());
    asm.set_height(1);
    asm.set(VALUE);
    asm.constant(u32::from(b'\n'));
    asm.get(VALUE);
    asm.constant(0);
    asm.emit(Op::GeS, 0);
    asm.jump_if(digits);
    asm.constant(u32::from(b'-'));
    asm.emit(Op::Output, 0);
    asm.constant(0);
    asm.get(VALUE);
    asm.emit(Op::Sub, 0);
    asm.set(VALUE);
    asm.bind(digits);
    asm.get(VALUE);
    asm.constant(10);
    asm.emit(Op::RemU, 0);
    asm.constant(u32::from(b'0'));
    asm.emit(Op::Add, 0);
    asm.get(VALUE);
    asm.constant(10);
    asm.emit(Op::DivU, 0);
    asm.emit(Op::LocalTee, VALUE);
    asm.jump_if(digits);
    asm.bind(write);
    asm.emit(Op::LocalTee, DIGIT);
    asm.emit(Op::Output, 0);
    asm.get(DIGIT);
    asm.constant(u32::from(b'\n'));
    asm.emit(Op::Ne, 0);
    // Each round takes one; the stack's depth here is known to the run alone.
    asm.jump_if(write);
    asm.return_from(begin);
}
