//! Native arithmetic, instruction by instruction, against the oracle: edge values
//! in all pairs, every pair of bytes for bit operations, shifts of every pair of
//! neighbouring bytes by every count, and random pairs. All of it by the plan, samples by the
//! reference, some by the graph. `ARITHMETIC_PAIRS` sets how many random pairs.

mod common;

use hardmax::attention::memory;
use hardmax::engine::Attention;
use hardmax::graph::evaluate::Evaluation;
use hardmax::linalg::Kernel;
use hardmax::machine::{Instruction, Op, Symbol};
use hardmax::model::Model;
use hardmax::oracle;
use hardmax::plan::{Plan, Refusal};
use hardmax::program::Program;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const EDGES: [u32; 18] = [
    0,
    1,
    2,
    3,
    7,
    255,
    256,
    257,
    0xffff,
    0x1_0000,
    0xff_ffff,
    0x0100_0001,
    0x1234_5678,
    0x7fff_ffff,
    0x8000_0000,
    0x8000_0001,
    0xffff_fffe,
    0xffff_ffff,
];

const SHIFTS: [Op; 5] = [Op::Shl, Op::ShrU, Op::ShrS, Op::Rotl, Op::Rotr];

const BINARY: [Op; 12] = [
    Op::And,
    Op::Or,
    Op::Xor,
    Op::Shl,
    Op::ShrU,
    Op::ShrS,
    Op::Rotl,
    Op::Rotr,
    Op::Mul,
    Op::MulHigh,
    Op::DivU,
    Op::RemU,
];

type Operation = (Op, u32, u32);

/// What generates in a test.
#[derive(Clone, Copy)]
enum By {
    Plan,
    Reference,
}

impl By {
    /// Operations in one program.
    fn chunk(self) -> usize {
        match self {
            By::Plan => 5_000,
            By::Reference => 300,
        }
    }

    fn generated(
        self,
        model: &Model,
        plan: &Result<Plan, Refusal>,
        prompt: &[Symbol],
    ) -> Vec<Symbol> {
        match self {
            By::Plan => common::generated_by_plan(model, plan, prompt, u64::MAX),
            By::Reference => {
                let (attention, kernel) = (Attention::Kinds, Kernel::preferred());
                common::generated(model, prompt, attention, kernel, u64::MAX).unwrap()
            }
        }
    }
}

/// Runs `a op b` for all of these in programs of many instructions, by the
/// oracle and by the model. Division by 0, which ends a program, has its own test.
fn check(by: By, operations: impl IntoIterator<Item = Operation>) {
    let model = common::model();
    let plan = common::plan(&model);
    let mut operations =
        operations.into_iter().filter(|&(op, _, b)| b != 0 || !divides(op)).peekable();
    while operations.peek().is_some() {
        let chunk: Vec<Operation> = operations.by_ref().take(by.chunk()).collect();
        let program = program(&chunk);
        let (expected, _) = oracle::trace(&program, u64::MAX).unwrap();
        let got = by.generated(&model, &plan, &program.prompt());
        if got != expected {
            let at = got.iter().zip(&expected).take_while(|(a, b)| a == b).count();
            let done = expected[..at].iter().filter(|s| is_drop(s)).count();
            panic!("{:?}: expected {}, got {}", chunk[done], expected[at], got[at]);
        }
    }
}

fn program(operations: &[Operation]) -> Program {
    let mut code = Vec::new();
    for &(op, a, b) in operations {
        code.extend([(Op::Const, a), (Op::Const, b), (op, 0), (Op::Drop, 0)]);
    }
    code.push((Op::Halt, 0));
    let code = code.into_iter().map(|(op, immediate)| Instruction::new(op, immediate));
    Program::new(code.collect(), Vec::new()).unwrap()
}

fn divides(op: Op) -> bool {
    matches!(op, Op::DivU | Op::RemU)
}

fn is_drop(symbol: &Symbol) -> bool {
    *symbol == Symbol::Commit { depth: -1, pushes: false, branched: false }
}

fn edges() -> impl Iterator<Item = Operation> {
    let pairs = EDGES.iter().flat_map(|&a| EDGES.iter().map(move |&b| (a, b)));
    pairs.flat_map(|(a, b)| BINARY.map(|op| (op, a, b)))
}

#[test]
fn edge_values_in_all_pairs() {
    check(By::Plan, edges());
    check(By::Reference, edges().step_by(3));
}

/// Four pairs of bytes at a time, every pair by every operation.
fn pairs_of_bytes() -> impl Iterator<Item = Operation> {
    let four = |x: u32| u32::from_le_bytes([0, 64, 128, 192].map(|by| x as u8 + by));
    let pairs = (0..64u32).flat_map(|x| (0..256u32).map(move |y| (x, y)));
    pairs
        .flat_map(move |(x, y)| [Op::And, Op::Or, Op::Xor].map(|op| (op, four(x), y * 0x0101_0101)))
}

#[test]
fn pairs_of_bytes_in_bit_operations() {
    check(By::Plan, pairs_of_bytes());
    check(By::Reference, pairs_of_bytes().step_by(41));
}

/// Every pair of neighbouring bytes, in both orders, shifted by up to 7 bits.
#[test]
fn pairs_of_bytes_in_shifts() {
    let pairs = (0..256u32).flat_map(|x| (x..256).map(move |y| x << 8 | y));
    let words = pairs.map(|pair| pair << 16 | pair);
    check(
        By::Plan,
        words.enumerate().flat_map(|(at, word)| {
            // Each count meets every pair in one of the shifts, and every shift all counts.
            (0..8).map(move |count| (SHIFTS[(at + count) % 5], word, count as u32))
        }),
    );
}

fn every_count() -> impl Iterator<Item = Operation> {
    let operands = [0x8765_4321u32, 0x7edc_ba98, 0xffff_ffff, 1];
    let counts = (0..=33u32).chain([63, 64, 255, 256, u32::MAX]);
    counts.flat_map(move |count| {
        operands.into_iter().flat_map(move |a| SHIFTS.map(|op| (op, a, count)))
    })
}

#[test]
fn every_count_of_shifts_and_rotations() {
    check(By::Plan, every_count());
    check(By::Reference, every_count());
}

/// Products and quotients, of numbers of all lengths.
fn random_operations() -> impl Iterator<Item = Operation> {
    let mut runner = TestRunner::deterministic();
    let wide = (any::<u32>(), any::<u32>(), 0u32..32, 0u32..32);
    (0usize..).map(move |at| {
        let (a, b, x, y) = wide.new_tree(&mut runner).unwrap().current();
        ([Op::Mul, Op::MulHigh, Op::DivU, Op::RemU][at % 4], a >> x, b >> y)
    })
}

#[test]
fn random_pairs() {
    let pairs = common::setting("ARITHMETIC_PAIRS", 100_000) as usize;
    check(By::Plan, random_operations().take(pairs));
    check(By::Reference, random_operations().take(1_000));
}

/// The graph itself, before there are weights; `ARITHMETIC_GRAPH_PAIRS` sets how many pairs.
#[test]
fn random_pairs_in_the_graph() {
    let pairs = common::setting("ARITHMETIC_GRAPH_PAIRS", 1_000) as usize;
    let graph = hardmax::machine::graph::machine();
    let first = common::setting("ARITHMETIC_GRAPH_FIRST", 0) as usize;
    let operations = random_operations().skip(first).take(pairs);
    let mut operations = operations.filter(|&(op, _, b)| b != 0 || !divides(op)).peekable();
    while operations.peek().is_some() {
        let program = program(&operations.by_ref().take(By::Reference.chunk()).collect::<Vec<_>>());
        let (trace, _) = oracle::trace(&program, u64::MAX).unwrap();
        let prompt = program.prompt();
        let mut evaluation = Evaluation::new(&graph, memory).unwrap();
        for (at, &token) in prompt.iter().chain(&trace).enumerate() {
            if at >= prompt.len() {
                assert_eq!(Symbol::all()[evaluation.next_token()], token, "position {at}");
            }
            evaluation.step(token.id() as usize).unwrap();
        }
    }
}

#[test]
fn ones_are_counted() {
    let model = common::model();
    let mut code = Vec::new();
    for value in EDGES.into_iter().chain((0..32).map(|bit| 1 << bit)) {
        code.extend([(Op::Const, value), (Op::Popcnt, 0), (Op::Output, 0)]);
    }
    code.push((Op::Halt, 0));
    let code = code.into_iter().map(|(op, immediate)| Instruction::new(op, immediate)).collect();
    let program = Program::new(code, Vec::new()).unwrap();
    let kernel = Kernel::preferred();
    let got =
        common::generated(&model, &program.prompt(), Attention::Kinds, kernel, u64::MAX).unwrap();
    assert_eq!(got, oracle::trace(&program, u64::MAX).unwrap().0);
}
