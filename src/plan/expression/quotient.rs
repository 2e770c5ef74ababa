//! Expressions that divide by powers of two, and products that are guarded.
//!
//! Where bounds or coefficients make the division or the guard needless, no atom is made:
//! that is how specialised code gets rid of them.

use crate::plan::expression::affine::Affine;
use crate::plan::expression::arena::{Arena, Atom, Bounds};
use crate::plan::fuse::rounding::MAX_PRODUCT;

/// x / 2^shift, rounded, ties to even; `shift` is 1 to 62.
pub fn round(x: i64, shift: u32) -> i64 {
    let floor = x >> shift;
    let rest = x - (floor << shift);
    let half = 1i64 << (shift - 1);
    floor + i64::from(rest > half || (rest == half && floor & 1 == 1))
}

/// Registers must not overflow, whatever the bounds of doubles say.
const WIDEST: f64 = (1u64 << 61) as f64;

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
        (bounds.magnitude() < WIDEST).then_some(())?;
        let bounds = bounds.times(0.5f64.powi(shift as i32));
        let bounds = Bounds::new(bounds.low.round_ties_even(), bounds.high.round_ties_even());
        Some(Affine::atom(self.intern(Atom::Rounded { affine, shift }, bounds)))
    }

    /// A whole expression over 2^shift, guarded to be whole.
    pub fn whole(&mut self, affine: &Affine, shift: u32) -> Option<Affine> {
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
        (bounds.magnitude() < WIDEST).then_some(())?;
        let bounds = bounds.times(0.5f64.powi(shift as i32));
        let bounds = Bounds::new(bounds.low.ceil(), bounds.high.floor());
        let atom = self.intern(Atom::Whole { affine: odd, shift }, bounds);
        even.plus(&Affine::atom(atom), 1)
    }

    /// An expression, guarded to stay within ±[`MAX_PRODUCT`].
    pub fn guarded(&mut self, affine: Affine) -> Option<Affine> {
        let bounds = self.bounds(&affine);
        let most = MAX_PRODUCT as f64;
        if bounds.magnitude() <= most {
            return Some(affine);
        }
        // A single product saturates, anything else must fit.
        let saturates = affine
            .single()
            .is_some_and(|(atom, k)| k == 1 && matches!(self.atom(atom), Atom::Piece { .. }));
        (saturates || bounds.magnitude() < WIDEST).then_some(())?;
        let bounds = Bounds::new(bounds.low.max(-most), bounds.high.min(most));
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
    }
}
