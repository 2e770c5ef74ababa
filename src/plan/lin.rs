//! Linear combinations of atoms, exact or refused.

/// An atom of an arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AtomId(pub(super) u32);

/// c + Σ k·atom, by ascending atom, without zero coefficients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lin {
    /// The constant.
    pub c: i64,
    /// Atoms with their coefficients.
    pub terms: Vec<(AtomId, i64)>,
}

/// Coefficients beyond this are refused rather than overflow.
pub const GREATEST: i64 = 1 << 60;

impl Lin {
    /// A constant.
    pub fn constant(c: i64) -> Lin {
        Lin { c, terms: Vec::new() }
    }

    /// One atom.
    pub fn atom(atom: AtomId) -> Lin {
        Lin { c: 0, terms: vec![(atom, 1)] }
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
    pub fn plus(&self, other: &Lin, factor: i64) -> Option<Lin> {
        Lin::sum(0, [(self, 1), (other, factor)].into_iter())
    }

    /// The sum of multiples of others and a constant, unless a coefficient grows beyond all use.
    pub fn sum<'a>(c: i64, parts: impl Iterator<Item = (&'a Lin, i64)>) -> Option<Lin> {
        let small = |c: i64| (c.abs() <= GREATEST).then_some(c);
        let mut constant = c;
        let mut terms: Vec<(AtomId, i64)> = Vec::new();
        for (lin, k) in parts {
            constant = small(constant + lin.c.checked_mul(k).and_then(small)?)?;
            for &(atom, of) in &lin.terms {
                terms.push((atom, of.checked_mul(k).and_then(small)?));
            }
        }
        terms.sort_unstable_by_key(|term| term.0);
        // Equal atoms stand together: each becomes one term, in place.
        let mut kept = 0;
        for at in 0..terms.len() {
            if kept > 0 && terms[kept - 1].0 == terms[at].0 {
                terms[kept - 1].1 = small(terms[kept - 1].1 + terms[at].1)?;
            } else {
                terms[kept] = terms[at];
                kept += 1;
            }
        }
        terms.truncate(kept);
        terms.retain(|term| term.1 != 0);
        Some(Lin { c: constant, terms })
    }

    /// How often all of it can be halved; 63 times if it is 0.
    pub fn twos(&self) -> u32 {
        let all = self.terms.iter().map(|term| term.1).chain([self.c]);
        all.map(|k| k.trailing_zeros()).min().unwrap_or(63).min(63)
    }

    /// It over 2^times, for `times` up to [`Lin::twos`].
    pub fn halved(&self, times: u32) -> Lin {
        let terms = self.terms.iter().map(|&(atom, k)| (atom, k >> times)).collect();
        Lin { c: self.c >> times, terms }
    }

    /// The same without its constant.
    pub fn without_constant(&self) -> Lin {
        Lin { c: 0, terms: self.terms.clone() }
    }
}
