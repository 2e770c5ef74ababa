//! Why and where a run trapped.
//!
//! The machine says that it trapped, and its program counter at which of its instructions. The rest is what
//! the source map knows ([`super::places`]) and the calls that have not returned ([`Walk`]):
//!
//! - The *place* is that of the innermost function of the module. What it called of the runtime, of the
//!   routines that the compiler shares, or an import from nowhere, is one of its instructions.
//! - The *reason* is that of the machine's own instruction, if that traps by what it is given; or the mark of
//!   one that only traps. Of the runtime nothing is marked, and a call through a table that never
//!   changes traps at one place for three reasons: there the value decides that the first instruction of the routine took,
//!   which is a divisor, what was to be converted, or the index.

use std::fmt;

use super::places::{Origin, Places, Routine, Source};
use super::sites::Mark;
use crate::machine::Op;
use crate::program::{Program, Standing, Walk};

/// Why a program trapped, in the words of WebAssembly's specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A division by zero.
    DivideByZero,
    /// A quotient, or a float as an integer, is beyond the integers of its type.
    Overflow,
    /// Not a number has become an integer.
    InvalidConversion,
    /// A load or a store, a copy or a fill, is not within the memory.
    Memory,
    /// An instruction, other than a call, reaches beyond the end of a table, or of a segment of elements.
    Table,
    /// Too many calls have not returned.
    CallStack,
    /// A call through a table is of an index that it has not.
    UndefinedElement,
    /// A call through a table finds null.
    UninitializedElement,
    /// A call through a table finds a function of another type.
    IndirectCallType,
    /// An instruction, with its name, cannot be compiled.
    Unsupported(String),
    /// An import, with its name, comes from nowhere.
    MissingImport(String),
    /// `unreachable`.
    Unreachable,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::DivideByZero => "integer divide by zero",
            Reason::Overflow => "integer overflow",
            Reason::InvalidConversion => "invalid conversion to integer",
            Reason::Memory => "out of bounds memory access",
            Reason::Table => "out of bounds table access",
            Reason::CallStack => "call stack exhausted",
            Reason::UndefinedElement => "undefined element",
            Reason::UninitializedElement => "uninitialized element",
            Reason::IndirectCallType => "indirect call type mismatch",
            Reason::Unsupported(name) => return write!(f, "unsupported instruction {name}"),
            Reason::MissingImport(name) => return write!(f, "missing import {name}"),
            Reason::Unreachable => "unreachable",
        })
    }
}

/// A function that was entered and not left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'p> {
    /// Where it stands: the instruction that trapped, or a call.
    pub at: usize,
    /// The function, or the start code.
    pub routine: &'p Routine,
    /// The instruction of WebAssembly, where it is known.
    pub source: Option<Source<'p>>,
}

/// What a run did that trapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap<'p> {
    /// Why.
    pub reason: Reason,
    /// Where.
    pub place: Frame<'p>,
    /// The functions that called, the innermost first, as far as they were asked for.
    pub callers: Vec<Frame<'p>>,
    /// How many more there are.
    pub more_callers: usize,
    /// Instructions of the machine that ended before.
    pub executed: u64,
}

impl Places {
    /// What the run that has come to `walk` has trapped for; with at most so many callers.
    pub fn trap(&self, program: &Program, walk: &Walk, callers: usize) -> Trap<'_> {
        let mut stack = walk.stack().peekable();
        // What the compiler calls for an instruction is no frame of its own, but has the reason.
        let mut entered: Option<Standing> = None;
        while let Some(inner) = stack.next_if(|standing| {
            let of_compiler = !self.routine(standing).is_of_module();
            of_compiler && self.are_known()
        }) {
            entered = Some(inner);
        }
        let reason = self.reason(program, walk, entered);
        let mut frames = stack.map(|standing| self.frame(standing.at as usize));
        let outermost = || Frame { at: 0, routine: &self.routines()[0], source: None };
        let mut place = frames.next().unwrap_or_else(outermost);
        if place.source.is_none() && entered.is_none() && self.are_known() {
            // Where many instructions share the one that traps, it is the one that led there.
            place.source = self.source(walk.before() as usize);
        }
        let of_module = frames.filter(|frame| frame.routine.origin != Origin::Start);
        let mut of_module =
            of_module.filter(|frame| !self.are_known() || frame.routine.is_of_module());
        let callers = of_module.by_ref().take(callers).collect();
        let more_callers = of_module.count();
        Trap { reason, place, callers, more_callers, executed: walk.executed() }
    }

    fn routine(&self, standing: &Standing) -> &Routine {
        &self.routines()[self.routine_at(standing.at as usize)]
    }

    fn frame(&self, at: usize) -> Frame<'_> {
        Frame { at, routine: &self.routines()[self.routine_at(at)], source: self.source(at) }
    }

    /// `entered`: the routine that the innermost function called.
    fn reason(&self, program: &Program, walk: &Walk, entered: Option<Standing>) -> Reason {
        match walk.op(program) {
            Some(Op::DivU | Op::RemU) => return Reason::DivideByZero,
            Some(Op::Call) => return Reason::CallStack,
            Some(Op::Unreachable) | None => {}
            // Of all others only accesses can.
            Some(_) => return Reason::Memory,
        }
        let at = walk.at() as usize;
        let routine = entered.map(|entered| (self.routine(&entered), entered.given));
        match (routine, self.mark(at)) {
            (Some((routine, given)), mark) => match routine.origin {
                Origin::Runtime => by_operand(&routine.name, given.unwrap_or(0)),
                Origin::Dispatch(table) if mark == Some(Mark::Element) => {
                    self.by_index(table, given.unwrap_or(0))
                }
                Origin::Missing(_) => Reason::MissingImport(routine.name.clone()),
                _ => self.by_mark(at, mark),
            },
            (None, mark) => self.by_mark(at, mark),
        }
    }

    fn by_mark(&self, at: usize, mark: Option<Mark>) -> Reason {
        let name = || self.source(at).map_or_else(String::new, |source| source.name.to_owned());
        match mark {
            Some(Mark::Overflow) => Reason::Overflow,
            Some(Mark::Memory) => Reason::Memory,
            Some(Mark::Table) => Reason::Table,
            Some(Mark::Undefined) => Reason::UndefinedElement,
            Some(Mark::Uninitialized) => Reason::UninitializedElement,
            Some(Mark::OtherType) => Reason::IndirectCallType,
            Some(Mark::Unsupported) => Reason::Unsupported(name()),
            Some(Mark::Missing | Mark::Element | Mark::Unreachable) | None => Reason::Unreachable,
        }
    }

    fn by_index(&self, table: u32, index: u64) -> Reason {
        let Some(elements) = self.elements(table) else { return Reason::UndefinedElement };
        let is_defined =
            u32::try_from(index).is_ok_and(|index| elements.defined.binary_search(&index).is_ok());
        match is_defined {
            _ if index >= elements.size => Reason::UndefinedElement,
            false => Reason::UninitializedElement,
            true => Reason::IndirectCallType,
        }
    }
}

/// Why the function of the runtime that is this instruction traps, by the operand that it took first: the
/// last one.
fn by_operand(instruction: &str, operand: u64) -> Reason {
    let is = |part: &str| instruction.contains(part);
    let is_nan = match is("_f32_") {
        true => f32::from_bits(operand as u32).is_nan(),
        false => f64::from_bits(operand).is_nan(),
    };
    if is(".trunc_") && is_nan {
        Reason::InvalidConversion
    } else if (is(".div_") || is(".rem_")) && operand == 0 {
        Reason::DivideByZero
    } else if is(".div_") || is(".trunc_") {
        Reason::Overflow
    } else {
        Reason::Unreachable
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::MOST_CALLS;
    use crate::oracle;
    use crate::wasm::{Argument, Compiled, Entry, Invocation, Options, compile_text};

    /// Compiles to call `f` with these bits.
    fn compiled(text: &str, args: &[u64]) -> Compiled {
        let args = args.iter().map(|&bits| Argument::Bits(bits)).collect();
        let call = Invocation { export: "f".into(), args };
        let entry = Entry::Invoke(vec![call]);
        let options = Options { entry, strict: false, ..Options::default() };
        compile_text(text, &options).unwrap()
    }

    /// `reason, instruction, in place, called from ...`.
    fn trap(compiled: &Compiled) -> String {
        let mut walk = Walk::new(&compiled.program);
        let stopped =
            oracle::execute(&compiled.program, 100_000, |token| walk.step(token)).unwrap();
        assert_eq!(stopped, oracle::Stopped::Trapped);
        let trap = compiled.places.trap(&compiled.program, &walk, 2);
        let source = trap.place.source.map_or("nothing", |source| source.name);
        let mut text = format!("{}, {source}, in {}", trap.reason, trap.place.routine.name);
        for caller in trap.callers {
            text += &format!(", from {}", caller.routine.name);
        }
        if trap.more_callers > 0 {
            text += &format!(" and {} more", trap.more_callers);
        }
        text
    }

    #[test]
    fn divisions_tell_zero_from_overflow_wherever_they_are_computed() {
        for ty in ["i32", "i64"] {
            let least = if ty == "i32" { 1 << 31 } else { 1 << 63 };
            let ones = if ty == "i32" { u64::from(u32::MAX) } else { u64::MAX };
            for op in ["div_u", "rem_u", "div_s", "rem_s"] {
                let text = format!(
                    r#"(module (func (export "f") (param {ty} {ty}) (result {ty})
                        local.get 0 local.get 1 {ty}.{op}))"#
                );
                for dividend in [7, ones] {
                    let said = trap(&compiled(&text, &[dividend, 0]));
                    assert_eq!(said, format!("integer divide by zero, {ty}.{op}, in f"));
                }
                if op == "div_s" {
                    let said = trap(&compiled(&text, &[least, ones]));
                    assert_eq!(said, format!("integer overflow, {ty}.div_s, in f"));
                }
            }
        }
    }

    #[test]
    fn conversions_tell_what_is_no_number_from_what_is_too_great() {
        for (op, nan, great) in [
            ("i32.trunc_f32_s", 0x7fc0_0000, 0x7f00_0000),
            ("i64.trunc_f32_u", 0xffc0_0000, 0xff00_0000),
            ("i32.trunc_f64_u", 0x7ff8 << 48, 0x7f00 << 48),
            ("i64.trunc_f64_s", 0xfff8 << 48, 0xff00 << 48),
        ] {
            let (to, from) = (&op[..3], &op[10..13]);
            let text = format!(
                r#"(module (func (export "f") (param {from}) (result {to}) local.get 0 {op}))"#
            );
            let said = |bits| trap(&compiled(&text, &[bits]));
            assert_eq!(said(nan), format!("invalid conversion to integer, {op}, in f"));
            assert_eq!(said(great), format!("integer overflow, {op}, in f"));
        }
    }

    #[test]
    fn calls_through_tables_tell_what_is_wrong_with_the_element() {
        let text = r#"(module (table 4 funcref) (elem (i32.const 0) $right $wrong) (elem (i32.const 3) $right)
            (func $right (param i32)) (func $wrong) (type $t (func (param i32)))
            (func (export "f") (param i32) i32.const 5 local.get 0 call_indirect (type $t)))"#;
        for (index, reason) in [
            (1, "indirect call type mismatch"),
            (2, "uninitialized element"),
            (4, "undefined element"),
            (u64::from(u32::MAX), "undefined element"),
        ] {
            let said = trap(&compiled(text, &[index]));
            assert_eq!(said, format!("{reason}, call_indirect, in f"));
        }
        let empty = r#"(module (table 2 funcref) (type $t (func (param i32)))
            (func (export "f") (param i32) i32.const 5 local.get 0 call_indirect (type $t)))"#;
        assert_eq!(trap(&compiled(empty, &[1])), "uninitialized element, call_indirect, in f");
        assert_eq!(trap(&compiled(empty, &[2])), "undefined element, call_indirect, in f");
    }

    #[test]
    fn calls_without_end_exhaust_the_call_stack() {
        let text = r#"(module (func $f (export "f") call $f))"#;
        let compiled = compiled(text, &[]);
        let mut walk = Walk::new(&compiled.program);
        oracle::execute(&compiled.program, u64::MAX, |token| walk.step(token)).unwrap();
        let trap = compiled.places.trap(&compiled.program, &walk, 2);
        assert_eq!(trap.reason, Reason::CallStack);
        assert_eq!(trap.callers.len() + trap.more_callers, MOST_CALLS as usize - 1);
    }

    #[test]
    fn the_access_that_traps_is_the_one_that_lies_beyond() {
        let text = r#"(module (memory 1)
            (func (export "f") (param i32) (result i32)
                i32.const 8 i32.const 1 i32.store local.get 0 i32.load16_u local.get 0 i32.load8_u i32.add))"#;
        let said = trap(&compiled(text, &[65535]));
        assert_eq!(said, "out of bounds memory access, i32.load16_u, in f");
        let text = r#"(module (memory 1)
            (func (export "f") (param i32) local.get 0 i32.const 1 i32.const 9 memory.fill))"#;
        let said = trap(&compiled(text, &[65530]));
        assert_eq!(said, "out of bounds memory access, memory.fill, in f");
    }

    #[test]
    fn what_cannot_be_compiled_is_named_and_so_are_the_callers() {
        let text = r#"(module (import "env" "abort" (func $abort))
            (func $g (param i32) local.get 0 if call $abort else v128.const i64x2 0 0 drop end)
            (func $h (param i32) local.get 0 call $g)
            (func $i (param i32) local.get 0 call $h)
            (func (export "f") (param i32) local.get 0 call $i))"#;
        let said = trap(&compiled(text, &[1]));
        assert_eq!(said, "missing import env.abort, call, in g, from h, from i and 1 more");
        let said = trap(&compiled(text, &[0]));
        assert_eq!(
            said,
            "unsupported instruction v128.const, v128.const, in g, from h, from i and 1 more"
        );
        let text = r#"(module (func $start unreachable) (start $start) (func (export "f")))"#;
        assert_eq!(trap(&compiled(text, &[])), "unreachable, unreachable, in start");
    }
}
