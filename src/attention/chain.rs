//! A long sorted list of vertices that grows and shrinks anywhere.
//!
//! An envelope may have a million vertices, nearly always gains them at its right
//! end, sometimes anywhere, and loses neighbours of what it gained. So vertices
//! lie in chunks of at most [`MAX_CHUNK`], in order, 40 bytes each; a directory
//! repeats the first key of every chunk, side by side, so that a search
//! touches the directory and then one chunk. A full chunk splits in half, unless it
//! is a run that grows at either end of the chain: then a new chunk begins,
//! and sorted keys fill their chunks whole.
//!
//! Promise: chunks are never empty, `firsts[c]` is the key of `chunks[c][0]`.
//! Searching costs O(log h) steps; inserting moves at most one chunk and, every
//! 128 insertions or more, the tail of the directory.
//!
//! The chain keeps the order it is given and knows nothing of geometry.

use super::tied::Tied;
use std::num::NonZeroU32;

/// Most vertices a chunk. Inserting moves half of one, 5 kB, on average; a
/// million vertices make a directory of 64 kB, which stays in cache.
const MAX_CHUNK: usize = 256;

/// A vertex of an envelope; the edge meant is the one to its right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Vertex {
    pub(super) key: [f64; 2],
    value: [f64; 2],
    mark: u32,
    /// Where the set of positions inside the edge is kept, if there are any.
    pub(super) edge: Option<NonZeroU32>,
}

const _: () = assert!(size_of::<Vertex>() == 40);

impl Vertex {
    pub(super) fn new(key: [f64; 2], tied: Tied, edge: Option<NonZeroU32>) -> Self {
        Self { key, value: tied.value, mark: tied.mark, edge }
    }

    /// The positions with exactly this key.
    pub(super) fn tied(&self) -> Tied {
        Tied { value: self.value, mark: self.mark }
    }

    pub(super) fn set_tied(&mut self, tied: Tied) {
        self.value = tied.value;
        self.mark = tied.mark;
    }
}

/// Where a vertex is, or the gap before it; `index` may be one past the
/// end of its chunk for the gap there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    chunk: usize,
    index: usize,
}

impl Place {
    /// The gap to the right of a vertex.
    pub(super) fn after(self) -> Self {
        Self { index: self.index + 1, ..self }
    }
}

/// Vertices in ascending order of kx.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    firsts: Vec<[f64; 2]>,
    chunks: Vec<Vec<Vertex>>,
}

impl Chain {
    /// The vertex at a place.
    #[inline]
    pub(super) fn at(&self, place: Place) -> &Vertex {
        &self.chunks[place.chunk][place.index]
    }

    /// The vertex at a place, to be changed in all but its key.
    #[inline]
    pub(super) fn at_mut(&mut self, place: Place) -> &mut Vertex {
        &mut self.chunks[place.chunk][place.index]
    }

    /// The place of the last vertex, if there is one.
    #[inline]
    pub(super) fn last(&self) -> Option<Place> {
        let chunk = self.chunks.len().checked_sub(1)?;
        Some(Place { chunk, index: self.chunks[chunk].len() - 1 })
    }

    /// The vertex to the left of a vertex or gap.
    #[inline]
    pub(super) fn left_of(&self, place: Place) -> Option<Place> {
        if let Some(index) = place.index.checked_sub(1) {
            return Some(Place { index, ..place });
        }
        let chunk = place.chunk.checked_sub(1)?;
        Some(Place { chunk, index: self.chunks[chunk].len() - 1 })
    }

    /// The vertex to the right of a gap.
    #[inline]
    pub(super) fn right_of(&self, gap: Place) -> Option<Place> {
        if gap.index < self.chunks.get(gap.chunk)?.len() {
            return Some(gap);
        }
        let chunk = gap.chunk + 1;
        (chunk < self.chunks.len()).then_some(Place { chunk, index: 0 })
    }

    /// The gap between vertices whose key is `before` and the others, if `before`
    /// holds of none, some or all vertices from the left end on.
    pub(super) fn gap(&self, before: impl Fn([f64; 2]) -> bool) -> Place {
        if let Some(last) = self.last()
            && before(self.at(last).key)
        {
            return last.after();
        }
        let chunk = self.firsts.partition_point(|&key| before(key)).saturating_sub(1);
        let index = match self.chunks.get(chunk) {
            Some(vertices) => vertices.partition_point(|v| before(v.key)),
            None => 0,
        };
        Place { chunk, index }
    }

    /// The first vertex from which it no longer `rises` to the next. Of any two vertices,
    /// next to each other or not, `rises` must tell whether the right one is higher,
    /// and the chain must rise strictly up to its peak and nowhere after.
    pub(super) fn peak(&self, rises: impl Fn([f64; 2], [f64; 2]) -> bool) -> Option<Place> {
        let last = self.chunks.len().checked_sub(1)?;
        // The first keys are themselves such a chain; the peak is in the chunk of theirs or the
        // one before.
        let mut chunk = first_fall(last, |c| rises(self.firsts[c], self.firsts[c + 1]));
        if let Some(left) = self.left_of(Place { chunk, index: 0 })
            && !rises(self.at(left).key, self.firsts[chunk])
        {
            chunk -= 1;
        }
        let vertices = &self.chunks[chunk];
        let index = first_fall(vertices.len() - 1, |i| rises(vertices[i].key, vertices[i + 1].key));
        Some(Place { chunk, index })
    }

    /// Removes all vertices between two gaps; gives the one gap that is left.
    pub(super) fn remove(&mut self, from: Place, to: Place) -> Place {
        if from == to {
            return from;
        }
        if from.chunk == to.chunk {
            self.chunks[from.chunk].drain(from.index..to.index);
        } else {
            self.chunks[from.chunk].truncate(from.index);
            self.chunks[to.chunk].drain(..to.index);
            self.forget(from.chunk + 1, to.chunk);
            self.tidy(from.chunk + 1);
        }
        self.tidy(from.chunk);
        // An emptied chunk is gone: the same place is now the front of the next, or past the last.
        match self.chunks.len() {
            chunks if from.chunk < chunks || chunks == 0 => from,
            chunks => Place { chunk: chunks - 1, index: self.chunks[chunks - 1].len() },
        }
    }

    /// Puts a vertex into a gap; gives its place.
    pub(super) fn insert(&mut self, gap: Place, vertex: Vertex) -> Place {
        let Place { mut chunk, mut index } = gap;
        let (chunks, len) = (self.chunks.len(), self.chunks.get(chunk).map_or(MAX_CHUNK, Vec::len));
        if len == MAX_CHUNK {
            let at_right_end = chunk + 1 == chunks && index == len;
            let at_left_end = chunk == 0 && index == 0;
            if at_right_end || at_left_end {
                chunk += usize::from(at_right_end);
                index = 0;
                // The first chunk of a chain starts small: most envelopes have two or three
                // vertices.
                let room = if chunks == 0 { 0 } else { MAX_CHUNK };
                self.firsts.insert(chunk, vertex.key);
                self.chunks.insert(chunk, Vec::with_capacity(room));
            } else {
                let right = self.chunks[chunk].split_off(MAX_CHUNK / 2);
                self.firsts.insert(chunk + 1, right[0].key);
                self.chunks.insert(chunk + 1, right);
                if index > MAX_CHUNK / 2 {
                    chunk += 1;
                    index -= MAX_CHUNK / 2;
                }
            }
        }
        self.chunks[chunk].insert(index, vertex);
        if index == 0 {
            self.firsts[chunk] = vertex.key;
        }
        Place { chunk, index }
    }

    /// Bytes of heap held.
    pub(super) fn heap_bytes(&self) -> usize {
        self.firsts.capacity() * size_of::<[f64; 2]>()
            + self.chunks.capacity() * size_of::<Vec<Vertex>>()
            + self.chunks.iter().map(Vec::capacity).sum::<usize>() * size_of::<Vertex>()
    }

    /// Every vertex, from left to right.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Vertex> {
        self.chunks.iter().flatten()
    }

    /// Drops the chunks from `from` to before `to`.
    fn forget(&mut self, from: usize, to: usize) {
        self.chunks.drain(from..to);
        self.firsts.drain(from..to);
    }

    /// Restores the promise for a chunk that lost vertices.
    fn tidy(&mut self, chunk: usize) {
        match self.chunks[chunk].first() {
            Some(vertex) => self.firsts[chunk] = vertex.key,
            None => self.forget(chunk, chunk + 1),
        }
    }
}

/// The first i in 0..last that does not `rise`, or `last`.
#[inline]
fn first_fall(last: usize, rises: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, last);
    while low < high {
        let middle = low + (high - low) / 2;
        if rises(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TieBreak;
    use proptest::prelude::*;

    fn vertex(x: u32) -> Vertex {
        Vertex::new([f64::from(x), 0.0], Tied::one(TieBreak::Latest, x, [0.0; 2]), None)
    }

    fn agrees(chain: &Chain, list: &[u32]) -> bool {
        chain.iter().map(|v| v.key[0]).eq(list.iter().map(|&x| f64::from(x)))
            && chain.chunks.iter().all(|c| !c.is_empty() && c.len() <= MAX_CHUNK)
            && chain.chunks.iter().map(|c| c[0].key).eq(chain.firsts.iter().copied())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_chain_is_a_sorted_list(
            ops in prop::collection::vec((0u32..10_000, 0u32..20), 1..4000),
        ) {
            let mut chain = Chain::default();
            let mut list: Vec<u32> = Vec::new();
            for (x, width) in ops {
                // Every twentieth operation removes, and now and then much at once.
                let from = chain.gap(|key| key[0] < f64::from(x));
                let at = list.partition_point(|&y| y < x);
                if width == 0 {
                    let end = x + (x % 7) * 150;
                    let to = chain.gap(|key| key[0] < f64::from(end));
                    let gap = chain.remove(from, to);
                    list.drain(at..list.partition_point(|&y| y < end));
                    prop_assert_eq!(chain.left_of(gap).map(|p| chain.at(p).key[0]), at.checked_sub(1).map(|i| f64::from(list[i])));
                    prop_assert_eq!(chain.right_of(gap).map(|p| chain.at(p).key[0]), list.get(at).map(|&y| f64::from(y)));
                } else if list.get(at) != Some(&x) {
                    let place = chain.insert(from, vertex(x));
                    list.insert(at, x);
                    prop_assert_eq!(*chain.at(place), vertex(x));
                }
            }
            prop_assert!(agrees(&chain, &list));
            for &top in list.iter().step_by(97) {
                let height = |key: [f64; 2]| -(key[0] - f64::from(top)).abs();
                let peak = chain.peak(|a, b| height(b) > height(a)).map(|p| chain.at(p).key[0]);
                prop_assert_eq!(peak, Some(f64::from(top)));
            }
        }
    }

    #[test]
    fn whole_chunks_may_go_from_the_middle_or_the_end() {
        let n = 4 * MAX_CHUNK as u32;
        let place = |chunk: usize| Place { chunk, index: 0 };
        for (from, to) in [(1, 2), (1, 3), (1, 4), (2, 4), (3, 4), (0, 4)] {
            let mut chain = Chain::default();
            for x in 0..n {
                let gap = chain.gap(|key| key[0] < f64::from(x));
                chain.insert(gap, vertex(x));
            }
            let end = if to < 4 { place(to) } else { chain.last().unwrap().after() };
            let gap = chain.remove(place(from), end);
            let (first, last) = ((from * MAX_CHUNK) as u32, (to * MAX_CHUNK) as u32);
            assert!(agrees(&chain, &(0..first).chain(last..n).collect::<Vec<_>>()));
            // What is put into the gap that is left stands where they stood.
            chain.insert(gap, vertex(first));
            assert!(agrees(&chain, &(0..=first).chain(last..n).collect::<Vec<_>>()));
        }
    }

    #[test]
    fn runs_at_either_end_fill_their_chunks() {
        let n = 10 * MAX_CHUNK as u32;
        for order in [(0..n).collect::<Vec<_>>(), (0..n).rev().collect()] {
            let mut chain = Chain::default();
            for x in order {
                let gap = chain.gap(|key| key[0] < f64::from(x));
                chain.insert(gap, vertex(x));
            }
            assert!(agrees(&chain, &(0..n).collect::<Vec<_>>()));
            assert_eq!(chain.chunks.len(), 10);
        }
    }
}
