//! Jumps by an index: `br_table`, and `call_indirect` as a routine for each type.
//!
//! The machine has no computed jump, so an index is compared in a balanced tree
//! over the *ranges* of equal targets. In a table that does not change during a run,
//! elements that are null, of another type or beyond the end are all the same
//! range: one that traps. Where one does change, its element is fetched, and compared
//! with all functions to which there can be a reference.

use std::collections::{BTreeMap, HashMap};

use super::assembler::Label;
use super::compiler::Compiler;
use super::error::Result;
use super::module::{Module, Table, reference};
use super::outside::Stretch;
use super::sites::Mark;
use super::table;
use super::types::signature;
use crate::machine::Op;

/// The local of the index, in a routine.
const INDEX: u32 = 0;

/// Indices from `first` on, up to the next range's.
pub type Range<T> = (u32, T);

/// Ranges of equal targets from (index, target) pairs in ascending order.
pub fn ranges<T: PartialEq>(targets: impl IntoIterator<Item = Range<T>>) -> Vec<Range<T>> {
    let mut ranges: Vec<Range<T>> = Vec::new();
    for (index, target) in targets {
        if ranges.last().is_none_or(|(_, last)| *last != target) {
            ranges.push((index, target));
        }
    }
    ranges
}

/// Goes to the label of the range in which the index in `local` lies. `arrive` is
/// told where the tree runs into a label instead of jumping to it.
pub fn decide(
    compiler: &mut Compiler,
    local: u32,
    ranges: &[Range<Label>],
    arrive: &mut impl FnMut(&mut Compiler, Label) -> Result<()>,
) -> Result<()> {
    compiler.asm.check_size()?;
    let (below, from) = ranges.split_at(ranges.len() / 2);
    let [(boundary, first_label), more @ ..] = from else { return Ok(()) };
    let [.., (_, last_label)] = below else { return arrive(compiler, *first_label) };
    let asm = &mut compiler.asm;
    asm.get(local);
    // At least 1 means not 0, which needs no comparison.
    if *boundary != 1 {
        asm.constant(*boundary);
        asm.emit(Op::GeU, 0);
    }
    match (below.len(), more) {
        (_, []) => {
            asm.jump_if(*first_label);
            decide(compiler, local, below, arrive)
        }
        (1, _) => {
            asm.jump_unless(*last_label);
            decide(compiler, local, from, arrive)
        }
        _ => {
            let above = asm.label();
            asm.jump_if(above);
            decide(compiler, local, below, arrive)?;
            compiler.asm.bind(above);
            decide(compiler, local, from, arrive)
        }
    }
}

/// The routine of `call_indirect`: arguments and index are on the stack.
pub fn call_by_index(compiler: &mut Compiler, table: u32, ty: u32) -> Result<()> {
    let module = compiler.module;
    let takes = signature(&module.types[ty as usize], || format!("type[{ty}]"), 0)?.params.len();
    let begin = compiler.asm.here();
    compiler.asm.set_height(takes + 1);
    compiler.asm.set(INDEX);
    let otherwise = match module.outside.tables[table as usize] {
        Some(stretch) => {
            fetch(compiler, stretch, takes);
            Mark::OtherType
        }
        None => Mark::Element,
    };
    let ranges = ranges(targets(compiler.elements(table, ty)));
    let mut labels: BTreeMap<Option<u32>, Label> = BTreeMap::new();
    for (_, target) in &ranges {
        labels.entry(*target).or_insert_with(|| compiler.asm.label());
    }
    let by_label: Vec<_> = ranges.iter().map(|(first, target)| (*first, labels[target])).collect();
    let targets: BTreeMap<Label, Option<u32>> =
        labels.iter().map(|(t, label)| (*label, *t)).collect();

    let mut leaf = |compiler: &mut Compiler, label: Label| {
        if compiler.asm.place(label).is_some() {
            compiler.asm.jump(label);
            return Ok(());
        }
        compiler.asm.bind(label);
        compiler.asm.set_height(takes);
        match targets[&label] {
            Some(function) => {
                compiler.call_function(function, 0)?;
                compiler.asm.return_from(begin);
            }
            None => compiler.asm.trap(otherwise),
        }
        Ok(())
    };
    decide(compiler, INDEX, &by_label, &mut leaf)?;
    for label in labels.into_values() {
        if compiler.asm.place(label).is_none() {
            leaf(compiler, label)?;
        }
    }
    Ok(())
}

/// Replaces an index of a table that changes by the element there.
fn fetch(compiler: &mut Compiler, of: Stretch, takes: usize) {
    let [undefined, fine] = [0; 2].map(|_| compiler.asm.label());
    table::element(compiler, of, INDEX, undefined);
    compiler.asm.emit(Op::LocalTee, INDEX);
    compiler.asm.jump_if(fine);
    compiler.asm.trap(Mark::Uninitialized);
    compiler.asm.bind(undefined);
    compiler.asm.trap(Mark::Undefined);
    compiler.asm.bind(fine);
    compiler.asm.set_height(takes);
}

/// What a call may find, by the type of functions, the first of all types that are equal: index, or
/// reference in a table that changes, and function, ascending.
pub type ByType = HashMap<u32, Vec<(u32, u32)>>;

/// Sorts a table's elements, once for all types that are called through it.
pub fn by_type(module: &Module, table: u32) -> ByType {
    let mut elements = ByType::new();
    let Table { elements: found, changes, .. } = &module.tables[table as usize];
    let any = module.referenced.iter().map(|&function| (reference(function), function));
    let some = found.iter().map(|(&index, &reference)| (index, reference - 1));
    let found: Vec<(u32, u32)> = if *changes { any.collect() } else { some.collect() };
    for (index, function) in found {
        let ty = module.first_alike(module.functions[function as usize].ty);
        elements.entry(ty).or_default().push((index, function));
    }
    elements
}

/// For each index at which it changes what to call: the function, or none where
/// the call traps.
fn targets(elements: &[(u32, u32)]) -> Vec<Range<Option<u32>>> {
    let mut targets = BTreeMap::from([(0, None)]);
    for &(index, function) in elements {
        targets.insert(index, Some(function));
        if let Some(next) = index.checked_add(1) {
            targets.entry(next).or_insert(None);
        }
    }
    targets.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_neighbours_are_one_range() {
        assert_eq!(
            ranges([(0, 'a'), (1, 'b'), (2, 'b'), (3, 'a')]),
            [(0, 'a'), (1, 'b'), (3, 'a')]
        );
    }
}
