//! A function's body, from WebAssembly to the machine.
//!
//! The machine's operand stack is WebAssembly's, one operand a value of whatever width, so
//! most instructions translate to themselves. What differs:
//!
//! - arguments arrive on the stack and are set to locals at the entry
//! - locals that may be read first are zeroed there ([`super::unwritten`])
//! - blocks become labels and jumps ([`super::control`])
//! - code that cannot be reached is skipped: behind a jump the machine's stack
//!   would not be what the code expects
//!
//! Beyond the function's own locals there are *scratch* locals, each alive only
//! within the translation of one instruction.

use wasmparser::{
    FuncType, FuncValidator, FuncValidatorAllocations, FunctionBody, Operator, ValType,
    ValidatorResources,
};

use super::assembler::Label;
use super::compiler::Compiler;
use super::control::{Exit, Frame};
use super::error::{Result, WasmError};
use super::module::{Body, Module};
use super::signed::SlowDivision;
use super::sites::{Mark, Site};
use super::types::{Width, signature, width};
use super::unwritten::read_before_written;

/// Locals that each call has.
pub const LOCALS: u32 = 4000;

/// A function on its way.
pub struct FunctionTranslator<'c, 'm> {
    pub(super) compiler: &'c mut Compiler<'m>,
    /// The module of the function: what is compiled, or the runtime.
    pub(super) module: &'m Module<'m>,
    pub(super) function: u32,
    /// First word and width of each local.
    locals: Vec<(u32, Width)>,
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
    /// Knows the types of operands.
    validator: FuncValidator<ValidatorResources>,
}

impl<'c, 'm> FunctionTranslator<'c, 'm> {
    /// Emits the code of a function of the module.
    pub fn translate(
        compiler: &'c mut Compiler<'m>,
        module: &'m Module<'m>,
        function: u32,
    ) -> Result<()> {
        let (body, resources) = match &module.functions[function as usize].body {
            Body::Code(body, resources) => (body, resources),
            Body::Missing(import) => return compiler.trap_for(import.clone()),
            Body::OutputByte
            | Body::Join
            | Body::InputByte
            | Body::Exit
            | Body::Runtime(_)
            | Body::Declared => return Ok(()),
        };
        let begin = compiler.asm.here();
        let mut translator = FunctionTranslator {
            compiler,
            module,
            function,
            locals: Vec::new(),
            begin,
            first_scratch: 0,
            scratches: 0,
            frames: Vec::new(),
            dead: None,
            exits: Vec::new(),
            divisions: Vec::new(),
            trap: None,
            validator: resources.again().into_validator(FuncValidatorAllocations::default()),
        };
        let entry = translator.compiler.names.entry(body.range().start);
        translator.compiler.asm.set_site(entry);
        translator.validator.read_locals(&mut body.get_binary_reader())?;
        translator.enter(module.function_type(function), body)?;
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let (operator, offset) = operators.read_with_offset()?;
            let site = translator.compiler.names.site(&operator, offset);
            translator.compiler.asm.set_site(site);
            translator.operator(&operator, offset)?;
            translator.validator.op(offset, &operator)?;
            translator.compiler.asm.check_size()?;
        }
        translator.leave(body.range().start)
    }

    /// Takes the arguments and zeroes what must be.
    fn enter(&mut self, ty: &FuncType, body: &FunctionBody) -> Result<()> {
        let signature = signature(ty, || self.name(), body.range().start)?;
        let params = signature.params.len();
        let mut words = 0;
        for &width in &signature.params {
            self.locals.push((words as u32, width));
            words += u64::from(width.words());
        }
        let mut reader = body.get_locals_reader()?;
        for _ in 0..reader.get_count() {
            let offset = reader.original_position();
            let (count, ty) = reader.read()?;
            let width = width(ty, || format!("a local of {}", self.name()), offset)?;
            let begin = words;
            words += u64::from(count) * u64::from(width.words());
            self.within_limit(words, body.range().start)?;
            self.locals
                .extend((0..count).map(|local| (begin as u32 + local * width.words(), width)));
        }
        self.first_scratch = self.within_limit(words, body.range().start)?;
        self.compiler.asm.set_height(params);
        for &(local, width) in self.locals[..params].iter().rev() {
            self.compiler.asm.set_as(width, local);
        }
        let count = self.locals.len() as u32;
        for local in read_before_written(body, params as u32, count)? {
            let (first, width) = self.locals[local as usize];
            for word in first..first + width.words() {
                self.compiler.asm.constant(0);
                self.compiler.asm.set(word);
            }
        }
        let label = self.compiler.asm.label();
        self.frames.push(Frame::function(label, signature.results));
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
            // Shared by all accesses: the one that trapped is what the run came from.
            self.compiler.asm.set_site(Site::NOWHERE);
            self.compiler.asm.trap(Mark::Memory);
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
        self.module.function_name(self.function)
    }

    /// The type of an operand below the top by so many, where the code can be reached.
    pub(super) fn operand_type(&self, below: usize) -> Option<ValType> {
        self.validator.get_operand_type(below).flatten()
    }

    /// First word and width of a local of the function.
    pub(super) fn local(&self, index: u32) -> (u32, Width) {
        self.locals[index as usize]
    }

    /// A scratch local of any width, from the word of this number on.
    pub(super) fn scratch_as(&mut self, width: Width, number: u32) -> u32 {
        self.scratch(number + width.words() - 1);
        self.first_scratch + number
    }

    /// A scratch local.
    pub(super) fn scratch(&mut self, number: u32) -> u32 {
        self.scratches = self.scratches.max(number + 1);
        self.first_scratch + number
    }
}
