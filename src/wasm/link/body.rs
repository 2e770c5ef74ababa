//! Functions of an instance, with the indices of the module that they become part of.

use std::convert::Infallible;

use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{Function, ValType};
use wasmparser::{FunctionBody, Operator};

use super::Result;
use super::memories::Memories;
use super::merge::{Helper, Merge};
use super::store::Instance;
use crate::wasm::access;

/// Locals behind those of the function, in which a value that is stored lies while its address is looked for.
const SCRATCH: [ValType; 4] = [ValType::I32, ValType::I64, ValType::F32, ValType::F64];

/// Which of them is for what a store writes.
fn scratch(store: &Operator) -> u32 {
    match store {
        Operator::I64Store { .. }
        | Operator::I64Store8 { .. }
        | Operator::I64Store16 { .. }
        | Operator::I64Store32 { .. } => 1,
        Operator::F32Store { .. } => 2,
        Operator::F64Store { .. } => 3,
        _ => 0,
    }
}

/// Translates the functions of one instance.
pub(super) struct Bodies<'m, 's> {
    pub merge: &'m mut Merge<'s>,
    pub instance: &'s Instance,
    /// The first of the module's passive segments of data that come from this instance.
    pub first_data: u32,
    /// The same of elements.
    pub first_elements: u32,
}

impl Reencode for Bodies<'_, '_> {
    type Error = Infallible;

    fn type_index(&mut self, ty: u32) -> Result<u32, Error<Infallible>> {
        Ok(self.instance.types[ty as usize])
    }

    fn function_index(&mut self, function: u32) -> Result<u32, Error<Infallible>> {
        Ok(self.merge.functions[&self.instance.functions[function as usize]])
    }

    fn global_index(&mut self, global: u32) -> Result<u32, Error<Infallible>> {
        Ok(self.merge.globals[&self.instance.globals[global as usize]])
    }

    fn table_index(&mut self, table: u32) -> Result<u32, Error<Infallible>> {
        Ok(self.merge.tables[&self.instance.tables[table as usize]].index)
    }

    fn memory_index(&mut self, _: u32) -> Result<u32, Error<Infallible>> {
        Ok(0)
    }

    fn data_index(&mut self, data: u32) -> Result<u32, Error<Infallible>> {
        Ok(self.first_data + data)
    }

    fn element_index(&mut self, element: u32) -> Result<u32, Error<Infallible>> {
        Ok(self.first_elements + element)
    }
}

impl Bodies<'_, '_> {
    /// The function of this body, which takes so many parameters.
    pub fn function(
        &mut self,
        body: &FunctionBody,
        params: u32,
    ) -> Result<Function, Error<Infallible>> {
        let (mut locals, mut first_scratch) = (Vec::new(), params);
        for pair in body.get_locals_reader()? {
            let (count, ty) = pair?;
            locals.push((count, self.val_type(ty)?));
            first_scratch += count;
        }
        if matches!(self.merge.memories, Memories::Several(_)) {
            locals.extend(SCRATCH.map(|ty| (1, ty)));
        }
        let mut function = Function::new(locals);
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            self.operator(&mut function, reader.read()?, first_scratch)?;
        }
        Ok(function)
    }

    fn operator(
        &mut self,
        function: &mut Function,
        operator: Operator,
        first_scratch: u32,
    ) -> Result<(), Error<Infallible>> {
        let memory = self.instance.memories.first().copied();
        let part = memory.and_then(|memory| Some((memory, *self.merge.memories.part(memory)?)));
        let Some((memory, part)) = part else {
            function.instruction(&self.instruction(operator)?);
            return Ok(());
        };
        if let Some(access) = access::of(&operator) {
            let within = self.merge.helper(Helper::Within(memory));
            let end = access.place().offset + access.bytes();
            let local = access.stores().then(|| first_scratch + scratch(&operator));
            if let Some(local) = local {
                function.instructions().local_set(local);
            }
            function.instructions().i64_const(end.cast_signed()).call(within);
            if let Some(local) = local {
                function.instructions().local_get(local);
            }
            function.instruction(&self.instruction(operator)?);
            return Ok(());
        }
        let mut code = function.instructions();
        match operator {
            Operator::MemorySize { .. } => code.global_get(part.pages),
            Operator::MemoryGrow { .. } => code.call(self.merge.helper(Helper::Grow(memory))),
            Operator::MemoryFill { .. } => code.call(self.merge.helper(Helper::Fill(memory))),
            Operator::MemoryInit { data_index, .. } => {
                let data = self.first_data + data_index;
                code.call(self.merge.helper(Helper::Init { memory, data }))
            }
            Operator::MemoryCopy { .. } => code.call(self.merge.helper(Helper::Copy(memory))),
            other => {
                let instruction = self.instruction(other)?;
                function.instruction(&instruction);
                return Ok(());
            }
        };
        Ok(())
    }
}
