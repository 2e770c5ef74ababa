//! What was just pushed is taken back while a program is compiled: whoever wants an operand in a local, or by its
//! words, need not write it to one if that is where it comes from.

use super::assembler::Assembler;
use super::types::Width;
use crate::machine::{Instruction, Op};

/// Four bytes that can be pushed at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// A local that does not change meanwhile.
    Local(u32),
    /// A constant.
    Constant(u32),
}

/// The words of eight bytes, the low one first.
pub type Words = [Word; 2];

impl Word {
    /// Emits what pushes it.
    pub fn push(self, asm: &mut Assembler) {
        match self {
            Word::Local(local) => asm.get(local),
            Word::Constant(value) => asm.constant(value),
        }
    }
}

impl Assembler {
    /// Takes the top from the stack into a local, and says which: `scratch`, or
    /// the local that the top was just read from or copied to.
    pub fn pop_to_local(&mut self, scratch: u32) -> u32 {
        self.pop_to_local_as(Width::Four, scratch)
    }

    /// The same for a value of any width; `scratch` is the first word of a local of that width.
    pub fn pop_to_local_as(&mut self, width: Width, scratch: u32) -> u32 {
        let [get, set, tee] = [Op::LocalGet, Op::LocalSet, Op::LocalTee].map(|op| width.of(op));
        match self.last() {
            Some(Instruction { op, immediate }) if op == get => {
                self.take(1);
                immediate
            }
            Some(Instruction { op, immediate }) if op == tee => {
                self.replace_last(set);
                self.height -= 1;
                immediate
            }
            _ => {
                self.set_as(width, scratch);
                scratch
            }
        }
    }

    /// Takes the top from the stack at compile time, if it is a constant.
    pub fn pop_constant(&mut self) -> Option<u32> {
        let constant = self.last().filter(|last| last.op == Op::Const)?;
        self.take(1);
        Some(constant.immediate)
    }

    /// The same for a constant of eight bytes.
    pub fn pop_constant_64(&mut self) -> Option<u64> {
        let constant = |before: usize| {
            self.last_but(before).filter(|it| it.op == Op::Const).map(|it| it.immediate)
        };
        let (value, instructions) = match self.last()?.op {
            Op::ExtendU => (u64::from(constant(1)?), 2),
            Op::ExtendS => (i64::from(constant(1)?.cast_signed()).cast_unsigned(), 2),
            Op::Join => (u64::from(constant(2)?) << 32 | u64::from(constant(1)?), 3),
            _ => return None,
        };
        self.take(instructions);
        Some(value)
    }

    /// Takes the top, eight bytes, from the stack at compile time, if its words can be pushed as
    /// well one by one.
    pub fn pop_words(&mut self) -> Option<Words> {
        if let Some(value) = self.pop_constant_64() {
            return Some([value, value >> 32].map(|half| Word::Constant(half as u32)));
        }
        let last = self.last()?;
        match (last.op, self.last_but(1).map(|before| (before.op, before.immediate))) {
            (Op::LocalGet64, _) => {
                self.take(1);
                Some([last.immediate, last.immediate + 1].map(Word::Local))
            }
            (Op::ExtendU, Some((Op::LocalGet, local))) => {
                self.take(2);
                Some([Word::Local(local), Word::Constant(0)])
            }
            _ => None,
        }
    }

    /// Forgets the last instructions, which pushed one operand.
    fn take(&mut self, instructions: usize) {
        (0..instructions).for_each(|_| self.pop());
        self.height -= 1;
    }
}
