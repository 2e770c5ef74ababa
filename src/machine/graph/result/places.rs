//! The bytes that an instruction asks for: up to four, wherever they lie.
//!
//! Each family of instructions says at which positions, and 0, which reads as 0,
//! where it asks for nothing. The first two come by bits, the others as a byte;
//! the fourth may be a digit instead. The first is only nearly whole, for so is the
//! place of an immediate.

use crate::graph::range::LONGEST;
use crate::graph::{Graph, Linear, Value};
use crate::machine::graph::features::{self, Token};

/// Four positions, to which every family adds its own.
pub type Places = [Linear; 4];

/// What lies there.
pub struct Found {
    /// The bits of the first two bytes, the lowest first.
    pub bits: [[Value; 8]; 2],
    /// The third byte.
    pub third: Value,
    /// The fourth byte.
    pub fourth: Value,
    /// The fourth digit.
    pub digit: Value,
}

impl Found {
    /// All four bytes.
    pub fn bytes(&self) -> [Linear; 4] {
        let [first, second] = self.bits.each_ref().map(features::byte);
        [first, second, self.third.into(), self.fourth.into()]
    }
}

/// Adds two sets of places.
pub fn both(a: Places, b: Places) -> Places {
    let [a0, a1, a2, a3] = a;
    let [b0, b1, b2, b3] = b;
    [a0 + b0, a1 + b1, a2 + b2, a3 + b3]
}

/// Fetches from four places.
pub fn fetch(graph: &mut Graph, token: &Token, places: Places) -> Found {
    let [first, second, third, fourth] = places;
    let first = graph.persist("first", first);
    let [second, third, fourth] = [("second", second), ("third", third), ("fourth", fourth)]
        .map(|(name, place)| graph.persist_whole(name, place, LONGEST));
    let bits = [("first byte", first), ("second byte", second)].map(|(name, place)| {
        let pairs = token.bits.chunks(2);
        let bits: Vec<Value> = pairs
            .flat_map(|pair| graph.gather(name, place, &[pair[0].into(), pair[1].into()]))
            .collect();
        bits.try_into().expect("four pairs are eight bits")
    });
    let third = graph.gather("third byte", third, &[token.byte()])[0];
    let fourth = graph.gather("fourth byte", fourth, &[token.byte(), token.digit.into()]);
    Found { bits, third, fourth: fourth[0], digit: fourth[1] }
}
