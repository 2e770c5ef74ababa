//! Jumps between instructions that are all placed.

use crate::machine::{Instruction, Op};

/// Jumps to jumps are followed this far; a circle has no end.
const MOST_HOPS: usize = 32;

/// The immediate of a jump from `at` to `target`.
pub fn distance(at: usize, target: usize) -> u32 {
    (target as u32).wrapping_sub(at as u32 + 1)
}

/// Leads a jump that arrives at a jump to where that one goes, and a jump to a
/// `return` becomes that return: its immediate says where the routine begins.
pub fn shorten(code: &mut [Instruction], at: usize) {
    let target = |from: usize, code: &[Instruction]| {
        (from as u32 + 1).wrapping_add(code[from].immediate) as usize
    };
    if code[at].op == Op::Call {
        return;
    }
    for _ in 0..MOST_HOPS {
        let there = target(at, code);
        match code[there].op {
            Op::Br => code[at].immediate = distance(at, target(there, code)),
            Op::Return if code[at].op == Op::Br => {
                let begin = there as u32 - !code[there].immediate;
                code[at] = Instruction::new(Op::Return, !(at as u32 - begin));
                return;
            }
            _ => return,
        }
    }
}
