//! Keys on the parabola, (2n, -n²) with qy a positive constant: the nearest n wins.
//!
//! - *Gather*: n is the position, nothing is cleared. With the query within 1/20 of a whole number
//!   that position wins, clamped to 0..=t, even if heights grow with the recency (lemma 12 of
//!   docs/plan.md).
//! - *Table*: n is whole, the height -n² + recency - C·dead, ties to the latest. The nearest live
//!   key wins, and among equal keys the latest. Position 0 is live with key 0, so a table is never
//!   empty (lemma 14). Where a hull serves in the reference, rounded keys must still be ordered as
//!   real ones are (lemma 15).
//! - *Latch*: a table whose key is always the same, nearer to the one that is always asked for than 0
//!   is. It gives the latest live position, or position 0 (lemma 17). Or one that is always asked for 0, which
//!   gives the latest with that key.

use super::{Key, Parts, entry};
use crate::model::HeadKind;
use crate::plan::expression::affine::Affine;
use crate::plan::expression::arena::Arena;
use crate::plan::expression::atom::Atom;
use crate::plan::fuse::heads::{Hull, Table, Wanted};
use crate::plan::fuse::nearly::Square;
use crate::plan::fuse::rounding::two_to;
use crate::plan::fuse::upper::Upper;
use crate::plan::fuse::value::{Number, Symbols, Value};
use crate::plan::fuse::{Fusion, Stream};
use crate::plan::ids::TableId;
use crate::plan::limits::{MAX_HULL_KEY, MAX_KEY, MAX_REGISTER};
use crate::plan::refusal::{Cause, Rule};

/// First components of keys are off by less than this, twice a number that is off by half of it.
const MAX_OFF: f64 = 0.25;

/// What roundings may do to a height -n² for n up to `most`, but for the recency.
fn rounded(most: f64) -> f64 {
    8.0 * f64::EPSILON * (most * most + 2.0)
}

impl Fusion<'_> {
    pub(super) fn parabola(
        &mut self,
        parts: &Parts,
        key: &Key,
        slots: &Stream,
        scale: f64,
    ) -> Result<[Value; 2], Cause> {
        let no_form = self.analysis.cause(Rule::HeadForm);
        let x = key.x.number()?.whole().ok_or(no_form)?.0.clone();
        if !parts.at_zero.has_key_zero() {
            return Err(self.analysis.cause(Rule::PositionZero));
        }
        let is_position = x == Affine { c: 0, terms: vec![(Arena::POSITION, 2)] };
        if is_position && key.x.as_exact().is_some() && key.height.is_square_and_recency(-1.0) {
            return self.gather(parts, key, slots, scale);
        }
        let number = x.half().ok_or(no_form)?;
        let Wanted { affine: query, off, steps } = self.wanted(parts, slots, scale)?;
        let ends = number.as_constant().zip(query.as_constant());
        let table = self.table(parts, number, key, off)?;
        let is_inexact = table.hull.as_ref().is_some_and(|hull| hull.steps.is_some());
        // Where steps are not known, no tie is decided.
        let steps = match &table.hull {
            None => Affine::default(),
            Some(_) => steps.unwrap_or(Affine::constant(MAX_REGISTER / 4)),
        };
        // Position 0 has key 0: where it is farther away it wins only if no other is live.
        let is_nearer = ends.is_some_and(|(key, asked)| key.abs_diff(asked) < asked.unsigned_abs());
        if is_nearer && !is_inexact {
            return self.latest_live(parts, &key.dead);
        }
        // Position 0 has key 0, so that is always found.
        let is_counted = self.analysis.arena.bounds(&key.dead).low >= 0;
        if query.as_constant() == Some(0) && is_counted && !is_inexact {
            let apart = self.analysis.arena.absolute(&table.number);
            let dead = apart.and_then(|apart| key.dead.plus(&apart, 1)).ok_or(no_form)?;
            return self.latest_live(parts, &dead);
        }
        let table = entry(&mut self.items.tables, table);
        self.looked_up(parts, table, query, steps)
    }

    fn gather(
        &mut self,
        parts: &Parts,
        key: &Key,
        slots: &Stream,
        scale: f64,
    ) -> Result<[Value; 2], Cause> {
        if key.dead != Affine::default() {
            return Err(self.analysis.cause(Rule::Clear));
        }
        let Wanted { affine: at, off, .. } = self.wanted(parts, slots, scale)?;
        let recency = key.height.parts().2.recency;
        let hull = parts.kind == HeadKind::Lookup;
        if hull {
            // A hull tells squares of positions apart as far as they are f64.
            self.hull_limit = Some(MAX_HULL_KEY as u64);
            if !key.ascends {
                return Err(self.analysis.cause(Rule::HullKey));
            }
        }
        self.misses_by_one_lose(recency, off, if hull { 0.25 } else { 0.0 })?;
        let most = self.analysis.arena.limit() as f64;
        let rounding = key.height.parts().3;
        self.check_key(parts, key, rounding.error().is_below(rounded(most)))?;
        let at = self.analysis.arena.clamped(at);
        Ok(self.values_at(parts, &at))
    }

    /// Whether the memory of a head takes a key for what is meant. One that is `tight` is only rounded. A
    /// keyed memory reads a whole number off one that is off by less than 1/4, and takes it for cleared
    /// far below its parabola only; a gather's asks for more. A hull compares keys as they are (lemma
    /// 26); all others may take what they promise from what is off.
    fn check_key(&self, parts: &Parts, key: &Key, tight: bool) -> Result<(), Cause> {
        let [x, y] = [key.x.number()?, &key.height].map(|number| number.parts().3.error());
        let is_near = y.is_below(two_to(60))
            && match parts.kind {
                HeadKind::Lookup => true,
                HeadKind::Keyed | HeadKind::Gather => x.is_below(MAX_OFF),
                HeadKind::Passthrough | HeadKind::Mean => false,
            };
        let cause = || self.analysis.cause_by(Rule::Parabola, y.number());
        (tight || is_near).then_some(()).ok_or_else(cause)
    }

    /// What the recency may give another key, what an inexact query may, and in a hull what rounding
    /// may (lemma 15), stay below what missing by one costs.
    fn misses_by_one_lose(&self, recency: f64, off: Upper, rounding: f64) -> Result<(), Cause> {
        let most = Upper::of(recency).times(Upper::of(std::f64::consts::LOG2_E));
        let rounding = Upper::of(rounding);
        let loses = recency >= 0.0 && most.plus(off).plus(off).plus(rounding).is_below(1.0);
        loses.then_some(()).ok_or_else(|| self.analysis.cause_by(Rule::Recency, recency))
    }

    fn table(
        &mut self,
        parts: &Parts,
        number: Affine,
        key: &Key,
        off: Upper,
    ) -> Result<Table, Cause> {
        let recency = key.recency(self, parts)?;
        let (height, exponent, symbols, rounding) = key.height.parts();
        let Symbols { recency: _, square, mean } = *symbols;
        if exponent != 0 || square != 0.0 || mean.is_some() {
            return Err(self.analysis.cause(Rule::Parabola));
        }
        let around = self.analysis.arena.bounds(&number);
        if !around.is_within(MAX_KEY) {
            let bound = Upper::of_whole(around.magnitude()).number();
            return Err(self.analysis.cause_by(Rule::KeyRange, bound));
        }
        if !self.is_minus_square(height, &number) {
            return Err(self.analysis.cause(Rule::Parabola));
        }
        let most = Upper::of_whole(around.magnitude()).number();
        let is_exact = key.x.as_exact().is_some();
        self.check_key(parts, key, is_exact && rounding.error().is_below(rounded(most)))?;
        let hull = match parts.kind {
            HeadKind::Lookup if is_exact && key.ascends => {
                Some(Hull { recency, steps: None, is_one_number: true })
            }
            HeadKind::Lookup => {
                let steps = self.steps_of_key(key, &number);
                let (steps, is_one_number) =
                    steps.ok_or_else(|| self.analysis.cause(Rule::HullKey))?;
                Some(Hull { recency, steps: Some(steps), is_one_number })
            }
            _ => None,
        };
        // An exact and an inexact key lie within 1/4 and 1/8 of what is meant.
        let rounding = match &hull {
            None => 0.0,
            Some(Hull { steps: None, .. }) => 0.25,
            Some(Hull { steps: Some(_), .. }) => 0.376,
        };
        self.misses_by_one_lose(recency, off, rounding)?;
        Ok(Table { number, dead: key.dead.clone(), hull })
    }

    /// How far 2n may be from the first component of a key, over 2, and n from the numbers whose
    /// products are the second; and whether all these are one number (lemma 26).
    fn steps_of_key(&mut self, key: &Key, number: &Affine) -> Option<(Affine, bool)> {
        let Square { coefficients, steps, .. } = key.square.clone()?.into_square_of(number)?;
        let around = self.analysis.arena.bounds(number);
        let is_square = coefficients == [1, 1] || (coefficients == [1, 0] && around.low >= 0);
        is_square.then_some(())?;
        let twice = key.x.number().ok()?.steps()?;
        if twice.are_twice(&steps) {
            return Some((steps.count().clone(), twice.are_of_twice(&steps)));
        }
        // Off to different sides, perhaps.
        let both = steps.count().plus(twice.count(), 1)?;
        Some((Affine::default().plus(&both, 2)?, false))
    }

    /// Whether a height is -n²: of units max(n, 0)·n and max(-n, 0)·n, or max(-n, 0)·(-n), as far as
    /// bounds leave them anything.
    fn is_minus_square(&mut self, height: &Affine, number: &Affine) -> bool {
        let arena = &mut self.analysis.arena;
        let Some(negated) = Affine::default().plus(number, -1) else { return false };
        let mut vanishes = |factor: &Affine, sign: i64| {
            let above = arena.piece(number, number, &[(0, 1)])?;
            let below = arena.piece(&negated, factor, &[(0, 1)])?;
            let sum = height.plus(&above, 1)?.plus(&below, sign)?;
            Some(arena.merge(sum)? == Affine::default())
        };
        vanishes(number, -1) == Some(true) || vanishes(&negated, 1) == Some(true)
    }

    fn looked_up(
        &mut self,
        parts: &Parts,
        table: TableId,
        query: Affine,
        steps: Affine,
    ) -> Result<[Value; 2], Cause> {
        let asked = self.analysis.arena.bounds(&query);
        if !asked.is_within(MAX_KEY) {
            let bound = Upper::of_whole(asked.magnitude()).number();
            return Err(self.analysis.cause_by(Rule::QueryRange, bound));
        }
        let number = self.items.tables[table].number.clone();
        let arena = &mut self.analysis.arena;
        let at = Atom::Found { table, query: query.clone(), steps: steps.clone() };
        let at = Affine::atom(arena.intern(at, arena.positions()));
        let keys = arena.bounds(&number).including(0);
        let key = arena.intern(Atom::FoundKey { table, query, steps }, keys);
        Ok([0, 1].map(|part| {
            let value = &parts.value[part];
            let is_number = value.number().ok().and_then(Number::whole);
            let is_number = is_number.filter(|whole| *whole.0 == number);
            match is_number.filter(|_| parts.at_zero.value[part] == Some(0.0)) {
                // What is found is the key, and as far from it as it was.
                Some((_, rounding)) => {
                    let steps = value.number().ok().and_then(Number::steps);
                    let steps = steps.filter(|steps| !steps.is_none());
                    let steps = steps.and_then(|steps| self.steps_at(&steps, &at));
                    let key = Number::near(Affine::atom(key), rounding.error());
                    Value::Known(key.with(steps, None))
                }
                None => self.value_at(value, &at, parts.at_zero.whole_value(part)),
            }
        }))
    }
}
