//! The machine in the styles of other builders ([`Style`]): models without kinds 3 and 4 whose sums are not
//! rounded on purpose, drawn by a seed, of the plain vocabulary and of all instructions. Their plans agree
//! with the reference along programs and along random histories that begin with them.
//!
//! `HARDMAX_FIRST_SEED` is the first seed, `PROPTEST_CASES` how many of each vocabulary, and
//! `HARDMAX_LENGTH` how many tokens each of the random histories goes on for, if not 120.

use hardmax::engine::{Agreement, Attention, Decoder, Planned, Walks, compare};
use hardmax::linalg::Kernel;
use hardmax::machine::{Op, Symbol, graph};
use hardmax::model::{Model, Token};
use hardmax::plan::Plan;
use hardmax::program::text;
use hardmax::tokenizer::Tokenizer;
use hardmax::weights::{Style, build_in};

use crate::common::cases;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// A machine of these instructions in a style.
fn model(style: &Style, ops: &[Op]) -> Model {
    let graph = graph::machine_of(ops, style.locals);
    Model::new(build_in(style, &graph, Symbol::names(ops), "halt").parts).unwrap()
}

/// The traces of two programs, each with the length of its prompt.
fn known(model: &Model) -> Vec<(usize, Vec<Token>)> {
    let traces: [&[u8]; 2] = [
        include_bytes!("../vectors/reverse_ref.txt"),
        include_bytes!("../vectors/countdown_ref.txt"),
    ];
    let tokenizer = Tokenizer::new(model.vocabulary());
    let encode = |trace: &&[u8]| {
        let trace = text::parse_trace(trace).unwrap();
        let prompt = trace.program.prompt();
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
    let first = number("HARDMAX_FIRST_SEED", 1);
    let length = number("HARDMAX_LENGTH", 120) as usize;
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
