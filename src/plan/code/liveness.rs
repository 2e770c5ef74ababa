//! Third pass: what the logits depend on, and by what code is worth specialising.
//!
//! Liveness goes from the output's basis through atoms to what a history must leave
//! behind. Code is specialised by three things, all known before an operation runs:
//!
//! - the *token class* of the latest token: tokens that agree in all features with few
//!   distinct values;
//! - the *selected-token class*: the token at the place that most gates ask about, as far as
//!   these features tell it from others; or, where gates ask about functions of one expression more often,
//!   the value of that expression as far as these functions tell it from others;
//! - the *age* of the latch that most gates ask about.

use cranelift_entity::EntitySet;
use rustc_hash::{FxHashMap, FxHashSet};

use super::rows::{Rows, rows};
use crate::plan::expression::affine::Affine;
use crate::plan::expression::arena::Arena;
use crate::plan::expression::atom::Atom;
use crate::plan::fuse::Fused;
use crate::plan::fuse::heads::Items;
use crate::plan::ids::{AtomId, ColumnId, FeatureId, LatchId, SumId, TableId};
use crate::plan::limits::MAX_REGISTER;
use crate::plan::output_head::Output;
use crate::plan::refusal::{Cause, Place, Rule};

/// Which items of a history are needed, or up to date.
#[derive(Clone, Debug, Default)]
pub struct Needed {
    /// The running sums that are.
    pub sums: EntitySet<SumId>,
    /// The latches that are.
    pub latches: EntitySet<LatchId>,
    /// The tables that are.
    pub tables: EntitySet<TableId>,
    /// The columns that are.
    pub columns: EntitySet<ColumnId>,
}

impl Needed {
    /// How many of each kind are in it.
    pub fn counts(&self, items: &Items) -> [usize; 4] {
        let Needed { sums, latches, tables, columns } = self;
        [
            items.sums.keys().filter(|&sum| sums.contains(sum)).count(),
            items.latches.keys().filter(|&latch| latches.contains(latch)).count(),
            items.tables.keys().filter(|&table| tables.contains(table)).count(),
            items.columns.keys().filter(|&column| columns.contains(column)).count(),
        ]
    }
}

/// The result of the pass.
#[derive(Clone, Debug)]
pub struct Live {
    /// What all logits need.
    pub needed: Needed,
    /// What must be up to date before the selected-token class and the age are known.
    pub first: Needed,
    /// Class of every token.
    pub classes: Vec<u16>,
    /// Tokens of every class.
    pub members: Vec<Vec<usize>>,
    /// The selected place: that whose token most gates ask about.
    pub selector: Option<Affine>,
    /// Selected-token class of every token.
    pub selected_classes: Vec<u16>,
    /// A token of every selected-token class.
    pub representatives: Vec<usize>,
    /// What takes the place of these where gates ask about functions.
    pub rows: Option<Rows>,
    /// The latch by whose age code is specialised.
    pub age: Option<LatchId>,
    /// What is counted for reports.
    pub counts: Counts,
}

/// How much of a model is left.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Expressions that are not linear.
    pub atoms: usize,
    /// Gated units among them, merged ones once.
    pub pieces: usize,
    /// Terms of all affine forms.
    pub terms: usize,
    /// Features of tokens at some place.
    pub features: usize,
    /// Questions to tables.
    pub lookups: usize,
}

/// Features with more distinct values do not make classes.
const FEW_VALUES: usize = 40;
/// At most this many token classes, and as many selected-token classes.
const MAX_CLASSES: usize = 256;

struct Walk<'a> {
    fused: &'a Fused,
    needed: Needed,
    seen: FxHashSet<AtomId>,
    /// Every expression that is met, each time.
    met: Vec<&'a Affine>,
}

impl<'a> Walk<'a> {
    fn new(fused: &'a Fused) -> Walk<'a> {
        Walk { fused, needed: Needed::default(), seen: FxHashSet::default(), met: Vec::new() }
    }

    fn affine(&mut self, affine: &'a Affine) {
        self.met.push(affine);
        for &(atom, _) in &affine.terms {
            if self.seen.insert(atom) {
                self.atom(atom);
            }
        }
    }

    fn atom(&mut self, id: AtomId) {
        let fused = self.fused;
        let (atom, items) = (fused.analysis.arena.atom(id), &fused.items);
        for child in atom.children() {
            match (atom, child.single()) {
                // A single product saturates before it is guarded: it need not fit a register.
                (Atom::Guarded(_), Some((product, 1))) if fused.analysis.arena.is_unit(product) => {
                    if self.seen.insert(product) {
                        self.atom(product);
                    }
                }
                _ => self.affine(child),
            }
        }
        match *atom {
            Atom::Sum(sum) | Atom::SumSteps(sum) if self.needed.sums.insert(sum) => {
                self.affine(&items.sums[sum])
            }
            Atom::Age(latch) => self.latch(latch),
            Atom::Found { table, .. } | Atom::FoundKey { table, .. }
                if self.needed.tables.insert(table) =>
            {
                self.affine(&items.tables[table].number);
                self.affine(&items.tables[table].dead);
                let hull = items.tables[table].hull.as_ref();
                if let Some(steps) = hull.and_then(|hull| hull.steps.as_ref()) {
                    self.affine(steps);
                }
            }
            Atom::Column { column, .. } if self.needed.columns.insert(column) => {
                self.affine(&items.columns[column].value);
            }
            _ => {}
        }
    }

    fn latch(&mut self, latch: LatchId) {
        if self.needed.latches.insert(latch) {
            self.affine(&self.fused.items.latches[latch]);
        }
    }
}

/// Runs the pass, and checks that all that operations compute with fits registers.
pub fn live(fused: &mut Fused, output: &Output) -> Result<Live, Cause> {
    let mut walk = Walk::new(fused);
    // The output's own expressions outlive the model's.
    let roots: Vec<&Affine> = output.roots().collect();
    let terms_of_roots: usize = roots.iter().map(|root| root.terms.len()).sum();
    for root in &roots {
        for &(atom, _) in &root.terms {
            if walk.seen.insert(atom) {
                walk.atom(atom);
            }
        }
    }
    let Walk { needed, seen, met, .. } = walk;
    let terms = terms_of_roots + met.iter().map(|affine| affine.terms.len()).sum::<usize>();
    let computed: Vec<Affine> = met.into_iter().chain(roots).cloned().collect();
    let mut seen: Vec<AtomId> = seen.into_iter().collect();
    seen.sort_unstable();
    check_registers(fused, &computed)?;

    let arena = &fused.analysis.arena;
    let count = |is: &dyn Fn(&Atom) -> bool| seen.iter().filter(|&&id| is(arena.atom(id))).count();
    let rows = rows(arena, gates(arena, &seen));
    let (asked, selector) = selector(arena, &seen).unzip();
    let rows = rows.filter(|rows| asked.is_none_or(|asked| rows.0 > asked)).map(|rows| rows.1);
    let selector = selector.filter(|_| rows.is_none());
    let age = age(arena, &seen);
    let mut early = Walk::new(fused);
    for place in selector.iter().chain(rows.as_ref().map(|rows| &rows.of)) {
        for &(atom, _) in &place.terms {
            early.atom(atom);
        }
    }
    if let Some(age) = age {
        early.latch(age);
    }
    let first = early.needed;
    let (classes, members) = classes(fused, &columns_at(arena, &seen, &Arena::position()));
    let (selected_classes, representatives) = match &selector {
        Some(place) => selected_classes(fused, &columns_at(arena, &seen, place)),
        None => (vec![0; fused.features.tokens], Vec::new()),
    };
    let (selector, selected_classes, representatives) = if representatives.len() > MAX_CLASSES {
        (None, vec![0; fused.features.tokens], Vec::new())
    } else {
        (selector, selected_classes, representatives)
    };
    let counts = Counts {
        atoms: seen.len(),
        pieces: count(&|atom| matches!(atom, Atom::Piece { .. })),
        features: count(&|atom| matches!(atom, Atom::Feature { .. })),
        lookups: count(&|atom| matches!(atom, Atom::Found { .. })),
        terms,
    };
    Ok(Live {
        needed,
        first,
        classes,
        members,
        selector,
        selected_classes,
        representatives,
        rows,
        age,
        counts,
    })
}

/// Every expression that operations compute lies within the registers' range (lemma 2).
fn check_registers(fused: &mut Fused, computed: &[Affine]) -> Result<(), Cause> {
    let arena = &mut fused.analysis.arena;
    for affine in computed {
        let bounds = arena.bounds(affine);
        if !bounds.is_within(MAX_REGISTER) {
            let bound = Some(bounds.magnitude() as f64);
            return Err(Cause { place: Place::Plan, rule: Rule::Register, bound });
        }
    }
    Ok(())
}

/// The features that are read at a place.
fn columns_at(arena: &Arena, seen: &[AtomId], wanted: &Affine) -> Vec<FeatureId> {
    let read = seen.iter().filter_map(|&id| match arena.atom(id) {
        Atom::Feature { place, feature } if place == wanted => Some(*feature),
        _ => None,
    });
    let mut columns: Vec<FeatureId> = read.collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// The place, not at a fixed distance, whose features stand in most gates, and how often.
fn selector(arena: &Arena, seen: &[AtomId]) -> Option<(usize, Affine)> {
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
    most.map(|most| (most.1, most.0.clone()))
}

/// The latch whose age stands in most gates.
fn age(arena: &Arena, seen: &[AtomId]) -> Option<LatchId> {
    let mut uses: FxHashMap<LatchId, usize> = FxHashMap::default();
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
fn classes(fused: &Fused, columns: &[FeatureId]) -> (Vec<u16>, Vec<Vec<usize>>) {
    let features = &fused.features;
    let distinct = |column: FeatureId| {
        features.columns[column].iter().copied().collect::<FxHashSet<i64>>().len()
    };
    let mut few: Vec<(usize, FeatureId)> =
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

/// Selected-token classes, by all features that are read at the selected place.
fn selected_classes(fused: &Fused, columns: &[FeatureId]) -> (Vec<u16>, Vec<usize>) {
    let features = &fused.features;
    let mut ids: FxHashMap<Vec<i64>, u16> = FxHashMap::default();
    let mut representatives = Vec::new();
    let classes: Vec<u16> = (0..features.tokens)
        .map(|token| {
            let read = columns.iter().map(|&column| features.columns[column][token]).collect();
            let next = ids.len() as u16;
            *ids.entry(read).or_insert_with(|| {
                representatives.push(token);
                next
            })
        })
        .collect();
    (classes, representatives)
}

#[cfg(test)]
mod tests;
