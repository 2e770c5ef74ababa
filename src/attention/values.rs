//! The values of all positions, in as few bytes as they need.
//!
//! A head's are pairs. Where many heads of a layer look up positions, each component that differs
//! from the others is a [`Column`] of its own, which they share; many depend on the token of their
//! position alone: these are a table, as long as none contradicts it. All others are packed
//! (`pages.rs`). What is read equals what was written; only the sign of a zero is not kept, which
//! no product or comparison can tell.

use super::pages::Pages;

/// A growing list of pairs.
#[derive(Clone, Debug, Default)]
pub(super) struct Values(Box<[Pages; 2]>);

impl Values {
    #[inline]
    pub(super) fn push(&mut self, [first, second]: [f64; 2]) {
        self.0[0].push(first);
        self.0[1].push(second);
    }

    /// The value of a position that was pushed.
    #[inline]
    pub(super) fn at(&mut self, position: u32) -> [f64; 2] {
        let [first, second] = &mut *self.0;
        [first.at(position as usize), second.at(position as usize)]
    }

    /// Bytes of heap held.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.0) + self.0.iter().map(Pages::heap_bytes).sum::<usize>()
    }
}

/// A growing list of numbers, one for each position.
#[derive(Clone, Debug)]
pub(crate) enum Column {
    /// Of every token its number; NaN of tokens that were not seen.
    ByToken(Vec<f64>),
    /// All numbers.
    All(Box<Pages>),
}

impl Column {
    /// Of numbers that may depend on tokens up to this one. `None` is a vocabulary too large.
    pub(crate) fn new(greatest: Option<u16>) -> Column {
        match greatest {
            Some(token) => Column::ByToken(vec![f64::NAN; usize::from(token) + 1]),
            None => Column::All(Box::default()),
        }
    }

    /// Appends the numbers of positions at which these tokens stand. `history` tells the tokens
    /// of the positions before them.
    #[inline]
    pub(crate) fn push_all(
        &mut self,
        tokens: &[u16],
        numbers: &[f64],
        history: impl Iterator<Item = u16>,
    ) {
        let mut pushed = 0;
        if let Column::ByToken(table) = self {
            for (&token, &number) in tokens.iter().zip(numbers) {
                let known = &mut table[usize::from(token)];
                if known.is_nan() {
                    *known = number;
                }
                // What is no number equals nothing, and ends the table.
                if *known != number {
                    break;
                }
                pushed += 1;
            }
            if pushed == numbers.len() {
                return;
            }
            let mut pages = Box::<Pages>::default();
            let before = history.chain(tokens[..pushed].iter().copied());
            for token in before {
                pages.push(table[usize::from(token)]);
            }
            *self = Column::All(pages);
        }
        if let Column::All(pages) = self {
            numbers[pushed..].iter().for_each(|&number| pages.push(number));
        }
    }

    /// The numbers of positions that were pushed, at which these tokens stand.
    #[inline]
    pub(crate) fn at_all(&mut self, positions: &[u32], tokens: &[u16], numbers: &mut [f64]) {
        match self {
            Column::ByToken(table) => {
                for (number, &token) in numbers.iter_mut().zip(tokens) {
                    *number = table[usize::from(token)];
                }
            }
            Column::All(pages) => {
                for (number, &position) in numbers.iter_mut().zip(positions) {
                    *number = pages.at(position as usize);
                }
            }
        }
    }

    /// The number of one position.
    pub(crate) fn at(&mut self, position: u32, token: u16) -> f64 {
        let mut number = [0.0];
        self.at_all(&[position], &[token], &mut number);
        number[0]
    }

    /// Bytes of heap held.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Column::ByToken(table) => table.capacity() * size_of::<f64>(),
            Column::All(pages) => size_of::<Pages>() + pages.heap_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [f64; 10] =
        [0.0, -0.0, 1.0, -32768.0, 32767.0, 32768.0, 0.5, 16_777_217.0, 0.1, -1e300];

    #[test]
    fn every_value_comes_back_whatever_follows() {
        let mut values = Values::default();
        for (count, &a) in ALL.iter().enumerate() {
            values.push([a, -1.0]);
            for (position, &b) in (0..).zip(&ALL[..=count]) {
                assert_eq!(values.at(position), [b, -1.0]);
            }
        }
        values.push([f64::NAN, f64::INFINITY]);
        assert!(values.at(10)[0].is_nan() && values.at(10)[1] == f64::INFINITY);
    }

    /// Pushed in pieces of some length; the tokens before are known elsewhere.
    fn pushed(column: &mut Column, tokens: &[u16], numbers: &[f64], piece: usize) {
        for from in (0..tokens.len()).step_by(piece) {
            let to = (from + piece).min(tokens.len());
            let history = tokens[..from].iter().copied();
            column.push_all(&tokens[from..to], &numbers[from..to], history);
        }
    }

    #[test]
    fn numbers_are_a_table_of_tokens_until_one_contradicts_it() {
        let tokens = [5, 0, 5, 1858, 0, 5, 5, 0];
        let number = |token: u16| f64::from(token) / 3.0;
        let numbers = tokens.map(number);
        for piece in 1..=tokens.len() {
            let mut column = Column::new(Some(1858));
            pushed(&mut column, &tokens, &numbers, piece);
            assert!(matches!(column, Column::ByToken(_)));
            assert_eq!(column.heap_bytes(), 1859 * 8);
            for odd in [7.0, f64::NAN] {
                for at in 0..tokens.len() {
                    let (mut column, mut numbers) = (Column::new(Some(1858)), numbers);
                    numbers[at] = odd;
                    pushed(&mut column, &tokens, &numbers, piece);
                    // The last that a token has may be the only one.
                    let is_table = at == 3 && !odd.is_nan();
                    assert_eq!(matches!(column, Column::ByToken(_)), is_table, "{odd} {at}");
                    for (position, (&token, &number)) in (0..).zip(tokens.iter().zip(&numbers)) {
                        let found = column.at(position, token);
                        assert!(found == number || found.is_nan() && number.is_nan(), "{found}");
                    }
                }
            }
        }
    }

    #[test]
    fn numbers_of_too_large_a_vocabulary_are_all_kept() {
        let mut column = Column::new(None);
        column.push_all(&[0; 10], &ALL, std::iter::empty());
        for (position, number) in (0..).zip(ALL) {
            assert_eq!(column.at(position, 0), number);
        }
    }
}
