//! Instructions that are not control.

use wasmparser::{Operator, ValType};

use super::cells::Cell;
use super::compiler::Routine;
use super::error::{Result, WasmError};
use super::function::FunctionTranslator;
use super::mnemonic::mnemonic;
use super::module::reference;
use super::table::Table;
use super::types::{Width, signature, width};
use super::{access, bits, memory, product, runtime, signed, table};
use crate::machine::Op;

impl FunctionTranslator<'_, '_> {
    /// Translates an instruction that is not control.
    pub(super) fn plain(&mut self, operator: &Operator, offset: u64) -> Result<()> {
        if let Some(op) = native(operator) {
            self.compiler.asm.emit(op, 0);
            return Ok(());
        }
        if let Some(access) = access::of(operator) {
            self.access(access);
            return Ok(());
        }
        match *operator {
            Operator::Nop => {}
            Operator::I32Const { value } => self.compiler.asm.constant(value.cast_unsigned()),
            Operator::I64Const { value } => self.compiler.asm.constant_64(value.cast_unsigned()),
            Operator::F32Const { value } => self.compiler.asm.constant(value.bits()),
            Operator::F64Const { value } => self.compiler.asm.constant_64(value.bits()),
            // A float is its bits already.
            Operator::I32ReinterpretF32
            | Operator::I64ReinterpretF64
            | Operator::F32ReinterpretI32
            | Operator::F64ReinterpretI64 => {}
            Operator::LocalGet { local_index } => {
                let (local, width) = self.local(local_index);
                self.compiler.asm.get_as(width, local);
            }
            Operator::LocalSet { local_index } => {
                let (local, width) = self.local(local_index);
                self.compiler.asm.set_as(width, local);
            }
            Operator::LocalTee { local_index } => {
                let (local, width) = self.local(local_index);
                self.compiler.asm.emit(width.of(Op::LocalTee), local);
            }
            Operator::GlobalGet { global_index } => self.global_get(global_index, offset)?,
            Operator::GlobalSet { global_index } => {
                let cell = self.global(global_index, offset)?;
                let scratch = self.scratch_as(Width::Eight, 0);
                cell.store(self.compiler, scratch);
            }
            Operator::Call { function_index } => self.call(function_index, offset)?,
            Operator::CallIndirect { type_index: ty, table_index: table } => {
                let of_type = || format!("type[{ty}]");
                let signature = signature(&self.module.types[ty as usize], of_type, offset)?;
                let (takes, gives) = (signature.params.len() + 1, signature.results.len());
                self.compiler.call(Routine::Dispatch { table, ty }, takes, gives);
            }
            Operator::Select => {
                let ty = self.operand_type(1).unwrap_or(ValType::I32);
                self.select(ty, offset)?;
            }
            Operator::TypedSelect { ty } => self.select(ty, offset)?,
            Operator::MemorySize { .. } => memory::size(self.compiler),
            Operator::MemoryGrow { .. } => self.compiler.call(Routine::Grow, 1, 1),
            Operator::MemoryCopy { .. } => self.compiler.call(Routine::Copy, 3, 0),
            Operator::MemoryFill { .. } => self.compiler.call(Routine::Fill, 3, 0),
            Operator::MemoryInit { data_index, .. } => self.table(Table::Memory(data_index)),
            Operator::DataDrop { data_index } => {
                let (segment, scratch) =
                    (self.module.outside.data[data_index as usize], self.scratch(0));
                table::drop_segment(self.compiler, segment, scratch);
            }
            Operator::RefNull { .. } => self.compiler.asm.constant(0),
            Operator::RefIsNull => self.compiler.asm.emit(Op::Eqz, 0),
            Operator::RefFunc { function_index } => {
                self.compiler.asm.constant(reference(function_index));
            }
            Operator::TableSize { table } => table::size(self.compiler, table),
            Operator::TableGet { table } => self.table(Table::Get(table)),
            Operator::TableSet { table } => self.table(Table::Set(table)),
            Operator::TableGrow { table } => self.table(Table::Grow(table)),
            Operator::TableFill { table } => self.table(Table::Fill(table)),
            Operator::TableCopy { dst_table: to, src_table: from } => {
                self.table(Table::Copy { to, from });
            }
            Operator::TableInit { elem_index: segment, table } => {
                self.table(Table::Init { table, segment });
            }
            Operator::ElemDrop { elem_index } => {
                let (segment, scratch) =
                    (self.module.outside.elements[elem_index as usize], self.scratch(0));
                table::drop_segment(self.compiler, segment, scratch);
            }
            Operator::I32Extend8S => bits::extend(&mut self.compiler.asm, Width::Four, 8),
            Operator::I32Extend16S => bits::extend(&mut self.compiler.asm, Width::Four, 16),
            Operator::I64Extend8S => bits::extend(&mut self.compiler.asm, Width::Eight, 8),
            Operator::I64Extend16S => bits::extend(&mut self.compiler.asm, Width::Eight, 16),
            Operator::I64Extend32S => {
                self.compiler.asm.emit_all(&[(Op::Wrap, 0), (Op::ExtendS, 0)]);
            }
            Operator::I32Clz => {
                let scratch = self.scratch(0);
                bits::clz(&mut self.compiler.asm, scratch);
            }
            Operator::I32Ctz => {
                let scratch = self.scratch(0);
                bits::ctz(&mut self.compiler.asm, scratch);
            }
            Operator::I64Popcnt => {
                let scratch = self.scratch_as(Width::Eight, 0);
                bits::popcnt_64(&mut self.compiler.asm, scratch);
            }
            Operator::I64Mul => {
                self.scratch(4);
                let scratch = self.scratch(0);
                product::multiply(&mut self.compiler.asm, scratch);
            }
            Operator::I64Shl => self.shift(Op::Shl64),
            Operator::I64ShrU => self.shift(Op::ShrU64),
            Operator::I64ShrS => self.shift(Op::ShrS64),
            Operator::I64Rotl => self.shift(Op::Rotl64),
            Operator::I64Rotr => self.shift(Op::Rotr64),
            Operator::I32DivS => self.divide(Routine::DivS),
            Operator::I32RemS => self.divide(Routine::RemS),
            _ => return self.by_runtime(operator, offset),
        }
        Ok(())
    }

    /// What is a routine of its own for each table and segment.
    fn table(&mut self, table: Table) {
        let (takes, gives) = table.takes_and_gives();
        self.compiler.call(Routine::Table(table), takes, gives);
    }

    /// What the compiler's own module has a function for, which is named like the instruction.
    fn by_runtime(&mut self, operator: &Operator, offset: u64) -> Result<()> {
        let name = mnemonic(operator);
        if let Some(function) = runtime::function(&name) {
            self.compiler.call_runtime(function);
            return Ok(());
        }
        self.dead = Some(0);
        self.compiler.trap_for(WasmError::UnsupportedInstruction { name, offset })
    }

    fn call(&mut self, function: u32, offset: u64) -> Result<()> {
        if !self.module.is_runtime() {
            return self.compiler.call_function(function, offset);
        }
        self.compiler.call_runtime(function);
        Ok(())
    }

    fn select(&mut self, ty: ValType, offset: u64) -> Result<()> {
        let width = width(ty, || "an operand of select".into(), offset)?;
        self.compiler.asm.emit(width.of(Op::Select), 0);
        Ok(())
    }

    /// A shift of eight bytes: the machine takes a count of four.
    fn shift(&mut self, op: Op) {
        match self.compiler.asm.pop_constant_64() {
            Some(count) => self.compiler.asm.constant(count as u32 % 64),
            None => self.compiler.asm.emit(Op::Wrap, 0),
        }
        self.compiler.asm.emit(op, 0);
    }

    /// The cell of a global.
    fn global(&self, index: u32, offset: u64) -> Result<Cell> {
        let global = &self.module.globals[index as usize];
        let width = width(global.ty, || format!("global[{index}]"), offset)?;
        // Behind those of the module.
        let first = match self.module.is_runtime() {
            true => self.compiler.module.global_words(),
            false => 0,
        };
        Ok(Cell::Global(first + global.word, width))
    }

    fn global_get(&mut self, index: u32, offset: u64) -> Result<()> {
        let cell = self.global(index, offset)?;
        let global = &self.module.globals[index as usize];
        match global.initial.filter(|_| !global.mutable) {
            Some(bits) => self.compiler.asm.constant_as(cell.width(), bits),
            None => cell.load(self.compiler),
        }
        Ok(())
    }

    fn divide(&mut self, routine: Routine) {
        let scratch = [self.scratch(0), self.scratch(1)];
        let slow = signed::divide(&mut self.compiler.asm, routine, scratch);
        self.divisions.push(slow);
    }
}

/// The instruction of the machine that is this one.
fn native(operator: &Operator) -> Option<Op> {
    Some(match operator {
        Operator::Drop => Op::Drop,
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
        Operator::I64Eqz => Op::Eqz64,
        Operator::I64Eq => Op::Eq64,
        Operator::I64Ne => Op::Ne64,
        Operator::I64LtS => Op::LtS64,
        Operator::I64LtU => Op::LtU64,
        Operator::I64GtS => Op::GtS64,
        Operator::I64GtU => Op::GtU64,
        Operator::I64LeS => Op::LeS64,
        Operator::I64LeU => Op::LeU64,
        Operator::I64GeS => Op::GeS64,
        Operator::I64GeU => Op::GeU64,
        Operator::I64Add => Op::Add64,
        Operator::I64Sub => Op::Sub64,
        Operator::I64And => Op::And64,
        Operator::I64Or => Op::Or64,
        Operator::I64Xor => Op::Xor64,
        Operator::I32WrapI64 => Op::Wrap,
        Operator::I64ExtendI32S => Op::ExtendS,
        Operator::I64ExtendI32U => Op::ExtendU,
        _ => return None,
    })
}
