//! Models with a program inside against the model of all programs: size, and tokens per second by plan and
//! by reference, in turns, in one process.
//!
//! `cargo bench --bench specialised [-- PROGRAM...]` (hello, collatz and sudoku by default) builds the models,
//! and asserts that the tokens behind the prompt are the same. `HARDMAX_BENCH_RUNS` (default 5) is how often;
//! medians are printed. Planning and making code count. The reference runs the first 20,000 tokens only, for
//! its layers have a unit for each instruction.

mod programs;

use std::time::Instant;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use hardmax::engine::{Attention, Decoder, Planned, Reference, generate};
use hardmax::linalg::Kernel;
use hardmax::model::{Model, Token};
use hardmax::plan::Plan;
use hardmax::specialise::{self, Takes};
use hardmax::tokenizer::Tokenizer;
use programs::{median, model_and_programs, runs};

const PROGRAMS: [&str; 3] = ["hello", "collatz", "sudoku"];

/// Tokens by the reference.
const BEGINNING: u64 = 20_000;

/// Names of generated tokens, and how many tokens a second.
fn run(
    model: &Model,
    engine: &mut impl Decoder,
    (prompt, most): (&[Token], u64),
    since: Instant,
) -> (Vec<Token>, f64) {
    let mut tokens = Vec::new();
    generate(engine, prompt, model.stop(), most, |token| tokens.push(token)).expect("it runs");
    let rate = (prompt.len() + tokens.len()) as f64 / since.elapsed().as_secs_f64();
    (tokens, rate)
}

fn by_plan(model: &Model, prompt: &[Token]) -> (Vec<Token>, f64) {
    let since = Instant::now();
    let plan = Plan::new(model, prompt[0]);
    let mut engine = Planned::new(model, &plan, Attention::Kinds, Kernel::preferred());
    let found = run(model, &mut engine, (prompt, u64::MAX), since);
    assert_eq!(engine.fallback(), None, "the plan ended");
    found
}

fn by_reference(model: &Model, prompt: &[Token]) -> (Vec<Token>, f64) {
    let since = Instant::now();
    let mut engine =
        Reference::new(model, Attention::Kinds, Kernel::preferred()).expect("a reference");
    run(model, &mut engine, (prompt, BEGINNING), since)
}

fn main() {
    let (universal, programs) = model_and_programs(&PROGRAMS);
    let runs = runs();
    println!("reference: dense, heads by their kinds; medians of {runs} runs");
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header([
        "program",
        "model",
        "L",
        "D",
        "F",
        "nonzeros",
        "bytes",
        "built in s",
        "prompt",
        "generated",
        "plan tok/s",
        "reference tok/s",
        "ratio",
    ]);
    for (name, program) in programs {
        let since = Instant::now();
        let build = specialise::specialise(&program, Takes::AtMost(65_535))
            .expect("bundled programs are small");
        let specialised = Model::new(build.parts).expect("a model");
        let seconds = since.elapsed().as_secs_f64();
        let own_prompt = specialise::prompt(&program, Takes::AtMost(65_535)).symbols();
        let models =
            [(&universal, program.prompt(), None), (&specialised, own_prompt, Some(seconds))];
        let mut rates = [(Vec::new(), Vec::new()), (Vec::new(), Vec::new())];
        let mut generated = [Vec::new(), Vec::new()];
        for _ in 0..runs {
            for (at, (model, prompt, _)) in models.iter().enumerate() {
                let tokenizer = Tokenizer::new(model.vocabulary());
                let prompt = tokenizer.encode(prompt).expect("the machine's tokens");
                let (tokens, fast) = by_plan(model, &prompt);
                let (beginning, slow) = by_reference(model, &prompt);
                assert!(tokens.starts_with(&beginning), "{name}: plan and reference differ");
                rates[at].0.push(fast);
                rates[at].1.push(slow);
                generated[at] =
                    tokens.iter().map(|&token| model.vocabulary().name(token).to_owned()).collect();
            }
        }
        assert!(generated[0] == generated[1], "{name}: the two models differ");
        for ((model, prompt, seconds), (fast, slow)) in models.iter().zip(&mut rates) {
            let shape = model.shape();
            let (fast, slow) = (median(fast), median(slow));
            table.add_row([
                name.clone(),
                if seconds.is_some() { "specialised" } else { "universal" }.to_owned(),
                shape.layers.to_string(),
                shape.width.to_string(),
                shape.units.to_string(),
                model.nonzeros().to_string(),
                model.to_bytes().len().to_string(),
                seconds.map_or(String::new(), |seconds| format!("{seconds:.2}")),
                prompt.len().to_string(),
                generated[0].len().to_string(),
                format!("{fast:.0}"),
                format!("{slow:.0}"),
                format!("{:.0}", fast / slow),
            ]);
        }
    }
    println!("{table}");
}
