//! Bytes as decisions: how a target makes something of an input that is not a file itself.
//!
//! A byte is one decision wherever that suffices, and none is shared by two: so a changed byte
//! changes one thing, and what stands before it stays. When there are no more, every decision is
//! the first of its choices.

/// Bytes that have not been used yet.
pub struct Bytes<'a>(pub &'a [u8]);

impl Bytes<'_> {
    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&byte, rest)) => {
                self.0 = rest;
                byte
            }
            None => 0,
        }
    }

    /// The next four, as a number.
    pub fn word(&mut self) -> u32 {
        u32::from_le_bytes([0; 4].map(|_: u8| self.byte()))
    }

    /// A number below `n`, of as many bytes as that needs.
    pub fn below(&mut self, n: u64) -> u64 {
        let (mut number, mut reach) = (0, 1u64);
        while reach < n {
            number = number << 8 | u64::from(self.byte());
            reach = reach.saturating_mul(256);
        }
        number % n
    }

    /// One of several.
    pub fn choose<'c, T>(&mut self, among: &'c [T]) -> &'c T {
        &among[self.below(among.len() as u64) as usize]
    }

    /// Whether there are no more.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
