//! Names of WebAssembly instructions as the text format spells them, for
//! messages.

use wasmparser::Operator;

/// The name of an instruction: `i64.add`, `br_table`, `memory.init`.
pub fn mnemonic(operator: &Operator) -> String {
    let visitor = visitor_name(operator);
    let name = visitor.strip_prefix("visit_").unwrap_or(visitor);
    match name.split_once('_') {
        Some((prefix, rest)) if NAMESPACES.contains(&prefix) => format!("{prefix}.{rest}"),
        _ => name.to_owned(),
    }
}

/// What stands before the dot of a name that has one.
const NAMESPACES: [&str; 20] = [
    "i32", "i64", "f32", "f64", "v128", "i8x16", "i16x8", "i32x4", "i64x2", "f32x4", "f64x2",
    "local", "global", "memory", "table", "data", "elem", "ref", "struct", "array",
];

/// The name of what visits an instruction, which is another for each.
pub fn visitor_name(operator: &Operator) -> &'static str {
    macro_rules! name {
        ($(@$p:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident ($($a:tt)*))*) => {
            match operator {
                $(Operator::$op $({ $($arg: _),* })? => stringify!($visit),)*
                _ => "an instruction of a later proposal",
            }
        };
    }
    wasmparser::for_each_operator!(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_text_format() {
        let names = [Operator::I64Add, Operator::Unreachable, Operator::I32TruncF32S];
        let names: Vec<String> = names.iter().map(mnemonic).collect();
        assert_eq!(names, ["i64.add", "unreachable", "i32.trunc_f32_s"]);
        let indirect = Operator::CallIndirect { type_index: 0, table_index: 0 };
        assert_eq!(mnemonic(&indirect), "call_indirect");
    }
}
