//! What lies on the operand stack.

/// A value of the operand stack. The machine sees only tokens: an instruction on four bytes finds
/// the last four of a value of eight, which are its high ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Four bytes, as most instructions push them.
    Four(u32),
    /// Eight bytes.
    Eight(u64),
}

impl Cell {
    /// The last four bytes.
    pub fn last_four(self) -> u32 {
        match self {
            Cell::Four(value) => value,
            Cell::Eight(value) => (value >> 32) as u32,
        }
    }
}
