//! Constant expressions: what they are before the run.

use wasmparser::{ConstExpr, Operator};

use super::error::{Result, WasmError};
use super::module::Global;

/// The value of an i32 expression; `globals` are those that stand before it.
pub fn evaluate(expression: &ConstExpr, globals: &[Global], what: &'static str) -> Result<u32> {
    let mut stack: Vec<u32> = Vec::new();
    let mut reader = expression.get_operators_reader();
    loop {
        let (operator, offset) = reader.read_with_offset()?;
        let unsupported = || WasmError::UnsupportedConstant { what, offset };
        let mut binary = |f: fn(u32, u32) -> u32| {
            let (b, a) = (stack.pop()?, stack.pop()?);
            Some(f(a, b))
        };
        let value = match operator {
            Operator::I32Const { value } => Some(value.cast_unsigned()),
            Operator::GlobalGet { global_index } => {
                globals.get(global_index as usize).and_then(|global| global.initial)
            }
            Operator::I32Add => binary(u32::wrapping_add),
            Operator::I32Sub => binary(u32::wrapping_sub),
            Operator::I32Mul => binary(u32::wrapping_mul),
            Operator::End => return stack.pop().ok_or_else(unsupported),
            _ => None,
        };
        stack.push(value.ok_or_else(unsupported)?);
    }
}
