//! Which locals may be read before they are written.
//!
//! WebAssembly's locals begin as 0 at every call; the machine's keep what an
//! earlier call at the same depth left there. So those that may be read first are
//! zeroed at the function's entry, and only those. A forward pass over the
//! structured code keeps the set W of locals written on every path to here:
//!
//! - a label's W is the intersection over all jumps to it and the way that falls
//!   into it; behind a jump W is that of dead code, the neutral element
//! - a loop's beginning needs no second pass: W only grows along a path, so what
//!   jumps back has written at least what the first arrival had
//! - a read of a local outside W may be a first read

use wasmparser::{FunctionBody, Operator};

use super::error::Result;

/// The locals beyond the parameters that need a zero at entry, ascending.
pub fn read_before_written(body: &FunctionBody, params: u32, locals: u32) -> Result<Vec<u32>> {
    let mut flow = Flow::new(params, locals);
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        flow.operator(&operators.read()?);
    }
    Ok((params..locals).filter(|&local| flow.read_first.has(local)).collect())
}

/// A set of locals.
#[derive(Clone, Debug, PartialEq)]
struct Locals(Vec<u64>);

impl Locals {
    fn none_of(count: u32) -> Self {
        Locals(vec![0; count.div_ceil(64) as usize])
    }

    fn has(&self, local: u32) -> bool {
        self.0[local as usize / 64] >> (local % 64) & 1 == 1
    }

    fn add(&mut self, local: u32) {
        self.0[local as usize / 64] |= 1 << (local % 64);
    }

    fn keep(&mut self, other: &Locals) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, kept)| *word &= kept);
    }
}

/// What is known at the label of a block.
#[derive(Default)]
struct Frame {
    is_loop: bool,
    /// W over the jumps to the label so far; none of them yet.
    label: Option<Locals>,
    /// W at the beginning of an else that has not come.
    otherwise: Option<Locals>,
}

struct Flow {
    /// W, or none in dead code.
    written: Option<Locals>,
    frames: Vec<Frame>,
    read_first: Locals,
}

impl Flow {
    fn new(params: u32, locals: u32) -> Self {
        let mut written = Locals::none_of(locals);
        (0..params).for_each(|param| written.add(param));
        Flow {
            written: Some(written),
            frames: vec![Frame::default()],
            read_first: Locals::none_of(locals),
        }
    }

    fn operator(&mut self, operator: &Operator) {
        match operator {
            Operator::LocalGet { local_index: local } if self.lacks(*local) => {
                self.read_first.add(*local);
            }
            Operator::LocalSet { local_index: local }
            | Operator::LocalTee { local_index: local } => {
                if let Some(written) = &mut self.written {
                    written.add(*local);
                }
            }
            Operator::Block { .. } => self.frames.push(Frame::default()),
            Operator::Loop { .. } => self.frames.push(Frame { is_loop: true, ..Frame::default() }),
            Operator::If { .. } => {
                let otherwise = self.written.clone();
                self.frames.push(Frame { otherwise, ..Frame::default() });
            }
            Operator::Else => {
                self.jump_to(0);
                self.written = self.frames.last_mut().and_then(|frame| frame.otherwise.take());
            }
            Operator::End => self.end(),
            Operator::Br { relative_depth } => {
                self.jump_to(*relative_depth);
                self.written = None;
            }
            Operator::BrIf { relative_depth } => self.jump_to(*relative_depth),
            Operator::BrTable { targets } => {
                targets.targets().flatten().for_each(|depth| self.jump_to(depth));
                self.jump_to(targets.default());
                self.written = None;
            }
            Operator::Return | Operator::Unreachable => self.written = None,
            _ => {}
        }
    }

    fn lacks(&self, local: u32) -> bool {
        self.written.as_ref().is_some_and(|written| !written.has(local))
    }

    fn jump_to(&mut self, depth: u32) {
        let target = self.frames.len() - 1 - depth as usize;
        meet(&mut self.frames[target].label, self.written.as_ref());
    }

    fn end(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        meet(&mut self.written, frame.otherwise.as_ref());
        if !frame.is_loop {
            meet(&mut self.written, frame.label.as_ref());
        }
    }
}

/// The intersection, where nothing is the neutral element.
fn meet(at: &mut Option<Locals>, with: Option<&Locals>) {
    match (at.as_mut(), with) {
        (Some(at), Some(with)) => at.keep(with),
        (None, Some(with)) => *at = Some(with.clone()),
        (_, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::module::Body;
    use crate::wasm::read::read;

    /// What a function with a parameter 0 and locals 1 and 2 must zero.
    fn zeroed(body: &str) -> Vec<u32> {
        let text = format!("(module (func (param i32) (local i32 i32) {body}))");
        let wasm = wat::parse_str(text).unwrap();
        let module = read(&wasm, true).unwrap();
        let Body::Code(body, _) = &module.functions[0].body else { unreachable!() };
        read_before_written(body, 1, 3).unwrap()
    }

    #[test]
    fn parameters_and_what_is_written_first_need_no_zero() {
        assert!(zeroed("local.get 0 local.set 1 local.get 1 drop").is_empty());
        assert_eq!(zeroed("local.get 1 local.set 1"), [1]);
    }

    #[test]
    fn both_arms_must_write() {
        let arms = |then: &str, or: &str| {
            zeroed(&format!("local.get 0 (if (then {then}) (else {or})) local.get 2 drop"))
        };
        let write = "i32.const 1 local.set 2";
        assert!(arms(write, write).is_empty());
        assert_eq!(arms(write, ""), [2]);
        assert!(arms(write, "return").is_empty());
        assert_eq!(zeroed(&format!("local.get 0 (if (then {write})) local.get 2 drop")), [2]);
    }

    #[test]
    fn a_jump_past_the_write_counts() {
        let body = "(block local.get 0 br_if 0 i32.const 1 local.set 1) local.get 1 drop";
        assert_eq!(zeroed(body), [1]);
        let table = "(block (block local.get 0 br_table 0 1) i32.const 1 local.set 1)";
        assert_eq!(zeroed(&format!("{table} local.get 1 drop")), [1]);
    }

    #[test]
    fn a_loop_that_writes_after_reading_reads_first() {
        assert_eq!(zeroed("(loop local.get 1 drop i32.const 1 local.tee 1 br_if 0)"), [1]);
        assert!(zeroed("(loop i32.const 1 local.tee 1 br_if 0) local.get 1 drop").is_empty());
    }

    #[test]
    fn dead_code_reads_nothing() {
        assert!(zeroed("return local.get 1 drop").is_empty());
        assert!(zeroed("(block br 0 (loop local.get 1 drop br 0))").is_empty());
    }
}
