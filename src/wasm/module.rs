//! A module that is parsed: everything that is known before the run.
//!
//! Function bodies stay as they are; they are read when something calls them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use wasmparser::{
    ConstExpr, DataKind, ElementItems, ElementKind, Export, ExternalKind, FuncToValidate, FuncType,
    FunctionBody, KnownCustom, MemoryType, Name, Operator, Payload, RefType, ValType,
    ValidatorResources,
};

use super::constant::{self, Named, evaluate};
use super::error::{Result, WasmError};
use super::image::Image;
use super::imports::Imports;
use super::outside::Outside;
use super::types::{Width, width};

/// Bytes in a page of memory.
pub const PAGE: u64 = 65536;

/// Elements that a table grows to at most, as in browsers.
const MOST_ELEMENTS: u64 = 10_000_000;

/// A valid module.
#[derive(Debug, Default)]
pub struct Module<'a> {
    /// Function types.
    pub types: Vec<FuncType>,
    /// Functions, the imported ones first.
    pub functions: Vec<Function<'a>>,
    /// Tables.
    pub tables: Vec<Table>,
    /// The memory, if there is one.
    pub memory: Option<Memory>,
    /// Globals.
    pub globals: Vec<Global>,
    /// Segments of elements, all of them.
    pub element_segments: Vec<Segment>,
    /// Segments of data.
    pub data_segments: Vec<Segment>,
    /// Functions to which there may be a reference while the module runs.
    pub referenced: BTreeSet<u32>,
    /// What lies outside of memory.
    pub outside: Outside,
    /// What the exports are.
    pub exports: BTreeMap<String, (ExternalKind, u32)>,
    /// The function that runs before the entry.
    pub start: Option<u32>,
    /// For each type the first that equals it: calls through a table compare types by structure.
    alike: Vec<u32>,
    /// Functions before this one are imported or have their code.
    next_body: usize,
    /// What may be imported.
    pub(super) imports: Imports,
}

/// A function.
#[derive(Debug)]
pub struct Function<'a> {
    /// Its type.
    pub ty: u32,
    /// Its name, if the module says one.
    pub name: Option<String>,
    /// What it does.
    pub body: Body<'a>,
}

/// What a function does.
#[derive(Debug)]
pub enum Body<'a> {
    /// It is the import `env.output_byte`.
    OutputByte,
    /// It is the import `machine.i64.join`, which only the runtime has, like the next two.
    Join,
    /// It is `machine.input_byte`: replaces an index by the byte of what the program is given.
    InputByte,
    /// It is `machine.exit`: ends the program by its exit code.
    Exit,
    /// It is imported, and this function of the runtime.
    Runtime(u32),
    /// It is imported from nowhere, and traps.
    Missing(WasmError),
    /// It is defined, but its code is not yet read.
    Declared,
    /// It is defined by this code, whose operands have types that can be asked for.
    Code(FunctionBody<'a>, Resources),
}

/// What it takes to validate a function.
pub struct Resources(pub(super) FuncToValidate<ValidatorResources>);

impl Resources {
    /// To validate the function once more.
    pub fn again(&self) -> FuncToValidate<ValidatorResources> {
        let FuncToValidate { resources, index, ty, features } = &self.0;
        FuncToValidate { resources: resources.clone(), index: *index, ty: *ty, features: *features }
    }
}

impl std::fmt::Debug for Resources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Resources").field(&self.0.index).finish()
    }
}

/// A table of references.
#[derive(Debug)]
pub struct Table {
    /// How many elements it has at first.
    pub size: u64,
    /// How many it may grow to.
    pub maximum: u64,
    /// The elements that are not null, once its module has begun.
    pub elements: BTreeMap<u32, u32>,
    /// Whether any function of the module has an instruction other than a call that reaches its elements. Without,
    /// it stays what the segments make of it.
    pub changes: bool,
    /// Whether any makes it grow.
    pub grows: bool,
}

/// A segment of elements, each of four bytes, or of data. One that is not passive has nothing once its module has begun.
#[derive(Debug, Default)]
pub struct Segment {
    /// What it has.
    pub bytes: Vec<u8>,
    /// Whether any function copies from it.
    pub is_used: bool,
    /// Whether any drops it.
    pub drops: bool,
}

/// A reference to a function.
pub fn reference(function: u32) -> u32 {
    function + 1
}

/// The memory.
#[derive(Debug)]
pub struct Memory {
    /// Pages at the beginning.
    pub initial: u64,
    /// Pages at most.
    pub maximum: u64,
    /// Whether any function of the module may make it grow.
    pub grows: bool,
    /// What the data segments put there.
    pub image: Image,
}

/// A global.
#[derive(Debug)]
pub struct Global {
    /// Its type.
    pub ty: ValType,
    /// Whether it can be set.
    pub mutable: bool,
    /// The bits of its first value.
    pub initial: Option<u64>,
    /// Where its cell is, in words: behind the cells of those before it.
    pub word: u32,
}

impl<'a> Module<'a> {
    /// What to call a function in messages and listings.
    pub fn function_name(&self, function: u32) -> String {
        match &self.functions[function as usize].name {
            Some(name) => name.clone(),
            None => format!("func[{function}]"),
        }
    }

    /// The type of a function.
    pub fn function_type(&self, function: u32) -> &FuncType {
        &self.types[self.functions[function as usize].ty as usize]
    }

    /// The first type that equals this one.
    pub fn first_alike(&self, ty: u32) -> u32 {
        self.alike[ty as usize]
    }

    /// Nothing yet.
    pub(super) fn empty(imports: Imports) -> Self {
        Module { imports, ..Module::default() }
    }

    /// Whether it is the compiler's own.
    pub fn is_runtime(&self) -> bool {
        self.imports == Imports::Machine
    }

    /// Words that its cells have: those of its globals, and behind them those of what lies outside of memory.
    pub fn global_words(&self) -> u32 {
        self.globals.last().map_or(0, |last| last.word + last.words()) + self.outside.words
    }

    /// Takes in one section.
    pub(super) fn take(&mut self, payload: Payload<'a>) -> Result<()> {
        match payload {
            Payload::TypeSection(types) => {
                self.types = types.into_iter_err_on_gc_types().collect::<Result<_, _>>()?;
                self.alike = first_alike(&self.types);
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports_with_offsets() {
                    let (offset, import) = import?;
                    self.import(import, offset)?;
                }
            }
            Payload::FunctionSection(functions) => {
                for ty in functions {
                    self.functions.push(Function { ty: ty?, name: None, body: Body::Declared });
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    let ty = table?.ty;
                    let maximum = ty.maximum.unwrap_or(MOST_ELEMENTS).min(MOST_ELEMENTS);
                    self.tables.push(Table {
                        size: ty.initial,
                        maximum: maximum.max(ty.initial),
                        elements: BTreeMap::new(),
                        changes: false,
                        grows: false,
                    });
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    self.memory = Some(Memory::new(memory?));
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    self.global(&global?)?;
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    self.export(export?);
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(elements) => {
                for element in elements {
                    self.elements(&element?)?;
                }
            }
            Payload::DataSection(segments) => {
                for segment in segments {
                    self.data(&segment?)?;
                }
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    self.names(names);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn value(&self, expression: &ConstExpr, what: &'static str) -> Result<u64> {
        evaluate(expression, self, what)
    }

    fn global(&mut self, global: &wasmparser::Global) -> Result<()> {
        let wasmparser::GlobalType { content_type: ty, mutable, .. } = global.ty;
        let initial = match ty {
            ValType::V128 => None,
            _ => Some(self.value(&global.init_expr, "a global's value")?),
        };
        self.refers_to(&global.init_expr)?;
        let word = self.globals.last().map_or(0, |before| before.word + before.words());
        self.globals.push(Global { ty, mutable, initial, word });
        Ok(())
    }

    fn export(&mut self, export: Export) {
        if export.kind == ExternalKind::Func {
            let name = &mut self.functions[export.index as usize].name;
            name.get_or_insert_with(|| export.name.to_owned());
        }
        self.exports.insert(export.name.to_owned(), (export.kind, export.index));
    }

    /// Notes the function that a constant is a reference to.
    fn refers_to(&mut self, expression: &ConstExpr) -> Result<()> {
        let mut reader = expression.get_operators_reader();
        while !reader.eof() {
            if let Operator::RefFunc { function_index } = reader.read()? {
                self.referenced.insert(function_index);
            }
        }
        Ok(())
    }

    fn elements(&mut self, element: &wasmparser::Element) -> Result<()> {
        let offset = element.range.start;
        let elements = constant::elements(element, self)?;
        let elements: Vec<u32> = elements.into_iter().map(|bits| bits as u32).collect();
        if !matches!(&element.items, ElementItems::Expressions(ty, _) if *ty != RefType::FUNCREF) {
            self.referenced
                .extend(elements.iter().filter_map(|reference| reference.checked_sub(1)));
        }
        let mut segment = Segment::default();
        match &element.kind {
            ElementKind::Passive => {
                segment.bytes = elements.iter().flat_map(|it| it.to_le_bytes()).collect();
            }
            ElementKind::Declared => {}
            ElementKind::Active { table_index, offset_expr } => {
                let begin = self.value(offset_expr, "the offset of elements")? as u32;
                let table = &mut self.tables[table_index.unwrap_or(0) as usize];
                fits("elements", begin, elements.len(), table.size, offset)?;
                for (index, reference) in (begin..).zip(elements) {
                    match reference {
                        0 => table.elements.remove(&index),
                        _ => table.elements.insert(index, reference),
                    };
                }
            }
        }
        self.element_segments.push(segment);
        Ok(())
    }

    fn data(&mut self, data: &wasmparser::Data) -> Result<()> {
        let mut segment = Segment::default();
        match &data.kind {
            DataKind::Passive => segment.bytes = data.data.to_vec(),
            DataKind::Active { offset_expr, .. } => {
                let begin = self.value(offset_expr, "the offset of data")? as u32;
                if let Some(memory) = &mut self.memory {
                    let size = memory.initial * PAGE;
                    fits("data", begin, data.data.len(), size, data.range.start)?;
                    memory.image.write(u64::from(begin), data.data);
                }
            }
        }
        self.data_segments.push(segment);
        Ok(())
    }

    /// Notes what an instruction does beyond its function.
    fn note(&mut self, operator: &Operator) {
        let tables = &mut self.tables;
        let mut changes = |table: u32| tables[table as usize].changes = true;
        match *operator {
            Operator::MemoryGrow { .. } => {
                if let Some(memory) = &mut self.memory {
                    memory.grows = true;
                }
            }
            Operator::RefFunc { function_index } => {
                self.referenced.insert(function_index);
            }
            Operator::TableGet { table }
            | Operator::TableSet { table }
            | Operator::TableFill { table } => changes(table),
            Operator::TableGrow { table } => {
                changes(table);
                self.tables[table as usize].grows = true;
            }
            Operator::TableCopy { dst_table, src_table } => {
                changes(dst_table);
                changes(src_table);
            }
            Operator::TableInit { elem_index, table } => {
                changes(table);
                self.element_segments[elem_index as usize].is_used = true;
            }
            Operator::ElemDrop { elem_index } => {
                self.element_segments[elem_index as usize].drops = true;
            }
            Operator::MemoryInit { data_index, .. } => {
                self.data_segments[data_index as usize].is_used = true;
            }
            Operator::DataDrop { data_index } => {
                self.data_segments[data_index as usize].drops = true;
            }
            _ => {}
        }
    }

    /// Gives the code to the first function that has none, and notes what it does beyond itself.
    pub(super) fn body(&mut self, body: FunctionBody<'a>, resources: Resources) -> Result<()> {
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            self.note(&operators.read()?);
        }
        // Imports come before all others, so the search goes on where it ended.
        let rest = self.functions.iter_mut().skip(self.next_body);
        for function in rest {
            self.next_body += 1;
            if matches!(function.body, Body::Declared) {
                function.body = Body::Code(body, resources);
                break;
            }
        }
        Ok(())
    }

    /// The name section, as far as it can be read: names are for people only.
    fn names(&mut self, names: wasmparser::NameSectionReader) {
        for name in names.flatten() {
            let Name::Function(names) = name else { continue };
            for naming in names.into_iter().flatten() {
                if let Some(function) = self.functions.get_mut(naming.index as usize) {
                    function.name = Some(naming.name.to_owned());
                }
            }
        }
    }
}

impl Named for Module<'_> {
    fn global(&self, index: u32) -> Option<u64> {
        self.globals.get(index as usize)?.initial
    }

    fn function(&self, index: u32) -> Option<u64> {
        Some(reference(index).into())
    }
}

/// For each type the first that equals it.
fn first_alike(types: &[FuncType]) -> Vec<u32> {
    let mut first: HashMap<&FuncType, u32> = HashMap::new();
    (0..).zip(types).map(|(number, ty)| *first.entry(ty).or_insert(number)).collect()
}

impl Global {
    /// Words that its cell has; a vector, which no instruction reaches, has none.
    fn words(&self) -> u32 {
        width(self.ty, String::new, 0).map_or(0, Width::words)
    }
}

impl Memory {
    fn new(ty: MemoryType) -> Self {
        let most = (1 << 32) / PAGE;
        let maximum = ty.maximum.unwrap_or(most).min(most);
        Memory { initial: ty.initial, maximum, grows: false, image: Image::default() }
    }
}

/// Refuses a segment that does not lie within its memory or table.
fn fits(kind: &'static str, begin: u32, length: usize, size: u64, offset: u64) -> Result<()> {
    let (begin, end) = (u64::from(begin), u64::from(begin) + length as u64);
    if end > size {
        return Err(WasmError::SegmentOutOfBounds { kind, begin, end, size, offset });
    }
    Ok(())
}
