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
use wasmparser::{DataKind, ElementKind, Parser, Payload};

use super::body::Bodies;
use super::memories::Memories;
use super::merge::{Merge, value_type};
use super::store::{Home, InstanceId};
use super::{LinkError, Result};
use crate::wasm::constant::functions_of;
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

        let mut tables = TableSection::new();
        for versions in self.tables.values() {
            for (content, index) in versions.contents.iter().zip(versions.first..) {
                tables.table(TableType {
                    element_type: RefType::FUNCREF,
                    minimum: versions.size,
                    maximum: None,
                    table64: false,
                    shared: false,
                });
                for (&at, function) in content {
                    let offset = ConstExpr::i32_const(at.cast_signed());
                    let function = [self.functions[function]];
                    let function = wasm_encoder::Elements::Functions(function[..].into());
                    elements.active(Some(index), &offset, function);
                }
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
                        let functions = functions_of(&element)?.into_iter().flatten();
                        let functions: Vec<u32> = functions
                            .map(|index| {
                                bodies.merge.functions[&instance.functions[index as usize]]
                            })
                            .collect();
                        let functions = wasm_encoder::Elements::Functions(functions.into());
                        // Code that takes a reference takes that of a function that some segment has.
                        match element.kind {
                            ElementKind::Passive => elements.passive(functions),
                            ElementKind::Active { .. } | ElementKind::Declared => {
                                elements.declared(functions)
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
            Memories::Several(_) => (1 << 16, None),
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
        for _ in self.tables.values().filter(|versions| versions.current.is_some()) {
            globals.global(number, &ConstExpr::i32_const(0));
        }
        globals
    }
}

/// A body that is valid, but not of the kind that this encodes.
fn not_encoded(error: Error<Infallible>) -> LinkError {
    let message = error.to_string();
    LinkError::Module(WasmError::Invalid { offset: 0, message })
}
