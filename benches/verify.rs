//! Tokens per second of verification, by method and number of threads, in turns.
//!
//! `cargo bench --bench verify [-- PROGRAM...]` generates the traces of bundled programs (sudoku
//! by default) by the plan, verifies each by every method on one thread and on one for each core, and
//! prints medians. `HARDMAX_BENCH_RUNS` (default 5) is how often. Planning counts, loading and
//! generating do not.
//!
//! Where `HARDMAX_FOREIGN` names the folder of a `model.bin`, that model runs the programs in `tests/base`
//! instead.

mod programs;

use std::convert::Infallible;
use std::time::Instant;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use hardmax::engine::verify::{Products, Settings, Verification, verify, verify_by_plan};
use hardmax::engine::{Attention, Planned, generate};
use hardmax::linalg::Kernel;
use hardmax::model::{Model, Tokens};
use hardmax::plan::Plan;
use hardmax::tokenizer::Tokenizer;
use programs::{median, model_and_programs, runs};
use rayon::{ThreadPool, ThreadPoolBuilder};

/// How a trace is verified.
#[derive(Clone, Copy, Debug)]
enum Method {
    Products(Products, Kernel),
    Plan,
}

impl Method {
    fn all() -> Vec<Method> {
        let dense = Kernel::ALL.iter().map(|&kernel| Method::Products(Products::Dense, kernel));
        let sparse = Method::Products(Products::Sparse, Kernel::preferred());
        dense.chain([sparse, Method::Plan]).collect()
    }

    fn name(self) -> String {
        match self {
            Method::Products(Products::Dense, kernel) => format!("dgemm, {kernel}"),
            Method::Products(Products::Sparse, _) => "sparse".to_owned(),
            Method::Plan => "plan".to_owned(),
        }
    }

    fn verify(self, model: &Model, prompt: u64, trace: &Tokens, pool: &ThreadPool) -> Verification {
        let settings = |products, kernel| Settings {
            attention: Attention::Kinds,
            products,
            kernel,
            block: 512,
            spot: None,
        };
        match self {
            Method::Products(products, kernel) => {
                let tokens = trace.iter().map(Ok::<_, Infallible>);
                verify(model, prompt, tokens, settings(products, kernel), pool, |_| ()).unwrap()
            }
            Method::Plan => {
                let plan = Plan::new(model, trace.get(0).expect("a prompt"));
                let settings = settings(Products::preferred(model), Kernel::preferred());
                verify_by_plan(model, &plan, prompt, trace, settings, pool, |_| ()).unwrap()
            }
        }
    }
}

fn main() {
    let (model, programs) = model_and_programs(&["sudoku"]);
    let runs = runs();
    let tokenizer = Tokenizer::new(model.vocabulary());
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let mut counts = vec![1, cores];
    counts.dedup();
    let pool = |count| ThreadPoolBuilder::new().num_threads(count).build().expect("threads");
    let pools: Vec<(usize, ThreadPool)> =
        counts.into_iter().map(|count| (count, pool(count))).collect();

    println!("medians of {runs} runs");
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(["program", "tokens", "method", "threads", "tok/s", "least", "most"]);
    for (name, program) in programs {
        let prompt = tokenizer.encode(&program.prompt()).expect("the machine's tokens");
        let plan = Plan::new(&model, prompt[0]);
        let mut engine = Planned::new(&model, &plan, Attention::Hull, Kernel::preferred());
        let mut trace: Tokens = prompt.iter().copied().collect();
        let end = generate(&mut engine, &prompt, model.stop(), u64::MAX, |token| trace.push(token));
        end.expect("bundled programs halt");

        let ways: Vec<(Method, &(usize, ThreadPool))> = Method::all()
            .into_iter()
            .flat_map(|m| pools.iter().map(move |pool| (m, pool)))
            .collect();
        let mut rates = vec![Vec::new(); ways.len()];
        for _ in 0..runs {
            for ((method, (_, pool)), rates) in ways.iter().zip(&mut rates) {
                let since = Instant::now();
                let found = method.verify(&model, prompt.len() as u64, &trace, pool);
                rates.push(trace.len() as f64 / since.elapsed().as_secs_f64());
                assert!(found.passed() && found.fallback.is_none(), "{name}: {method:?}");
            }
        }
        for ((method, (threads, _)), mut rates) in ways.into_iter().zip(rates) {
            let middle = median(&mut rates);
            table.add_row([
                name.clone(),
                trace.len().to_string(),
                method.name(),
                threads.to_string(),
                format!("{middle:.0}"),
                format!("{:.0}", rates[0]),
                format!("{:.0}", rates[rates.len() - 1]),
            ]);
        }
    }
    println!("{table}");
}
