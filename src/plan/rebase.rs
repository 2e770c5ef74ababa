//! What a value was at another position.
//!
//! A head's answer is the value *at a position*: its expression with the position
//! replaced. Values made of tokens at fixed distances, of the position and
//! of units over these need no memory but the history of tokens; all others get a column.

use super::exact::Value;
use super::fraction::round;
use super::heads::{Column, Heads, Parts};
use super::lin::Lin;
use super::term::{Arena, Atom, Bounds};

impl Heads<'_> {
    pub(super) fn all_at(&mut self, parts: &Parts, at: &Lin) -> Option<[Value; 2]> {
        let [a, b] =
            [0, 1].map(|part| self.value_at(&parts.value[part], at, parts.opening.value[part]));
        Some([a, b])
    }

    /// A value at a place within 0..=t.
    pub(super) fn value_at(&mut self, value: &Value, at: &Lin, opening: f64) -> Value {
        if opening.is_nan() || opening.fract() != 0.0 || !value.is_whole() {
            return Value::unknown();
        }
        let opening = opening as i64;
        let error = value.error;
        let rebased = self.rebase(&value.lin, at).and_then(|lin| {
            let first = self.at_opening(&value.lin)?;
            if first == opening {
                return Some(lin);
            }
            let mark = self.features.columns.len() - 1;
            self.opens_once.then_some(())?;
            let mark = self.arena.feature(at.clone(), mark);
            lin.plus(&mark, opening - first)
        });
        match rebased {
            Some(lin) => Value { error, ..Value::exact(lin) },
            // A column keeps the expression; how far the reference is from it stays the same.
            None => {
                let column = Column { value: value.lin.clone(), opening };
                let columns = &mut self.items.columns;
                let column =
                    columns.iter().position(|known| *known == column).unwrap_or_else(|| {
                        columns.push(column);
                        columns.len() - 1
                    });
                let first = Bounds::new(opening as f64, opening as f64);
                let bounds = self.arena.bounds(&value.lin).union(first);
                let atom = Atom::Column { column, place: at.clone() };
                Value { error, ..Value::exact(Lin::atom(self.arena.intern(atom, bounds))) }
            }
        }
    }

    /// An expression with the latest position replaced by `at`, if tokens and positions say all.
    fn rebase(&mut self, lin: &Lin, at: &Lin) -> Option<Lin> {
        let mut sum = Lin::constant(lin.c);
        for &(atom, k) in &lin.terms {
            let rebased = match self.arena.atom(atom).clone() {
                Atom::Position => at.clone(),
                Atom::Feature { place, column } => {
                    let behind = place.plus(&Arena::position(), -1)?.as_constant()?;
                    if behind > 0 {
                        return None;
                    }
                    let place = at.plus(&Lin::constant(1), behind)?;
                    self.arena.feature(place, column)
                }
                Atom::Piece { gate, factor, knots } => {
                    let (gate, factor) = (self.rebase(&gate, at)?, self.rebase(&factor, at)?);
                    self.arena.piece(&gate, &factor, &knots)?
                }
                Atom::Rounded { lin, shift } => {
                    let lin = self.rebase(&lin, at)?;
                    self.arena.rounded(lin, shift)?
                }
                _ => return None,
            };
            sum = sum.plus(&rebased, k)?;
        }
        self.arena.merge(sum)
    }

    /// What a rebasable expression gives at position 0.
    fn at_opening(&self, lin: &Lin) -> Option<i64> {
        let mut sum = lin.c;
        for &(atom, k) in &lin.terms {
            let number = match self.arena.atom(atom) {
                Atom::Position => 0,
                Atom::Feature { column, .. } => {
                    self.features.columns[*column][self.opening.token.index()]
                }
                Atom::Piece { gate, factor, knots } => {
                    let (gate, factor) = (self.at_opening(gate)?, self.at_opening(factor)?);
                    knots.iter().map(|&(at, c)| c * (gate + at).max(0)).sum::<i64>() * factor
                }
                Atom::Rounded { lin, shift } => round(self.at_opening(lin)?, *shift),
                _ => return None,
            };
            sum += k * number;
        }
        Some(sum)
    }
}
