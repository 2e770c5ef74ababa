//! Random searches around heads whose keys are not what they are meant to be, written for a review of
//! the plan, which found its errors of heads with them.
//!
//! Each makes models of one kind, with numbers near the ends of what lemmas 12 to 17 and 24 to 26 of
//! docs/plan.md allow, and compares plan and reference along histories. A plan may be refused, or break;
//! it must never differ. `PROPTEST_CASES` says how many models of each kind are tried, and
//! `HARDMAX_FIRST_SEED` which is the first.

use hardmax::engine::Attention;
use hardmax::model::{HeadKind, TieBreak, Token};

use crate::by_hand::{A, B, C, D, E, F, Hand, INVERSE_LOG, ONE, Row, SCALE, TIME, describe};
use crate::common::cases;
use crate::generator::Random;
use crate::verdict::{Verdict, behind, planned};

/// 1.5·2^52: what it is added to is rounded to a whole number.
const ROUNDING: f64 = 1.5 * (1u64 << 52) as f64;

/// Weights of a row that are not 0.
type Weights = Vec<(usize, f64)>;

/// A model, histories for it, each with the length of its prompt, and how the reference computes it.
struct Case {
    hand: Hand,
    histories: Vec<(Vec<u32>, usize)>,
    attention: Attention,
}

/// What became of histories.
#[derive(Debug, Default)]
struct Counts {
    agree: usize,
    broken: usize,
    refused: usize,
    unanswered: usize,
    predictions: usize,
}

/// Tries so many models.
fn search(models: u32, case: impl Fn(&mut Random) -> Case) -> Counts {
    let first = crate::common::setting("HARDMAX_FIRST_SEED", 1);
    let mut counts = Counts::default();
    for seed in first..first + u64::from(cases(models).max(models)) {
        let random = &mut Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let Case { hand, histories, attention } = case(random);
        let model = hand.model();
        let plan = planned(&model);
        for (history, prompt) in histories {
            let history: Vec<Token> = history.into_iter().map(Token).collect();
            match behind(&model, &plan, (&history, prompt), attention) {
                Verdict::Agrees { predictions } => {
                    counts.agree += 1;
                    counts.predictions += predictions;
                }
                Verdict::Broken { .. } => counts.broken += 1,
                Verdict::Refused => counts.refused += 1,
                Verdict::Unanswered { .. } => counts.unanswered += 1,
                differs => panic!("seed {seed}: {differs:?}\n{}", describe(&hand)),
            }
        }
    }
    println!("{counts:?}");
    counts
}

/// Token 0, then tokens below `vocabulary`.
fn history(random: &mut Random, length: u64, vocabulary: u64) -> Vec<u32> {
    let rest = (1..length).map(|_| 1 + random.below(vocabulary - 1) as u32);
    std::iter::once(0).chain(rest).collect()
}

/// The mean of a feature, by a head of the first layer.
fn mean(hand: &mut Hand, head: usize, feature: usize, to: usize) {
    hand.head([0, head], Row::Key, 1, &[(ONE, 1.0)]);
    hand.asks([0, head], &[], SCALE, [feature, to]).tie([0, head], TieBreak::Average);
}

fn times(weights: &[(usize, f64)], by: f64) -> Weights {
    weights.iter().map(|&(slot, weight)| (slot, weight * by)).collect()
}

/// Slots of [`sums_in_part`].
struct Sums {
    /// Running sums as they are, a little off.
    off: [usize; 2],
    /// The same, rounded.
    exact: [usize; 2],
    /// What each counts for in the key, and what is added.
    coefficients: [f64; 2],
    more: f64,
    /// How many ways to write the key there are, by threes.
    styles: u64,
}

impl Sums {
    /// A way to write the key so many times: each sum in parts, of the one that is off and of the exact
    /// one.
    fn row(&self, random: &mut Random, by: f64) -> Weights {
        let mut row = vec![(ONE, by * self.more)];
        for (at, &k) in self.coefficients.iter().enumerate() {
            let of = match random.below(self.styles * 3) {
                0..=5 => k,
                6 => 0.0,
                7 => -k,
                8 => 2.0 * k,
                9 => 0.5 * k,
                10 => 3.0 * k,
                _ => k + 1.0,
            };
            row.extend([(self.off[at], by * of), (self.exact[at], by * (k - of))]);
        }
        row.retain(|weight| weight.1 != 0.0);
        row
    }
}

/// Keys of two running sums, of which gate, factor and key read what is off in different parts.
fn sums_in_part(random: &mut Random) -> Case {
    let power = f64::from(1 << (10 + random.below(16)));
    let bases = [0; 2].map(|_| (power * random.choose(&[1.0, 1.25, 1.75, 1.999])).floor());
    let mut hand = Hand::with_width(20, 5, 16);
    // Which slots have the lower numbers decides the order of summation.
    let mut slots: Vec<usize> = (4..16).collect();
    for at in (1..slots.len()).rev() {
        slots.swap(at, random.below(at as u64 + 1) as usize);
    }
    let [a, b, mean_a, mean_b, off_a, off_b, exact_a, exact_b, number, found, square, ..] =
        slots[..]
    else {
        unreachable!("twelve slots")
    };
    let change = |token: usize| match token {
        1 => bases,
        _ => [[1.0, -1.0, 0.0][token % 3], [0.0, 1.0, -1.0, 0.0, 0.0][token % 5]],
    };
    for token in 1..20 {
        let [x, y] = change(token);
        hand.feature(token, a, x).feature(token, b, y).feature(token, number, token as f64);
    }
    let each = [(0, a, mean_a, off_a, exact_a), (1, b, mean_b, off_b, exact_b)];
    for (at, feature, mean_of, off, exact) in each {
        mean(&mut hand, at, feature, mean_of);
        hand.clear(0, mean_of).clear(0, feature);
        hand.unit([0, at], &[(TIME, 1.0)], &[(mean_of, 1.0)], (off, 1.0));
        hand.unit([1, at], &[(ONE, 1.0)], &[(off, 1.0), (ONE, ROUNDING)], (exact, 1.0));
        hand.copies([2, at], (ONE, -ROUNDING), exact);
    }
    let coefficients = *random.choose(&[
        [1.0, 0.0],
        [1.0, 0.0],
        [1.0, 1.0],
        [1.0, -1.0],
        [2.0, 0.0],
        [4.0, -1.0],
        [-1.0, 0.0],
        [3.0, 0.0],
        [-2.0, 2.0],
    ]);
    let more = random.choose(&[0.0, 0.0, 50.0, -30.0, 300.0])
        - coefficients[0] * bases[0]
        - coefficients[1] * bases[1];
    let (off, exact) = ([off_a, off_b], [exact_a, exact_b]);
    let sums = Sums { off, exact, coefficients, more, styles: 1 + random.below(4) };
    // All in the same way, or each in its own.
    let same = (random.below(2) == 0).then(|| sums.row(random, 1.0));
    let next = |random: &mut Random, by: f64| match &same {
        Some(row) => times(row, by),
        None => sums.row(random, by),
    };
    let (gate, factor) = (next(random, 1.0), next(random, 1.0));
    hand.unit([3, 0], &gate, &factor, (square, 1.0));
    let sign = *random.choose(&[1.0, -1.0]);
    let (gate, factor) = (next(random, -1.0), next(random, sign));
    hand.unit([3, 1], &gate, &factor, (square, -sign));
    let recency = *random.choose(&[0.3, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7]);
    let twice = next(random, 2.0);
    hand.head([4, 0], Row::Key, 0, &twice);
    hand.head([4, 0], Row::Key, 1, &[(square, -1.0), (INVERSE_LOG, recency)]);
    let asks = *random.choose(&[0.0, 0.0, 1.0, -1.0, 2.0]);
    let of = *random.choose(&[off, exact]);
    let mut wanted = vec![(ONE, (more + asks) * SCALE)];
    wanted.extend(of.into_iter().zip(coefficients.map(|k| k * SCALE)));
    wanted.retain(|weight| weight.1 != 0.0);
    hand.asks([4, 0], &wanted, SCALE, [number, found]).reads(found);

    let mut history = vec![0, 1];
    let mut now = [0i64; 2];
    for _ in 0..1200 {
        let token = 2 + random.below(18) as u32;
        let by = change(token as usize).map(|x| x as i64);
        let next = [now[0] + by[0], now[1] + by[1]];
        if next.iter().all(|sum| (0..=200).contains(sum)) {
            now = next;
            history.push(token);
        }
    }
    Case { hand, histories: vec![(history, 0)], attention: Attention::Kinds }
}

#[test]
fn keys_of_sums_that_are_off_in_different_parts() {
    let counts = search(60, sums_in_part);
    assert!(counts.agree > 10 && counts.broken > 10 && counts.predictions > 10_000, "{counts:?}");
}

/// Tables under exact keys as far out as a hull is exact, and farther; scales and queries that round.
fn far_keys(random: &mut Random) -> Case {
    let recencies = [0.51, 0.519, 0.4999, 0.3, 0.1, 1e-3, 1e-6, 1e-9, 1e-16, 0.0];
    let recency = *random.choose(&recencies);
    let bits = *random.choose(&[26, 26, 25, 24, 20, 16, 8, 3]);
    let middle = if random.below(3) == 0 { 0 } else { (1i64 << bits) - 5 };
    let middle = if random.below(3) == 0 { -middle } else { middle };
    let around = |random: &mut Random| middle + random.below(10) as i64 - 5;
    let (signs, far) = (random.below(2) == 0, random.below(4) == 0);
    let mut hand = Hand::new(24, 2);
    for token in 1..24 {
        let mut key = around(random);
        if far && random.below(4) == 0 {
            let more = random.below(2) << random.below(17);
            key = (1 << 27) + 1 + random.below(3) as i64 + more as i64;
        }
        if signs && random.below(3) == 0 {
            key = -key;
        }
        let query = match random.below(6) {
            0 => random.below(5) as i64 - 2,
            1 => (1 << 26) - random.below(2) as i64,
            _ => around(random),
        };
        hand.feature(token, A, key as f64).feature(token, C, query as f64);
        hand.feature(token, D, token as f64);
        hand.feature(token, F, f64::from(u8::from(random.below(6) == 0)));
    }
    hand.unit([0, 0], &[(A, 1.0)], &[(A, 1.0)], (B, 1.0));
    hand.unit([0, 1], &[(A, -1.0)], &[(A, 1.0)], (B, -1.0));
    hand.head([1, 0], Row::Key, 0, &[(A, 2.0)]);
    hand.head([1, 0], Row::Key, 1, &[(B, -1.0), (INVERSE_LOG, recency), (F, -1e28)]);
    let scale = *random.choose(&[1.0, SCALE, 3.0, 0.1, 1e-3]);
    let little = 2f64.powi(-32);
    let off = *random.choose(&[0.0, 0.0, little, -little, little / 2.0]);
    hand.asks([1, 0], &[(C, scale * (1.0 + off))], scale, [D, E]).reads(E);
    let histories = (0..6)
        .map(|_| {
            let length = 1 + random.below(60);
            (history(random, length, 24), 0)
        })
        .collect();
    Case { hand, histories, attention: Attention::Hull }
}

#[test]
fn keys_as_far_out_as_a_hull_is_exact_and_farther() {
    let counts = search(400, far_keys);
    assert!(counts.agree > 400 && counts.broken > 50 && counts.refused > 50, "{counts:?}");
}

/// Tables under one key, which are latches where position 0 is farther away, and tables whose value is
/// their key.
fn one_key(random: &mut Random) -> Case {
    let recency = *random.choose(&[0.3, 0.1, 1e-3, 1e-9, 0.0]);
    let is_one = random.below(2) == 0;
    let bits: &[u32] = &[1, 2, 3, 10, 25, 26, 27, 30, 40];
    let n = (1i64 << random.choose(if is_one { bits } else { &bits[..3] })) - 1;
    let n = n + random.below(3) as i64;
    let sign = *random.choose(&[1, -1]);
    let asked = match random.below(4) {
        0 => n / 2 + random.below(3) as i64 - 1,
        1 => 0,
        2 => n,
        _ => n + random.below(5) as i64 - 2,
    };
    let mut hand = Hand::new(9, 2);
    for token in 1..9 {
        let off = random.below(4) as i64 - 2 * random.below(2) as i64;
        let key = if is_one { n } else { n + off };
        hand.feature(token, A, (sign * key) as f64).feature(token, D, token as f64);
        hand.feature(token, F, f64::from(u8::from(random.below(3) == 0)));
        hand.feature(token, C, (sign * asked) as f64);
    }
    hand.unit([0, 0], &[(A, 1.0)], &[(A, 1.0)], (B, 1.0));
    hand.unit([0, 1], &[(A, -1.0)], &[(A, -1.0)], (B, 1.0));
    hand.head([1, 0], Row::Key, 0, &[(A, 2.0)]);
    hand.head([1, 0], Row::Key, 1, &[(B, -1.0), (INVERSE_LOG, recency), (F, -1e30)]);
    let scale = *random.choose(&[1.0, SCALE, 3.0]);
    if !is_one && random.below(2) == 0 {
        hand.asks([1, 0], &[(C, scale)], scale, [A, E]);
        for token in 1..9 {
            let v = (token as i64 + sign * n - 4) as f64;
            hand.logit(token, E, 2.0 * v).logit(token, ONE, -v * v);
        }
    } else {
        hand.asks([1, 0], &[(C, scale)], scale, [D, E]).reads(E);
    }
    match random.below(3) {
        0 => hand.kind([1, 0], HeadKind::Keyed),
        1 => hand.kind([1, 0], HeadKind::Lookup),
        _ => &mut hand,
    };
    let histories = (0..6)
        .map(|_| {
            let length = 1 + random.below(40);
            let history = history(random, length, 9);
            let prompt = if random.below(2) == 0 { 0 } else { history.len() / 2 };
            (history, prompt)
        })
        .collect();
    Case { hand, histories, attention: Attention::Kinds }
}

#[test]
fn tables_under_one_key_and_tables_of_keys() {
    let counts = search(400, one_key);
    assert!(counts.agree > 1_500 && counts.broken > 20 && counts.refused > 20, "{counts:?}");
}

/// Keys to whose gates, factors and first components something is added that is meant to be 0: by
/// what a running sum is off, times a power of two.
fn added_error(random: &mut Random) -> Case {
    let scale = 2f64.powi(*random.choose(&[1, 3, 10, 20]));
    let most = 1i64 << random.below(14);
    let base = *random.choose(&[1.0, 40.0, 1_234_567.0, 12_345.0]);
    let middle = if random.below(2) == 0 { 0 } else { most };
    let mut hand = Hand::new(20, 5);
    for token in 1..20 {
        let key = middle + random.below(1 + most.min(12) as u64) as i64 - most.min(6);
        hand.feature(token, D, base + (token % 4) as f64).feature(token, A, key as f64);
        hand.feature(token, F, f64::from(u8::from(random.below(5) == 0)));
    }
    mean(&mut hand, 0, D, B);
    hand.unit([0, 0], &[(TIME, 1.0)], &[(B, 1.0)], (C, 1.0)).clear(0, B).clear(0, D);
    hand.unit([1, 0], &[(ONE, 1.0)], &[(C, 1.0), (ONE, ROUNDING)], (D, 1.0));
    hand.copies([2, 1], (ONE, -ROUNDING), D);
    // E is the sum as it is less the rounded one.
    hand.unit([2, 0], &[(ONE, 1.0)], &[(C, 1.0), (D, -1.0)], (E, 1.0)).clear(2, C);
    let weights = [0.0, 1.0, -1.0, scale, -scale, scale.sqrt(), 3.0];
    let same = (random.below(2) == 0).then(|| *random.choose(&weights));
    let key = |random: &mut Random, by: f64| {
        let weight = same.unwrap_or_else(|| *random.choose(&weights));
        times(&[(A, 1.0), (E, weight)], by)
    };
    let (gate, factor) = (key(random, 1.0), key(random, 1.0));
    hand.unit([3, 0], &gate, &factor, (B, 1.0));
    let (gate, factor) = (key(random, -1.0), key(random, 1.0));
    hand.unit([3, 1], &gate, &factor, (B, -1.0));
    let twice = key(random, 2.0);
    hand.head([4, 0], Row::Key, 0, &twice);
    let recency = *random.choose(&[0.3, 0.3, 0.1, 1e-2, 1e-3, 1e-4, 1e-6]);
    hand.head([4, 0], Row::Key, 1, &[(B, -1.0), (INVERSE_LOG, recency), (F, -1e30)]);
    let by = *random.choose(&[1.0, SCALE]);
    let mut wanted = vec![(A, by), (ONE, random.choose(&[0.0, 0.0, 1.0, -1.0, 3.0]) * by)];
    if random.below(2) == 0 {
        wanted.push((E, random.choose(&[1.0, 1024.0]) * by));
    }
    // The token that is predicted is how far back the key was found.
    hand.asks([4, 0], &wanted, by, [TIME, C]);
    for token in 1..20 {
        let v = token as f64;
        hand.logit(token, C, -2.0 * v).logit(token, TIME, 2.0 * v).logit(token, ONE, -v * v);
    }
    let pool = 3 + random.below(18);
    let history = history(random, 400, pool.min(20));
    Case { hand, histories: vec![(history, 0)], attention: Attention::Hull }
}

#[test]
fn keys_to_which_what_a_sum_is_off_is_added() {
    let counts = search(100, added_error);
    assert!(counts.agree > 20 && counts.broken > 10 && counts.predictions > 5_000, "{counts:?}");
}
