//! `i32.clz`, `i32.ctz`, `i64.popcnt`, `extend8_s` and `extend16_s`, which the machine does not
//! have: programs use them so seldom that they are not worth what a
//! native instruction costs, for the model computes everything it can for every
//! token. They are a few native instructions in place.
//!
//! ```text
//! extend8_s(x)  = (x << 24) >> 24, the second shift with the sign
//! extend16_s(x) = (x << 16) >> 16
//! ctz(x)        = popcnt(~x & (x - 1)): the zeros below the lowest one
//! clz(x)        = popcnt(~smear(x)), where smear sets all bits below the highest one
//! ```

use super::assembler::Assembler;
use super::types::Width;
use crate::machine::Op;

/// Replaces the top by its low bits, as many as `bits` says, with their sign.
pub fn extend(asm: &mut Assembler, width: Width, bits: u32) {
    for shift in [Op::Shl, Op::ShrS] {
        asm.constant(32 * width.words() - bits);
        asm.emit(width.of(shift), 0);
    }
}

/// Replaces the top, of eight bytes, by the number of its bits that are 1; `scratch` are two words
/// of locals that may change.
pub fn popcnt_64(asm: &mut Assembler, scratch: u32) {
    let x = asm.pop_to_local_as(Width::Eight, scratch);
    asm.emit_all(&[(Op::LocalGet, x), (Op::Popcnt, 0), (Op::LocalGet, x + 1), (Op::Popcnt, 0)]);
    asm.emit_all(&[(Op::Add, 0), (Op::ExtendU, 0)]);
}

/// Replaces the top by the number of its trailing zeros; `scratch` is a local
/// that may change.
pub fn ctz(asm: &mut Assembler, scratch: u32) {
    let x = asm.pop_to_local(scratch);
    asm.get(x);
    invert(asm);
    asm.get(x);
    asm.constant(1);
    asm.emit(Op::Sub, 0);
    asm.emit(Op::And, 0);
    asm.emit(Op::Popcnt, 0);
}

/// Replaces the top by the number of its leading zeros; `scratch` is a local that
/// may change.
pub fn clz(asm: &mut Assembler, scratch: u32) {
    // The operand's own local may be one of the function's, which must not change.
    let mut x = asm.pop_to_local(scratch);
    for distance in [1, 2, 4, 8, 16] {
        asm.get(x);
        asm.get(x);
        asm.constant(distance);
        asm.emit(Op::ShrU, 0);
        asm.emit(Op::Or, 0);
        if distance < 16 {
            asm.set(scratch);
            x = scratch;
        }
    }
    invert(asm);
    asm.emit(Op::Popcnt, 0);
}

fn invert(asm: &mut Assembler) {
    asm.constant(u32::MAX);
    asm.emit(Op::Xor, 0);
}
