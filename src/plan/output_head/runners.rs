//! Lines of a group that never win, of which the best may come near the winner.
//!
//! At any x the values of lines that win somewhere, by ascending slope, rise to the winner and fall
//! behind it, so the best of them but for the winner is one of its neighbours. All other lines are kept
//! here, as far as one of them is the best of these somewhere; for an x it is found by bisection, for
//! their values rise and fall, too.
//!
//! A token whose weights are those of a line that wins, every one of them, has the very same logit in
//! the reference, and a greater id: it is left out (lemma 30 of docs/plan.md).

use super::line_group::{Line, LineGroup, highest};

/// The lines of a group that never win, the best of them.
#[derive(Clone, Debug)]
pub struct Runners {
    /// By ascending slope.
    lines: Vec<Line>,
    /// The group's least margin, for any x; `None` if all of its tokens are the same.
    pub least_margin: Option<i64>,
}

impl Runners {
    /// The best at x.
    #[inline]
    pub fn best(&self, x: i64) -> Option<&Line> {
        let gain = |pair: &[Line; 2]| pair[1].at(x).wrapping_sub(pair[0].at(x));
        let (mut best, mut end) = (0, self.lines.len().checked_sub(1)?);
        while best < end {
            let middle = best + (end - best) / 2;
            if gain(&[self.lines[middle], self.lines[middle + 1]]) > 0 {
                best = middle + 1;
            } else {
                end = middle;
            }
        }
        self.lines.get(best)
    }
}

/// A group that knows by how much its winner is above all others: `all` are its lines, and `same` says
/// of two tokens whether all their weights are the same.
pub fn with_runners(
    group: LineGroup,
    all: Vec<Line>,
    same: impl Fn(u32, u32) -> bool,
) -> LineGroup {
    let is_winner = |line: &Line| {
        let wins = group.lines.iter().find(|wins| wins.slope == line.slope);
        wins.is_some_and(|wins| {
            wins.height == line.height && (wins.token == line.token || same(wins.token, line.token))
        })
    };
    let lines = highest(all.into_iter().filter(|line| !is_winner(line)).collect());
    let mut group = LineGroup { runners: Some(Runners { lines, least_margin: None }), ..group };
    let least = group.least_margin();
    if let Some(runners) = &mut group.runners {
        runners.least_margin = least;
    }
    group
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::output_head::line_group::{lines, one_group};

    proptest! {
        #[test]
        fn a_margin_is_how_far_the_winner_is_above_all_that_may_differ(
            rows in prop::collection::vec((-8i64..9, -40i64..41, 0u8..2), 1..14), x in -200i64..200,
        ) {
            // Lines of one slope and height are of the same weights, or of others that mean the same.
            let heads: Vec<(Vec<i64>, i64)> = rows.iter().map(|&(p, c, _)| (vec![p], c)).collect();
            let ids: Vec<usize> = (0..rows.len()).collect();
            let same = |a: u32, b: u32| rows[a as usize] == rows[b as usize];
            let group = one_group(&heads, Some(0), &ids).unwrap();
            let group = with_runners(group, lines(&heads, Some(0), &ids), same);
            let logit = |id: usize| rows[id].0 * x + rows[id].1;
            let winner = group.winner(x).token;
            // What is the same as another winner of the group ties with that one.
            let others = ids.iter().filter(|&&id| {
                let id = id as u32;
                id != winner && !group.lines.iter().any(|line| line.token != id && same(line.token, id))
            });
            let expected = others.map(|&id| logit(winner as usize) - logit(id)).min();
            prop_assert_eq!(group.margin(x), expected);
            let least = (-300..300).filter_map(|x| group.margin(x)).min();
            let runners = group.runners.unwrap();
            prop_assert_eq!(runners.least_margin, least);
        }
    }
}
