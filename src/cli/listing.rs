//! A program's instructions for people: numbered, under the names of their
//! functions, with what a jump leads to.

use std::fmt::Write;

use crate::machine::{Instruction, Op};
use crate::program::Program;
use crate::shown;

/// All instructions, one a line. `functions` are names and first instructions,
/// ascending; what stands before the first is the program's start.
pub fn listing(program: &Program, functions: &[(String, usize)]) -> String {
    let mut text = String::new();
    let mut functions_ahead = functions.iter().peekable();
    for (at, &instruction) in program.code().iter().enumerate() {
        while let Some((name, _)) = functions_ahead.next_if(|function| function.1 == at) {
            writeln!(text, "{}:", shown::name(name)).expect("strings take all");
        }
        writeln!(text, "{at:>7}  {}", line(at, instruction, functions)).expect("strings take all");
    }
    text
}

fn line(
    at: usize,
    Instruction { op, immediate }: Instruction,
    functions: &[(String, usize)],
) -> String {
    let name = op.name();
    let target = (at as i64 + 1 + i64::from(immediate.cast_signed())) as usize;
    match op {
        Op::Const => format!("{name} {}", immediate.cast_signed()),
        Op::Br | Op::BrIf => format!("{name} -> {target}"),
        Op::Call => match functions.iter().find(|function| function.1 == target) {
            Some((function, _)) => format!("{name} -> {target} {}", shown::name(function)),
            None => format!("{name} -> {target}"),
        },
        Op::LocalGet | Op::LocalSet | Op::LocalTee => format!("{name} {immediate}"),
        Op::InputBase => format!("{name} {immediate}"),
        _ if is_access(op) && immediate != 0 => format!("{name} offset={immediate}"),
        _ => name.to_owned(),
    }
}

fn is_access(op: Op) -> bool {
    use Op::{Load, Load8S, Load8U, Load16S, Load16U, Store, Store8, Store16};
    matches!(op, Load | Load8U | Load8S | Load16U | Load16S | Store | Store8 | Store16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_name_their_targets_and_functions_their_beginnings() {
        let code = [
            (Op::Const, u32::MAX),
            (Op::Call, 1),
            (Op::Halt, 0),
            (Op::Load, 4),
            (Op::Br, 2u32.wrapping_neg()),
        ];
        let code = code.map(|(op, immediate)| Instruction::new(op, immediate)).to_vec();
        let program = Program::new(code, Vec::new()).unwrap();
        let expected = "      0  i32.const -1
      1  call -> 3 f
      2  halt
f:
      3  i32.load offset=4
      4  br -> 3
";
        assert_eq!(listing(&program, &[("f".into(), 3)]), expected);
    }
}
