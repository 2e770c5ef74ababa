//! The values of all positions, in as few bytes as they need.
//!
//! Both components are kept apart. Many depend on the token of their position alone: these are
//! a table, as long as none contradicts it. Most others are whole: bits, bytes, addresses. A list
//! of them has elements as narrow as they allow, and the first number that does not fit
//! makes all of it wider, a few times at most. What is read equals what was written; only the
//! sign of a zero is not kept, which no product or comparison can tell.

use std::sync::Arc;

use super::history::History;

/// A growing list of pairs.
#[derive(Clone, Debug)]
pub(super) struct Values([Column; 2]);

/// A growing list of numbers.
#[derive(Clone, Debug)]
enum Column {
    ByToken(ByToken),
    Small(Vec<i16>),
    Whole(Vec<u32>),
    Single(Vec<f32>),
    Double(Vec<f64>),
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
        Values([Column::Small(Vec::new()), Column::Small(Vec::new())])
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
    pub(super) fn at(&self, position: u32) -> [f64; 2] {
        [self.0[0].at(position), self.0[1].at(position)]
    }

    /// Bytes of heap held, but for the history, which is shared.
    pub(super) fn heap_bytes(&self) -> usize {
        self.0.iter().map(Column::heap_bytes).sum()
    }
}

/// What a list may be made of. `None` for a number that it cannot hold.
trait Element: Copy {
    fn of(number: f64) -> Option<Self>;
}

macro_rules! elements {
    ($($element:ty)*) => {$(
        impl Element for $element {
            #[inline]
            fn of(number: f64) -> Option<Self> {
                let element = number as $element;
                (f64::from(element) == number).then_some(element)
            }
        }
    )*};
}
elements!(i16 u32 f32);

fn pushed<T: Element>(list: &mut Vec<T>, number: f64) -> bool {
    T::of(number).map(|element| list.push(element)).is_some()
}

impl Column {
    #[inline]
    fn push(&mut self, number: f64) {
        let fits = match self {
            Column::ByToken(table) => table.push(number),
            Column::Small(list) => pushed(list, number),
            Column::Whole(list) => pushed(list, number),
            Column::Single(list) => pushed(list, number),
            Column::Double(list) => {
                list.push(number);
                true
            }
        };
        if !fits {
            self.widen(number);
        }
    }

    /// Appends what does not fit: the next wider column takes all numbers that can.
    #[cold]
    fn widen(&mut self, number: f64) {
        let all = || (0..self.len()).map(|position| self.at(position)).chain([number]);
        let small = || all().map(i16::of).collect::<Option<_>>().map(Column::Small);
        let whole = || all().map(u32::of).collect::<Option<_>>().map(Column::Whole);
        let single = || all().map(f32::of).collect::<Option<_>>().map(Column::Single);
        let wider = match self {
            Column::ByToken(_) => small().or_else(whole).or_else(single),
            Column::Small(_) => whole().or_else(single),
            Column::Whole(_) => single(),
            Column::Single(_) | Column::Double(_) => None,
        };
        *self = wider.unwrap_or_else(|| Column::Double(all().collect()));
    }

    fn len(&self) -> u32 {
        let len = match self {
            Column::ByToken(table) => return table.len,
            Column::Small(list) => list.len(),
            Column::Whole(list) => list.len(),
            Column::Single(list) => list.len(),
            Column::Double(list) => list.len(),
        };
        // Positions have 32 bits.
        len as u32
    }

    #[inline]
    fn at(&self, position: u32) -> f64 {
        let index = position as usize;
        match self {
            Column::ByToken(table) => table.at(position),
            Column::Small(list) => list[index].into(),
            Column::Whole(list) => list[index].into(),
            Column::Single(list) => list[index].into(),
            Column::Double(list) => list[index],
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Column::ByToken(table) => table.numbers.capacity() * 8 + table.seen.capacity(),
            Column::Small(list) => size_of::<i16>() * list.capacity(),
            Column::Whole(list) => size_of::<u32>() * list.capacity(),
            Column::Single(list) => size_of::<f32>() * list.capacity(),
            Column::Double(list) => size_of::<f64>() * list.capacity(),
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
    fn whole_numbers_take_two_bytes_or_four() {
        let mut values = Values::new();
        (0..1024u16).for_each(|c| values.push([f64::from(c), -f64::from(c)]));
        assert_eq!(values.heap_bytes(), 4096);
        values.push([4_294_967_295.0, 0.0]);
        assert!(matches!(values.0, [Column::Whole(_), Column::Small(_)]));
        values.push([0.25, -1.0]);
        assert!(matches!(values.0, [Column::Double(_), Column::Small(_)]));
        assert_eq!((values.at(1024), values.at(7)), ([4_294_967_295.0, 0.0], [7.0, -7.0]));
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
        assert!(matches!(values.0, [Column::Double(_), Column::ByToken(_)]));
        for (position, token) in (0..).zip(tokens) {
            assert_eq!(values.at(position), value(token));
        }
        assert_eq!(values.at(6), [7.0, -1e200]);
    }
}
