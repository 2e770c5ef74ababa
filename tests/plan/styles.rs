//! The machine in the styles of other builders ([`Style`]): models without kinds 3 and 4 whose sums are not
//! rounded on purpose, drawn by a seed, of the plain vocabulary and of all instructions. Their plans agree
//! with the reference along programs and along random histories that begin with them.
//!
//! Programs that bring numbers near the limits of hulls run by both, with the recency in any factor: plans hand
//! over where it no longer orders what it must.
//!
//! `HARDMAX_FIRST_SEED` is the first seed, `PROPTEST_CASES` how many, and `HARDMAX_LENGTH` how many tokens each
//! random history goes on for, if not 120, or each program runs, if not 3,000.

use std::collections::BTreeMap;

use hardmax::engine::{
    Agreement, Attention, Decoder, Planned, Reference, Steps, Walks, compare, compare_variants,
};
use hardmax::linalg::Kernel;
use hardmax::machine::{Op, Symbol, graph};
use hardmax::model::{Model, ModelParts, Token};
use hardmax::plan::{Plan, Refusal};
use hardmax::program::text;
use hardmax::tokenizer::Tokenizer;
use hardmax::weights::{Style, build_in};

use crate::common::{cases, setting};
use crate::generator::Random;

/// A machine of these instructions in a style.
pub fn parts(style: &Style, ops: &[Op]) -> ModelParts {
    let graph = graph::machine_of(ops, style.locals);
    build_in(style, &graph, Symbol::names(ops), "halt").parts
}

fn model(style: &Style, ops: &[Op]) -> Model {
    Model::new(parts(style, ops)).unwrap()
}

/// The traces of two programs, each with the length of its prompt.
pub fn known(model: &Model) -> Vec<(usize, Vec<Token>)> {
    let traces: [&[u8]; 2] = [
        include_bytes!("../vectors/reverse_ref.txt"),
        include_bytes!("../vectors/countdown_ref.txt"),
    ];
    let tokenizer = Tokenizer::new(model.vocabulary());
    let encode = |trace: &&[u8]| {
        let trace = text::parse_trace(trace).unwrap();
        let prompt = trace.prompt.symbols();
        let symbols: Vec<Symbol> = prompt.iter().copied().chain(trace.generated).collect();
        (prompt.len(), tokenizer.encode(&symbols).unwrap())
    };
    traces.iter().map(encode).collect()
}

/// Whether the plan generates these traces.
fn generates(model: &Model, plan: &Plan, traces: &[(usize, Vec<Token>)]) -> bool {
    let plan = Ok(plan.clone());
    traces.iter().all(|(prompt, trace)| {
        let mut engine = Planned::new(model, &plan, Attention::Kinds, Kernel::preferred());
        let is_right = trace.windows(2).enumerate().all(|(at, pair)| {
            let predicts = at + 1 >= *prompt;
            engine.take(pair[0], predicts).unwrap();
            !predicts || engine.next_token() == Ok(pair[1])
        });
        is_right && engine.fallback().is_none()
    })
}

#[test]
fn models_in_the_styles_of_others_agree_with_their_reference() {
    let first = setting("HARDMAX_FIRST_SEED", 1);
    let length = setting("HARDMAX_LENGTH", 120) as usize;
    let count = u64::from(cases(100));
    let (mut models, mut all) = (0, Agreement::default());
    for seed in first..first + count {
        for ops in [Op::plain(), Op::ALL] {
            let style = Style::random(seed);
            let model = model(&style, ops);
            let plan = match Plan::new(&model, Plan::likely_bos(&model)) {
                Ok(plan) => plan,
                Err(why) => panic!("seed {seed}, {style:?}: {why}"),
            };
            models += 1;
            let traces = known(&model);
            assert!(generates(&model, &plan, &traces), "seed {seed}, {style:?}: another trace");
            let known: Vec<Vec<Token>> = traces.iter().map(|trace| trace.1[1..].to_vec()).collect();
            let attention = if seed % 2 == 0 { Attention::Hull } else { Attention::Kinds };
            let walks = Walks { count: 6, length, seed, known };
            let agreement = compare(&model, &plan, walks, attention, Kernel::preferred()).unwrap();
            assert_eq!(agreement.difference, None, "seed {seed}, {style:?}");
            all.histories += agreement.histories;
            all.predictions += agreement.predictions;
            all.longest = all.longest.max(agreement.longest);
            all.guard_failures += agreement.guard_failures;
            all.refused += agreement.refused;
        }
    }
    println!("{models} models: {all:?}");
    assert!(all.predictions > 500 * models, "{models} models: {all:?}");
}

/// Every variant of code does what the expressions say, those that compare logits with their errors, too.
#[test]
fn code_for_other_styles_is_what_its_expressions_say() {
    let first = setting("HARDMAX_FIRST_SEED", 1);
    for seed in first..first + u64::from(cases(4)) {
        let model = model(&Style::random(seed), Op::plain());
        let plan = Plan::new(&model, Plan::likely_bos(&model)).unwrap();
        let known: Vec<Vec<Token>> =
            known(&model).into_iter().map(|(_, trace)| trace[1..].to_vec()).collect();
        let found = compare_variants(&model, &plan, &known, Steps { states: 2, seed }).unwrap();
        assert_eq!(found.difference, None, "seed {seed}");
        assert!(found.variants > 100 && found.steps > 5_000, "seed {seed}: {found:?}");
    }
}

/// Programs that write and read memory near 2^26 and beyond, at addresses that meet again.
fn far_memory(random: &mut Random) -> String {
    let bases: [u32; 5] = [64, 1 << 20, (1 << 26) - 16, (1 << 26) - 600, 1 << 27];
    let near = 3 + random.below(2) as usize;
    let addresses: Vec<u32> = (0..6)
        .map(|_| bases[random.below(near as u64) as usize] + random.below(9) as u32)
        .collect();
    let mut text = "{".to_owned();
    let mut push = |name: &str, immediate: u32| {
        let [a, b, c, d] = immediate.to_le_bytes();
        text += &format!(" {name} {a:02x} {b:02x} {c:02x} {d:02x}");
    };
    for _ in 0..60 {
        let address = addresses[random.below(6) as usize];
        match random.below(3) {
            0 => {
                push("i32.const", address);
                push("i32.const", random.below(1 << 32) as u32);
                push(["i32.store", "i32.store8", "i32.store16"][random.below(3) as usize], 0);
            }
            1 => {
                push("i32.const", address);
                push(["i32.load", "i32.load8_s", "i32.load16_u"][random.below(3) as usize], 0);
                push("local.set", random.below(3) as u32);
            }
            _ => {
                push("local.get", random.below(3) as u32);
                push("output", 0);
            }
        }
    }
    push("halt", 0);
    text + " }"
}

/// A function that calls itself so many times, and outputs its local on the way back.
fn recursion(depth: u32) -> String {
    let [a, b, c, d] = depth.to_le_bytes();
    format!(
        "{{ i32.const {a:02x} {b:02x} {c:02x} {d:02x} call 02 00 00 00 halt 00 00 00 00 halt 00 00 00 00 \
         local.set 00 00 00 00 local.get 00 00 00 00 i32.eqz 00 00 00 00 br_if 04 00 00 00 \
         local.get 00 00 00 00 i32.const 01 00 00 00 i32.sub 00 00 00 00 call f8 ff ff ff \
         local.get 00 00 00 00 output 00 00 00 00 return f5 ff ff ff }}"
    )
}

/// What became of programs, run by plan and reference for as many tokens.
#[derive(Debug, Default)]
struct Runs {
    models: usize,
    predictions: usize,
    /// By reason, how often the plan handed over.
    handed_over: BTreeMap<String, usize>,
    /// Tokens behind that.
    behind: usize,
}

/// Generates by both, of the same program; the reference is the plan's from where that hands over.
fn generated(
    model: &Model,
    plan: &Result<Plan, Refusal>,
    program: &str,
    length: usize,
    runs: &mut Runs,
) {
    let program = text::parse_program(program.as_bytes()).unwrap();
    let prompt = Tokenizer::new(model.vocabulary()).encode(&program.prompt()).unwrap();
    let mut reference = Reference::new(model, Attention::Kinds, Kernel::preferred()).unwrap();
    let mut engine = Planned::new(model, plan, Attention::Kinds, Kernel::preferred());
    let mut token = prompt[0];
    for at in 0..prompt.len() + length {
        let predicts = at + 1 >= prompt.len();
        let taken = (engine.take(token, predicts), reference.take(token, predicts));
        if !predicts {
            token = prompt[at + 1];
            continue;
        }
        // Where the model itself has lost its way the reference may refuse a key: then so does what it is behind.
        if taken.1.is_err() {
            break;
        }
        let next = reference.next_token().unwrap();
        assert_eq!((taken.0, engine.next_token()), (Ok(()), Ok(next)), "position {at}");
        match engine.fallback() {
            None => runs.predictions += 1,
            Some(_) => runs.behind += 1,
        }
        token = next;
        if token == model.stop() {
            break;
        }
    }
    if let Some(fallback) = engine.fallback() {
        *runs.handed_over.entry(fallback.reason.to_string()).or_default() += 1;
    }
}

#[test]
fn programs_in_other_styles_run_as_by_their_reference() {
    let first = setting("HARDMAX_FIRST_SEED", 1);
    let length = setting("HARDMAX_LENGTH", 3_000) as usize;
    let collatz = include_str!("../base/collatz.txt");
    let mut runs = Runs::default();
    for seed in first..first + u64::from(cases(12)) {
        let random = &mut Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let style = Style::random(seed);
        let recency = [0.3, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6][random.below(6) as usize];
        let style = if seed % 2 == 0 { style } else { style.with_recency(recency) };
        let ops = if seed % 3 == 0 { Op::ALL } else { Op::plain() };
        let model = model(&style, ops);
        let plan = Plan::new(&model, Plan::likely_bos(&model));
        assert!(plan.is_ok(), "seed {seed}, {style:?}: {plan:?}");
        runs.models += 1;
        let depth = [20, 200, 1_500, 9_000][random.below(4) as usize];
        for program in [collatz, &far_memory(random), &recursion(depth)] {
            generated(&model, &plan, program, length, &mut runs);
        }
    }
    println!("{runs:?}");
    assert!(runs.predictions > 1_000 * runs.models, "{runs:?}");
    assert!(!runs.handed_over.is_empty() && runs.behind > 0, "{runs:?}");
}
