//! Tokens per second of the plan against the reference, in turns, in one process.
//!
//! `cargo bench --bench generate [-- PROGRAM...]` runs bundled programs to their end (sudoku,
//! collatz and min_cost_matching by default), compares the tokens of both engines,
//! and prints medians and the ratio. `HARDMAX_BENCH_RUNS` (default 5) is how often.
//! Planning and making code count, loading does not.
//!
//! Where `HARDMAX_FOREIGN` names the folder of a `model.bin`, of other builders or by `hardmax build --style 2
//! --plain -o FOLDER/model.bin`, that model runs the programs in `tests/base`
//! instead, which need few instructions.

mod programs;

use std::time::Instant;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use hardmax::engine::{Attention, Decoder, Planned, Reference, generate};
use hardmax::linalg::Kernel;
use hardmax::model::Token;
use hardmax::plan::Plan;
use hardmax::tokenizer::Tokenizer;
use programs::{median, model_and_programs, runs};

const PROGRAMS: [&str; 3] = ["sudoku", "collatz", "min_cost_matching"];

/// Every token of a run, and how many of them a second.
struct Run {
    tokens: Vec<Token>,
    rate: f64,
}

fn run(engine: &mut impl Decoder, prompt: &[Token], stop: Token, since: Instant) -> Run {
    let mut tokens = Vec::new();
    let end = generate(engine, prompt, stop, u64::MAX, |token| tokens.push(token));
    end.expect("bundled programs halt");
    let rate = (prompt.len() + tokens.len()) as f64 / since.elapsed().as_secs_f64();
    Run { tokens, rate }
}

fn main() {
    let (model, programs) = model_and_programs(&PROGRAMS);
    let runs = runs();
    let tokenizer = Tokenizer::new(model.vocabulary());
    let kernel = Kernel::preferred();
    println!("reference: dense, a hull for every head, kernel {kernel:?}; medians of {runs} runs");

    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header([
        "program",
        "tokens",
        "reference tok/s",
        "plan tok/s",
        "least",
        "most",
        "ratio",
    ]);
    for (name, program) in programs {
        let prompt = tokenizer.encode(&program.prompt()).expect("the machine's tokens");
        let (mut slow, mut fast) = (Vec::new(), Vec::new());
        let mut count = 0;
        for _ in 0..runs {
            let since = Instant::now();
            let mut engine = Reference::new(&model, Attention::Hull, kernel).expect("a reference");
            let reference = run(&mut engine, &prompt, model.stop(), since);
            let since = Instant::now();
            let plan = Plan::new(&model, prompt[0]);
            let mut engine = Planned::new(&model, &plan, Attention::Hull, kernel);
            let planned = run(&mut engine, &prompt, model.stop(), since);
            assert_eq!(engine.fallback(), None, "{name}: the plan ended");
            assert!(planned.tokens == reference.tokens, "{name}: other tokens");
            slow.push(reference.rate);
            fast.push(planned.rate);
            count = prompt.len() + planned.tokens.len();
        }
        let (slow, middle) = (median(&mut slow), median(&mut fast));
        table.add_row([
            name,
            count.to_string(),
            format!("{slow:.0}"),
            format!("{middle:.0}"),
            format!("{:.0}", fast[0]),
            format!("{:.0}", fast[fast.len() - 1]),
            format!("{:.0}", middle / slow),
        ]);
    }
    println!("{table}");
}
