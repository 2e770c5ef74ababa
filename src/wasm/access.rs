//! Loads and stores. The machine has those of four bytes and less, and of eight; an i64 that is
//! stored in less is wrapped first, one that is loaded from less is extended behind. What reaches beyond
//! the end of memory traps by itself.

use wasmparser::{MemArg, Operator};

use super::function::FunctionTranslator;
use crate::machine::Op;

/// A load or a store.
pub struct Access {
    /// What the machine does.
    op: Op,
    /// Where.
    place: MemArg,
    /// What makes an i64 of what was loaded, or four bytes of an i64 to be stored.
    convert: Option<Op>,
}

/// The load or store that an instruction is.
pub fn of(operator: &Operator) -> Option<Access> {
    let (op, place, convert) = match *operator {
        Operator::I32Load { memarg } | Operator::F32Load { memarg } => (Op::Load, memarg, None),
        Operator::I32Load8U { memarg } => (Op::Load8U, memarg, None),
        Operator::I32Load8S { memarg } => (Op::Load8S, memarg, None),
        Operator::I32Load16U { memarg } => (Op::Load16U, memarg, None),
        Operator::I32Load16S { memarg } => (Op::Load16S, memarg, None),
        Operator::I64Load { memarg } | Operator::F64Load { memarg } => (Op::Load64, memarg, None),
        Operator::I64Load8U { memarg } => (Op::Load8U, memarg, Some(Op::ExtendU)),
        Operator::I64Load8S { memarg } => (Op::Load8S, memarg, Some(Op::ExtendS)),
        Operator::I64Load16U { memarg } => (Op::Load16U, memarg, Some(Op::ExtendU)),
        Operator::I64Load16S { memarg } => (Op::Load16S, memarg, Some(Op::ExtendS)),
        Operator::I64Load32U { memarg } => (Op::Load, memarg, Some(Op::ExtendU)),
        Operator::I64Load32S { memarg } => (Op::Load, memarg, Some(Op::ExtendS)),
        Operator::I32Store { memarg } | Operator::F32Store { memarg } => (Op::Store, memarg, None),
        Operator::I32Store8 { memarg } => (Op::Store8, memarg, None),
        Operator::I32Store16 { memarg } => (Op::Store16, memarg, None),
        Operator::I64Store { memarg } | Operator::F64Store { memarg } => {
            (Op::Store64, memarg, None)
        }
        Operator::I64Store8 { memarg } => (Op::Store8, memarg, Some(Op::Wrap)),
        Operator::I64Store16 { memarg } => (Op::Store16, memarg, Some(Op::Wrap)),
        Operator::I64Store32 { memarg } => (Op::Store, memarg, Some(Op::Wrap)),
        _ => return None,
    };
    Some(Access { op, place, convert })
}

impl Access {
    /// Where.
    pub fn place(&self) -> MemArg {
        self.place
    }

    /// How many bytes.
    pub fn bytes(&self) -> u64 {
        self.op.accesses().into()
    }

    /// Whether it is a store.
    pub fn stores(&self) -> bool {
        matches!(self.op, Op::Store | Op::Store8 | Op::Store16 | Op::Store64)
    }
}

impl FunctionTranslator<'_, '_> {
    /// A load or a store.
    pub(super) fn access(&mut self, access: Access) {
        if access.stores() {
            access.convert.into_iter().for_each(|wrap| self.compiler.asm.emit(wrap, 0));
        }
        self.compiler.asm.emit(access.op, access.place.offset as u32);
        if !access.stores() {
            access.convert.into_iter().for_each(|extend| self.compiler.asm.emit(extend, 0));
        }
    }
}
