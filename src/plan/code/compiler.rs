//! Makes code when it is first needed.
//!
//! A step runs two pieces of code. The first knows the token's class and brings up to date what
//! the selected-token class and the age depend on. The second knows all three, brings the rest up to date and
//! predicts. A history meets few of all combinations, so each is made when it is met. The
//! [`Compiler`] keeps the tables of token features that code reads.

use std::sync::Arc;

use cranelift_entity::EntitySet;
use rustc_hash::FxHashMap;

use super::liveness::Needed;
use super::lower::Lowering;
use super::op::{Op, TokenTable};
use super::specialise::{self, Known};
use crate::plan::expression::feature_bounds::{Columns, FeatureBounds};
use crate::plan::expression::function::{self, Function, Functions};
use crate::plan::expression::interval::{Interval, greatest};
use crate::plan::ids::TableId;
use crate::plan::{Plan, Refusal};

/// Where the values of such a sum stand.
#[derive(Clone, Copy, Debug)]
pub struct Looked {
    /// The table with which they begin.
    pub table: TokenTable,
    /// The first number that has a value of its own.
    pub from: i32,
    /// One less than the number of values.
    pub last: u16,
}

/// Makes code for one plan.
#[derive(Debug)]
pub struct Compiler<'p> {
    pub(super) plan: &'p Plan,
    /// Tables of the vocabulary's length, one after the other.
    tables: Vec<i64>,
    /// The first of tables that stand together.
    names: FxHashMap<Vec<Columns>, TokenTable>,
    /// Sums of functions of one expression, which stand among the tables.
    functions: FxHashMap<Functions, Looked>,
    /// Tables under whose key 0 only position 0 is ever written.
    pub(super) leaves_zero: Arc<EntitySet<TableId>>,
    /// By class, what is known of tokens.
    feature_bounds: FxHashMap<u16, FeatureBounds>,
    /// Bounds of the greatest point of plane groups, by group and bounds of x and y.
    plane_bounds: FxHashMap<(usize, [Interval; 2]), Interval>,
    /// Terms and tokens that were looked at so far.
    work: u64,
}

impl<'p> Compiler<'p> {
    /// Without any code yet.
    pub fn new(plan: &'p Plan) -> Compiler<'p> {
        let (names, functions) = (FxHashMap::default(), FxHashMap::default());
        let (feature_bounds, plane_bounds) = (FxHashMap::default(), FxHashMap::default());
        let leaves_zero = specialise::leaves_zero(plan);
        let tables = Vec::new();
        Compiler {
            plan,
            tables,
            names,
            functions,
            leaves_zero,
            feature_bounds,
            plane_bounds,
            work: 0,
        }
    }

    /// Tables of token features, each as long as the vocabulary.
    pub fn token_tables(&self) -> &[i64] {
        &self.tables
    }

    /// The code that comes before the selected-token class and the age are known.
    pub fn first(&mut self, class: u16) -> Result<Vec<Op>, Refusal> {
        let plan = self.plan;
        let known = Known { class, selected: None, age: None };
        let mut lowering = Lowering::new(self, known, Needed::default());
        let made = lowering.remaining(&plan.live.first).and_then(|()| lowering.select());
        lowering.finish(made)
    }

    /// The code that does the rest of a step, with a prediction or without.
    pub fn second(&mut self, known: Known, predicts: bool) -> Result<Vec<Op>, Refusal> {
        let plan = self.plan;
        let mut lowering = Lowering::new(self, known, plan.live.first.clone());
        let mut made = Some(());
        if predicts {
            made = lowering.predict();
        }
        let made = made
            .and_then(|()| lowering.remaining(&plan.live.needed))
            .and_then(|()| lowering.guards(predicts));
        lowering.finish(made)
    }

    /// What is known of tokens when the latest is of a class, until [`Compiler::keep`].
    pub(super) fn feature_bounds(&mut self, class: u16) -> FeatureBounds {
        self.feature_bounds
            .remove(&class)
            .unwrap_or_else(|| specialise::feature_bounds(self.plan, class))
    }

    /// Terms and tokens that were looked at so far.
    pub fn work(&self) -> u64 {
        self.work
    }

    /// Keeps what has become known for the next piece of code, which took so much work.
    pub(super) fn keep(&mut self, class: u16, feature_bounds: FeatureBounds, work: u64) {
        self.work += work;
        self.feature_bounds.insert(class, feature_bounds);
    }

    /// Bounds of the greatest point of a plane group for x and y within bounds.
    pub(super) fn plane_bounds(&mut self, group: usize, [x, y]: [Interval; 2]) -> Interval {
        let points = &self.plan.output.plane_groups[group];
        *self.plane_bounds.entry((group, [x, y])).or_insert_with(|| {
            greatest(points.points().map(|point| x.times(point.p).plus(y.times(point.q))))
        })
    }

    /// Tables of sums of token features, one after the other: the first of them.
    pub(super) fn tables(&mut self, sums: Vec<Columns>) -> Option<TokenTable> {
        if let Some(&first) = self.names.get(&sums) {
            return Some(first);
        }
        let features = &self.plan.features;
        let first = self.tables.len() / features.tokens;
        TokenTable::try_from(first + sums.len()).ok()?;
        for terms in &sums {
            self.tables.extend((0..features.tokens).map(|token| -> i64 {
                let of = |&(feature, k)| features.columns[feature][token].wrapping_mul(k);
                terms.iter().map(of).fold(0, i64::wrapping_add)
            }));
        }
        self.names.insert(sums, first as TokenTable);
        Some(first as TokenTable)
    }

    /// The values of a sum of functions, in as many tables as they need.
    pub(super) fn functions(&mut self, sum: Functions) -> Option<Looked> {
        if let Some(&known) = self.functions.get(&sum) {
            return Some(known);
        }
        let everywhere = Interval::new(i64::MIN.into(), i64::MAX.into());
        let (from, to) = function::domain(sum.iter().map(|term| &term.0), everywhere);
        let last = u16::try_from(to - from).ok()?;
        let vocabulary = self.plan.features.tokens;
        let first = self.tables.len() / vocabulary;
        let table = TokenTable::try_from(first).ok()?;
        let at = |x: i64| -> i64 {
            let of = |(function, k): &(Function, i64)| function.at(x.into()).wrapping_mul(*k);
            sum.iter().map(of).fold(0, i64::wrapping_add)
        };
        self.tables.extend((from..=to).map(at));
        self.tables.resize(self.tables.len().next_multiple_of(vocabulary), 0);
        self.work += (usize::from(last) + 1) as u64 * sum.len() as u64;
        let looked = Looked { table, from: i32::try_from(from).ok()?, last };
        self.functions.insert(sum, looked);
        Some(looked)
    }
}
