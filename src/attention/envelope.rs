//! The upper envelope of the keys: who wins when a query looks upwards.
//!
//! For a query with qy > 0 every winner lies on the upper convex hull of the
//! keys. The envelope is that hull, from left to right, as a chain of *vertices*,
//! strictly convex, and between two of them an *edge*. Three facts make it exact:
//!
//! 1. A vertex stands for all positions with its key, an edge for all positions with
//!    keys strictly inside it, each as one [`Tied`] set. So equal keys are
//!    merged by position, never by what is left of a recency term, and
//!    collinear keys such as (2s, 1) stay two vertices for ever.
//! 2. A key strictly below the envelope can never win again: the envelope only
//!    rises. So what a new vertex leaves strictly below is dropped, sets and all.
//! 3. A query is perpendicular to at most one edge of a strictly convex chain.
//!    The winners are one vertex, or two neighbours and the inside of their edge.
//!
//! *Insert*: a new key p is below the edge over it (dropped), on it (joins the
//! edge's set), equal to a vertex (joins its set), or strictly above. Then it
//! becomes a vertex; going outwards on either side, a vertex below the line
//! from p to the next one further out is removed, one exactly on
//! that line goes into the set of the new edge, and that side is done. Every
//! vertex is removed once, so this is O(log h) amortised.
//!
//! *Query*: along the chain scores rise strictly, stay equal over at most one edge,
//! and fall strictly: a binary search by the sign of q·(next - this) finds the first
//! of the best. All signs are exact (`predicates.rs`).

use super::chain::{Chain, Place, Vertex};
use super::predicates::{above, climb};
use super::tied::{Tied, union};
use crate::model::TieBreak;
use std::num::NonZeroU32;

/// The upper convex hull of some keys, with the values to give.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    tie: TieBreak,
    chain: Chain,
    insides: Insides,
}

/// A side of a new vertex: where the kept chain ends, and the inside of the edge to it.
struct Side {
    gap: Place,
    inside: Option<Tied>,
}

impl Envelope {
    pub(super) fn new(tie: TieBreak) -> Self {
        Self { tie, chain: Chain::default(), insides: Insides::default() }
    }

    /// Takes in the next position.
    pub(super) fn insert(&mut self, key: [f64; 2], tied: Tied) {
        let gap = self.chain.gap(|other| other[0] < key[0]);
        let left = self.chain.left_of(gap);
        let right = self.chain.right_of(gap);
        match (left, right) {
            (_, Some(right)) if self.chain.at(right).key[0] == key[0] => {
                let vertex = self.chain.at_mut(right);
                if vertex.key[1] == key[1] {
                    let mut both = vertex.tied();
                    both.merge(self.tie, tied);
                    vertex.set_tied(both);
                } else if vertex.key[1] < key[1] {
                    self.raise(key, tied, gap, right.after());
                }
            }
            (Some(left), Some(right)) => {
                let edge = (self.chain.at(left).key, self.chain.at(right).key);
                let height = above(edge.0, key, edge.1);
                if height > 0.0 {
                    self.raise(key, tied, gap, gap);
                } else if height == 0.0 {
                    let vertex = self.chain.at_mut(left);
                    let inside = union(self.tie, self.insides.take(&mut vertex.edge), Some(tied));
                    vertex.edge = self.insides.keep(inside);
                }
            }
            _ => self.raise(key, tied, gap, gap),
        }
    }

    /// What the winners give for a query with qy > 0.
    pub(super) fn output(&self, query: [f64; 2]) -> Option<[f64; 2]> {
        let first = self.chain.peak(|a, b| climb(query, a, b) > 0.0)?;
        let vertex = self.chain.at(first);
        let mut winners = vertex.tied();
        if let Some(second) = self.chain.right_of(first.after()).map(|p| self.chain.at(p))
            && climb(query, vertex.key, second.key) == 0.0
        {
            winners.merge(self.tie, second.tied());
            if let Some(inside) = self.insides.get(vertex.edge) {
                winners.merge(self.tie, inside);
            }
        }
        Some(winners.output(self.tie))
    }

    /// Bytes of heap held.
    pub(super) fn heap_bytes(&self) -> usize {
        self.chain.heap_bytes() + self.insides.heap_bytes()
    }

    /// Makes a key that lies strictly above all between two gaps a vertex in their place.
    fn raise(&mut self, key: [f64; 2], tied: Tied, from: Place, to: Place) {
        let left = self.settle_left(key, from);
        let right = self.settle_right(key, to);
        self.release(left.gap, right.gap);
        let gap = self.chain.remove(left.gap, right.gap);
        // The kept left neighbour's old edge is gone: it now leads to the new vertex.
        if let Some(neighbour) = self.chain.left_of(gap) {
            let edge = &mut self.chain.at_mut(neighbour).edge;
            self.insides.take(edge);
            *edge = self.insides.keep(left.inside);
        }
        let edge = self.insides.keep(right.inside);
        self.chain.insert(gap, Vertex::new(key, tied, edge));
    }

    /// How far the chain to the left stays convex with the new key.
    fn settle_left(&self, key: [f64; 2], mut gap: Place) -> Side {
        while let Some(near) = self.chain.left_of(gap)
            && let Some(far) = self.chain.left_of(near)
        {
            let (near_vertex, far_vertex) = (self.chain.at(near), self.chain.at(far));
            let height = above(far_vertex.key, near_vertex.key, key);
            if height > 0.0 {
                break;
            }
            gap = near;
            if height == 0.0 {
                let inside = self.insides.get(far_vertex.edge);
                return Side { gap, inside: union(self.tie, inside, Some(near_vertex.tied())) };
            }
        }
        Side { gap, inside: None }
    }

    /// How far the chain to the right stays convex with the new key.
    fn settle_right(&self, key: [f64; 2], mut gap: Place) -> Side {
        while let Some(near) = self.chain.right_of(gap)
            && let Some(far) = self.chain.right_of(near.after())
        {
            let (near_vertex, far_vertex) = (self.chain.at(near), self.chain.at(far));
            let height = above(key, near_vertex.key, far_vertex.key);
            if height > 0.0 {
                break;
            }
            gap = near.after();
            if height == 0.0 {
                let inside = self.insides.get(near_vertex.edge);
                return Side { gap, inside: union(self.tie, inside, Some(near_vertex.tied())) };
            }
        }
        Side { gap, inside: None }
    }

    /// Gives up the edges of all vertices between two gaps.
    fn release(&mut self, from: Place, to: Place) {
        let end = self.chain.right_of(to);
        let mut next = self.chain.right_of(from);
        while let Some(place) = next
            && next != end
        {
            self.insides.take(&mut self.chain.at_mut(place).edge);
            next = self.chain.right_of(place.after());
        }
    }
}

/// The sets inside edges, apart from the vertices because few edges have any.
#[derive(Clone, Debug, Default)]
struct Insides {
    sets: Vec<Tied>,
    free: Vec<NonZeroU32>,
}

impl Insides {
    /// Keeps a set; its name is one more than its index.
    fn keep(&mut self, set: Option<Tied>) -> Option<NonZeroU32> {
        let set = set?;
        if let Some(name) = self.free.pop() {
            self.sets[index(name)] = set;
            return Some(name);
        }
        self.sets.push(set);
        // At most one set a position, and positions are fewer than 2^32: the length fits.
        NonZeroU32::new(self.sets.len() as u32)
    }

    fn get(&self, name: Option<NonZeroU32>) -> Option<Tied> {
        name.map(|name| self.sets[index(name)])
    }

    /// Takes a set out; the name is no more.
    fn take(&mut self, name: &mut Option<NonZeroU32>) -> Option<Tied> {
        let name = name.take()?;
        self.free.push(name);
        Some(self.sets[index(name)])
    }

    fn heap_bytes(&self) -> usize {
        self.sets.capacity() * size_of::<Tied>() + self.free.capacity() * size_of::<NonZeroU32>()
    }
}

fn index(name: NonZeroU32) -> usize {
    name.get() as usize - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn envelope(keys: &[[i32; 2]]) -> Envelope {
        let mut envelope = Envelope::new(TieBreak::Average);
        for (s, key) in (0..).zip(keys) {
            let tied = Tied::one(TieBreak::Average, s, [f64::from(s), 0.0]);
            envelope.insert(key.map(f64::from), tied);
        }
        envelope
    }

    fn vertices(envelope: &Envelope) -> Vec<[f64; 2]> {
        envelope.chain.iter().map(|v| v.key).collect()
    }

    #[test]
    fn collinear_keys_stay_two_vertices_in_any_order() {
        for keys in [[[0, 1], [2, 1], [4, 1], [6, 1]], [[6, 1], [0, 1], [4, 1], [2, 1]]] {
            let envelope = envelope(&keys);
            assert_eq!(vertices(&envelope), [[0., 1.], [6., 1.]]);
            assert_eq!(envelope.output([0., 1.]), Some([1.5, 0.]));
        }
    }

    #[test]
    fn a_vertex_that_becomes_collinear_takes_its_edge_along() {
        // (2,2) and (4,4) end up inside the edge from (0,0) to (6,6), with what was inside already.
        let envelope = envelope(&[[0, 0], [4, 4], [2, 2], [6, 6]]);
        assert_eq!(vertices(&envelope), [[0., 0.], [6., 6.]]);
        assert_eq!(envelope.output([-1., 1.]), Some([1.5, 0.]));
    }

    #[test]
    fn a_higher_key_drops_what_it_dominates_with_its_edges() {
        let mut envelope = envelope(&[[0, 0], [2, 1], [4, 2], [6, 1], [8, 0]]);
        assert_eq!(envelope.insides.sets.len() - envelope.insides.free.len(), 2);
        envelope.insert([4., 9.], Tied::one(TieBreak::Average, 5, [5., 0.]));
        assert_eq!(vertices(&envelope), [[0., 0.], [4., 9.], [8., 0.]]);
        assert_eq!(envelope.insides.sets.len(), envelope.insides.free.len());
    }

    proptest! {
        #[test]
        fn the_chain_is_strictly_convex_and_covers_every_key(
            keys in prop::collection::vec([-6i32..7, -6i32..7], 1..40),
        ) {
            let envelope = envelope(&keys);
            let chain = vertices(&envelope);
            for three in chain.windows(3) {
                prop_assert!(above(three[0], three[1], three[2]) > 0.0);
            }
            for key in keys.iter().map(|k| k.map(f64::from)) {
                let covered = chain.contains(&key)
                    || chain.iter().any(|v| v[0] == key[0] && v[1] >= key[1])
                    || chain.windows(2).any(|e| e[0][0] < key[0] && key[0] < e[1][0] && above(e[0], key, e[1]) <= 0.0);
                prop_assert!(covered, "{key:?} sticks out of {chain:?}");
            }
            let named = envelope.chain.iter().filter(|v| v.edge.is_some()).count();
            prop_assert_eq!(named, envelope.insides.sets.len() - envelope.insides.free.len());
        }
    }
}
