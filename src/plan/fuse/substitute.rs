//! What a value was at another position.
//!
//! A head's output is the value *at a position*: its expression with the position substituted.
//! Values made of tokens at fixed distances, of the position and of units over these need no
//! memory but the history of tokens; all others get a column. An expression holds for positions
//! from 1 on; where it says something else at position 0 than the reference computes, the mark of
//! the BOS token makes up for it (lemma 18 of docs/plan.md). By how much a value was off there, a column
//! keeps, too.

use super::Fusion;
use super::heads::{Column, Parts, entry};
use super::nearly::Steps;
use super::value::{Number, Value};
use crate::plan::expression::affine::Affine;
use crate::plan::expression::arena::Arena;
use crate::plan::expression::atom::Atom;
use crate::plan::expression::interval::Interval;
use crate::plan::expression::merge::height;
use crate::plan::expression::quotient::round;
use crate::plan::ids::AtomId;
use crate::plan::refusal::{Cause, Rule};

impl Fusion<'_> {
    pub(super) fn values_at(&mut self, parts: &Parts, at: &Affine) -> [Value; 2] {
        [0, 1].map(|i| self.value_at(&parts.value[i], at, parts.at_zero.whole_value(i)))
    }

    /// A value at a place within 0..=t, which is `at_zero` at position 0.
    pub(super) fn value_at(&mut self, value: &Value, at: &Affine, at_zero: Option<i64>) -> Value {
        self.number_at(value, at, at_zero).into()
    }

    fn number_at(
        &mut self,
        value: &Value,
        at: &Affine,
        at_zero: Option<i64>,
    ) -> Result<Number, Cause> {
        let no_value = self.analysis.cause(Rule::WholeValue);
        let (affine, rounding) = value.number()?.whole().ok_or(no_value)?;
        let steps = value.number()?.steps().filter(|steps| !steps.is_none());
        let at_zero = at_zero.ok_or_else(|| self.analysis.cause(Rule::PositionZero))?;
        let substituted = self.substitute(affine, at).and_then(|there| {
            let first = self.at_zero(affine)?;
            if first == i128::from(at_zero) {
                return Some(there);
            }
            self.single_bos.then_some(())?;
            let mark = self.features.bos_mark();
            let mark = self.analysis.arena.feature(at.clone(), mark);
            there.plus(&mark, i64::try_from(i128::from(at_zero) - first).ok()?)
        });
        let there = match substituted {
            Some(there) => there,
            // How far the reference is from what the column holds stays the same.
            None => self.column(affine, at, at_zero),
        };
        let steps = steps.and_then(|steps| self.steps_at(&steps, at));
        Ok(Number::near(there, rounding.error()).with(steps, None))
    }

    /// How far a number was off at another position; at position 0 it was not, where that is a place at all.
    pub(super) fn steps_at(&mut self, steps: &Steps, at: &Affine) -> Option<Steps> {
        let count = self.analysis.arena.counted(steps.count().clone())?;
        Some(Steps::of(match count.as_constant() {
            Some(_) => count,
            None => self.column(&count, at, 0),
        }))
    }

    /// What a column keeps of an expression, at a place.
    fn column(&mut self, affine: &Affine, at: &Affine, at_zero: i64) -> Affine {
        let bounds = self.analysis.arena.bounds(affine).union(Interval::point(at_zero));
        let column = entry(&mut self.items.columns, Column { value: affine.clone(), at_zero });
        let atom = Atom::Column { column, place: at.clone() };
        Affine::atom(self.analysis.arena.intern(atom, bounds))
    }

    /// An expression with the latest position replaced by `at`, if tokens and positions say all.
    fn substitute(&mut self, affine: &Affine, at: &Affine) -> Option<Affine> {
        let mut sum = Affine::constant(affine.c);
        for &(atom, k) in &affine.terms {
            // What is nested is followed each time that it comes: that must have an end.
            self.analysis.arena.is_worth(1 + sum.terms.len())?;
            sum = sum.plus(&self.substitute_atom(atom, at)?, k)?;
        }
        self.analysis.arena.merge(sum)
    }

    fn substitute_atom(&mut self, id: AtomId, at: &Affine) -> Option<Affine> {
        let atom = self.analysis.arena.atom(id).clone();
        let there = match &atom {
            Atom::Position => return Some(at.clone()),
            Atom::Feature { place, feature } => {
                let behind = place.plus(&Arena::position(), -1)?.as_constant()?;
                (behind <= 0).then_some(())?;
                let place = at.plus(&Affine::constant(1), behind)?;
                Atom::Feature { place, feature: *feature }
            }
            Atom::Piece { .. } | Atom::Rounded { .. } | Atom::Function { .. } => {
                atom.map_children(|child| self.substitute(child, at))?
            }
            // All others depend on more than tokens and positions.
            _ => return None,
        };
        let none = Interval::EMPTY;
        self.analysis.arena.make(there, none)
    }

    /// What an expression of tokens and positions gives at position 0.
    fn at_zero(&mut self, affine: &Affine) -> Option<i128> {
        let mut sum = i128::from(affine.c);
        for &(atom, k) in &affine.terms {
            self.analysis.arena.is_worth(1)?;
            let number = match &self.analysis.arena.atom(atom).clone() {
                Atom::Position => 0,
                Atom::Feature { feature, .. } => {
                    i128::from(self.features.columns[*feature][self.position_zero.bos.index()])
                }
                Atom::Piece { gate, factor, knots } => {
                    let (gate, factor) = (self.at_zero(gate)?, self.at_zero(factor)?);
                    height(knots, gate)?.checked_mul(factor)?
                }
                Atom::Function { of, function } => function.at(self.at_zero(of)?).into(),
                Atom::Rounded { affine, shift } => {
                    let affine = i64::try_from(self.at_zero(affine)?).ok()?;
                    round(affine, *shift).into()
                }
                _ => return None,
            };
            sum = sum.checked_add(number.checked_mul(k.into())?)?;
        }
        Some(sum)
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use cranelift_entity::EntityRef;

    use super::*;
    use crate::model::Model;
    use crate::plan::expression::evaluate::World;
    use crate::plan::fuse::draft::{Draft, FREE, NUMBER, ODD, ONE, fusion, zero};
    use crate::plan::fuse::upper::Upper;
    use crate::plan::fuse::value::Rounding;
    use crate::plan::ids::FeatureId;
    use crate::plan::ids::SlotId;

    const TOKENS: usize = 6;

    /// Features ONE, NUMBER, ODD and one that is negative; `again` if token 0 may come again.
    fn model(again: bool) -> Model {
        let mut draft = Draft::new(TOKENS, 10, 0, 0);
        for token in 0..TOKENS {
            draft.embed(token, &[(FREE, [5.0, -2.0, 0.0, -1.0, 3.0, 0.0][token])]);
        }
        if again {
            draft.embed(0, &[(ONE, 1.0)]);
        }
        draft.model()
    }

    /// A random expression of tokens at fixed distances and of positions.
    fn expression(random: &mut Rng, arena: &mut Arena, depth: u32) -> Affine {
        let mut sum = Affine::constant(random.i64(-3..4));
        for _ in 0..random.usize(1..4) {
            let term = match random.u8(..if depth == 0 { 2 } else { 5 }) {
                0 => Arena::position(),
                1 => {
                    let behind = Affine::constant(random.i64(-3..1));
                    let place = Arena::position().plus(&behind, 1).unwrap();
                    let feature = [ONE, NUMBER, ODD, FREE][random.usize(..4)];
                    arena.feature(place, FeatureId::from_u32(feature as u32))
                }
                2 => {
                    let inner = expression(random, arena, depth - 1);
                    arena.rounded(inner, random.u32(1..4)).unwrap()
                }
                _ => {
                    let gate = expression(random, arena, depth - 1);
                    let factor = expression(random, arena, depth - 1);
                    let knots: &[(i64, i64)] = match random.u8(..3) {
                        0 => &[(0, 1)],
                        1 => &[(1, 1), (0, -1)],
                        _ => &[(1, 1), (0, -2), (-1, 1)],
                    };
                    arena.piece(&gate, &factor, knots).unwrap()
                }
            };
            sum = sum.plus(&term, random.i64(-2..3)).unwrap();
        }
        arena.merge(sum).unwrap()
    }

    /// A place within 0..=t.
    fn place(random: &mut Rng, arena: &mut Arena) -> Affine {
        let back = match random.u8(..4) {
            0 => return Arena::position(),
            1 => Affine::constant(random.i64(0..6)),
            2 => arena.feature(Arena::position(), FeatureId::from_u32(NUMBER as u32)),
            _ => expression(random, arena, 1),
        };
        let place = Arena::position().plus(&back, -1).unwrap();
        arena.clamped(place)
    }

    #[test]
    fn a_value_at_a_place_is_what_it_was_there_and_at_position_0_what_it_was_there() {
        let (mut columns, mut none, mut zeros, mut marks) = (0, 0, 0, 0);
        for seed in 0..6_000 {
            let random = &mut Rng::with_seed(seed);
            let model = model(seed % 3 == 0);
            let position_zero = zero(&model);
            let (mut fusion, _) = fusion(&model, &position_zero, 1 << 20);
            let affine = expression(random, &mut fusion.analysis.arena, 2);
            let at = place(random, &mut fusion.analysis.arena);
            let first = fusion.at_zero(&affine).unwrap();
            let at_zero = if random.bool() { first as i64 } else { random.i64(-4..5) };
            let value = fusion.value_at(&Value::exact(affine.clone()), &at, Some(at_zero));
            let there = value.as_exact().unwrap().clone();
            if fusion.items.columns.is_empty() {
                none += 1;
                marks += u32::from(i128::from(at_zero) != first);
            } else {
                columns += 1;
                assert!(!fusion.single_bos, "seed {seed}: tokens and positions need no column");
            }
            let bounds = fusion.analysis.arena.bounds(&there);
            for _ in 0..4 {
                let least = usize::from(fusion.single_bos);
                let mut history = vec![0];
                history.extend((0..random.usize(1..9)).map(|_| random.usize(least..TOKENS)));
                let world =
                    World::new(&fusion.analysis.arena, &fusion.features, &fusion.items, &history);
                let t = history.len() - 1;
                let selected = world.at(&at, t) as usize;
                assert!(selected <= t, "a place");
                let was = match selected {
                    0 => at_zero.into(),
                    selected => world.at(&affine, selected),
                };
                zeros += u32::from(selected == 0);
                let context =
                    format!("seed {seed}: {affine:?} at {at:?} in {history:?}: {there:?}");
                assert_eq!(world.at(&there, t), was, "{context}");
                assert!(bounds.low <= was && was <= bounds.high, "{context}: {bounds:?}");
            }
        }
        assert!(
            columns > 200 && none > 2_000 && zeros > 2_000 && marks > 500,
            "{columns} columns, {none} without, {marks} marks, {zeros} at position 0"
        );
    }

    #[test]
    fn errors_stay_and_what_is_not_whole_or_unknown_at_position_0_is_refused() {
        let model = model(false);
        let position_zero = zero(&model);
        let (mut fusion, slots) = fusion(&model, &position_zero, 1 << 20);
        let at = fusion.analysis.arena.clamped(
            Affine::default()
                .plus(&Arena::position(), 1)
                .unwrap()
                .plus(&Affine::constant(-2), 1)
                .unwrap(),
        );
        let number = slots[SlotId::new(NUMBER)].as_exact().unwrap().clone();
        let error = Upper::of(0.1);
        let near = Value::Known(Number::near(number, error));
        let there = fusion.value_at(&near, &at, Some(0));
        assert_eq!(there.number().unwrap().parts().3, Rounding::Within(error));
        let rule = |value: Value| value.number().unwrap_err().rule;
        assert_eq!(rule(fusion.value_at(&near, &at, None)), Rule::PositionZero);
        let half = fusion.analysis.row(&[(0.5, &slots[SlotId::new(NUMBER)])]);
        assert_eq!(rule(fusion.value_at(&half, &at, Some(0))), Rule::WholeValue);
    }
}
