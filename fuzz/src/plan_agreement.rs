//! Plans against the reference: where a plan is neither refused nor breaks, each of its
//! predictions is that of the reference, by kinds and, as far as that is claimed, by hulls.
//!
//! The bytes decide on the motifs of a model, then on changes of single weights, ties, kinds and
//! cleared slots, and then on a history.

use hardmax::model::{HeadKind, TieBreak};

#[allow(dead_code, reason = "shared with tests that use all of it")]
#[path = "../../tests/plan/by_hand.rs"]
mod by_hand;
#[allow(dead_code, reason = "shared with tests that use all of it")]
#[path = "../../tests/plan/motifs.rs"]
mod motifs;
#[allow(dead_code, reason = "shared with tests that use all of it")]
#[path = "../../tests/plan/verdict.rs"]
mod verdict;

use super::bytes::Bytes;
use by_hand::{A, F, Hand};
use motifs::{Choices, HOSTILE};
use verdict::Verdict;

/// Heads of each layer.
const HEADS: u64 = 5;

impl Choices for Bytes<'_> {
    fn below(&mut self, n: u64) -> u64 {
        Bytes::below(self, n)
    }
}

/// The bytes are decisions. Whether the plan predicted anything.
pub fn check(data: &[u8]) -> bool {
    let mut bytes = Bytes(data);
    let mut hand = motifs::model(&mut bytes);
    for _ in 0..bytes.below(6) {
        change(&mut hand, &mut bytes);
    }
    let model = hand.model();
    let vocabulary = model.shape().vocabulary as u64;
    let rounds = *bytes.choose(&[1, 1, 1, 6]);
    let mut once = Vec::new();
    while once.is_empty() || !bytes.is_empty() && once.len() < 80 {
        once.push(bytes.below(vocabulary) as u32);
    }
    // Token 0 opens, and hardly ever twice.
    let history: Vec<u32> = std::iter::once(0).chain(once.repeat(rounds)).collect();
    let none = hand.without_kinds().model();
    matches!(verdict::never_differ(&model, &none, &history), Verdict::Agrees { .. })
}

/// Something that no motif does.
fn change(hand: &mut Hand, bytes: &mut Bytes) {
    let layers = hand.model().shape().layers as u64;
    let at = [bytes.below(layers) as usize, bytes.below(HEADS) as usize];
    match bytes.below(6) {
        0 => drop(hand.tie(at, *bytes.choose(&[TieBreak::Average, TieBreak::Latest]))),
        1 => {
            let kinds = [
                HeadKind::Lookup,
                HeadKind::Keyed,
                HeadKind::Gather,
                HeadKind::Mean,
                HeadKind::Passthrough,
            ];
            hand.kind(at, *bytes.choose(&kinds));
        }
        2 => {
            let slot = A + bytes.below((F - A + 1) as u64) as usize;
            hand.clear(at[0], slot);
        }
        3 => {
            let to = weight(bytes);
            hand.change(bytes.below(256) as usize, to);
        }
        _ => {
            let matrix = bytes.below(16) as usize;
            let place = bytes.below(1 << 16) as usize;
            hand.set(matrix, place, weight(bytes));
        }
    }
}

/// A small whole number, a hostile one, or a power of two up to 2^62.
fn weight(bytes: &mut Bytes) -> f64 {
    let sign = if bytes.below(2) == 0 { 1.0 } else { -1.0 };
    sign * match bytes.below(4) {
        0 => bytes.below(8) as f64,
        1 => bytes.below(256) as f64 / 8.0,
        2 => *bytes.choose(&HOSTILE),
        _ => 2f64.powi(26 + bytes.below(37) as i32) + bytes.below(4) as f64,
    }
}
