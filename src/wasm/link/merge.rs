//! Instances as one module.

use std::collections::{BTreeMap, BTreeSet};

use wasm_encoder::{ExportKind, Function, ValType};

use super::Result;
use super::memories::{self, Memories};
use super::store::{Extern, Home, InstanceId, Store};

/// A function that no instance has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Helper {
    /// Where in the memory a place of this memory is.
    Within(usize),
    /// `memory.grow` of this memory.
    Grow(usize),
    /// `memory.fill` of this memory.
    Fill(usize),
    /// `memory.copy` of this memory.
    Copy(usize),
    /// `memory.init` of this memory from this segment of the module.
    Init { memory: usize, data: u32 },
    /// The value of this global.
    Global(usize),
}

/// A table of the module.
#[derive(Debug)]
pub(super) struct TableOf {
    pub index: u32,
    /// What it has when all has begun that begins before anything runs: references that are not null, by index.
    pub content: BTreeMap<u32, u64>,
}

/// What is put together.
pub(super) struct Merge<'s> {
    pub store: &'s Store,
    /// The indices of functions by their addresses; and so on.
    pub functions: BTreeMap<usize, u32>,
    pub tables: BTreeMap<usize, TableOf>,
    pub globals: BTreeMap<usize, u32>,
    pub memories: Memories,
    /// Types of the module: those of the store, then those of helpers.
    pub types: Vec<(Vec<ValType>, Vec<ValType>)>,
    /// Functions that no instance has, behind those that one has: type, name and code.
    pub helpers: Vec<(u32, String, Function)>,
    known: BTreeMap<Helper, u32>,
    /// Segments of data that are there from the start.
    pub data: Vec<(u32, Vec<u8>)>,
    /// Those that code copies, behind all that instances have.
    pub late_data: Vec<Vec<u8>>,
    /// The same of elements, and what they are.
    pub late_elements: Vec<(wasmparser::RefType, Vec<u64>)>,
    /// How many segments of data instances have.
    pub data_segments: u32,
    /// And how many of elements.
    pub element_segments: u32,
    pub exports: BTreeMap<String, (ExportKind, u32)>,
}

impl<'s> Merge<'s> {
    pub fn new(store: &'s Store, needed: &BTreeSet<InstanceId>) -> Result<Self> {
        let encoded =
            |types: &[wasmparser::ValType]| types.iter().copied().map(value_type).collect();
        let types =
            store.types.iter().map(|ty| (encoded(ty.params()), encoded(ty.results()))).collect();

        let has = |home: &Home| matches!(home, Home::Instance(id) if needed.contains(id));
        let used: BTreeSet<usize> =
            needed.iter().flat_map(|id| store.instances[id.0].functions.iter().copied()).collect();
        let (own, imported): (Vec<usize>, Vec<usize>) =
            used.into_iter().partition(|&address| has(&store.functions[address].home));
        let functions = imported.into_iter().chain(own).zip(0..).collect();

        let of = |home: InstanceId| needed.contains(&home);
        let tables = (0..store.tables.len()).filter(|&it| of(store.tables[it].home)).zip(0..);
        let table = |(address, index)| (address, TableOf { index, content: BTreeMap::new() });
        let tables = tables.map(table).collect();
        let instances = || needed.iter().map(|id| &store.instances[id.0]);
        let globals: BTreeMap<usize, u32> = (0..store.globals.len())
            .filter(|&address| of(store.globals[address].home))
            .zip(0..)
            .collect();
        let memories = store.memories.iter().enumerate().filter(|(_, it)| of(it.home));
        let memories: Vec<_> =
            memories.map(|(address, it)| (address, it.initial, it.maximum)).collect();
        let memories = Memories::divide(&memories, globals.len() as u32)?;
        Ok(Merge {
            store,
            functions,
            tables,
            globals,
            memories,
            types,
            helpers: Vec::new(),
            known: BTreeMap::new(),
            data: Vec::new(),
            late_data: Vec::new(),
            late_elements: Vec::new(),
            data_segments: instances().map(|it| it.data_segments).sum(),
            element_segments: instances().map(|it| it.element_segments).sum(),
            exports: BTreeMap::new(),
        })
    }

    /// Adds a function of this type.
    pub fn add(&mut self, ty: (Vec<ValType>, Vec<ValType>), name: String, code: Function) -> u32 {
        let found = self.types.iter().position(|it| *it == ty);
        let ty = found.unwrap_or_else(|| {
            self.types.push(ty);
            self.types.len() - 1
        });
        self.helpers.push((ty as u32, name, code));
        (self.functions.len() + self.helpers.len()) as u32 - 1
    }

    /// The index of a helper.
    pub fn helper(&mut self, helper: Helper) -> u32 {
        if let Some(&known) = self.known.get(&helper) {
            return known;
        }
        use ValType::{I32, I64};
        let part = |memory| *self.memories.part(memory).expect("one of several memories");
        let (ty, name, code) = match helper {
            Helper::Within(memory) => {
                ((vec![I32, I64], vec![I32]), "access".into(), part(memory).within())
            }
            Helper::Grow(memory) => {
                ((vec![I32], vec![I32]), "memory.grow".into(), part(memory).grow())
            }
            Helper::Fill(memory) => {
                let within = self.helper(Helper::Within(memory));
                ((vec![I32; 3], vec![]), "memory.fill".into(), memories::fill(within))
            }
            Helper::Copy(memory) => {
                let within = self.helper(Helper::Within(memory));
                ((vec![I32; 3], vec![]), "memory.copy".into(), memories::copy(within))
            }
            Helper::Init { memory, data } => {
                let within = self.helper(Helper::Within(memory));
                ((vec![I32; 3], vec![]), "memory.init".into(), memories::init(within, data))
            }
            Helper::Global(address) => {
                let mut code = Function::new([]);
                code.instructions().global_get(self.globals[&address]).end();
                let ty = value_type(self.store.globals[address].ty);
                ((vec![], vec![ty]), "global.get".into(), code)
            }
        };
        let index = self.add(ty, name, code);
        self.known.insert(helper, index);
        index
    }

    /// Exports what an instance does, by the names that it has for it.
    pub fn export_all(&mut self, id: InstanceId) {
        for name in self.store.instances[id.0].exports.keys() {
            let (kind, index) = match self.store.export(id, name) {
                Some(Extern::Function(it)) => (ExportKind::Func, self.functions[&it]),
                Some(Extern::Table(it)) => (ExportKind::Table, self.tables[&it].index),
                Some(Extern::Memory(_)) => (ExportKind::Memory, 0),
                Some(Extern::Global(it)) => (ExportKind::Global, self.globals[&it]),
                None => continue,
            };
            self.exports.insert(name.clone(), (kind, index));
        }
    }
}

/// The same type, of a module that is valid by 2.0: there none names another by its index, which is all that could
/// not be encoded.
pub(super) fn value_type(ty: wasmparser::ValType) -> ValType {
    ValType::try_from(ty).expect("a type without an index")
}
