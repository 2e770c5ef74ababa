//! The memory that presumes nothing: the convex hull of the keys.
//!
//! The winners of a query lie on the hull of all keys, in the direction of the
//! query. Directions fall into four classes, each with its own structure:
//!
//! - qy > 0: the upper envelope (`envelope.rs`);
//! - qy < 0: the lower one, which is the upper one of keys and queries turned upside down;
//! - qy = 0: the keys with the greatest, or least, kx, *whatever* their ky: one set each;
//! - q = (0, 0): everything ties: one set.
//!
//! Outputs are exact for any keys and queries that are admitted (`admission.rs`): the winners are
//! those of arithmetic on real numbers, with equal keys merged by position.
//! What f64 cannot tell apart in a *key* is the builder's concern: -n² needs n
//! up to 2^26, and a recency term that has drowned in n² leaves equal keys,
//! of which the latest is still found.

use super::admission::Admission;
use super::envelope::Envelope;
use super::tied::{Tied, union};
use super::{Memory, Violation};
use crate::model::TieBreak;

/// All positions that may still win.
#[derive(Clone, Debug)]
pub struct Hull {
    tie: TieBreak,
    admission: Admission,
    upper: Envelope,
    lower: Envelope,
    /// The greatest kx, and the greatest -kx, with their positions.
    right: Extreme,
    left: Extreme,
    all: Option<Tied>,
}

impl Hull {
    /// A memory of no position.
    pub fn new(tie: TieBreak) -> Self {
        Self {
            tie,
            admission: Admission::new(),
            upper: Envelope::new(tie),
            lower: Envelope::new(tie),
            right: Extreme::default(),
            left: Extreme::default(),
            all: None,
        }
    }
}

impl Memory for Hull {
    fn insert(&mut self, key: [f64; 2], value: [f64; 2]) -> Result<(), Violation> {
        let position = self.admission.check_key(key)?;
        let this = Tied::one(self.tie, position, value);
        self.upper.insert(key, this);
        self.lower.insert(upside_down(key), this);
        self.right.insert(self.tie, key[0], this);
        self.left.insert(self.tie, -key[0], this);
        self.all = union(self.tie, self.all, Some(this));
        self.admission.admit();
        Ok(())
    }

    fn output(&mut self, query: [f64; 2]) -> Result<[f64; 2], Violation> {
        self.admission.check_query(query)?;
        let output = match query {
            [_, qy] if qy > 0.0 => self.upper.output(query),
            [_, qy] if qy < 0.0 => self.lower.output(upside_down(query)),
            [qx, _] if qx > 0.0 => self.right.output(self.tie),
            [qx, _] if qx < 0.0 => self.left.output(self.tie),
            _ => self.all.map(|all| all.output(self.tie)),
        };
        output.ok_or(Violation::Empty)
    }

    fn heap_bytes(&self) -> usize {
        self.upper.heap_bytes() + self.lower.heap_bytes()
    }
}

fn upside_down(pair: [f64; 2]) -> [f64; 2] {
    [pair[0], -pair[1]]
}

/// The positions that go furthest in one direction.
#[derive(Clone, Debug, Default)]
struct Extreme {
    furthest: Option<(f64, Tied)>,
}

impl Extreme {
    fn insert(&mut self, tie: TieBreak, reach: f64, this: Tied) {
        match &mut self.furthest {
            Some((furthest, tied)) if reach == *furthest => tied.merge(tie, this),
            Some((furthest, _)) if reach < *furthest => {}
            furthest => *furthest = Some((reach, this)),
        }
    }

    fn output(&self, tie: TieBreak) -> Option<[f64; 2]> {
        self.furthest.map(|(_, tied)| tied.output(tie))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_horizontal_query_ties_all_extreme_keys_whatever_their_height() {
        let mut hull = Hull::new(TieBreak::Average);
        for (key, value) in [([3., -9.], 1.), ([3., 5.], 3.), ([3., 0.], 8.), ([-1., 0.], 16.)] {
            assert_eq!(hull.insert(key, [value, 0.]), Ok(()));
        }
        assert_eq!(hull.output([1e-300, 0.]), Ok([4., 0.]));
        assert_eq!(hull.output([-2., -0.0]), Ok([16., 0.]));
        assert_eq!(hull.output([0., 0.]), Ok([7., 0.]));
        assert_eq!(hull.output([-0.0, 0.]), Ok([7., 0.]));
    }

    #[test]
    fn constant_and_collinear_keys_hold_next_to_nothing() {
        for key in [|_| [0.0, 1.0], |s: u32| [2.0 * f64::from(s), 1.0]] {
            let mut hull = Hull::new(TieBreak::Latest);
            for s in 0..100_000 {
                assert_eq!(hull.insert(key(s), [f64::from(s), 0.0]), Ok(()));
            }
            assert!(hull.heap_bytes() < 2048, "{}", hull.heap_bytes());
            assert_eq!(hull.output([0.0, 1.0]), Ok([99_999.0, 0.0]));
        }
    }

    #[test]
    fn a_refused_key_leaves_the_hull_as_it_was() {
        let mut hull = Hull::new(TieBreak::Average);
        assert_eq!(hull.insert([0., 0.], [4., 4.]), Ok(()));
        assert!(hull.insert([f64::NAN, 0.], [8., 8.]).is_err());
        assert!(hull.insert([0., 1e300], [8., 8.]).is_err());
        assert!(hull.output([0., f64::INFINITY]).is_err());
        assert_eq!(hull.output([0., 0.]), Ok([4., 4.]));
    }
}
