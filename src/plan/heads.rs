//! What the weights prove of a head.
//!
//! The kinds that a file gives are not read: everything here follows from the
//! expressions of queries, keys and values, so a file that lies about its types
//! changes nothing. In the order in which they are tried, for t ≥ 1 and the
//! known key of position 0:
//!
//! - *passthrough*: kx = c·t + d with c > 0, ky constant, the query (a·t + b, e) with a·t + b > 0
//!   and e ≥ 0. The score grows strictly with the position: the answer is the value at hand.
//! - *vertical*: kx = 0 always, qy a positive constant. Only ky counts. If it is constant, all
//!   positions but perhaps position 0 tie: a mean, or the latest, which is the value at hand. If
//!   it is ε - C·dead with the recency ε, or ties go to the latest, the latest live token wins: a
//!   *register*, of which the plan keeps the age.
//! - *gather*: k = (2t, -t²). With q within 1/20 of a whole number the score of that position is
//!   the greatest by more than 9/10, clamped to 0..=t: nothing else is rounded or tied.
//! - *keyed*: k = (2n, -n² + ε - C·dead), n whole, without error and never negative, ties to the
//!   latest. The nearest live key wins, and among equal keys the latest: exact as long as f64
//!   keys are (attention/keyed.rs says when). Position 0 is live with key 0, so a table is never
//!   empty.
//! - *hull*: keys and queries whole and without error, ties to the latest: the hull is asked
//!   with the very numbers of the reference.
//!
//! Anything else is unknown, and refused if a logit depends on it.
//!
//! Its answer is the value at the position that wins (`rebase.rs`).

use std::sync::Arc;

use super::exact::{Limits, NEARLY, OLDEST, Value, bounds, row};
use super::lin::Lin;
use super::opening::{Opening, OpeningHead};
use super::term::{Arena, Atom, Bounds, Features};
use crate::model::{Layer, TieBreak};

/// A table from whole keys to the latest live position.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The key.
    pub number: Lin,
    /// Not 0 for tokens that do not take part.
    pub dead: Lin,
}

/// A head that only a hull answers.
#[derive(Clone, Debug)]
pub struct HullHead {
    /// Two expressions each.
    pub query: [Lin; 2],
    /// The key.
    pub key: [Lin; 2],
    /// The value.
    pub value: [Lin; 2],
    /// Position 0.
    pub opening: OpeningHead,
}

/// A derived value, kept for every position.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// What it holds.
    pub value: Lin,
    /// What it holds at position 0.
    pub opening: i64,
}

/// What a history leaves behind besides its tokens.
#[derive(Clone, Debug, Default)]
pub struct Items {
    /// Running sums.
    pub sums: Vec<Lin>,
    /// Registers: what must be 0 for a token to take part.
    pub ages: Vec<Lin>,
    /// Tables.
    pub tables: Vec<Table>,
    /// Columns.
    pub columns: Vec<Column>,
    /// Hulls.
    pub hulls: Vec<HullHead>,
}

/// A cleared token's key is at least this much lower.
const CLEARED: f64 = 1e28;

/// Keys and queries of tables lie within this: (2·2^45)² is less than what clears a token, so a
/// dead token loses against any live one.
const FARTHEST: f64 = (1u64 << 45) as f64;

/// Answers heads.
pub struct Heads<'a> {
    /// Atoms.
    pub arena: Arena,
    /// Bounds.
    pub limits: Limits,
    /// What must be remembered.
    pub items: Items,
    /// Position 0.
    pub opening: &'a Opening,
    /// Features of tokens; the last column is 1 for the opening token alone.
    pub features: Arc<Features>,
    /// Whether the opening token stands at position 0 only.
    pub opens_once: bool,
    /// Guarded products, by number.
    pub guards: Vec<Lin>,
}

/// A head under examination.
pub(super) struct Parts {
    query: [Vec<(usize, f64)>; 2],
    key: [Vec<(usize, f64)>; 2],
    pub(super) value: [Value; 2],
    pub(super) opening: OpeningHead,
    tie: TieBreak,
}

fn sparse(row: &[f64]) -> Vec<(usize, f64)> {
    row.iter().copied().enumerate().filter(|weight| weight.1 != 0.0).collect()
}

impl Heads<'_> {
    fn row(&mut self, weights: &[(usize, f64)], slots: &[Value]) -> Value {
        let terms: Vec<(f64, &Value)> =
            weights.iter().map(|&(slot, w)| (w, &slots[slot])).collect();
        row(&mut self.arena, &self.limits, &terms)
    }

    /// What a head answers.
    pub fn answer(
        &mut self,
        layer: Layer<'_>,
        head: usize,
        tie: TieBreak,
        opening: OpeningHead,
        slots: &[Value],
    ) -> [Value; 2] {
        let width = slots.len();
        let weights = |part: usize| {
            [0, 1].map(|i| sparse(layer.attention_in.row(part * width + 2 * head + i)))
        };
        let value = weights(2).map(|row| self.row(&row, slots));
        let parts = Parts { query: weights(0), key: weights(1), value, opening, tie };
        let read = parts.query.iter().chain(&parts.key).flatten().map(|weight| weight.0);
        let assumes = read.fold(0, |all, slot| all | slots[slot].assumes)
            | parts.value.iter().fold(0, |all, value| all | value.assumes);
        let answers = self.recognise(&parts, slots);
        let answers = answers.unwrap_or([Value::unknown(), Value::unknown()]);
        answers.map(|answer| Value { assumes, ..answer })
    }

    fn recognise(&mut self, parts: &Parts, slots: &[Value]) -> Option<[Value; 2]> {
        if parts.opening.key.iter().any(|k| k.is_nan()) {
            return None;
        }
        if self.is_passthrough(parts, slots) {
            return Some(parts.value.clone());
        }
        let kx = self.row(&parts.key[0], slots);
        let (ky, dead) = self.split_key(parts, slots)?;
        let upwards = self.scale(parts, slots);
        if let (true, Some(_)) = (kx.is_zero() && parts.opening.key[0] == 0.0, upwards) {
            return self.vertical(parts, &ky, dead);
        }
        if let (Some(scale), Some(lin)) = (upwards, kx.as_exact()) {
            let is_position = *lin == Lin { c: 0, terms: vec![(Arena::POSITION, 2)] };
            let square = Value { square: -1.0, ..Value::zero() };
            let is_square = ky.square == square.square
                && ky.lin == square.lin
                && ky.inverse_log == 0.0
                && ky.mean.is_none();
            if is_position && is_square && dead.is_zero() && parts.opening.key == [0.0, 0.0] {
                let at = self.wanted(parts, slots, scale)?;
                let at = self.arena.clamped(at, self.limits.position);
                return self.all_at(parts, &at);
            }
            let lin = lin.clone();
            if let Some(number) = halved(&lin)
                && let Some(table) = self.table(parts, &number, &ky, &dead)
            {
                let query = self.wanted(parts, slots, scale)?;
                return self.looked_up(parts, table, query);
            }
        }
        self.hull(parts, slots)
    }

    fn is_passthrough(&mut self, parts: &Parts, slots: &[Value]) -> bool {
        let kx = self.row(&parts.key[0], slots);
        let ky = self.row(&parts.key[1], slots);
        let (Some(kx), Some(ky)) = (kx.as_exact(), ky.as_constant()) else { return false };
        let grows = match kx.terms[..] {
            [(Arena::POSITION, c)] if c > 0 => (c + kx.c) as f64 > parts.opening.key[0],
            _ => false,
        };
        // Terms of one sign cannot cancel, so the rounded sum has the sign of the exact one.
        let ahead = |weights: &[(usize, f64)], strictly: bool| {
            let mut positive = !strictly;
            for &(slot, weight) in weights {
                let Some(lin) = slots[slot].as_exact() else { return false };
                let sign = match lin.terms[..] {
                    [] if lin.c as f64 * weight >= 0.0 => lin.c != 0,
                    [(Arena::POSITION, c)]
                        if c as f64 * weight > 0.0 && lin.c as f64 * weight >= 0.0 =>
                    {
                        true
                    }
                    _ => return false,
                };
                positive |= sign;
            }
            positive
        };
        grows
            && ky as f64 >= parts.opening.key[1]
            && ahead(&parts.query[0], true)
            && ahead(&parts.query[1], false)
    }

    /// The second component of the key without what clears it, and how often it is cleared.
    fn split_key(&mut self, parts: &Parts, slots: &[Value]) -> Option<(Value, Value)> {
        let (clear, rest): (Vec<_>, Vec<_>) =
            parts.key[1].iter().copied().partition(|&(_, w)| w.abs() >= CLEARED);
        let ky = self.row(&rest, slots);
        let unit = clear.iter().map(|&(_, w)| w.abs()).fold(f64::INFINITY, f64::min);
        let counts: Vec<(usize, f64)> = clear.iter().map(|&(slot, w)| (slot, -w / unit)).collect();
        let dead = self.row(&counts, slots);
        Some((ky, dead))
    }

    /// The constant second component of the query, if it is positive.
    fn scale(&self, parts: &Parts, slots: &[Value]) -> Option<f64> {
        let mut scale = 0.0;
        for &(slot, weight) in &parts.query[1] {
            let c = slots[slot].as_constant()? as f64;
            if c == 0.0 {
                continue;
            }
            if scale != 0.0 {
                return None;
            }
            scale = weight * c;
        }
        (scale > 0.0).then_some(scale)
    }

    /// The whole number that the query asks for.
    fn wanted(&mut self, parts: &Parts, slots: &[Value], scale: f64) -> Option<Lin> {
        let mut lin = Lin::default();
        let (mut error, mut magnitude) = (0.0, 0.0);
        for &(slot, weight) in &parts.query[0] {
            let value = &slots[slot];
            if value.is_zero() {
                continue;
            }
            let factor = (weight / scale).round();
            let off = (weight / scale - factor).abs();
            if !value.is_whole() || off > 1e-14 * factor.abs() || factor.abs() > 1e15 {
                return None;
            }
            lin = lin.plus(&value.lin, factor as i64)?;
            let most = bounds(&mut self.arena, &self.limits, value).magnitude();
            error += factor.abs() * value.error + (off + factor.abs() * f64::EPSILON) * most;
            magnitude += factor.abs() * most;
        }
        let rounding = (parts.query[0].len() + 3) as f64 * f64::EPSILON * magnitude;
        (error + rounding < NEARLY).then_some(())?;
        self.arena.merge(lin)
    }

    fn vertical(&mut self, parts: &Parts, ky: &Value, dead: Value) -> Option<[Value; 2]> {
        let first = parts.opening.key[1];
        if let (true, Some(height)) = (dead.is_zero(), ky.as_constant()) {
            return match parts.tie {
                TieBreak::Latest if first <= height as f64 => Some(parts.value.clone()),
                TieBreak::Average if first < height as f64 => {
                    Some([self.mean(&parts.value[0]), self.mean(&parts.value[1])])
                }
                _ => None,
            };
        }
        self.recency(parts, ky)?;
        let level = ky.lin.as_constant()?;
        let dead = dead.as_exact()?.clone();
        if ky.square != 0.0 || ky.mean.is_some() || first != level as f64 {
            return None;
        }
        let items = &mut self.items;
        let age = items.ages.iter().position(|known| *known == dead).unwrap_or_else(|| {
            items.ages.push(dead);
            items.ages.len() - 1
        });
        let age = self.arena.intern(Atom::Age(age), Bounds::new(0.0, OLDEST as f64));
        let at = Arena::position().plus(&Lin::atom(age), -1)?;
        self.all_at(parts, &at)
    }

    /// Whether the later of two equal keys wins, and recency can never outweigh a key one off.
    fn recency(&self, parts: &Parts, ky: &Value) -> Option<()> {
        let fits = (0.0..0.65).contains(&ky.inverse_log);
        (parts.tie == TieBreak::Latest && fits).then_some(())
    }

    fn mean(&mut self, value: &Value) -> Value {
        if value.is_zero() {
            return Value::zero();
        }
        let Some(lin) = value.as_exact() else { return Value::unknown() };
        let sum = self.items.sums.iter().position(|known| known == lin).unwrap_or_else(|| {
            let bounds = self.arena.bounds(lin);
            self.items.sums.push(lin.clone());
            self.limits.summands.push(bounds);
            self.items.sums.len() - 1
        });
        Value { mean: Some((sum, 1.0)), ..Value::zero() }
    }

    fn table(&mut self, parts: &Parts, number: &Lin, ky: &Value, dead: &Value) -> Option<usize> {
        self.recency(parts, ky)?;
        if ky.square != 0.0
            || ky.mean.is_some()
            || ky.is_unknown()
            || parts.opening.key != [0.0, 0.0]
        {
            return None;
        }
        let around = self.arena.bounds(number);
        if around.low < 0.0 || around.high > FARTHEST {
            return None;
        }
        let square = self.arena.piece(number, number, &[(0, 1)])?;
        let no_more = ky.lin.plus(&square, 1)?;
        let drowned = 8.0 * f64::EPSILON * (around.high * around.high + 2.0);
        if no_more != Lin::default() || ky.error > drowned {
            return None;
        }
        let dead = dead.as_exact()?.clone();
        let table = Table { number: number.clone(), dead };
        let tables = &mut self.items.tables;
        Some(tables.iter().position(|known| *known == table).unwrap_or_else(|| {
            tables.push(table);
            tables.len() - 1
        }))
    }

    fn looked_up(&mut self, parts: &Parts, table: usize, query: Lin) -> Option<[Value; 2]> {
        let asked = self.arena.bounds(&query);
        (asked.magnitude() <= FARTHEST).then_some(())?;
        let number = self.items.tables[table].number.clone();
        let within = Bounds::new(0.0, self.limits.position);
        let at = self.arena.intern(Atom::Found { table, query: query.clone() }, within);
        let at = Lin::atom(at);
        let key = {
            let around = self.arena.bounds(&number);
            let around = Bounds::new(around.low.min(0.0), around.high);
            self.arena.intern(Atom::FoundKey { table, query }, around)
        };
        Some([0, 1].map(|part| {
            let (value, first) = (&parts.value[part], parts.opening.value[part]);
            if value.as_exact() == Some(&number) && first == 0.0 {
                Value::exact(Lin::atom(key))
            } else {
                self.value_at(value, &at, first)
            }
        }))
    }

    fn hull(&mut self, parts: &Parts, slots: &[Value]) -> Option<[Value; 2]> {
        if parts.tie != TieBreak::Latest || parts.opening.value.iter().any(|v| v.fract() != 0.0) {
            return None;
        }
        let lins = |row: [Value; 2]| -> Option<[Lin; 2]> {
            Some([row[0].as_exact()?.clone(), row[1].as_exact()?.clone()])
        };
        let [qx, qy, kx, ky] = [&parts.query[0], &parts.query[1], &parts.key[0], &parts.key[1]]
            .map(|row| self.row(row, slots));
        let value = lins(parts.value.clone())?;
        let hull = HullHead {
            query: lins([qx, qy])?,
            key: lins([kx, ky])?,
            value: value.clone(),
            opening: parts.opening,
        };
        let id = self.items.hulls.len();
        self.items.hulls.push(hull);
        Some([0, 1].map(|part| {
            let first = parts.opening.value[part];
            let bounds = self.arena.bounds(&value[part]).union(Bounds::new(first, first));
            Value::exact(Lin::atom(self.arena.intern(Atom::Hull { hull: id, part }, bounds)))
        }))
    }
}

fn halved(lin: &Lin) -> Option<Lin> {
    let even = lin.c % 2 == 0 && lin.terms.iter().all(|term| term.1 % 2 == 0);
    even.then(|| Lin { c: lin.c / 2, terms: lin.terms.iter().map(|&(a, k)| (a, k / 2)).collect() })
}
