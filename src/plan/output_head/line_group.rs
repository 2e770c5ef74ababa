//! Rows of the output head that differ along one direction.
//!
//! Such rows are lines p·x + c over a common base. Which line of a group is highest
//! depends on x alone, and x is whole: the winners are written down for every x between
//! the first and the last crossing, ties for the lowest id; further out nothing changes. For
//! bytes, picked by 2v·r - v², that is a table of rounded and clamped r.
//!
//! Where logits may be off, it also matters by how much the winner is above all others: these are its
//! neighbours among the lines that win somewhere, and the best of those that never do (`runners.rs`).

use super::Rows;
use super::runners::Runners;
use crate::plan::expression::interval::{Interval, greatest};

/// A token's logit over its group's base: slope·x + height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Which token.
    pub token: u32,
    /// Times x.
    pub slope: i64,
    /// The constant.
    pub height: i64,
}

/// Rows that are lines along one direction.
#[derive(Clone, Debug)]
pub struct LineGroup {
    /// Σ k·basis common to all.
    pub base: Vec<(usize, i64)>,
    /// The basis expression along which they differ, if they do.
    pub along: Option<usize>,
    /// Lines that win somewhere.
    pub lines: Vec<Line>,
    /// The x of the first winner.
    pub low: i64,
    /// Winners for low, low + 1, ...: places in `lines`.
    pub winners: Vec<u32>,
    /// What the winner is compared with, if logits of the group may be off.
    pub runners: Option<Runners>,
}

impl Line {
    /// Its logit over the base; partial sums may wrap, the logit itself fits (lemma 19).
    #[inline]
    pub fn at(&self, x: i64) -> i64 {
        self.slope.wrapping_mul(x).wrapping_add(self.height)
    }
}

impl LineGroup {
    /// The winner for x.
    #[inline]
    pub fn winner(&self, x: i64) -> Line {
        self.lines[self.winner_at(x)]
    }

    /// The winner's place in `lines`.
    #[inline]
    fn winner_at(&self, x: i64) -> usize {
        let last = self.winners.len() as i64 - 1;
        let at = x.saturating_sub(self.low).clamp(0, last);
        self.winners[at as usize] as usize
    }

    /// By how much the winner's logit is greater than those of all other tokens that may differ from it;
    /// `None` if there are none. Only of groups with [`LineGroup::runners`].
    #[inline]
    pub fn margin(&self, x: i64) -> Option<i64> {
        let at = self.winner_at(x);
        let winner = self.lines[at].at(x);
        let above = |line: &Line| winner.wrapping_sub(line.at(x));
        let before = at.checked_sub(1).and_then(|at| self.lines.get(at));
        let neighbours = before.into_iter().chain(self.lines.get(at + 1)).map(above);
        let runner = self.runners.as_ref().and_then(|runners| runners.best(x)).map(above);
        neighbours.chain(runner).min()
    }

    /// The least margin for any x; `None` if there are no others.
    pub(super) fn least_margin(&self) -> Option<i64> {
        // Further out the winner rises above all others, or stays as far above them.
        (0..self.winners.len() as i64).filter_map(|at| self.margin(self.low + at)).min()
    }

    /// Bounds of the greatest line for x in an interval: no line is higher anywhere than the winners
    /// at its ends, and each line is at least what it is at one of them.
    pub fn bounds(&self, x: Interval) -> Interval {
        let ends = [x.low, x.high].map(i64::try_from);
        let [Ok(low), Ok(high)] = ends else { return self.bounds_of_each(x) };
        let at = |line: &Line, x: i64| wide(line.slope) * wide(x) + wide(line.height);
        let winners = [low, high].map(|x| self.winner_at(x));
        let most = [low, high].iter().zip(winners).map(|(&x, line)| at(&self.lines[line], x)).max();
        // Lines that rise are least at the low end, where the later of them are lower.
        let rising = self.lines.partition_point(|line| line.slope < 0);
        let risen = self.lines.get(winners[0].max(rising)).map(|line| at(line, low));
        let falling = rising.checked_sub(1).map(|last| &self.lines[winners[1].min(last)]);
        let fallen = falling.map(|line| at(line, high));
        let ends = risen.into_iter().chain(fallen).max().zip(most);
        ends.map_or(Interval::EMPTY, |(least, most)| Interval::new(least, most))
    }

    /// The same for intervals of which an end is infinite.
    fn bounds_of_each(&self, x: Interval) -> Interval {
        let of = |line: &Line| x.times(line.slope).plus(Interval::point(line.height));
        greatest(self.lines.iter().map(of))
    }
}

/// By how much the lines of `a` are above those of `b`, if that is the same for all: then which
/// group wins does not depend on x.
pub fn twins(a: &LineGroup, b: &LineGroup) -> Option<i64> {
    let by = a.lines[0].height.checked_sub(b.lines[0].height)?;
    let alike =
        |(a, b): (&Line, &Line)| a.slope == b.slope && a.height.checked_sub(b.height) == Some(by);
    let all = a.lines.len() == b.lines.len() && a.lines.iter().zip(&b.lines).all(alike);
    (all && a.along == b.along).then_some(by)
}

/// Tables of winners have at most this many entries, and so have all together.
pub const MAX_WINNERS: i128 = 1 << 20;

/// Rows as a group along a basis expression; `None` where winners would fill too long a table.
pub fn one_group(rows: &Rows, along: Option<usize>, ids: &[usize]) -> Option<LineGroup> {
    let base = rows[ids[0]].0.iter().copied().enumerate();
    let base = base.filter(|&(at, k)| k != 0 && Some(at) != along).collect();
    let lines = highest(lines(rows, along, ids));
    let along = along.filter(|_| lines.iter().any(|line| line.slope != 0));
    let (low, winners) = winners(&lines)?;
    Some(LineGroup { base, along, lines, low, winners, runners: None })
}

/// Rows as lines along a basis expression.
pub(super) fn lines(rows: &Rows, along: Option<usize>, ids: &[usize]) -> Vec<Line> {
    let line = |&id: &usize| {
        let (row, height) = &rows[id];
        let slope = along.map_or(0, |along| row[along]);
        Line { token: id as u32, slope, height: *height }
    };
    ids.iter().map(line).collect()
}

/// The lines that are highest somewhere, by ascending slope.
pub(super) fn highest(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by_key(|line| (line.slope, std::cmp::Reverse(line.height), line.token));
    lines.dedup_by_key(|line| line.slope);
    let mut kept: Vec<Line> = Vec::with_capacity(lines.len());
    for line in lines {
        while let [.., a, b] = kept[..]
            && (wide(b.height) - wide(a.height)) * (wide(line.slope) - wide(a.slope))
                < (wide(line.height) - wide(a.height)) * (wide(b.slope) - wide(a.slope))
        {
            kept.pop();
        }
        kept.push(line);
    }
    kept
}

fn wide(x: i64) -> i128 {
    i128::from(x)
}

/// The winner for every x from before the first crossing to behind the last.
fn winners(lines: &[Line]) -> Option<(i64, Vec<u32>)> {
    let crossing = |a: &Line, b: &Line| {
        (wide(a.height) - wide(b.height)).div_euclid(wide(b.slope) - wide(a.slope))
    };
    let (Some([a, b]), Some([c, d])) = (lines.first_chunk(), lines.last_chunk()) else {
        return Some((0, vec![0]));
    };
    let (low, high) = (crossing(a, b) - 1, crossing(c, d) + 2);
    if high - low > MAX_WINNERS {
        return None;
    }
    let low = i64::try_from(low).ok()?;
    let at = |line: &Line, x: i128| wide(line.slope) * x + wide(line.height);
    let mut last = 0;
    let winners = (wide(low)..=high).map(|x| {
        while last + 1 < lines.len() && at(&lines[last + 1], x) >= at(&lines[last], x) {
            last += 1;
        }
        let tied = (0..=last).rev().take_while(|&line| at(&lines[line], x) == at(&lines[last], x));
        tied.min_by_key(|&line| lines[line].token).unwrap_or(last) as u32
    });
    Some((low, winners.collect()))
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_group_gives_the_greatest_logit_with_the_lowest_id(
            lines in prop::collection::vec((-8i64..9, -40i64..41), 1..12), x in -200i64..200, y in -9i64..99,
        ) {
            let rows: Vec<(Vec<i64>, i64)> = lines.iter().map(|&(p, c)| (vec![p], c)).collect();
            let ids: Vec<usize> = (0..rows.len()).collect();
            let group = one_group(&rows, Some(0), &ids).unwrap();
            let of = |id: usize| lines[id].0 * x + lines[id].1;
            let best = ids.iter().copied().max_by_key(|&id| (of(id), Reverse(id))).unwrap();
            prop_assert_eq!(group.winner(x).token as usize, best);
            let around = Interval::new((x - 9).into(), (x + y).into());
            prop_assert_eq!(group.bounds(around), group.bounds_of_each(around));
        }
    }
}
