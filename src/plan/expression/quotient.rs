//! Expressions that divide by powers of two, and products and counts that are guarded.
//!
//! Where bounds or coefficients make the division or the guard needless, no atom is made:
//! that is how specialised code gets rid of them.

use super::affine::Affine;
use super::arena::Arena;
use super::atom::Atom;
use super::interval::Interval;
use crate::plan::limits::{MAX_COUNT, MAX_PRODUCT, MAX_REGISTER};

/// x / 2^shift, rounded, ties to even; `shift` is 1 to 62.
pub fn round(x: i64, shift: u32) -> i64 {
    round_wide(x.into(), shift) as i64
}

fn round_wide(x: i128, shift: u32) -> i128 {
    let floor = x >> shift;
    let rest = x - (floor << shift);
    let half = 1i128 << (shift - 1);
    floor + i128::from(rest > half || (rest == half && floor & 1 == 1))
}

impl Arena {
    /// A whole expression over 2^shift, rounded, ties to even.
    pub fn rounded(&mut self, affine: Affine, shift: u32) -> Option<Affine> {
        let common = affine.twos().min(shift);
        let (affine, shift) = (affine.halved(common), shift - common);
        if shift == 0 {
            return Some(affine);
        }
        if let Some(x) = affine.as_constant() {
            return Some(Affine::constant(round(x, shift)));
        }
        let bounds = self.bounds(&affine);
        (shift <= 62 && bounds.is_within(MAX_REGISTER)).then_some(())?;
        let bounds = bounds.map(|x| round_wide(x, shift));
        Some(Affine::atom(self.intern(Atom::Rounded { affine, shift }, bounds)))
    }

    /// A whole expression over 2^shift, guarded to be whole.
    pub fn whole(&mut self, affine: &Affine, shift: u32) -> Option<Affine> {
        (shift <= 62).then_some(())?;
        let divides = |k: i64| k.trailing_zeros().min(63) >= shift;
        let (even, odd): (Vec<_>, Vec<_>) =
            affine.terms.iter().copied().partition(|term| divides(term.1));
        let even = Affine { c: affine.c & (-1 << shift), terms: even }.halved(shift);
        let odd = Affine { c: affine.c - (affine.c & (-1 << shift)), terms: odd };
        if odd == Affine::default() {
            return Some(even);
        }
        let common = odd.twos().min(shift - 1);
        let (odd, shift) = (odd.halved(common), shift - common);
        let bounds = self.bounds(&odd);
        bounds.is_within(MAX_REGISTER).then_some(())?;
        // From the least whole number at or above the low end to the greatest below the high one.
        let Interval { low, high } = bounds;
        let bounds = Interval::new(-((-low) >> shift), high >> shift);
        let atom = self.intern(Atom::Whole { affine: odd, shift }, bounds);
        even.plus(&Affine::atom(atom), 1)
    }

    /// An expression, guarded to stay within ±[`MAX_PRODUCT`].
    pub fn guarded(&mut self, affine: Affine) -> Option<Affine> {
        let bounds = self.bounds(&affine);
        if bounds.is_within(MAX_PRODUCT) {
            return Some(affine);
        }
        // A single product saturates, anything else must fit.
        let saturates = affine.single().is_some_and(|(atom, k)| k == 1 && self.is_unit(atom));
        (saturates || bounds.is_within(MAX_REGISTER)).then_some(())?;
        let within = Interval::new(-i128::from(MAX_PRODUCT), MAX_PRODUCT.into());
        let bounds = bounds.intersection(within);
        Some(Affine::atom(self.intern(Atom::Guarded(affine), bounds)))
    }

    /// A count, which is never negative, guarded to be at most [`MAX_COUNT`].
    pub fn counted(&mut self, affine: Affine) -> Option<Affine> {
        let bounds = self.bounds(&affine);
        if bounds.is_within(MAX_COUNT) {
            return Some(affine);
        }
        bounds.is_within(MAX_REGISTER).then_some(())?;
        let bounds = bounds.intersection(Interval::new(0, MAX_COUNT.into()));
        Some(Affine::atom(self.intern(Atom::Count(affine), bounds)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cranelift_entity::{EntityRef, PrimaryMap};
    use proptest::prelude::*;

    use super::*;
    use crate::plan::expression::arena::Features;
    use crate::plan::expression::evaluate::evaluate;
    use crate::plan::expression::feature_bounds::FeatureBounds;
    use crate::plan::ids::SumId;

    /// An arena of atoms with these bounds.
    fn arena(bounds: &[Interval]) -> (Arena, Vec<Affine>) {
        let mut columns = PrimaryMap::new();
        columns.push(vec![0]);
        let features = Arc::new(Features { columns, tokens: 1 });
        let mut arena = Arena::new(FeatureBounds::new(features, vec![0]), 1 << 20);
        let atom = |(at, bounds): (usize, &Interval)| {
            Affine::atom(arena.intern(Atom::Sum(SumId::new(at)), *bounds))
        };
        let atoms = bounds.iter().enumerate().map(atom).collect();
        (arena, atoms)
    }

    fn of(arena: &Arena, affine: &Affine, numbers: &[i64]) -> i128 {
        evaluate(arena, affine, &|atom| match atom {
            Atom::Sum(sum) => Some(numbers[sum.index()].into()),
            _ => None,
        })
    }

    /// A range with a number in it.
    fn drawn() -> impl Strategy<Value = (Interval, i64)> {
        let end = prop_oneof![-9i64..10, any::<i64>().prop_map(|x| x >> 14), 0i64..1 << 41];
        let part = prop_oneof![Just(0.0), Just(1.0), 0.0..1.0];
        (end.clone(), end, part).prop_map(|(a, b, part)| {
            let (low, high) = (a.min(b), a.max(b));
            let inside = low + ((high - low) as f64 * part) as i64;
            (Interval::new(low.into(), high.into()), inside.clamp(low, high))
        })
    }

    proptest! {
        #[test]
        fn divisions_are_exact_or_refused_and_lie_within_their_bounds(
            (a, x) in drawn(), (b, y) in drawn(),
            c in -20i64..20, k in prop_oneof![-9i64..10, Just(1 << 10), Just(24)],
            m in -9i64..10, shift in prop_oneof![1u32..3, 1u32..13],
        ) {
            let (mut arena, atoms) = arena(&[a, b]);
            let affine = Affine::sum(c, [(&atoms[0], k), (&atoms[1], m)].into_iter()).unwrap();
            let direct = of(&arena, &affine, &[x, y]);
            let around = |bounds: Interval, x: i128| bounds.low <= x && x <= bounds.high;

            let rounded = arena.rounded(affine.clone(), shift).unwrap();
            let (floor, one) = (direct >> shift, 1i128 << shift);
            let rest = 2 * (direct - floor * one);
            let up = rest > one || (rest == one && floor % 2 != 0);
            let nearest = floor + i128::from(up);
            prop_assert_eq!(of(&arena, &rounded, &[x, y]), nearest);
            prop_assert!(around(arena.bounds(&rounded), nearest));

            let whole = arena.whole(&affine, shift).unwrap();
            if rest == 0 {
                prop_assert_eq!(of(&arena, &whole, &[x, y]), floor);
                prop_assert!(around(arena.bounds(&whole), floor));
            } else {
                // What is not whole is told at run time: an atom is left that divides it.
                let divides = |atom: &Atom| matches!(atom, Atom::Whole { .. });
                prop_assert!(
                    whole.terms.iter().any(|term| divides(arena.atom(term.0))),
                    "{:?} over 2^{} is {:?}", affine, shift, whole
                );
            }

            let guarded = arena.guarded(affine.clone()).unwrap();
            prop_assert_eq!(of(&arena, &guarded, &[x, y]), direct);
            let bounds = arena.bounds(&guarded);
            prop_assert!(bounds == Interval::EMPTY || bounds.is_within(MAX_PRODUCT));
            prop_assert!(around(bounds, direct) || direct.abs() > i128::from(MAX_PRODUCT));
        }
    }

    #[test]
    fn what_divides_evenly_needs_no_atom() {
        let (mut arena, atoms) = arena(&[Interval::new(-100, 100)]);
        let before = arena.len();
        let four = Affine::sum(-8, [(&atoms[0], 4)].into_iter()).unwrap();
        let one = atoms[0].plus(&Affine::constant(-2), 1).unwrap();
        assert_eq!(arena.rounded(four.clone(), 2), Some(one.clone()));
        assert_eq!(arena.whole(&four, 2), Some(one));
        assert_eq!(arena.rounded(Affine::constant(-6), 2), Some(Affine::constant(-2)));
        assert_eq!(arena.guarded(four.clone()), Some(four.clone()));
        assert_eq!(arena.len(), before);
        arena.whole(&four, 3).unwrap();
        assert_eq!(arena.len(), before + 1);
    }

    #[test]
    fn guards_are_needless_up_to_2_to_the_40_and_refused_beyond_registers() {
        let most = i128::from(MAX_PRODUCT);
        let register = i128::from(MAX_REGISTER);
        let ends = [most, most + 1, register, register + 1];
        let bounds: Vec<Interval> = ends.iter().map(|&high| Interval::new(0, high)).collect();
        let (mut arena, atoms) = arena(&bounds);
        assert_eq!(arena.guarded(atoms[0].clone()), Some(atoms[0].clone()));
        for at in [1, 2] {
            let guarded = arena.guarded(atoms[at].clone()).unwrap();
            assert_ne!(guarded, atoms[at]);
            assert_eq!(arena.bounds(&guarded), Interval::new(0, most));
        }
        assert_eq!(arena.guarded(atoms[3].clone()), None);
        // A product saturates, but not twice of it.
        let product = arena.piece(&atoms[2], &atoms[2], &[(0, 1)]).unwrap();
        assert!(arena.guarded(product.clone()).is_some());
        assert_eq!(arena.guarded(product.plus(&product, 1).unwrap()), None);
        // Nothing is divided that may lie beyond registers.
        let odd = atoms[3].plus(&Affine::constant(1), 1).unwrap();
        assert_eq!(arena.rounded(odd.clone(), 1), None);
        assert_eq!(arena.whole(&odd, 1), None);
        assert_eq!(arena.rounded(atoms[1].clone(), 63), None);
    }

    #[test]
    fn rounding_is_that_of_f64() {
        for x in -70..=70 {
            for shift in 1..5 {
                let exact = x as f64 / f64::from(1 << shift);
                assert_eq!(round(x, shift) as f64, exact.round_ties_even(), "{x} / 2^{shift}");
            }
        }
        assert_eq!(round(i64::MAX, 62), 2);
        assert_eq!(round(i64::MIN, 62), -2);
    }
}
