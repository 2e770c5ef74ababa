//! Queries of heads that have the same keys.

/// A query that some heads of a group share.
pub struct Query {
    /// Of the projection.
    pub rows: [usize; 2],
    /// The lowest number of a head.
    pub head: usize,
    /// Rows of the outputs, each with the column of values that it is taken from.
    pub outputs: Vec<(usize, usize)>,
}

/// The distinct queries of a group. They are asked in the order of their heads.
#[derive(Default)]
pub struct Queries(Vec<Query>);

impl Queries {
    /// A head's query, which is checked even if nothing comes of it.
    pub fn ask(&mut self, head: usize, rows: [usize; 2]) -> &mut Query {
        let new = || Query { rows, head, outputs: Vec::new() };
        let place = place(&mut self.0, |query| query.rows == rows, new);
        &mut self.0[place]
    }

    /// All of them.
    pub fn all(&self) -> &[Query] {
        &self.0
    }
}

/// The place of what is wanted in a list, at its end if it is new.
pub fn place<T>(
    list: &mut Vec<T>,
    is_wanted: impl FnMut(&T) -> bool,
    new: impl FnOnce() -> T,
) -> usize {
    list.iter().position(is_wanted).unwrap_or_else(|| {
        list.push(new());
        list.len() - 1
    })
}
