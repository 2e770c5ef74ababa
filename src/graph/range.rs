//! Bounds and wholeness of every value of a graph, whatever the history.
//!
//! Sums of whole numbers below 2⁵³ are exact in every order. The scheduler may
//! therefore overwrite one such value by another in place (add the difference);
//! for anything else it must not. The analysis is plain interval arithmetic over
//! the graph: features by their table, positions up to [`LONGEST`], a fetched
//! value within the bounds of what is fetched, a mean never whole.

use super::{Graph, Linear, Node, Value};
use crate::model::HeadKind;

/// Histories are shorter than this many tokens.
pub(crate) const LONGEST: f64 = (1u64 << 32) as f64;

/// Whole numbers up to here may be added and subtracted in any order, a few at a
/// time, without rounding.
const SAFE: f64 = (1u64 << 50) as f64;

/// Least and greatest value, and whether all are whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    /// Least value.
    pub low: f64,
    /// Greatest value.
    pub high: f64,
    /// Whether every value is a whole number.
    pub whole: bool,
}

impl Range {
    /// Whole numbers between two bounds.
    pub(crate) fn whole(low: f64, high: f64) -> Range {
        Range { low, high, whole: true }
    }

    /// Whether values may be added and subtracted in any order without rounding.
    pub(crate) fn is_exact(self) -> bool {
        self.whole && self.low.abs() <= SAFE && self.high.abs() <= SAFE
    }

    /// Whether a number is within the range.
    pub(crate) fn contains(self, number: f64) -> bool {
        (self.low..=self.high).contains(&number) && (!self.whole || number.fract() == 0.0)
    }

    fn of_all(numbers: impl Iterator<Item = f64>) -> Range {
        numbers.fold(Range::whole(0.0, 0.0), |range, x| Range {
            low: range.low.min(x),
            high: range.high.max(x),
            whole: range.whole && x.fract() == 0.0,
        })
    }

    fn plus(self, other: Range) -> Range {
        Range {
            low: self.low + other.low,
            high: self.high + other.high,
            whole: self.whole && other.whole,
        }
    }

    fn times(self, other: Range) -> Range {
        let corners = [
            self.low * other.low,
            self.low * other.high,
            self.high * other.low,
            self.high * other.high,
        ];
        let whole = self.whole && other.whole;
        Range { whole, ..Range::of_all(corners.into_iter()) }
    }
}

/// The range of each value, by index.
pub(crate) fn ranges(graph: &Graph) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::with_capacity(graph.len());
    for value in graph.values() {
        let range = match graph.origin(value) {
            Node::Feature(table) => Range::of_all(table.iter().copied()),
            Node::Position => Range::whole(0.0, LONGEST),
            Node::InverseLog => {
                Range { low: 0.0, high: 1.0 / std::f64::consts::LN_2, whole: false }
            }
            Node::PositionSquared => Range::whole(0.0, LONGEST * LONGEST),
            Node::Persist(linear) => of_linear(linear, &ranges),
            Node::Unit { gate, factor } => {
                let gate = of_linear(gate, &ranges);
                let open = Range { low: gate.low.max(0.0), high: gate.high.max(0.0), ..gate };
                open.times(of_linear(factor, &ranges))
            }
            Node::Fetched { fetch, part } => {
                let fetch = &graph.fetches()[fetch.index()];
                let fetched = of_linear(&fetch.values[*part], &ranges);
                Range { whole: fetched.whole && fetch.kind != HeadKind::Mean, ..fetched }
            }
        };
        let claimed = graph.claims.iter().find(|claim| claim.0 == value).map(|claim| claim.1);
        ranges.push(claimed.unwrap_or(range));
    }
    ranges
}

fn of_linear(linear: &Linear, ranges: &[Range]) -> Range {
    linear
        .terms()
        .iter()
        .map(|&(value, c): &(Value, f64)| {
            ranges[value.index()].times(Range { low: c, high: c, whole: c.fract() == 0.0 })
        })
        .fold(Range::whole(0.0, 0.0), Range::plus)
}
