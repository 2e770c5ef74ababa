//! Every memory gives what a scan gives, and a hull what exact arithmetic gives.
//!
//! Small whole numbers make ties, duplicates and collinear keys frequent while
//! every f64 score stays exact, so [`Brute`] is the judge. Where scores
//! round, on wide keys, the judge is [`winners`], which scores in wide integers.

#[path = "model_file/allocation.rs"]
mod allocation;

use allocation::peak_of;
use hardmax::attention::{Brute, Gather, Hull, Keyed, Memory, memory};
use hardmax::model::{HeadKind, TieBreak};
use proptest::prelude::*;

const TIES: [TieBreak; 2] = [TieBreak::Average, TieBreak::Latest];

/// A value that tells its position, whole so that sums are exact in any order.
fn value(position: usize) -> [f64; 2] {
    [position as f64, (position * position % 97) as f64]
}

/// Asks both memories all queries after every key, and wants the same outputs.
fn agree(
    fast: &mut dyn Memory,
    slow: &mut dyn Memory,
    steps: &[([f64; 2], Vec<[f64; 2]>)],
) -> Result<(), TestCaseError> {
    for (position, (key, queries)) in steps.iter().enumerate() {
        prop_assert_eq!(fast.insert(*key, value(position)), Ok(()));
        prop_assert_eq!(slow.insert(*key, value(position)), Ok(()));
        for &query in queries {
            let (fast, slow) = (fast.output(query), slow.output(query));
            prop_assert!(fast.is_ok(), "{fast:?}");
            prop_assert_eq!(fast, slow, "query {:?} at {}", query, position);
        }
    }
    Ok(())
}

/// The families of keys under which hulls go wrong: grids, lines, parabolas, repetitions.
fn key(family: u32, position: usize, [a, b]: [i32; 2]) -> [f64; 2] {
    let s = position as f64;
    let (x, y) = (f64::from(a), f64::from(b));
    match family {
        0 => [x, y],
        1 => [x.clamp(-2., 2.), y],
        2 => [2. * s, -s * s],
        3 => [2. * s, 1.],
        4 => [2. * x, -x * x],
        5 => [3., y],
        6 => [x, 2. * x + y.clamp(0., 1.)],
        7 => [-s, -(s * s) / 4. + y.clamp(0., 1.) / 4.],
        8 => [x, x.abs()],
        _ => [0., y.clamp(0., 1.)],
    }
}

fn small() -> impl Strategy<Value = [i32; 2]> {
    [-8i32..9, -8i32..9]
}

fn queries() -> impl Strategy<Value = Vec<[f64; 2]>> {
    let any = small().prop_map(|q| q.map(f64::from));
    let axes = prop::sample::select(vec![[0., 0.], [1., 0.], [-3., 0.], [0., 2.], [0., -1.]]);
    prop::collection::vec(prop_oneof![3 => any, 1 => axes], 3)
}

proptest! {
    // 8,000 histories of about 32 keys and three queries a key: a million operations.
    #![proptest_config(ProptestConfig::with_cases(8000))]

    #[test]
    fn hull_equals_brute_force_on_ties(
        family in 0u32..10,
        tie in prop::sample::select(TIES.to_vec()),
        steps in prop::collection::vec((small(), queries()), 1..64),
    ) {
        let steps: Vec<_> = steps
            .into_iter()
            .enumerate()
            .map(|(s, (pair, queries))| (key(family, s, pair), queries))
            .collect();
        agree(&mut Hull::new(tie), &mut Brute::new(tie), &steps)?;
    }
}

/// A position of a keyed history: which key, cleared or not, and what is asked then.
fn keyed_steps(spread: i64) -> impl Strategy<Value = Vec<([f64; 2], Vec<[f64; 2]>)>> {
    let step = (
        -spread..=spread,
        prop::bool::weighted(0.2),
        prop::collection::vec(-spread - 3..spread + 4, 3),
    );
    prop::collection::vec(step, 1..60).prop_map(|steps| {
        let mut recency = 0.0;
        let mut any_live = false;
        steps
            .into_iter()
            .map(|(n, dead, queries)| {
                // The first is live, as in every machine: rounded scores of dead keys alone
                // mean nothing.
                let dead = dead && any_live;
                any_live = true;
                recency += 1.0 / 1024.0;
                let n = n as f64;
                let key = [2.0 * n, -n * n + recency - if dead { 1e30 } else { 0.0 }];
                (key, queries.into_iter().map(|q| [4.0 * q as f64, 4.0]).collect())
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn keyed_equals_brute_force_on_hits_misses_and_clears(
        steps in prop_oneof![keyed_steps(4), keyed_steps(30), keyed_steps(2000)],
    ) {
        let tie = TieBreak::Latest;
        let keyed = Keyed::new(tie);
        prop_assert!(keyed.is_ok());
        if let Ok(mut keyed) = keyed {
            agree(&mut keyed, &mut Brute::new(tie), &steps)?;
        }
    }

    #[test]
    fn gather_equals_brute_force_on_whole_and_half_way_queries(
        tie in prop::sample::select(TIES.to_vec()),
        halves in prop::collection::vec(prop::collection::vec(-20i32..140, 3), 1..60),
    ) {
        let steps: Vec<_> = halves
            .into_iter()
            .enumerate()
            .map(|(s, halves)| {
                let s = s as f64;
                let recency = if tie == TieBreak::Latest { s / 1024.0 } else { 0.0 };
                let queries = halves.into_iter().map(|h| [1.5 * f64::from(h), 3.0]).collect();
                ([2.0 * s, -s * s + recency], queries)
            })
            .collect();
        agree(&mut Gather::new(tie), &mut Brute::new(tie), &steps)?;
    }

    #[test]
    fn passthrough_equals_brute_force(
        tie in prop::sample::select(TIES.to_vec()),
        scales in prop::collection::vec(1u32..9, 1..60),
    ) {
        let steps: Vec<_> = scales
            .into_iter()
            .enumerate()
            .map(|(s, scale)| {
                let (s, scale) = (s as f64, f64::from(scale));
                ([2.0 * s, 1.0], vec![[s * scale, scale]])
            })
            .collect();
        let fast = memory(HeadKind::Passthrough, tie);
        prop_assert!(fast.is_ok());
        if let Ok(mut fast) = fast {
            agree(fast.as_mut(), &mut Brute::new(tie), &steps)?;
        }
    }

    #[test]
    fn mean_equals_brute_force(
        steps in prop::collection::vec((prop::bool::weighted(0.8), small()), 1..60),
    ) {
        let tie = TieBreak::Average;
        let steps: Vec<_> = steps
            .into_iter()
            .map(|(high, [a, b])| {
                let query = [f64::from(a), f64::from(b.abs() + 1)];
                ([0.0, f64::from(u8::from(high))], vec![query])
            })
            .collect();
        let fast = memory(HeadKind::Mean, tie);
        prop_assert!(fast.is_ok());
        if let Ok(mut fast) = fast {
            agree(fast.as_mut(), &mut Brute::new(tie), &steps)?;
        }
    }

    #[test]
    fn hull_finds_the_exact_winners_among_wide_keys(
        tie in prop::sample::select(TIES.to_vec()),
        keys in prop::collection::vec((wide_key(), prop::bool::weighted(0.2)), 1..40),
        queries in prop::collection::vec([wide(), wide()], 5),
        (i, j) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
    ) {
        let mut hull = Hull::new(tie);
        let mut all: Vec<[f64; 2]> = Vec::new();
        for (key, again) in keys {
            let key = match all.last() {
                Some(&last) if again => last,
                _ => key,
            };
            prop_assert_eq!(hull.insert(key, value(all.len())), Ok(()));
            all.push(key);
        }
        // Perpendicular to two of the keys, as far as f64 can say so: the near and true ties.
        let (a, b) = (all[i.index(all.len())], all[j.index(all.len())]);
        let across = [a[1] - b[1], b[0] - a[0]];
        for query in queries.into_iter().chain([across, [-across[0], -across[1]]]) {
            let winners = winners(&all, query);
            let count = winners.len() as f64;
            let latest = winners[winners.len() - 1];
            let sum = winners.into_iter().map(value).fold([0.; 2], |s, v| [s[0] + v[0], s[1] + v[1]]);
            let expected = match tie {
                TieBreak::Average => sum.map(|s| s / count),
                TieBreak::Latest => value(latest),
            };
            prop_assert_eq!(hull.output(query), Ok(expected), "query {:?}", query);
        }
    }

    #[test]
    fn no_memory_panics_whatever_it_is_given(
        kind in prop::sample::select(vec![
            HeadKind::Lookup, HeadKind::Passthrough, HeadKind::Gather, HeadKind::Keyed, HeadKind::Mean,
        ]),
        tie in prop::sample::select(TIES.to_vec()),
        pairs in prop::collection::vec(([odd(), odd()], [odd(), odd()]), 1..40),
    ) {
        if let Ok(mut memory) = memory(kind, tie) {
            for (key, query) in pairs {
                let unfit = |pair: [f64; 2]| pair.iter().any(|c| !c.is_finite());
                let inserted = memory.insert(key, [1.0, f64::NAN]);
                prop_assert!(inserted.is_err() || !unfit(key));
                let output = memory.output(query);
                prop_assert!(output.is_err() || !unfit(query));
            }
        }
    }
}

/// What a memory tells that it holds, and what the allocator counts while it is copied: a copy has
/// room for just what is there.
fn held<M: Memory + Clone>(memory: &M) -> (usize, usize) {
    let (copy, allocated) = peak_of(|| memory.clone());
    (copy.heap_bytes(), allocated as usize)
}

#[test]
fn what_memories_say_they_hold_is_what_they_hold() {
    let mut random = fastrand::Rng::with_seed(3);
    for count in [0, 1, 2, 40, 1000, 30_000] {
        let (mut hulls, mut brute) = (TIES.map(Hull::new), Brute::new(TieBreak::Latest));
        let mut gather = Gather::new(TieBreak::Latest);
        let [mut dead, mut live] = [(); 2].map(|()| Keyed::new(TieBreak::Latest).unwrap());
        for s in 0..count {
            // On a parabola, on edges between its keys, and below them.
            let n = random.i32(-20_000..20_000);
            let y = -f64::from(n) * f64::from(n) - f64::from(random.i32(0..2));
            let key = [2.0 * f64::from(n), y];
            hulls.iter_mut().for_each(|hull| hull.insert(key, value(s)).unwrap());
            brute.insert(key, value(s)).unwrap();
            let t = s as f64;
            gather.insert([2.0 * t, -t * t], [random.f64(), t]).unwrap();
            dead.insert([key[0], key[1] - 1e30], value(s)).unwrap();
            live.insert([key[0], -f64::from(n) * f64::from(n)], value(s)).unwrap();
        }
        for (told, counted) in [held(&hulls[0]), held(&hulls[1]), held(&brute), held(&gather)] {
            assert_eq!(told, counted, "{count}");
        }
        for (kind, tie) in
            [(HeadKind::Passthrough, TieBreak::Latest), (HeadKind::Mean, TieBreak::Average)]
        {
            assert_eq!(memory(kind, tie).unwrap().heap_bytes(), 0);
        }
        // Of tables and trees it is an estimate.
        for (told, counted) in [held(&dead), held(&live)] {
            assert!(told.abs_diff(counted) <= 200 + told / 20, "{count}: {told} {counted}");
        }
    }
}

/// Whole numbers of any size up to 2^59 that f64 holds.
fn wide() -> impl Strategy<Value = f64> {
    (4u32..60, any::<i64>()).prop_map(|(bits, n)| (n >> (63 - bits)) as f64)
}

/// Free points, parabolas as far as -n² is exact, and cleared parabola keys.
fn wide_key() -> impl Strategy<Value = [f64; 2]> {
    let n = || (-1i64 << 26..1 << 26).prop_map(|n| n as f64);
    prop_oneof![
        [wide(), wide()],
        n().prop_map(|n| [2.0 * n, -n * n]),
        (-3i64..4)
            .prop_map(|n| [2.0 * (67_108_860 + n) as f64, -((67_108_860 + n) as f64).powi(2)]),
        n().prop_map(|n| [2.0 * n, -n * n - 1e30]),
    ]
}

/// What a careless builder may feed a head.
fn odd() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        small().prop_map(|p| f64::from(p[0])),
        prop::sample::select(vec![
            f64::NAN,
            f64::INFINITY,
            0.0,
            -0.0,
            5e-324,
            1e150,
            -1e150,
            -1e30,
            1e308
        ]),
    ]
}

/// All positions with the greatest score, in exact arithmetic on whole numbers.
fn winners(keys: &[[f64; 2]], query: [f64; 2]) -> Vec<usize> {
    // Cleared keys have 100 bits and queries across two of them as well: more than i128 holds.
    let scores: Vec<Wide> = keys
        .iter()
        .map(|k| Wide::product(query[0], k[0]).plus(Wide::product(query[1], k[1])))
        .collect();
    let best = scores.iter().max();
    (0..keys.len()).filter(|&s| Some(&scores[s]) == best).collect()
}

/// high·2^64 + low with 0 ≤ low < 2^64: a score of less than 2^190.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Wide {
    high: i128,
    low: u64,
}

impl Wide {
    fn product(a: f64, b: f64) -> Self {
        let negative = (a < 0.0) != (b < 0.0);
        let (a, b) = (a.abs() as u128, b.abs() as u128);
        // At most 53 bits of each are not 0: shift them down, multiply, shift up again.
        let (da, db) = (a.trailing_zeros() % 128, b.trailing_zeros() % 128);
        let (product, shift) = ((a >> da) * (b >> db), da + db);
        let (words, bits) = (shift / 64, shift % 64);
        let (low, carry) = ((product << bits) as u64, product >> (64 - bits).min(127));
        let carry = if bits == 0 { product >> 64 } else { carry };
        let magnitude = match words {
            0 => Self { high: carry as i128, low },
            1 => Self { high: ((carry as i128) << 64) + i128::from(low), low: 0 },
            _ => Self { high: i128::from(low) << 64, low: 0 },
        };
        if negative { magnitude.negated() } else { magnitude }
    }

    fn negated(self) -> Self {
        let (low, borrow) = 0u64.overflowing_sub(self.low);
        Self { high: -self.high - i128::from(borrow), low }
    }

    fn plus(self, other: Self) -> Self {
        let (low, carry) = self.low.overflowing_add(other.low);
        Self { high: self.high + other.high + i128::from(carry), low }
    }
}
