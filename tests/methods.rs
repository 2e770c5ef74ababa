//! Every method of verification finds every wrong token at its place, says the same as the
//! others, and needs little stack.

mod common;

use std::convert::Infallible;
use std::sync::LazyLock;

use common::programs::source;
use common::{POOLS, cases, tokens};
use hardmax::cli::bundled_programs;
use hardmax::engine::verify::{
    End, Mismatch, Products, Settings, Verification, verify, verify_by_plan,
};
use hardmax::engine::{Attention, EngineError, GuardFailure, Reason, Reference};
use hardmax::linalg::Kernel;
use hardmax::model::{Model, Token, Tokens};
use hardmax::oracle;
use hardmax::plan::{Plan, Refusal};
use hardmax::program::{Program, text};
use hardmax::wasm::{self, Options};
use proptest::prelude::*;
use rayon::ThreadPool;

/// The model inside the binary.
static BUNDLED: LazyLock<Engine> = LazyLock::new(|| Engine::new(common::model()));

struct Engine {
    model: Model,
    plan: Result<Plan, Refusal>,
}

impl Engine {
    fn new(model: Model) -> Engine {
        let plan = Plan::new(&model, Plan::likely_bos(&model));
        Engine { model, plan }
    }
}

#[derive(Clone, Copy, Debug)]
enum Method {
    Products(Attention, Products, Kernel),
    Plan,
}

/// The plan, then dense products by every kernel and sparse ones, heads computed by kinds and by
/// hulls.
fn methods() -> impl Iterator<Item = Method> {
    let attentions = [Attention::Kinds, Attention::Hull].into_iter();
    let products = attentions.flat_map(|attention| {
        let dense = Kernel::ALL.iter().map(move |&kernel| (Products::Dense, kernel));
        let all = dense.chain([(Products::Sparse, Kernel::ALL[0])]);
        all.map(move |(products, kernel)| Method::Products(attention, products, kernel))
    });
    std::iter::once(Method::Plan).chain(products)
}

/// A trace: the prompt's length, and all tokens.
#[derive(Clone)]
struct Trace {
    prompt: u64,
    tokens: Vec<Token>,
}

impl Trace {
    /// What the oracle writes, at most `limit` generated tokens.
    fn of(program: &Program, limit: u64) -> Trace {
        let prompt = program.prompt();
        let (generated, _) = oracle::trace(program, limit).unwrap();
        let tokens = tokens(prompt.iter().chain(&generated));
        Trace { prompt: prompt.len() as u64, tokens }
    }

    fn with(&self, position: usize, token: u32) -> Trace {
        let mut trace = self.clone();
        trace.tokens[position] = Token(token);
        trace
    }

    fn verified(
        &self,
        engine: &Engine,
        method: Method,
        block: usize,
        pool: &ThreadPool,
    ) -> Verification {
        let Engine { model, plan } = engine;
        let settings = |attention, products, kernel| Settings {
            attention,
            products,
            kernel,
            block,
            spot: None,
        };
        match method {
            Method::Products(attention, products, kernel) => {
                let tokens = self.tokens.iter().copied().map(Ok::<_, Infallible>);
                let settings = settings(attention, products, kernel);
                verify(model, self.prompt, tokens, settings, pool, |_| ()).unwrap()
            }
            Method::Plan => {
                let tokens: Tokens = self.tokens.iter().copied().collect();
                let settings = settings(Attention::Kinds, Products::Sparse, Kernel::ALL[0]);
                verify_by_plan(model, plan, self.prompt, &tokens, settings, pool, |_| ()).unwrap()
            }
        }
    }
}

/// What methods have in common: not what they hold, nor how far they read beyond where they ended.
fn finding(found: &Verification) -> impl PartialEq + std::fmt::Debug + use<> {
    let first = found.first.map(|first| (first.position, first.expected, first.predicted));
    (found.positions, found.mismatches, first, found.end.clone())
}

/// Where hulls refused a trace: they are exact for small addresses only.
fn refused_by_hulls(found: &Verification) -> Option<u64> {
    match &found.end {
        End::Broken { position, error: EngineError::Inexact { .. } } => Some(*position),
        _ => None,
    }
}

/// Where a wrong token made a head break the promise of its kind, of which hulls know nothing.
fn refused_by_kinds(expected: &Verification) -> Option<u64> {
    match &expected.end {
        End::Broken { position, error: EngineError::Head { .. } } => Some(*position),
        _ => None,
    }
}

fn by_hulls(method: &Method) -> bool {
    matches!(method, Method::Products(Attention::Hull, ..))
}

fn vector(name: &str) -> Program {
    let path = format!("{}/tests/vectors/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    text::parse_program(&std::fs::read(path).unwrap()).unwrap()
}

/// Marks the multiples of 2 to 11 below 1,400 in memory, in some 130,000 tokens: several
/// blocks for each of several threads.
fn long() -> Trace {
    let program = text::parse_program(
        b"{ i32.const 02 00 00 00 local.set 00 00 00 00
            i32.const 00 00 00 00 local.set 01 00 00 00
            local.get 01 00 00 00 i32.const 01 00 00 00 i32.store8 00 01 00 00
            local.get 01 00 00 00 local.get 00 00 00 00 i32.add 00 00 00 00 local.tee 01 00 00 00
            i32.const 78 05 00 00 i32.lt_u 00 00 00 00 br_if f6 ff ff ff
            local.get 00 00 00 00 i32.const 01 00 00 00 i32.add 00 00 00 00 local.tee 00 00 00 00
            i32.const 0c 00 00 00 i32.lt_u 00 00 00 00 br_if ed ff ff ff
            halt 00 00 00 00 }",
    );
    Trace::of(&program.unwrap(), u64::MAX)
}

#[test]
fn every_single_wrong_token_is_found_at_its_place_by_every_method() {
    let good = Trace::of(&vector("countdown"), u64::MAX);
    let engine = &*BUNDLED;
    let vocabulary = engine.model.shape().vocabulary as u32;
    let open = engine.model.vocabulary().id("{").unwrap().0;
    for method in methods() {
        let whole = good.verified(engine, method, 64, &POOLS[1]);
        assert!(whole.passed() && whole.end == End::Halted, "{method:?}: {whole:?}");
        assert_eq!(whole.fallback, None);
        for position in good.prompt as usize..good.tokens.len() {
            let right = good.tokens[position].0;
            let wrong = [right ^ 1, (right + 256) % vocabulary, engine.model.stop().0, open, 0];
            for wrong in wrong.into_iter().filter(|&wrong| wrong != right) {
                let bad = good.with(position, wrong);
                let found = bad.verified(engine, method, 64, &POOLS[1]);
                let first = found.first.unwrap();
                let place = (first.position, first.expected.0, first.predicted.0);
                assert_eq!(place, (position as u64, wrong, right), "{method:?}");
                let logits = first.logits.unwrap();
                assert!(logits.expected <= logits.predicted, "{method:?} {logits:?}");
                assert!(!found.passed() && found.mismatches >= 1);
            }
        }
    }
    for position in good.prompt as usize..good.tokens.len() {
        let right = good.tokens[position];
        let mut bad = good.with(position, right.0 ^ 1);
        bad.tokens.truncate(position + 1);
        assert_eq!(reference(&engine.model, &bad), [(position as u64, right)]);
    }
}

/// The default sudoku, whole: 1.2 million tokens.
static SUDOKU: LazyLock<Trace> = LazyLock::new(|| {
    let sudoku = bundled_programs().iter().find(|program| program.name == "sudoku").unwrap();
    let compiled = wasm::compile(sudoku.wasm, &Options::default()).unwrap();
    Trace::of(&compiled.with_input(sudoku.input.as_bytes()).unwrap(), u64::MAX)
});

/// A random token of a trace becomes another: the first mismatch is there.
fn random_corruptions(good: &Trace, method: Method, pool: &ThreadPool, count: u32) {
    let vocabulary = BUNDLED.model.shape().vocabulary as u32;
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..count {
        let position = random.usize(good.prompt as usize..good.tokens.len());
        let right = good.tokens[position].0;
        let wrong = (right + random.u32(1..vocabulary)) % vocabulary;
        // What follows cannot come before.
        let mut bad = good.with(position, wrong);
        bad.tokens.truncate(position + 200);
        let found = bad.verified(&BUNDLED, method, 2048, pool);
        let first = found.first.unwrap();
        let place = (first.position, first.expected.0, first.predicted.0);
        assert_eq!(place, (position as u64, wrong, right), "{method:?}");
    }
}

#[test]
fn random_wrong_tokens_of_a_sudoku_are_found_at_their_places() {
    for method in methods() {
        let (pools, count) = match method {
            Method::Plan => (&POOLS[..2], 2),
            Method::Products(Attention::Hull, ..) => (&POOLS[1..2], 1),
            Method::Products(..) => (&POOLS[1..2], 3),
        };
        for pool in pools {
            random_corruptions(&SUDOKU, method, pool, cases(count));
        }
    }
}

/// The sequential engine predicts a token before it is given it: if it predicts all of a trace, it
/// finds any wrong one at its place.
#[test]
fn the_reference_predicts_the_beginning_of_a_sudoku_or_all_of_it() {
    let mut trace = SUDOKU.clone();
    if std::env::var("PROPTEST_CASES").is_err() {
        trace.tokens.truncate(30_000);
    }
    assert_eq!(reference(&BUNDLED.model, &trace), []);
}

#[test]
fn a_mismatch_after_a_million_tokens_has_its_logits_by_every_method() {
    let position = SUDOKU.tokens.len() - 2;
    assert!(position > 1 << 20);
    let right = SUDOKU.tokens[position].0;
    let bad = SUDOKU.with(position, right ^ 1);
    let verified = |method| bad.verified(&BUNDLED, method, 2048, &POOLS[1]);
    let found = verified(Method::Products(Attention::Kinds, Products::Sparse, Kernel::ALL[0]));
    let by_plan = verified(Method::Plan).first.unwrap();
    assert_eq!((by_plan.position, by_plan.predicted), (position as u64, Token(right)));
    assert_eq!(Some(by_plan), found.first);
    assert!(by_plan.logits.is_some_and(|logits| logits.expected < logits.predicted));
    // And all heads together keep some three bytes a token, besides tables.
    assert!(found.attention_bytes < 5_000_000 + 3 * position, "{}", found.attention_bytes);
}

#[test]
fn random_wrong_tokens_of_a_long_trace_are_found_through_the_plan() {
    random_corruptions(&long(), Method::Plan, &POOLS[1], cases(20));
}

#[test]
fn segments_judge_every_position_once() {
    let good = long();
    assert!(good.tokens.len() > 90_000);
    let vocabulary = BUNDLED.model.shape().vocabulary as u32;
    let mut bad = good.clone();
    for position in (good.prompt as usize..good.tokens.len()).step_by(997) {
        bad.tokens[position] = Token((bad.tokens[position].0 + 1) % vocabulary);
    }
    for trace in [&good, &bad] {
        let method = Method::Products(Attention::Kinds, Products::Sparse, Kernel::ALL[0]);
        let expected = trace.verified(&BUNDLED, method, 2048, &POOLS[1]);
        assert_eq!(expected.positions, expected.generated);
        for pool in POOLS.iter() {
            let found = trace.verified(&BUNDLED, Method::Plan, 2048, pool);
            assert_eq!(finding(&found), finding(&expected));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(60)))]

    #[test]
    fn random_programs_and_corruptions_are_judged_alike_by_every_method(
        source in source(false),
        pool in 0usize..3,
        corruptions in prop::collection::vec((any::<prop::sample::Index>(), 0u32..821), 0..3),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut trace = Trace::of(&source.program(), 1500);
        let generated = trace.tokens.len() - trace.prompt as usize;
        for (place, token) in corruptions {
            trace = trace.with(trace.prompt as usize + place.index(generated), token);
        }
        trace.tokens.truncate(trace.prompt as usize + cut.index(generated + 1));
        let method = Method::Products(Attention::Kinds, Products::Sparse, Kernel::ALL[0]);
        let mut expected = trace.verified(&BUNDLED, method, 64, &POOLS[0]);
        // By every method but hulls, which know nothing of kinds, it ends there: so for them it does, too.
        if let Some(end) = refused_by_kinds(&expected) {
            for method in methods().filter(|method| !by_hulls(method)) {
                let found = trace.verified(&BUNDLED, method, 64, &POOLS[pool]);
                prop_assert_eq!(finding(&found), finding(&expected), "{:?}", method);
            }
            trace.tokens.truncate(end as usize + 1);
            expected = trace.verified(&BUNDLED, method, 64, &POOLS[0]);
        }
        for method in methods() {
            let found = trace.verified(&BUNDLED, method, 64, &POOLS[pool]);
            match refused_by_hulls(&found) {
                None => prop_assert_eq!(finding(&found), finding(&expected), "{:?}", method),
                Some(end) => {
                    let known = expected.first.filter(|first| first.position <= end);
                    let place = |first: Mismatch| (first.position, first.predicted);
                    prop_assert_eq!(found.first.map(place), known.map(place), "{:?}", method);
                }
            }
        }
    }
}

#[test]
fn where_the_plan_breaks_dense_products_judge_the_rest() {
    let good = long();
    let position = good.prompt as usize + 40_000;
    let open = BUNDLED.model.vocabulary().id("{").unwrap().0;
    let bad = good.with(position, open);
    for pool in POOLS.iter() {
        let found = bad.verified(&BUNDLED, Method::Plan, 2048, pool);
        let fallback = found.fallback.unwrap();
        assert_eq!(fallback.position, position as u64);
        assert_eq!(fallback.reason, Reason::GuardFailed(GuardFailure::SecondBos));
        assert_eq!(found.first.unwrap().position, position as u64);
        let method = Method::Products(Attention::Kinds, Products::Sparse, Kernel::ALL[0]);
        assert_eq!(finding(&found), finding(&bad.verified(&BUNDLED, method, 2048, pool)));
    }
}

/// The plan judges in blocks of 8,192 positions, and what it did not finish is judged again: so what
/// counts at the seam is neither lost nor counted twice.
#[test]
fn what_the_plan_judged_before_it_broke_counts_once() {
    const BLOCK: usize = 8192;
    let good = long();
    assert!((good.prompt as usize) < BLOCK);
    let open = BUNDLED.model.vocabulary().id("{").unwrap().0;
    let wrong = |trace: &Trace, position: usize| {
        let right = trace.tokens[position].0;
        trace.with(position, if right == 7 { 8 } else { 7 })
    };
    for seam in [BLOCK - 1, BLOCK, BLOCK + 1] {
        // Its predecessor is the last position of the first block, or one beside it.
        let mut bad = wrong(&good, seam).with(BLOCK + 500, open);
        bad.tokens.truncate(BLOCK + 600);
        let method = Method::Products(Attention::Kinds, Products::Sparse, Kernel::ALL[0]);
        let expected = bad.verified(&BUNDLED, method, 2048, &POOLS[1]);
        assert_eq!(expected.first.unwrap().position, seam as u64);
        for pool in POOLS.iter() {
            let found = bad.verified(&BUNDLED, Method::Plan, 2048, pool);
            assert_eq!(found.fallback.unwrap().position / BLOCK as u64, 1);
            assert_eq!(finding(&found), finding(&expected), "{seam}");
        }
    }
    // The prediction at position 0 is nobody's step, but it is judged in the first block, too.
    let mut bad = Trace { prompt: 1, ..good.with(40, open) };
    bad.tokens.truncate(60);
    for bad in [wrong(&bad, 1), bad] {
        let expected = bad.verified(&BUNDLED, methods().nth(1).unwrap(), 2048, &POOLS[1]);
        assert!(expected.positions >= 40);
        let found = bad.verified(&BUNDLED, Method::Plan, 2048, &POOLS[1]);
        assert_eq!(found.fallback.map(|it| it.position), Some(40));
        assert_eq!(finding(&found), finding(&expected));
    }
}

#[test]
fn progress_through_the_plan_grows_by_blocks_to_the_whole_trace() {
    let good = long();
    let tokens: Tokens = good.tokens.iter().copied().collect();
    let (attention, products, kernel) = (Attention::Kinds, Products::Sparse, Kernel::ALL[0]);
    let settings = Settings { attention, products, kernel, block: 64, spot: None };
    let Engine { model, plan } = &*BUNDLED;
    for pool in &POOLS[..2] {
        let mut seen = Vec::new();
        let progress = |done| seen.push(done);
        verify_by_plan(model, plan, good.prompt, &tokens, settings, pool, progress).unwrap();
        let last = good.tokens.len() as u64 - 1;
        assert!(!seen.is_empty() && seen.is_sorted() && seen.iter().all(|&done| done <= last));
        if pool.current_num_threads() == 1 {
            let blocks = (1..).map(|block| 8192 * block).take_while(|&done| done < last);
            assert!(seen.iter().copied().eq(blocks.chain([last])), "{seen:?}");
        }
    }
}

/// It is an instruction of the program there, and only the end of a run behind it.
#[test]
fn a_prompt_may_end_with_the_stop_token() {
    let good = Trace::of(&vector("countdown"), u64::MAX);
    let stop = BUNDLED.model.stop();
    let in_program = good.tokens.iter().position(|&token| token == stop).unwrap();
    assert!(in_program < good.prompt as usize);
    for method in methods() {
        // A trace that ends with its prompt has not halted, even if this is its last token.
        let prompt = in_program as u64 + 1;
        let only = Trace { prompt, tokens: good.tokens[..=in_program].to_vec() };
        let found = only.verified(&BUNDLED, method, 7, &POOLS[1]);
        assert_eq!((found.end, found.positions), (End::Open, 0), "{method:?}");
        // And one in which it is generated has.
        let generated = Trace { prompt: prompt - 1, ..only };
        let found = generated.verified(&BUNDLED, method, 7, &POOLS[1]);
        assert_eq!((found.end, found.positions), (End::Halted, 1), "{method:?}");
        let longer = Trace { prompt, ..good.clone() };
        let found = longer.verified(&BUNDLED, method, 7, &POOLS[1]);
        assert_eq!((found.end, found.tokens), (End::Halted, good.tokens.len() as u64));
    }
}

#[test]
fn without_a_plan_dense_products_judge_everything() {
    let good = Trace::of(&vector("reverse"), u64::MAX);
    let refused = Engine { model: common::model(), plan: Err(Refusal::Registers) };
    let found = good.verified(&refused, Method::Plan, 64, &POOLS[1]);
    assert!(found.passed() && found.positions == found.generated);
    let fallback = found.fallback.unwrap();
    assert_eq!((fallback.position, fallback.reason), (0, Reason::Refused(Refusal::Registers)));
    // A prompt that begins with another token than the plan's.
    let other = Trace { prompt: good.prompt - 1, tokens: good.tokens[1..].to_vec() };
    let found = other.verified(&BUNDLED, Method::Plan, 64, &POOLS[1]);
    assert_eq!(found.fallback.unwrap().reason, Reason::OtherBos);
}

#[test]
fn odd_ends_are_the_same_by_every_method() {
    let good = Trace::of(&vector("countdown"), u64::MAX);
    let vocabulary = BUNDLED.model.shape().vocabulary;
    let end = |trace: &Trace, method| trace.verified(&BUNDLED, method, 7, &POOLS[1]);
    for method in methods() {
        for len in [0, 1, 2, good.prompt as usize, good.prompt as usize + 1, 150] {
            let cut = Trace { tokens: good.tokens[..len].to_vec(), ..good };
            let found = end(&cut, method);
            assert_eq!((found.end, found.mismatches, found.tokens), (End::Open, 0, len as u64));
            assert_eq!(found.positions, (len as u64).saturating_sub(good.prompt));
        }
        let mut long = good.clone();
        long.tokens.push(Token(0));
        assert_eq!(end(&long, method).end, End::AfterStop { position: good.tokens.len() as u64 });
        for token in [vocabulary as u32, 65_535, 65_536, u32::MAX] {
            let position = good.prompt as usize + 70;
            let found = end(&good.with(position, token), method);
            let error = EngineError::NoToken { token, vocabulary };
            assert_eq!(found.end, End::Broken { position: position as u64, error });
            assert_eq!((found.positions, found.mismatches), (70, 0));
        }
        // The first token is compared with the prediction at position 0.
        let short = Trace { prompt: 1, tokens: good.tokens[..2].to_vec() };
        let (found, expected) = (end(&short, method), reference(&BUNDLED.model, &short));
        assert_eq!(found.mismatches as usize, expected.len(), "{method:?}");
        assert_eq!(found.positions, 1);
    }
    let empty = Tokens::default();
    let (attention, products, kernel) = (Attention::Kinds, Products::Dense, Kernel::ALL[0]);
    let settings = Settings { attention, products, kernel, block: 1, spot: None };
    let none =
        verify_by_plan(&BUNDLED.model, &BUNDLED.plan, 0, &empty, settings, &POOLS[0], |_| ());
    assert!(matches!(none, Err(EngineError::EmptyPrompt)));
}

/// What the sequential engine says: the generated tokens that it does not predict, and what it
/// does.
fn reference(model: &Model, trace: &Trace) -> Vec<(u64, Token)> {
    let mut engine = Reference::new(model, Attention::Kinds, Kernel::ALL[0]).unwrap();
    let mut mismatches = Vec::new();
    for (position, &token) in (0..).zip(&trace.tokens) {
        if position >= trace.prompt {
            let predicted = engine.next_token().unwrap();
            if predicted != token {
                mismatches.push((position, predicted));
            }
        }
        engine.step(token).unwrap();
    }
    mismatches
}

/// The beginning of every bundled program, with wrong tokens in it, by every method.
#[test]
fn all_methods_and_the_reference_agree_on_every_bundled_program() {
    let generated = u64::from(cases(300));
    for (place, bundled) in bundled_programs().iter().enumerate() {
        let compiled = wasm::compile(bundled.wasm, &Options::default()).unwrap();
        let program = compiled.with_input(bundled.input.as_bytes()).unwrap();
        let mut trace = Trace::of(&program, generated);
        // Wrong bytes, so that what is compared are predictions, not the trace with itself.
        for position in (trace.prompt as usize..trace.tokens.len()).step_by(41) {
            if trace.tokens[position].0 < 256 {
                trace.tokens[position].0 ^= 1;
            }
        }
        let expected = reference(&BUNDLED.model, &trace);
        assert!(!expected.is_empty(), "{}", bundled.name);
        for (number, method) in methods().enumerate() {
            let all = [1, 7, 64, 1024].into_iter().flat_map(|b| POOLS.iter().map(move |p| (b, p)));
            // One of these at a time, unless there is time for all; a method meets each on some
            // program.
            let (skip, step) = if std::env::var("PROPTEST_CASES").is_ok() {
                (0, 1)
            } else {
                ((7 * place + 5 * number) % 12, 12)
            };
            for (block, pool) in all.skip(skip).step_by(step) {
                let found = trace.verified(&BUNDLED, method, block, pool);
                let threads = pool.current_num_threads();
                let place = format!("{} {method:?} {block} {threads}", bundled.name);
                let end = refused_by_hulls(&found).unwrap_or(u64::MAX);
                let known = || expected.iter().filter(|mismatch| mismatch.0 <= end);
                assert_eq!(found.mismatches as usize, known().count(), "{place}");
                let first = found.first.map(|first| (first.position, first.predicted));
                assert_eq!(first, known().next().copied(), "{place}");
            }
        }
    }
}
