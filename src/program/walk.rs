//! A run on its way, by nothing but its tokens: program counter, calls, depth of the stack.

use super::{Counter, Program};
use crate::machine::{Op, Symbol};

/// Follows a program through its generated tokens. It takes sixteen bytes for each call that has not
/// returned.
#[derive(Clone, Debug)]
pub struct Walk {
    counter: Counter,
    /// The calls that have not returned, the outermost first.
    calls: Vec<Call>,
    /// What the first instruction behind the latest call gave, or behind the beginning.
    given: Given,
    /// The bytes of the instruction at hand, the first lowest, and how many there are.
    value: u64,
    bytes: u32,
    /// The instruction before the one at hand.
    before: u32,
    /// Operands on the stack.
    depth: i64,
}

/// A call that has not returned.
#[derive(Clone, Copy, Debug)]
struct Call {
    /// Its instruction.
    at: u32,
    /// [`Walk::given`] of the caller.
    given: Given,
}

/// The value that the first instruction of a routine gave, in two words: of the compiler's routines that
/// is one of their arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    /// That instruction has not ended.
    Nothing,
    /// In words, for an alignment of four.
    Value([u32; 2]),
}

/// A stretch of a call stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The instruction at hand: the call, but for the innermost.
    pub at: u32,
    /// What the first instruction behind the call that led here gave, if it has ended.
    pub given: Option<u64>,
}

impl Walk {
    /// Before the first generated token.
    pub fn new(program: &Program) -> Walk {
        let counter = Counter::new(program);
        let before = counter.program_counter();
        let (calls, given) = (Vec::new(), Given::Nothing);
        Walk { counter, calls, given, value: 0, bytes: 0, before, depth: 0 }
    }

    /// Takes the next generated token.
    pub fn step(&mut self, token: Symbol) {
        if let Some(byte) = token.byte() {
            // The bytes of a jump follow those of no value.
            if self.bytes < 8 {
                self.value |= u64::from(byte) << (8 * self.bytes);
            }
            self.bytes += 1;
        } else if token.ends_instruction() {
            self.end(token);
        }
        self.counter.step(token);
    }

    fn end(&mut self, token: Symbol) {
        let at = self.counter.program_counter();
        if self.given == Given::Nothing {
            self.given = Given::Value([self.value as u32, (self.value >> 32) as u32]);
        }
        match token {
            Symbol::CallCommit => {
                self.calls.push(Call { at, given: self.given });
                self.given = Given::Nothing;
            }
            Symbol::ReturnCommit => {
                if let Some(call) = self.calls.pop() {
                    self.given = call.given;
                }
            }
            Symbol::Commit { depth, .. } => self.depth += i64::from(depth),
            _ => self.depth -= 1,
        }
        (self.value, self.bytes, self.before) = (0, 0, at);
    }

    /// The instruction at hand, as a place in the code.
    pub fn at(&self) -> u32 {
        self.counter.program_counter()
    }

    /// The same, if there is one.
    pub fn op(&self, program: &Program) -> Option<Op> {
        self.counter.instruction(program).map(|instruction| instruction.op)
    }

    /// The instruction that ended last.
    pub fn before(&self) -> u32 {
        self.before
    }

    /// Instructions that have ended.
    pub fn executed(&self) -> u64 {
        self.counter.executed()
    }

    /// Operands on the stack, as far as the instructions are what they should be.
    pub fn depth(&self) -> i64 {
        self.depth
    }

    /// Calls that have not returned.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// The call stack, the innermost first.
    pub fn stack(&self) -> impl Iterator<Item = Standing> {
        let calls = || self.calls.iter().rev();
        let places = std::iter::once(self.at()).chain(calls().map(|call| call.at));
        let given = std::iter::once(self.given).chain(calls().map(|call| call.given));
        places.zip(given).map(|(at, given)| Standing { at, given: given.value() })
    }
}

impl Given {
    fn value(self) -> Option<u64> {
        match self {
            Given::Nothing => None,
            Given::Value([low, high]) => Some(u64::from(high) << 32 | u64::from(low)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle;
    use crate::wasm::{Options, compile_text};

    #[test]
    fn calls_are_those_that_have_not_returned_with_what_they_were_given() {
        let text = r#"(module (func $inner (param i64) (result i32) unreachable)
            (func $done)
            (func (export "f") (param i32) (result i32) call $done i64.const 0x100000002 call $inner))"#;
        let program = compile_text(text, &Options::invoke("f", &[7])).unwrap().program;
        let (tokens, _) = oracle::trace(&program, u64::MAX).unwrap();
        let mut walk = Walk::new(&program);
        tokens.into_iter().for_each(|token| walk.step(token));
        let stack: Vec<Standing> = walk.stack().collect();
        let ops = stack.iter().map(|frame| program.code()[frame.at as usize].op);
        assert!(ops.eq([Op::Unreachable, Op::Call, Op::Call]));
        let given: Vec<Option<u64>> = stack.iter().map(|frame| frame.given).collect();
        assert_eq!(given, [Some(0x1_0000_0002), Some(7), Some(7)]);
        assert_eq!((walk.calls(), walk.op(&program)), (2, Some(Op::Unreachable)));
        assert_eq!(walk.before() + 1, walk.at());
        assert_eq!(walk.depth(), 0);
    }
}
