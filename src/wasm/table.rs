//! Instructions of tables that change, and of passive segments: routines over what lies outside of memory.

use super::assembler::Label;
use super::bulk::{self, FROM, LENGTH, SCRATCH, TO};
use super::compiler::Compiler;
use super::memory::check_range;
use super::outside::{Length, Stretch, close, open};
use super::sites::Mark;
use crate::machine::Op;

/// The local of an index, where there is but one.
const INDEX: u32 = TO;
/// Of a reference.
const VALUE: u32 = FROM;
/// Of the size of memory.
pub const SAVED: u32 = SCRATCH + 1;
/// Of how many elements there were.
const BEFORE: u32 = SAVED + 1;

/// An element has four bytes.
const SHIFT: u32 = 2;

/// What a routine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// `table.get` of this table.
    Get(u32),
    /// `table.set`.
    Set(u32),
    /// `table.grow`.
    Grow(u32),
    /// `table.fill`.
    Fill(u32),
    /// `table.copy`.
    Copy {
        /// To this table.
        to: u32,
        /// From this one.
        from: u32,
    },
    /// `table.init`.
    Init {
        /// The table.
        table: u32,
        /// The segment of elements.
        segment: u32,
    },
    /// `memory.init` from this segment of data.
    Memory(u32),
}

impl Table {
    /// What to call it in listings.
    pub fn name(self) -> String {
        match self {
            Table::Get(table) => format!("table.get {table}"),
            Table::Set(table) => format!("table.set {table}"),
            Table::Grow(table) => format!("table.grow {table}"),
            Table::Fill(table) => format!("table.fill {table}"),
            Table::Copy { to, from } => format!("table.copy {to} {from}"),
            Table::Init { table, segment } => format!("table.init {table} {segment}"),
            Table::Memory(segment) => format!("memory.init {segment}"),
        }
    }

    /// How many operands it takes, and how many it gives.
    pub fn takes_and_gives(self) -> (usize, usize) {
        match self {
            Table::Get(_) => (1, 1),
            Table::Set(_) => (2, 0),
            Table::Grow(_) => (2, 1),
            Table::Fill(_) | Table::Copy { .. } | Table::Init { .. } | Table::Memory(_) => (3, 0),
        }
    }

    /// The routine.
    pub fn emit(self, compiler: &mut Compiler) {
        let begin = compiler.asm.here();
        compiler.asm.set_height(self.takes_and_gives().0);
        match self {
            Table::Get(table) => get(compiler, table),
            Table::Set(table) => set(compiler, table),
            Table::Grow(table) => grow(compiler, table, begin),
            Table::Fill(table) => fill(compiler, table),
            Table::Copy { to, from } => {
                copy(compiler, stretch(compiler, to), stretch(compiler, from))
            }
            Table::Init { table, segment } => {
                let segment = compiler.module.outside.elements[segment as usize];
                copy(compiler, stretch(compiler, table), segment);
            }
            Table::Memory(segment) => init_memory(compiler, segment),
        }
        compiler.asm.return_from(begin);
    }
}

/// The size of a table, which needs no routine.
pub fn size(compiler: &mut Compiler, table: u32) {
    length(compiler, table).push(compiler);
}

fn length(compiler: &Compiler, table: u32) -> Length {
    match compiler.module.outside.tables[table as usize] {
        Some(stretch) => stretch.length,
        None => Length::Always(compiler.module.tables[table as usize].size as u32),
    }
}

/// Drops a segment, which then has nothing.
pub fn drop_segment(compiler: &mut Compiler, segment: Stretch, scratch: u32) {
    if let Length::Cell { .. } = segment.length {
        compiler.asm.constant(0);
        segment.length.set(compiler, scratch);
    }
}

/// Pushes the element at the index in a local, or goes to `beyond` where there is none.
pub fn element(compiler: &mut Compiler, of: Stretch, index: u32, beyond: Label) {
    compiler.asm.get(index);
    of.length.push(compiler);
    compiler.asm.emit(Op::GeU, 0);
    compiler.asm.jump_if(beyond);
    open(compiler, SAVED);
    address(compiler, index);
    compiler.asm.emit(Op::Load, of.begin);
    close(compiler, SAVED);
}

/// Where a table is that some instruction changes, or only looks at.
fn stretch(compiler: &Compiler, table: u32) -> Stretch {
    compiler.module.outside.tables[table as usize].expect("a table with instructions of its own")
}

fn address(compiler: &mut Compiler, index: u32) {
    compiler.asm.get(index);
    compiler.asm.constant(SHIFT);
    compiler.asm.emit(Op::Shl, 0);
}

fn get(compiler: &mut Compiler, table: u32) {
    let beyond = compiler.asm.label();
    let of = stretch(compiler, table);
    compiler.asm.set(INDEX);
    element(compiler, of, INDEX, beyond);
    trap_at(compiler, beyond, Mark::Table);
}

fn set(compiler: &mut Compiler, table: u32) {
    let beyond = compiler.asm.label();
    let of = stretch(compiler, table);
    compiler.asm.set(VALUE);
    compiler.asm.set(INDEX);
    compiler.asm.get(INDEX);
    of.length.push(compiler);
    compiler.asm.emit(Op::GeU, 0);
    compiler.asm.jump_if(beyond);
    open(compiler, SAVED);
    address(compiler, INDEX);
    compiler.asm.get(VALUE);
    compiler.asm.emit(Op::Store, of.begin);
    close(compiler, SAVED);
    trap_at(compiler, beyond, Mark::Table);
}

/// Gives how many elements there were, or -1 where there cannot be so many.
fn grow(compiler: &mut Compiler, table: u32, begin: usize) {
    let of = stretch(compiler, table);
    let refuse = compiler.asm.label();
    compiler.asm.set(LENGTH);
    compiler.asm.set(VALUE);
    compiler.asm.constant(of.most);
    of.length.push(compiler);
    compiler.asm.emit(Op::LocalTee, BEFORE);
    compiler.asm.emit(Op::Sub, 0);
    compiler.asm.get(LENGTH);
    compiler.asm.emit(Op::LtU, 0);
    compiler.asm.jump_if(refuse);
    compiler.asm.get(BEFORE);
    compiler.asm.get(LENGTH);
    compiler.asm.emit(Op::Add, 0);
    of.length.set(compiler, SCRATCH);
    compiler.asm.get(BEFORE);
    compiler.asm.set(TO);
    write(compiler, of);
    compiler.asm.get(BEFORE);
    compiler.asm.return_from(begin);
    compiler.asm.bind(refuse);
    compiler.asm.set_height(0);
    compiler.asm.constant(u32::MAX);
}

fn fill(compiler: &mut Compiler, table: u32) {
    let of = stretch(compiler, table);
    let beyond = compiler.asm.label();
    take_three(compiler);
    check_span(compiler, of, TO, beyond);
    write(compiler, of);
    trap_at(compiler, beyond, Mark::Table);
}

/// Writes the reference to LENGTH elements from index TO on, which are there.
fn write(compiler: &mut Compiler, of: Stretch) {
    to_bytes(compiler, &[(TO, of.begin)]);
    open(compiler, SAVED);
    bulk::write_words(&mut compiler.asm);
    close(compiler, SAVED);
}

fn copy(compiler: &mut Compiler, to: Stretch, from: Stretch) {
    let beyond = compiler.asm.label();
    take_three(compiler);
    check_span(compiler, from, FROM, beyond);
    check_span(compiler, to, TO, beyond);
    to_bytes(compiler, &[(TO, to.begin), (FROM, from.begin)]);
    open(compiler, SAVED);
    let end = compiler.asm.label();
    bulk::move_all(&mut compiler.asm, |asm| asm.jump(end));
    compiler.asm.bind(end);
    close(compiler, SAVED);
    trap_at(compiler, beyond, Mark::Table);
}

fn init_memory(compiler: &mut Compiler, segment: u32) {
    let from = compiler.module.outside.data[segment as usize];
    let beyond = compiler.asm.label();
    take_three(compiler);
    check_span(compiler, from, FROM, beyond);
    if !compiler.endless_memory {
        check_range(compiler, TO, LENGTH, SCRATCH, beyond);
    }
    compiler.asm.get(FROM);
    compiler.asm.constant(from.begin);
    compiler.asm.emit(Op::Add, 0);
    compiler.asm.set(FROM);
    open(compiler, SAVED);
    // It lies above all memory, so this never goes downwards.
    bulk::move_up(&mut compiler.asm);
    close(compiler, SAVED);
    trap_at(compiler, beyond, Mark::Memory);
}

fn take_three(compiler: &mut Compiler) {
    for local in [LENGTH, FROM, TO] {
        compiler.asm.set(local);
    }
}

/// Goes to `beyond` unless LENGTH units from the one in the local `first` on are there.
fn check_span(compiler: &mut Compiler, of: Stretch, first: u32, beyond: Label) {
    of.length.push(compiler);
    compiler.asm.get(LENGTH);
    compiler.asm.emit(Op::LtU, 0);
    compiler.asm.jump_if(beyond);
    of.length.push(compiler);
    compiler.asm.get(LENGTH);
    compiler.asm.emit(Op::Sub, 0);
    compiler.asm.get(first);
    compiler.asm.emit(Op::LtU, 0);
    compiler.asm.jump_if(beyond);
}

/// Makes addresses of indices, and a number of bytes of the number of elements.
fn to_bytes(compiler: &mut Compiler, indices: &[(u32, u32)]) {
    for &(local, begin) in indices.iter().chain(&[(LENGTH, 0)]) {
        address(compiler, local);
        if begin > 0 {
            compiler.asm.constant(begin);
            compiler.asm.emit(Op::Add, 0);
        }
        compiler.asm.set(local);
    }
}

/// What has come here is done; what went to the label traps.
fn trap_at(compiler: &mut Compiler, label: Label, mark: Mark) {
    let fine = compiler.asm.label();
    let height = compiler.asm.height();
    compiler.asm.jump(fine);
    compiler.asm.bind(label);
    compiler.asm.trap(mark);
    compiler.asm.bind(fine);
    compiler.asm.set_height(height);
}
