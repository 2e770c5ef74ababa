//! Direct execution of a program, writing the very tokens that the model must generate. It knows
//! nothing of graphs, weights or attention: stack, locals and memory are what they are in any
//! interpreter, so that an error in the machine's graph cannot hide in its oracle.
//!
//! What a program must not do, the oracle refuses with the instruction's number:
//! take from an empty stack, leave the code, return without a call.

mod access;
mod arithmetic;
mod cell;
mod memory;
mod wide;

pub use cell::Cell;
use memory::GLOBALS;
pub use memory::Memory;

use std::cmp::Ordering;

use rustc_hash::FxHashMap;
use thiserror::Error;

use crate::machine::{End, HALT, Instruction, MOST_CALLS, Op, Symbol};
use crate::program::Program;

/// What a program did that it must not.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum OracleError {
    #[error("instruction {pc} ({op}) takes from an empty stack")]
    EmptyStack { pc: usize, op: &'static str },
    #[error("instruction {pc} ({op}) takes eight bytes where four were pushed")]
    FourBytes { pc: usize, op: &'static str },
    #[error("instruction {pc} (return) returns without a call")]
    ReturnWithoutCall { pc: usize },
    #[error("instruction {pc} goes on at instruction {target}, outside the program")]
    OutsideProgram { pc: usize, target: i64 },
    #[error("instruction {pc} (input_base) would run twice")]
    InputTwice { pc: usize },
}

/// How a run of the oracle ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// At the stop token.
    Halted,
    /// At the stop token that follows a trap.
    Trapped,
    /// At the greatest number of tokens that was asked for.
    TokenLimit,
}

/// What is left when a run has ended.
#[derive(Debug)]
pub struct Run {
    /// Why it ended.
    pub stopped: Stopped,
    /// The operand stack, the top last.
    pub stack: Vec<Cell>,
    /// The memory.
    pub memory: Memory,
}

/// Executes `program`, gives every generated token to `emit`, and stops at the
/// stop token or after `limit` tokens.
pub fn execute(
    program: &Program,
    limit: u64,
    emit: impl FnMut(Symbol),
) -> Result<Stopped, OracleError> {
    run(program, limit, emit).map(|run| run.stopped)
}

/// Like [`execute`], but shows stack and memory afterwards.
pub fn run(
    program: &Program,
    limit: u64,
    mut emit: impl FnMut(Symbol),
) -> Result<Run, OracleError> {
    let mut state = State::new(program.code());
    for payload in program.payloads() {
        state.take_payload(payload)?;
    }
    let mut left = limit;
    let mut tokens = Vec::new();
    let stopped = 'run: loop {
        tokens.clear();
        state.step(&mut tokens)?;
        for &token in &tokens {
            if left == 0 {
                break 'run Stopped::TokenLimit;
            }
            left -= 1;
            emit(token);
        }
        match tokens[..] {
            [.., Symbol::Trap, HALT] => break Stopped::Trapped,
            [.., HALT] => break Stopped::Halted,
            _ => {}
        }
    };
    Ok(Run { stopped, stack: state.stack, memory: state.memory })
}

/// The generated tokens of a program, at most `limit`.
pub fn trace(program: &Program, limit: u64) -> Result<(Vec<Symbol>, Stopped), OracleError> {
    let mut tokens = Vec::new();
    let stopped = execute(program, limit, |token| tokens.push(token))?;
    Ok((tokens, stopped))
}

/// The bytes that a sequence of tokens writes to the output.
pub fn output(tokens: &[Symbol]) -> Vec<u8> {
    let out = |token: &Symbol| {
        if let Symbol::Out(byte) = token { Some(*byte) } else { None }
    };
    tokens.iter().filter_map(out).collect()
}

struct State<'a> {
    code: &'a [Instruction],
    pc: usize,
    stack: Vec<Cell>,
    /// The immediates of the calls that have not returned.
    calls: Vec<u32>,
    /// By call depth and index. A local that was never written reads 0.
    locals: FxHashMap<(usize, u64), u32>,
    memory: Memory,
    /// The last digit that was written.
    last_digit: u16,
    /// The size of memory, once an instruction has said it.
    pages: Option<u32>,
}

impl<'a> State<'a> {
    fn new(code: &'a [Instruction]) -> Self {
        State {
            code,
            pc: 0,
            stack: Vec::new(),
            calls: Vec::new(),
            locals: FxHashMap::default(),
            memory: Memory::default(),
            last_digit: 0,
            pages: None,
        }
    }

    /// The `input_base` at hand writes its payload and the `00` behind it.
    fn take_payload(&mut self, payload: &[u8]) -> Result<(), OracleError> {
        let base = i64::from(self.code[self.pc].immediate);
        for (address, &byte) in (base..).zip(payload.iter().chain(&[0])) {
            self.memory.write(address, byte);
        }
        self.go_to(self.pc as i64 + 1)
    }

    fn pop_cell(&mut self) -> Result<Cell, OracleError> {
        let (pc, op) = (self.pc, self.code[self.pc].op.name());
        self.stack.pop().ok_or(OracleError::EmptyStack { pc, op })
    }

    /// Writes digits.
    fn note(&mut self, digits: &[u16], tokens: &mut Vec<Symbol>) {
        tokens.extend(digits.iter().copied().map(Symbol::Digit));
        self.last_digit = digits.last().copied().unwrap_or(self.last_digit);
    }

    /// The last four bytes of the top.
    fn pop(&mut self) -> Result<u32, OracleError> {
        self.pop_cell().map(Cell::last_four)
    }

    /// The word of a local, which is 0 if it was never written.
    fn local(&self, index: u64) -> u32 {
        self.locals.get(&(self.calls.len(), index)).copied().unwrap_or(0)
    }

    fn go_to(&mut self, target: i64) -> Result<(), OracleError> {
        match usize::try_from(target) {
            Ok(inside) if inside < self.code.len() => {
                self.pc = inside;
                Ok(())
            }
            _ => Err(OracleError::OutsideProgram { pc: self.pc, target }),
        }
    }

    /// Runs one instruction and appends its tokens.
    fn step(&mut self, tokens: &mut Vec<Symbol>) -> Result<(), OracleError> {
        let Instruction { op, immediate } = self.code[self.pc];
        let mut branch = None;
        match op {
            Op::Const => self.push(immediate, tokens),
            Op::LocalGet => {
                self.push(self.local(u64::from(immediate)), tokens);
            }
            Op::LocalSet | Op::LocalTee => {
                let cell = self.pop_cell()?;
                let value = cell.last_four();
                self.locals.insert((self.calls.len(), u64::from(immediate)), value);
                if op == Op::LocalTee {
                    self.stack.push(cell);
                }
                tokens.extend(value.to_le_bytes().map(Symbol::Byte));
            }
            Op::Load | Op::Load8U | Op::Load8S | Op::Load16U | Op::Load16S => {
                let address = i64::from(self.pop()?) + i64::from(immediate);
                if self.is_beyond_memory(op, address) {
                    trap(tokens);
                } else {
                    self.load(op, address, tokens);
                }
            }
            Op::InputLoad8U => {
                let address = i64::from(self.pop()?) + i64::from(immediate);
                self.load(Op::Load8U, address, tokens);
            }
            Op::Store | Op::Store16 | Op::Store8 => {
                let value = self.pop()?;
                let address = i64::from(self.pop()?) + i64::from(immediate);
                if self.is_beyond_memory(op, address) {
                    trap(tokens);
                } else {
                    self.store(address, &value.to_le_bytes()[..op.bytes() as usize], tokens);
                }
            }
            Op::GlobalGet => self.load(Op::Load, i64::from(immediate) + GLOBALS, tokens),
            Op::GlobalSet => {
                let value = self.pop()?;
                self.store(i64::from(immediate) + GLOBALS, &value.to_le_bytes(), tokens);
            }
            Op::MemorySize => self.push(self.pages.unwrap_or(0), tokens),
            Op::MemoryResize => {
                let pages = self.pop()?;
                self.pages = Some(pages);
                tokens.extend(pages.to_le_bytes().map(Symbol::Byte));
            }
            Op::Drop => drop(self.pop_cell()?),
            Op::Select => {
                let (condition, second, first) = (self.pop()?, self.pop()?, self.pop()?);
                self.push(if condition != 0 { first } else { second }, tokens);
            }
            Op::Add => {
                let (b, a) = (self.pop()?, self.pop()?);
                self.stack.push(Cell::Four(a.wrapping_add(b)));
                tokens.extend(add_bytes(a.into(), b.into(), 4));
            }
            Op::Sub => {
                let (b, a) = (self.pop()?, self.pop()?);
                self.stack.push(Cell::Four(a.wrapping_sub(b)));
                tokens.extend(subtract_bytes(a.into(), b.into(), 4));
            }
            Op::Eqz => {
                let a = self.pop()?;
                self.push(u32::from(a == 0), tokens);
            }
            Op::Popcnt => {
                let a = self.pop()?;
                self.push(a.count_ones(), tokens);
            }
            Op::And
            | Op::Or
            | Op::Xor
            | Op::Shl
            | Op::ShrU
            | Op::ShrS
            | Op::Rotl
            | Op::Rotr
            | Op::Mul
            | Op::DivU
            | Op::RemU => {
                let (b, a) = (self.pop()?, self.pop()?);
                match arithmetic::binary(op, a, b) {
                    Some(result) => {
                        self.note(&arithmetic::digits(op, a, b), tokens);
                        self.push(result, tokens);
                    }
                    None => trap(tokens),
                }
            }
            Op::MulHigh => {
                let (b, a) = (self.pop()?, self.pop()?);
                let (digits, result) = arithmetic::upper(a, b, self.last_digit);
                self.note(&digits, tokens);
                self.push(result, tokens);
            }
            Op::Unreachable => trap(tokens),
            Op::Eq
            | Op::Ne
            | Op::LtS
            | Op::LtU
            | Op::GtS
            | Op::GtU
            | Op::LeS
            | Op::LeU
            | Op::GeS
            | Op::GeU => {
                let (b, a) = (self.pop()?, self.pop()?);
                let signed = a.cast_signed().cmp(&b.cast_signed());
                self.push(u32::from(holds(op, a.cmp(&b), signed)), tokens);
            }
            Op::Br => branch = Some(immediate),
            Op::BrIf => branch = (self.pop()? != 0).then_some(immediate),
            Op::Call if self.calls.len() >= MOST_CALLS as usize => trap(tokens),
            Op::Call => branch = Some(immediate),
            Op::Return => {
                let call =
                    self.calls.pop().ok_or(OracleError::ReturnWithoutCall { pc: self.pc })?;
                branch = Some(immediate.wrapping_sub(call));
            }
            Op::Output => {
                let value = self.pop()?;
                tokens.push(Symbol::Out(value.to_le_bytes()[0]));
            }
            Op::Halt => tokens.push(HALT),
            Op::InputBase => return Err(OracleError::InputTwice { pc: self.pc }),
            _ => self.step_wide(tokens)?,
        }
        if tokens.last() == Some(&HALT) {
            return Ok(());
        }
        self.end(op, immediate, branch, tokens)
    }

    /// Writes the tokens of a branch and the end of the instruction, and moves on.
    fn end(
        &mut self,
        op: Op,
        immediate: u32,
        branch: Option<u32>,
        tokens: &mut Vec<Symbol>,
    ) -> Result<(), OracleError> {
        if let Some(distance) = branch {
            tokens.push(Symbol::BranchTaken);
            if op == Op::Return {
                let call = immediate.wrapping_sub(distance);
                tokens.extend(subtract_bytes(immediate.into(), call.into(), 4));
            } else {
                tokens.extend(distance.to_le_bytes().map(Symbol::Byte));
            }
        }
        match op.end() {
            End::Commit { depth, pushes } => {
                tokens.push(Symbol::Commit { depth, pushes, branched: branch.is_some() });
            }
            End::Call => {
                self.calls.push(immediate);
                tokens.push(Symbol::CallCommit);
            }
            End::Return => tokens.push(Symbol::ReturnCommit),
            End::Memory => tokens.push(Symbol::MemoryCommit),
            End::Output | End::Halt | End::Trap => {}
        }
        let distance = i64::from(branch.unwrap_or(0).cast_signed());
        self.go_to(self.pc as i64 + 1 + distance)
    }

    fn push(&mut self, value: u32, tokens: &mut Vec<Symbol>) {
        self.stack.push(Cell::Four(value));
        tokens.extend(value.to_le_bytes().map(Symbol::Byte));
    }
}

/// The tokens of what has no result.
fn trap(tokens: &mut Vec<Symbol>) {
    tokens.extend([Symbol::Trap, HALT]);
}

fn byte_token(byte: u8, marked: bool) -> Symbol {
    if marked { Symbol::Marked(byte) } else { Symbol::Byte(byte) }
}

/// The first `bytes` bytes of a + b, each marked when the sum of all up to it overflows.
fn add_bytes(a: u64, b: u64, bytes: u32) -> impl Iterator<Item = Symbol> {
    (0..bytes).map(move |i| {
        let low = u64::MAX >> (56 - 8 * i);
        let sum = u128::from(a & low) + u128::from(b & low);
        byte_token((sum >> (8 * i)) as u8, sum > u128::from(low))
    })
}

/// The first `bytes` bytes of a - b, each marked when it borrows from the next.
fn subtract_bytes(a: u64, b: u64, bytes: u32) -> impl Iterator<Item = Symbol> {
    (0..bytes).map(move |i| {
        let low = u64::MAX >> (56 - 8 * i);
        byte_token((a.wrapping_sub(b) >> (8 * i)) as u8, a & low < b & low)
    })
}

/// Whether a comparison holds, by how two operands compare without their signs, and with them.
fn holds(op: Op, unsigned: Ordering, signed: Ordering) -> bool {
    match op {
        Op::Eq | Op::Eq64 => unsigned.is_eq(),
        Op::Ne | Op::Ne64 => unsigned.is_ne(),
        Op::LtS | Op::LtS64 => signed.is_lt(),
        Op::LtU | Op::LtU64 => unsigned.is_lt(),
        Op::GtS | Op::GtS64 => signed.is_gt(),
        Op::GtU | Op::GtU64 => unsigned.is_gt(),
        Op::LeS | Op::LeS64 => signed.is_le(),
        Op::LeU | Op::LeU64 => unsigned.is_le(),
        Op::GeS | Op::GeS64 => signed.is_ge(),
        Op::GeU | Op::GeU64 => unsigned.is_ge(),
        _ => unreachable!("{} compares nothing", op.name()),
    }
}
