//! What a long run costs: speed and memory of the plan, tenth by tenth.
//!
//! `cargo bench --bench length [-- TOKENS]` runs the bundled `scale` for about so many
//! tokens (10,000,000 by default) and prints for every tenth the rate, and the bytes
//! that history and tables hold.

use std::time::Instant;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use hardmax::cli::bundled_programs;
use hardmax::engine::{Attention, Decoder, Planned};
use hardmax::linalg::Kernel;
use hardmax::model::Model;
use hardmax::plan::Plan;
use hardmax::tokenizer::Tokenizer;
use hardmax::wasm::{self, Options};

fn main() {
    let wanted = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let wanted: u64 = wanted.unwrap_or(10_000_000);
    let model = Model::from_bytes(&include_bytes!("../models/wasm32.bin")[..]).expect("bundled");
    let tokenizer = Tokenizer::new(model.vocabulary());
    let scale = bundled_programs().iter().find(|program| program.name == "scale");
    let compiled = wasm::compile(scale.expect("bundled").wasm, &Options::default());
    // Far more rounds than the tokens allow: the run ends at the limit.
    let program = compiled.expect("bundled").with_input(b"1000000000").expect("an input");
    let prompt = tokenizer.encode(&program.prompt()).expect("the machine's tokens");
    let plan = Plan::new(&model, prompt[0]);
    let mut engine = Planned::new(&model, &plan, Attention::Kinds, Kernel::preferred());

    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(["tokens", "tok/s", "bytes held", "bytes a token"]);
    let (&last, before) = prompt.split_last().expect("a prompt is not empty");
    before.iter().for_each(|&token| engine.take(token, false).expect("a prompt token"));
    engine.take(last, true).expect("a prompt token");
    let mut taken = prompt.len() as u64;
    for tenth in 1..=10 {
        let (since, from) = (Instant::now(), taken);
        while taken < wanted * tenth / 10 {
            let token = engine.next_token().expect("a prediction");
            assert!(token != model.stop(), "the run ended before its last tenth");
            engine.take(token, true).expect("a token");
            taken += 1;
        }
        let held = engine.heap_bytes();
        table.add_row([
            taken.to_string(),
            format!("{:.0}", (taken - from) as f64 / since.elapsed().as_secs_f64()),
            held.to_string(),
            format!("{:.2}", held as f64 / taken as f64),
        ]);
    }
    assert_eq!(engine.fallback(), None, "the plan broke");
    println!("{table}");
    // The high-water mark of the process, where the system tells it.
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        status.lines().filter(|line| line.starts_with("VmHWM")).for_each(|line| println!("{line}"));
    }
}
