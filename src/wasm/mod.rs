//! From WebAssembly modules to programs of the machine.
//!
//! ```text
//! bytes -> module -> compiler: entry, then every routine that is called -> program
//!                       |
//!          function: control, operator -> assembler
//! ```
//!
//! What compiles is all of WebAssembly 2.0 but vectors: beyond 1.0 sign extension, conversions that saturate, several
//! results, bulk memory, references, several tables and the instructions that change them. Imports are `env.output_byte`, WASI preview 1 ([`wasi`]), and
//! AssemblyScript's `env.abort`. Any other instruction, and any other import, that a module
//! *can run into* is refused, with its name and the offset of its byte; or, with
//! [`Options::strict`] off, it traps and is told of. Functions
//! that nothing calls are neither compiled nor refused. Nothing is compiled into
//! something that behaves differently, with one exception that is a choice:
//! accesses beyond the end of memory do not trap with [`Options::endless_memory`], but find
//! memory there, too, and the globals (`cells`).
//!
//! A program's start puts the data into memory, runs the start function and
//! then the [`Entry`]. It ends with `halt`, after `trap` if it trapped.
//!
//! | file | idea |
//! | --- | --- |
//! | `read`, `module` | validation, parsing |
//! | `imports` | what may be imported |
//! | `image` | data segments as payloads |
//! | `entry` | what runs first, the input's place |
//! | `compiler` | routines on demand |
//! | `function`, `control`, `operator` | translation of bodies |
//! | `unwritten` | locals that need a zero |
//! | `dispatch` | `br_table`, `call_indirect` |
//! | `outside`, `table` | tables that change, passive segments |
//! | `access` | loads and stores |
//! | `signed`, `bits`, `bulk`, `print` | what the machine lacks, in its own code |
//! | `runtime` | what it lacks, as functions of WebAssembly: most of i64, floats, WASI |
//! | `wasi` | which imports those are, and what a program is given |
//! | `memory`, `cells` | the size of linear memory; globals |
//! | `assembler`, `jumps` | labels, small improvements |
//! | `places`, `sites` | where each instruction comes from |
//! | `trap` | why and where a run trapped |
//! | `link` | several modules as one |
//! | `lines` | lines of the module's own source |

mod access;
mod argument;
mod assembler;
mod bits;
mod bulk;
mod cells;
mod compiler;
mod constant;
mod control;
mod dispatch;
mod entry;
mod error;
mod function;
mod image;
mod imports;
mod jumps;
mod lines;
pub mod link;
mod memory;
mod mnemonic;
mod module;
mod operands;
mod operator;
mod outside;
mod places;
mod print;
mod product;
mod read;
mod runtime;
mod signed;
mod sites;
mod table;
mod trap;
mod types;
mod unwritten;
pub mod wasi;

pub use error::WasmError;
pub use lines::{LONGEST_WITH_LINES, Line, Lines};
pub use places::{Origin, Places, Routine, Source};
pub use read::validate;
pub use trap::{Frame, Reason, Trap};

use std::collections::BTreeSet;

use wasmparser::{Parser, Payload};

use compiler::Compiler;
use error::Result;
use function::LOCALS;

use crate::machine::Op;
use crate::program::Program;

/// What to compile a module for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What runs.
    pub entry: Entry,
    /// How many bytes the input of `compute` may have; none for a program that
    /// takes no input and finds an empty one.
    pub input_capacity: Option<u32>,
    /// Whether the program is for a machine that does without `memory.resize` and its like.
    ///
    /// Accesses beyond the end of memory do *not* trap then: memory has no end, so a load gives
    /// what was stored there, or 0. They may also meet the module's globals: these lie from 32 MiB
    /// on, or at the end of a memory that is larger, if it cannot grow, and from 2^32 on
    /// if it can. A module that makes no such access is compiled faithfully, and C
    /// without undefined behaviour makes none.
    pub endless_memory: bool,
    /// Whether what the machine cannot do is refused. Off, an instruction that cannot be compiled and
    /// a function that is imported from nowhere trap where a run reaches them, and
    /// [`Compiled::warnings`] name them.
    pub strict: bool,
}

/// What runs after the start function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The export `compute(i32 input)`, with the address of the input, which a
    /// byte 0 ends.
    Compute,
    /// The export `_start`, of a program of WASI: its input is what [`wasi::Given::payload`] makes.
    Start,
    /// Any exports, one after another in one instance, behind `_initialize` if there is one. Their results are written to the output,
    /// one a line: integers signed, floats as their bits, as in `0x40490fdb`.
    Invoke(Vec<Invocation>),
}

/// A call of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The export's name.
    pub export: String,
    /// Its arguments.
    pub args: Vec<Argument>,
}

/// An argument of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// The bits of a value of whatever type the parameter has.
    Bits(u64),
    /// A number as people write it: an integer, signed or not, decimal or `0x` and hexadecimal; a
    /// float decimal, `inf` or `nan`.
    Written(String),
}

impl From<i32> for Argument {
    fn from(value: i32) -> Self {
        Argument::Bits(u64::from(value.cast_unsigned()))
    }
}

impl From<i64> for Argument {
    fn from(value: i64) -> Self {
        Argument::Bits(value.cast_unsigned())
    }
}

impl Default for Options {
    /// `compute`, with room for an input that fills a page, strict.
    fn default() -> Self {
        Options {
            entry: Entry::Compute,
            input_capacity: Some(65535),
            endless_memory: false,
            strict: true,
        }
    }
}

impl Options {
    /// To call one export with arguments of i32.
    pub fn invoke(export: &str, args: &[i32]) -> Self {
        let args = args.iter().map(|&arg| arg.into()).collect();
        let invocation = Invocation { export: export.into(), args };
        Options { entry: Entry::Invoke(vec![invocation]), ..Options::default() }
    }
}

/// A module as a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// The program; its input is empty.
    pub program: Program,
    /// Where the input goes, if the program takes one.
    pub input: Option<InputRoom>,
    /// What its instructions were compiled from.
    pub places: Places,
    /// What traps because it cannot be compiled.
    pub warnings: Vec<WasmError>,
}

/// Where an input goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputRoom {
    /// The address of its first byte.
    pub address: u32,
    /// How many bytes it may have.
    pub capacity: u32,
}

impl Compiled {
    /// The program with an input.
    pub fn with_input(self, input: &[u8]) -> Result<Program> {
        let capacity = self.input.ok_or(WasmError::TakesNoInput)?.capacity;
        if input.len() > capacity as usize {
            return Err(WasmError::InputTooLong { length: input.len(), capacity });
        }
        self.program.with_input(input).map_err(|_| WasmError::TakesNoInput)
    }
}

/// What runs where nobody says it: `compute`, or `_start` of a module that exports that alone. What is no
/// module has no exports.
pub fn entry_of(wasm: &[u8]) -> Entry {
    let sections = Parser::new(0).parse_all(wasm).map_while(|payload| payload.ok());
    let exports = sections.filter_map(|section| match section {
        Payload::ExportSection(exports) => Some(exports),
        _ => None,
    });
    let names: BTreeSet<&str> = exports.flatten().flatten().map(|export| export.name).collect();
    match names.contains("_start") && !names.contains("compute") {
        true => Entry::Start,
        false => Entry::Compute,
    }
}

/// Compiles a module.
pub fn compile(wasm: &[u8], options: &Options) -> Result<Compiled> {
    let mut module = read::read(wasm, options.strict)?;
    let input = match (&options.entry, options.input_capacity) {
        (Entry::Compute, Some(capacity)) => entry::reserve_input(&mut module, capacity)?,
        (Entry::Start, _) => Some(wasi::room(&module, options.endless_memory)?),
        _ => None,
    };
    let mut payloads = module.memory.as_ref().map(|m| m.image.payloads()).unwrap_or_default();
    payloads.extend(module.outside.image.payloads());
    payloads.extend(input.map(|room| (u64::from(room.address), Vec::new())));

    let mut compiler = Compiler::new(&module, options);
    for (address, _) in &payloads {
        compiler.asm.emit(Op::InputBase, *address as u32);
    }
    entry::emit(&mut compiler, &options.entry, input)?;
    compiler.lay_out_routines()?;

    let warnings = compiler.warnings;
    let (code, sites) = compiler.asm.link()?;
    let places = Places::new(sites, compiler.names, compiler.laid_out, &module);
    let payloads = payloads.into_iter().map(|(_, bytes)| bytes).collect();
    let program = Program::new(code, payloads).expect("input_base first, one for each payload");
    Ok(Compiled { program, input, places, warnings })
}

/// Compiles a module in the text format.
pub fn compile_text(text: &str, options: &Options) -> Result<Compiled> {
    compile(&parse_text(text.as_bytes())?, options)
}

/// The bytes of a module in the text format.
pub(crate) fn parse_text(text: &[u8]) -> Result<Vec<u8>> {
    let not_text = |message| WasmError::NotText { message };
    let text = std::str::from_utf8(text).map_err(|error| not_text(error.to_string()))?;
    wat::parse_str(text).map_err(|error| not_text(error.to_string()))
}
