//! Keys on the parabola, (2n, -n²) with qy a positive constant: the nearest n wins.
//!
//! - *Gather*: n is the position, nothing is cleared. With the query within 1/20 of a whole number
//!   that position scores more than any other by 9/10, clamped to 0..=t (lemma 12 of docs/plan.md).
//! - *Table*: n is whole and never negative, the height -n² + recency - C·dead, ties to the
//!   latest. The nearest live key wins, and among equal keys the latest. Position 0 is live with
//!   key 0, so a table is never empty (lemma 14). Where a hull serves in the reference, rounded
//!   keys must still be ordered as real ones are (lemma 15).

use super::{Key, Parts, entry};
use crate::model::HeadKind;
use crate::plan::expression::affine::Affine;
use crate::plan::expression::arena::Arena;
use crate::plan::expression::atom::Atom;
use crate::plan::fuse::heads::Table;
use crate::plan::fuse::upper::Upper;
use crate::plan::fuse::value::{Symbols, Value};
use crate::plan::fuse::{Fusion, Stream};
use crate::plan::ids::TableId;
use crate::plan::limits::{MAX_HULL_KEY, MAX_KEY};
use crate::plan::refusal::{Cause, Rule};

impl Fusion<'_> {
    pub(super) fn parabola(
        &mut self,
        parts: &Parts,
        key: &Key,
        slots: &Stream,
        scale: f64,
    ) -> Result<[Value; 2], Cause> {
        let no_form = self.analysis.cause(Rule::HeadForm);
        let x = key.x.number()?.as_exact().ok_or(no_form)?.clone();
        if !parts.at_zero.has_key_zero() {
            return Err(self.analysis.cause(Rule::PositionZero));
        }
        let is_position = x == Affine { c: 0, terms: vec![(Arena::POSITION, 2)] };
        if is_position && key.height.square_alone() == Some(-1.0) {
            if key.dead != Affine::default() {
                return Err(self.analysis.cause(Rule::Clear));
            }
            if parts.kind == HeadKind::Lookup {
                // A hull tells squares of positions apart as far as they are f64.
                self.hull_limit = Some(MAX_HULL_KEY as u64);
            }
            let (at, _) = self.wanted(parts, slots, scale)?;
            let at = self.analysis.arena.clamped(at);
            return Ok(self.values_at(parts, &at));
        }
        let number = x.half().ok_or(no_form)?;
        let (query, off) = self.wanted(parts, slots, scale)?;
        let table = self.table(parts, number, key, off)?;
        self.looked_up(parts, table, query)
    }

    fn table(
        &mut self,
        parts: &Parts,
        number: Affine,
        key: &Key,
        off: Upper,
    ) -> Result<TableId, Cause> {
        let recency = key.recency(self, parts)?;
        let (height, exponent, symbols, rounding) = key.height.parts();
        let Symbols { recency: _, square, mean } = *symbols;
        if exponent != 0 || square != 0.0 || mean.is_some() {
            return Err(self.analysis.cause(Rule::Parabola));
        }
        let arena = &mut self.analysis.arena;
        let around = arena.bounds(&number);
        let beyond = if around.low < 0 { around.low } else { around.high };
        if around.low < 0 || !around.is_within(MAX_KEY) {
            return Err(self.analysis.cause_by(Rule::KeyRange, beyond as f64));
        }
        let square = arena.piece(&number, &number, &[(0, 1)]);
        let no_more = square.and_then(|square| height.plus(&square, 1));
        if no_more != Some(Affine::default()) {
            return Err(self.analysis.cause(Rule::Parabola));
        }
        // What rounding may do to a key that a table keeps is far from what clears one.
        let high = around.high as f64;
        if !rounding.error().is_below(8.0 * f64::EPSILON * (high * high + 2.0)) {
            return Err(self.analysis.cause_by(Rule::Parabola, rounding.error().number()));
        }
        let hull = parts.kind == HeadKind::Lookup;
        // What the recency may give another key, what an inexact query may, and in a hull what
        // rounding may (lemma 15), stay below what missing by one costs.
        let most = Upper::of(recency).times(Upper::of(std::f64::consts::LOG2_E));
        let rounding = if hull { Upper::of(0.25) } else { Upper::ZERO };
        if !most.plus(off).plus(off).plus(rounding).is_below(1.0) {
            return Err(self.analysis.cause_by(Rule::Recency, recency));
        }
        Ok(entry(&mut self.items.tables, Table { number, dead: key.dead.clone(), hull }))
    }

    fn looked_up(
        &mut self,
        parts: &Parts,
        table: TableId,
        query: Affine,
    ) -> Result<[Value; 2], Cause> {
        let asked = self.analysis.arena.bounds(&query);
        if !asked.is_within(MAX_KEY) {
            let bound = Upper::of_whole(asked.magnitude()).number();
            return Err(self.analysis.cause_by(Rule::QueryRange, bound));
        }
        let number = self.items.tables[table].number.clone();
        let arena = &mut self.analysis.arena;
        let at = Atom::Found { table, query: query.clone() };
        let at = Affine::atom(arena.intern(at, arena.positions()));
        let keys = arena.bounds(&number).including(0);
        let key = arena.intern(Atom::FoundKey { table, query }, keys);
        Ok([0, 1].map(|part| {
            let value = &parts.value[part];
            if value.as_exact() == Some(&number) && parts.at_zero.value[part] == Some(0.0) {
                Value::exact(Affine::atom(key))
            } else {
                self.value_at(value, &at, parts.at_zero.whole_value(part))
            }
        }))
    }
}
