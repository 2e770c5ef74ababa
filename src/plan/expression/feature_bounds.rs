//! Bounds of sums of features of one token, and of functions of one expression.
//!
//! Features of one place are bounded *together*, over the tokens that may stand there: the test
//! of a code by two features is at most 1 only jointly. Bounds that were computed once are kept,
//! and what is known of places other than the latest holds for every class of the latest token.

use std::sync::Arc;

use cranelift_entity::SecondaryMap;
use rustc_hash::FxHashMap;

use super::arena::Features;
use super::function::{Function, Functions};
use super::interval::Interval;
use crate::plan::ids::FeatureId;

/// A sum of multiples of features, by ascending feature.
pub type Columns = Vec<(FeatureId, i64)>;

/// Functions are bounded together at so many numbers, which is enough for two that are near.
const MOST_NUMBERS: u64 = 1 << 17;

/// Where a token stands, as far as it is known what may stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// At the latest position.
    Now,
    /// At any other place.
    Elsewhere,
}

/// Bounds, and the tokens that may stand at the latest position.
#[derive(Clone, Debug)]
pub struct FeatureBounds {
    features: Arc<Features>,
    current: Vec<usize>,
    now: Known,
    elsewhere: Known,
    /// What was computed of other places, and of functions, before tokens were fewer.
    shared: Arc<Known>,
    /// Tokens that were looked at.
    pub work: u64,
}

/// Bounds that were computed.
#[derive(Clone, Debug, Default)]
pub struct Known {
    single: SecondaryMap<FeatureId, Option<Interval>>,
    sums: FxHashMap<Columns, Interval>,
    /// Sums of multiples of functions, with the numbers from and to which they are bounded: no class of
    /// tokens matters to these.
    functions: FxHashMap<(Functions, i64, i64), Interval>,
}

impl FeatureBounds {
    /// For histories whose latest token is one of `current`.
    pub fn new(features: Arc<Features>, current: Vec<usize>) -> FeatureBounds {
        let (now, elsewhere, shared) = Default::default();
        FeatureBounds { features, current, now, elsewhere, shared, work: 0 }
    }

    /// The same for fewer tokens. What is `shared` is [`FeatureBounds::elsewhere`] of this one.
    pub fn narrowed(&self, current: Vec<usize>, shared: Arc<Known>) -> FeatureBounds {
        FeatureBounds { shared, ..FeatureBounds::new(self.features.clone(), current) }
    }

    /// What was computed of other places, and of functions.
    pub fn elsewhere(&self) -> Arc<Known> {
        Arc::new(self.elsewhere.clone())
    }

    /// Whether no token may stand at the latest position.
    pub fn is_impossible(&self) -> bool {
        self.current.is_empty()
    }

    /// Of one feature.
    pub fn feature(&mut self, stands: Stands, feature: FeatureId) -> Interval {
        let known = match stands {
            Stands::Now => self.now.single[feature],
            Stands::Elsewhere => self.elsewhere.single[feature].or(self.shared.single[feature]),
        };
        known.unwrap_or_else(|| {
            let bounds = self.over(stands, &[(feature, 1)]);
            self.known(stands).single[feature] = Some(bounds);
            bounds
        })
    }

    /// Of a sum of features of one token, by ascending feature.
    pub fn sum(&mut self, stands: Stands, columns: &[(FeatureId, i64)]) -> Interval {
        if let [(feature, k)] = *columns {
            return self.feature(stands, feature).times(k);
        }
        let known = match stands {
            Stands::Now => self.now.sums.get(columns),
            Stands::Elsewhere => {
                self.elsewhere.sums.get(columns).or_else(|| self.shared.sums.get(columns))
            }
        };
        known.copied().unwrap_or_else(|| {
            let bounds = self.over(stands, columns);
            self.known(stands).sums.insert(columns.to_vec(), bounds);
            bounds
        })
    }

    /// Of a sum of multiples of functions at the same number, from one to another. Where there are too many
    /// numbers each function has its own bounds.
    pub fn functions(&mut self, sum: Functions, (from, to): (i64, i64)) -> Interval {
        let key = (sum, from, to);
        let known = self.elsewhere.functions.get(&key);
        if let Some(&known) = known.or_else(|| self.shared.functions.get(&key)) {
            return known;
        }
        let of = |terms: &[(Function, i64)], x: i64| -> i128 {
            terms.iter().map(|(f, k)| i128::from(*k) * i128::from(f.at(x.into()))).sum()
        };
        let over = |terms: &[(Function, i64)]| {
            (from..=to).map(|x| of(terms, x)).fold(Interval::EMPTY, Interval::including)
        };
        let numbers = (to - from).max(0) as u64 + 1;
        let bounds = if numbers <= MOST_NUMBERS {
            self.work += numbers * key.0.len() as u64;
            over(&key.0)
        } else {
            let each = key.0.iter().map(|(f, k)| f.bounds().times(*k));
            each.fold(Interval::point(0), Interval::plus)
        };
        self.elsewhere.functions.insert(key, bounds);
        bounds
    }

    fn known(&mut self, stands: Stands) -> &mut Known {
        match stands {
            Stands::Now => &mut self.now,
            Stands::Elsewhere => &mut self.elsewhere,
        }
    }

    /// Over all tokens that may stand there.
    fn over(&mut self, stands: Stands, terms: &[(FeatureId, i64)]) -> Interval {
        self.work += (self.features.tokens * terms.len()) as u64;
        match stands {
            Stands::Now => over(&self.features, self.current.iter().copied(), terms),
            Stands::Elsewhere => over(&self.features, 0..self.features.tokens, terms),
        }
    }
}

/// Bounds of a sum of features over tokens.
fn over(
    features: &Features,
    tokens: impl Iterator<Item = usize>,
    terms: &[(FeatureId, i64)],
) -> Interval {
    let columns = &features.columns;
    let total = terms.iter().fold(0u64, |sum, term| sum.saturating_add(term.1.unsigned_abs()));
    // Features are below 2^50: small multiples of few of them fit i64, and any others i128.
    if total <= 1 << 12 {
        let of = |token: usize| -> i64 {
            terms.iter().map(|&(feature, k)| k * columns[feature][token]).sum()
        };
        let ends =
            tokens.map(of).fold((i64::MAX, i64::MIN), |(low, high), x| (low.min(x), high.max(x)));
        return Interval::new(ends.0.into(), ends.1.into());
    }
    let of = |token: usize| -> i128 {
        let term = |&(feature, k)| i128::from(k) * i128::from(columns[feature][token]);
        terms.iter().map(term).sum()
    };
    tokens.map(of).fold(Interval::EMPTY, Interval::including)
}
