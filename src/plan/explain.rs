//! One head on its way through the passes, in words: `hardmax inspect --head L.H`.

use std::collections::BTreeSet;
use std::fmt::Write;

use cranelift_entity::EntityRef;

use super::code::compiler::Compiler;
use super::code::op::Op;
use super::code::specialise::Known;
use super::expression::affine::Affine;
use super::expression::arena::Arena;
use super::expression::atom::Atom;
use super::fuse::rounding::Analysis;
use super::fuse::value::{Rounding, Value};
use super::fuse::{self, Watched};
use super::ids::{AtomId, LatchId, LayerId, SlotId, SumId, TableId};
use super::{Plan, Refusal};
use crate::model::Model;

/// What happens to one head.
#[derive(Clone, Debug, serde::Serialize)]
pub struct HeadStory {
    /// Its kind in the file and its tie-break.
    pub kind: String,
    /// Its rows: two of the query, the key and the value each.
    pub rows: Vec<(&'static str, String)>,
    /// The slots that they read, as expressions.
    pub slots: Vec<(String, String)>,
    /// What these slots were before, after which part of the model.
    pub before: Vec<(String, String)>,
    /// Its two outputs, or why there are none.
    pub outputs: Vec<String>,
    /// What it keeps of a history.
    pub tables: Vec<String>,
    /// Operations of the class of most tokens that write or ask its table, for this head or others.
    pub code: Vec<String>,
    /// What the expressions are made of, deepest first.
    pub atoms: Vec<(String, String)>,
}

const ROWS: [&str; 6] = ["query x", "query y", "key x", "key y", "value 1", "value 2"];

impl Plan {
    /// The story of a head, if the model has it.
    pub fn head_story(
        &self,
        model: &Model,
        layer: usize,
        head: usize,
    ) -> Result<Option<HeadStory>, Refusal> {
        let limit = self.arena.limit();
        let (mut fused, watched) = fuse::fuse_watching(
            model,
            &self.position_zero,
            limit,
            Some((LayerId::new(layer), head)),
        )?;
        let Some(Watched { rows, slots, changes, outputs }) = watched else { return Ok(None) };
        let (atoms, sums, latches) = Default::default();
        let mut words = Words { analysis: &mut fused.analysis, atoms, sums, latches };
        let slots =
            slots.iter().map(|(slot, value)| (format!("s{}", slot.index()), words.value(value)));
        let slots: Vec<_> = slots.collect();
        let changes =
            changes.iter().map(|(_, place, value)| (place.to_string(), words.value(value)));
        let before: Vec<_> = changes.collect();
        let tables: BTreeSet<TableId> =
            outputs.iter().flat_map(|output| words.tables(output)).collect();
        let outputs = outputs.iter().map(|output| words.value(output)).collect();
        let mut kept = Vec::new();
        for &id in &tables {
            let table = &fused.items.tables[id];
            let unless = match table.dead.as_constant() {
                Some(..=0) => String::new(),
                _ => format!(", unless {} > 0", words.affine(&table.dead)),
            };
            kept.push(format!(
                "{id}: the position t under the key n = {}{unless}; {}",
                words.affine(&table.number),
                match &table.hull {
                    Some(hull) if hull.steps.is_some() => {
                        "the nearest n wins, as in the reference's hull of inexact keys (lemma 26)"
                    }
                    Some(_) => "the nearest n wins, as in the reference's hull (lemma 15)",
                    None => "the nearest n wins, of equally near and of equal ones the latest (lemma 14)",
                }
            ));
        }
        for sum in std::mem::take(&mut words.sums) {
            let summand = words.affine(&fused.items.sums[sum]);
            kept.push(format!("{sum}: the sum over positions 1..=t of {summand}"));
        }
        for latch in std::mem::take(&mut words.latches) {
            let dead = words.affine(&fused.items.latches[latch]);
            kept.push(format!("{latch}: the latest position at which {dead} = 0"));
        }
        kept.push("featureN[p] is column N of the embedding, for the token at p".to_owned());
        let atoms = words.definitions();
        Ok(Some(HeadStory {
            kind: format!(
                "{}, ties give the {}",
                model.kind(layer, head).name(),
                match model.tie(layer, head) {
                    crate::model::TieBreak::Average => "average",
                    crate::model::TieBreak::Latest => "latest",
                }
            ),
            rows: ROWS.into_iter().zip(rows.iter().map(|row| weights(row))).collect(),
            slots,
            before,
            outputs,
            tables: kept,
            code: self.code_of(&tables)?,
            atoms,
        }))
    }

    /// The operations of the greatest class that write or ask a table.
    fn code_of(&self, tables: &BTreeSet<TableId>) -> Result<Vec<String>, Refusal> {
        let members = self.live.members.iter().enumerate();
        let class = members.max_by_key(|member| member.1.len()).map_or(0, |member| member.0);
        let mut compiler = Compiler::new(self);
        let known = Known { class: class as u16, selected: None, age: None };
        let mut code = compiler.first(known.class)?;
        code.extend(compiler.second(known, true)?);
        let touches = |op: &&Op| match op {
            Op::Find { table, .. }
            | Op::Insert { table, .. }
            | Op::InsertUnless { table, .. }
            | Op::InsertInexact { table, .. } => {
                tables.iter().any(|id| id.as_u32() == u32::from(*table))
            }
            _ => false,
        };
        Ok(code.iter().filter(touches).map(|op| format!("{op:?}")).collect())
    }
}

fn weights(row: &[(SlotId, f64)]) -> String {
    let mut text = String::new();
    for &(slot, weight) in row {
        let sign = match (text.is_empty(), weight < 0.0) {
            (true, false) => "",
            (true, true) => "-",
            (false, false) => " + ",
            (false, true) => " - ",
        };
        let weight = weight.abs();
        let _ = if weight < 1e15 {
            write!(text, "{sign}{weight}·s{}", slot.index())
        } else {
            write!(text, "{sign}{weight:e}·s{}", slot.index())
        };
    }
    if text.is_empty() { "0".to_owned() } else { text }
}

/// Expressions as text; atoms that are more than a word have numbers.
struct Words<'a> {
    analysis: &'a mut Analysis,
    /// Atoms with numbers that were named.
    atoms: BTreeSet<AtomId>,
    /// Running sums that were.
    sums: BTreeSet<SumId>,
    /// Latches that were.
    latches: BTreeSet<LatchId>,
}

impl Words<'_> {
    fn value(&mut self, value: &Value) -> String {
        let number = match value {
            Value::Unknown(cause) => return format!("unknown: {cause}"),
            Value::Known(number) => number,
        };
        let (affine, exponent, symbols, rounding) = number.parts();
        let mut text = self.affine(affine);
        if exponent > 0 {
            text = format!("({text}) / 2^{exponent}");
        }
        for (factor, symbol) in [(symbols.recency, "r(t)"), (symbols.square, "t²")] {
            if factor != 0.0 {
                let _ = write!(text, " + {factor}·{symbol}");
            }
        }
        if let Some((sum, factor)) = symbols.mean {
            self.sums.insert(sum);
            let _ = write!(text, " + {factor}·{sum}/t");
        }
        if text.starts_with("0 + ") {
            text.drain(..4);
        }
        let bounds = self.analysis.arena.bounds(affine);
        if affine.as_constant().is_none() && exponent == 0 {
            let _ = write!(text, ", in {}..={}", bounds.low, bounds.high);
        }
        let how = match rounding {
            Rounding::None => ", exact".to_owned(),
            Rounding::Once(error) => format!(", rounded once, by at most {:e}", error.number()),
            Rounding::Within(error) => format!(", off by at most {:e}", error.number()),
        };
        text + &how
    }

    fn affine(&mut self, affine: &Affine) -> String {
        let mut text = String::new();
        for &(atom, k) in &affine.terms {
            let name = self.name(atom);
            let sign = if k < 0 { "-" } else { "+" };
            let times = if k.abs() == 1 { String::new() } else { format!("{}·", k.abs()) };
            let _ = match (text.is_empty(), k < 0) {
                (true, false) => write!(text, "{times}{name}"),
                (true, true) => write!(text, "-{times}{name}"),
                _ => write!(text, " {sign} {times}{name}"),
            };
        }
        match (affine.c, text.is_empty()) {
            (c, true) => c.to_string(),
            (0, false) => text,
            (c @ ..0, false) => format!("{text} - {}", c.unsigned_abs()),
            (c, false) => format!("{text} + {c}"),
        }
    }

    fn name(&mut self, id: AtomId) -> String {
        let arena = &self.analysis.arena;
        match arena.atom(id).clone() {
            Atom::Position => "t".to_owned(),
            Atom::Sum(sum) => {
                self.sums.insert(sum);
                sum.to_string()
            }
            Atom::Age(latch) => {
                self.latches.insert(latch);
                format!("age of {latch}")
            }
            Atom::Feature { place, feature } if is_near(&place) => {
                format!("{feature}[{}]", self.affine(&place))
            }
            _ => {
                self.atoms.insert(id);
                id.to_string()
            }
        }
    }

    /// What the named atoms are, and what these are made of.
    fn definitions(&mut self) -> Vec<(String, String)> {
        let mut texts = Vec::new();
        let mut done = BTreeSet::new();
        while let Some(&id) = self.atoms.iter().rev().find(|id| !done.contains(*id)) {
            done.insert(id);
            let text = self.definition(id);
            texts.push((id, text));
        }
        texts.sort_by_key(|text| text.0);
        texts.into_iter().map(|(id, text)| (id.to_string(), text)).collect()
    }

    fn definition(&mut self, id: AtomId) -> String {
        let bounds = self.analysis.arena.atom_bounds(id);
        let text = match self.analysis.arena.atom(id).clone() {
            Atom::Feature { place, feature } => format!("{feature}[{}]", self.affine(&place)),
            Atom::Clamped(place) => format!("{} within 0..=t", self.affine(&place)),
            Atom::Found { table, query, .. } => {
                format!("the position that {table} has for {}", self.affine(&query))
            }
            Atom::FoundKey { table, query, .. } => {
                format!("the key of {table} nearest to {}", self.affine(&query))
            }
            Atom::Column { column, place } => format!("{column}[{}]", self.affine(&place)),
            Atom::Rounded { affine, shift } => {
                format!("({}) / 2^{shift}, rounded", self.affine(&affine))
            }
            Atom::Guarded(affine) => format!("{}, guarded within ±2^40", self.affine(&affine)),
            Atom::Function { of, function } => {
                let (from, to) = (function.from(), function.to());
                format!("a function of {}, with values from {from} to {to}", self.affine(&of))
            }
            Atom::Count(affine) => format!("{}, guarded within 2^44", self.affine(&affine)),
            Atom::Piece { gate, factor, knots } => {
                let gate = self.affine(&gate);
                let terms = knots.iter().map(|&(k, c)| {
                    let times = if c == 1 { String::new() } else { format!("{c}·") };
                    match k {
                        0 => format!("{times}max({gate}, 0)"),
                        _ => format!("{times}max({gate} + {k}, 0)"),
                    }
                });
                let height = terms.collect::<Vec<_>>().join(" + ").replace("+ -", "- ");
                match factor.as_constant() {
                    Some(1) => height,
                    _ => format!("({height}) · ({})", self.affine(&factor)),
                }
            }
            // Words are not defined, what a sum is off is no part of a value, and only the output head
            // guards what it reads to be whole.
            other => format!("{other:?}"),
        };
        format!("{text}, in {}..={}", bounds.low, bounds.high)
    }

    /// The tables that an output is looked up in.
    fn tables(&self, value: &Value) -> Vec<TableId> {
        let Value::Known(number) = value else { return Vec::new() };
        let arena = &self.analysis.arena;
        let mut found = Vec::new();
        let mut left: Vec<&Affine> = vec![number.parts().0];
        while let Some(affine) = left.pop() {
            for &(id, _) in &affine.terms {
                match arena.atom(id) {
                    Atom::Found { table, .. } | Atom::FoundKey { table, .. } => found.push(*table),
                    // A gather's place may be looked up in another head's table.
                    Atom::Clamped(_) => {}
                    atom => left.extend(atom.children()),
                }
            }
        }
        found
    }
}

/// Whether a place is at a fixed distance from the latest.
fn is_near(place: &Affine) -> bool {
    matches!(place.terms[..], [(Arena::POSITION, 1)])
}

#[cfg(test)]
mod tests;
