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

/// The query with these rows, a new one if there is none.
pub fn query(queries: &mut Vec<Query>, head: usize, rows: [usize; 2]) -> &mut Query {
    let place = queries.iter().position(|query| query.rows == rows).unwrap_or_else(|| {
        queries.push(Query { rows, head, outputs: Vec::new() });
        queries.len() - 1
    });
    &mut queries[place]
}
