//! A model that others have built: where `HARDMAX_FOREIGN` names the folder of its `model.bin`, its plan
//! and every method of verification give the traces of the oracle.

mod common;

use std::convert::Infallible;
use std::path::PathBuf;

use common::POOLS;
use hardmax::engine::verify::{Products, Settings, verify, verify_by_plan};
use hardmax::engine::{Attention, Planned, Walks, compare, generate};
use hardmax::linalg::Kernel;
use hardmax::model::{Model, Token, Tokens};
use hardmax::oracle;
use hardmax::plan::Plan;
use hardmax::program::{Program, text};
use hardmax::tokenizer::Tokenizer;

fn foreign() -> Option<Model> {
    let Some(folder) = std::env::var_os("HARDMAX_FOREIGN").map(PathBuf::from) else {
        println!("not tested: HARDMAX_FOREIGN names no folder");
        return None;
    };
    Some(Model::from_bytes(std::fs::read(folder.join("model.bin")).unwrap()).unwrap())
}

/// Programs that need few instructions: the conformance vectors, and larger ones.
fn programs() -> Vec<(String, Program)> {
    let own = ["tests/vectors", "tests/base"];
    let mut folders: Vec<PathBuf> =
        own.map(|folder| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder)).into();
    folders.extend(std::env::var_os("HARDMAX_VECTORS").map(PathBuf::from));
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.ends_with(".txt") && !name.ends_with("_ref.txt")
    });
    paths.sort();
    let read = |path: PathBuf| {
        let program = text::parse_program(&std::fs::read(&path).unwrap()).unwrap();
        (path.display().to_string(), program)
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn the_plan_of_a_foreign_model_generates_the_traces_of_the_oracle() {
    let Some(model) = foreign() else { return };
    let tokenizer = Tokenizer::new(model.vocabulary());
    let mut ran = 0;
    for (name, program) in programs() {
        let Ok(prompt) = tokenizer.encode(&program.prompt()) else { continue };
        let (symbols, _) = oracle::trace(&program, u64::MAX).unwrap();
        let expected = tokenizer.encode(&symbols).unwrap();
        let plan = Plan::new(&model, prompt[0]);
        let mut engine = Planned::new(&model, &plan, Attention::Kinds, Kernel::preferred());
        let mut generated: Vec<Token> = Vec::new();
        generate(&mut engine, &prompt, model.stop(), u64::MAX, |token| generated.push(token))
            .unwrap();
        assert_eq!(engine.fallback(), None, "{name}");
        assert!(generated == expected, "{name}");

        let tokens: Vec<Token> = prompt.iter().chain(&expected).copied().collect();
        // Products take a minute a million tokens.
        let tokens = &tokens[..tokens.len().min(100_000)];
        let settings = Settings {
            products: Products::preferred(&model),
            attention: Attention::Kinds,
            kernel: Kernel::preferred(),
            block: 256,
            spot: None,
        };
        let known: Tokens = tokens.iter().copied().collect();
        let begin = prompt.len() as u64;
        let by_plan =
            verify_by_plan(&model, &plan, begin, &known, settings, &POOLS[1], |_| ()).unwrap();
        assert!(by_plan.mismatches == 0 && by_plan.fallback.is_none(), "{name}: {by_plan:?}");
        let known = tokens.iter().copied().map(Ok::<_, Infallible>);
        let by_products = verify(&model, begin, known, settings, &POOLS[1], |_| ()).unwrap();
        assert_eq!(by_products.mismatches, 0, "{name}: {by_products:?}");
        ran += 1;
    }
    // Those that need few instructions, and the vectors that do.
    assert!(ran >= 2, "{ran} programs");
}

#[test]
fn the_plan_of_a_foreign_model_agrees_with_the_reference_along_random_histories() {
    let Some(model) = foreign() else { return };
    let plan = Plan::new(&model, Plan::likely_bos(&model)).unwrap();
    let tokenizer = Tokenizer::new(model.vocabulary());
    let prompts = programs().into_iter().filter_map(|(_, program)| {
        let prompt = tokenizer.encode(&program.prompt()).ok()?;
        (prompt.len() < 2_000).then(|| prompt[1..].to_vec())
    });
    let known: Vec<Vec<Token>> = prompts.collect();
    let count = u64::from(common::cases(60));
    let walks = Walks { count, length: 200, seed: 1, known };
    let agreement = compare(&model, &plan, walks, Attention::Kinds, Kernel::preferred()).unwrap();
    assert_eq!(agreement.difference, None, "{agreement:?}");
    assert!(agreement.predictions > 20 * count && agreement.longest > 100, "{agreement:?}");
}
