//! `i64.mul`, of products of words: the machine multiplies two words, and gives the upper half of the product that it
//! gave the lower half of last.
//!
//! ```text
//! a * b = a0*b0 + ((a1*b0 + a0*b1) << 32)        modulo 2^64
//! ```
//!
//! A factor that is a constant, a local, or a word that was extended has its words where they are; and a product with
//! a word that is 0 is left out.

use super::assembler::Assembler;
use super::operands::{Word, Words};
use super::types::Width;
use crate::machine::Op;

const ZERO: Word = Word::Constant(0);

/// Replaces two factors by their product; `scratch` are five words of locals that may change.
pub fn multiply(asm: &mut Assembler, scratch: u32) {
    let b = words(asm, scratch);
    // Where the words of the first are nowhere, its high word is on the stack: the last four of its bytes.
    let a = asm.pop_words();
    let (a, mut terms) = match a {
        Some(a) => (a, 0),
        None => {
            let local = scratch + 2;
            asm.emit(Op::LocalTee64, local);
            b[0].push(asm);
            asm.emit(Op::Mul, 0);
            ([local, local + 1].map(Word::Local), 1)
        }
    };
    let crossed = [(a[1], b[0]), (a[0], b[1])];
    for (x, y) in crossed.into_iter().skip(terms) {
        if x == ZERO || y == ZERO {
            continue;
        }
        product(asm, Op::Mul, x, y);
        if terms > 0 {
            asm.emit(Op::Add, 0);
        }
        terms += 1;
    }
    product(asm, Op::Mul, a[0], b[0]);
    let low = scratch + 4;
    asm.set(low);
    product(asm, Op::MulHigh, a[0], b[0]);
    if terms > 0 {
        asm.emit(Op::Add, 0);
    }
    asm.get(low);
    asm.emit(Op::Join, 0);
}

fn product(asm: &mut Assembler, op: Op, x: Word, y: Word) {
    x.push(asm);
    y.push(asm);
    asm.emit(op, 0);
}

/// Takes the top from the stack, and says where its words are.
fn words(asm: &mut Assembler, scratch: u32) -> Words {
    asm.pop_words().unwrap_or_else(|| {
        let local = asm.pop_to_local_as(Width::Eight, scratch);
        [local, local + 1].map(Word::Local)
    })
}
