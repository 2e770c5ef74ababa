//! Round one and two: what the history alone says, whatever the program.

use super::features::Token;
use crate::graph::range::LONGEST;
use crate::graph::{Graph, Key, Linear, Value};

/// State that prefix sums and the latest bytes give.
pub struct History {
    /// j: bytes since the last token that is no byte.
    pub j: Value,
    /// Index of the next digit while digits are written, of the next byte after.
    pub i: Value,
    /// 1 right after the fourth digit.
    pub digits_done: Value,
    /// The digits before the latest bytes as a number, each at its place: the first counts 256³,
    /// the fourth 1.
    pub digits: Value,
    /// For the byte of a product: the carry into it, less 256 times the one out.
    pub carries: Value,
    /// Which byte, counted from the lowest, a division works down to: 3 - i while digits are
    /// written, j after.
    pub at_work: Value,
    /// The four tokens before this one as a number, low byte first.
    pub value: Value,
    /// 1 when `value` has its highest bit.
    pub negative: Value,
    /// 1 when `value` is not 0.
    pub nonzero: Value,
    /// Bits of `value` that are 1.
    pub ones: Value,
    /// By how many bytes a shift by `value` moves.
    pub bytes_shifted: Value,
    /// 2^(7 - c mod 8) and 2^(c mod 8), for `value` as the count c of a shift.
    pub powers: [Value; 2],
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
    let mut since = |name: &str, skipped: Value| {
        let (number, square) = (Linear::zero(), Linear::zero());
        let key = Key { number, square, dead: skipped.into() };
        let latest = graph.latest(name, &key, Linear::zero(), &[t.into()])[0];
        graph.persist(name, t - latest)
    };
    let j = since("bytes since", token.is_byte);
    let n = since("digits since", token.is_digit);
    let digits_done = graph.unit(n - one * 3.0, one);
    let digits_done = graph.persist("digits done", digits_done);
    let i = graph.persist("index", n + j - digits_done * 4.0);
    let at_work = at_work(graph, n, j);
    let power = power(graph, n);

    let LatestFour { value, negative, ones, bytes_shifted, powers, digits, carries } =
        latest_four(graph, token);
    let digits = graph.gather("digits", t - j, &[digits.into()])[0];
    let digits = graph.unit(digits, power);
    let digits = graph.persist_whole("digits", digits, 2f64.powi(36));
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
        i,
        digits_done,
        digits,
        carries,
        at_work,
        value,
        negative,
        nonzero,
        ones,
        bytes_shifted,
        powers,
        depth: key(depth, token.pushes_nothing),
        calls: key(calls, token.calls_nothing),
        place,
    }
}

/// What the four tokens before this one say.
struct LatestFour {
    value: Value,
    negative: Value,
    ones: Value,
    bytes_shifted: Value,
    powers: [Value; 2],
    /// Of this token and the three before.
    digits: Value,
    carries: Value,
}

fn latest_four(graph: &mut Graph, token: &Token) -> LatestFour {
    let (one, t) = (graph.one(), graph.position());
    let back = |graph: &mut Graph, k: i32, values: [Linear; 2]| {
        let found = graph.gather(&format!("token -{k}"), t - one * f64::from(k), &values);
        [found[0], found[1]]
    };
    let [mut value, mut ones, mut digits] = [Linear::zero(), Linear::zero(), token.digit.into()];
    let mut digit_back = Vec::new();
    for k in 1..=4 {
        let [byte, digit] = back(graph, k, [token.byte(), token.digit.into()]);
        value = value + byte * 256f64.powi(4 - k);
        if k < 4 {
            digits = digits + digit * 256f64.powi(k);
        }
        digit_back.push(digit);
    }
    let mut tail = |k: i32, other: Linear| {
        let [count, other] = back(graph, k, [token.ones(), other]);
        ones = ones.clone() + count;
        other
    };
    let high_bit = tail(1, token.high_bit().into());
    tail(2, Linear::zero());
    tail(3, Linear::zero());
    let bytes_shifted = tail(4, token.bytes_shifted());
    let powers = back(graph, 4, [token.right_power.into(), token.left_power.into()]);
    LatestFour {
        powers: powers.map(|power| graph.persist("power", power)),
        value: graph.persist("value", value),
        negative: graph.persist("negative", high_bit),
        ones: graph.persist("ones", ones),
        bytes_shifted: graph.persist("bytes shifted", bytes_shifted),
        digits: graph.persist("latest digits", digits),
        carries: graph.persist("carries", digit_back[3] - digit_back[2] * 256.0),
    }
}

/// 3 - n while digits are written, j after the first byte: all units together are bounded.
fn at_work(graph: &mut Graph, n: Value, j: Value) -> Value {
    let one = graph.one();
    let mut beyond = |number: Value, k: f64| graph.unit(number - one * k, one);
    let digits = beyond(n, 0.0) - beyond(n, 3.0);
    let bytes = beyond(j, 1.0) * 3.0 - beyond(j, 0.0) * 2.0 - beyond(j, 3.0);
    graph.persist("at work", one * 3.0 - digits + bytes)
}

/// 256^(4-n) after n = 1 to 4 digits, else 1: straight lines between.
fn power(graph: &mut Graph, n: Value) -> Value {
    let one = graph.one();
    let at = |n: i32| if (1..4).contains(&n) { 256f64.powi(4 - n) } else { 1.0 };
    let slope = |n: i32| at(n + 1) - at(n);
    let bends = (0..=4).map(|k| {
        let beyond = graph.unit(n - one * f64::from(k), one);
        beyond * (slope(k) - slope(k - 1))
    });
    let bends: Linear = bends.collect::<Vec<_>>().into_iter().sum();
    graph.persist("power of digits", one * at(0) + bends)
}
