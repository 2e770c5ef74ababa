//! Expressions evaluated as their definitions say, for tests: no bounds, no code, no registers.

use super::affine::Affine;
use super::arena::{Arena, Features};
use super::atom::Atom;
use super::mean;
use crate::plan::fuse::heads::{Items, Table};
use crate::plan::ids::SumId;

/// The value of an expression whose leaves a test knows: `leaf` gives those, and `None` for what
/// follows from what an atom is made of.
pub fn evaluate(arena: &Arena, affine: &Affine, leaf: &dyn Fn(&Atom) -> Option<i128>) -> i128 {
    let of = |affine: &Affine| evaluate(arena, affine, leaf);
    let value = |atom: &Atom| match atom {
        Atom::Piece { gate, factor, knots } => {
            let gate = of(gate);
            let open = |&(k, c): &(i64, i64)| i128::from(c) * (gate + i128::from(k)).max(0);
            knots.iter().map(open).sum::<i128>() * of(factor)
        }
        Atom::Rounded { affine, shift } => {
            let (x, one) = (of(affine), 1i128 << shift);
            let (floor, rest) = (x.div_euclid(one), x.rem_euclid(one));
            match (2 * rest).cmp(&one) {
                std::cmp::Ordering::Less => floor,
                std::cmp::Ordering::Equal => floor + floor.rem_euclid(2),
                std::cmp::Ordering::Greater => floor + 1,
            }
        }
        Atom::Whole { affine, shift } => {
            let x = of(affine);
            assert_eq!(x % (1i128 << shift), 0, "guarded to be whole");
            x / (1i128 << shift)
        }
        Atom::Guarded(affine) | Atom::Count(affine) => of(affine),
        Atom::Function { of: at, function } => function.at(of(at)).into(),
        other => panic!("a test knows its leaves: {other:?}"),
    };
    affine.terms.iter().fold(i128::from(affine.c), |sum, &(id, k)| {
        let atom = arena.atom(id);
        sum + i128::from(k) * leaf(atom).unwrap_or_else(|| value(atom))
    })
}

/// A history of tokens, over which expressions have values.
#[derive(Clone, Copy)]
pub struct World<'a> {
    arena: &'a Arena,
    features: &'a Features,
    /// What sums, latches, tables and columns are of, and the atoms of that.
    items: &'a Items,
    of_items: &'a Arena,
    history: &'a [usize],
}

impl<'a> World<'a> {
    /// The values of an arena's expressions, `items` among them.
    pub fn new(
        arena: &'a Arena,
        features: &'a Features,
        items: &'a Items,
        history: &'a [usize],
    ) -> World<'a> {
        World { arena, features, items, of_items: arena, history }
    }

    /// The same history and items, for expressions of another arena.
    pub fn over(self, arena: &'a Arena) -> World<'a> {
        World { arena, ..self }
    }

    /// An expression of an item at a position from 1 on.
    fn of_item(&self, affine: &Affine, t: usize) -> i128 {
        self.over(self.of_items).at(affine, t)
    }

    /// An expression at a position from 1 on.
    pub fn at(&self, affine: &Affine, t: usize) -> i128 {
        evaluate(self.arena, affine, &|atom| self.leaf(atom, t))
    }

    fn place(&self, place: &Affine, t: usize) -> usize {
        self.at(place, t).clamp(0, t as i128) as usize
    }

    fn sum(&self, sum: SumId, t: usize) -> i128 {
        (1..=t).map(|u| self.of_item(&self.items.sums[sum], u)).sum()
    }

    fn leaf(&self, atom: &Atom, t: usize) -> Option<i128> {
        let items = self.items;
        Some(match atom {
            Atom::Position => t as i128,
            Atom::Feature { place, feature } => {
                self.features.columns[*feature][self.history[self.place(place, t)]].into()
            }
            Atom::Clamped(place) => self.place(place, t) as i128,
            Atom::Sum(sum) => self.sum(*sum, t),
            Atom::SumSteps(sum) => mean::steps(self.sum(*sum, t) as i64, t as i64).into(),
            Atom::Age(latch) => {
                let is_set = |&u: &usize| self.of_item(&items.latches[*latch], u) == 0;
                (t - (1..=t).rev().find(is_set).unwrap_or(0)) as i128
            }
            Atom::Found { table, query, .. } => {
                self.nearest(&items.tables[*table], self.at(query, t), t).0 as i128
            }
            Atom::FoundKey { table, query, .. } => {
                self.nearest(&items.tables[*table], self.at(query, t), t).1
            }
            Atom::Column { column, place } => match self.place(place, t) {
                0 => items.columns[*column].at_zero.into(),
                place => self.of_item(&items.columns[*column].value, place),
            },
            _ => return None,
        })
    }

    /// The latest of the positions whose live key is nearest, with the key.
    fn nearest(&self, table: &Table, query: i128, t: usize) -> (usize, i128) {
        let mut best = (0, 0);
        for u in 1..=t {
            if self.of_item(&table.dead, u) == 0 {
                let key = self.of_item(&table.number, u);
                if (key - query).abs() <= (best.1 - query).abs() {
                    best = (u, key);
                }
            }
        }
        best
    }
}
