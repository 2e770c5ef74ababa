//! Sums of features of neighbouring tokens, by tables over the vocabulary.

/// Tables of token features, from the first that is read on.
pub struct Tables<'a> {
    /// All tables, one after the other.
    pub all: &'a [i64],
    /// Length of each table: a number for every token of the vocabulary.
    pub vocabulary: usize,
    /// The number of the first table that is read.
    pub first: usize,
}

impl Tables<'_> {
    /// The sum of what the first has for the token at a place, the next for the token before it,
    /// and so on. Places are clamped.
    #[inline(always)]
    pub fn read(&self, history: &[u16], place: i64, count: usize) -> i64 {
        let mut table = self.first * self.vocabulary;
        let mut sum = 0i64;
        let mut add = |token: u16| {
            sum = sum.wrapping_add(self.all[table + usize::from(token)]);
            table += self.vocabulary;
        };
        let end = usize::try_from(place).map_or(0, |place| place.saturating_add(1));
        if let Some(start) = end.checked_sub(count)
            && let Some(tokens) = history.get(start..end)
        {
            tokens.iter().rev().for_each(|&token| add(token));
        } else {
            let last = history.len() as i64 - 1;
            for back in 0..count as i64 {
                add(history[place.saturating_sub(back).clamp(0, last) as usize]);
            }
        }
        sum
    }
}
