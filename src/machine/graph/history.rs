//! Round one and two: what the history alone says, whatever the program.

use super::features::Token;
use crate::graph::range::LONGEST;
use crate::graph::{Graph, Key, Linear, Value};

/// State that prefix sums and the latest bytes give.
pub struct History {
    /// j: bytes since the last token that is no byte.
    pub j: Value,
    /// The four tokens before this one as a number, low byte first.
    pub value: Value,
    /// 1 when `value` has its highest bit.
    pub negative: Value,
    /// 1 when `value` is not 0.
    pub nonzero: Value,
    /// Stack depth, as a key.
    pub depth: Key,
    /// Calls that have not returned, as a key.
    pub calls: Key,
    /// Position of the current instruction's name in the prompt; 0, which names
    /// nothing, before the program is closed. Only nearly whole.
    pub place: Value,
}

/// More values on the stack, and more calls, than any history can make.
pub const DEEPEST: f64 = LONGEST / 5.0;

/// Rounds one and two.
pub fn history(graph: &mut Graph, token: &Token) -> History {
    let (one, t) = (graph.one(), graph.position());
    let boundary =
        Key { number: Linear::zero(), square: Linear::zero(), dead: token.is_byte.into() };
    let latest_boundary = graph.latest("boundary", &boundary, Linear::zero(), &[t.into()]);
    let j = graph.persist("j", t - latest_boundary[0]);

    let highest = graph.gather("byte -1", t - one, &[token.byte.into(), token.high_bit.into()]);
    let mut value = highest[0] * 256f64.powi(3);
    for back in [2, 3, 4] {
        let at = t - one * f64::from(back);
        let byte = graph.gather(&format!("byte -{back}"), at, &[token.byte.into()]);
        value = value + byte[0] * 256f64.powi(4 - back);
    }
    let value = graph.persist("value", value);
    let negative = graph.persist("negative", highest[1]);
    let nonzero = graph.step(value, one);
    let nonzero = graph.persist("nonzero", nonzero);

    // A prefix sum is a mean over positions 1..=t, times t.
    let means = graph.mean("depths", &[token.depth_change.into(), token.call_change.into()]);
    let [depth, calls] = [("depth", means[0]), ("calls", means[1])].map(|(name, mean)| {
        let sum = graph.unit(t, mean);
        let sum = graph.round(name, sum, DEEPEST);
        (sum, graph.square(sum))
    });
    let key = |(number, square): (Value, Value), dead: Value| Key {
        number: number.into(),
        square: square.into(),
        dead: dead.into(),
    };

    // Jumps count from the next instruction, which place_change moves on to.
    let signed = value - negative * 2f64.powi(32);
    let jumped = graph.unit(token.jump, signed);
    let moved = graph.persist("moved", token.place_change + jumped);
    let mean_move = graph.mean("place", &[moved.into()]);
    let place = graph.unit(t, mean_move[0]);
    let place = graph.persist("place", place);

    History {
        j,
        value,
        negative,
        nonzero,
        depth: key(depth, token.pushes_nothing),
        calls: key(calls, token.calls_nothing),
        place,
    }
}
