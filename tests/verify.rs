//! Verification finds every wrong token at its place, and none that is not; and it
//! gives the same whatever the block size, the number of threads and the method.

mod common;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use common::programs::source;
use common::{POOLS, cases, tokens};
use hardmax::engine::verify::{
    End, Products, Settings, Spot, Verification, VerifyError, differing_heads, verify,
    verify_by_plan,
};
use hardmax::engine::{Attention, EngineError, Fallback, Reference};
use hardmax::linalg::Kernel;
use hardmax::model::{Model, Token, Tokens};
use hardmax::oracle;
use hardmax::plan::{Plan, Refusal};
use hardmax::program::text;
use proptest::prelude::*;
use rayon::ThreadPool;

static MODEL: LazyLock<Model> = LazyLock::new(common::model);
static PLAN: LazyLock<Result<Plan, Refusal>> = LazyLock::new(|| common::plan(&MODEL));

const PLAIN: Settings = Settings {
    attention: Attention::Kinds,
    products: Products::Sparse,
    kernel: Kernel::ALL[0],
    block: 64,
    spot: None,
};

/// Sparse products, and dense ones by every kernel.
fn all_products() -> impl Iterator<Item = (Products, Kernel)> {
    let dense = Kernel::ALL.iter().map(|&kernel| (Products::Dense, kernel));
    dense.chain([(Products::Sparse, Kernel::ALL[0])])
}

/// A trace: the prompt's length, and all tokens.
#[derive(Clone)]
struct Sample {
    prompt: usize,
    tokens: Vec<Token>,
}

fn sample(name: &str) -> Sample {
    let path = format!("{}/tests/vectors/{name}_ref.txt", env!("CARGO_MANIFEST_DIR"));
    let trace = text::parse_trace(&std::fs::read(path).unwrap()).unwrap();
    let prompt = trace.prompt.symbols();
    let tokens = tokens(prompt.iter().chain(&trace.generated));
    Sample { prompt: prompt.len(), tokens }
}

impl Sample {
    fn verified_on(&self, pool: &ThreadPool, settings: Settings) -> Verification {
        let tokens = self.tokens.iter().map(|&token| Ok::<_, ()>(token));
        verify(&MODEL, self.prompt as u64, tokens, settings, pool, |_| ()).unwrap()
    }

    fn verified(&self, settings: Settings) -> Verification {
        self.verified_on(&POOLS[1], settings)
    }

    fn with(&self, position: usize, token: u32) -> Sample {
        let mut sample = self.clone();
        sample.tokens[position] = Token(token);
        sample
    }

    /// As much of it as is computed without rounding, in any order of summation: behind a wrong token
    /// numbers may grow beyond that, and then one position may round otherwise than many. The plan
    /// knows where, for there a guard fails.
    fn exact(&self) -> Sample {
        let tokens: Tokens = self.tokens.iter().copied().collect();
        let prompt = self.prompt as u64;
        let by_plan =
            verify_by_plan(&MODEL, &PLAN, prompt, &tokens, PLAIN, &POOLS[0], |_| ()).unwrap();
        let mut sample = self.clone();
        if let Some(Fallback { position, .. }) = by_plan.fallback {
            sample.tokens.truncate(position as usize + 1);
        }
        sample
    }

    /// What the sequential engine says: the positions that it does not predict, up to the first
    /// stop token, or to where it breaks off.
    fn mismatches_by_reference(&self, attention: Attention) -> Vec<(u64, Token)> {
        let mut engine = Reference::new(&MODEL, attention, PLAIN.kernel).unwrap();
        let mut mismatches = Vec::new();
        for (position, &token) in self.tokens.iter().enumerate() {
            if position >= self.prompt {
                let predicted = engine.next_token().unwrap();
                if predicted != token {
                    mismatches.push((position as u64, predicted));
                }
                if token == MODEL.stop() {
                    break;
                }
            }
            if engine.step(token).is_err() {
                break;
            }
        }
        mismatches
    }
}

#[test]
fn every_single_wrong_token_is_found_at_its_place() {
    let good = sample("countdown");
    let vocabulary = MODEL.shape().vocabulary as u32;
    let attentions = [Attention::Kinds, Attention::Hull].into_iter();
    let all = attentions.flat_map(|attention| Products::ALL.map(|products| (attention, products)));
    for (attention, products) in all {
        let settings = Settings { attention, products, ..PLAIN };
        assert!(good.verified(settings).passed());
        for position in good.prompt..good.tokens.len() {
            let right = good.tokens[position].0;
            let open = MODEL.vocabulary().id("{").unwrap().0;
            let wrong = [right ^ 1, (right + 256) % vocabulary, MODEL.stop().0, open, 0];
            for wrong in wrong.into_iter().filter(|&wrong| wrong != right && wrong < vocabulary) {
                let found = good.with(position, wrong).verified(settings);
                let first = found.first.unwrap();
                assert_eq!(first.position, position as u64, "{settings:?} {wrong}");
                assert_eq!((first.expected.0, first.predicted.0), (wrong, right));
                let logits = first.logits.unwrap();
                assert!(logits.expected <= logits.predicted);
                assert!(!found.passed() && found.mismatches >= 1);
            }
        }
    }
}

#[test]
fn block_size_threads_and_kernel_change_nothing() {
    for name in ["countdown", "reverse"] {
        let good = sample(name);
        let bad = good.with(good.prompt + 31, 7).with(good.prompt + 64, 8);
        for (sample, mismatches) in [(&good, false), (&bad, true)] {
            for attention in [Attention::Kinds, Attention::Hull, Attention::Brute] {
                let one = sample.verified_on(&POOLS[0], Settings { attention, ..PLAIN });
                assert_eq!(one.mismatches > 0, mismatches);
                assert_eq!(one.generated as usize, sample.tokens.len() - sample.prompt);
                for block in [1, 7, 64, 1024] {
                    for pool in POOLS.iter() {
                        for (products, kernel) in all_products() {
                            let settings =
                                Settings { attention, products, kernel, block, spot: None };
                            let other = sample.verified_on(pool, settings);
                            assert_eq!(one, other, "{name} {settings:?}");
                        }
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(60)))]

    #[test]
    fn random_programs_verify_and_random_corruptions_are_found(
        source in source(false),
        block in prop::sample::select(vec![1usize, 7, 64, 1024]),
        pool in 0usize..3,
        corruptions in prop::collection::vec(
            (any::<prop::sample::Index>(), 0..MODEL.shape().vocabulary as u32),
            1..4,
        ),
    ) {
        let program = source.program();
        let prompt = program.prompt();
        let (generated, _) = oracle::trace(&program, 1500).unwrap();
        let tokens = tokens(prompt.iter().chain(&generated));
        let mut sample = Sample { prompt: prompt.len(), tokens };
        for attention in [Attention::Kinds, Attention::Hull] {
            for (products, kernel) in all_products() {
                let settings = Settings { attention, products, kernel, block, spot: None };
                let found = sample.verified_on(&POOLS[pool], settings);
                prop_assert!(found.passed(), "{:?} {:?}", settings, found);
                prop_assert_eq!(found.positions as usize, generated.len());
            }
        }
        for (place, token) in corruptions {
            let position = sample.prompt + place.index(generated.len());
            sample = sample.with(position, token);
        }
        let cut = sample.exact();
        for attention in [Attention::Kinds, Attention::Hull] {
            let expected = sample.mismatches_by_reference(attention);
            let expected_of_cut = cut.mismatches_by_reference(attention);
            for products in Products::ALL {
                let settings = Settings { attention, products, block, ..PLAIN };
                let found = sample.verified_on(&POOLS[pool], settings);
                let first = found.first.map(|first| (first.position, first.predicted));
                prop_assert_eq!(first, expected.first().copied());
                let found = cut.verified_on(&POOLS[pool], settings);
                prop_assert_eq!(found.mismatches as usize, expected_of_cut.len(), "{:?}", found);
            }
        }
    }
}

#[test]
fn a_trace_that_is_cut_short_verifies_up_to_there() {
    let good = sample("countdown");
    for len in 1..good.tokens.len() {
        let cut = Sample { prompt: good.prompt, tokens: good.tokens[..len].to_vec() };
        let found = cut.verified(Settings { block: 7, ..PLAIN });
        assert_eq!((found.end.clone(), found.mismatches), (End::Open, 0));
        assert_eq!(found.tokens, len as u64);
        assert_eq!(found.positions as usize, len.saturating_sub(good.prompt));
    }
    let nothing = Sample { prompt: 5, tokens: Vec::new() }.verified(PLAIN);
    assert_eq!((nothing.tokens, nothing.positions, nothing.end), (0, 0, End::Open));
}

#[test]
fn nothing_may_follow_the_stop_token() {
    let mut long = sample("countdown");
    assert_eq!(long.verified(PLAIN).end, End::Halted);
    long.tokens.push(Token(0));
    let found = long.verified(PLAIN);
    assert_eq!(found.end, End::AfterStop { position: long.tokens.len() as u64 - 1 });
    assert!(!found.passed() && found.mismatches == 0);
}

#[test]
fn a_token_that_is_none_ends_the_trace_at_its_place() {
    let good = sample("countdown");
    let position = good.prompt + 70;
    let vocabulary = MODEL.shape().vocabulary;
    let token = vocabulary as u32;
    for block in [1, 7, 64, 1024] {
        let found = good.with(position, token).verified(Settings { block, ..PLAIN });
        let error = EngineError::NoToken { token, vocabulary };
        assert_eq!(found.end, End::Broken { position: position as u64, error });
        assert_eq!((found.positions, found.mismatches), (70, 0));
    }
}

#[test]
fn an_empty_prompt_is_refused_and_a_fault_of_the_source_is_passed_on() {
    let none = verify(&MODEL, 0, std::iter::empty::<Result<_, ()>>(), PLAIN, &POOLS[0], |_| ());
    assert!(matches!(none, Err(VerifyError::Engine(EngineError::EmptyPrompt))));
    let good = sample("countdown");
    let tokens = good.tokens.iter().map(|&token| Ok(token)).take(100).chain([Err("torn")]);
    let torn = verify(&MODEL, good.prompt as u64, tokens, PLAIN, &POOLS[0], |_| ());
    assert!(matches!(torn, Err(VerifyError::Source("torn"))));
}

#[test]
fn what_a_head_cannot_compute_ends_the_verification_after_what_came_before() {
    // A second `{` is position 0 once more for all that counts from there.
    let good = sample("reverse");
    let open = MODEL.vocabulary().id("{").unwrap().0;
    let mut broken = 0;
    for position in (good.prompt..good.tokens.len() - 1).step_by(5) {
        let bad = good.with(position, open);
        let found = bad.verified(Settings { block: 7, ..PLAIN });
        assert_eq!(found.first.unwrap().position, position as u64);
        if let End::Broken { position: at, error } = found.end {
            assert!(at >= position as u64 && at < bad.tokens.len() as u64, "{error}");
            let other = bad.verified(Settings { block: 1024, ..PLAIN });
            assert_eq!(other.end, End::Broken { position: at, error });
            assert_eq!(other.mismatches, found.mismatches);
            broken += 1;
        }
    }
    println!("{broken} of these break a head");
}

#[test]
fn a_sample_has_its_size_and_does_not_depend_on_blocks_or_threads() {
    let good = sample("reverse");
    // Every generated token is wrong: so each position of the sample is a mismatch.
    let bad = (good.prompt..good.tokens.len() - 1).fold(good.clone(), |bad, position| {
        let right = good.tokens[position].0;
        bad.with(position, if right == 0 { 1 } else { 0 })
    });
    for (count, seed) in [(1, 0), (10, 0), (10, 1), (100, 3)] {
        let spot = Some(Spot { count, seed });
        let one = good.verified_on(&POOLS[0], Settings { spot, ..PLAIN });
        assert_eq!((one.positions as usize, one.mismatches), (count, 0));
        let wrong = bad.verified_on(&POOLS[0], Settings { spot, block: 7, ..PLAIN });
        let all = bad.verified(PLAIN);
        assert!(wrong.mismatches > 0 && wrong.mismatches <= all.mismatches);
        for pool in POOLS.iter() {
            for block in [1, 64, 1024] {
                let other = bad.verified_on(pool, Settings { spot, block, ..PLAIN });
                assert_eq!(other, wrong, "{block}");
            }
        }
    }
    let spot = Some(Spot { count: 1 << 20, seed: 0 });
    assert_eq!(good.verified(Settings { spot, ..PLAIN }), good.verified(PLAIN));
    assert_eq!(bad.verified(Settings { spot, ..PLAIN }), bad.verified(PLAIN));
}

#[test]
fn different_seeds_draw_different_samples() {
    let good = sample("reverse");
    let bad = good.with(good.prompt + 400, 0);
    let found: BTreeSet<u64> = (0..64)
        .map(|seed| bad.verified(Settings { spot: Some(Spot { count: 100, seed }), ..PLAIN }))
        .map(|found| found.mismatches)
        .collect();
    assert!(found.len() > 1, "{found:?}");
}

#[test]
fn kinds_and_hulls_judge_the_vectors_alike() {
    for name in ["countdown", "reverse"] {
        let tokens = sample(name).tokens.into_iter().map(Ok::<_, ()>);
        let heads = differing_heads(&MODEL, tokens, PLAIN.kernel, &POOLS[1]).unwrap();
        assert_eq!(heads, []);
    }
}

/// A scan keeps a key and a value, 32 bytes, of every position for each head that has an effect.
#[test]
fn what_memories_hold_is_what_their_heads_hold_together() {
    let good = sample("reverse");
    let live = |layer| {
        (0..MODEL.shape().heads).filter(move |&head| !MODEL.layer(layer).is_dead_head(head)).count()
    };
    let heads: usize = (0..MODEL.shape().layers).map(live).sum();
    let least = heads * (good.tokens.len() - 1) * 32;
    let by_scan = good.verified(Settings { attention: Attention::Brute, ..PLAIN });
    // Vectors double as they grow, and the list of tokens that memories share has some room.
    let most = 2 * least + (4 << 20);
    assert!((least..most).contains(&by_scan.attention_bytes), "{least} {by_scan:?}");
    let by_kind = good.verified(PLAIN).attention_bytes;
    assert!(by_kind > 0 && by_kind < by_scan.attention_bytes, "{by_kind}");
}

#[test]
fn progress_grows_to_the_whole_trace() {
    let good = sample("reverse");
    let tokens = good.tokens.iter().map(|&token| Ok::<_, ()>(token));
    let mut seen = Vec::new();
    let settings = Settings { block: 100, ..PLAIN };
    verify(&MODEL, good.prompt as u64, tokens, settings, &POOLS[1], |t| seen.push(t)).unwrap();
    assert!(seen.is_sorted() && seen.len() >= 9, "{seen:?}");
    assert_eq!(seen.last(), Some(&(good.tokens.len() as u64 - 1)));
}
