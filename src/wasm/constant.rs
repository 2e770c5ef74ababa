//! Constant expressions: what they are before the run.

use wasmparser::{ConstExpr, Element, ElementItems, Operator};

use super::error::{Result, WasmError};

/// The bits of the value of a valid expression; `global` gives those of the globals that stand before it.
pub fn evaluate(
    expression: &ConstExpr,
    global: impl Fn(u32) -> Option<u64>,
    what: &'static str,
) -> Result<u64> {
    let mut stack: Vec<u64> = Vec::new();
    let mut reader = expression.get_operators_reader();
    loop {
        let (operator, offset) = reader.read_with_offset()?;
        let unsupported = || WasmError::UnsupportedConstant { what, offset };
        let mut binary = |f: fn(u64, u64) -> u64| {
            let (b, a) = (stack.pop()?, stack.pop()?);
            Some(f(a, b))
        };
        const WORD: u64 = u32::MAX as u64;
        let value = match operator {
            Operator::I32Const { value } => Some(u64::from(value.cast_unsigned())),
            Operator::I64Const { value } => Some(value.cast_unsigned()),
            Operator::F32Const { value } => Some(u64::from(value.bits())),
            Operator::F64Const { value } => Some(value.bits()),
            Operator::GlobalGet { global_index } => global(global_index),
            Operator::I32Add => binary(|a, b| a.wrapping_add(b) & WORD),
            Operator::I32Sub => binary(|a, b| a.wrapping_sub(b) & WORD),
            Operator::I32Mul => binary(|a, b| a.wrapping_mul(b) & WORD),
            Operator::I64Add => binary(u64::wrapping_add),
            Operator::I64Sub => binary(u64::wrapping_sub),
            Operator::I64Mul => binary(u64::wrapping_mul),
            Operator::End => return stack.pop().ok_or_else(unsupported),
            _ => None,
        };
        stack.push(value.ok_or_else(unsupported)?);
    }
}

/// The functions of a segment of elements, or null.
pub fn functions_of(element: &Element) -> Result<Vec<Option<u32>>> {
    let offset = element.range.start;
    match &element.items {
        ElementItems::Functions(functions) => {
            let functions = functions.clone().into_iter();
            Ok(functions.map(|function| function.map(Some)).collect::<Result<_, _>>()?)
        }
        ElementItems::Expressions(_, expressions) => expressions
            .clone()
            .into_iter()
            .map(|expression| match expression?.get_operators_reader().read()? {
                Operator::RefFunc { function_index } => Ok(Some(function_index)),
                Operator::RefNull { .. } => Ok(None),
                _ => Err(WasmError::UnsupportedConstant { what: "an element", offset }),
            })
            .collect(),
    }
}
