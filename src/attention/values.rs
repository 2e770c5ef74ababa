//! The values of all positions, in as few bytes as they need.
//!
//! Many depend on the token of their position alone: these are a table, as long as none contradicts
//! it. All others are two lists (`pages.rs`), one of each component. What is read equals what
//! was written; only the sign of a zero is not kept, which no product or comparison can tell.

use std::sync::Arc;

use super::history::History;
use super::pages::Pages;

/// A growing list of pairs.
#[derive(Clone, Debug)]
pub(super) enum Values {
    ByToken(ByToken),
    Pages(Box<[Pages; 2]>),
}

/// Pairs of which each depends on the token of its position.
#[derive(Clone, Debug)]
pub(super) struct ByToken {
    history: Arc<History>,
    len: u32,
    /// Of every token, zeros where it was not seen.
    pairs: Vec<[f64; 2]>,
    seen: Vec<bool>,
}

impl Values {
    pub(super) fn new() -> Self {
        Values::Pages(Box::default())
    }

    /// `history` has the token of every position before its value is pushed.
    pub(super) fn along(history: Arc<History>) -> Self {
        Values::ByToken(ByToken { history, len: 0, pairs: Vec::new(), seen: Vec::new() })
    }

    #[inline]
    pub(super) fn push(&mut self, pair: [f64; 2]) {
        match self {
            Values::ByToken(table) => {
                if !table.push(pair) {
                    self.contradict(pair);
                }
            }
            Values::Pages(pages) => both(pages, pair),
        }
    }

    /// Appends what the table does not have: it ends here.
    #[cold]
    fn contradict(&mut self, pair: [f64; 2]) {
        let mut pages = Box::default();
        if let Values::ByToken(table) = self {
            (0..table.len).for_each(|position| both(&mut pages, table.at(position)));
        }
        both(&mut pages, pair);
        *self = Values::Pages(pages);
    }

    /// The value of a position that was pushed.
    #[inline]
    pub(super) fn at(&mut self, position: u32) -> [f64; 2] {
        match self {
            Values::ByToken(table) => table.at(position),
            Values::Pages(pages) => {
                let [first, second] = &mut **pages;
                [first.at(position as usize), second.at(position as usize)]
            }
        }
    }

    /// Bytes of heap held, but for the history, which is shared.
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Values::ByToken(table) => {
                table.pairs.capacity() * size_of::<[f64; 2]>() + table.seen.capacity()
            }
            Values::Pages(pages) => {
                size_of_val(&**pages) + pages.iter().map(Pages::heap_bytes).sum::<usize>()
            }
        }
    }
}

#[inline]
fn both(pages: &mut [Pages; 2], [first, second]: [f64; 2]) {
    pages[0].push(first);
    pages[1].push(second);
}

impl ByToken {
    /// Says whether it agrees with the other pairs of its token; otherwise nothing changes.
    #[inline]
    fn push(&mut self, pair: [f64; 2]) -> bool {
        let token = usize::from(self.history.at(self.len));
        if token >= self.pairs.len() {
            self.pairs.resize(token + 1, [0.0; 2]);
            self.seen.resize(token + 1, false);
        }
        if !std::mem::replace(&mut self.seen[token], true) {
            self.pairs[token] = pair;
        }
        let agrees = self.pairs[token] == pair;
        self.len += u32::from(agrees);
        agrees
    }

    /// Of a position that was pushed, so that its token has a pair.
    #[inline]
    fn at(&self, position: u32) -> [f64; 2] {
        self.pairs[usize::from(self.history.at(position))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_whatever_follows() {
        let all = [0.0, -0.0, 1.0, -32768.0, 32767.0, 32768.0, 0.5, 16_777_217.0, 0.1, -1e300];
        let history = Arc::new(History::default());
        for mut values in [Values::new(), Values::along(history)] {
            for (count, &a) in all.iter().enumerate() {
                values.push([a, -1.0]);
                for (position, &b) in (0..).zip(&all[..=count]) {
                    assert_eq!(values.at(position), [b, -1.0]);
                }
            }
            values.push([f64::NAN, f64::INFINITY]);
            assert!(values.at(10)[0].is_nan() && values.at(10)[1] == f64::INFINITY);
        }
    }

    #[test]
    fn values_are_a_table_of_tokens_until_one_contradicts_it() {
        let history = Arc::new(History::default());
        let mut values = Values::along(Arc::clone(&history));
        let value = |token: u16| [f64::from(token) / 3.0, -1e200];
        let tokens = [5, 0, 5, 1858, 0, 5];
        for (position, token) in (0..).zip(tokens) {
            history.set(position, token);
            values.push(value(token));
        }
        assert!(matches!(values, Values::ByToken(_)));
        // Two numbers and whether they are there, of every token up to the greatest.
        let least = 1859 * (16 + 1);
        assert!((least..=2 * least).contains(&values.heap_bytes()), "{}", values.heap_bytes());
        history.set(6, 5);
        values.push([7.0, -1e200]);
        assert!(matches!(values, Values::Pages(_)));
        for (position, token) in (0..).zip(tokens) {
            assert_eq!(values.at(position), value(token));
        }
        assert_eq!(values.at(6), [7.0, -1e200]);
    }
}
