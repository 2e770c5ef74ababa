//! Native arithmetic, instruction by instruction, against the oracle: edge values
//! in all pairs, pairs of bytes for bit operations, every count for shifts, and
//! random pairs. `ARITHMETIC_PAIRS` sets how many of these, and from 100,000 on
//! takes every pair of bytes instead of a sample.

mod common;

use hardmax::engine::Attention;
use hardmax::linalg::Kernel;
use hardmax::machine::{Instruction, Op, Symbol};
use hardmax::oracle;
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

const BINARY: [Op; 11] = [
    Op::And,
    Op::Or,
    Op::Xor,
    Op::Shl,
    Op::ShrU,
    Op::ShrS,
    Op::Rotl,
    Op::Rotr,
    Op::Mul,
    Op::DivU,
    Op::RemU,
];

/// Runs `a op b` for all of these in programs of a few hundred instructions, by the
/// oracle and by the model. Division by 0, which ends a program, has its own test.
fn check(operations: impl IntoIterator<Item = (Op, u32, u32)>) {
    let model = common::model();
    let operations: Vec<_> =
        operations.into_iter().filter(|&(op, _, b)| b != 0 || !divides(op)).collect();
    for chunk in operations.chunks(300) {
        let mut code = Vec::new();
        for &(op, a, b) in chunk {
            code.extend([(Op::Const, a), (Op::Const, b), (op, 0), (Op::Drop, 0)]);
        }
        code.push((Op::Halt, 0));
        let code =
            code.into_iter().map(|(op, immediate)| Instruction::new(op, immediate)).collect();
        let program = Program::new(code, Vec::new()).unwrap();
        let (expected, _) = oracle::trace(&program, u64::MAX).unwrap();
        let prompt = program.prompt();
        let got =
            common::generated(&model, &prompt, Attention::Kinds, Kernel::preferred(), u64::MAX);
        let got = got.unwrap();
        if got != expected {
            let at = got.iter().zip(&expected).take_while(|(a, b)| a == b).count();
            let done = expected[..at].iter().filter(|s| is_drop(s)).count();
            panic!("{:?}: expected {}, got {}", chunk[done], expected[at], got[at]);
        }
    }
}

fn divides(op: Op) -> bool {
    matches!(op, Op::DivU | Op::RemU)
}

fn is_drop(symbol: &Symbol) -> bool {
    *symbol == Symbol::Commit { depth: -1, pushes: false, branched: false }
}

#[test]
fn edge_values_in_all_pairs() {
    let pairs = EDGES.iter().flat_map(|&a| EDGES.iter().map(move |&b| (a, b)));
    check(pairs.flat_map(|(a, b)| BINARY.map(|op| (op, a, b))));
}

fn random_pairs_wanted() -> usize {
    std::env::var("ARITHMETIC_PAIRS").map_or(1_000, |pairs| pairs.parse().unwrap())
}

#[test]
fn pairs_of_bytes_in_bit_operations() {
    let four = |x: u32| u32::from_le_bytes([0, 64, 128, 192].map(|by| x as u8 + by));
    let step = if random_pairs_wanted() >= 100_000 { 1 } else { 13 };
    let pairs = (0..64u32).flat_map(|x| (0..256u32).map(move |y| (x, y))).step_by(step);
    // Each pair by one of the three, which share all units but the last sum.
    check(pairs.map(|(x, y)| {
        let op = [Op::And, Op::Or, Op::Xor][((x + y) % 3) as usize];
        (op, four(x), y * 0x0101_0101)
    }));
}

#[test]
fn every_count_of_shifts_and_rotations() {
    let shifts = [Op::Shl, Op::ShrU, Op::ShrS, Op::Rotl, Op::Rotr];
    let operands = [0x8765_4321u32, 0x7edc_ba98, 0xffff_ffff, 1];
    let counts = (0..=33u32).chain([63, 64, 255, 256, u32::MAX]);
    check(
        counts.flat_map(|count| {
            operands.into_iter().flat_map(move |a| shifts.map(|op| (op, a, count)))
        }),
    );
}

#[test]
fn random_pairs() {
    let pairs = random_pairs_wanted();
    let mut runner = TestRunner::deterministic();
    let wide = (any::<u32>(), any::<u32>(), 0u32..32, 0u32..32);
    let mut draw = || {
        let (a, b, x, y) = wide.new_tree(&mut runner).unwrap().current();
        (a >> x, b >> y)
    };
    check((0..pairs).map(|at: usize| {
        let (a, b) = draw();
        ([Op::Mul, Op::DivU, Op::RemU][at % 3], a, b)
    }));
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
