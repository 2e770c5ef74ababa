//! `i32.div_s` and `i32.rem_s`, which the machine does not have. This file is all
//! that a native version would replace.
//!
//! Where neither operand is negative the unsigned instruction gives the result:
//! that is tested inline, and for a positive constant divisor only the dividend
//! needs a test. The other signs are a call of a shared routine, placed out of the
//! way, so that the common case costs no jump. A divisor of 0 traps in the
//! unsigned instruction, on either way.
//!
//! The routines negate what is negative, divide, and negate the result where its
//! sign asks for it; words wrap, so -2^31 needs no case of its own but one: the
//! quotient -2^31 / -1 = 2^31 is negative as a word although no sign asks for that,
//! and traps.

use super::assembler::{Assembler, Label};
use super::compiler::{Compiler, Routine};
use super::sites::{Mark, Site};
use crate::machine::Op;

const A: u32 = 0;
const B: u32 = 1;

/// A division whose operands are not what the inline code can do.
#[derive(Debug)]
pub struct SlowDivision {
    routine: Routine,
    /// Of the instruction.
    site: Site,
    begin: Label,
    end: Label,
    a: u32,
    b: Operand,
}

/// A divisor.
#[derive(Clone, Copy, Debug)]
enum Operand {
    Local(u32),
    Constant(u32),
}

impl Operand {
    fn push(self, asm: &mut Assembler) {
        match self {
            Operand::Local(local) => asm.get(local),
            Operand::Constant(value) => asm.constant(value),
        }
    }
}

/// Emits a signed division or remainder; `scratch` are two locals that may change.
/// The slow part must be emitted later, where nothing runs into it.
pub fn divide(asm: &mut Assembler, routine: Routine, scratch: [u32; 2]) -> SlowDivision {
    let b = match asm.pop_constant() {
        Some(value) => Operand::Constant(value),
        None => Operand::Local(asm.pop_to_local(scratch[1])),
    };
    let a = asm.pop_to_local(scratch[0]);
    let (begin, end) = (asm.label(), asm.label());
    asm.get(a);
    match b {
        Operand::Constant(value) if value.cast_signed() > 0 => {}
        _ => {
            b.push(asm);
            asm.emit(Op::Or, 0);
        }
    }
    asm.constant(0);
    asm.emit(Op::LtS, 0);
    asm.jump_if(begin);
    asm.get(a);
    b.push(asm);
    asm.emit(if routine == Routine::DivS { Op::DivU } else { Op::RemU }, 0);
    asm.bind(end);
    SlowDivision { routine, site: asm.site().behind(), begin, end, a, b }
}

impl SlowDivision {
    /// The call, and the way back.
    pub fn emit(self, compiler: &mut Compiler) {
        compiler.asm.bind(self.begin);
        compiler.asm.set_site(self.site);
        compiler.asm.get(self.a);
        self.b.push(&mut compiler.asm);
        compiler.call(self.routine, 2, 1);
        compiler.asm.jump(self.end);
    }
}

/// The routine of `i32.div_s`. One operand at least is negative.
pub fn div_s(asm: &mut Assembler) {
    let (begin, b_negative, both, trap) = (asm.here(), asm.label(), asm.label(), asm.label());
    take_operands(asm);
    jump_if_negative(asm, B, b_negative);
    asm.constant(0);
    push_negated(asm, A);
    asm.get(B);
    asm.emit(Op::DivU, 0);
    asm.emit(Op::Sub, 0);
    asm.return_from(begin);

    asm.bind(b_negative);
    asm.set_height(0);
    jump_if_negative(asm, A, both);
    asm.constant(0);
    asm.get(A);
    push_negated(asm, B);
    asm.emit(Op::DivU, 0);
    asm.emit(Op::Sub, 0);
    asm.return_from(begin);

    asm.bind(both);
    asm.set_height(0);
    push_negated(asm, A);
    push_negated(asm, B);
    asm.emit(Op::DivU, 0);
    asm.emit(Op::LocalTee, A);
    jump_if_negative(asm, A, trap);
    asm.return_from(begin);
    asm.bind(trap);
    asm.trap(Mark::Overflow);
}

/// The routine of `i32.rem_s`: the remainder has the dividend's sign.
pub fn rem_s(asm: &mut Assembler) {
    let (begin, b_positive, a_negative) = (asm.here(), asm.label(), asm.label());
    take_operands(asm);
    asm.get(B);
    asm.constant(0);
    asm.emit(Op::GeS, 0);
    asm.jump_if(b_positive);
    push_negated(asm, B);
    asm.set(B);
    asm.bind(b_positive);
    jump_if_negative(asm, A, a_negative);
    asm.get(A);
    asm.get(B);
    asm.emit(Op::RemU, 0);
    asm.return_from(begin);

    asm.bind(a_negative);
    asm.set_height(0);
    asm.constant(0);
    push_negated(asm, A);
    asm.get(B);
    asm.emit(Op::RemU, 0);
    asm.emit(Op::Sub, 0);
    asm.return_from(begin);
}

fn take_operands(asm: &mut Assembler) {
    asm.set_height(2);
    asm.set(B);
    asm.set(A);
}

fn jump_if_negative(asm: &mut Assembler, local: u32, label: Label) {
    asm.get(local);
    asm.constant(0);
    asm.emit(Op::LtS, 0);
    asm.jump_if(label);
}

fn push_negated(asm: &mut Assembler, local: u32) {
    asm.constant(0);
    asm.get(local);
    asm.emit(Op::Sub, 0);
}
