//! The sections of the module that instances become.

use std::collections::BTreeSet;
use std::convert::Infallible;

use wasm_encoder::reencode::Error;
use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, ElementSection, EntityType,
    ExportSection, FunctionSection, GlobalSection, GlobalType, Ieee32, Ieee64, ImportSection,
    MemorySection, MemoryType, Module, NameMap, NameSection, RefType, StartSection, TableSection,
    TableType, TypeSection, ValType,
};
use wasmparser::{DataKind, ElementItems, ElementKind, Parser, Payload};

use super::body::Bodies;
use super::memories::{self, Memories};
use super::merge::{Merge, TableOf, value_type};
use super::store::{Home, InstanceId};
use super::{LinkError, Result};
use crate::wasm::error::WasmError;

impl Merge<'_> {
    pub fn encode(mut self, needed: &BTreeSet<InstanceId>, start: Option<u32>) -> Result<Vec<u8>> {
        let mut code = CodeSection::new();
        let (mut data, mut elements) = (DataSection::new(), ElementSection::new());
        for &id in needed {
            self.instance(id, &mut code, &mut data, &mut elements)?;
        }
        let mut module = Module::new();
        let mut types = TypeSection::new();
        for (params, results) in &self.types {
            types.ty().function(params.iter().copied(), results.iter().copied());
        }
        module.section(&types);

        let (mut imports, mut functions) = (ImportSection::new(), FunctionSection::new());
        let mut names = NameMap::new();
        let mut in_order: Vec<(u32, usize)> =
            self.functions.iter().map(|(&address, &index)| (index, address)).collect();
        in_order.sort_unstable();
        for &(index, address) in &in_order {
            let function = &self.store.functions[address];
            match &function.home {
                Home::Compiler { module, name } => {
                    imports.import(module, name, EntityType::Function(function.ty));
                }
                Home::Instance(id) => {
                    functions.function(function.ty);
                    if let Some(name) = self.store.instances[id.0].names.get(&address) {
                        names.append(index, name);
                    }
                }
            }
        }
        for ((ty, name, helper), index) in self.helpers.iter().zip(in_order.len() as u32..) {
            functions.function(*ty);
            names.append(index, name);
            code.function(helper);
        }
        module.section(&imports).section(&functions);

        for (ty, references) in &self.late_elements {
            elements.passive(self.segment(*ty, references));
        }
        let mut tables = TableSection::new();
        for (address, TableOf { index, content }) in &self.tables {
            let table = &self.store.tables[*address];
            tables.table(TableType {
                element_type: reference_type(table.ty),
                minimum: table.size,
                maximum: table.maximum,
                table64: false,
                shared: false,
            });
            for (&at, &reference) in content {
                let offset = ConstExpr::i32_const(at.cast_signed());
                elements.active(Some(*index), &offset, self.segment(table.ty, &[reference]));
            }
        }
        module.section(&tables);
        if let Some(memory) = self.memory(needed) {
            module.section(MemorySection::new().memory(memory));
        }
        module.section(&self.global_section());
        let mut exports = ExportSection::new();
        for (name, (kind, index)) in &self.exports {
            exports.export(name, *kind, *index);
        }
        module.section(&exports);
        if let Some(function_index) = start {
            module.section(&StartSection { function_index });
        }
        module.section(&elements);
        for bytes in &self.late_data {
            data.passive(bytes.iter().copied());
        }
        for (begin, bytes) in &self.data {
            let offset = ConstExpr::i32_const(begin.cast_signed());
            data.active(0, &offset, bytes.iter().copied());
        }
        module.section(&DataCountSection { count: data.len() }).section(&code).section(&data);
        let mut section = NameSection::new();
        section.functions(&names);
        module.section(&section);
        Ok(module.finish())
    }

    /// The code of an instance, and its segments that are not active; those that are have none of
    /// what they had when it has begun.
    fn instance(
        &mut self,
        id: InstanceId,
        code: &mut CodeSection,
        data: &mut DataSection,
        elements: &mut ElementSection,
    ) -> Result<()> {
        let store = self.store;
        let instance = &store.instances[id.0];
        let own = instance.functions.iter().map(|&address| &store.functions[address]);
        let own = own.filter(|function| function.home == Home::Instance(id));
        let mut params =
            own.map(|function| store.types[function.ty as usize].params().len() as u32);
        let (first_data, first_elements) = (data.len(), elements.len());
        let mut bodies = Bodies { merge: self, instance, first_data, first_elements };
        for payload in Parser::new(0).parse_all(&instance.wasm) {
            match payload? {
                Payload::CodeSectionEntry(body) => {
                    let params = params.next().unwrap_or_default();
                    code.function(&bodies.function(&body, params).map_err(not_encoded)?);
                }
                Payload::DataSection(segments) => {
                    for segment in segments {
                        let segment = segment?;
                        let bytes = match segment.kind {
                            DataKind::Passive => segment.data,
                            DataKind::Active { .. } => &[],
                        };
                        data.passive(bytes.iter().copied());
                    }
                }
                Payload::ElementSection(segments) => {
                    for element in segments {
                        let element = element?;
                        let ty = match element.items {
                            ElementItems::Functions(_) => wasmparser::RefType::FUNCREF,
                            ElementItems::Expressions(ty, _) => ty,
                        };
                        let segment = bodies.merge.segment(ty, &store.elements_of(id, &element)?);
                        // Code that takes a reference takes that of a function that some segment has.
                        match element.kind {
                            ElementKind::Passive => elements.passive(segment),
                            ElementKind::Active { .. } | ElementKind::Declared => {
                                elements.declared(segment)
                            }
                        };
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The memory of the module.
    fn memory(&self, needed: &BTreeSet<InstanceId>) -> Option<MemoryType> {
        let (minimum, maximum) = match &self.memories {
            Memories::Several(_) => (memories::PAGES, Some(memories::PAGES)),
            Memories::One => {
                let memory =
                    self.store.memories.iter().find(|memory| needed.contains(&memory.home))?;
                (memory.initial, memory.maximum)
            }
        };
        let page_size_log2 = None;
        Some(MemoryType { minimum, maximum, memory64: false, shared: false, page_size_log2 })
    }

    fn global_section(&self) -> GlobalSection {
        let mut globals = GlobalSection::new();
        let number = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
        for &address in self.globals.keys() {
            let global = &self.store.globals[address];
            let bits = global.initial;
            let value = match global.ty {
                wasmparser::ValType::Ref(ty) => self.reference(ty, bits),
                wasmparser::ValType::I64 => ConstExpr::i64_const(bits.cast_signed()),
                wasmparser::ValType::F32 => ConstExpr::f32_const(Ieee32::new(bits as u32)),
                wasmparser::ValType::F64 => ConstExpr::f64_const(Ieee64::new(bits)),
                _ => ConstExpr::i32_const((bits as u32).cast_signed()),
            };
            let val_type = value_type(global.ty);
            let mutable = global.mutable;
            globals.global(GlobalType { val_type, mutable, shared: false }, &value);
        }
        for part in self.memories.parts() {
            globals.global(number, &ConstExpr::i32_const(part.initial as i32));
        }
        globals
    }

    /// What a reference of the store is in the module. Nothing but null comes from outside before the run.
    fn reference(&self, ty: wasmparser::RefType, reference: u64) -> ConstExpr {
        match reference.checked_sub(1) {
            Some(address) => ConstExpr::ref_func(self.functions[&(address as usize)]),
            None => ConstExpr::ref_null(reference_type(ty).heap_type),
        }
    }

    fn segment(
        &self,
        ty: wasmparser::RefType,
        references: &[u64],
    ) -> wasm_encoder::Elements<'static> {
        let references = references.iter().map(|&reference| self.reference(ty, reference));
        let references: Vec<ConstExpr> = references.collect();
        wasm_encoder::Elements::Expressions(reference_type(ty), references.into())
    }
}

/// The same type, of a module that is valid by 2.0.
fn reference_type(ty: wasmparser::RefType) -> RefType {
    RefType::try_from(ty).expect("a type without an index")
}

/// A body that is valid, but not of the kind that this encodes.
fn not_encoded(error: Error<Infallible>) -> LinkError {
    let message = error.to_string();
    LinkError::Module(WasmError::Invalid { offset: 0, message })
}
