//! Keys that name their own position, as heads of kind gather have them: which positions win.
//!
//! With keys (2s, -s² + ε) and q = qx/qy the score over qy is q² - (s - q)² + ε.
//! Missing a whole q by one costs at least 1, more than ε < 1 can give back, so
//! the winner is s = round(q), clamped to 0..=t. Half-way between two positions
//! both tie under average, where ε must be 0, and the later wins under latest,
//! where ε never shrinks. Whether q *is* half-way is decided exactly: the
//! remainder of a division, qx - q·qy, is itself an f64.
//!
//! Values do not come into it: heads with the same keys and queries share their winners.

use super::admission::{Admission, is_within};
use super::recency::Recency;
use super::{Violation, ViolationAt};
use crate::model::{HeadKind, TieBreak};

const KIND: HeadKind = HeadKind::Gather;

/// The keys of all positions, of which only how many there are must be kept.
#[derive(Clone, Debug)]
pub(crate) struct OwnKeys {
    tie: TieBreak,
    admission: Admission,
    recency: Recency,
}

/// Of consecutive positions, the positions that win.
#[derive(Clone, Debug, Default)]
pub(crate) struct Winners {
    /// The one; of two that tie, the later.
    pub latest: Vec<u32>,
    /// Where two tie under average: the place, and the earlier of the two.
    pub halves: Vec<(usize, u32)>,
}

impl OwnKeys {
    /// Those of no position.
    pub(crate) fn new(tie: TieBreak) -> Self {
        Self { tie, admission: Admission::new(), recency: Recency::default() }
    }

    /// Takes the key of the next position.
    #[inline]
    pub(crate) fn insert(&mut self, key: [f64; 2]) -> Result<(), Violation> {
        let position = self.admission.check_key(key)?;
        self.recency = self.check(position, key)?;
        self.admission.admit();
        Ok(())
    }

    /// Takes the keys of the next positions, component by component.
    pub(crate) fn insert_all(&mut self, keys: [&[f64]; 2]) -> Result<(), ViolationAt> {
        for (before, (&x, &y)) in keys[0].iter().zip(keys[1]).enumerate() {
            self.insert([x, y]).map_err(|violation| ViolationAt { before, violation })?;
        }
        Ok(())
    }

    /// Whether this is the key of its position, and the recency after it.
    #[inline]
    fn check(&self, position: u32, key: [f64; 2]) -> Result<Recency, Violation> {
        let s = f64::from(position);
        if key[0] != 2.0 * s {
            return Err(Violation::NotThisPosition { position, key });
        }
        let found = key[1] + s * s;
        match self.tie {
            // s² of a whole s is rounded at most once, here and by the builder alike.
            TieBreak::Average if found == 0.0 => Ok(self.recency),
            TieBreak::Average => {
                Err(Violation::OffParabola { kind: KIND, position, key, by: found })
            }
            TieBreak::Latest => {
                let slack = Recency::slack(s, 0.0);
                self.recency.after(KIND, position, key, (found, slack))
            }
        }
    }

    /// The positions that win at the latest position: the earlier and the later of two that tie
    /// under average, else twice the same.
    #[inline]
    pub(crate) fn winners(&self, query: [f64; 2]) -> Result<(u32, u32), Violation> {
        self.winners_at(self.admission.latest()?, query)
    }

    /// The same at an earlier position, of those up to it.
    #[inline]
    fn winners_at(&self, position: u32, query: [f64; 2]) -> Result<(u32, u32), Violation> {
        Admission::check_query_at(position, query)?;
        if position == 0 {
            return Ok((0, 0));
        }
        if query[1] <= 0.0 {
            return Err(Violation::Direction { kind: KIND, position, query });
        }
        let (low, high) = nearest(query, position);
        Ok(if self.tie == TieBreak::Latest { (high, high) } else { (low, high) })
    }

    /// The same at each of the positions whose keys were inserted last.
    #[inline(always)]
    pub(crate) fn all_winners(
        &self,
        queries: [&[f64]; 2],
        winners: &mut Winners,
    ) -> Result<(), ViolationAt> {
        let count = queries[0].len();
        let first = self.admission.count() - count as u32;
        winners.latest.clear();
        winners.latest.resize(count, 0);
        winners.halves.clear();
        if nearest_of_all(queries, f64::from(first), &mut winners.latest) {
            return Ok(());
        }
        for (at, (&x, &y)) in queries[0].iter().zip(queries[1]).enumerate() {
            let (low, high) = self
                .winners_at(first + at as u32, [x, y])
                .map_err(|violation| ViolationAt { before: at, violation })?;
            winners.latest[at] = high;
            if low != high {
                winners.halves.push((at, low));
            }
        }
        Ok(())
    }
}

/// The positions in 0..=latest nearest to qx/qy, for qy > 0: one, or two when it is half-way.
#[inline]
fn nearest([qx, qy]: [f64; 2], latest: u32) -> (u32, u32) {
    let q = qx / qy;
    if q <= 0.0 {
        return (0, 0);
    }
    if q >= f64::from(latest) {
        return (latest, latest);
    }
    // The cast truncates: below <= q < below + 1 <= latest.
    let below = q as u32;
    let half = match q - f64::from(below) {
        part if part != 0.5 => part - 0.5,
        _ => (-q).mul_add(qy, qx),
    };
    if half < 0.0 {
        (below, below)
    } else if half > 0.0 {
        (below + 1, below + 1)
    } else {
        (below, below + 1)
    }
}

/// The same for consecutive positions, of which `first` is the first, in vector registers. Says
/// whether it is that for all of them: none has a query that is refused, or a quotient that is
/// rounded to half-way.
#[inline(always)]
fn nearest_of_all(queries: [&[f64]; 2], first: f64, winners: &mut [u32]) -> bool {
    /// Whole numbers below 2^32 stand in the lowest bits of their sums with this one.
    const WHOLE: f64 = (1u64 << 52) as f64;
    let mut plain = true;
    for (at, ((&qx, &qy), winner)) in queries[0].iter().zip(queries[1]).zip(winners).enumerate() {
        let q = (qx / qy).max(0.0).min(first + at as f64);
        // Rounded by the sum to a whole number, half-way to the even one.
        let whole = (q + WHOLE) - WHOLE;
        plain &= is_within(qx) & is_within(qy) & (qy > 0.0) & ((q - whole).abs() != 0.5);
        *winner = (whole + WHOLE).to_bits() as u32;
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_hold_their_form_at_two_to_the_31() {
        for epsilon in [0.0, 0.4] {
            for position in [0, 1, 1000, (1 << 26) + 3, (1 << 31) - 1] {
                let s = f64::from(position);
                let keys = OwnKeys::new(TieBreak::Latest);
                assert!(keys.check(position, [2.0 * s, -s * s + epsilon]).is_ok());
                let far = -s * s * (1.0 + 1e-14) - 1.0;
                assert!(keys.check(position, [2.0 * s, far]).is_err());
            }
        }
    }

    /// Queries of every kind, a few that are refused among them, at positions near 0 and far off.
    #[test]
    fn many_positions_at_once_have_the_winners_of_each() {
        let random = &mut fastrand::Rng::with_seed(3);
        let (mut tied, mut refused) = (0, 0);
        for round in 0..20_000 {
            let tie = [TieBreak::Average, TieBreak::Latest][round % 2];
            let first = [0, 1, 5, 1 << 20, u32::MAX - 70][random.usize(..5)];
            let keys = OwnKeys {
                tie,
                admission: Admission::after(first + 8),
                recency: Recency::default(),
            };
            let scale = [1.0, 3.0, 1e10 * std::f64::consts::SQRT_2][random.usize(..3)];
            let queries: Vec<[f64; 2]> = (0..8)
                .map(|at| {
                    let near = f64::from(first) + f64::from(at) - random.f64() * 8.0;
                    match random.u32(..100) {
                        0..40 => [near.round() * scale, scale],
                        40..60 => [(near.round() + 0.5) * scale, scale],
                        60..80 => [near * scale, scale],
                        80..90 => [random.f64() * 9.0 * scale, scale],
                        90..99 => [-random.f64() * scale, scale],
                        _ => {
                            let odd = [0.0, -1.0, f64::NAN, f64::INFINITY, 1e200];
                            [odd[random.usize(..5)], odd[random.usize(..5)]]
                        }
                    }
                })
                .collect();
            let columns = [0, 1].map(|part| queries.iter().map(|q| q[part]).collect::<Vec<_>>());
            let mut winners = Winners::default();
            let found = keys.all_winners([&columns[0], &columns[1]], &mut winners);
            for (at, &query) in queries.iter().enumerate() {
                match keys.winners_at(first + at as u32, query) {
                    Err(violation) => {
                        refused += 1;
                        // As text: what is no number does not equal itself.
                        let expected = ViolationAt { before: at, violation };
                        assert_eq!(format!("{found:?}"), format!("{:?}", Err::<(), _>(expected)));
                        break;
                    }
                    Ok((low, high)) => {
                        let half = winners.halves.iter().find(|half| half.0 == at);
                        tied += u32::from(low != high);
                        assert_eq!(winners.latest[at], high, "{query:?}");
                        assert_eq!(half.map_or(high, |half| half.1), low, "{query:?}");
                    }
                }
            }
        }
        assert!(tied > 1000 && refused > 100, "{tied} {refused}");
    }
}
