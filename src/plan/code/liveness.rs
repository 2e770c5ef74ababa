//! Fourth pass: what the logits depend on, and by what code is worth specialising.
//!
//! Liveness goes from the output's basis through atoms to what a history must leave
//! behind. Code is specialised by three things, all known before an operation runs:
//!
//! - the *class* of the latest token: tokens that agree in all features with few
//!   distinct values;
//! - the *row*: the token at the place that most gates ask about, as far as
//!   these features tell it from others;
//! - the *age* of the register that most gates ask about.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::plan::expression::affine::{Affine, AtomId};
use crate::plan::expression::arena::{Arena, Atom};
use crate::plan::fuse::Fused;
use crate::plan::output_head::Output;

/// Which items of a history are needed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needed {
    /// By running sum.
    pub sums: Vec<bool>,
    /// By register.
    pub latches: Vec<bool>,
    /// By table.
    pub tables: Vec<bool>,
    /// By column.
    pub columns: Vec<bool>,
    /// By hull.
    pub hulls: Vec<bool>,
}

/// The result of the pass.
#[derive(Clone, Debug)]
pub struct Live {
    /// What all logits need.
    pub needed: Needed,
    /// What must be up to date before the row and the age are known.
    pub first: Needed,
    /// Class of every token.
    pub classes: Vec<u16>,
    /// Tokens of every class.
    pub members: Vec<Vec<usize>>,
    /// The place whose token selects a row.
    pub selector: Option<Affine>,
    /// Row of every token.
    pub rows: Vec<u16>,
    /// A token of every row.
    pub representatives: Vec<usize>,
    /// The register by whose age code is specialised.
    pub age: Option<usize>,
    /// By table, whether only position 0 is ever written under key 0.
    pub leaves_zero: Vec<bool>,
    /// Counts for reports.
    pub atoms: usize,
    /// See [`super::Summary`].
    pub pieces: usize,
    /// See [`super::Summary`].
    pub terms: usize,
    /// See [`super::Summary`].
    pub features: usize,
    /// See [`super::Summary`].
    pub lookups: usize,
}

/// Features with more distinct values do not make classes.
const FEW_VALUES: usize = 40;
/// At most this many classes, and as many rows.
const MAX_CLASSES: usize = 256;

struct Walk<'a> {
    fused: &'a Fused,
    needed: Needed,
    seen: FxHashSet<AtomId>,
    terms: usize,
}

impl<'a> Walk<'a> {
    fn new(fused: &'a Fused) -> Walk<'a> {
        let items = &fused.items;
        let none = |len: usize| vec![false; len];
        let needed = Needed {
            sums: none(items.sums.len()),
            latches: none(items.latches.len()),
            tables: none(items.tables.len()),
            columns: none(items.columns.len()),
            hulls: none(items.hulls.len()),
        };
        Walk { fused, needed, seen: FxHashSet::default(), terms: 0 }
    }

    fn affine(&mut self, affine: &Affine) {
        self.terms += affine.terms.len();
        for &(atom, _) in &affine.terms {
            if self.seen.insert(atom) {
                self.atom(atom);
            }
        }
    }

    fn atom(&mut self, atom: AtomId) {
        let fused = self.fused;
        let items = &fused.items;
        match fused.arena.atom(atom) {
            Atom::Position => {}
            Atom::Feature { place: affine, .. }
            | Atom::Clamped(affine)
            | Atom::Rounded { affine, .. }
            | Atom::Whole { affine, .. }
            | Atom::Guarded(affine) => self.affine(affine),
            Atom::Sum(sum) => {
                if !std::mem::replace(&mut self.needed.sums[*sum], true) {
                    self.affine(&items.sums[*sum]);
                }
            }
            Atom::Age(age) => self.age(*age),
            Atom::Found { table, query } | Atom::FoundKey { table, query } => {
                self.affine(query);
                if !std::mem::replace(&mut self.needed.tables[*table], true) {
                    self.affine(&items.tables[*table].number);
                    self.affine(&items.tables[*table].dead);
                }
            }
            Atom::Column { column, place } => {
                self.affine(place);
                if !std::mem::replace(&mut self.needed.columns[*column], true) {
                    self.affine(&items.columns[*column].value);
                }
            }
            Atom::Hull { hull, .. } => {
                if !std::mem::replace(&mut self.needed.hulls[*hull], true) {
                    let hull = &items.hulls[*hull];
                    for affine in hull.query.iter().chain(&hull.key).chain(&hull.value) {
                        self.affine(affine);
                    }
                }
            }
            Atom::Piece { gate, factor, .. } => {
                self.affine(gate);
                self.affine(factor);
            }
        }
    }

    fn age(&mut self, age: usize) {
        if !std::mem::replace(&mut self.needed.latches[age], true) {
            self.affine(&self.fused.items.latches[age]);
        }
    }
}

/// Runs the pass.
pub fn live(fused: &Fused, output: &Output) -> Live {
    let mut walk = Walk::new(fused);
    for affine in output.basis.iter().chain(&output.guards) {
        walk.affine(affine);
    }
    let arena = &fused.arena;
    let mut seen: Vec<AtomId> = walk.seen.iter().copied().collect();
    seen.sort_unstable();
    let count = |is: &dyn Fn(&Atom) -> bool| seen.iter().filter(|&&id| is(arena.atom(id))).count();

    let selector = selector(arena, &seen);
    let age = age(arena, &seen);
    let mut early = Walk::new(fused);
    if let Some(place) = &selector {
        early.affine(place);
    }
    if let Some(age) = age {
        early.age(age);
    }
    let (classes, members) = classes(fused, &columns_at(arena, &seen, &Arena::position()));
    let (rows, representatives) = match &selector {
        Some(place) => rows(fused, &columns_at(arena, &seen, place)),
        None => (vec![0; fused.features.tokens], Vec::new()),
    };
    let (selector, rows, representatives) = if representatives.len() > MAX_CLASSES {
        (None, vec![0; fused.features.tokens], Vec::new())
    } else {
        (selector, rows, representatives)
    };
    Live {
        first: early.needed,
        classes,
        members,
        selector,
        rows,
        representatives,
        age,
        leaves_zero: vec![false; fused.items.tables.len()],
        atoms: seen.len(),
        pieces: count(&|atom| matches!(atom, Atom::Piece { .. })),
        features: count(&|atom| matches!(atom, Atom::Feature { .. })),
        lookups: count(&|atom| matches!(atom, Atom::Found { .. })),
        terms: walk.terms,
        needed: walk.needed,
    }
}

/// The features that are read at a place.
fn columns_at(arena: &Arena, seen: &[AtomId], wanted: &Affine) -> Vec<usize> {
    let read = seen.iter().filter_map(|&id| match arena.atom(id) {
        Atom::Feature { place, column } if place == wanted => Some(*column),
        _ => None,
    });
    let mut columns: Vec<usize> = read.collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// The place, not at a fixed distance, whose features stand in most gates.
fn selector(arena: &Arena, seen: &[AtomId]) -> Option<Affine> {
    let mut uses: FxHashMap<&Affine, usize> = FxHashMap::default();
    for gate in gates(arena, seen) {
        for &(atom, _) in &gate.terms {
            if let Atom::Feature { place, .. } = arena.atom(atom) {
                let relative = place.plus(&Arena::position(), -1);
                if relative.is_none_or(|relative| relative.as_constant().is_none()) {
                    *uses.entry(place).or_default() += 1;
                }
            }
        }
    }
    let most =
        uses.into_iter().max_by(|a, b| (a.1, &a.0.terms, a.0.c).cmp(&(b.1, &b.0.terms, b.0.c)));
    most.map(|most| most.0.clone())
}

fn age(arena: &Arena, seen: &[AtomId]) -> Option<usize> {
    let mut uses: FxHashMap<usize, usize> = FxHashMap::default();
    for gate in gates(arena, seen) {
        for &(atom, _) in &gate.terms {
            if let Atom::Age(age) = arena.atom(atom) {
                *uses.entry(*age).or_default() += 1;
            }
        }
    }
    uses.into_iter().max_by_key(|&(age, uses)| (uses, age)).map(|most| most.0)
}

fn gates<'a>(arena: &'a Arena, seen: &'a [AtomId]) -> impl Iterator<Item = &'a Affine> {
    seen.iter().filter_map(|&id| match arena.atom(id) {
        Atom::Piece { gate, .. } => Some(gate),
        _ => None,
    })
}

/// Tokens that agree in the features with few values.
fn classes(fused: &Fused, columns: &[usize]) -> (Vec<u16>, Vec<Vec<usize>>) {
    let features = &fused.features;
    let distinct =
        |column: usize| features.columns[column].iter().copied().collect::<FxHashSet<i64>>().len();
    let mut few: Vec<(usize, usize)> =
        columns.iter().map(|&column| (distinct(column), column)).collect();
    few.retain(|column| column.0 <= FEW_VALUES);
    few.sort_unstable();
    let mut classes = vec![0u16; features.tokens];
    let mut number = 1;
    for (_, column) in few {
        let mut ids: FxHashMap<(u16, i64), u16> = FxHashMap::default();
        let finer: Vec<u16> = (0..features.tokens)
            .map(|token| {
                let next = ids.len() as u16;
                *ids.entry((classes[token], features.columns[column][token])).or_insert(next)
            })
            .collect();
        if ids.len() <= MAX_CLASSES {
            classes = finer;
            number = ids.len();
        }
    }
    let mut members = vec![Vec::new(); number];
    for (token, &class) in classes.iter().enumerate() {
        members[class as usize].push(token);
    }
    (classes, members)
}

/// Rows by all features that are read at the selected place.
fn rows(fused: &Fused, columns: &[usize]) -> (Vec<u16>, Vec<usize>) {
    let features = &fused.features;
    let mut ids: FxHashMap<Vec<i64>, u16> = FxHashMap::default();
    let mut representatives = Vec::new();
    let rows: Vec<u16> = (0..features.tokens)
        .map(|token| {
            let row = columns.iter().map(|&column| features.columns[column][token]).collect();
            let next = ids.len() as u16;
            *ids.entry(row).or_insert_with(|| {
                representatives.push(token);
                next
            })
        })
        .collect();
    (rows, representatives)
}
