//! Token programs: whatever the text, a program or an error; a program's own text reads the same;
//! and the model, by its plan, generates the tokens that the oracle writes.
//!
//! An input that begins with a byte 0 is no text but a program in few bytes, whose stack is used
//! as it must be, unless branches see to something else.

use hardmax::engine::{Attention, Planned, generate};
use hardmax::linalg::Kernel;
use hardmax::machine::{Instruction, Op, Symbol};
use hardmax::oracle;
use hardmax::program::Program;
use hardmax::program::text::{parse_program, write_program};

use super::bundled::{MODEL, PLAN, TOKENIZER, tokens};
use super::bytes::Bytes;

/// Programs run for so many tokens.
const TOKENS: u64 = 1_500;
/// The longest that the model is asked about.
const PROMPT: usize = 2_000;
/// The machine has room for so many locals at each depth of calls.
const LOCALS: u32 = 4_096;

/// The bytes are a text, or the decisions that make a program. Whether the model ran it.
pub fn check(data: &[u8]) -> bool {
    let program = match data.split_first() {
        Some((0, decisions)) => program(&mut Bytes(decisions)),
        _ => match parse_program(data) {
            Ok(program) => program,
            Err(_) => return false,
        },
    };
    let text = write_program(&program);
    assert_eq!(parse_program(text.as_bytes()).as_ref(), Ok(&program));
    let prompt = program.prompt();
    if prompt.len() > PROMPT || !within_the_machine(&program) {
        return false;
    }
    // Up to what a program must not do its tokens are as good as any.
    let mut expected = Vec::new();
    let ran = oracle::execute(&program, TOKENS, |token| expected.push(token));
    let limit = if ran.is_ok() { TOKENS } else { expected.len() as u64 };
    let generated = generated(&prompt, limit);
    assert!(generated == expected, "{ran:?}\n{text}{}", difference(&expected, &generated));
    !expected.is_empty()
}

fn within_the_machine(program: &Program) -> bool {
    let local = |op| matches!(op, Op::LocalGet | Op::LocalSet | Op::LocalTee);
    program.code().iter().all(|at| !local(at.op) || at.immediate < LOCALS)
}

/// What the plan generates, or the reference where it gives up.
fn generated(prompt: &[Symbol], limit: u64) -> Vec<Symbol> {
    let mut engine = Planned::new(&MODEL, &PLAN, Attention::Kinds, Kernel::Portable);
    let mut generated = Vec::new();
    let emit = |token| generated.push(TOKENIZER.symbol(token).unwrap());
    generate(&mut engine, &tokens(prompt), MODEL.stop(), limit, emit).unwrap();
    generated
}

fn difference(expected: &[Symbol], generated: &[Symbol]) -> String {
    let at = expected.iter().zip(generated).take_while(|(a, b)| a == b).count();
    format!("token {at}: {:?} and not {:?}", generated.get(at), expected.get(at))
}

fn program(bytes: &mut Bytes) -> Program {
    let mut code = Vec::new();
    let mut payloads = Vec::new();
    for _ in 0..bytes.below(3) {
        code.push(Instruction::new(Op::InputBase, value(bytes)));
        payloads.push((0..bytes.below(5)).map(|_| bytes.byte()).collect());
    }
    let ops: Vec<Op> = Op::ALL.iter().copied().filter(|&op| op != Op::InputBase).collect();
    let mut depth = 0;
    while !bytes.is_empty() && code.len() < 120 {
        let op = *bytes.choose(&ops);
        let (pops, pushes) = effect(op);
        if is_access(op) && bytes.below(4) != 0 {
            // An address where others go, too, and a value of its own.
            code.push(Instruction::new(Op::Const, bytes.below(8) as u32));
            depth += 1;
            if pops == 2 {
                code.push(Instruction::new(Op::Const, value(bytes)));
                depth += 1;
            }
        }
        while depth < pops {
            code.push(Instruction::new(Op::Const, value(bytes)));
            depth += 1;
        }
        depth = depth - pops + pushes;
        code.push(Instruction::new(op, immediate(op, bytes)));
    }
    code.push(Instruction::new(Op::Halt, 0));
    Program::new(code, payloads).expect("a halt, and a payload for each input_base")
}

/// Whether it is a load or a store.
fn is_access(op: Op) -> bool {
    let loads = [Op::Load, Op::Load8U, Op::Load8S, Op::Load16U, Op::Load16S];
    loads.contains(&op) || [Op::Store, Op::Store8, Op::Store16].contains(&op)
}

/// How many operands an instruction takes and leaves.
fn effect(op: Op) -> (usize, usize) {
    match op {
        Op::Const | Op::LocalGet | Op::GlobalGet | Op::MemorySize => (0, 1),
        Op::LocalSet | Op::GlobalSet | Op::MemoryResize => (1, 0),
        Op::Drop | Op::BrIf | Op::Output => (1, 0),
        Op::LocalTee | Op::Load | Op::Load8U | Op::Load8S | Op::Load16U | Op::Load16S => (1, 1),
        Op::Eqz | Op::Popcnt | Op::InputLoad8U => (1, 1),
        Op::Store | Op::Store8 | Op::Store16 => (2, 0),
        Op::Select => (3, 1),
        Op::Br | Op::Call | Op::Return | Op::Halt | Op::InputBase | Op::Unreachable => (0, 0),
        _ => (2, 1),
    }
}

fn immediate(op: Op, bytes: &mut Bytes) -> u32 {
    match op {
        Op::Const => value(bytes),
        Op::LocalGet | Op::LocalSet | Op::LocalTee => *bytes.choose(&[0, 1, 2, 3, 999, 4095]),
        Op::GlobalGet | Op::GlobalSet => *bytes.choose(&[0, 1, 4, 8, (1 << 23) - 2, 1 << 31]),
        Op::Br | Op::BrIf | Op::Call => (bytes.below(24) as u32).wrapping_sub(8),
        Op::Return => !u32::from(bytes.byte() % 32),
        _ if is_access(op) => match bytes.below(4) {
            0 => value(bytes),
            _ => bytes.below(4) as u32,
        },
        _ => 0,
    }
}

/// Mostly small, or near a power of two.
fn value(bytes: &mut Bytes) -> u32 {
    match bytes.below(4) {
        0 => bytes.below(16) as u32,
        1 => (1u32 << bytes.below(32)).wrapping_add(bytes.below(4) as u32).wrapping_sub(2),
        2 => bytes.byte().into(),
        _ => bytes.word(),
    }
}
