//! Affine combinations of atoms, exact or refused.

use crate::plan::ids::AtomId;

/// c + Σ k·atom, by ascending atom, without zero coefficients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Affine {
    /// The constant.
    pub c: i64,
    /// Atoms with their coefficients.
    pub terms: Vec<(AtomId, i64)>,
}

/// Coefficients beyond this are refused rather than overflow.
pub const MAX_COEFFICIENT: i64 = 1 << 60;

impl Affine {
    /// A constant.
    pub fn constant(c: i64) -> Affine {
        Affine { c, terms: Vec::new() }
    }

    /// One atom.
    pub fn atom(atom: AtomId) -> Affine {
        Affine { c: 0, terms: vec![(atom, 1)] }
    }

    /// Its value, if it is constant.
    pub fn as_constant(&self) -> Option<i64> {
        self.terms.is_empty().then_some(self.c)
    }

    /// The atom and coefficient, if there is one term and no constant.
    pub fn single(&self) -> Option<(AtomId, i64)> {
        match self.terms[..] {
            [term] if self.c == 0 => Some(term),
            _ => None,
        }
    }

    /// self + factor·other, unless a coefficient grows beyond all use.
    pub fn plus(&self, other: &Affine, factor: i64) -> Option<Affine> {
        Affine::sum(0, [(self, 1), (other, factor)].into_iter())
    }

    /// The sum of multiples of others and a constant, unless a coefficient grows beyond all use.
    pub fn sum<'a>(c: i64, parts: impl Iterator<Item = (&'a Affine, i64)>) -> Option<Affine> {
        let small = |c: i64| (c.unsigned_abs() <= MAX_COEFFICIENT.unsigned_abs()).then_some(c);
        let mut constant = c;
        let mut terms: Vec<(AtomId, i64)> = Vec::new();
        for (affine, k) in parts {
            // Neither is beyond MAX_COEFFICIENT, so the sum is a number.
            constant = small(small(constant)? + affine.c.checked_mul(k).and_then(small)?)?;
            for &(atom, of) in &affine.terms {
                terms.push((atom, of.checked_mul(k).and_then(small)?));
            }
        }
        terms.sort_unstable_by_key(|term| term.0);
        let mut fits = true;
        terms.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                // Neither is beyond MAX_COEFFICIENT, so the sum is a number.
                kept.1 += next.1;
                fits &= small(kept.1).is_some();
            }
            same && fits
        });
        fits.then_some(())?;
        terms.retain(|term| term.1 != 0);
        Some(Affine { c: constant, terms })
    }

    /// It over 2, if all of it is even.
    pub fn half(&self) -> Option<Affine> {
        (self.twos() >= 1).then(|| self.halved(1))
    }

    /// The coefficient of an atom.
    pub fn coefficient(&self, atom: AtomId) -> i64 {
        self.terms.iter().find(|term| term.0 == atom).map_or(0, |term| term.1)
    }

    /// How often all of it can be halved; 63 times if it is 0.
    pub fn twos(&self) -> u32 {
        let all = self.terms.iter().map(|term| term.1).chain([self.c]);
        all.map(|k| k.trailing_zeros()).min().unwrap_or(63).min(63)
    }

    /// It over 2^times, for `times` up to [`Affine::twos`].
    pub fn halved(&self, times: u32) -> Affine {
        let terms = self.terms.iter().map(|&(atom, k)| (atom, k >> times)).collect();
        Affine { c: self.c >> times, terms }
    }

    /// The same without its constant.
    pub fn without_constant(&self) -> Affine {
        Affine { c: 0, terms: self.terms.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn great() -> impl Strategy<Value = i64> {
        prop_oneof![
            -5i64..6,
            any::<i64>().prop_map(|k| k >> 4),
            (0u32..61).prop_map(|k| 1 << k),
            (0u32..61).prop_map(|k| -(1 << k)),
        ]
    }

    fn affine() -> impl Strategy<Value = Affine> {
        let terms = prop::collection::btree_map(0u32..5, great(), 0..4);
        (great(), terms).prop_map(|(c, terms)| {
            let terms = terms.into_iter().filter(|term| term.1 != 0);
            Affine { c, terms: terms.map(|(id, k)| (AtomId::from_u32(id), k)).collect() }
        })
    }

    proptest! {
        #[test]
        fn a_sum_is_the_exact_one_or_has_a_part_beyond_2_to_the_60(
            parts in prop::collection::vec((affine(), great()), 0..5), c in great(),
        ) {
            let all = |of: &dyn Fn(&Affine) -> i64| -> Vec<i128> {
                parts.iter().map(|(it, k)| i128::from(of(it)) * i128::from(*k)).collect()
            };
            let is_small = |x: i128| x.abs() <= i128::from(MAX_COEFFICIENT);
            let atoms: Vec<AtomId> = (0..5).map(AtomId::from_u32).collect();
            let constants = all(&|it| it.c);
            let terms: Vec<Vec<i128>> =
                atoms.iter().map(|&atom| all(&|it| it.coefficient(atom))).collect();
            match Affine::sum(c, parts.iter().map(|(it, k)| (it, *k))) {
                Some(sum) => {
                    prop_assert_eq!(i128::from(sum.c), i128::from(c) + constants.iter().sum::<i128>());
                    for (&atom, parts) in atoms.iter().zip(&terms) {
                        prop_assert_eq!(i128::from(sum.coefficient(atom)), parts.iter().sum());
                    }
                    prop_assert!(sum.terms.iter().all(|term| term.1 != 0));
                    prop_assert!(sum.terms.is_sorted_by_key(|term| term.0));
                }
                None => {
                    let partial = |parts: &Vec<i128>, from: i128| {
                        parts.iter().any(|x| !is_small(*x))
                            || parts.iter().scan(from, |sum, x| {
                                *sum += x;
                                Some(*sum)
                            }).any(|sum| !is_small(sum))
                    };
                    prop_assert!(
                        !is_small(c.into()) || partial(&constants, c.into())
                            || terms.iter().any(|parts| partial(parts, 0))
                    );
                }
            }
        }

        #[test]
        fn halves_are_exact(affine in affine(), times in 0u32..70) {
            let twos = affine.twos();
            let halved = affine.halved(times.min(twos));
            let back = |k: i64| k.checked_mul(1i64 << times.min(twos).min(62));
            prop_assert_eq!(back(halved.c), Some(affine.c));
            for (half, whole) in halved.terms.iter().zip(&affine.terms) {
                prop_assert_eq!((half.0, back(half.1)), (whole.0, Some(whole.1)));
            }
            prop_assert_eq!(affine.half().is_some(), twos >= 1);
            if affine != Affine::default() {
                prop_assert!(affine.halved(twos).half().is_none());
            }
        }
    }

    #[test]
    fn sums_have_each_atom_once_or_are_refused() {
        let [a, b] = [1, 2].map(|id| Affine::atom(AtomId::from_u32(id)));
        let sum = |parts: &[(&Affine, i64)]| Affine::sum(5, parts.iter().copied());
        let both =
            Affine { c: 5, terms: vec![(AtomId::from_u32(1), 3), (AtomId::from_u32(2), -1)] };
        assert_eq!(sum(&[(&a, 1), (&b, -1), (&a, 2)]), Some(both));
        assert_eq!(sum(&[(&a, 4), (&b, 0), (&a, -4)]), Some(Affine::constant(5)));
        let great = sum(&[(&a, MAX_COEFFICIENT)]).unwrap();
        // -8 times it is the least number there is, whose magnitude is none.
        for k in [2, -2, 8, -8, i64::MAX, i64::MIN] {
            assert_eq!(sum(&[(&great, k)]), None, "{k}");
        }
        assert_eq!(sum(&[(&great, 1), (&a, 1), (&a, -1)]), None);
    }
}
