//! What is called is laid out: routines in the order in which they are first
//! wanted, so that nothing is compiled, or refused, that cannot run.
//!
//! A *routine* is code that `call` reaches and `return` leaves: a function of the
//! module, or one of the compiler's own that several places share. Arguments come
//! on the stack, the first deepest; results stay there.

use std::collections::{HashMap, VecDeque};

use super::assembler::{Assembler, Label};
use super::dispatch::{ByType, by_type};
use super::error::{Result, WasmError};
use super::function::FunctionTranslator;
use super::module::{Body, Module};
use super::places::{self, Origin};
use super::runtime::{self, RUNTIME};
use super::sites::{Mark, Names, Site};
use super::table::Table;
use super::types::signature;
use super::{Options, bulk, dispatch, memory, print, signed, wasi};
use crate::machine::Op;

/// Code that is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Routine {
    /// A function of the module.
    Function(u32),
    /// A function of the compiler's own module ([`super::runtime`]).
    Runtime(u32),
    /// Calls the function that a table has at the index on top of the arguments.
    Dispatch {
        /// Which table.
        table: u32,
        /// The type that the function must have.
        ty: u32,
    },
    /// An instruction of tables or passive segments.
    Table(Table),
    /// `memory.grow`.
    Grow,
    /// `memory.copy`.
    Copy,
    /// `memory.fill`.
    Fill,
    /// `i32.div_s` for operands of any sign.
    DivS,
    /// `i32.rem_s` for operands of any sign.
    RemS,
    /// Writes a number in decimal, and a line feed.
    Print,
}

/// A module on its way to a program.
pub struct Compiler<'m> {
    /// What is compiled.
    pub module: &'m Module<'m>,
    /// See [`Options::endless_memory`].
    pub endless_memory: bool,
    /// The code so far.
    pub asm: Assembler,
    routines: HashMap<Routine, Label>,
    wanted: VecDeque<Routine>,
    /// By table, its elements by type.
    elements: HashMap<u32, ByType>,
    /// What is laid out so far, the start code first.
    pub laid_out: Vec<places::Routine>,
    /// Names of the instructions of the module.
    pub names: Names,
    /// Whether what cannot be compiled is an error.
    strict: bool,
    /// What cannot be compiled, and traps.
    pub warnings: Vec<WasmError>,
}

impl<'m> Compiler<'m> {
    /// Nothing compiled yet.
    pub fn new(module: &'m Module<'m>, options: &Options) -> Self {
        Compiler {
            module,
            endless_memory: options.endless_memory,
            strict: options.strict,
            warnings: Vec::new(),
            asm: Assembler::default(),
            routines: HashMap::new(),
            wanted: VecDeque::new(),
            elements: HashMap::new(),
            laid_out: vec![places::Routine::start()],
            names: Names::default(),
        }
    }

    /// What cannot be compiled traps, if that is allowed.
    pub fn trap_for(&mut self, what: WasmError) -> Result<()> {
        if self.strict {
            return Err(what);
        }
        self.asm.trap(Mark::of(&what));
        self.warnings.push(what);
        Ok(())
    }

    /// Calls a routine.
    pub fn call(&mut self, routine: Routine, takes: usize, gives: usize) {
        let label = *self.routines.entry(routine).or_insert_with(|| {
            self.wanted.push_back(routine);
            self.asm.label()
        });
        self.asm.call(label, takes, gives);
    }

    /// Calls a function of the module. `offset` is where it is asked for.
    pub fn call_function(&mut self, function: u32, offset: u64) -> Result<()> {
        match self.module.functions[function as usize].body {
            Body::OutputByte => {
                self.asm.emit(Op::Output, 0);
                return Ok(());
            }
            Body::Runtime(function) => {
                self.call_runtime(function);
                return Ok(());
            }
            _ => {}
        }
        let name = || self.module.function_name(function);
        let ty = signature(self.module.function_type(function), name, offset)?;
        self.call(Routine::Function(function), ty.params.len(), ty.results.len());
        Ok(())
    }

    /// Calls a function of the runtime.
    pub fn call_runtime(&mut self, function: u32) {
        match RUNTIME.functions[function as usize].body {
            Body::OutputByte => return self.asm.emit(Op::Output, 0),
            Body::Join => return self.asm.emit(Op::Join, 0),
            // Beyond all that linear memory may have.
            Body::InputByte => {
                let op = if self.endless_memory { Op::Load8U } else { Op::InputLoad8U };
                return self.asm.emit(op, wasi::address(self.module, self.endless_memory));
            }
            Body::Exit => return self.exit(),
            Body::Declared | Body::Missing(_) | Body::Runtime(_) | Body::Code(..) => {}
        }
        let ty = RUNTIME.function_type(function);
        self.call(Routine::Runtime(function), ty.params().len(), ty.results().len());
    }

    /// Ends the program by the exit code on the stack, which is the last that it sets.
    pub fn exit(&mut self) {
        self.asm.emit_all(&[(Op::LocalSet, 0), (Op::Halt, 0)]);
    }

    /// Lays out all routines that are wanted, and those that they want.
    pub fn lay_out_routines(&mut self) -> Result<()> {
        while let Some(routine) = self.wanted.pop_front() {
            let label = self.routines[&routine];
            self.asm.bind(label);
            let missing = self.missing(routine);
            let name = match (routine, missing) {
                (_, Some((module, name))) => format!("{module}.{name}"),
                (Routine::Function(function), None) => self.module.function_name(function),
                (Routine::Runtime(function), _) => runtime::name(function),
                (Routine::Dispatch { table, ty }, _) => {
                    format!("dispatch table[{table}] type[{ty}]")
                }
                (Routine::Table(table), _) => table.name(),
                (other, _) => format!("{other:?}").to_lowercase(),
            };
            let origin = Origin::of(routine, missing.is_some());
            self.laid_out.push(places::Routine { name, begin: self.asm.here(), origin });
            self.asm.set_site(Site::NOWHERE);
            self.routine(routine)?;
            self.asm.check_size()?;
        }
        Ok(())
    }

    /// What is imported from nowhere, if the routine is that: of which module, and its name.
    fn missing(&self, routine: Routine) -> Option<(&'m str, &'m str)> {
        let Routine::Function(function) = routine else { return None };
        match &self.module.functions[function as usize].body {
            Body::Missing(WasmError::UnknownImport { module, name, .. }) => Some((module, name)),
            _ => None,
        }
    }

    /// The elements of a table whose functions are of a type: index and function, ascending.
    pub fn elements(&mut self, table: u32, ty: u32) -> &[(u32, u32)] {
        let module = self.module;
        let elements = self.elements.entry(table).or_insert_with(|| by_type(module, table));
        elements.get(&module.first_alike(ty)).map_or(&[], Vec::as_slice)
    }

    fn routine(&mut self, routine: Routine) -> Result<()> {
        match routine {
            Routine::Function(function) => {
                FunctionTranslator::translate(self, self.module, function)?;
            }
            Routine::Runtime(function) => {
                FunctionTranslator::translate(self, &RUNTIME, function)?;
            }
            Routine::Dispatch { table, ty } => dispatch::call_by_index(self, table, ty)?,
            Routine::Table(table) => table.emit(self),
            Routine::Grow => memory::grow(self),
            Routine::Copy => bulk::copy(self),
            Routine::Fill => bulk::fill(self),
            Routine::DivS => signed::div_s(&mut self.asm),
            Routine::RemS => signed::rem_s(&mut self.asm),
            Routine::Print => print::print(&mut self.asm),
        }
        Ok(())
    }
}
