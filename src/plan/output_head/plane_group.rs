//! Rows of the output head that differ along two directions and have the same constant.
//!
//! Such rows are points (p, q), and the winner for (x, y) is the point with the greatest
//! p·x + q·y: a corner of the convex hull. For y > 0 it is on the upper side, by ascending p,
//! where the gain from point to point, Δp·x + Δq·y, falls from positive to negative:
//! a binary search finds the first point from which nothing is gained, and points
//! on one edge, which tie, stand next to it. For y < 0 the same holds of the lower side; for
//! y = 0 only p counts. Ties go to the lowest id. All arithmetic is exact.

use super::Rows;

/// A token's logit over its group's base: p·x + q·y.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Which token.
    pub token: u32,
    /// Times x.
    pub p: i64,
    /// Times y.
    pub q: i64,
}

impl Point {
    /// Its logit over the base; it fits, and so does the difference of two (lemma 19).
    pub fn at(&self, x: i64, y: i64) -> i64 {
        self.p.wrapping_mul(x).wrapping_add(self.q.wrapping_mul(y))
    }
}

/// Rows that are points along two directions.
#[derive(Clone, Debug)]
pub struct PlaneGroup {
    /// Σ k·basis common to all.
    pub base: Vec<(usize, i64)>,
    /// The constant common to all.
    pub height: i64,
    /// The basis expressions along which they differ: x and y.
    pub along: [usize; 2],
    /// The upper side, by ascending p.
    upper: Vec<Point>,
    /// The lower side, by ascending p.
    lower: Vec<Point>,
    /// With the least p, any, and the greatest p: the lowest id.
    lowest: [Point; 3],
}

impl PlaneGroup {
    /// Rows as a group; there is at least one.
    pub fn new(rows: &Rows, along: [usize; 2], ids: &[usize]) -> PlaneGroup {
        let point = |&id: &usize| {
            let row = &rows[id].0;
            Point { token: id as u32, p: row[along[0]], q: row[along[1]] }
        };
        let points: Vec<Point> = ids.iter().map(point).collect();
        let (row, height) = &rows[ids[0]];
        let base = row.iter().copied().enumerate();
        let base = base.filter(|&(at, k)| k != 0 && !along.contains(&at)).collect();
        let lowest = |p: Option<i64>| {
            let among = points.iter().filter(|point| p.is_none_or(|p| point.p == p));
            *among.min_by_key(|point| point.token).expect("a group has points")
        };
        let least = points.iter().map(|point| point.p).min();
        let greatest = points.iter().map(|point| point.p).max();
        PlaneGroup {
            base,
            height: *height,
            along,
            upper: side(&points, 1),
            lower: side(&points, -1),
            lowest: [lowest(least), lowest(None), lowest(greatest)],
        }
    }

    /// The winner for (x, y).
    pub fn winner(&self, x: i64, y: i64) -> Point {
        let side = match y.signum() {
            0 => return self.lowest[(x.signum() + 1) as usize],
            1 => &self.upper,
            _ => &self.lower,
        };
        let gain = |pair: &[Point; 2]| pair[1].at(x, y).wrapping_sub(pair[0].at(x, y));
        let (mut best, mut end) = (0, side.len() - 1);
        while best < end {
            let middle = best + (end - best) / 2;
            if gain(&[side[middle], side[middle + 1]]) > 0 {
                best = middle + 1;
            } else {
                end = middle;
            }
        }
        let tied = side[best..].iter().take_while(|point| point.at(x, y) == side[best].at(x, y));
        *tied.min_by_key(|point| point.token).expect("a point ties with itself")
    }

    /// Corners and points on edges of both sides.
    pub fn points(&self) -> impl Iterator<Item = &Point> {
        self.upper.iter().chain(&self.lower)
    }
}

/// The points of one side of the hull, those on edges too, by ascending p.
fn side(points: &[Point], sign: i64) -> Vec<Point> {
    let mut points = points.to_vec();
    points.sort_by_key(|point| (point.p, -sign * point.q, point.token));
    points.dedup_by_key(|point| point.p);
    let mut kept: Vec<Point> = Vec::with_capacity(points.len());
    for point in points {
        let wide = |x: i64| i128::from(x);
        let rise = |a: &Point, b: &Point| (wide(b.q) - wide(a.q)) * wide(sign);
        let run = |a: &Point, b: &Point| wide(b.p) - wide(a.p);
        while let [.., a, b] = &kept[..]
            && rise(a, b) * run(a, &point) < rise(a, &point) * run(a, b)
        {
            kept.pop();
        }
        kept.push(point);
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_fan_gives_the_greatest_logit_with_the_lowest_id(
            points in prop::collection::vec((-4i64..5, -4i64..5), 1..16),
            x in -6i64..7,
            y in -6i64..7,
        ) {
            let rows: Vec<(Vec<i64>, i64)> =
                points.iter().map(|&(p, q)| (vec![p, q], 3)).collect();
            let ids: Vec<usize> = (0..rows.len()).collect();
            let group = PlaneGroup::new(&rows, [0, 1], &ids);
            let of = |id: usize| points[id].0 * x + points[id].1 * y;
            let best = ids.iter().copied().max_by_key(|&id| (of(id), Reverse(id))).unwrap();
            let winner = group.winner(x, y);
            prop_assert_eq!(winner.token as usize, best);
            prop_assert_eq!(winner.at(x, y), of(best));
        }
    }

    #[test]
    fn a_fan_divides() {
        let rows: Vec<(Vec<i64>, i64)> =
            (0..1024).map(|v| (vec![v, -v * (v + 1) / 2], 0)).collect();
        let ids: Vec<usize> = (0..rows.len()).collect();
        let group = PlaneGroup::new(&rows, [0, 1], &ids);
        for (r, d) in [(0, 1), (1023, 1), (7, 3), (8, 3), (9, 3), (1 << 32, u32::MAX.into())] {
            assert_eq!(i64::from(group.winner(r + 1, d).token), r / d, "{r} / {d}");
        }
    }
}
