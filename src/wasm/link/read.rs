//! A module as an instance of a store.

use wasmparser::{
    ConstExpr, DataKind, Element, ElementKind, ExternalKind, Import, KnownCustom, Name, Parser,
    Payload, TypeRef, ValType,
};

use super::store::{
    Data, Elements, Extern, Function, Global, Home, Instance, InstanceId, Memory, Sizes, Store,
    Table,
};
use super::{LinkError, Result};
use crate::wasm::constant::{self, Named, evaluate};
use crate::wasm::imports::knows;
use crate::wasm::read;

impl Store {
    /// Takes in a module, whose imports are there. Nothing of it runs yet.
    pub fn instantiate(&mut self, wasm: &[u8], sizes: Sizes) -> Result<InstanceId> {
        read::validate(wasm)?;
        let before = self.lengths();
        // What is refused leaves nothing behind.
        self.read(wasm, sizes).inspect_err(|_| self.truncate(before))
    }

    fn read(&mut self, wasm: &[u8], sizes: Sizes) -> Result<InstanceId> {
        let id = InstanceId(self.instances.len());
        self.instances.push(Instance { wasm: wasm.to_vec(), sizes, ..Instance::default() });
        let parser = Parser::new(0);
        for payload in parser.parse_all(wasm) {
            self.take(id, payload?)?;
        }
        Ok(id)
    }

    fn take(&mut self, id: InstanceId, payload: Payload) -> Result<()> {
        match payload {
            Payload::TypeSection(types) => {
                for ty in types.into_iter_err_on_gc_types() {
                    let ty = self.intern(&ty?);
                    self.of(id).types.push(ty);
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    self.import(id, import?)?;
                }
            }
            Payload::FunctionSection(functions) => {
                let own = &mut self.instances[id.0];
                for ty in functions {
                    let function =
                        Function { ty: own.types[ty? as usize], home: Home::Instance(id) };
                    append(&mut self.functions, function, &mut own.functions);
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    let ty = table?.ty;
                    let table = Table {
                        home: id,
                        ty: ty.element_type,
                        size: ty.initial,
                        maximum: ty.maximum,
                    };
                    append(&mut self.tables, table, &mut self.instances[id.0].tables);
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    let wasmparser::MemoryType { initial, maximum, .. } = memory?;
                    let memory = Memory { home: id, initial, maximum };
                    append(&mut self.memories, memory, &mut self.instances[id.0].memories);
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    self.new_global(id, &global?)?;
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    let export_of = (export.kind, export.index);
                    self.of(id).exports.insert(export.name.to_owned(), export_of);
                    if export.kind == ExternalKind::Func {
                        self.name(id, export.index, export.name, false);
                    }
                }
            }
            Payload::StartSection { func, .. } => {
                let address = self.of(id).functions[func as usize];
                self.of(id).start = Some(address);
            }
            Payload::ElementSection(elements) => {
                for element in elements {
                    self.elements(id, &element?)?;
                }
            }
            Payload::DataSection(segments) => {
                for segment in segments {
                    let segment = segment?;
                    self.of(id).data_segments += 1;
                    let DataKind::Active { memory_index, offset_expr } = &segment.kind else {
                        continue;
                    };
                    let begin = self.value(id, offset_expr, "the offset of data")? as u32;
                    let memory = self.of(id).memories[*memory_index as usize];
                    let bytes = segment.data.to_vec();
                    self.of(id).data.push(Data { memory, begin, bytes });
                }
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    for name in names.flatten() {
                        let Name::Function(names) = name else { continue };
                        for naming in names.into_iter().flatten() {
                            self.name(id, naming.index, naming.name, true);
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn of(&mut self, id: InstanceId) -> &mut Instance {
        &mut self.instances[id.0]
    }

    /// Names a function that the instance defines; by its export only where it has no name yet.
    fn name(&mut self, id: InstanceId, index: u32, name: &str, is_own: bool) {
        let Some(&address) = self.of(id).functions.get(index as usize) else { return };
        if self.functions[address].home != Home::Instance(id) {
            return;
        }
        let names = &mut self.of(id).names;
        if is_own {
            names.insert(address, name.to_owned());
        } else {
            names.entry(address).or_insert_with(|| name.to_owned());
        }
    }

    fn import(&mut self, id: InstanceId, import: Import) -> Result<()> {
        let (module, name) = (import.module.to_owned(), import.name.to_owned());
        let from = self.named(import.module);
        let Some((from, found)) = from.and_then(|from| Some((from, self.export(from, &name)?)))
        else {
            return match import.ty {
                TypeRef::Func(ty) if from.is_none() && knows(&module, &name) => {
                    let own = &mut self.instances[id.0];
                    let home = Home::Compiler { module, name };
                    let function = Function { ty: own.types[ty as usize], home };
                    append(&mut self.functions, function, &mut own.functions);
                    Ok(())
                }
                _ => Err(LinkError::UnknownImport { module, name }),
            };
        };
        let sizes = self.instances[id.0].sizes;
        let within = |least: u64, most: Option<u64>, wanted: u64, limit: Option<u64>| {
            let may_be_there =
                least >= wanted || sizes == Sizes::Grown && most.is_none_or(|most| most >= wanted);
            may_be_there && limit.is_none_or(|limit| most.is_some_and(|most| most <= limit))
        };
        let (fits, can_change) = match (found, import.ty) {
            (Extern::Function(it), TypeRef::Func(ty)) => {
                (self.functions[it].ty == self.of(id).types[ty as usize], false)
            }
            (Extern::Table(it), TypeRef::Table(ty)) => {
                let Table { ty: of, size, maximum, .. } = self.tables[it];
                let fits = within(size, maximum, ty.initial, ty.maximum);
                (fits && of == ty.element_type, true)
            }
            (Extern::Memory(it), TypeRef::Memory(ty)) => {
                let Memory { initial, maximum, .. } = self.memories[it];
                (within(initial, maximum, ty.initial, ty.maximum), true)
            }
            (Extern::Global(it), TypeRef::Global(ty)) => {
                let global = &self.globals[it];
                (global.ty == ty.content_type && global.mutable == ty.mutable, global.mutable)
            }
            _ => (false, false),
        };
        if !fits {
            let (got, wants) = (self.describe(found), self.describe_import(id, import.ty));
            return Err(LinkError::ImportType { module, name, got, wants });
        }
        let wanted = match import.ty {
            TypeRef::Table(ty) => ty.initial,
            TypeRef::Memory(ty) => ty.initial,
            _ => 0,
        };
        let instance = self.of(id);
        match found {
            Extern::Function(it) => instance.functions.push(it),
            Extern::Table(it) => {
                instance.tables.push(it);
                instance.wanted.push((found, wanted));
            }
            Extern::Memory(it) => {
                instance.memories.push(it);
                instance.wanted.push((found, wanted));
            }
            Extern::Global(it) => instance.globals.push(it),
        }
        instance.imports_from.insert(from);
        if can_change {
            instance.shares_with.insert(from);
        }
        Ok(())
    }

    fn new_global(&mut self, id: InstanceId, global: &wasmparser::Global) -> Result<()> {
        let wasmparser::GlobalType { content_type: ty, mutable, .. } = global.ty;
        if ty == ValType::V128 {
            return Err(LinkError::VectorGlobal);
        }
        let initial = self.value(id, &global.init_expr, "a global's value")?;
        let global = Global { home: id, ty, mutable, initial };
        append(&mut self.globals, global, &mut self.instances[id.0].globals);
        Ok(())
    }

    /// What a constant expression is.
    fn value(&self, id: InstanceId, expression: &ConstExpr, what: &'static str) -> Result<u64> {
        Ok(evaluate(expression, &self.named_by(id), what)?)
    }

    /// What the elements of a segment are.
    pub(super) fn elements_of(&self, id: InstanceId, element: &Element) -> Result<Vec<u64>> {
        Ok(constant::elements(element, &self.named_by(id))?)
    }

    fn named_by(&self, id: InstanceId) -> NamedBy<'_> {
        NamedBy { store: self, instance: &self.instances[id.0] }
    }

    fn elements(&mut self, id: InstanceId, element: &Element) -> Result<()> {
        self.of(id).element_segments += 1;
        let ElementKind::Active { table_index, offset_expr } = &element.kind else {
            return Ok(());
        };
        let begin = self.value(id, offset_expr, "the offset of elements")? as u32;
        let references = self.elements_of(id, element)?;
        let instance = self.of(id);
        let table = instance.tables[table_index.unwrap_or(0) as usize];
        instance.elements.push(Elements { table, begin, references });
        Ok(())
    }
}

/// What the constants of an instance name.
struct NamedBy<'s> {
    store: &'s Store,
    instance: &'s Instance,
}

impl Named for NamedBy<'_> {
    fn global(&self, index: u32) -> Option<u64> {
        Some(self.store.globals[*self.instance.globals.get(index as usize)?].initial)
    }

    fn function(&self, index: u32) -> Option<u64> {
        Some(*self.instance.functions.get(index as usize)? as u64 + 1)
    }
}

/// Puts something at the next address of the store, which is `own` to an instance.
fn append<T>(all: &mut Vec<T>, one: T, own: &mut Vec<usize>) {
    own.push(all.len());
    all.push(one);
}
