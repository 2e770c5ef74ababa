//! Expressions that divide by powers of two, and products that are guarded.
//!
//! Where bounds or coefficients make the division or the guard needless, no atom is made:
//! that is how specialised code gets rid of them.

use super::affine::Affine;
use super::arena::Arena;
use super::atom::Atom;
use super::interval::Interval;
use crate::plan::limits::{MAX_PRODUCT, MAX_REGISTER};

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
        let saturates = affine
            .single()
            .is_some_and(|(atom, k)| k == 1 && matches!(self.atom(atom), Atom::Piece { .. }));
        (saturates || bounds.is_within(MAX_REGISTER)).then_some(())?;
        let within = Interval::new(-i128::from(MAX_PRODUCT), MAX_PRODUCT.into());
        let bounds = bounds.intersection(within);
        Some(Affine::atom(self.intern(Atom::Guarded(affine), bounds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
