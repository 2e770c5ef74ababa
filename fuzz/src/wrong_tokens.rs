//! Verification of traces with wrong tokens: all methods say the same, and the first mismatch is
//! the first token that the true trace does not have.
//!
//! The bytes choose a program, and change, insert, delete and move tokens that it generated.

use std::convert::Infallible;
use std::sync::LazyLock;

use hardmax::engine::Attention;
use hardmax::engine::verify::{
    End, Products, Settings, Spot, Verification, verify, verify_by_plan,
};
use hardmax::linalg::Kernel;
use hardmax::model::{Token, Tokens};
use hardmax::oracle;
use hardmax::program::text::parse_program;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::bundled::{MODEL, PLAN, tokens};
use super::bytes::Bytes;

/// Short ones, for each input verifies a trace three times.
const PROGRAMS: [&[u8]; 2] = [
    include_bytes!("../../tests/vectors/countdown.txt"),
    // Memory, a call, a product, a quotient, and a trap at the end.
    b"{ i32.const 40 00 00 00 i32.const 39 30 00 00 i32.store 00 00 00 00
        i32.const 40 00 00 00 i32.load 00 00 00 00 i32.const 0d 00 00 00
        call 02 00 00 00 output 00 00 00 00 br 08 00 00 00
        i32.mul 00 00 00 00 i32.const 07 00 00 00 i32.div_u 00 00 00 00
        local.set 00 00 00 00 local.get 00 00 00 00 i32.const 01 00 00 00 i32.sub 00 00 00 00
        return f8 ff ff ff unreachable 00 00 00 00 }",
];

struct Trace {
    prompt: usize,
    tokens: Vec<Token>,
}

/// The true traces.
static TRACES: LazyLock<Vec<Trace>> = LazyLock::new(|| {
    let trace = |text: &&[u8]| {
        let program = parse_program(text).unwrap();
        let prompt = program.prompt();
        let (generated, _) = oracle::trace(&program, u64::MAX).unwrap();
        Trace { prompt: prompt.len(), tokens: tokens(&[prompt.as_slice(), &generated].concat()) }
    };
    PROGRAMS.iter().map(trace).collect()
});

static POOL: LazyLock<ThreadPool> =
    LazyLock::new(|| ThreadPoolBuilder::new().num_threads(1).build().unwrap());

/// The bytes are decisions. Whether any token is another than in the true trace.
pub fn check(data: &[u8]) -> bool {
    let mut bytes = Bytes(data);
    let good = bytes.choose(&TRACES);
    let block = *bytes.choose(&[64, 7, 2048]);
    let mut trace = good.tokens.clone();
    while !bytes.is_empty() && trace.len() > good.prompt {
        falsify(&mut trace, good.prompt, &mut bytes);
    }
    let products = |products, spot| {
        let settings = Settings { products, spot, ..settings(block) };
        let tokens = trace.iter().copied().map(Ok::<_, Infallible>);
        verify(&MODEL, good.prompt as u64, tokens, settings, &POOL, |_| ()).unwrap()
    };
    let by_dgemm = products(Products::Dense, None);
    let by_sparse = products(Products::Sparse, None);
    let by_spot = products(Products::Sparse, Some(Spot { count: trace.len(), seed: 7 }));
    let held: Tokens = trace.iter().copied().collect();
    let prompt = good.prompt as u64;
    let by_plan =
        verify_by_plan(&MODEL, &PLAN, prompt, &held, settings(block), &POOL, |_| ()).unwrap();
    is_right(&by_dgemm, good, &trace);
    assert_eq!(finding(&by_plan), finding(&by_dgemm), "plan, {trace:?}");
    assert_eq!(finding(&by_sparse), finding(&by_dgemm), "sparse, {trace:?}");
    assert_eq!(finding(&by_spot), finding(&by_dgemm), "spot, {trace:?}");
    by_dgemm.mismatches > 0
}

fn settings(block: usize) -> Settings {
    let (attention, products, kernel) = (Attention::Kinds, Products::Dense, Kernel::Portable);
    Settings { attention, products, kernel, block, spot: None }
}

/// Changes one thing about what was generated.
fn falsify(trace: &mut Vec<Token>, prompt: usize, bytes: &mut Bytes) {
    let action = bytes.below(7);
    let place = |bytes: &mut Bytes| prompt + bytes.below(1 << 16) as usize % (trace.len() - prompt);
    let at = place(bytes);
    let any = |bytes: &mut Bytes| Token(bytes.below(MODEL.shape().vocabulary as u64) as u32);
    match action {
        0 => trace[at] = any(bytes),
        1 => trace.insert(at, any(bytes)),
        2 => drop(trace.remove(at)),
        // Tokens that a program like this does generate.
        3 => trace[at] = trace[place(bytes)],
        4 => trace.insert(at, trace[place(bytes)]),
        5 => {
            let other = place(bytes);
            trace.swap(at, other);
        }
        _ => trace.truncate(at),
    }
}

/// Whether a verification finds what is there to be found.
fn is_right(found: &Verification, good: &Trace, trace: &[Token]) {
    let same = good.tokens.iter().zip(trace).take_while(|(a, b)| a == b).count();
    let first = found.first.map(|first| (first.position, first.expected, first.predicted));
    assert_eq!(found.passed() && found.end == End::Halted, trace == good.tokens, "{found:?}");
    if same < trace.len() && same < good.tokens.len() {
        assert_eq!(first, Some((same as u64, trace[same], good.tokens[same])), "{trace:?}");
    } else {
        // A beginning of the true trace, or all of it and more.
        assert_eq!((first, found.mismatches), (None, 0), "{trace:?}");
        match trace.len().cmp(&good.tokens.len()) {
            std::cmp::Ordering::Less => assert_eq!(found.end, End::Open),
            std::cmp::Ordering::Equal => assert_eq!(found.end, End::Halted),
            std::cmp::Ordering::Greater => {
                assert_eq!(found.end, End::AfterStop { position: same as u64 });
            }
        }
    }
}

/// What methods have in common.
fn finding(found: &Verification) -> impl PartialEq + std::fmt::Debug + use<> {
    let first = found.first.map(|first| (first.position, first.expected, first.predicted));
    (found.positions, found.mismatches, first, found.end.clone())
}
