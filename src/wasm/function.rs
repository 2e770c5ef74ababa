//! A function's body, from WebAssembly to the machine.
//!
//! The machine's operand stack is WebAssembly's, one cell a value, so most
//! instructions translate to themselves. What differs:
//!
//! - arguments arrive on the stack and are set to locals at the entry
//! - locals that may be read first are zeroed there ([`super::unwritten`])
//! - blocks become labels and jumps ([`super::control`])
//! - code that cannot be reached is skipped: behind a jump the machine's stack
//!   would not be what the code expects
//!
//! Beyond the function's own locals there are *scratch* locals, each alive only
//! within the translation of one instruction.

use wasmparser::{FuncType, FunctionBody, Operator};

use super::assembler::Label;
use super::compiler::Compiler;
use super::control::{Exit, Frame};
use super::error::{Result, WasmError};
use super::module::Body;
use super::signed::SlowDivision;
use super::types::{i32_signature, require_i32};
use super::unwritten::read_before_written;
use crate::machine::Op;

/// Locals that each call has.
pub const LOCALS: u32 = 1000;

/// A function on its way.
pub struct FunctionTranslator<'c, 'm> {
    pub(super) compiler: &'c mut Compiler<'m>,
    pub(super) function: u32,
    /// Its first instruction, from which `return` counts.
    pub(super) begin: usize,
    /// Where the first scratch local is.
    first_scratch: u32,
    /// How many scratch locals are in use.
    scratches: u32,
    /// Blocks around the instruction at hand, the innermost last.
    pub(super) frames: Vec<Frame>,
    /// In code that cannot be reached: how many blocks began there.
    pub(super) dead: Option<usize>,
    /// Conditional jumps that must unwind the stack on their way.
    pub(super) exits: Vec<Exit>,
    /// Divisions whose rare part is still to come.
    pub(super) divisions: Vec<SlowDivision>,
    /// Where accesses beyond the memory go.
    trap: Option<Label>,
}

impl<'c, 'm> FunctionTranslator<'c, 'm> {
    /// Emits the code of a function of the module.
    pub fn translate(compiler: &'c mut Compiler<'m>, function: u32) -> Result<()> {
        let module = compiler.module;
        let Body::Code(body) = &module.functions[function as usize].body else { return Ok(()) };
        let begin = compiler.asm.here();
        let mut translator = FunctionTranslator {
            compiler,
            function,
            begin,
            first_scratch: 0,
            scratches: 0,
            frames: Vec::new(),
            dead: None,
            exits: Vec::new(),
            divisions: Vec::new(),
            trap: None,
        };
        translator.enter(module.function_type(function), body)?;
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let (operator, offset) = operators.read_with_offset()?;
            translator.operator(&operator, offset)?;
            translator.compiler.asm.check_size()?;
        }
        translator.leave(body.range().start)
    }

    /// Takes the arguments and zeroes what must be.
    fn enter(&mut self, ty: &FuncType, body: &FunctionBody) -> Result<()> {
        let (params, results) = i32_signature(ty, || self.name(), body.range().start)?;
        let mut locals = params as u64;
        let mut reader = body.get_locals_reader()?;
        for _ in 0..reader.get_count() {
            let offset = reader.original_position();
            let (count, ty) = reader.read()?;
            require_i32(ty, || format!("a local of {}", self.name()), offset)?;
            locals += u64::from(count);
        }
        self.first_scratch = self.within_limit(locals, body.range().start)?;
        self.compiler.asm.set_height(params);
        for local in (0..params as u32).rev() {
            self.compiler.asm.set(local);
        }
        for local in read_before_written(body, params as u32, self.first_scratch)? {
            self.compiler.asm.constant(0);
            self.compiler.asm.set(local);
        }
        let label = self.compiler.asm.label();
        self.frames.push(Frame::function(label, results));
        Ok(())
    }

    /// One instruction. In dead code only the ends of blocks matter.
    fn operator(&mut self, operator: &Operator, offset: u64) -> Result<()> {
        if self.control(operator, offset)? || self.dead.is_some() {
            return Ok(());
        }
        self.plain(operator, offset)
    }

    /// What waits behind the last `return`.
    fn leave(&mut self, offset: u64) -> Result<()> {
        self.emit_exits()?;
        for division in std::mem::take(&mut self.divisions) {
            division.emit(self.compiler);
            self.compiler.asm.check_size()?;
        }
        if let Some(trap) = self.trap {
            self.compiler.asm.bind(trap);
            self.compiler.asm.emit(Op::Unreachable, 0);
        }
        let locals = u64::from(self.first_scratch) + u64::from(self.scratches);
        self.within_limit(locals, offset).map(drop)
    }

    fn within_limit(&self, locals: u64, offset: u64) -> Result<u32> {
        match u32::try_from(locals) {
            Ok(locals) if locals <= LOCALS => Ok(locals),
            _ => Err(WasmError::TooManyLocals { function: self.name(), locals, offset }),
        }
    }

    fn name(&self) -> String {
        self.compiler.module.function_name(self.function)
    }

    /// A scratch local.
    pub(super) fn scratch(&mut self, number: u32) -> u32 {
        self.scratches = self.scratches.max(number + 1);
        self.first_scratch + number
    }

    /// Where to go for a trap of this function.
    pub(super) fn trap(&mut self) -> Label {
        *self.trap.get_or_insert_with(|| self.compiler.asm.label())
    }
}
