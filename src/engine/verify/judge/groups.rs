//! How many logits are not below a number, without computing all of them.
//!
//! Most tokens of a machine come in families: the bytes, say, whose rows of the output head differ
//! in two weights only, because a byte is recognised by 2nx - n². Of such a *group* the logits are
//! a common sum plus a·x + b·y, with weights of their own for two inputs; the greatest is that with
//! the greatest of these, the second likewise. Which these are depends on x and y alone. So they
//! are found by trying all members of the group, and kept for the next position with the same
//! inputs, of which there are few: a byte has 256.
//!
//! Nothing is presumed of weights or inputs. That members are alike but for two columns is read
//! from the weights, row by row; rows without a group are computed. Where the second of a group is
//! below the number, all others are: adding the common sum keeps the order, rounded or not.
//!
//! Columns that are equal in all rows are added first. So every logit is a sum of the same products
//! as in any other order, but that some of them are added before they are multiplied: off by no
//! more than `engine/greatest.rs` allows.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use pulp::Arch;
use rustc_hash::FxHasher;

use crate::engine::verify::chunk::{CHUNK, Row};
use crate::engine::verify::products::{Products, Shrunk, Terms};
use crate::engine::verify::vectors::widest;
use crate::linalg::Kernel;
use crate::model::Matrix;

/// Fewer rows are computed one by one.
const LEAST_MEMBERS: usize = 8;

/// Pairs of columns that are tried, and groups that are made: a bound on the search, and on what is
/// kept for groups.
const MOST_PAIRS: usize = 16;
const MOST_GROUPS: usize = 32;

/// Inputs of a group whose greatest members are kept.
const KEPT: usize = 1024;

/// The output head, by groups and rows.
pub struct Groups {
    /// Which inputs are added, by column that differs from the others.
    columns: Vec<Vec<usize>>,
    /// The rows that are computed: of groups what they have in common, then those without a group.
    rows: Rows,
    groups: Vec<Group>,
    /// How many tokens have a computed row, of those without a group.
    alike: Vec<f64>,
}

enum Rows {
    Dense(Kernel, Shrunk),
    Sparse(Terms),
}

/// Rows that differ in two columns.
struct Group {
    /// These columns. Where it is only one, the other has weights of 0.
    columns: [usize; 2],
    /// Weights of the members.
    members: Vec<[f64; 2]>,
}

/// What was counted, and room for it.
#[derive(Default)]
pub struct Found {
    /// By position, how many logits are not below.
    pub not_below: Vec<f64>,
    columns: Vec<Row>,
    gathered: Vec<Row>,
    rows: Vec<Row>,
    /// By group.
    kept: Vec<Vec<Greatest>>,
}

/// The two greatest of a group's members, without what they have in common.
#[derive(Clone, Copy)]
struct Greatest {
    /// The inputs, as bits.
    inputs: [u64; 2],
    first: f64,
    second: f64,
}

/// No inputs: bits of what is no number.
const NOTHING: Greatest =
    Greatest { inputs: [u64::MAX; 2], first: f64::NEG_INFINITY, second: f64::NEG_INFINITY };

impl Groups {
    /// Of rows that are equally long.
    pub fn new(rows: Vec<&[f64]>, products: Products, kernel: Kernel) -> Groups {
        let columns = distinct_columns(&rows);
        let first = |columns: &Vec<usize>| columns[0];
        let narrow = |row: &&[f64]| columns.iter().map(|column| row[first(column)]).collect();
        let rows: Vec<Vec<f64>> = rows.iter().map(narrow).collect();
        let (groups, rest) = grouped(&rows, columns.len());

        let mut computed: Vec<f64> = Vec::new();
        for group in &groups {
            let mut common = rows[group.members[0]].clone();
            group.columns.iter().for_each(|&column| common[column] = 0.0);
            computed.extend(common);
        }
        let mut distinct: HashMap<Vec<u64>, usize> = HashMap::new();
        let mut alike: Vec<f64> = Vec::new();
        for row in rest {
            let place = *distinct.entry(bits(&rows[row])).or_insert_with(|| {
                computed.extend(&rows[row]);
                alike.push(0.0);
                alike.len() - 1
            });
            alike[place] += 1.0;
        }
        let count = groups.len() + alike.len();
        let matrix = Matrix { rows: count, cols: columns.len(), data: &computed };
        let all: Vec<usize> = (0..count).collect();
        let computed = match products {
            Products::Dense => Rows::Dense(kernel, Shrunk::new(matrix, &all, |_| true)),
            Products::Sparse => Rows::Sparse(Terms::new(matrix, &all, Some)),
        };
        let group = |draft: Draft| Group {
            columns: draft.columns,
            members: draft.members.iter().map(|&row| draft.columns.map(|c| rows[row][c])).collect(),
        };
        let groups = groups.into_iter().map(group).collect();
        Groups { columns, rows: computed, groups, alike }
    }

    /// Counts, position by position, the logits that are not below `least`.
    pub fn count_not_below(&self, arch: Arch, input: &[Row], least: &Row, found: &mut Found) {
        let Found { not_below, columns, gathered, rows, kept } = found;
        not_below.clear();
        not_below.resize(CHUNK, 0.0);
        columns.resize(self.columns.len(), [0.0; CHUNK]);
        rows.resize(self.groups.len() + self.alike.len(), [0.0; CHUNK]);
        kept.resize_with(self.groups.len(), || vec![NOTHING; KEPT]);
        for (row, from) in columns.iter_mut().zip(&self.columns) {
            *row = input[from[0]];
            for &other in &from[1..] {
                row.iter_mut().zip(&input[other]).for_each(|(sum, x)| *sum += x);
            }
        }
        if let Rows::Dense(kernel, matrix) = &self.rows {
            matrix.apply(*kernel, |column| &columns[column], gathered, rows);
        }
        widest(
            arch,
            #[inline(always)]
            || {
                if let Rows::Sparse(terms) = &self.rows {
                    terms.multiply(columns, rows);
                }
                let (common, rest) = rows.split_at(self.groups.len());
                for (row, &alike) in rest.iter().zip(&self.alike) {
                    for ((count, logit), least) in not_below.iter_mut().zip(row).zip(least) {
                        *count += if logit >= least { alike } else { 0.0 };
                    }
                }
                for ((group, common), kept) in self.groups.iter().zip(common).zip(&mut *kept) {
                    let [x, y] = group.columns.map(|column| &columns[column]);
                    let (mut first, mut second) = ([0.0; CHUNK], [0.0; CHUNK]);
                    for at in 0..CHUNK {
                        let greatest = group.greatest(kept, [x[at], y[at]]);
                        (first[at], second[at]) = (greatest.first, greatest.second);
                    }
                    for at in 0..CHUNK {
                        let [first, second] = [first[at] + common[at], second[at] + common[at]];
                        not_below[at] += if first >= least[at] { 1.0 } else { 0.0 };
                        not_below[at] += if second >= least[at] { 1.0 } else { 0.0 };
                    }
                }
            },
        );
    }
}

impl Group {
    /// The greatest members for these inputs.
    #[inline(always)]
    fn greatest(&self, kept: &mut [Greatest], inputs: [f64; 2]) -> Greatest {
        let bits = inputs.map(f64::to_bits);
        let mut hasher = FxHasher::default();
        // Whole numbers differ in their highest bits, and a product spreads the lowest: without
        // this, verification takes 1.7 times as long.
        bits.iter().for_each(|bits| hasher.write_u64(bits.swap_bytes()));
        let kept = &mut kept[hasher.finish() as usize % KEPT];
        if kept.inputs != bits {
            *kept = self.try_all(inputs);
        }
        *kept
    }

    #[cold]
    fn try_all(&self, [x, y]: [f64; 2]) -> Greatest {
        let mut greatest = Greatest { inputs: [x, y].map(f64::to_bits), ..NOTHING };
        for [a, b] in &self.members {
            let sum = a * x + b * y;
            if sum > greatest.first {
                (greatest.first, greatest.second) = (sum, greatest.first);
            } else if sum > greatest.second {
                greatest.second = sum;
            }
        }
        greatest
    }
}

/// Columns of which each differs from those before, each with those that equal it.
fn distinct_columns(rows: &[&[f64]]) -> Vec<Vec<usize>> {
    let mut distinct: HashMap<Vec<u64>, usize> = HashMap::new();
    let mut columns: Vec<Vec<usize>> = Vec::new();
    for column in 0..rows.first().map_or(0, |row| row.len()) {
        let numbers: Vec<f64> = rows.iter().map(|row| row[column]).collect();
        let place = *distinct.entry(bits(&numbers)).or_insert_with(|| {
            columns.push(Vec::new());
            columns.len() - 1
        });
        columns[place].push(column);
    }
    columns
}

/// Equal for equal numbers, of which -0 and 0 are.
fn bits(numbers: &[f64]) -> Vec<u64> {
    numbers.iter().map(|number| (number + 0.0).to_bits()).collect()
}

/// A group by the numbers of its rows.
struct Draft {
    columns: [usize; 2],
    members: Vec<usize>,
}

/// Groups of rows, and the rows that are in none.
fn grouped(rows: &[Vec<f64>], columns: usize) -> (Vec<Draft>, Vec<usize>) {
    if columns < 2 {
        return (Vec::new(), (0..rows.len()).collect());
    }
    // A row's hash is a sum over its columns, so what it is without some of them is a difference.
    let hashes = RandomState::new();
    let hash = |column: usize, weight: f64| match weight {
        0.0 => 0,
        weight => hashes.hash_one((column, weight.to_bits())),
    };
    let sum = |row: &Vec<f64>| {
        let weights = row.iter().enumerate();
        weights.fold(0u64, |sum, (column, &weight)| sum.wrapping_add(hash(column, weight)))
    };
    let sums: Vec<u64> = rows.iter().map(sum).collect();
    let mut is_free = vec![true; rows.len()];
    let mut groups: Vec<Draft> = Vec::new();
    for columns in likely_pairs(rows, columns) {
        let mut classes: HashMap<u64, Draft> = HashMap::new();
        for (row, weights) in rows.iter().enumerate().filter(|&(row, _)| is_free[row]) {
            let rest = columns
                .iter()
                .fold(sums[row], |sum, &column| sum.wrapping_sub(hash(column, weights[column])));
            let class = classes.entry(rest).or_insert(Draft { columns, members: Vec::new() });
            // Hashes may be equal where rows are not.
            if class.members.first().is_none_or(|&first| differ_in(&rows[first], weights, columns))
            {
                class.members.push(row);
            }
        }
        let mut large: Vec<Draft> =
            classes.into_values().filter(|class| class.members.len() >= LEAST_MEMBERS).collect();
        large.sort_by_key(|class| class.members[0]);
        large.truncate(MOST_GROUPS - groups.len());
        large.iter().flat_map(|class| &class.members).for_each(|&row| is_free[row] = false);
        groups.extend(large);
    }
    let rest = (0..rows.len()).filter(|&row| is_free[row]).collect();
    (groups, rest)
}

/// Whether two rows are equal but for these columns.
fn differ_in(a: &[f64], b: &[f64], columns: [usize; 2]) -> bool {
    a.iter().zip(b).enumerate().all(|(column, (a, b))| a == b || columns.contains(&column))
}

/// Pairs of columns in which neighbouring rows differ, the most frequent first.
fn likely_pairs(rows: &[Vec<f64>], columns: usize) -> Vec<[usize; 2]> {
    let mut pairs: HashMap<[usize; 2], usize> = HashMap::new();
    for pair in rows.windows(2) {
        let mut differing = (0..columns).filter(|&column| pair[0][column] != pair[1][column]);
        match [differing.next(), differing.next(), differing.next()] {
            [Some(a), Some(b), None] => *pairs.entry([a, b]).or_default() += 1,
            [Some(a), None, None] => *pairs.entry([a, usize::from(a == 0)]).or_default() += 1,
            _ => {}
        }
    }
    let mut pairs: Vec<([usize; 2], usize)> = pairs.into_iter().collect();
    pairs.sort_by_key(|&(pair, times)| (std::cmp::Reverse(times), pair));
    pairs.truncate(MOST_PAIRS);
    pairs.into_iter().map(|(pair, _)| pair).collect()
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    const INPUTS: usize = 6;

    /// Rows of families that differ in two columns, of such that differ in one, of equal rows and of
    /// any, in any order; columns 4 and 5 are equal.
    fn random_rows(random: &mut Rng) -> Vec<Vec<f64>> {
        let mut rows: Vec<Vec<f64>> = Vec::new();
        for _ in 0..random.usize(1..4) {
            let common: Vec<f64> =
                (0..INPUTS).map(|_| f64::from(random.i32(-3..3)) * 100.0).collect();
            let columns = [random.usize(..4), random.usize(..4)];
            for member in 0..random.usize(1..40) {
                let n = member as f64;
                let mut row = common.clone();
                row[columns[0]] = 2.0 * n;
                if random.u8(..8) > 0 {
                    row[columns[1]] = -n * n;
                }
                rows.push(row);
            }
        }
        for _ in 0..random.usize(..12) {
            rows.push((0..INPUTS).map(|_| f64::from(random.i32(-2..3))).collect());
        }
        if random.bool() {
            random.shuffle(&mut rows);
        }
        rows.iter_mut().for_each(|row| row[5] = row[4]);
        rows
    }

    #[test]
    fn one_logit_that_is_not_below_is_told_from_none_and_several() {
        let random = &mut Rng::with_seed(8);
        let mut times = [0; 3];
        let mut found = Found::default();
        for _ in 0..600 {
            let rows = random_rows(random);
            let slices: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
            let input: Vec<Row> = (0..INPUTS)
                .map(|_| std::array::from_fn(|_| f64::from(random.i32(-4..40))))
                .collect();
            let logits: Vec<Row> = rows
                .iter()
                .map(|row| {
                    std::array::from_fn(|at| (0..INPUTS).map(|i| row[i] * input[i][at]).sum())
                })
                .collect();
            // Mostly the greatest logit, or one of the others, or a little more.
            let least: Row = std::array::from_fn(|at| {
                let greatest = logits.iter().map(|row| row[at]).fold(f64::MIN, f64::max);
                match random.u8(..8) {
                    0 => random.choice(&logits).map_or(0.0, |row| row[at]),
                    1 => greatest + 0.5,
                    _ => greatest,
                }
            });
            for products in Products::ALL {
                let groups = Groups::new(slices.clone(), products, Kernel::Portable);
                let members: usize = groups.groups.iter().map(|group| group.members.len()).sum();
                let alone: f64 = groups.alike.iter().sum();
                assert_eq!(members + alone as usize, rows.len());
                // What another head kept is not this one's.
                found.kept.clear();
                for _ in 0..2 {
                    groups.count_not_below(Arch::new(), &input, &least, &mut found);
                    for at in 0..CHUNK {
                        let expected = logits.iter().filter(|row| row[at] >= least[at]).count();
                        times[expected.min(2)] += 1;
                        let found = found.not_below[at] as usize;
                        assert_eq!(found.min(2), expected.min(2), "{rows:?}");
                    }
                }
            }
        }
        assert!(times.iter().all(|&times| times > 5000), "{times:?}");
    }

    #[test]
    fn families_become_groups_and_the_rest_is_alone() {
        let byte = |n: f64, kind: f64| vec![2.0 * n, -n * n, kind, 0.0];
        let mut rows: Vec<Vec<f64>> = (0..256).map(|n| byte(f64::from(n), 7.0)).collect();
        rows.extend((0..100).map(|n| byte(f64::from(n), 8.0)));
        rows.extend((0..5).map(|_| vec![0.0, 0.0, 0.0, 1.0]));
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        let groups = Groups::new(rows, Products::Sparse, Kernel::Portable);
        let sizes: Vec<usize> = groups.groups.iter().map(|group| group.members.len()).collect();
        assert_eq!(sizes, [256, 100]);
        assert_eq!(groups.alike, [5.0]);
    }
}
