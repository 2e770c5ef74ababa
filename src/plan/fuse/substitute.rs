//! What a value was at another position.
//!
//! A head's answer is the value *at a position*: its expression with the position
//! replaced. Values made of tokens at fixed distances, of the position and
//! of units over these need no memory but the history of tokens; all others get a column.

use crate::plan::expression::affine::Affine;
use crate::plan::expression::arena::{Arena, Atom, Bounds};
use crate::plan::expression::quotient::round;
use crate::plan::fuse::heads::{Column, Heads, Parts};
use crate::plan::fuse::rounding::Value;

impl Heads<'_> {
    pub(super) fn all_at(&mut self, parts: &Parts, at: &Affine) -> Option<[Value; 2]> {
        let [a, b] =
            [0, 1].map(|part| self.value_at(&parts.value[part], at, parts.bos.value[part]));
        Some([a, b])
    }

    /// A value at a place within 0..=t.
    pub(super) fn value_at(&mut self, value: &Value, at: &Affine, bos: f64) -> Value {
        if bos.is_nan() || bos.fract() != 0.0 || !value.is_whole() {
            return Value::unknown();
        }
        let bos = bos as i64;
        let error = value.error;
        let rebased = self.rebase(&value.affine, at).and_then(|affine| {
            let first = self.at_opening(&value.affine)?;
            if first == bos {
                return Some(affine);
            }
            let mark = self.features.columns.len() - 1;
            self.single_bos.then_some(())?;
            let mark = self.arena.feature(at.clone(), mark);
            affine.plus(&mark, bos - first)
        });
        match rebased {
            Some(affine) => Value { error, ..Value::exact(affine) },
            // A column keeps the expression; how far the reference is from it stays the same.
            None => {
                let column = Column { value: value.affine.clone(), bos };
                let columns = &mut self.items.columns;
                let column =
                    columns.iter().position(|known| *known == column).unwrap_or_else(|| {
                        columns.push(column);
                        columns.len() - 1
                    });
                let first = Bounds::new(bos as f64, bos as f64);
                let bounds = self.arena.bounds(&value.affine).union(first);
                let atom = Atom::Column { column, place: at.clone() };
                Value { error, ..Value::exact(Affine::atom(self.arena.intern(atom, bounds))) }
            }
        }
    }

    /// An expression with the latest position replaced by `at`, if tokens and positions say all.
    fn rebase(&mut self, affine: &Affine, at: &Affine) -> Option<Affine> {
        let mut sum = Affine::constant(affine.c);
        for &(atom, k) in &affine.terms {
            let rebased = match self.arena.atom(atom).clone() {
                Atom::Position => at.clone(),
                Atom::Feature { place, column } => {
                    let behind = place.plus(&Arena::position(), -1)?.as_constant()?;
                    if behind > 0 {
                        return None;
                    }
                    let place = at.plus(&Affine::constant(1), behind)?;
                    self.arena.feature(place, column)
                }
                Atom::Piece { gate, factor, knots } => {
                    let (gate, factor) = (self.rebase(&gate, at)?, self.rebase(&factor, at)?);
                    self.arena.piece(&gate, &factor, &knots)?
                }
                Atom::Rounded { affine, shift } => {
                    let affine = self.rebase(&affine, at)?;
                    self.arena.rounded(affine, shift)?
                }
                _ => return None,
            };
            sum = sum.plus(&rebased, k)?;
        }
        self.arena.merge(sum)
    }

    /// What a rebasable expression gives at position 0.
    fn at_opening(&self, affine: &Affine) -> Option<i64> {
        let mut sum = affine.c;
        for &(atom, k) in &affine.terms {
            let number = match self.arena.atom(atom) {
                Atom::Position => 0,
                Atom::Feature { column, .. } => {
                    self.features.columns[*column][self.bos.token.index()]
                }
                Atom::Piece { gate, factor, knots } => {
                    let (gate, factor) = (self.at_opening(gate)?, self.at_opening(factor)?);
                    knots.iter().map(|&(at, c)| c * (gate + at).max(0)).sum::<i64>() * factor
                }
                Atom::Rounded { affine, shift } => round(self.at_opening(affine)?, *shift),
                _ => return None,
            };
            sum += k * number;
        }
        Some(sum)
    }
}
