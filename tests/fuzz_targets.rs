//! A short, repeatable pass of every fuzz target: over what campaigns begin with, and over
//! mutations of it, as many as there is time for in a test. docs/testing.md says how to run
//! campaigns, which are guided by coverage and find much more. `HARDMAX_PASSES` says how many times as many mutations there are.

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::fs;
use std::path::Path;

use fuzz::TARGETS;

/// How many mutations of its seeds each target is given, and at least how many of these
/// must get as far as what the target compares: one that refuses nearly everything tests little.
const PASSES: [(&str, usize, usize); 8] = [
    ("model_loader", 20000, 1000),
    ("plan_agreement", 4000, 300),
    ("token_programs", 2500, 1000),
    ("text_traces", 6000, 100),
    ("binary_traces", 10000, 300),
    ("wasm_modules", 1500, 1200),
    ("wat_texts", 4000, 80),
    ("wrong_tokens", 300, 200),
];

/// Runs a target by its name.
fn pass(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let &(_, count, least) = PASSES.iter().find(|pass| pass.0 == name).unwrap();
    let times = std::env::var("HARDMAX_PASSES").map_or(1, |times| times.parse().unwrap());
    let (count, least) = (times * count, times * least);
    let seeds = (target.seeds)();
    let mut random = fastrand::Rng::with_seed(1);
    let mut reached = seeds.iter().filter(|seed| (target.check)(seed)).count();
    for number in 0..count {
        let mut data = seeds[number % seeds.len()].clone();
        for _ in 0..random.usize(1..4) {
            mutate(&mut data, &seeds, &mut random);
        }
        reached += usize::from((target.check)(&data));
    }
    println!("{name}: {reached} of {} got through", seeds.len() + count);
    assert!(reached >= least, "{name}: only {reached} of {count} got through");
}

/// Much like what fuzzers do: bits, bytes, numbers, and parts of this input or another.
fn mutate(data: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut fastrand::Rng) {
    let at = random.usize(0..=data.len());
    let until = random.usize(at..=data.len().min(at + 32));
    match random.u8(0..7) {
        0 if at < data.len() => data[at] ^= 1 << random.u8(0..8),
        1 if at < data.len() => data[at] = random.u8(..),
        2 if at < data.len() => data[at] = random.choice([0, 1, 0x7f, 0x80, 0xff]).unwrap(),
        3 => data.insert(at, random.u8(..)),
        4 => drop(data.drain(at..until)),
        5 => {
            let part = data[at..until].to_vec();
            let to = random.usize(0..=data.len());
            data.splice(to..to, part);
        }
        _ => {
            let other = &seeds[random.usize(0..seeds.len())];
            let from = random.usize(0..=other.len());
            let part = other[from..other.len().min(from + 32)].to_vec();
            data.splice(at..until, part);
        }
    }
}

/// `HARDMAX_SEEDS=folder` has them written, as what campaigns begin with.
#[test]
fn seeds_are_small_and_written_where_they_are_wanted() {
    let mut total = 0;
    for target in TARGETS {
        for (number, seed) in (target.seeds)().iter().enumerate() {
            total += seed.len();
            if let Some(folder) = std::env::var_os("HARDMAX_SEEDS") {
                let folder = Path::new(&folder).join(target.name);
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join(format!("seed-{number}")), seed).unwrap();
            }
        }
    }
    assert!(total < 100_000, "{total} bytes");
}

macro_rules! passes {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                pass(stringify!($name));
            }
        )*

        #[test]
        fn every_target_has_its_pass() {
            let named = [$(stringify!($name)),*];
            assert!(TARGETS.iter().map(|target| target.name).eq(named));
        }
    };
}

passes! {
    model_loader plan_agreement token_programs text_traces binary_traces wasm_modules wat_texts
    wrong_tokens
}
