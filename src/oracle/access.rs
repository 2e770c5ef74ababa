//! Loads and stores.

use super::{Cell, State, byte_token};
use crate::machine::{Op, Symbol};

impl State<'_> {
    /// Whether not all bytes that an access wants are there.
    pub(super) fn is_beyond_memory(&self, op: Op, address: i64) -> bool {
        let size = self.pages.map(|pages| i64::from(pages) << 16);
        size.is_some_and(|size| address + i64::from(op.accesses()) > size)
    }

    pub(super) fn store(&mut self, address: i64, bytes: &[u8], tokens: &mut Vec<Symbol>) {
        for (at, &byte) in (address..).zip(bytes) {
            self.memory.write(at, byte);
            tokens.push(Symbol::Byte(byte));
        }
    }

    pub(super) fn load(&mut self, op: Op, address: i64, tokens: &mut Vec<Symbol>) {
        let byte = |i| self.memory.read(address + i);
        let half = u16::from_le_bytes([byte(0), byte(1)]);
        let (value, first_marked) = match op {
            Op::Load8U => (u32::from(byte(0)), 4),
            Op::Load8S => (i32::from(byte(0).cast_signed()).cast_unsigned(), 0),
            Op::Load16U => (u32::from(half), 4),
            Op::Load16S => (i32::from(half.cast_signed()).cast_unsigned(), 1),
            _ => (u32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)]), 4),
        };
        self.stack.push(Cell::Four(value));
        let negative = value.cast_signed() < 0;
        let marked = |i| negative && i >= first_marked;
        tokens
            .extend(value.to_le_bytes().iter().enumerate().map(|(i, &b)| byte_token(b, marked(i))));
    }
}
