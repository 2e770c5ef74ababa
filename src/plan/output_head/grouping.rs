//! Which rows of the output head stand in a group.
//!
//! Rows that agree but along one or two expressions are looked for again and again, along each and
//! each pair. So every row has a hash that is a sum over its entries, from which entries can be taken
//! out; rows of one hash are compared entry by entry before they are believed to agree. The search is
//! bounded: for a head of random weights, where it would be long, groups are of no use.

use std::cmp::Reverse;
use std::hash::{BuildHasher, BuildHasherDefault};

use rustc_hash::{FxHashMap, FxHashSet, FxHasher};

use super::Rows;
use super::line_group::{LineGroup, MAX_WINNERS, lines, one_group};
use super::plane_group::PlaneGroup;
use super::runners::with_runners;
use crate::plan::limits::{MAX_GROUPING, MAX_GROUPS};
use crate::plan::refusal::Rule;

/// Fewer rows than these are no plane group.
const MIN_PLANE_GROUP: usize = 3;

/// Which rows may be off, and how they are told apart.
pub struct Nearness<F> {
    /// Whether a row's logit may be off.
    pub is_off: Vec<bool>,
    /// Whether two tokens have the same weights, every one of them.
    pub same: F,
}

/// All rows in groups; or which limit there is to the search, to the number of groups, or to the
/// tables of their winners. Rows that may be off stand in line groups only, which then have runners.
pub fn groups(
    rows: &Rows,
    basis: usize,
    nearness: &Nearness<impl Fn(u32, u32) -> bool>,
) -> Result<(Vec<LineGroup>, Vec<PlaneGroup>), Rule> {
    let hashed = Hashed::new(rows);
    let mut left: Vec<usize> = (0..rows.len()).collect();
    let (mut line_groups, mut plane_groups) = (Vec::new(), Vec::new());
    let (mut steps, mut winners) = (0u64, 0);
    let mut line_group = |along, ids: &[usize]| {
        let group = one_group(rows, along, ids).ok_or(Rule::Winners)?;
        winners += group.winners.len();
        if winners as i128 > MAX_WINNERS {
            return Err(Rule::Winners);
        }
        if ids.iter().any(|&id| nearness.is_off[id]) {
            return Ok(with_runners(group, lines(rows, along, ids), &nearness.same));
        }
        Ok(group)
    };
    while !left.is_empty() {
        let directions = (basis * (basis + 1) / 2) as u64;
        steps = steps.saturating_add(directions.saturating_mul(left.len() as u64));
        if steps > MAX_GROUPING {
            return Err(Rule::Grouping);
        }
        if line_groups.len() + plane_groups.len() == MAX_GROUPS {
            return Err(Rule::Groups);
        }
        let one = (0..basis).map(|along| (along, hashed.alike(&left, &[along])));
        let one = one.max_by_key(|(along, ids)| (ids.len(), Reverse(*along)));
        let found = match one {
            Some((along, ids)) if ids.len() > 1 => {
                line_groups.push(line_group(Some(along), &ids)?);
                ids
            }
            _ => {
                let exact: Vec<usize> =
                    left.iter().copied().filter(|&id| !nearness.is_off[id]).collect();
                let pairs = (0..basis).flat_map(|a| (a + 1..basis).map(move |b| [a, b]));
                let two = pairs.map(|along| (along, hashed.alike(&exact, &along)));
                let two = two.max_by_key(|(along, ids)| (ids.len(), Reverse(*along)));
                match two {
                    Some((along, ids)) if ids.len() >= MIN_PLANE_GROUP => {
                        plane_groups.push(PlaneGroup::new(rows, along, &ids));
                        ids
                    }
                    _ => {
                        // No two of them stand in a group, nor will they when others are gone.
                        if line_groups.len() + plane_groups.len() + left.len() > MAX_GROUPS {
                            return Err(Rule::Groups);
                        }
                        for id in &left {
                            line_groups.push(line_group(None, std::slice::from_ref(id))?);
                        }
                        break;
                    }
                }
            }
        };
        let found: FxHashSet<usize> = found.into_iter().collect();
        left.retain(|id| !found.contains(id));
    }
    Ok((line_groups, plane_groups))
}

/// Rows with the hashes of their entries.
struct Hashed<'r> {
    rows: &'r Rows,
    /// By row, then entry; the constant comes last.
    entries: Vec<Vec<u64>>,
    /// By row, the sum of its entries' hashes.
    sums: Vec<u64>,
}

impl Hashed<'_> {
    fn new(rows: &Rows) -> Hashed<'_> {
        let hasher = BuildHasherDefault::<FxHasher>::default();
        let entries: Vec<Vec<u64>> = rows
            .iter()
            .map(|(row, constant)| {
                let entries = row.iter().chain([constant]).enumerate();
                entries.map(|entry| hasher.hash_one(entry).wrapping_mul(MIX)).collect()
            })
            .collect();
        let sum = |row: &Vec<u64>| row.iter().fold(0, |sum: u64, hash| sum.wrapping_add(*hash));
        let sums = entries.iter().map(sum).collect();
        Hashed { rows, entries, sums }
    }

    /// The most rows that differ only along one expression and in the constant, or along two; the
    /// first of several.
    fn alike(&self, left: &[usize], along: &[usize]) -> Vec<usize> {
        let constant = self.rows.first().map_or(0, |row| row.0.len());
        let apart = |at: usize| along.contains(&at) || (along.len() == 1 && at == constant);
        let behind = (along.len() == 1).then_some(constant);
        let rest = |id: usize| {
            let entries = along.iter().copied().chain(behind).map(|at| self.entries[id][at]);
            entries.fold(self.sums[id], u64::wrapping_sub)
        };
        let mut counts: FxHashMap<u64, (usize, Reverse<usize>)> = FxHashMap::default();
        for &id in left {
            counts.entry(rest(id)).or_insert((0, Reverse(id))).0 += 1;
        }
        let Some((hash, (_, Reverse(first)))) = counts.into_iter().max_by_key(|count| count.1)
        else {
            return Vec::new();
        };
        let ids: Vec<usize> = left.iter().copied().filter(|&id| rest(id) == hash).collect();
        if ids.iter().all(|&id| self.agree(first, id, &apart)) {
            ids
        } else {
            self.alike_by_entries(left, &apart)
        }
    }

    fn agree(&self, a: usize, b: usize, apart: &impl Fn(usize) -> bool) -> bool {
        let entries = |id: usize| self.rows[id].0.iter().chain([&self.rows[id].1]).enumerate();
        entries(a).zip(entries(b)).all(|((at, a), (_, b))| a == b || apart(at))
    }

    /// The same without hashes, where two rows of one hash do not agree.
    #[cold]
    fn alike_by_entries(&self, left: &[usize], apart: &impl Fn(usize) -> bool) -> Vec<usize> {
        let mut sets: FxHashMap<Vec<i64>, Vec<usize>> = FxHashMap::default();
        for &id in left {
            let (row, constant) = &self.rows[id];
            let entries = row.iter().chain([constant]).enumerate();
            let rest = entries.filter(|entry| !apart(entry.0)).map(|entry| *entry.1);
            sets.entry(rest.collect()).or_default().push(id);
        }
        sets.into_values().max_by_key(|set| (set.len(), Reverse(set[0]))).unwrap_or_default()
    }
}

/// An odd number, so that sums of hashes depend on all of their bits.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn groups(rows: &Rows, basis: usize) -> Result<(Vec<LineGroup>, Vec<PlaneGroup>), Rule> {
        let nearness = Nearness { is_off: vec![false; rows.len()], same: |_, _| false };
        super::groups(rows, basis, &nearness)
    }

    fn random_rows(count: usize, basis: usize) -> Vec<(Vec<i64>, i64)> {
        let mut random = fastrand::Rng::with_seed(3);
        (0..count).map(|_| ((0..basis).map(|_| random.i64(-9..10)).collect(), 0)).collect()
    }

    #[test]
    fn rows_that_have_nothing_in_common_are_groups_of_one_up_to_a_limit() {
        let (line_groups, plane_groups) = groups(&random_rows(MAX_GROUPS, 30), 30).unwrap();
        assert_eq!((line_groups.len(), plane_groups.len()), (MAX_GROUPS, 0));
        assert_eq!(groups(&random_rows(MAX_GROUPS + 1, 30), 30).unwrap_err(), Rule::Groups);
    }

    #[test]
    fn the_search_ends_where_it_takes_too_many_steps() {
        // Pairs that are alike along one direction each: every one takes a search of its own.
        let mut rows = random_rows(2 * MAX_GROUPS, 100);
        for pair in rows.chunks_mut(2) {
            pair[1] = pair[0].clone();
            pair[1].0[0] += 1;
        }
        assert_eq!(groups(&rows, 100).unwrap_err(), Rule::Grouping);
        // With few directions there is time enough, and then there are too many groups.
        let mut rows = random_rows(4 * MAX_GROUPS, 4);
        for (number, row) in rows.iter_mut().enumerate() {
            row.0 = [number as i64 & 1, 0, 0, 0].to_vec();
            row.0[1..].fill(number as i64 >> 1);
        }
        assert_eq!(groups(&rows, 4).unwrap_err(), Rule::Groups);
    }

    #[test]
    fn all_tables_of_winners_together_are_bounded() {
        // Lines whose last crossing is far from the first: each group fills half a table.
        let rows: Vec<(Vec<i64>, i64)> = (0..3)
            .flat_map(|pair| {
                let line = move |slope: i64, height| (vec![slope, pair << 20], height);
                [line(0, 0), line(1, 0), line(2, -600_000)]
            })
            .collect();
        assert_eq!(groups(&rows[..3], 2).map(|found| found.0.len()), Ok(1));
        assert_eq!(groups(&rows, 2).unwrap_err(), Rule::Winners);
    }

    proptest! {
        #[test]
        fn rows_of_one_hash_are_those_that_agree(
            rows in prop::collection::vec((prop::collection::vec(-1i64..2, 3), -1i64..2), 1..20),
            along in 0usize..3,
            other in 0usize..3,
        ) {
            let hashed = Hashed::new(&rows);
            let left: Vec<usize> = (0..rows.len()).collect();
            let both = if along == other { vec![along] } else { vec![along, other] };
            let apart = |at: usize| both.contains(&at) || (both.len() == 1 && at == 3);
            let exact = hashed.alike_by_entries(&left, &apart);
            prop_assert_eq!(hashed.alike(&left, &both), exact);
            // Where hashes say nothing, entries decide.
            let (entries, sums) = (vec![vec![0; 4]; rows.len()], vec![0; rows.len()]);
            let blind = Hashed { entries, sums, ..hashed };
            prop_assert_eq!(blind.alike(&left, &both), blind.alike_by_entries(&left, &apart));
        }
    }
}
