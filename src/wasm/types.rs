//! What a WebAssembly type is in the machine: a value of four or of eight bytes. Either is one
//! operand; a local is one word or two. A float is its bits. A reference is a number: 0 is null, a function one more
//! than its index, what comes from outside one more than what it is called there.

use wasmparser::{FuncType, ValType};

use super::error::{Result, WasmError};
use crate::machine::Op;

/// How many bytes a value has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// i32, f32, references.
    Four,
    /// i64, f64.
    Eight,
}

impl Width {
    /// Locals, or cells of four bytes, that a value takes.
    pub fn words(self) -> u32 {
        match self {
            Width::Four => 1,
            Width::Eight => 2,
        }
    }

    /// The instruction that does with values of this width what `op` does with those of four bytes.
    pub fn of(self, op: Op) -> Op {
        match self {
            Width::Four => op,
            Width::Eight => op.wide(),
        }
    }
}

/// Widths of what a function or a block takes and gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// What it takes, the deepest first.
    pub params: Vec<Width>,
    /// What it gives, the deepest first.
    pub results: Vec<Width>,
}

/// The width of a type, which is refused if the machine has no such values.
pub fn width(ty: ValType, what: impl Fn() -> String, offset: u64) -> Result<Width> {
    match ty {
        ValType::I32 | ValType::F32 | ValType::Ref(_) => Ok(Width::Four),
        ValType::I64 | ValType::F64 => Ok(Width::Eight),
        ValType::V128 => {
            Err(WasmError::UnsupportedType { what: what(), ty: ty.to_string(), offset })
        }
    }
}

/// Widths of parameters and results of a function type.
pub fn signature(ty: &FuncType, what: impl Fn() -> String, offset: u64) -> Result<Signature> {
    let widths = |types: &[ValType], kind: &str| -> Result<Vec<Width>> {
        types.iter().map(|&ty| width(ty, || format!("{kind} of {}", what()), offset)).collect()
    };
    Ok(Signature {
        params: widths(ty.params(), "a parameter")?,
        results: widths(ty.results(), "a result")?,
    })
}

/// `(i32, i32) -> (i32)`, for messages.
pub fn signature_text(ty: &FuncType) -> String {
    let list =
        |types: &[ValType]| types.iter().map(ValType::to_string).collect::<Vec<_>>().join(", ");
    format!("({}) -> ({})", list(ty.params()), list(ty.results()))
}
