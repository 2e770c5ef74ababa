//! Instructions that are not control.

use wasmparser::{MemArg, Operator};

use super::cells::Cell;
use super::compiler::Routine;
use super::error::{Result, WasmError};
use super::function::FunctionTranslator;
use super::mnemonic::mnemonic;
use super::types::{i32_signature, require_i32};
use super::{bits, memory, signed};
use crate::machine::Op;

impl FunctionTranslator<'_, '_> {
    /// Translates an instruction that is not control.
    pub(super) fn plain(&mut self, operator: &Operator, offset: u64) -> Result<()> {
        if let Some(op) = native(operator) {
            self.compiler.asm.emit(op, 0);
            return Ok(());
        }
        if let Some((op, place)) = access(operator) {
            self.access(op, place);
            return Ok(());
        }
        match *operator {
            Operator::Nop => {}
            Operator::I32Const { value } => self.compiler.asm.constant(value.cast_unsigned()),
            Operator::LocalGet { local_index } => self.compiler.asm.get(local_index),
            Operator::LocalSet { local_index } => self.compiler.asm.set(local_index),
            Operator::LocalTee { local_index } => {
                self.compiler.asm.emit(Op::LocalTee, local_index);
            }
            Operator::GlobalGet { global_index } => self.global_get(global_index, offset)?,
            Operator::GlobalSet { global_index } => {
                self.require_i32_global(global_index, offset)?;
                let scratch = self.scratch(0);
                Cell::Global(global_index).store(self.compiler, scratch);
            }
            Operator::Call { function_index } => {
                self.compiler.call_function(function_index, offset)?;
            }
            Operator::CallIndirect { type_index: ty, table_index: table } => {
                let signature = &self.compiler.module.types[ty as usize];
                let (takes, gives) = i32_signature(signature, || format!("type[{ty}]"), offset)?;
                self.compiler.call(Routine::Dispatch { table, ty }, takes + 1, gives);
            }
            Operator::TypedSelect { ty } => {
                require_i32(ty, || "an operand of select".into(), offset)?;
                self.compiler.asm.emit(Op::Select, 0);
            }
            Operator::MemorySize { .. } => memory::size(self.compiler),
            Operator::MemoryGrow { .. } => self.compiler.call(Routine::Grow, 1, 1),
            Operator::MemoryCopy { .. } => self.compiler.call(Routine::Copy, 3, 0),
            Operator::MemoryFill { .. } => self.compiler.call(Routine::Fill, 3, 0),
            Operator::I32Extend8S => bits::extend(&mut self.compiler.asm, 8),
            Operator::I32Extend16S => bits::extend(&mut self.compiler.asm, 16),
            Operator::I32Clz => {
                let scratch = self.scratch(0);
                bits::clz(&mut self.compiler.asm, scratch);
            }
            Operator::I32Ctz => {
                let scratch = self.scratch(0);
                bits::ctz(&mut self.compiler.asm, scratch);
            }
            Operator::I32DivS => self.divide(Routine::DivS),
            Operator::I32RemS => self.divide(Routine::RemS),
            _ => return self.unsupported(operator, offset),
        }
        Ok(())
    }

    /// Where every instruction ends that is not one of i32: a lowering of i64
    /// enters here (see [`super::types`]).
    fn unsupported(&mut self, operator: &Operator, offset: u64) -> Result<()> {
        Err(WasmError::UnsupportedInstruction { name: mnemonic(operator), offset })
    }

    fn require_i32_global(&self, global: u32, offset: u64) -> Result<()> {
        let ty = self.compiler.module.globals[global as usize].ty;
        require_i32(ty, || format!("global[{global}]"), offset)
    }

    fn global_get(&mut self, index: u32, offset: u64) -> Result<()> {
        self.require_i32_global(index, offset)?;
        let global = &self.compiler.module.globals[index as usize];
        match global.initial {
            Some(value) if !global.mutable => self.compiler.asm.constant(value),
            _ => Cell::Global(index).load(self.compiler),
        }
        Ok(())
    }

    fn divide(&mut self, routine: Routine) {
        let scratch = [self.scratch(0), self.scratch(1)];
        let slow = signed::divide(&mut self.compiler.asm, routine, scratch);
        self.divisions.push(slow);
    }

    /// A load or a store, its bounds checked where that is asked for.
    fn access(&mut self, op: Op, place: MemArg) {
        if self.compiler.bounds_checks {
            self.check_bounds(op, place);
        }
        self.compiler.asm.emit(op, place.offset as u32);
    }

    fn check_bounds(&mut self, op: Op, place: MemArg) {
        let [address, value, scratch] = [0, 1, 2].map(|number| self.scratch(number));
        let (trap, stores) = (self.trap(), matches!(op, Op::Store | Op::Store8 | Op::Store16));
        let value = stores.then(|| self.compiler.asm.pop_to_local(value));
        let address = self.compiler.asm.pop_to_local(address);
        let bytes = match op {
            Op::Load | Op::Store => 4,
            Op::Load16U | Op::Load16S | Op::Store16 => 2,
            _ => 1,
        };
        memory::check(self.compiler, address, place.offset, bytes, scratch, trap);
        self.compiler.asm.get(address);
        value.into_iter().for_each(|value| self.compiler.asm.get(value));
    }
}

/// The instruction of the machine that is this one.
fn native(operator: &Operator) -> Option<Op> {
    Some(match operator {
        Operator::Drop => Op::Drop,
        Operator::Select => Op::Select,
        Operator::I32Eqz => Op::Eqz,
        Operator::I32Eq => Op::Eq,
        Operator::I32Ne => Op::Ne,
        Operator::I32LtS => Op::LtS,
        Operator::I32LtU => Op::LtU,
        Operator::I32GtS => Op::GtS,
        Operator::I32GtU => Op::GtU,
        Operator::I32LeS => Op::LeS,
        Operator::I32LeU => Op::LeU,
        Operator::I32GeS => Op::GeS,
        Operator::I32GeU => Op::GeU,
        Operator::I32Popcnt => Op::Popcnt,
        Operator::I32Add => Op::Add,
        Operator::I32Sub => Op::Sub,
        Operator::I32Mul => Op::Mul,
        Operator::I32DivU => Op::DivU,
        Operator::I32RemU => Op::RemU,
        Operator::I32And => Op::And,
        Operator::I32Or => Op::Or,
        Operator::I32Xor => Op::Xor,
        Operator::I32Shl => Op::Shl,
        Operator::I32ShrS => Op::ShrS,
        Operator::I32ShrU => Op::ShrU,
        Operator::I32Rotl => Op::Rotl,
        Operator::I32Rotr => Op::Rotr,
        _ => return None,
    })
}

/// The load or store of the machine that is this one, and where it goes.
fn access(operator: &Operator) -> Option<(Op, MemArg)> {
    Some(match *operator {
        Operator::I32Load { memarg } => (Op::Load, memarg),
        Operator::I32Load8U { memarg } => (Op::Load8U, memarg),
        Operator::I32Load8S { memarg } => (Op::Load8S, memarg),
        Operator::I32Load16U { memarg } => (Op::Load16U, memarg),
        Operator::I32Load16S { memarg } => (Op::Load16S, memarg),
        Operator::I32Store { memarg } => (Op::Store, memarg),
        Operator::I32Store8 { memarg } => (Op::Store8, memarg),
        Operator::I32Store16 { memarg } => (Op::Store16, memarg),
        _ => return None,
    })
}
