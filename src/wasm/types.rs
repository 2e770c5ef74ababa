//! What a WebAssembly type is in the machine.
//!
//! **Where i64 would enter.** All widths pass through [`require_i32`]: parameters,
//! results, locals, globals and block types ask it, and every instruction that
//! is not one of i32 ends in `FunctionTranslator::unsupported`. A lowering of
//! i64 to i32 pairs replaces the first by the number of stack cells that a type
//! takes, and enters at the second; nothing else decides what is supported.

use wasmparser::{FuncType, ValType};

use super::error::{Result, WasmError};

/// Refuses a type that does not fit into one cell of the machine's stack.
pub fn require_i32(ty: ValType, what: impl Fn() -> String, offset: u64) -> Result<()> {
    match ty {
        ValType::I32 => Ok(()),
        _ => Err(WasmError::UnsupportedType { what: what(), ty: ty.to_string(), offset }),
    }
}

/// Parameters and results of a function type, all of them i32.
pub fn i32_signature(
    ty: &FuncType,
    what: impl Fn() -> String,
    offset: u64,
) -> Result<(usize, usize)> {
    for &ty in ty.params() {
        require_i32(ty, || format!("a parameter of {}", what()), offset)?;
    }
    for &ty in ty.results() {
        require_i32(ty, || format!("a result of {}", what()), offset)?;
    }
    Ok((ty.params().len(), ty.results().len()))
}

/// `(i32, i32) -> (i32)`, for messages.
pub fn signature_text(ty: &FuncType) -> String {
    let list =
        |types: &[ValType]| types.iter().map(ValType::to_string).collect::<Vec<_>>().join(", ");
    format!("({}) -> ({})", list(ty.params()), list(ty.results()))
}
