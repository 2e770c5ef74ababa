//! Instructions on values of eight bytes, each straight from its definition.

use super::memory::GLOBALS;
use super::{Cell, OracleError, State, add_bytes, holds, subtract_bytes, trap};
use crate::machine::{Instruction, Op, Symbol};

impl State<'_> {
    /// Runs an instruction that takes or gives eight bytes, and appends its byte tokens.
    pub(super) fn step_wide(&mut self, tokens: &mut Vec<Symbol>) -> Result<(), OracleError> {
        let Instruction { op, immediate } = self.code[self.pc];
        let local = u64::from(immediate);
        match op {
            Op::LocalGet64 => {
                let (low, high) = (self.local(local), self.local(local + 1));
                self.push_wide(join(low, high), tokens);
            }
            Op::LocalSet64 | Op::LocalTee64 => {
                let value = self.pop_wide()?;
                let depth = self.calls.len();
                self.locals.insert((depth, local), value as u32);
                self.locals.insert((depth, local + 1), (value >> 32) as u32);
                if op == Op::LocalTee64 {
                    self.stack.push(Cell::Eight(value));
                }
                tokens.extend(value.to_le_bytes().map(Symbol::Byte));
            }
            Op::Load64 => {
                let address = i64::from(self.pop()?) + i64::from(immediate);
                if self.is_beyond_memory(op, address) {
                    trap(tokens);
                } else {
                    self.load_wide(address, tokens);
                }
            }
            Op::Store64 => {
                let value = self.pop_wide()?;
                let address = i64::from(self.pop()?) + i64::from(immediate);
                if self.is_beyond_memory(op, address) {
                    trap(tokens);
                } else {
                    self.store(address, &value.to_le_bytes(), tokens);
                }
            }
            Op::GlobalGet64 => self.load_wide(i64::from(immediate) + GLOBALS, tokens),
            Op::GlobalSet64 => {
                let value = self.pop_wide()?;
                self.store(i64::from(immediate) + GLOBALS, &value.to_le_bytes(), tokens);
            }
            Op::Select64 => {
                let (condition, second, first) = (self.pop()?, self.pop_wide()?, self.pop_wide()?);
                self.push_wide(if condition != 0 { first } else { second }, tokens);
            }
            Op::Shl64 | Op::ShrU64 | Op::ShrS64 | Op::Rotl64 | Op::Rotr64 => {
                let (count, a) = (self.pop()? % 64, self.pop_wide()?);
                let shifted = match op {
                    Op::Shl64 => a << count,
                    Op::ShrU64 => a >> count,
                    Op::ShrS64 => (a.cast_signed() >> count).cast_unsigned(),
                    Op::Rotl64 => a.rotate_left(count),
                    _ => a.rotate_right(count),
                };
                self.push_wide(shifted, tokens);
            }
            Op::Eqz64 => {
                let a = self.pop_wide()?;
                self.push(u32::from(a == 0), tokens);
            }
            Op::Wrap => {
                let a = self.pop_wide()?;
                self.push(a as u32, tokens);
            }
            Op::ExtendU => {
                let a = self.pop()?;
                self.push_wide(u64::from(a), tokens);
            }
            Op::ExtendS => {
                let a = self.pop()?;
                self.push_wide(i64::from(a.cast_signed()).cast_unsigned(), tokens);
            }
            Op::Join => {
                let (low, high) = (self.pop()?, self.pop()?);
                self.push_wide(join(low, high), tokens);
            }
            _ => {
                let (b, a) = (self.pop_wide()?, self.pop_wide()?);
                self.binary_wide(op, a, b, tokens);
            }
        }
        Ok(())
    }

    fn binary_wide(&mut self, op: Op, a: u64, b: u64, tokens: &mut Vec<Symbol>) {
        match op {
            Op::Add64 => {
                self.stack.push(Cell::Eight(a.wrapping_add(b)));
                tokens.extend(add_bytes(a, b, 8));
            }
            Op::Sub64 => {
                self.stack.push(Cell::Eight(a.wrapping_sub(b)));
                tokens.extend(subtract_bytes(a, b, 8));
            }
            Op::And64 => self.push_wide(a & b, tokens),
            Op::Or64 => self.push_wide(a | b, tokens),
            Op::Xor64 => self.push_wide(a ^ b, tokens),
            _ => {
                let signed = a.cast_signed().cmp(&b.cast_signed());
                self.push(u32::from(holds(op, a.cmp(&b), signed)), tokens);
            }
        }
    }

    fn load_wide(&mut self, address: i64, tokens: &mut Vec<Symbol>) {
        let bytes = [0, 1, 2, 3, 4, 5, 6, 7].map(|i| self.memory.read(address + i));
        self.push_wide(u64::from_le_bytes(bytes), tokens);
    }

    fn push_wide(&mut self, value: u64, tokens: &mut Vec<Symbol>) {
        self.stack.push(Cell::Eight(value));
        tokens.extend(value.to_le_bytes().map(Symbol::Byte));
    }

    fn pop_wide(&mut self) -> Result<u64, OracleError> {
        let (pc, op) = (self.pc, self.code[self.pc].op.name());
        match self.pop_cell()? {
            Cell::Eight(value) => Ok(value),
            Cell::Four(_) => Err(OracleError::FourBytes { pc, op }),
        }
    }
}

fn join(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}
