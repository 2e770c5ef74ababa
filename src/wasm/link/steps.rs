//! Steps: what is written before the run and what by code, what is called, and in which order.

use std::collections::BTreeSet;

use wasm_encoder::{BlockType, ExportKind, Function};

use super::memories::{self, Memories};
use super::merge::{Helper, Merge};
use super::store::{Data, Extern, InstanceId, Store};
use super::{LinkError, Result, Step};
use crate::wasm::Invocation;
use crate::wasm::module::PAGE;

/// A module that does what the steps do.
#[derive(Clone, Debug)]
pub struct Linked {
    /// The module.
    pub wasm: Vec<u8>,
    /// What to call, in this order.
    pub calls: Vec<Invocation>,
}

impl Store {
    /// One module that does these steps, with what their instances import from. The exports of `main` keep
    /// their names.
    pub fn program(&self, steps: &[Step], main: Option<InstanceId>) -> Result<Linked> {
        let begun: BTreeSet<InstanceId> = steps.iter().filter_map(Step::begins).collect();
        let mut all = Vec::new();
        // What an instance imports from has a lower number, and begins before all others.
        let needed = self.needed(steps, main);
        let before = needed.iter().filter(|id| !begun.contains(id));
        all.extend(before.map(|&instance| Step::Instantiate { instance, traps: false }));
        all.extend_from_slice(steps);
        let mut merge = Merge::new(self, &needed)?;
        if let (Memories::Several(parts), Some(_)) = (&merge.memories, main) {
            // What a program is given lies behind its memory, and the runtime knows no parts.
            return Err(LinkError::MemoriesOfTheirOwn { memories: parts.len() });
        }
        let (calls, start) = merge.steps(&all)?;
        if let Some(main) = main {
            merge.export_all(main);
        }
        let wasm = merge.encode(&needed, start)?;
        Ok(Linked { wasm, calls })
    }

    /// All instances that steps are about, and those that they import from, ascending.
    fn needed(&self, steps: &[Step], main: Option<InstanceId>) -> BTreeSet<InstanceId> {
        let mut open: Vec<InstanceId> = steps.iter().map(Step::instance).chain(main).collect();
        let mut needed = BTreeSet::new();
        while let Some(id) = open.pop() {
            if needed.insert(id) {
                open.extend(&self.instances[id.0].imports_from);
            }
        }
        needed
    }
}

impl Step {
    /// The instance that it is about.
    pub fn instance(&self) -> InstanceId {
        let (Step::Instantiate { instance, .. }
        | Step::Invoke { instance, .. }
        | Step::Get { instance, .. }) = self;
        *instance
    }

    fn begins(&self) -> Option<InstanceId> {
        match self {
            Step::Instantiate { instance, .. } => Some(*instance),
            _ => None,
        }
    }
}

impl Merge<'_> {
    /// What is to be called, and the function that runs before.
    fn steps(&mut self, steps: &[Step]) -> Result<(Vec<Invocation>, Option<u32>)> {
        let (mut calls, mut starts, mut ran) = (Vec::new(), Vec::new(), false);
        for step in steps {
            match step {
                Step::Instantiate { instance, traps } => {
                    let late = ran || *traps;
                    ran |= late || self.store.instances[instance.0].start.is_some();
                    let code = match late {
                        true => self.begin_late(*instance, *traps),
                        false => self.begin(*instance)?,
                    };
                    let Some(code) = code else { continue };
                    let name = format!("begin {}", instance.0);
                    let function = self.add((vec![], vec![]), name.clone(), code);
                    if calls.is_empty() {
                        starts.push(function);
                    } else {
                        self.exports.insert(name.clone(), (ExportKind::Func, function));
                        calls.push(Invocation { export: name, args: Vec::new() });
                    }
                }
                Step::Invoke { instance, export, args } => {
                    ran = true;
                    let address = self.store.function(*instance, export)?;
                    let name = format!("call {} {export}", instance.0);
                    self.exports.insert(name.clone(), (ExportKind::Func, self.functions[&address]));
                    calls.push(Invocation { export: name, args: args.clone() });
                }
                Step::Get { instance, export } => {
                    ran = true;
                    let address = self.store.global(*instance, export)?;
                    let name = format!("get {} {export}", instance.0);
                    let function = self.helper(Helper::Global(address));
                    self.exports.insert(name.clone(), (ExportKind::Func, function));
                    calls.push(Invocation { export: name, args: Vec::new() });
                }
            }
        }
        let start = match starts[..] {
            [] => None,
            [one] => Some(one),
            _ => {
                let mut function = Function::new([]);
                for start in starts {
                    function.instructions().call(start);
                }
                function.instructions().end();
                Some(self.add((vec![], vec![]), "all instances begin".into(), function))
            }
        };
        Ok((calls, start))
    }

    /// Writes an instance's elements and data before the run; what is to be executed for it to begin, if anything is.
    fn begin(&mut self, id: InstanceId) -> Result<Option<Function>> {
        let instance = &self.store.instances[id.0];
        for &(of, wanted) in &instance.wanted {
            let (kind, has) = match of {
                Extern::Table(it) => ("table", self.store.tables[it].size),
                Extern::Memory(it) => ("memory", self.store.memories[it].initial),
                Extern::Function(_) | Extern::Global(_) => continue,
            };
            if has < wanted {
                return Err(LinkError::NotGrown { kind, has, wanted });
            }
        }
        for elements in &instance.elements {
            if elements.end() > self.store.tables[elements.table].size {
                return Err(LinkError::OutOfBounds { kind: "table" });
            }
            let table = self.tables.get_mut(&elements.table).expect("the table of an instance");
            for (index, &reference) in (elements.begin..).zip(&elements.references) {
                match reference {
                    0 => table.content.remove(&index),
                    _ => table.content.insert(index, reference),
                };
            }
        }
        for data in &instance.data {
            if data.end() > self.store.memories[data.memory].initial * PAGE {
                return Err(LinkError::OutOfBounds { kind: "memory" });
            }
            self.data.push((self.memories.place(data.memory, data.begin), data.bytes.clone()));
        }
        Ok(instance.start.map(|start| {
            let mut function = Function::new([]);
            function.instructions().call(self.functions[&start]).end();
            function
        }))
    }

    /// The same where code ran before: all of it is executed. What does not fit traps; where that is known
    /// and the rest is to go on, it ends the function instead.
    fn begin_late(&mut self, id: InstanceId, traps: bool) -> Option<Function> {
        let instance = &self.store.instances[id.0];
        let mut function = Function::new([]);
        for &(of, wanted) in &instance.wanted {
            let mut code = function.instructions();
            match of {
                Extern::Table(it) if self.store.tables[it].size < wanted => {
                    code.table_size(self.tables[&it].index);
                }
                Extern::Memory(it) if self.store.memories[it].initial < wanted => {
                    memories::pages(&mut code, self.memories.part(it));
                }
                _ => continue,
            }
            code.i32_const((wanted as u32).cast_signed()).i32_lt_u();
            code.if_(BlockType::Empty).unreachable().end();
        }
        for elements in &instance.elements {
            let segment = self.element_segments + self.late_elements.len() as u32;
            let ty = self.store.tables[elements.table].ty;
            self.late_elements.push((ty, elements.references.clone()));
            let table = self.tables[&elements.table].index;
            let mut code = function.instructions();
            if traps {
                code.table_size(table).i64_extend_i32_u().i64_const(elements.end().cast_signed());
                code.i64_lt_u().if_(BlockType::Empty).return_().end();
            }
            let length = elements.references.len() as i32;
            code.i32_const(elements.begin.cast_signed()).i32_const(0).i32_const(length);
            code.table_init(table, segment).elem_drop(segment);
        }
        for data in &instance.data {
            self.begin_data(&mut function, data, traps);
        }
        if let (Some(start), false) = (instance.start, traps) {
            function.instructions().call(self.functions[&start]);
        }
        let is_empty = function.byte_len() <= 1;
        function.instructions().end();
        (!is_empty).then_some(function)
    }

    fn begin_data(&mut self, function: &mut Function, data: &Data, traps: bool) {
        let segment = self.data_segments + self.late_data.len() as u32;
        self.late_data.push(data.bytes.clone());
        let part = self.memories.part(data.memory).copied();
        let within = part.map(|_| self.helper(Helper::Within(data.memory)));
        let mut code = function.instructions();
        if traps {
            memories::pages(&mut code, part.as_ref());
            code.i64_extend_i32_u().i64_const(16).i64_shl();
            code.i64_const(data.end().cast_signed()).i64_lt_u().if_(BlockType::Empty);
            code.return_().end();
        }
        let length = data.bytes.len();
        code.i32_const(data.begin.cast_signed());
        if let Some(within) = within {
            code.i64_const(length as i64).call(within);
        }
        code.i32_const(0).i32_const(length as i32).memory_init(0, segment).data_drop(segment);
    }
}
