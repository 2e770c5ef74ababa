//! Blocks and branches.
//!
//! A block is a label; a branch is a jump to it. WebAssembly's branches also
//! *unwind*: of the operands that were pushed since the block began they keep the
//! label's results and lose what lies beneath. The machine's jumps lose nothing,
//! so results go to scratch locals, the rest is dropped (one token each), and the
//! results come back. Where a branch is conditional that happens in an *exit*, out
//! of the way behind the function's code, so that a branch not taken costs nothing.

use wasmparser::{BlockType, Operator};

use super::assembler::Label;
use super::dispatch::{self, Range};
use super::error::Result;
use super::function::FunctionTranslator;
use super::sites::{Mark, Site};
use super::types::{Signature, Width, signature, width};
use crate::machine::Op;

/// A block that has begun and not ended.
#[derive(Debug)]
pub struct Frame {
    kind: Kind,
    /// Where branches to it go: its end, or the beginning of a loop.
    label: Label,
    /// Whether a branch goes there.
    targeted: bool,
    /// Operands beneath the block's parameters.
    height: usize,
    signature: Signature,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Function,
    Block,
    Loop,
    /// The then-arm; the label is where the condition 0 leads.
    Then(Label),
}

impl Frame {
    /// The frame of a function's whole body.
    pub fn function(label: Label, results: Vec<Width>) -> Self {
        let signature = Signature { params: Vec::new(), results };
        Frame { kind: Kind::Function, label, targeted: false, height: 0, signature }
    }

    /// What operands a branch brings.
    fn brings(&self) -> &[Width] {
        if self.kind == Kind::Loop { &self.signature.params } else { &self.signature.results }
    }
}

/// The way of a conditional branch that unwinds.
#[derive(Debug)]
pub struct Exit {
    label: Label,
    /// Operands at the branch.
    height: usize,
    /// Of the branch.
    site: Site,
    target: Target,
}

/// Where a branch goes and what it brings.
#[derive(Clone, Debug)]
struct Target {
    /// A label, or none for the caller.
    label: Option<Label>,
    height: usize,
    brings: Vec<Width>,
}

impl FunctionTranslator<'_, '_> {
    /// Translates an instruction of control; false if it is none.
    pub(super) fn control(&mut self, operator: &Operator, offset: u64) -> Result<bool> {
        if let Some(blocks) = self.dead {
            return Ok(self.control_in_dead_code(operator, blocks));
        }
        match operator {
            Operator::Block { blockty } => self.begin(Kind::Block, *blockty, offset)?,
            Operator::Loop { blockty } => {
                self.begin(Kind::Loop, *blockty, offset)?;
                let label = self.frame(0).label;
                self.compiler.asm.bind(label);
            }
            Operator::If { blockty } => {
                let otherwise = self.compiler.asm.label();
                self.compiler.asm.jump_unless(otherwise);
                self.begin(Kind::Then(otherwise), *blockty, offset)?;
            }
            Operator::Else => self.otherwise(),
            Operator::End => self.end(),
            Operator::Br { relative_depth } => self.branch(*relative_depth),
            Operator::BrIf { relative_depth } => {
                // The condition may only be taken off by the jump itself.
                let height = self.compiler.asm.height() - 1;
                let label = self.conditional(*relative_depth, height);
                self.compiler.asm.jump_if(label);
            }
            Operator::BrTable { targets } => {
                let mut depths = targets.targets().collect::<Result<Vec<_>, _>>()?;
                depths.push(targets.default());
                self.branch_by_index(&depths)?;
            }
            Operator::Return => self.branch(self.frames.len() as u32 - 1),
            Operator::Unreachable => {
                self.compiler.asm.trap(Mark::Unreachable);
                self.dead = Some(0);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// `blocks` is how many blocks began since the code is dead.
    fn control_in_dead_code(&mut self, operator: &Operator, blocks: usize) -> bool {
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                self.dead = Some(blocks + 1);
            }
            Operator::Else if blocks == 0 => self.otherwise(),
            Operator::End if blocks == 0 => self.end(),
            Operator::End => self.dead = Some(blocks - 1),
            _ => {}
        }
        true
    }

    fn begin(&mut self, kind: Kind, ty: BlockType, offset: u64) -> Result<()> {
        let signature = match ty {
            BlockType::Empty => Signature::default(),
            BlockType::Type(ty) => {
                let result = width(ty, || "the result of a block".into(), offset)?;
                Signature { params: Vec::new(), results: vec![result] }
            }
            BlockType::FuncType(ty) => {
                signature(&self.module.types[ty as usize], || "a block".into(), offset)?
            }
        };
        let height = self.compiler.asm.height() - signature.params.len();
        let label = self.compiler.asm.label();
        self.frames.push(Frame { kind, label, targeted: false, height, signature });
        Ok(())
    }

    /// The then-arm is over: whoever comes here from it jumps over the else-arm.
    fn otherwise(&mut self) {
        let live = self.dead.take().is_none();
        let asm = &mut self.compiler.asm;
        let Some(frame) = self.frames.last_mut() else { return };
        if live {
            asm.jump(frame.label);
            frame.targeted = true;
        }
        if let Kind::Then(otherwise) = frame.kind {
            asm.bind(otherwise);
        }
        asm.set_height(frame.height + frame.signature.params.len());
        frame.kind = Kind::Block;
    }

    fn end(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        let asm = &mut self.compiler.asm;
        let mut live = self.dead.take().is_none();
        // An if without else ends where its condition leads, too.
        if let Kind::Then(otherwise) = frame.kind {
            asm.bind(otherwise);
            live = true;
        }
        if frame.kind != Kind::Loop && frame.targeted {
            asm.bind(frame.label);
            live = true;
        }
        if live {
            asm.set_height(frame.height + frame.signature.results.len());
        }
        if live && frame.kind == Kind::Function {
            asm.return_from(self.begin);
        }
        self.dead = (!live).then_some(0);
    }

    fn frame(&mut self, depth: u32) -> &mut Frame {
        let index = self.frames.len() - 1 - depth as usize;
        &mut self.frames[index]
    }

    fn branch(&mut self, depth: u32) {
        let frame = self.frame(depth);
        let target = Target {
            label: (frame.kind != Kind::Function).then_some(frame.label),
            height: frame.height,
            brings: frame.brings().to_vec(),
        };
        frame.targeted |= target.label.is_some();
        self.go(target);
        self.dead = Some(0);
    }

    /// Unwinds and jumps.
    fn go(&mut self, target: Target) {
        let excess = self.compiler.asm.height() - target.height - target.brings.len();
        if excess > 0 {
            let mut word = 0;
            let mut place = |&width: &Width| {
                let local = self.scratch_as(width, word);
                word += width.words();
                (width, local)
            };
            let results: Vec<(Width, u32)> = target.brings.iter().map(&mut place).collect();
            let asm = &mut self.compiler.asm;
            results.iter().rev().for_each(|&(width, local)| asm.set_as(width, local));
            (0..excess).for_each(|_| asm.emit(Op::Drop, 0));
            results.iter().for_each(|&(width, local)| asm.get_as(width, local));
        }
        match target.label {
            Some(label) => self.compiler.asm.jump(label),
            None => self.compiler.asm.return_from(self.begin),
        }
    }

    /// The label for a conditional branch with so many operands on the stack: the
    /// block's, or an exit that unwinds.
    fn conditional(&mut self, depth: u32, height: usize) -> Label {
        let frame = self.frame(depth);
        let (label, brings) = (frame.label, frame.brings().to_vec());
        if height == frame.height + brings.len() {
            frame.targeted = true;
            return label;
        }
        frame.targeted |= frame.kind != Kind::Function;
        let to_caller = frame.kind == Kind::Function;
        let target = Target { label: (!to_caller).then_some(label), height: frame.height, brings };
        let label = self.compiler.asm.label();
        let site = self.compiler.asm.site().behind();
        self.exits.push(Exit { label, height, site, target });
        label
    }

    /// Emits the exits that conditional branches have asked for.
    pub(super) fn emit_exits(&mut self) -> Result<()> {
        for exit in std::mem::take(&mut self.exits) {
            self.compiler.asm.bind(exit.label);
            self.compiler.asm.set_site(exit.site);
            self.compiler.asm.set_height(exit.height);
            self.go(exit.target);
            self.compiler.asm.check_size()?;
        }
        Ok(())
    }

    /// `br_table`: the last depth is for all indices from there on.
    fn branch_by_index(&mut self, depths: &[u32]) -> Result<()> {
        let scratch = self.scratch(0);
        let index = self.compiler.asm.pop_to_local(scratch);
        let height = self.compiler.asm.height();
        let mut labels = std::collections::BTreeMap::new();
        let ranges: Vec<Range<Label>> = dispatch::ranges((0..).zip(depths.iter().copied()))
            .into_iter()
            .map(|(first, depth)| {
                (first, *labels.entry(depth).or_insert_with(|| self.conditional(depth, height)))
            })
            .collect();
        dispatch::decide(self.compiler, index, &ranges, &mut |compiler, label| {
            compiler.asm.jump(label);
            Ok(())
        })?;
        self.dead = Some(0);
        Ok(())
    }
}
