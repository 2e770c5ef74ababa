//! Tables that change between two steps.
//!
//! No instruction changes a table; an instance that begins may, for it writes its elements. Calls through a
//! table are compiled for the elements that it has, so one that changes while the program runs has several
//! *versions*, each a table of the module, and a global says which of them it is. A call through it asks.

use std::collections::BTreeMap;

use wasm_encoder::{BlockType, Function};

use super::store::Elements;

/// Elements by index: the addresses of functions.
pub(super) type Content = BTreeMap<u32, usize>;

/// What a table is from one step to another.
#[derive(Debug)]
pub(super) struct Versions {
    /// The index of the first of them in the module; the others follow.
    pub first: u32,
    /// How many elements each has.
    pub size: u64,
    /// At least one.
    pub contents: Vec<Content>,
    /// The global that says which it is, where there are several.
    pub current: Option<u32>,
}

impl Versions {
    /// A version like the last, which is to change; its number.
    pub fn begin(&mut self) -> u32 {
        self.contents.push(self.contents.last().cloned().unwrap_or_default());
        self.contents.len() as u32 - 1
    }

    /// Elements are written to the last version.
    pub fn write(&mut self, elements: &Elements) {
        let Some(content) = self.contents.last_mut() else { return };
        for (index, function) in (elements.begin..).zip(&elements.functions) {
            match function {
                Some(function) => content.insert(index, *function),
                None => content.remove(&index),
            };
        }
    }

    /// A function that calls through the version that the table is: it takes what a function of this
    /// type does, and the index.
    pub fn call(&self, current: u32, params: u32, ty: u32) -> Function {
        let mut function = Function::new([]);
        let mut code = function.instructions();
        let last = self.contents.len() as u32 - 1;
        for version in 0..=last {
            if version < last {
                code.global_get(current).i32_const(version.cast_signed()).i32_eq();
                code.if_(BlockType::Empty);
            }
            (0..=params).for_each(|local| {
                code.local_get(local);
            });
            code.call_indirect(self.first + version, ty);
            if version < last {
                code.return_().end();
            }
        }
        code.end();
        function
    }
}
