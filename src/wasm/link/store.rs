//! Instances, and who has what of whom.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use wasmparser::{ExternalKind, FuncType, RefType, TypeRef, ValType};

use super::{LinkError, Result, Step};
use crate::wasm::types::signature_text;

/// The number of an instance of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(pub(super) usize);

impl InstanceId {
    /// Its number, in the order in which a store took them in.
    pub fn number(self) -> usize {
        self.0
    }
}

/// All instances, and what they have: functions, tables, memories, globals, each with a number of its own
/// in the store, its *address*.
#[derive(Clone, Debug, Default)]
pub struct Store {
    pub(super) types: Vec<FuncType>,
    numbers: HashMap<FuncType, u32>,
    pub(super) functions: Vec<Function>,
    pub(super) tables: Vec<Table>,
    pub(super) memories: Vec<Memory>,
    pub(super) globals: Vec<Global>,
    pub(super) instances: Vec<Instance>,
    registered: BTreeMap<String, InstanceId>,
}

/// Which sizes of memories and tables an import may count on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sizes {
    /// Those that they have before anything runs.
    #[default]
    First,
    /// Those that they may have grown to when the instance begins. Where they have not, it traps.
    Grown,
}

/// A function.
#[derive(Clone, Debug)]
pub(super) struct Function {
    /// Its type, among those of the store.
    pub ty: u32,
    /// Where it is defined.
    pub home: Home,
}

/// Where a function is defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// In an instance.
    Instance(InstanceId),
    /// Nowhere: the compiler knows this import.
    Compiler { module: String, name: String },
}

/// A table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub home: InstanceId,
    /// What its elements are.
    pub ty: RefType,
    /// Elements at first, and how many it may ever have.
    pub size: u64,
    pub maximum: Option<u64>,
}

/// A memory.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    pub home: InstanceId,
    /// Pages at first, and at most.
    pub initial: u64,
    pub maximum: Option<u64>,
}

/// A global.
#[derive(Clone, Debug)]
pub(super) struct Global {
    pub home: InstanceId,
    pub ty: ValType,
    pub mutable: bool,
    /// The bits of its first value; of a reference to a function one more than its address.
    pub initial: u64,
}

/// An instance: the addresses of all that it has, by the module's indices.
#[derive(Clone, Debug, Default)]
pub(super) struct Instance {
    /// The module.
    pub wasm: Vec<u8>,
    pub sizes: Sizes,
    /// How many elements or pages it wants of the tables and memories that it imports.
    pub wanted: Vec<(Extern, u64)>,
    pub types: Vec<u32>,
    pub functions: Vec<usize>,
    pub tables: Vec<usize>,
    pub memories: Vec<usize>,
    pub globals: Vec<usize>,
    /// What its exports are, by the module's indices.
    pub exports: BTreeMap<String, (ExternalKind, u32)>,
    /// The address of the start function.
    pub start: Option<usize>,
    /// Active segments, in order.
    pub elements: Vec<Elements>,
    /// The same of data.
    pub data: Vec<Data>,
    /// How many segments of elements it has, active or not.
    pub element_segments: u32,
    /// The same of data.
    pub data_segments: u32,
    /// What functions are called, as far as the module says.
    pub names: BTreeMap<usize, String>,
    /// The instances that it imports from.
    pub imports_from: BTreeSet<InstanceId>,
    /// Those of which it has something that can change, or a function that may.
    pub shares_with: BTreeSet<InstanceId>,
}

/// A segment of elements: references as in globals.
#[derive(Clone, Debug)]
pub(super) struct Elements {
    pub table: usize,
    pub begin: u32,
    pub references: Vec<u64>,
}

/// A segment of data.
#[derive(Clone, Debug)]
pub(super) struct Data {
    pub memory: usize,
    pub begin: u32,
    pub bytes: Vec<u8>,
}

/// What an instance exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extern {
    Function(usize),
    Table(usize),
    Memory(usize),
    Global(usize),
}

impl Elements {
    pub fn end(&self) -> u64 {
        u64::from(self.begin) + self.references.len() as u64
    }
}

impl Data {
    pub fn end(&self) -> u64 {
        u64::from(self.begin) + self.bytes.len() as u64
    }
}

impl Store {
    /// Lets modules import from an instance by this name, which is another's no more.
    pub fn register(&mut self, name: &str, instance: InstanceId) {
        self.registered.insert(name.to_owned(), instance);
    }

    /// Whether the instances have anything in common that one of them can change. Of an instance that only
    /// serves others its functions and its constants, `of_constants`, nobody knows the difference.
    pub fn groups(&self, of_constants: Option<InstanceId>) -> Vec<InstanceId> {
        let mut group: Vec<InstanceId> = (0..self.instances.len()).map(InstanceId).collect();
        for (number, instance) in self.instances.iter().enumerate() {
            for &other in &instance.shares_with {
                self.join(&mut group, InstanceId(number), other);
            }
            for &other in instance.imports_from.iter().filter(|&&other| Some(other) != of_constants)
            {
                self.join(&mut group, InstanceId(number), other);
            }
        }
        group
    }

    fn join(&self, group: &mut [InstanceId], a: InstanceId, b: InstanceId) {
        let (a, b) = (group[a.0], group[b.0]);
        group.iter_mut().filter(|it| **it == a.max(b)).for_each(|it| *it = a.min(b));
    }

    /// How many values a step writes.
    pub fn results(&self, step: &Step) -> Result<usize> {
        Ok(match step {
            Step::Instantiate { .. } => 0,
            Step::Get { instance, export } => {
                self.global(*instance, export)?;
                1
            }
            Step::Invoke { instance, export, .. } => {
                let function = &self.functions[self.function(*instance, export)?];
                self.types[function.ty as usize].results().len()
            }
        })
    }

    /// What an instance exports by this name.
    pub(super) fn export(&self, instance: InstanceId, name: &str) -> Option<Extern> {
        let instance = &self.instances[instance.0];
        let &(kind, index) = instance.exports.get(name)?;
        let index = index as usize;
        Some(match kind {
            ExternalKind::Func | ExternalKind::FuncExact => {
                Extern::Function(instance.functions[index])
            }
            ExternalKind::Table => Extern::Table(instance.tables[index]),
            ExternalKind::Memory => Extern::Memory(instance.memories[index]),
            ExternalKind::Global => Extern::Global(instance.globals[index]),
            ExternalKind::Tag => return None,
        })
    }

    /// The instance that is registered by this name.
    pub(super) fn named(&self, name: &str) -> Option<InstanceId> {
        self.registered.get(name).copied()
    }

    /// The address of an exported function.
    pub(super) fn function(&self, instance: InstanceId, export: &str) -> Result<usize> {
        match self.export(instance, export) {
            Some(Extern::Function(address)) => Ok(address),
            _ => Err(LinkError::UnknownExport { kind: "function", export: export.into() }),
        }
    }

    /// The address of an exported global.
    pub(super) fn global(&self, instance: InstanceId, export: &str) -> Result<usize> {
        match self.export(instance, export) {
            Some(Extern::Global(address)) => Ok(address),
            _ => Err(LinkError::UnknownExport { kind: "global", export: export.into() }),
        }
    }

    /// What something is, for messages.
    pub(super) fn describe(&self, of: Extern) -> String {
        match of {
            Extern::Function(it) => self.function_text(self.functions[it].ty),
            Extern::Table(it) => {
                let Table { ty, size, maximum, .. } = self.tables[it];
                limits("table", &elements(ty), size, maximum)
            }
            Extern::Memory(it) => {
                limits("memory", "pages", self.memories[it].initial, self.memories[it].maximum)
            }
            Extern::Global(it) => global_text(self.globals[it].mutable, self.globals[it].ty),
        }
    }

    /// What a module wants to import, for messages.
    pub(super) fn describe_import(&self, id: InstanceId, ty: TypeRef) -> String {
        match ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                self.function_text(self.instances[id.0].types[ty as usize])
            }
            TypeRef::Table(ty) => {
                limits("table", &elements(ty.element_type), ty.initial, ty.maximum)
            }
            TypeRef::Memory(ty) => limits("memory", "pages", ty.initial, ty.maximum),
            TypeRef::Global(ty) => global_text(ty.mutable, ty.content_type),
            TypeRef::Tag(_) => "a tag".into(),
        }
    }

    fn function_text(&self, ty: u32) -> String {
        format!("a function {}", signature_text(&self.types[ty as usize]))
    }

    /// The number of a type, which equal ones share.
    pub(super) fn intern(&mut self, ty: &FuncType) -> u32 {
        *self.numbers.entry(ty.clone()).or_insert_with(|| {
            self.types.push(ty.clone());
            self.types.len() as u32 - 1
        })
    }

    /// How many there are of all that an instance has.
    pub(super) fn lengths(&self) -> [usize; 5] {
        let Store { functions, tables, memories, globals, instances, .. } = self;
        [functions.len(), tables.len(), memories.len(), globals.len(), instances.len()]
    }

    /// Forgets all but the first so many.
    pub(super) fn truncate(
        &mut self,
        [functions, tables, memories, globals, instances]: [usize; 5],
    ) {
        self.functions.truncate(functions);
        self.tables.truncate(tables);
        self.memories.truncate(memories);
        self.globals.truncate(globals);
        self.instances.truncate(instances);
    }
}

fn limits(what: &str, of: &str, least: u64, most: Option<u64>) -> String {
    let most = most.map_or_else(String::new, |most| most.to_string());
    format!("a {what} of {least}..{most} {of}")
}

fn elements(ty: RefType) -> String {
    match ty {
        RefType::FUNCREF => "elements".into(),
        _ => format!("elements of {ty}"),
    }
}

fn global_text(mutable: bool, ty: ValType) -> String {
    format!("a {} {ty}", if mutable { "mutable" } else { "constant" })
}
