//! Models that have a program in their weights generate what the oracle writes behind the prompt of the
//! program, however they are computed.

mod common;

use std::collections::BTreeSet;

use common::programs::{Source, source};
use hardmax::attention::memory;
use hardmax::engine::verify::{Products, Settings, Verification, verify, verify_by_plan};
use hardmax::engine::{Attention, Planned, Reference, generate};
use hardmax::graph::evaluate::Evaluation;
use hardmax::linalg::Kernel;
use hardmax::machine::{Instruction, Op, Symbol, graph};
use hardmax::model::{Model, Token, Tokens};
use hardmax::oracle;
use hardmax::plan::{Plan, Refusal};
use hardmax::program::Program;
use hardmax::specialise::{self, Takes};
use hardmax::tokenizer::Tokenizer;
use hardmax::wasm;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// Traces are compared up to here by the reference, and by the plan.
const LIMIT: u64 = 1_200;

/// A graph as it stands is slow.
const SHORT: u64 = 400;

/// The trace of a specialised model: its prompt, and what the oracle writes.
fn expected(program: &Program, takes: Takes, limit: u64) -> (Vec<Symbol>, Vec<Symbol>) {
    let prompt = specialise::prompt(program, takes).symbols();
    (prompt, oracle::trace(program, limit).unwrap().0)
}

/// A model with a program inside, and the trace that it must generate.
struct Specialised {
    model: Model,
    prompt: Vec<Token>,
    generated: Vec<Token>,
}

impl Specialised {
    fn new(program: &Program, takes: Takes) -> Specialised {
        let build = specialise::specialise(program, takes).unwrap();
        let model = Model::new(build.parts).unwrap();
        let tokenizer = Tokenizer::new(model.vocabulary());
        let (prompt, generated) = expected(program, takes, LIMIT);
        let [prompt, generated] = [prompt, generated].map(|of| tokenizer.encode(&of).unwrap());
        Specialised { model, prompt, generated }
    }

    fn trace(&self) -> Tokens {
        self.prompt.iter().chain(&self.generated).copied().collect()
    }

    /// What a reference generates.
    fn by(&self, attention: Attention) -> Vec<Token> {
        let mut engine = Reference::new(&self.model, attention, Kernel::preferred()).unwrap();
        let mut generated = Vec::new();
        let emit = |token| generated.push(token);
        generate(&mut engine, &self.prompt, self.model.stop(), LIMIT, emit).unwrap();
        generated
    }

    /// What the plan generates, without any fallback.
    fn by_plan(&self) -> Vec<Token> {
        let plan = Plan::new(&self.model, self.prompt[0]);
        let mut engine = Planned::new(&self.model, &plan, Attention::Kinds, Kernel::preferred());
        let mut generated = Vec::new();
        let emit = |token| generated.push(token);
        generate(&mut engine, &self.prompt, self.model.stop(), LIMIT, emit).unwrap();
        // Behind `start` alone the plan hands over the one prediction that it does not make itself.
        assert_eq!(engine.fallback(), None);
        generated
    }

    /// Where a trace is found wrong, if it is, by dense and sparse products and by a plan.
    fn first_wrong(&self, trace: &Tokens, plan: &Result<Plan, Refusal>) -> [Option<u64>; 3] {
        let settings = |products| Settings {
            attention: Attention::Kinds,
            products,
            kernel: Kernel::preferred(),
            block: 64,
            spot: None,
        };
        let (prompt, pool) = (self.prompt.len() as u64, &common::POOLS[1]);
        let by_products = |products| {
            let tokens = trace.iter().map(Ok::<_, std::convert::Infallible>);
            verify(&self.model, prompt, tokens, settings(products), pool, |_| ()).unwrap()
        };
        let settings = settings(Products::Sparse);
        let by_plan =
            verify_by_plan(&self.model, plan, prompt, trace, settings, pool, |_| ()).unwrap();
        let first = |found: Verification| found.first.map(|first| first.position);
        [by_products(Products::Dense), by_products(Products::Sparse), by_plan].map(first)
    }
}

/// Random programs that together have every instruction.
fn programs(count: usize) -> Vec<Program> {
    let mut runner = TestRunner::deterministic();
    let mut next = || source(false).new_tree(&mut runner).unwrap().current().program();
    let mut chosen: Vec<Program> = Vec::new();
    let mut executed = BTreeSet::new();
    while chosen.len() < count {
        let program = next();
        let ops: BTreeSet<Op> = program.code().iter().map(|of| of.op).collect();
        let all = executed.union(&ops).count();
        // The last ones are as they come.
        if all > executed.len() + 1 || executed.len() + 2 > Op::ALL.len() {
            executed.extend(ops);
            chosen.push(program);
        }
    }
    assert!(executed.len() + 1 >= Op::ALL.len(), "{executed:?}");
    chosen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(common::cases(60)))]

    /// The graph as it stands, before there are weights. Where the program has an input, it stands in the
    /// prompt or in the weights.
    #[test]
    fn the_graph_predicts_what_the_oracle_writes(source in source(false), takes_input: bool) {
        graph_predicts(&source, takes_input);
    }

    #[test]
    fn the_graph_is_exact_at_addresses_near_the_end_of_memory(source in source(true), takes_input: bool) {
        graph_predicts(&source, takes_input);
    }
}

fn graph_predicts(source: &Source, takes_input: bool) {
    let program = source.program();
    let takes = if takes_input { Takes::AtMost(u32::MAX) } else { Takes::Nothing };
    let embedded = specialise::embedded(&program, takes).unwrap();
    let graph = graph::specialised(&embedded);
    let (prompt, generated) = expected(&program, takes, SHORT);
    let vocabulary = Symbol::without_program();
    let mut evaluation = Evaluation::new(&graph, memory).unwrap();
    let trace: Vec<Symbol> = prompt.iter().chain(&generated).copied().collect();
    for (at, &symbol) in trace.iter().enumerate() {
        if at >= prompt.len() {
            let next = vocabulary[evaluation.next_token()];
            assert_eq!(next.to_string(), symbol.to_string(), "position {at}");
        }
        let token = vocabulary.iter().position(|&of| of == symbol).unwrap();
        evaluation.step(token).unwrap();
    }
}

#[test]
fn models_with_random_programs_generate_what_the_oracle_writes() {
    for (number, program) in programs(common::cases(10) as usize).iter().enumerate() {
        let most = [7, u32::MAX, 65_535][number % 3];
        let takes_input = !program.payloads().is_empty() && number % 2 == 0;
        let takes = if takes_input { Takes::AtMost(most) } else { Takes::Nothing };
        let specialised = Specialised::new(program, takes);
        assert_eq!(specialise::takes(&specialised.model), Some(takes));
        assert!(specialise::has_program_inside(&specialised.model));
        assert_eq!(specialised.by(Attention::Kinds), specialised.generated, "program {number}");
        assert_eq!(specialised.by(Attention::Hull), specialised.generated, "program {number}");
        assert_eq!(specialised.by_plan(), specialised.generated, "program {number}");
        let plan = Plan::new(&specialised.model, specialised.prompt[0]);
        assert_eq!(specialised.first_wrong(&specialised.trace(), &plan), [None; 3]);
    }
}

/// Programs that people run, from one end to the other, by the plans of both models.
#[test]
fn bundled_programs_generate_the_same_tokens_from_the_prompt_and_from_the_weights() {
    let universal = common::model();
    let universal_plan = common::plan(&universal);
    for name in ["hello", "collatz", "sudoku"] {
        let bundled = hardmax::cli::bundled_programs();
        let bundled = bundled.iter().find(|bundled| bundled.name == name).unwrap();
        let compiled = wasm::compile(bundled.wasm, &wasm::Options::default()).unwrap();
        let program = compiled.with_input(bundled.input.as_bytes()).unwrap();
        let expected =
            common::generated_by_plan(&universal, &universal_plan, &program.prompt(), u64::MAX);
        let build = specialise::specialise(&program, Takes::AtMost(65_535)).unwrap();
        let model = Model::new(build.parts).unwrap();
        let tokenizer = Tokenizer::new(model.vocabulary());
        let prompt = specialise::prompt(&program, Takes::AtMost(65_535)).symbols();
        let prompt = tokenizer.encode(&prompt).unwrap();
        let plan = Plan::new(&model, prompt[0]);
        let mut engine = Planned::new(&model, &plan, Attention::Kinds, Kernel::preferred());
        let mut generated = Vec::new();
        let emit = |token| generated.push(tokenizer.symbol(token).unwrap());
        generate(&mut engine, &prompt, model.stop(), u64::MAX, emit).unwrap();
        assert_eq!(engine.fallback(), None, "{name}");
        assert!(generated == expected, "{name}");
    }
}

fn program(code: &[(Op, u32)], payloads: &[&[u8]]) -> Program {
    let code = code.iter().map(|&(op, immediate)| Instruction::new(op, immediate)).collect();
    Program::new(code, payloads.iter().map(|payload| payload.to_vec()).collect()).unwrap()
}

/// Payloads that overlap, that are apart by one byte and by many, and an input over them all.
fn with_data() -> Program {
    let mut code = vec![
        (Op::InputBase, 100),
        (Op::InputBase, 102),
        (Op::InputBase, 108),
        (Op::InputBase, 70_000),
        (Op::InputBase, u32::MAX - 3),
        (Op::InputBase, 104),
    ];
    let loads = [Op::Load8U, Op::Load8S, Op::Load16U, Op::Load16S, Op::Load];
    for (at, address) in (98..114).chain(69_998..70_004).chain(u32::MAX - 6..=u32::MAX).enumerate()
    {
        code.extend([
            (Op::Const, address),
            (loads[at % loads.len()], [0, 1][at % 2]),
            (Op::Drop, 0),
        ]);
        code.extend([(Op::Const, address), (loads[(at + 2) % loads.len()], 0), (Op::Output, 0)]);
        if at % 4 == 1 {
            code.extend([(Op::Const, address), (Op::Const, 0x80ff_0081), (Op::Store16, 0)]);
        }
    }
    code.push((Op::Halt, 0));
    program(&code, &[b"\x80abc\xff", b"\x00\x81", b"q\xf0", b"\xfe\x01\x90", b"\x7f\x80zzz", b"in"])
}

#[test]
fn data_are_in_the_weights_and_writes_lie_over_them() {
    let program = with_data();
    for takes in [Takes::AtMost(100), Takes::Nothing] {
        let specialised = Specialised::new(&program, takes);
        assert!(specialised.generated.len() > 500);
        assert_eq!(specialised.by(Attention::Kinds), specialised.generated);
        assert_eq!(specialised.by_plan(), specialised.generated);
    }
}

/// So many distinct immediates that they make no classes, in code long enough to be a function.
#[test]
fn a_wrong_token_is_found_wherever_it_stands() {
    let mut code: Vec<(Op, u32)> = Vec::new();
    for number in 0..6u32 {
        code.extend([(Op::Const, number * 0x0101_0301), (Op::Const, 77 + number), (Op::Add, 0)]);
        code.extend([
            (Op::LocalTee, number),
            (Op::Output, 0),
            (Op::LocalGet, number),
            (Op::Drop, 0),
        ]);
    }
    code.push((Op::Halt, 0));
    let specialised = Specialised::new(&program(&code, &[]), Takes::Nothing);
    assert_eq!(specialised.by_plan(), specialised.generated);
    let good = specialised.trace();
    assert!(specialised.generated.len() > 100);
    let plan = Plan::new(&specialised.model, specialised.prompt[0]);
    for position in specialised.prompt.len()..good.len() {
        let wrong = |token: Token| Token(if token.0 == 3 { 4 } else { 3 });
        let changed = |(at, token)| if at == position { wrong(token) } else { token };
        let trace: Tokens = good.iter().enumerate().map(changed).collect();
        assert_eq!(specialised.first_wrong(&trace, &plan), [Some(position as u64); 3]);
    }
}
