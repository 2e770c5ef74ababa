//! Traps that the machine itself predicts, at the very edges: the oracle and the model, by its plan and by
//! the reference, write the same tokens.

mod common;

use std::sync::LazyLock;

use hardmax::engine::Attention;
use hardmax::linalg::Kernel;
use hardmax::machine::{HALT, Instruction, MOST_CALLS, Op, Symbol};
use hardmax::model::Model;
use hardmax::oracle::{self, Stopped};
use hardmax::plan::{Plan, Refusal};
use hardmax::program::Program;

static MODEL: LazyLock<Model> = LazyLock::new(common::model);

static PLAN: LazyLock<Result<Plan, Refusal>> = LazyLock::new(|| common::plan(&MODEL));

/// The generated tokens of a program, by the oracle and by the model.
fn trace(code: &[(Op, u32)]) -> Vec<Symbol> {
    let code = code.iter().map(|&(op, immediate)| Instruction::new(op, immediate)).collect();
    let program = Program::new(code, Vec::new()).unwrap();
    let (tokens, stopped) = oracle::trace(&program, u64::MAX).unwrap();
    assert_eq!(stopped == Stopped::Trapped, tokens.ends_with(&[Symbol::Trap, HALT]));
    let (prompt, limit) = (program.prompt(), tokens.len() as u64 + 1);
    assert!(common::generated_by_plan(&MODEL, &PLAN, &prompt, limit) == tokens, "by the plan");
    if tokens.len() < 1000 {
        let (attention, kernel) = (Attention::Kinds, Kernel::preferred());
        let generated = common::generated(&MODEL, &prompt, attention, kernel, limit).unwrap();
        assert!(generated == tokens, "by the reference");
    }
    tokens
}

fn traps(code: &[(Op, u32)]) -> bool {
    trace(code).ends_with(&[Symbol::Trap, HALT])
}

const LOADS: [(Op, u32); 6] = [
    (Op::Load8U, 1),
    (Op::Load8S, 1),
    (Op::Load16U, 2),
    (Op::Load16S, 2),
    (Op::Load, 4),
    (Op::Load64, 8),
];

const STORES: [(Op, u32); 4] =
    [(Op::Store8, 1), (Op::Store16, 2), (Op::Store, 4), (Op::Store64, 8)];

/// An access at an address, in so many pages.
fn access(pages: Option<u32>, op: Op, address: u32, offset: u32) -> Vec<(Op, u32)> {
    let mut code = Vec::new();
    if let Some(pages) = pages {
        code.extend([(Op::Const, pages), (Op::MemoryResize, 0)]);
    }
    code.push((Op::Const, address));
    if STORES.iter().any(|store| store.0 == op) {
        code.extend([(Op::Const, 0x8182_8384), (Op::ExtendS, 0)]);
    }
    code.extend([(op, offset), (Op::Halt, 0)]);
    code
}

#[test]
fn the_last_bytes_of_memory_are_there_and_the_next_is_not() {
    for (op, bytes) in LOADS.into_iter().chain(STORES) {
        for (pages, offset) in [(1, 0), (1, 10), (3, 65_536), (65_536, 0), (65_536, u32::MAX - 8)] {
            let last = (u64::from(pages) << 16) - u64::from(bytes) - u64::from(offset);
            let last = u32::try_from(last).unwrap();
            assert!(!traps(&access(Some(pages), op, last, offset)), "{op:?} {pages} {offset}");
            // Where memory has all of 2³² bytes there may be no next address.
            if let Some(next) = last.checked_add(1) {
                assert!(traps(&access(Some(pages), op, next, offset)), "{op:?} {pages} {offset}");
            }
            let all = pages == 65_536 && bytes == 1 && offset == 0;
            assert_eq!(traps(&access(Some(pages), op, u32::MAX, offset)), !all, "{op:?} {pages}");
        }
        assert!(traps(&access(Some(0), op, 0, 0)), "{op:?} in no memory");
        assert!(traps(&access(Some(65_536), op, u32::MAX, u32::MAX)), "{op:?} does not wrap");
        assert!(!traps(&access(None, op, u32::MAX, u32::MAX)), "{op:?} where there is no end");
    }
    assert!(!traps(&access(Some(1), Op::InputLoad8U, u32::MAX, u32::MAX)));
}

#[test]
fn the_latest_size_counts_and_is_told() {
    let resize = |pages| [(Op::Const, pages), (Op::MemoryResize, 0)];
    let load = [(Op::Const, 100_000), (Op::Load, 0), (Op::Drop, 0)];
    let size = [(Op::MemorySize, 0), (Op::Output, 0)];
    let written = |tokens: &[Symbol]| oracle::output(tokens);
    let code = [&size[..], &resize(2), &load, &size, &resize(1), &size, &load].concat();
    let tokens = trace(&[&code[..], &[(Op::Halt, 0)]].concat());
    assert_eq!((written(&tokens), tokens.last()), (vec![0, 2, 1], Some(&HALT)));
    assert!(tokens.ends_with(&[Symbol::Trap, HALT]));
    // What was written before memory shrank is there when it has grown again.
    let store = [(Op::Const, 100_000), (Op::Const, 77), (Op::Store, 0)];
    let show = [(Op::Const, 100_000), (Op::Load, 0), (Op::Output, 0), (Op::Halt, 0)];
    let tokens = trace(&[&resize(2)[..], &store, &resize(0), &resize(2), &show].concat());
    assert_eq!(written(&tokens), [77]);
}

#[test]
fn a_store_that_traps_writes_nothing_and_globals_are_no_memory() {
    let begin = [(Op::Const, 7), (Op::GlobalSet, 0), (Op::Const, 1), (Op::MemoryResize, 0)];
    let fine =
        [(Op::Const, 0), (Op::Load, 0), (Op::Output, 0), (Op::GlobalGet, 0), (Op::Output, 0)];
    let store = [(Op::Const, 65_533), (Op::Const, 9), (Op::Store, 0), (Op::Halt, 0)];
    let tokens = trace(&[&begin[..], &fine, &store].concat());
    assert_eq!(oracle::output(&tokens), [0, 7]);
    // The address, the value, and then no byte.
    let commit = Symbol::Commit { depth: 1, pushes: true, branched: false };
    assert!(tokens.ends_with(&[commit, Symbol::Trap, HALT]));
}

#[test]
fn calls_without_end_trap_at_a_stated_depth() {
    // Each call writes six tokens.
    let tokens = trace(&[(Op::Call, u32::MAX), (Op::Halt, 0)]);
    assert_eq!(tokens.len(), 6 * MOST_CALLS as usize + 2);
    assert!(tokens.ends_with(&[Symbol::CallCommit, Symbol::Trap, HALT]));
}

#[test]
fn a_division_by_zero_and_unreachable_trap() {
    for op in [Op::DivU, Op::RemU] {
        let divide = |by| [(Op::Const, 7), (Op::Const, by), (op, 0), (Op::Drop, 0), (Op::Halt, 0)];
        assert!(traps(&divide(0)) && !traps(&divide(1)));
    }
    assert!(traps(&[(Op::Unreachable, 0)]));
}
