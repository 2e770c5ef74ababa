//! The values of all positions, in as few bytes as they need.
//!
//! Both components are kept apart. Many depend on the token of their position alone: these are
//! a table, as long as none contradicts it. All others are a list (`pages.rs`). What is read
//! equals what was written; only the sign of a zero is not kept, which no product or
//! comparison can tell.

use std::sync::Arc;

use super::history::History;
use super::pages::Pages;

/// A growing list of pairs.
#[derive(Clone, Debug)]
pub(super) struct Values([Column; 2]);

/// A growing list of numbers.
#[derive(Clone, Debug)]
enum Column {
    ByToken(ByToken),
    Pages(Box<Pages>),
}

/// Numbers of which each depends on the token of its position.
#[derive(Clone, Debug)]
struct ByToken {
    history: Arc<History>,
    len: u32,
    /// Of every token, 0 where it was not seen.
    numbers: Vec<f64>,
    seen: Vec<bool>,
}

impl Values {
    pub(super) fn new() -> Self {
        Values([Column::Pages(Box::default()), Column::Pages(Box::default())])
    }

    /// `history` has the token of every position before its value is pushed.
    pub(super) fn along(history: Arc<History>) -> Self {
        let by_token = ByToken { history, len: 0, numbers: Vec::new(), seen: Vec::new() };
        Values([Column::ByToken(by_token.clone()), Column::ByToken(by_token)])
    }

    #[inline]
    pub(super) fn push(&mut self, [first, second]: [f64; 2]) {
        self.0[0].push(first);
        self.0[1].push(second);
    }

    /// The value of a position that was pushed.
    #[inline]
    pub(super) fn at(&mut self, position: u32) -> [f64; 2] {
        [self.0[0].at(position), self.0[1].at(position)]
    }

    /// Bytes of heap held, but for the history, which is shared.
    pub(super) fn heap_bytes(&self) -> usize {
        self.0.iter().map(Column::heap_bytes).sum()
    }
}

impl Column {
    #[inline]
    fn push(&mut self, number: f64) {
        match self {
            Column::ByToken(table) => {
                if table.push(number) {
                    return;
                }
                let mut pages = Pages::default();
                (0..table.len).for_each(|position| pages.push(table.at(position)));
                pages.push(number);
                *self = Column::Pages(Box::new(pages));
            }
            Column::Pages(pages) => pages.push(number),
        }
    }

    #[inline]
    fn at(&mut self, position: u32) -> f64 {
        match self {
            Column::ByToken(table) => table.at(position),
            Column::Pages(pages) => pages.at(position as usize),
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Column::ByToken(table) => table.numbers.capacity() * 8 + table.seen.capacity(),
            Column::Pages(pages) => size_of::<Pages>() + pages.heap_bytes(),
        }
    }
}

impl ByToken {
    /// Says whether it agrees with the other numbers of its token; otherwise nothing changes.
    #[inline]
    fn push(&mut self, number: f64) -> bool {
        let token = usize::from(self.history.at(self.len));
        if token >= self.numbers.len() {
            self.numbers.resize(token + 1, 0.0);
            self.seen.resize(token + 1, false);
        }
        if !std::mem::replace(&mut self.seen[token], true) {
            self.numbers[token] = number;
        }
        let agrees = self.numbers[token] == number;
        self.len += u32::from(agrees);
        agrees
    }

    /// Of a position that was pushed, so that its token has a number.
    #[inline]
    fn at(&self, position: u32) -> f64 {
        self.numbers[usize::from(self.history.at(position))]
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
        assert!(matches!(values.0, [Column::ByToken(_), Column::ByToken(_)]));
        history.set(6, 5);
        values.push([7.0, -1e200]);
        assert!(matches!(values.0, [Column::Pages(_), Column::ByToken(_)]));
        for (position, token) in (0..).zip(tokens) {
            assert_eq!(values.at(position), value(token));
        }
        assert_eq!(values.at(6), [7.0, -1e200]);
    }
}
