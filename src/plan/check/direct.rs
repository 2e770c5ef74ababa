//! Expressions evaluated as they stand.
//!
//! Each step evaluates, in checked 128-bit arithmetic, what its logits need: sums, latches, tables
//! and columns by their definitions, the nearest key by looking at all of them, and every logit as
//! its row over the slots. It is slow and obvious, and shares only the pass `fuse` with a plan.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use cranelift_entity::{EntityRef, PrimaryMap, SecondaryMap};

use crate::model::{Model, Token};
use crate::plan::Plan;
use crate::plan::expression::affine::Affine;
use crate::plan::expression::atom::Atom;
use crate::plan::expression::mean;
use crate::plan::fuse::rounding::dyadic;
use crate::plan::fuse::{self, Fused};
use crate::plan::ids::{AtomId, ColumnId, LatchId, SlotId, SumId, TableId};
use crate::plan::refusal::{Cause, Refusal};

/// Evaluates the expressions of one model.
pub struct Direct<'p> {
    plan: &'p Plan,
    fused: Fused,
    /// By token, the slots that its logit reads and whole weights; all logits are scaled alike.
    head: Vec<Vec<(SlotId, i128)>>,
    /// By slot, its affine form, where the head reads it.
    slots: PrimaryMap<SlotId, Affine>,
}

/// What a history leaves behind.
#[derive(Clone, Debug)]
pub struct Memory {
    /// All tokens.
    pub history: Vec<u16>,
    /// Running sums that are needed.
    pub sums: BTreeMap<SumId, i128>,
    /// For latches that are needed, the position at which each was set.
    pub latches: BTreeMap<LatchId, usize>,
    /// For tables that are needed, the latest position of every key.
    pub tables: BTreeMap<TableId, BTreeMap<i128, usize>>,
    /// Columns that are needed.
    pub columns: BTreeMap<ColumnId, Vec<i128>>,
}

impl<'p> Direct<'p> {
    /// For a model and its plan.
    pub fn new(model: &Model, plan: &'p Plan) -> Result<Direct<'p>, Refusal> {
        let fused = fuse::fuse(model, &plan.position_zero, plan.arena.limit())?;
        let head = model.head();
        let mut slots: PrimaryMap<SlotId, Affine> = vec![Affine::default(); head.cols].into();
        let mut weights = vec![Vec::new(); head.rows];
        let mut finest = 0;
        for (slot, affine) in &mut slots {
            for (id, weights) in weights.iter_mut().enumerate() {
                let weight = head.row(id)[slot.index()];
                if weight != 0.0 {
                    let cannot = || plan.cause_at(slot);
                    let number = fused.slots[slot].number()?;
                    // What is meant: by how much it may be off only decides whether a step predicts.
                    let (meant, exponent, _) = number.plain().ok_or_else(cannot)?;
                    let (k, e) = dyadic(weight).ok_or_else(cannot)?;
                    *affine = meant.clone();
                    finest = finest.max(e + exponent);
                    weights.push((slot, k, e + exponent));
                }
            }
        }
        let scaled = |(slot, k, e): (SlotId, i64, u32)| {
            let weight = i128::from(k).checked_mul(1 << (finest - e));
            weight.map(|weight| (slot, weight)).ok_or_else(|| plan.cause_at(slot))
        };
        let head = weights.into_iter().map(|row| row.into_iter().map(scaled).collect());
        let head = head.collect::<Result<_, Cause>>()?;
        Ok(Direct { plan, head, slots, fused })
    }

    /// Weights of all logits.
    pub fn weights(&self) -> usize {
        self.head.iter().map(Vec::len).sum()
    }

    /// After the BOS token, at position 0.
    pub fn begin(&self) -> Memory {
        let (plan, items) = (self.plan, &self.fused.items);
        let needed = &plan.live.needed;
        Memory {
            history: vec![plan.bos().0 as u16],
            sums: items.sums.keys().filter(|&s| needed.sums.contains(s)).map(|s| (s, 0)).collect(),
            latches: (items.latches.keys().filter(|&l| needed.latches.contains(l)))
                .map(|latch| (latch, 0))
                .collect(),
            tables: (items.tables.keys().filter(|&t| needed.tables.contains(t)))
                .map(|table| (table, BTreeMap::from([(0, 0)])))
                .collect(),
            columns: (items.columns.iter().filter(|c| needed.columns.contains(c.0)))
                .map(|(column, held)| (column, vec![held.at_zero.into()]))
                .collect(),
        }
    }

    /// Takes the token that was just appended to the history, and if it `predicts`, says the next;
    /// `None` where a number leaves what the plan allows.
    pub fn step(&self, memory: &mut Memory, predicts: bool) -> Option<Option<Token>> {
        let mut now = Now { direct: self, memory, known: SecondaryMap::new() };
        let items = &self.fused.items;
        let best = if predicts { Some(self.predicted(&mut now)?) } else { None };
        let t = now.position();
        let sums: Option<Vec<_>> =
            now.memory.sums.keys().map(|&sum| Some((sum, now.sum(sum)?))).collect();
        let latches: Option<Vec<_>> = now
            .memory
            .latches
            .keys()
            .map(|&latch| Some((latch, t - usize::try_from(now.age(latch)?).ok()?)))
            .collect();
        let inserted: Option<Vec<_>> =
            now.memory.tables.keys().map(|&table| Some((table, now.inserted(table)?))).collect();
        let columns: Option<Vec<_>> = now
            .memory
            .columns
            .keys()
            .map(|&column| Some((column, now.affine(&items.columns[column].value)?)))
            .collect();
        let (sums, latches, inserted, columns) = (sums?, latches?, inserted?, columns?);
        memory.sums.extend(sums);
        memory.latches.extend(latches);
        for (table, key) in inserted {
            if let (Some(key), Some(table)) = (key, memory.tables.get_mut(&table)) {
                table.insert(key, t);
            }
        }
        for (column, value) in columns {
            memory.columns.entry(column).or_default().push(value);
        }
        Some(best)
    }

    /// The token with the greatest logit, the lowest id on a tie.
    fn predicted(&self, now: &mut Now<'_>) -> Option<Token> {
        let slots: Option<PrimaryMap<SlotId, i128>> =
            self.slots.values().map(|affine| now.affine(affine)).collect();
        let slots = slots?;
        let logit = |row: &Vec<(SlotId, i128)>| {
            row.iter().try_fold(0i128, |sum, &(slot, weight)| {
                sum.checked_add(weight.checked_mul(slots[slot])?)
            })
        };
        let logits: Vec<i128> = self.head.iter().map(logit).collect::<Option<_>>()?;
        let best = (0..logits.len()).max_by_key(|&id| (logits[id], Reverse(id)))?;
        Some(Token(best as u32))
    }
}

impl Plan {
    fn cause_at(&self, slot: SlotId) -> Cause {
        use crate::plan::refusal::{Place, Rule};
        Cause { place: Place::OutputSlot { slot }, rule: Rule::ExactLogit, bound: None }
    }
}

/// A step.
struct Now<'d> {
    direct: &'d Direct<'d>,
    /// Before the step, but for the history.
    memory: &'d Memory,
    known: SecondaryMap<AtomId, Option<i128>>,
}

impl Now<'_> {
    fn position(&self) -> usize {
        self.memory.history.len() - 1
    }

    /// A place, clamped to 0..=t.
    fn place(&mut self, place: &Affine) -> Option<usize> {
        let latest = self.position() as i128;
        usize::try_from(self.affine(place)?.clamp(0, latest)).ok()
    }

    fn affine(&mut self, affine: &Affine) -> Option<i128> {
        affine.terms.iter().try_fold(i128::from(affine.c), |sum, &(atom, k)| {
            sum.checked_add(self.atom(atom)?.checked_mul(k.into())?)
        })
    }

    fn atom(&mut self, id: AtomId) -> Option<i128> {
        if let Some(known) = self.known[id] {
            return Some(known);
        }
        let direct = self.direct;
        let value = match direct.fused.analysis.arena.atom(id) {
            Atom::Position => self.position() as i128,
            Atom::Feature { place, feature } => {
                let token = self.memory.history[self.place(place)?];
                direct.fused.features.columns[*feature][usize::from(token)].into()
            }
            Atom::Clamped(place) => self.place(place)? as i128,
            Atom::Sum(sum) => self.sum(*sum)?,
            Atom::SumSteps(sum) => {
                mean::steps(i64::try_from(self.sum(*sum)?).ok()?, self.position() as i64).into()
            }
            Atom::Age(latch) => self.age(*latch)?,
            Atom::Found { table, query, .. } => self.nearest(*table, query)?.1 as i128,
            Atom::FoundKey { table, query, .. } => self.nearest(*table, query)?.0,
            Atom::Column { column, place } => {
                let place = self.place(place)?;
                match self.memory.columns.get(column)?.get(place) {
                    Some(&held) => held,
                    None => self.affine(&direct.fused.items.columns[*column].value)?,
                }
            }
            Atom::Rounded { affine, shift } => {
                let (x, step) = (self.affine(affine)?, 1i128 << shift);
                let (floor, rest) = (x.div_euclid(step), x.rem_euclid(step));
                let up = 2 * rest > step || (2 * rest == step && floor.rem_euclid(2) == 1);
                floor + i128::from(up)
            }
            Atom::Whole { affine, shift } => {
                let (x, step) = (self.affine(affine)?, 1i128 << shift);
                (x.rem_euclid(step) == 0).then(|| x.div_euclid(step))?
            }
            Atom::Guarded(affine) | Atom::Count(affine) => self.affine(affine)?,
            Atom::Function { of, function } => function.at(self.affine(of)?).into(),
            Atom::Piece { gate, factor, knots } => {
                let (gate, factor) = (self.affine(gate)?, self.affine(factor)?);
                let height = knots.iter().try_fold(0i128, |sum, &(k, c)| {
                    let open = gate.checked_add(k.into())?.max(0);
                    sum.checked_add(open.checked_mul(c.into())?)
                });
                height?.checked_mul(factor)?
            }
        };
        self.known[id] = Some(value);
        Some(value)
    }

    /// A running sum, this step's summand included.
    fn sum(&mut self, sum: SumId) -> Option<i128> {
        let before = *self.memory.sums.get(&sum)?;
        before.checked_add(self.affine(&self.direct.fused.items.sums[sum])?)
    }

    fn age(&mut self, latch: LatchId) -> Option<i128> {
        match self.affine(&self.direct.fused.items.latches[latch])? {
            0 => Some(0),
            1.. => Some((self.position() - self.memory.latches.get(&latch)?) as i128),
            _ => None,
        }
    }

    /// The key under which this step's position is written into a table, if it is.
    fn inserted(&mut self, table: TableId) -> Option<Option<i128>> {
        let item = &self.direct.fused.items.tables[table];
        match self.affine(&item.dead)? {
            0 => Some(Some(self.affine(&item.number)?)),
            1.. => Some(None),
            _ => None,
        }
    }

    /// The nearest key and its position; of two equally near, the later.
    fn nearest(&mut self, table: TableId, query: &Affine) -> Option<(i128, usize)> {
        let wanted = self.affine(query)?;
        let this = self.inserted(table)?.map(|key| (key, self.position()));
        let before = self.memory.tables.get(&table)?.iter().map(|(&key, &at)| (key, at));
        let all = before.filter(|held| this.is_none_or(|this| this.0 != held.0)).chain(this);
        all.min_by_key(|&(key, at)| (key.abs_diff(wanted), Reverse(at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle;
    use crate::program::text::parse_program;

    #[test]
    fn expressions_as_they_stand_predict_what_the_oracle_does() {
        let model = Model::from_bytes(&include_bytes!("../../../models/wasm32.bin")[..]).unwrap();
        let program = parse_program(include_bytes!("../../../tests/vectors/reverse.txt")).unwrap();
        let (generated, _) = oracle::trace(&program, u64::MAX).unwrap();
        let prompt = program.prompt();
        let trace: Vec<u16> =
            prompt.iter().chain(&generated).map(|symbol| symbol.id() as u16).collect();
        let plan = Plan::new(&model, Token(trace[0].into())).unwrap();
        let direct = Direct::new(&model, &plan).unwrap();
        let mut memory = direct.begin();
        for (at, pair) in trace.windows(2).enumerate().skip(1) {
            memory.history.push(pair[0]);
            let predicted = direct.step(&mut memory, at + 1 >= prompt.len()).unwrap();
            assert!(predicted.is_none_or(|it| it == Token(pair[1].into())), "position {at}");
        }
    }
}
