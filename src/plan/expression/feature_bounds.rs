//! Bounds of sums of features of one token.
//!
//! Features of one place are bounded *together*, over the tokens that may stand there: the test
//! of an opcode (two features) is at most 1 only jointly. What was asked once is kept, and what
//! is known of places other than the latest holds for every class of the latest token.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::plan::expression::arena::{Bounds, Features};

/// A sum of features, by ascending column.
pub type Columns = Vec<(usize, i64)>;

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
    now: Asked,
    elsewhere: Asked,
    /// What another was asked of other places.
    shared: Arc<Asked>,
}

/// Bounds that were asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Of single features, by column.
    single: Vec<Option<Bounds>>,
    sums: FxHashMap<Columns, Bounds>,
}

impl FeatureBounds {
    /// For histories whose latest token is one of `current`.
    pub fn new(features: Arc<Features>, current: Vec<usize>) -> FeatureBounds {
        let nothing = Asked { single: vec![None; features.columns.len()], ..Asked::default() };
        let (now, elsewhere) = (nothing.clone(), nothing.clone());
        FeatureBounds { features, current, now, elsewhere, shared: Arc::new(nothing) }
    }

    /// The same for fewer tokens. What is `shared` is [`FeatureBounds::elsewhere`] of this one.
    pub fn narrowed(&self, current: Vec<usize>, shared: Arc<Asked>) -> FeatureBounds {
        FeatureBounds { shared, ..FeatureBounds::new(self.features.clone(), current) }
    }

    /// What was asked of other places.
    pub fn elsewhere(&self) -> Arc<Asked> {
        Arc::new(self.elsewhere.clone())
    }

    /// Whether no token may stand at the latest position.
    pub fn is_impossible(&self) -> bool {
        self.current.is_empty()
    }

    /// Of one feature.
    pub fn feature(&mut self, stands: Stands, column: usize) -> Bounds {
        let asked = match stands {
            Stands::Now => self.now.single[column],
            Stands::Elsewhere => self.elsewhere.single[column].or(self.shared.single[column]),
        };
        asked.unwrap_or_else(|| {
            let bounds = self.over(stands, &[(column, 1)]);
            self.asked(stands).single[column] = Some(bounds);
            bounds
        })
    }

    /// Of a sum of features of one token, by ascending column.
    pub fn sum(&mut self, stands: Stands, columns: &[(usize, i64)]) -> Bounds {
        if let [(column, k)] = *columns {
            return self.feature(stands, column).times(k as f64);
        }
        let asked = match stands {
            Stands::Now => self.now.sums.get(columns),
            Stands::Elsewhere => {
                self.elsewhere.sums.get(columns).or_else(|| self.shared.sums.get(columns))
            }
        };
        asked.copied().unwrap_or_else(|| {
            let bounds = self.over(stands, columns);
            self.asked(stands).sums.insert(columns.to_vec(), bounds);
            bounds
        })
    }

    fn asked(&mut self, stands: Stands) -> &mut Asked {
        match stands {
            Stands::Now => &mut self.now,
            Stands::Elsewhere => &mut self.elsewhere,
        }
    }

    /// Over all tokens that may stand there.
    fn over(&self, stands: Stands, terms: &[(usize, i64)]) -> Bounds {
        let columns = &self.features.columns;
        let of = |token: usize| -> f64 {
            terms.iter().map(|&(column, k)| k as f64 * columns[column][token] as f64).sum()
        };
        let widen = |bounds: Bounds, x: f64| Bounds::new(bounds.low.min(x), bounds.high.max(x));
        let none = Bounds::new(f64::INFINITY, f64::NEG_INFINITY);
        match stands {
            Stands::Now => self.current.iter().map(|&token| of(token)).fold(none, widen),
            Stands::Elsewhere => (0..self.features.tokens).map(of).fold(none, widen),
        }
    }
}
