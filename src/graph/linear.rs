//! Linear combinations of values: the arithmetic that costs nothing, for a
//! matrix folds it into whatever reads it.

use std::ops::{Add, Mul, Neg, Sub};

use super::Value;

/// Σ coefficient · value, each value at most once, in ascending order, with no
/// zero coefficient.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Linear {
    terms: Vec<(Value, f64)>,
}

impl Linear {
    /// The combination that is always 0.
    pub(crate) fn zero() -> Linear {
        Linear::default()
    }

    /// The terms, by ascending value.
    pub(crate) fn terms(&self) -> &[(Value, f64)] {
        &self.terms
    }

    /// Whether no term is left.
    pub(crate) fn is_zero(&self) -> bool {
        self.terms.is_empty()
    }

    /// The coefficient of a value.
    pub(crate) fn coefficient(&self, value: Value) -> f64 {
        self.terms.binary_search_by_key(&value, |term| term.0).map_or(0.0, |at| self.terms[at].1)
    }

    /// The part whose values satisfy `keep`.
    pub(crate) fn filtered(&self, keep: impl Fn(Value) -> bool) -> Linear {
        Linear { terms: self.terms.iter().copied().filter(|term| keep(term.0)).collect() }
    }

    /// The sum with every value replaced by what `of` gives for it.
    pub(crate) fn evaluate(&self, of: impl Fn(Value) -> f64) -> f64 {
        self.terms.iter().map(|&(value, coefficient)| coefficient * of(value)).sum()
    }
}

impl From<Value> for Linear {
    fn from(value: Value) -> Linear {
        Linear { terms: vec![(value, 1.0)] }
    }
}

impl FromIterator<(Value, f64)> for Linear {
    fn from_iter<I: IntoIterator<Item = (Value, f64)>>(terms: I) -> Linear {
        let mut sorted: Vec<(Value, f64)> = terms.into_iter().collect();
        sorted.sort_by_key(|term| term.0);
        let mut terms: Vec<(Value, f64)> = Vec::with_capacity(sorted.len());
        for (value, coefficient) in sorted {
            match terms.last_mut() {
                Some(last) if last.0 == value => last.1 += coefficient,
                _ => terms.push((value, coefficient)),
            }
        }
        terms.retain(|term| term.1 != 0.0);
        Linear { terms }
    }
}

impl std::iter::Sum for Linear {
    fn sum<I: Iterator<Item = Linear>>(parts: I) -> Linear {
        parts.flat_map(|part| part.terms).collect()
    }
}

impl Mul<f64> for Linear {
    type Output = Linear;
    fn mul(self, factor: f64) -> Linear {
        self.terms.into_iter().map(|(value, c)| (value, c * factor)).collect()
    }
}

impl Mul<f64> for Value {
    type Output = Linear;
    fn mul(self, factor: f64) -> Linear {
        Linear::from(self) * factor
    }
}

impl<T: Into<Linear>> Add<T> for Linear {
    type Output = Linear;
    fn add(self, other: T) -> Linear {
        self.terms.into_iter().chain(other.into().terms).collect()
    }
}

impl<T: Into<Linear>> Sub<T> for Linear {
    type Output = Linear;
    fn sub(self, other: T) -> Linear {
        self + other.into() * -1.0
    }
}

impl<T: Into<Linear>> Add<T> for Value {
    type Output = Linear;
    fn add(self, other: T) -> Linear {
        Linear::from(self) + other
    }
}

impl<T: Into<Linear>> Sub<T> for Value {
    type Output = Linear;
    fn sub(self, other: T) -> Linear {
        Linear::from(self) - other
    }
}

impl Neg for Linear {
    type Output = Linear;
    fn neg(self) -> Linear {
        self * -1.0
    }
}

impl Neg for Value {
    type Output = Linear;
    fn neg(self) -> Linear {
        self * -1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_merge_and_cancelled_ones_vanish() {
        let (a, b) = (Value(0), Value(1));
        let sum = b * 2.0 + a - b + a * 3.0;
        assert_eq!(sum.terms(), [(a, 4.0), (b, 1.0)]);
        assert!((sum.clone() - sum).is_zero());
        assert_eq!((a + b).coefficient(b), 1.0);
        assert_eq!((a * 5.0).evaluate(|_| 2.0), 10.0);
    }
}
