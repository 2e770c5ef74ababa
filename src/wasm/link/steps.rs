//! Steps: what is written before the run and what by code, what is called, and in which order.

use std::collections::{BTreeMap, BTreeSet};

use wasm_encoder::{BlockType, ExportKind, Function};

use super::memories::{self, AT_ADDRESS, Memories};
use super::merge::{Helper, Merge};
use super::store::{Data, Elements, InstanceId, Store};
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
        // For each instance that begins: whether code ran before, and which versions tables come to be.
        let mut begins = Vec::new();
        let mut ran = false;
        for step in steps {
            match step {
                Step::Instantiate { instance, traps } => {
                    let late = ran || *traps;
                    begins.push((late, self.write_elements(*instance, late, *traps)?));
                    ran |= late || self.store.instances[instance.0].start.is_some();
                }
                Step::Invoke { .. } | Step::Get { .. } => ran = true,
            }
        }
        // All versions are known, so each table has its place, and its global.
        let (mut first, mut global) =
            (0, (self.globals.len() + self.memories.parts().count()) as u32);
        for versions in self.tables.values_mut() {
            versions.first = first;
            first += versions.contents.len() as u32;
            if versions.contents.len() > 1 {
                versions.current = Some(global);
                global += 1;
            }
        }
        let (mut calls, mut starts, mut begins) = (Vec::new(), Vec::new(), begins.into_iter());
        for step in steps {
            match step {
                Step::Instantiate { instance, traps } => {
                    let (late, versions) = begins.next().unwrap_or_default();
                    let Some(code) = self.begin(*instance, late, *traps, &versions)? else {
                        continue;
                    };
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
                    let address = self.store.function(*instance, export)?;
                    let name = format!("call {} {export}", instance.0);
                    self.exports.insert(name.clone(), (ExportKind::Func, self.functions[&address]));
                    calls.push(Invocation { export: name, args: args.clone() });
                }
                Step::Get { instance, export } => {
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

    /// Writes an instance's elements; gives the versions that tables come to be by this.
    fn write_elements(
        &mut self,
        id: InstanceId,
        late: bool,
        traps: bool,
    ) -> Result<BTreeMap<usize, u32>> {
        let mut versions = BTreeMap::new();
        for elements in &self.store.instances[id.0].elements {
            let table = self.tables.get_mut(&elements.table).expect("the table of an instance");
            if elements.end() > table.size {
                match traps {
                    true => break,
                    false => return Err(LinkError::OutOfBounds { kind: "table" }),
                }
            }
            if late {
                versions.entry(elements.table).or_insert_with(|| table.begin());
            }
            table.write(elements);
        }
        Ok(versions)
    }

    /// What is to be executed for an instance to begin, if anything is.
    fn begin(
        &mut self,
        id: InstanceId,
        late: bool,
        traps: bool,
        versions: &BTreeMap<usize, u32>,
    ) -> Result<Option<Function>> {
        let instance = &self.store.instances[id.0];
        let fits = |it: &Elements| it.end() <= self.store.tables[it.table].size;
        let elements_fit = instance.elements.iter().all(fits);
        let mut function = Function::new([]);
        for (table, version) in versions {
            if let Some(current) = self.tables[table].current {
                function.instructions().i32_const(version.cast_signed()).global_set(current);
            }
        }
        for data in instance.data.iter().filter(|_| elements_fit) {
            if late {
                self.write_data(&mut function, data, traps);
            } else if data.end() > self.store.memories[data.memory].initial * PAGE {
                return Err(LinkError::OutOfBounds { kind: "memory" });
            } else {
                self.data.push((self.memories.place(data.memory, data.begin), data.bytes.clone()));
            }
        }
        if let (Some(start), false) = (instance.start, traps) {
            function.instructions().call(self.functions[&start]);
        }
        let is_empty = function.byte_len() <= 1;
        function.instructions().end();
        Ok((!is_empty).then_some(function))
    }

    /// Stores a segment of data; what does not fit traps, or ends the function if it is to have trapped before.
    fn write_data(&self, function: &mut Function, data: &Data, traps: bool) {
        let mut code = function.instructions();
        memories::pages(&mut code, self.memories.part(data.memory));
        code.i64_extend_i32_u().i64_const(16).i64_shl();
        code.i64_const(data.end().cast_signed()).i64_lt_u().if_(BlockType::Empty);
        match traps {
            true => drop(code.return_()),
            false => memories::trap(&mut code),
        }
        code.end();
        let begin = self.memories.place(data.memory, data.begin);
        let places = |from: u64| (from..).map(|place| (place as u32).cast_signed());
        for (address, bytes) in (u64::from(begin)..).step_by(8).zip(data.bytes.chunks(8)) {
            if let Ok(word) = bytes.try_into() {
                code.i32_const((address as u32).cast_signed()).i64_const(i64::from_le_bytes(word));
                code.i64_store(AT_ADDRESS);
                continue;
            }
            for (address, &byte) in places(address).zip(bytes) {
                code.i32_const(address).i32_const(byte.into()).i32_store8(AT_ADDRESS);
            }
        }
    }
}
