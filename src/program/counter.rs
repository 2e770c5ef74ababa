//! Which instruction a position of a trace belongs to.

use super::Program;
use crate::machine::{Instruction, Symbol};

/// Follows a program through its generated tokens, by these alone.
#[derive(Clone, Debug)]
pub struct Counter {
    program_counter: u32,
    executed: u64,
    /// The last four bytes.
    value: u32,
}

impl Counter {
    /// Before the first generated token: what stands in the prompt has been executed.
    pub fn new(program: &Program) -> Counter {
        let executed = program.payloads().len();
        Counter { program_counter: executed as u32, executed: executed as u64, value: 0 }
    }

    /// Takes the next generated token.
    pub fn step(&mut self, token: Symbol) {
        if let Some(byte) = token.byte() {
            self.value = self.value >> 8 | u32::from(byte) << 24;
        } else if token.ends_instruction() {
            let jump = if token.jumps() { self.value } else { 0 };
            self.program_counter = self.program_counter.wrapping_add(jump).wrapping_add(1);
            self.executed += 1;
        }
    }

    /// The instruction at hand, if the program counter names one.
    pub fn instruction(&self, program: &Program) -> Option<Instruction> {
        program.code().get(self.program_counter as usize).copied()
    }

    /// Its place in the program, from 0.
    pub fn program_counter(&self) -> u32 {
        self.program_counter
    }

    /// Instructions executed before it.
    pub fn executed(&self) -> u64 {
        self.executed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle;
    use crate::program::text::parse_program;

    #[test]
    fn every_instruction_of_a_run_ends_with_its_own_token() {
        for program in ["countdown", "reverse"] {
            let path = format!("{}/tests/vectors/{program}.txt", env!("CARGO_MANIFEST_DIR"));
            let program = parse_program(&std::fs::read(path).unwrap()).unwrap();
            let (generated, _) = oracle::trace(&program, u64::MAX).unwrap();
            let mut counter = Counter::new(&program);
            for token in generated {
                let op = counter.instruction(&program).unwrap().op;
                match token {
                    Symbol::Out(_) => assert_eq!(op.name(), "output"),
                    Symbol::CallCommit => assert_eq!(op.name(), "call"),
                    Symbol::ReturnCommit => assert_eq!(op.name(), "return"),
                    Symbol::Instruction(halt) => assert_eq!(op, halt),
                    _ => {}
                }
                counter.step(token);
            }
        }
    }
}
