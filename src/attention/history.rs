//! The tokens of all positions, for memories whose values depend on the token alone.
//!
//! Most heads that look up a position want to know which token stood there. What
//! they remember is a table from tokens to values and this list, which all of them share: two
//! bytes a position instead of some for each head. The list grows while heads read it,
//! so it is made of pieces that never move.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

const PIECE: usize = 1 << 16;

/// As many as hold all positions of 32 bits.
const PIECES: usize = 1 << 16;

/// A growing list of tokens.
#[derive(Debug)]
pub struct History {
    pieces: Box<[OnceLock<Box<[AtomicU16]>>]>,
}

impl Default for History {
    fn default() -> History {
        History { pieces: (0..PIECES).map(|_| OnceLock::new()).collect() }
    }
}

impl History {
    /// Sets the token of a position. Whoever reads it has to wait for that; before, it is 0.
    pub fn set(&self, position: u32, token: u16) {
        let piece = self.pieces[position as usize / PIECE]
            .get_or_init(|| (0..PIECE).map(|_| AtomicU16::new(0)).collect());
        piece[position as usize % PIECE].store(token, Relaxed);
    }

    /// The token of a position.
    #[inline]
    pub fn at(&self, position: u32) -> u16 {
        match self.pieces[position as usize / PIECE].get() {
            Some(piece) => piece[position as usize % PIECE].load(Relaxed),
            None => 0,
        }
    }

    /// Bytes of heap held.
    pub fn heap_bytes(&self) -> usize {
        let pieces = self.pieces.iter().filter(|piece| piece.get().is_some()).count();
        size_of_val(&*self.pieces) + pieces * PIECE * size_of::<AtomicU16>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_across_pieces() {
        let history = History::default();
        let positions = [0, 1, PIECE as u32 - 1, PIECE as u32, u32::MAX];
        for (position, token) in positions.into_iter().zip([7, 8, 9, 10, u16::MAX]) {
            history.set(position, token);
        }
        assert_eq!(positions.map(|position| history.at(position)), [7, 8, 9, 10, u16::MAX]);
        assert_eq!((history.at(2), history.at(1 << 20)), (0, 0));
        // These are three pieces of two bytes a position, and the list of all there may be.
        let list = PIECES * size_of::<OnceLock<Box<[AtomicU16]>>>();
        assert_eq!(History::default().heap_bytes(), list);
        assert_eq!(history.heap_bytes(), list + 3 * 131_072);
    }
}
