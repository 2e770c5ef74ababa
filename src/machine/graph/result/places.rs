//! The bytes that an instruction asks for: up to four, wherever they lie, and the
//! bytes of one operand from some place on.
//!
//! Each family of instructions says at which positions, and 0, which reads as 0,
//! where it asks for nothing. The first two come by bits. The first is only nearly
//! whole, for so is the place of an immediate.

use crate::graph::range::LONGEST;
use crate::graph::{Graph, Linear, Value};
use crate::machine::graph::features::{self, Token};

/// Positions, to which every family adds its own.
#[derive(Default)]
pub struct Places {
    /// Of a byte that is summed.
    pub first: Linear,
    /// Of a byte whose bits are combined with those of the first.
    pub second: Linear,
    /// Of a byte or a digit that is added to the sum.
    pub added: Linear,
    /// Of a byte that is subtracted from the sum.
    pub subtracted: Linear,
    /// Of byte 0 of an operand.
    pub operand: Linear,
}

impl Places {
    /// The places of two families.
    pub fn and(self, other: Places) -> Places {
        Places {
            first: self.first + other.first,
            second: self.second + other.second,
            added: self.added + other.added,
            subtracted: self.subtracted + other.subtracted,
            operand: self.operand + other.operand,
        }
    }
}

/// What lies there.
pub struct Found {
    /// For each bit, the lowest first: that of the first byte less 256 times that of
    /// the second.
    pub bits: [Value; 8],
    /// The second byte.
    pub second: Value,
    /// The byte, or the digit, that is added.
    pub added: Value,
    /// The byte that is subtracted.
    pub subtracted: Value,
    /// The four bytes of an operand.
    pub operand: [Value; 4],
    /// `before` and the first byte and the one added, less the one subtracted, and the
    /// number of bits of the operand that are 1.
    pub sum: Value,
    /// `count_before`, and modulo 8 the byte added less the byte subtracted.
    pub count: Value,
}

impl Found {
    /// The first byte.
    pub fn first(&self) -> Linear {
        let difference: Linear = (0..8).map(|k| self.bits[k] * f64::from(1 << k)).sum();
        difference + self.second * 256.0
    }
}

/// Fetches from these places.
pub fn fetch(
    graph: &mut Graph,
    token: &Token,
    places: Places,
    before: Value,
    count_before: Value,
) -> Found {
    let one = graph.one();
    let first = graph.persist("first", places.first);
    let [second, added, subtracted] =
        [("second", places.second), ("added", places.added), ("subtracted", places.subtracted)]
            .map(|(name, place)| graph.persist_whole(name, place, LONGEST));
    // Positions before the first are position 0.
    let nowhere = one * 8.0;
    let operand = graph.persist_whole("operand", places.operand - nowhere, LONGEST);

    let [low, high] = [("first byte", first), ("second byte", second)].map(|(name, place)| {
        let pairs = token.bits.chunks(2);
        let bits: Vec<Value> = pairs
            .flat_map(|pair| graph.gather(name, place, &[pair[0].into(), pair[1].into()]))
            .collect();
        let bits: [Value; 8] = bits.try_into().expect("four pairs are eight bits");
        bits
    });
    let bits = [0, 1, 2, 3, 4, 5, 6, 7]
        .map(|k| graph.persist("bit of first less second", low[k] - high[k] * 256.0));
    let second = graph.persist("second byte", features::byte(&high));
    let count = token.bits_shifted();
    let plus = graph.gather("byte added", added, &[token.byte() + token.digit, count.clone()]);
    let less = graph.gather("byte subtracted", subtracted, &[token.byte(), count]);
    let mut ones = Linear::zero();
    let operand = [0, 1, 2, 3].map(|k| {
        let place = operand + one * f64::from(k);
        let found = graph.gather(&format!("operand's {k}"), place, &[token.byte(), token.ones()]);
        ones = ones.clone() + found[1];
        graph.persist(&format!("operand's byte {k}"), found[0])
    });
    let sum = graph.persist("sum", before + features::byte(&low) + plus[0] - less[0] + ones);
    Found {
        bits,
        second,
        added: graph.persist("byte added", plus[0]),
        subtracted: graph.persist("byte subtracted", less[0]),
        operand,
        sum,
        count: graph.persist("count", count_before + plus[1] - less[1]),
    }
}
