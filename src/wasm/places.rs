//! Where each instruction of a program comes from: the source map.
//!
//! A program is *routines*, one behind the other, each a stretch of instructions with a name and an
//! [`Origin`]; and each instruction has a site ([`super::sites`]).

use std::collections::{BTreeMap, BTreeSet};

use super::compiler::Routine as Wanted;
use super::module::Module;
use super::sites::{Mark, Names, Runs, Sites};

/// What a program's instructions were compiled from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Of all instructions; none where nobody knows.
    sites: Runs,
    /// Ascending by their beginnings, the first at instruction 0.
    routines: Vec<Routine>,
    /// Names of instructions of WebAssembly; the first is that of none.
    names: Vec<String>,
    /// Of each table that is called through, by its number.
    tables: BTreeMap<u32, Elements>,
}

/// A stretch of instructions that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routine {
    /// What to call it.
    pub name: String,
    /// Its first instruction.
    pub begin: usize,
    /// What it is.
    pub origin: Origin,
}

/// What a routine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A program of which nobody knows what it was compiled from.
    Unknown,
    /// What runs before all functions and between them: data, globals, calls of exports.
    Start,
    /// The function of the module with this index.
    Function(u32),
    /// A function with this index that is imported from nowhere, and traps.
    Missing(u32),
    /// A function of the compiler's own module: an instruction that the machine lacks.
    Runtime,
    /// Calls the function at an index of this table.
    Dispatch(u32),
    /// Code of the compiler that several places share.
    Shared,
}

/// The instruction of WebAssembly that an instruction of the machine was compiled from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'p> {
    /// Its name as in the text format; `function entry` for what takes a function's arguments.
    pub name: &'p str,
    /// The byte of the module at which it stands; of a function of the runtime, the byte of that.
    pub offset: u32,
    /// Whether this is the first of the instructions that it became.
    pub first: bool,
}

/// The elements of a table, as far as a call through it may trap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Elements {
    /// How many there are.
    pub size: u64,
    /// Indices of those that are not null, ascending.
    pub defined: Vec<u32>,
}

impl Origin {
    /// What a routine of the compiler is.
    pub(super) fn of(routine: Wanted, is_missing: bool) -> Origin {
        match routine {
            Wanted::Function(function) if is_missing => Origin::Missing(function),
            Wanted::Function(function) => Origin::Function(function),
            Wanted::Runtime(_) => Origin::Runtime,
            Wanted::Dispatch { table, .. } => Origin::Dispatch(table),
            _ => Origin::Shared,
        }
    }
}

impl Routine {
    /// What runs before all functions.
    pub(super) fn start() -> Routine {
        Routine { name: "the start code".into(), begin: 0, origin: Origin::Start }
    }

    /// Whether it stands in the module that was compiled, or is the start code.
    pub fn is_of_module(&self) -> bool {
        matches!(self.origin, Origin::Start | Origin::Function(_))
    }

    /// What to call it where all sorts of routines stand together.
    pub fn label(&self) -> String {
        match self.origin {
            Origin::Runtime => format!("runtime {}", self.name),
            Origin::Shared => format!("routine {}", self.name),
            Origin::Unknown | Origin::Start | Origin::Function(_) => self.name.clone(),
            Origin::Missing(_) => format!("import {}", self.name),
            Origin::Dispatch(_) => self.name.clone(),
        }
    }
}

impl Places {
    /// Of a program that nobody knows anything about.
    pub fn unknown() -> Places {
        let all = Routine { name: "the program".into(), begin: 0, origin: Origin::Unknown };
        Places {
            sites: Runs::default(),
            routines: vec![all],
            names: Vec::new(),
            tables: BTreeMap::new(),
        }
    }

    /// Of what was compiled.
    pub(super) fn new(
        Sites { runs: sites, .. }: Sites,
        Names { names, .. }: Names,
        routines: Vec<Routine>,
        module: &Module,
    ) -> Places {
        let names = std::iter::once(String::new()).chain(names).collect();
        // Many types may be called through one table.
        let tables: BTreeSet<u32> = routines
            .iter()
            .filter_map(|routine| match routine.origin {
                Origin::Dispatch(table) => Some(table),
                _ => None,
            })
            .collect();
        let elements = |table: u32| {
            let found = &module.tables[table as usize];
            (
                table,
                Elements { size: found.size, defined: found.elements.keys().copied().collect() },
            )
        };
        let tables = tables.into_iter().map(elements).collect();
        Places { sites, routines, names, tables }
    }

    /// All routines, in the order of their instructions.
    pub fn routines(&self) -> &[Routine] {
        &self.routines
    }

    /// Whether anything is known.
    pub fn are_known(&self) -> bool {
        !self.sites.is_empty()
    }

    /// The routine that an instruction belongs to, as a place among [`Places::routines`].
    pub fn routine_at(&self, instruction: usize) -> usize {
        self.routines.partition_point(|routine| routine.begin <= instruction).saturating_sub(1)
    }

    /// What an instruction was compiled from, if it stands in a module.
    pub fn source(&self, instruction: usize) -> Option<Source<'_>> {
        let site = self.sites.get(instruction)?;
        let name = &self.names[usize::from(site.name)];
        Some(Source { name, offset: site.offset()?, first: site.first })
    }

    /// Why an instruction traps, if it does nothing else.
    pub(super) fn mark(&self, instruction: usize) -> Option<Mark> {
        self.sites.get(instruction)?.mark
    }

    /// The elements of a table that is called through.
    pub(super) fn elements(&self, table: u32) -> Option<&Elements> {
        self.tables.get(&table)
    }
}

#[cfg(test)]
mod tests {
    use crate::wasm::{Options, Origin, compile_text};

    /// What each instruction of the routines that stand in the module was compiled from, a `+` where another
    /// instruction of WebAssembly begins.
    fn sources(text: &str) -> Vec<String> {
        let compiled = compile_text(text, &Options::invoke("f", &[7])).unwrap();
        let places = &compiled.places;
        let code = compiled.program.code().iter().enumerate();
        let found = code.filter_map(|(at, instruction)| {
            let routine = &places.routines()[places.routine_at(at)];
            let source =
                places.source(at).filter(|_| matches!(routine.origin, Origin::Function(_)))?;
            let first = if source.first { "+" } else { "" };
            Some(format!("{} {first}{}", instruction.op.name(), source.name))
        });
        found.collect()
    }

    #[test]
    fn what_the_assembler_shortens_keeps_the_place_of_its_first_part() {
        let text = r#"(module (func (export "f") (param i32) (result i32)
            local.get 0 i32.const 3 i32.lt_s i32.eqz if nop end local.get 0 i32.const 4 i32.div_s))"#;
        let expected = [
            "local.tee +function entry",
            "i32.const +i32.const",
            "i32.lt_s +i32.lt_s",
            "br_if +if",
            "local.get +i32.div_s",
            "i32.const i32.div_s",
            "i32.lt_s i32.div_s",
            "br_if i32.div_s",
            "local.get i32.div_s",
            "i32.const i32.div_s",
            "i32.div_u i32.div_s",
            "return +end",
            // Out of the way: a dividend that is negative.
            "local.get i32.div_s",
            "i32.const i32.div_s",
            "call i32.div_s",
            "return i32.div_s",
        ];
        assert_eq!(sources(text), expected);
    }

    #[test]
    fn every_instruction_lies_in_the_routine_that_begins_last_before_it() {
        let text = r#"(module (func $g (param i64) (result i64) local.get 0 local.get 0 i64.div_u)
            (func (export "f") (param i32) (result i64) local.get 0 i64.extend_i32_u call $g))"#;
        let compiled = compile_text(text, &Options::invoke("f", &[7])).unwrap();
        let routines = compiled.places.routines();
        let labels: Vec<String> = routines.iter().map(|routine| routine.label()).collect();
        let expected = ["the start code", "f", "runtime print.i64", "g", "runtime i64.div_u"];
        assert_eq!(labels[..5], expected);
        for (number, routine) in routines.iter().enumerate() {
            let end = routines.get(number + 1).map_or(compiled.program.code().len(), |r| r.begin);
            assert!((routine.begin..end).all(|at| compiled.places.routine_at(at) == number));
        }
    }
}
