//! Constant expressions: what they are before the run.

use wasmparser::{ConstExpr, Element, ElementItems, Operator};

use super::error::{Result, WasmError};

/// What constants may name: each as a value, if it is known before the run.
pub trait Named {
    /// The bits of a global that stands before the constant.
    fn global(&self, index: u32) -> Option<u64>;
    /// A reference to a function.
    fn function(&self, index: u32) -> Option<u64>;
}

/// The bits of the value of a valid expression.
pub fn evaluate(expression: &ConstExpr, named: &impl Named, what: &'static str) -> Result<u64> {
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
            Operator::GlobalGet { global_index } => named.global(global_index),
            Operator::RefNull { .. } => Some(0),
            Operator::RefFunc { function_index } => named.function(function_index),
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

/// The elements of a segment: references.
pub fn elements(element: &Element, named: &impl Named) -> Result<Vec<u64>> {
    let what = "an element";
    let unsupported = || WasmError::UnsupportedConstant { what, offset: element.range.start };
    match &element.items {
        ElementItems::Functions(functions) => {
            let functions = functions.clone().into_iter();
            functions.map(|function| named.function(function?).ok_or_else(unsupported)).collect()
        }
        ElementItems::Expressions(_, expressions) => {
            let expressions = expressions.clone().into_iter();
            expressions.map(|expression| evaluate(&expression?, named, what)).collect()
        }
    }
}
