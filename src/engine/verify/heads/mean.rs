//! Heads of kind mean, with the same keys and queries.

use super::{At, Fault};
use crate::attention::{Sum, VerticalKeys, ViolationAt};
use crate::engine::verify::chunk::Row;

/// Heads of kind mean.
pub struct MeanHeads {
    head: usize,
    rows: [usize; 2],
    queries: [usize; 2],
    keys: VerticalKeys,
    columns: Vec<MeanColumn>,
}

struct MeanColumn {
    /// Of the projection.
    row: usize,
    output: usize,
    sum: f64,
}

impl MeanHeads {
    pub fn new(
        head: usize,
        rows: [usize; 2],
        queries: [usize; 2],
        keys: VerticalKeys,
    ) -> MeanHeads {
        MeanHeads { head, rows, queries, keys, columns: Vec::new() }
    }

    /// Rows of their keys and queries.
    pub fn keys(&self) -> ([usize; 2], [usize; 2]) {
        (self.rows, self.queries)
    }

    pub fn average(&mut self, row: usize, output: usize) {
        self.columns.push(MeanColumn { row, output, sum: 0.0 });
    }

    pub fn advance(
        &mut self,
        at: &At<'_>,
        projected: &[Row],
        outputs: &mut [Row],
    ) -> Option<Fault> {
        for place in 0..at.len {
            let number = |[x, y]: [usize; 2]| [projected[x][place], projected[y][place]];
            let inserted = self.keys.insert(number(self.rows));
            let found = inserted.and_then(|sum| Ok((sum, self.keys.count(number(self.queries))?)));
            match found {
                Ok((sum, count)) => self.step(place, (sum, count), projected, outputs),
                Err(violation) => {
                    return Some(at.fault(self.head, ViolationAt { before: place, violation }));
                }
            }
        }
        None
    }

    #[inline]
    fn step(
        &mut self,
        place: usize,
        (sum, count): (Sum, f64),
        projected: &[Row],
        outputs: &mut [Row],
    ) {
        for column in &mut self.columns {
            column.sum = sum.after(column.sum, projected[column.row][place]);
            outputs[column.output][place] = column.sum / count;
        }
    }
}
