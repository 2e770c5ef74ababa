//! The code around a module: what runs before its functions and after them.
//!
//! ```text
//! input_base ...            one for each payload: data, then the input
//! memory.resize             to what memory has at first
//! globals                   those that do not begin as 0, and lengths of what can get longer or shorter
//! call start                and `_initialize`, before what is invoked
//! arguments, call, results  for every invocation
//! exit code                 of a program of WASI
//! halt
//! routines
//! ```

use wasmparser::{ExternalKind, ValType};

use super::cells::Cell;
use super::compiler::{Compiler, Routine};
use super::error::{Result, WasmError};
use super::memory;
use super::module::{Module, PAGE};
use super::types::{signature, signature_text, width};
use super::{Argument, Entry, InputRoom, Invocation, LOCALS, argument, runtime};
use crate::machine::Op;
use crate::shown;

/// Of the exports that there are, a message names so many.
const MOST_NAMED: usize = 20;

/// Finds a place for the input of `compute`: from the exported constant
/// `__heap_base` on, where C's static data and stack end, or else behind the
/// module's initial memory. The memory has as many more pages from the start as
/// the room needs, so that nothing that grows the memory gets the same bytes.
/// A module without memory cannot read an input, and has none.
pub fn reserve_input(module: &mut Module, capacity: u32) -> Result<Option<InputRoom>> {
    let heap_base = module.exports.get("__heap_base").and_then(|&(kind, index)| match kind {
        ExternalKind::Global => {
            let global = &module.globals[index as usize];
            global.initial.filter(|_| !global.mutable)
        }
        _ => None,
    });
    let Some(memory) = &mut module.memory else { return Ok(None) };
    let address = heap_base.unwrap_or(memory.initial * PAGE);
    let end = address + u64::from(capacity) + 1;
    let (pages, max) = (end.div_ceil(PAGE), memory.maximum);
    match u32::try_from(address) {
        Ok(address) if pages <= max => {
            memory.initial = memory.initial.max(pages);
            Ok(Some(InputRoom { address, capacity }))
        }
        _ => Err(WasmError::NoRoomForInput { capacity, pages, max }),
    }
}

/// Emits everything but the routines.
pub fn emit(compiler: &mut Compiler, entry: &Entry, input: Option<InputRoom>) -> Result<()> {
    let module = compiler.module;
    memory::begin(compiler);
    for (global, index) in module.globals.iter().zip(0..) {
        if let (true, Some(bits @ 1..)) = (global.mutable, global.initial) {
            let width = width(global.ty, || format!("global[{index}]"), 0)?;
            Cell::Global(global.word, width).store_constant(compiler, bits);
        }
    }
    for stretch in module.outside.stretches() {
        stretch.length.begin(compiler);
    }
    if let Some(start) = module.start {
        compiler.call_function(start, 0)?;
    }
    match entry {
        Entry::Compute => compute(compiler, input)?,
        Entry::Start => return start(compiler),
        Entry::Invoke(invocations) => {
            initialize(compiler)?;
            for invocation in invocations {
                invoke(compiler, invocation)?;
            }
        }
    }
    compiler.asm.emit(Op::Halt, 0);
    Ok(())
}

/// Calls `compute` with the address of the input; a result is not wanted.
fn compute(compiler: &mut Compiler, input: Option<InputRoom>) -> Result<()> {
    let export = "compute";
    let function = exported_function(compiler.module, export)?;
    let ty = compiler.module.function_type(function);
    if ty.params() != [ValType::I32] || !matches!(ty.results(), [] | [ValType::I32]) {
        let wants = "an entry takes the address of its input: (i32) -> ()";
        return Err(wrong_signature(compiler.module, function, export, wants.into()));
    }
    let results = ty.results().len();
    compiler.asm.constant(input.map_or(0, |room| room.address));
    compiler.call_function(function, 0)?;
    (0..results).for_each(|_| compiler.asm.emit(Op::Drop, 0));
    Ok(())
}

/// Calls `_start`. What returns from it ends by the exit code 0.
fn start(compiler: &mut Compiler) -> Result<()> {
    let export = "_start";
    let function = exported_function(compiler.module, export)?;
    let ty = compiler.module.function_type(function);
    if !ty.params().is_empty() || !ty.results().is_empty() {
        let wants = "a program of WASI begins with () -> ()";
        return Err(wrong_signature(compiler.module, function, export, wants.into()));
    }
    compiler.call_function(function, 0)?;
    compiler.asm.constant(0);
    compiler.exit();
    Ok(())
}

/// Calls `_initialize`, which WASI wants before any other export of a library, if there is such a function.
fn initialize(compiler: &mut Compiler) -> Result<()> {
    match compiler.module.exports.get("_initialize") {
        Some(&(ExternalKind::Func, function))
            if signature_text(compiler.module.function_type(function)) == "() -> ()" =>
        {
            compiler.call_function(function, 0)
        }
        _ => Ok(()),
    }
}

/// Calls an export with constants and prints what it returns.
fn invoke(compiler: &mut Compiler, Invocation { export, args }: &Invocation) -> Result<()> {
    let module = compiler.module;
    let function = exported_function(module, export)?;
    let ty = module.function_type(function);
    if ty.params().len() != args.len() {
        let plural = if args.len() == 1 { "" } else { "s" };
        let wants = format!("it is invoked with {} argument{plural}", args.len());
        return Err(wrong_signature(module, function, export, wants));
    }
    let widths = signature(ty, || export.clone(), 0)?.results;
    let words: u64 = widths.iter().map(|width| u64::from(width.words())).sum();
    if words > u64::from(LOCALS) {
        return Err(WasmError::TooManyLocals {
            function: export.clone(),
            locals: words,
            offset: 0,
        });
    }
    for (number, (arg, &ty)) in args.iter().zip(ty.params()).enumerate() {
        argument::push(&mut compiler.asm, arg, ty)
            .ok_or_else(|| wrong_argument(export, number, arg, ty))?;
    }
    compiler.call_function(function, 0)?;
    let mut results = Vec::new();
    let mut word = 0;
    for (&width, &ty) in widths.iter().zip(ty.results()) {
        results.push((word, width, ty));
        word += width.words();
    }
    results.iter().rev().for_each(|&(local, width, _)| compiler.asm.set_as(width, local));
    for (local, width, ty) in results {
        compiler.asm.get_as(width, local);
        match ty {
            ValType::I32 | ValType::Ref(_) => compiler.call(Routine::Print, 1, 0),
            _ => compiler.call_runtime(runtime::known(&format!("print.{ty}"))),
        }
    }
    Ok(())
}

fn wrong_argument(export: &str, number: usize, arg: &Argument, ty: ValType) -> WasmError {
    let arg = match arg {
        Argument::Bits(bits) => format!("{bits:#x}"),
        Argument::Written(text) => text.clone(),
    };
    WasmError::WrongArgument { export: export.into(), number: number + 1, arg, ty: ty.to_string() }
}

fn exported_function(module: &Module, export: &str) -> Result<u32> {
    match module.exports.get(export) {
        Some(&(ExternalKind::Func, function)) => Ok(function),
        _ => {
            let functions =
                module.exports.iter().filter(|(_, (kind, _))| *kind == ExternalKind::Func);
            let mut names: Vec<String> = functions.map(|(name, _)| shown::name(name)).collect();
            let more = names.len().saturating_sub(MOST_NAMED);
            names.truncate(MOST_NAMED);
            if more > 0 {
                names.push(format!("and {more} more"));
            }
            let exports = if names.is_empty() { "none".into() } else { names.join(", ") };
            Err(WasmError::MissingEntry { export: export.into(), exports })
        }
    }
}

fn wrong_signature(module: &Module, function: u32, export: &str, wants: String) -> WasmError {
    let got = signature_text(module.function_type(function));
    WasmError::WrongSignature { export: export.into(), got, wants }
}
