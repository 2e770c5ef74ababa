//! `i32.div_s` and `i32.rem_s`, which the machine does not have. This file is all
//! that a native version would replace.
//!
//! Where neither operand is negative the unsigned instruction gives the result:
//! that is tested inline, and for a positive constant divisor only the dividend
//! needs a test. The other signs are a call of a shared routine, placed out of the
//! way, so that the common case costs no jump. A divisor of 0 traps in the
//! unsigned instruction, on either way.
//!
//! With s = x >> 31 (0 or -1), |x| = (x ^ s) - s, and the sign goes back on in the
//! same way. The quotient -2^31 / -1 = 2^31 is the only one that is negative as a
//! word although its sign is not: it traps.

use super::assembler::{Assembler, Label};
use super::compiler::{Compiler, Routine};
use crate::machine::Op;

const A: u32 = 0;
const B: u32 = 1;
const SIGN_A: u32 = 2;
const SIGN_B: u32 = 3;

/// A division whose operands are not what the inline code can do.
#[derive(Debug)]
pub struct SlowDivision {
    routine: Routine,
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
    SlowDivision { routine, begin, end, a, b }
}

impl SlowDivision {
    /// The call, and the way back.
    pub fn emit(self, compiler: &mut Compiler) {
        compiler.asm.bind(self.begin);
        compiler.asm.get(self.a);
        self.b.push(&mut compiler.asm);
        compiler.call(self.routine, 2, 1);
        compiler.asm.jump(self.end);
    }
}

/// The routine of `i32.div_s`.
pub fn div_s(asm: &mut Assembler) {
    let (begin, fine) = (asm.here(), asm.label());
    absolute_values(asm);
    asm.emit(Op::DivU, 0);
    asm.get(SIGN_A);
    asm.get(SIGN_B);
    asm.emit(Op::Xor, 0);
    asm.emit(Op::LocalTee, SIGN_A);
    with_sign(asm);
    asm.emit(Op::LocalTee, A);
    asm.constant(0);
    asm.emit(Op::GeS, 0);
    asm.get(SIGN_A);
    asm.emit(Op::Or, 0);
    asm.jump_if(fine);
    asm.emit(Op::Unreachable, 0);
    asm.bind(fine);
    asm.get(A);
    asm.return_from(begin);
}

/// The routine of `i32.rem_s`: the remainder has the dividend's sign.
pub fn rem_s(asm: &mut Assembler) {
    let begin = asm.here();
    absolute_values(asm);
    asm.emit(Op::RemU, 0);
    asm.get(SIGN_A);
    with_sign(asm);
    asm.return_from(begin);
}

/// a b -> |a| |b|, and the signs as 0 or -1 in their locals.
fn absolute_values(asm: &mut Assembler) {
    asm.set_height(2);
    asm.set(B);
    asm.set(A);
    for (value, sign) in [(A, SIGN_A), (B, SIGN_B)] {
        asm.get(value);
        asm.get(value);
        asm.constant(31);
        asm.emit(Op::ShrS, 0);
        asm.emit(Op::LocalTee, sign);
        asm.emit(Op::Xor, 0);
        asm.get(sign);
        asm.emit(Op::Sub, 0);
    }
}

/// x s -> (x ^ s) - s; the sign is also in its local.
fn with_sign(asm: &mut Assembler) {
    asm.emit(Op::Xor, 0);
    asm.get(SIGN_A);
    asm.emit(Op::Sub, 0);
}
