//! Several memories within one.
//!
//! The machine has one memory. Where instances have several among them, each gets a part of the pages that
//! there can be, and a global for how many of them it has; the memory of the module has all pages from the
//! start. An access asks a function whether it is within its part, which gives the address there; one that
//! is not loads from beyond the end of all, and so traps for the right reason. What is never written
//! costs nothing, so parts can be as large as there is room for.

use std::collections::BTreeMap;

use wasm_encoder::{BlockType, Function, InstructionSink, MemArg, MemArgTarget};

use super::{LinkError, Result};
use crate::wasm::module::PAGE;

/// Pages that parts have together: all that there can be, but for some where tables that change and passive segments
/// find room.
pub(super) const PAGES: u64 = (1 << 32) / PAGE - (1 << 11);

/// Of an access to where its address says.
pub(super) const AT_ADDRESS: MemArg =
    MemArg { offset: 0, align: 0, target: MemArgTarget::Memory(0), ordering: None };

/// Where an instance's memory is.
#[derive(Debug)]
pub(super) enum Memories {
    /// It is the memory of the module, if there is one.
    One,
    /// In a part, by the memory's address.
    Several(BTreeMap<usize, Part>),
}

/// A part of the memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// Its first page.
    pub begin: u64,
    /// Pages at first.
    pub initial: u64,
    /// Pages at most.
    pub maximum: u64,
    /// The global of how many it has.
    pub pages: u32,
}

impl Memories {
    /// Divides the memory among those at these addresses, with the pages that they have at first, and at most;
    /// their globals are `first_global` and the next.
    pub fn divide(memories: &[(usize, u64, Option<u64>)], first_global: u32) -> Result<Memories> {
        if memories.len() < 2 {
            return Ok(Memories::One);
        }
        let pages = memories.iter().map(|&(_, initial, _)| initial).sum();
        let Some(free) = PAGES.checked_sub(pages) else {
            return Err(LinkError::Memories { pages });
        };
        let share = free / memories.len() as u64;
        let mut begin = 0;
        let part = |(&(address, initial, maximum), pages): (&(usize, u64, Option<u64>), u32)| {
            let maximum = maximum.unwrap_or(PAGES).min(initial + share);
            let part = Part { begin, initial, maximum, pages };
            begin += maximum;
            (address, part)
        };
        Ok(Memories::Several(memories.iter().zip(first_global..).map(part).collect()))
    }

    /// All parts.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        let parts = match self {
            Memories::Several(parts) => Some(parts.values()),
            Memories::One => None,
        };
        parts.into_iter().flatten()
    }

    /// The part that the memory at this address is, if it is no more than a part.
    pub fn part(&self, memory: usize) -> Option<&Part> {
        match self {
            Memories::Several(parts) => parts.get(&memory),
            Memories::One => None,
        }
    }

    /// Where a place of a memory is.
    pub fn place(&self, memory: usize, address: u32) -> u32 {
        let begin = self.part(memory).map_or(0, |part| part.begin * PAGE);
        (begin + u64::from(address)) as u32
    }
}

/// Pushes the number of pages that a memory has; `part` of the memory, or all of it.
pub(super) fn pages(code: &mut InstructionSink, part: Option<&Part>) {
    match part {
        Some(part) => code.global_get(part.pages),
        None => code.memory_size(0),
    };
}

/// Traps, as an access beyond the end of memory does.
pub(super) fn trap(code: &mut InstructionSink) {
    code.i32_const(-1).i32_load(AT_ADDRESS).drop();
}

impl Part {
    /// The address of its first byte, for what is added to one.
    fn address(self) -> i32 {
        ((self.begin * PAGE) as u32).cast_signed()
    }

    /// `(address i32, bytes i64) -> i32`: where in the memory an address is, from which on so many bytes
    /// are accessed.
    pub fn within(self) -> Function {
        let mut function = Function::new([]);
        let mut code = function.instructions();
        code.local_get(0).i64_extend_i32_u().local_get(1).i64_add();
        code.global_get(self.pages).i64_extend_i32_u().i64_const(16).i64_shl();
        code.i64_gt_u().if_(BlockType::Empty);
        trap(&mut code);
        code.end();
        code.local_get(0).i32_const(self.address()).i32_add().end();
        function
    }

    /// `memory.grow`.
    pub fn grow(self) -> Function {
        let mut function = Function::new([]);
        let mut code = function.instructions();
        code.local_get(0).i64_extend_i32_u().global_get(self.pages).i64_extend_i32_u().i64_add();
        code.i64_const(self.maximum.cast_signed()).i64_gt_u().if_(BlockType::Empty);
        code.i32_const(-1).return_().end();
        code.global_get(self.pages);
        code.global_get(self.pages).local_get(0).i32_add().global_set(self.pages);
        code.end();
        function
    }
}

/// `memory.fill` in the part that the function `within` is of.
pub(super) fn fill(within: u32) -> Function {
    let mut function = Function::new([]);
    let mut code = function.instructions();
    code.local_get(0).local_get(2).i64_extend_i32_u().call(within);
    code.local_get(1).local_get(2).memory_fill(0).end();
    function
}

/// The same of `memory.init`, from a segment of the module.
pub(super) fn init(within: u32, data: u32) -> Function {
    let mut function = Function::new([]);
    let mut code = function.instructions();
    code.local_get(0).local_get(2).i64_extend_i32_u().call(within);
    code.local_get(1).local_get(2).memory_init(0, data).end();
    function
}

/// The same of `memory.copy`.
pub(super) fn copy(within: u32) -> Function {
    let mut function = Function::new([]);
    let mut code = function.instructions();
    for pointer in 0..2 {
        code.local_get(pointer).local_get(2).i64_extend_i32_u().call(within);
    }
    code.local_get(2).memory_copy(0, 0).end();
    function
}
