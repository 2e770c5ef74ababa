//! The numbers of the file format that reading and writing share.
//!
//! ```text
//! 1  six i32: V, D, L, H, F, stop token
//! 2  V names: u32 length, UTF-8
//! 3  f64 weights: embedding, layers, head
//! 4  i32 flag; if 1, per layer two counted lists of i32 slots
//! 5  i32 flag; if 1, L×H i32 tie-breaks
//! 6  i32 flag; if 1, L×H i32 head kinds
//! ```
//!
//! All little-endian. A file may end before 4, 5 or 6.

use super::head::{HeadKind, TieBreak};

pub(super) const INT_BYTES: usize = size_of::<i32>();
pub(super) const WEIGHT_BYTES: usize = size_of::<f64>();
pub(super) const HEADER_BYTES: usize = 6 * INT_BYTES;

/// The `i`-th integer of `bytes`.
pub(super) fn int_at(bytes: &[u8], i: usize) -> i32 {
    i32::from_le_bytes(bytes.as_chunks::<INT_BYTES>().0[i])
}

pub(super) fn tie_code(tie: TieBreak) -> i32 {
    match tie {
        TieBreak::Average => 0,
        TieBreak::Latest => 1,
    }
}

pub(super) fn tie_break(code: i32) -> Option<TieBreak> {
    match code {
        0 => Some(TieBreak::Average),
        1 => Some(TieBreak::Latest),
        _ => None,
    }
}

pub(super) fn kind_code(kind: HeadKind) -> i32 {
    match kind {
        HeadKind::Lookup => 0,
        HeadKind::Passthrough => 1,
        HeadKind::Gather => 2,
        HeadKind::Keyed => 3,
        HeadKind::Mean => 4,
    }
}

pub(super) fn head_kind(code: i32) -> Option<HeadKind> {
    match code {
        0 => Some(HeadKind::Lookup),
        1 => Some(HeadKind::Passthrough),
        2 => Some(HeadKind::Gather),
        3 => Some(HeadKind::Keyed),
        4 => Some(HeadKind::Mean),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_they_are_written() {
        let ties: Vec<i32> = (-2..9).filter_map(tie_break).map(tie_code).collect();
        assert_eq!(ties, [0, 1]);
        let kinds: Vec<i32> = (-2..9).filter_map(head_kind).map(kind_code).collect();
        assert_eq!(kinds, [0, 1, 2, 3, 4]);
    }
}
