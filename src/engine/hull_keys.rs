//! How a hull orders keys that are equal, or equally near a query.
//!
//! Keys (2n, -n² + c·r(t)) are ordered by the recency c·r(t) where their n are equal, or equally near. In
//! the reference a hull decides, over rounded numbers: heights are rounded, queries are, and where n comes
//! from running sums that are not rounded on purpose, so is n itself. Here each of these errors is bounded,
//! in *steps* of 2^-53, and the recency is seen to outweigh them (lemmas 15 and 26 of docs/plan.md). Where
//! it may not, the plan ends.

use rustc_hash::FxHashMap;

use super::execute::GuardFailure;
use super::recency::recency;
use crate::plan::Hull;

/// The most that a score may be off by: 1/8, in steps.
const MAX_ERROR: u64 = 1 << 50;

/// The most that a number may be off by, in steps: then another query, a distance d away, is off by 2^-14 d.
const MAX_STEPS: u64 = 1 << 38;

/// What is known of the latest keys.
#[derive(Clone, Debug)]
pub struct HullKeys {
    /// c.
    factor: f64,
    /// Whether first component and square of a key are made of one number.
    is_one_number: bool,
    /// By key that is off now, or once was.
    inexact: FxHashMap<i64, Inexact>,
}

/// A key that is off now, or once was.
#[derive(Clone, Copy, Debug)]
struct Inexact {
    /// How far its latest number is off, in steps.
    steps: u64,
    /// How far from the key a query may lie for which the latest position still wins.
    reach: u64,
}

impl HullKeys {
    /// No key yet but that of position 0, which is exact.
    pub fn new(hull: &Hull) -> HullKeys {
        let Hull { recency, is_one_number, .. } = *hull;
        HullKeys { factor: recency, is_one_number, inexact: FxHashMap::default() }
    }

    /// How far the score of a key may be off for the query that asks for it, in steps, if its numbers are
    /// off by so many.
    fn error(&self, key: i64, steps: u64) -> u64 {
        let n = key.unsigned_abs();
        // The first component times the query and the square are off to the same side, each by up to
        // 2·n·steps; those of one number by the same, but for its square.
        let times = if self.is_one_number { 4 } else { n.saturating_mul(2).saturating_add(4) };
        // The square is rounded, and so is its sum with the recency.
        let rounded = n.saturating_mul(n).saturating_mul(2).saturating_add(16);
        times.saturating_mul(steps).saturating_add(rounded)
    }

    /// By how many steps the recency at two positions differs, at least.
    fn gap(&self, a: u32, b: u32) -> f64 {
        let gap = self.factor * (recency(a.into()) - recency(b.into())).abs();
        // The difference, the product and the count of steps round by less than one part in 2^40.
        gap * (1.0 - 2f64.powi(-40)) * 2f64.powi(53)
    }

    /// Whether a key beyond all queries may be forgotten, whose parts are off by so many steps: what it
    /// scores is off by less than 2^-13 times the key, and it loses by more than the key.
    pub fn check_far(steps: i64) -> Result<(), GuardFailure> {
        if steps.unsigned_abs() > MAX_STEPS { Err(GuardFailure::InexactKey) } else { Ok(()) }
    }

    /// Notes a key whose parts are off by so many steps, where `before` is the position at which it was
    /// written last.
    #[inline]
    pub fn insert(
        &mut self,
        key: i64,
        steps: i64,
        position: u32,
        before: Option<u32>,
    ) -> Result<(), GuardFailure> {
        // Equal exact keys are rounded by one monotone function of the recency, or tie.
        if steps == 0 && self.inexact.is_empty() {
            return Ok(());
        }
        self.insert_inexact(key, steps.unsigned_abs(), position, before)
    }

    fn insert_inexact(
        &mut self,
        key: i64,
        steps: u64,
        position: u32,
        before: Option<u32>,
    ) -> Result<(), GuardFailure> {
        let now = self.error(key, steps);
        if steps > 0 && (now > MAX_ERROR || steps > MAX_STEPS) {
            return Err(GuardFailure::InexactKey);
        }
        let former = self.inexact.get(&key).copied();
        let was = former.map_or(0, |former| former.steps);
        let mut reach = former.map_or(u64::MAX, |former| former.reach);
        if let Some(before) = before
            && was + steps > 0
        {
            let left = self.gap(position, before) - (now + self.error(key, was)) as f64;
            if left <= 0.0 {
                return Err(GuardFailure::InexactKey);
            }
            // The first components differ by twice what the numbers are off.
            reach = reach.min((left / (2 * (was + steps)) as f64) as u64);
        }
        if steps > 0 || former.is_some() {
            self.inexact.insert(key, Inexact { steps, reach });
        }
        Ok(())
    }

    /// Whether a query may ask for a key.
    pub fn reaches(&self, key: i64, query: i64) -> bool {
        self.inexact.get(&key).is_none_or(|inexact| key.abs_diff(query) < inexact.reach)
    }

    /// Whether the later of two positions wins, whose keys are equally near a query that is off by so
    /// many steps.
    pub fn is_decided(&self, [a, b]: [(i64, u32); 2], steps: i64) -> bool {
        let apart = a.0.abs_diff(b.0);
        let error = |key: i64| {
            let steps = self.inexact.get(&key).map_or(0, |inexact| inexact.steps);
            // Half of what is between them lies between the query and each.
            self.error(key, steps).saturating_add(apart.saturating_mul(steps))
        };
        let of_query = apart.saturating_mul(2).saturating_mul(steps.unsigned_abs());
        let all = error(a.0).saturating_add(error(b.0)).saturating_add(of_query);
        self.gap(a.1, b.1) > all as f64
    }

    /// Bytes of heap held.
    pub fn heap_bytes(&self) -> usize {
        self.inexact.capacity() * 25
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attention::{Hull as HullMemory, Memory};
    use crate::engine::positions::Positions;
    use crate::model::TieBreak;
    use crate::plan;

    /// 2^-53.
    const STEP: f64 = f64::EPSILON / 2.0;

    /// One of the f64 that are off from a whole number by so many steps, or by nothing.
    fn off(random: &mut fastrand::Rng, n: i64, steps: i64) -> f64 {
        n as f64 + [0.0, 1.0, -1.0][random.usize(..3)] * steps as f64 * STEP
    }

    /// A history of keys, close together in time or long, and queries for them, hits and misses: wherever
    /// the positions are told apart, the hull tells the same ones.
    fn compared(random: &mut fastrand::Rng, met: &mut [usize; 3]) {
        let recency_factor = [0.3, 1e-2, 1e-4, 1e-6][random.usize(..4)];
        let is_one_number = random.bool();
        let hull = plan::Hull { recency: recency_factor, steps: None, is_one_number };
        let mut positions = Positions::new(Some(&hull));
        let mut memory = HullMemory::new(TieBreak::Latest);
        memory.insert([0.0; 2], [0.0, 0.0]).unwrap();
        let mut position = 1 << random.u32(..31);
        let most = 1i64 << random.u32(1..24);
        let keys: Vec<i64> = (0..random.usize(1..6)).map(|_| random.i64(-3..most)).collect();
        for _ in 0..random.usize(1..40) {
            let most_behind = 1 << random.u32(..12);
            position += 1 + random.u32(..most_behind);
            let n = keys[random.usize(..keys.len())];
            let steps = match random.u8(..3) {
                0 => 0,
                _ => 2 << (n.unsigned_abs().max(1).ilog2() + random.u32(..4)),
            };
            // An f64 that is off by one bit is so at its own place.
            let numbers = if is_one_number {
                [off(random, n, steps); 3]
            } else {
                let sign = [1, -1][random.usize(..2)];
                [0; 3].map(|_| {
                    if random.bool() { n as f64 } else { n as f64 + (sign * steps) as f64 * STEP }
                })
            };
            if positions.insert_inexact(n, steps, position).is_err() {
                met[0] += 1;
                return;
            }
            let [twice, gate, factor] = numbers;
            let height = recency_factor * recency(position.into()) - gate * factor;
            memory.insert([2.0 * twice, height], [n as f64, f64::from(position)]).unwrap();
            let asked = n + [0, 0, 1, -1, 2][random.usize(..5)];
            let query = (asked as f64).next_up();
            let of_query = if random.bool() { asked as f64 } else { query };
            let steps = ((query - asked as f64) / STEP) as i64;
            let answer = memory.output([of_query * 1e10, 1e10]).unwrap();
            // The scaled query may be rounded, too.
            match positions.find(asked, steps + 4 * asked.abs() + 4) {
                Ok((key, found)) => {
                    let is_hit = key == asked;
                    met[1 + usize::from(!is_hit)] += 1;
                    assert_eq!([key as f64, f64::from(found)], answer, "{asked} of {keys:?}");
                }
                Err(_) => met[0] += 1,
            }
        }
    }

    #[test]
    fn where_errors_are_outweighed_a_hull_finds_the_same_positions() {
        let mut met = [0; 3];
        for seed in 0..20_000 {
            compared(&mut fastrand::Rng::with_seed(seed), &mut met);
        }
        let [failed, hits, misses] = met;
        assert!(failed > 2_000 && hits > 20_000 && misses > 20_000, "{met:?}");
    }

    #[test]
    fn two_writes_so_close_that_rounding_could_swap_them_are_a_guard_failure() {
        let hull = plan::Hull { recency: 0.3, steps: None, is_one_number: false };
        let mut keys = HullKeys::new(&hull);
        let at = 1_000_000;
        // The recency grows by some 1.3e-9 a position, and errors are 2·2·12,800·51,200 steps of 1.1e-16.
        assert_eq!(keys.insert(12_800, 51_200, at, None), Ok(()));
        assert_eq!(keys.insert(12_800, 51_200, at + 1000, Some(at)), Ok(()));
        let near = keys.insert(12_800, 51_200, at + 1005, Some(at + 1000));
        assert_eq!(near, Err(GuardFailure::InexactKey));
        // Exact keys tie, or are ordered, and may be great.
        assert_eq!(keys.insert(1 << 26, 0, at + 1, Some(at)), Ok(()));
        assert_eq!(HullKeys::new(&hull).insert(12_800, 0, at + 1, Some(at)), Ok(()));
        assert_eq!(keys.insert(5, 1 << 39, at, None), Err(GuardFailure::InexactKey));
        assert_eq!(keys.insert(1 << 26, 1 << 30, at, None), Err(GuardFailure::InexactKey));
    }
}
