//! Round one and two: what the history alone says, whatever the program.

use super::code::Code;
use super::features::Token;
use crate::graph::range::LONGEST;
use crate::graph::{Graph, Key, Linear, Value};

/// State that prefix sums and the latest bytes give.
pub struct History {
    /// Index of the next digit while digits are written, of the next byte else: digits
    /// or bytes since the last token that is neither.
    pub i: Value,
    /// 1 as long as the next token may be a digit: no byte stands before it, and not
    /// the fourth digit.
    pub before_digits: Value,
    /// The digits before the latest bytes as a number, each at its place: the first counts 256³,
    /// the fourth 1.
    pub digits: Value,
    /// For the byte of a product: the carry into it, less 256 times the one out.
    pub carries: Value,
    /// For the byte of the upper half of a product the same, and for its first digit 256 times the latest digit.
    pub upper_carries: Value,
    /// The four tokens before this one as a number, low byte first.
    pub value: Value,
    /// 1 when `value` has its highest bit.
    pub negative: Value,
    /// 1 when `value` is not 0.
    pub nonzero: Value,
    /// By how many bytes a shift by `value` moves.
    pub bytes_shifted: Value,
    /// 1 when a shift of eight bytes moves by four more.
    pub half_shifted: Value,
    /// The four tokens before those of `value`, as a number.
    pub low_word: Value,
    /// Stack depth, as a key.
    pub depth: Key,
    /// Calls that have not returned, as a key.
    pub calls: Key,
    /// Where the current instruction is, see [`Code::place`].
    pub place: Value,
}

/// More values on the stack, and more calls, than any history can make.
pub const DEEPEST: f64 = LONGEST / 5.0;

/// Rounds one and two.
pub fn history(graph: &mut Graph, code: &Code, token: &Token) -> History {
    let t = graph.position();
    let mut since = |name: &str, skipped: Value| {
        let (number, square) = (Linear::zero(), Linear::zero());
        let key = Key { number, square, dead: skipped.into() };
        let latest = graph.latest(name, &key, Linear::zero(), &[t.into()])[0];
        graph.persist(name, t - latest)
    };
    let j = since("bytes since", token.byte_kind);
    let n = since("digits since", token.is_digit);
    let (index, before_digits) = progress(graph, n, j);
    let i = graph.persist("index", index);
    let before_digits = graph.persist_whole("before digits", before_digits, 1.0);
    let power = power(graph, n);
    // Digits are written where none and no byte was since the last commit.
    let latest_digit = latest_digit(graph, token);
    let carry = graph.unit(before_digits - token.is_digit, latest_digit * 256.0);

    let LatestBytes {
        value,
        low_word,
        negative,
        bytes_shifted,
        half_shifted,
        digits,
        carries,
        upper,
    } = latest_bytes(graph, token);
    let upper_carries =
        graph.persist_whole("carries of an upper half", upper + carry, 2f64.powi(20));
    let digits = graph.gather("digits", t - j, &[digits.into()])[0];
    let digits = graph.unit(digits, power);
    let digits = graph.persist_whole("digits", digits, 2f64.powi(36));

    // A position may be taken where this is 1: by the value itself the product would round.
    let nonzero = graph.step(value, graph.one());
    let nonzero = graph.persist("nonzero", nonzero);

    // A prefix sum is a mean over positions 1..=t, times t.
    let means = graph.mean("depths", &[token.depth_change.into(), token.call_change.into()]);
    let depth_at_start = code.depth_at_start(graph);
    let sums = [("depth", means[0], depth_at_start), ("calls", means[1], Linear::zero())];
    let [depth, calls] = sums.map(|(name, mean, at_start)| {
        let sum = graph.unit(t, mean);
        let sum = graph.round(name, at_start + sum, DEEPEST);
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
    let place = code.place(graph, place);

    History {
        i,
        before_digits,
        digits,
        carries,
        upper_carries,
        value,
        negative,
        nonzero,
        bytes_shifted,
        half_shifted,
        low_word,
        depth: key(depth, token.pushes_nothing),
        calls: key(calls, token.calls_nothing),
        place,
    }
}

/// What the eight tokens before this one say.
struct LatestBytes {
    value: Value,
    low_word: Value,
    negative: Value,
    bytes_shifted: Value,
    half_shifted: Value,
    /// Of this token and the three before.
    digits: Value,
    carries: Value,
    /// For a byte of the upper half of a product the carry into it, less 256 times the one out.
    upper: Linear,
}

fn latest_bytes(graph: &mut Graph, token: &Token) -> LatestBytes {
    let (one, t) = (graph.one(), graph.position());
    let back = |graph: &mut Graph, k: i32, values: &[Linear]| {
        graph.gather(&format!("token -{k}"), t - one * f64::from(k), values)
    };
    let [mut value, mut digits] = [Linear::zero(), token.digit.into()];
    let mut digit_back = Vec::new();
    for k in 1..=4 {
        let found = back(graph, k, &[token.byte(), token.digit.into()]);
        value = value + found[0] * 256f64.powi(4 - k);
        if k < 4 {
            digits = digits + found[1] * 256f64.powi(k);
        }
        digit_back.push(found[1]);
    }
    let low_word = (5..=8)
        .map(|k| back(graph, k, &[token.byte()])[0] * 256f64.powi(8 - k))
        .collect::<Vec<_>>()
        .into_iter()
        .sum::<Linear>();
    let high_bit = back(graph, 1, &[token.high_bit().into()])[0];
    let shifted = back(graph, 4, &[token.bytes_shifted(), token.half_shifted()]);
    LatestBytes {
        value: graph.persist("value", value),
        low_word: graph.persist("low word", low_word),
        negative: graph.persist("negative", high_bit),
        bytes_shifted: graph.persist("bytes shifted", shifted[0]),
        half_shifted: graph.persist("half shifted", shifted[1]),
        digits: graph.persist("latest digits", digits),
        carries: graph.persist("carries", digit_back[3] - digit_back[2] * 256.0),
        upper: digit_back[2] - digit_back[1] * 256.0,
    }
}

/// The latest digit of all, this token included; 0 if there was none.
fn latest_digit(graph: &mut Graph, token: &Token) -> Value {
    let (number, square) = (Linear::zero(), Linear::zero());
    let key = Key { number, square, dead: token.is_no_digit.into() };
    graph.latest("latest digit", &key, Linear::zero(), &[token.digit.into()])[0]
}

/// Index of the next digit or byte after n digits or j bytes, and 1 unless these are four
/// digits, or bytes. All units of n together are bounded.
fn progress(graph: &mut Graph, n: Value, j: Value) -> (Linear, Linear) {
    let one = graph.one();
    let bytes_begun = graph.step(j, one);
    let mut beyond = |k: f64| graph.unit(n - one * k, one);
    let (digits, third, fourth) = (beyond(0.0), beyond(3.0), beyond(4.0));
    (digits - third * 4.0 + fourth * 3.0 + j, one - (third - fourth) - bytes_begun)
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
