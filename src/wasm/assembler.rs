//! Instructions in a row, with labels for what is not yet placed.
//!
//! The assembler knows the height of the operand stack at the place of the next
//! instruction (each instruction says what it does to it) and improves what was
//! just emitted where the next instruction allows it:
//!
//! | emitted | becomes |
//! | --- | --- |
//! | `local.set x` `local.get x` | `local.tee x` |
//! | `local.tee x` `drop` | `local.set x` |
//! | a constant or `local.get`, `drop` | nothing |
//! | a comparison, `i32.eqz` | the opposite comparison |
//! | `i64.extend_i32_s` or `_u`, `i32.wrap_i64` | nothing |
//! | `i64.local.get x`, `i32.wrap_i64` | `local.get x` |
//! | `i32.const 32`, `i64.shr_u` or `_s`, `i32.wrap_i64` | nothing: see below |
//! | `i64.join`, `i64.local.set x` | `local.set x`, `local.set x+1` |
//!
//! An instruction on four bytes finds the last four of an operand, so that one of eight *is* its
//! high word for whatever takes an i32.
//!
//! No rewriting reaches across a label, for a jump may arrive there.
//! [`Assembler::link`] resolves the labels and shortens jumps to jumps.

use crate::machine::{End, Instruction, Op};

use super::error::{Result, WasmError};
use super::jumps::{distance, shorten};
use super::sites::{Mark, Site, Sites};
use super::types::Width;

/// A place in the code, known or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label(usize);

/// Instructions that a program may have. Its prompt is five times as many
/// tokens, and positions must stay far below 2^26 to be told apart by any means.
const MOST_INSTRUCTIONS: usize = 1 << 22;

/// Code that grows.
#[derive(Debug, Default)]
pub struct Assembler {
    code: Vec<Instruction>,
    /// Where each of them comes from.
    sites: Sites,
    /// Where each label is, once it is bound.
    labels: Vec<Option<usize>>,
    /// Instructions whose immediate is the way to a label.
    jumps: Vec<(usize, Label)>,
    /// The last place at which a label is bound.
    latest_label: usize,
    /// Operands on the stack here.
    pub(super) height: usize,
}

impl Assembler {
    /// The number of the next instruction.
    pub fn here(&self) -> usize {
        self.code.len()
    }

    /// Operands on the stack here.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Says how many operands are on the stack here, where no instruction does.
    pub fn set_height(&mut self, height: usize) {
        self.height = height;
    }

    /// A label that is bound later.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Places a label here.
    pub fn bind(&mut self, label: Label) {
        self.labels[label.0] = Some(self.here());
        self.latest_label = self.here();
    }

    /// Where a label is, if it is bound.
    pub fn place(&self, label: Label) -> Option<usize> {
        self.labels[label.0]
    }

    /// Says where all that follows comes from.
    pub fn set_site(&mut self, site: Site) {
        self.sites.set(site);
    }

    /// Where what follows comes from.
    pub fn site(&self) -> Site {
        self.sites.current()
    }

    /// Traps, for a reason.
    pub fn trap(&mut self, mark: Mark) {
        self.count(Op::Unreachable);
        self.code.push(Instruction::new(Op::Unreachable, 0));
        self.sites.push(Some(mark));
    }

    fn push(&mut self, instruction: Instruction) {
        self.code.push(instruction);
        self.sites.push(None);
    }

    pub(super) fn pop(&mut self) {
        if self.code.pop().is_some() {
            self.sites.pop();
        }
    }

    /// Appends an instruction, or does the same by less.
    pub fn emit(&mut self, op: Op, immediate: u32) {
        self.count(op);
        let last = self.last();
        match (last.map(|i| i.op), op) {
            (Some(Op::LocalSet), Op::LocalGet) if last.map(|i| i.immediate) == Some(immediate) => {
                self.replace_last(Op::LocalTee);
            }
            (Some(Op::LocalSet64), Op::LocalGet64)
                if last.map(|i| i.immediate) == Some(immediate) =>
            {
                self.replace_last(Op::LocalTee64);
            }
            (Some(Op::LocalTee), Op::Drop) => self.replace_last(Op::LocalSet),
            (Some(Op::LocalTee64), Op::Drop) => self.replace_last(Op::LocalSet64),
            (Some(Op::Const | Op::LocalGet | Op::LocalGet64), Op::Drop) => self.pop(),
            (Some(Op::ExtendS | Op::ExtendU), Op::Wrap) => self.pop(),
            (Some(Op::LocalGet64), Op::Wrap) => self.replace_last(Op::LocalGet),
            (Some(Op::ShrU64 | Op::ShrS64), Op::Wrap) if self.last_takes() == Some(32) => {
                self.pop();
                self.pop();
                self.get_word_of_last();
            }
            (Some(Op::And), Op::Output | Op::Store8 | Op::Store16) if self.keeps_bytes_of(op) => {
                self.pop();
                self.pop();
                self.push(Instruction::new(op, immediate));
            }
            (Some(Op::Join), Op::LocalSet64) => {
                self.replace_last(Op::LocalSet);
                if let Some(last) = self.code.last_mut() {
                    last.immediate = immediate;
                }
                self.push(Instruction::new(Op::LocalSet, immediate + 1));
            }
            (Some(test), Op::Eqz) if opposite(test).is_some() => {
                opposite(test).into_iter().for_each(|op| self.replace_last(op));
            }
            _ => self.push(Instruction::new(op, immediate)),
        }
    }

    /// The constant that the last instruction takes, if it takes one and no label lies before it.
    fn last_takes(&self) -> Option<u32> {
        let before = self.last_but(1)?;
        (before.op == Op::Const).then_some(before.immediate)
    }

    /// Whether the last instruction, an `i32.and`, leaves the bytes as they are that `op` writes.
    fn keeps_bytes_of(&self, op: Op) -> bool {
        let bits = if op == Op::Store16 { 0xffff } else { 0xff };
        self.last_takes().is_some_and(|mask| mask & bits == bits)
    }

    /// A local that was just pushed for its high word alone: that word is pushed.
    fn get_word_of_last(&mut self) {
        if let Some(Instruction { op: Op::LocalGet64, immediate }) = self.last() {
            self.pop();
            self.push(Instruction::new(Op::LocalGet, immediate + 1));
        }
    }

    /// `i32.const`.
    pub fn constant(&mut self, value: u32) {
        self.emit(Op::Const, value);
    }

    /// `local.get`.
    pub fn get(&mut self, local: u32) {
        self.emit(Op::LocalGet, local);
    }

    /// `local.set`.
    pub fn set(&mut self, local: u32) {
        self.emit(Op::LocalSet, local);
    }

    /// Emits instructions in a row.
    pub fn emit_all(&mut self, instructions: &[(Op, u32)]) {
        for &(op, immediate) in instructions {
            self.emit(op, immediate);
        }
    }

    /// A constant of eight bytes.
    pub fn constant_64(&mut self, value: u64) {
        let signed = value.cast_signed();
        if let Ok(value) = u32::try_from(value) {
            self.emit_all(&[(Op::Const, value), (Op::ExtendU, 0)]);
        } else if let Ok(value) = i32::try_from(signed) {
            self.emit_all(&[(Op::Const, value.cast_unsigned()), (Op::ExtendS, 0)]);
        } else {
            self.emit_all(&[(Op::Const, (value >> 32) as u32), (Op::Const, value as u32)]);
            self.emit(Op::Join, 0);
        }
    }

    /// A constant of this width, of its bits.
    pub fn constant_as(&mut self, width: Width, bits: u64) {
        match width {
            Width::Four => self.constant(bits as u32),
            Width::Eight => self.constant_64(bits),
        }
    }

    /// `local.get` of a value of this width.
    pub fn get_as(&mut self, width: Width, local: u32) {
        self.emit(width.of(Op::LocalGet), local);
    }

    /// `local.set` of a value of this width.
    pub fn set_as(&mut self, width: Width, local: u32) {
        self.emit(width.of(Op::LocalSet), local);
    }

    /// Jumps.
    pub fn jump(&mut self, label: Label) {
        self.jump_by(Op::Br, label);
    }

    /// Pops a condition and jumps when it is not 0. `x = 0` is not computed to be
    /// tested: jumping around a jump costs six or seven tokens, `i32.eqz` with its
    /// `br_if` six to eleven.
    pub fn jump_if(&mut self, label: Label) {
        if self.last().is_some_and(|last| last.op == Op::Eqz) {
            self.pop();
            self.jump_unless_raw(label);
        } else {
            self.jump_by(Op::BrIf, label);
        }
    }

    /// Pops a condition and jumps when it is 0.
    pub fn jump_unless(&mut self, label: Label) {
        match self.last().map(|last| last.op) {
            Some(Op::Eqz) => {
                self.pop();
                self.jump_by(Op::BrIf, label);
            }
            Some(test) if opposite(test).is_some() => {
                opposite(test).into_iter().for_each(|op| self.replace_last(op));
                self.jump_by(Op::BrIf, label);
            }
            _ => self.jump_unless_raw(label),
        }
    }

    fn jump_unless_raw(&mut self, label: Label) {
        let on = self.label();
        self.jump_by(Op::BrIf, on);
        self.jump(label);
        self.bind(on);
    }

    /// Calls code that takes `takes` operands and leaves `gives`.
    pub fn call(&mut self, label: Label, takes: usize, gives: usize) {
        self.jump_by(Op::Call, label);
        self.height = self.height + gives - takes;
    }

    /// Returns from a routine whose first instruction is `begin`.
    pub fn return_from(&mut self, begin: usize) {
        let distance = (self.here() - begin) as u32;
        self.emit(Op::Return, !distance);
    }

    /// The instruction before, if nothing can jump behind it.
    pub(super) fn last(&self) -> Option<Instruction> {
        self.last_but(0)
    }

    /// The one so many before that, if nothing can jump behind any of them.
    pub(super) fn last_but(&self, before: usize) -> Option<Instruction> {
        let at = self.here().checked_sub(before + 1)?;
        (self.latest_label <= at).then(|| self.code[at])
    }

    pub(super) fn replace_last(&mut self, op: Op) {
        if let Some(last) = self.code.last_mut() {
            last.op = op;
        }
    }

    fn jump_by(&mut self, op: Op, label: Label) {
        self.jumps.push((self.here(), label));
        self.count(op);
        self.push(Instruction::new(op, 0));
    }

    fn count(&mut self, op: Op) {
        let change = match op.end() {
            End::Commit { depth, .. } => isize::from(depth),
            End::Output | End::Memory => -1,
            End::Call | End::Return | End::Halt | End::Trap => 0,
        };
        self.height = self.height.checked_add_signed(change).expect("validated code keeps a stack");
    }

    /// Whether there are too many instructions. Whoever emits asks after every instruction of a
    /// module, branch and routine: what any of them becomes is in proportion to what is there already.
    pub fn check_size(&self) -> Result<()> {
        if self.code.len() > MOST_INSTRUCTIONS {
            return Err(WasmError::TooLarge { limit: MOST_INSTRUCTIONS });
        }
        Ok(())
    }

    /// The finished code, and where each instruction comes from.
    pub fn link(mut self) -> Result<(Vec<Instruction>, Sites)> {
        self.check_size()?;
        for &(at, label) in &self.jumps {
            let target = self.place(label).expect("a label that is jumped to is bound");
            self.code[at].immediate = distance(at, target);
        }
        for &(at, _) in &self.jumps {
            shorten(&mut self.code, at);
        }
        Ok((self.code, self.sites))
    }
}

/// The comparison that is true where this one is false.
fn opposite(test: Op) -> Option<Op> {
    let opposite = match test.narrow() {
        Op::Eq => Op::Ne,
        Op::Ne => Op::Eq,
        Op::LtS => Op::GeS,
        Op::LtU => Op::GeU,
        Op::GtS => Op::LeS,
        Op::GtU => Op::LeU,
        Op::LeS => Op::GtS,
        Op::LeU => Op::GtU,
        Op::GeS => Op::LtS,
        Op::GeU => Op::LtU,
        _ => return None,
    };
    Some(if test == test.narrow() { opposite } else { opposite.wide() })
}
