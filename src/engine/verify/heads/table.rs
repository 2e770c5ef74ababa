//! Heads of kind keyed, with the same keys.

use super::query::{Queries, place};
use super::{At, Fault, Scratch, pair};
use crate::attention::{KeyTable, Place, PlainKeys, ViolationAt, plain_queries};
use crate::engine::verify::chunk::{CHUNK, Row};
use crate::engine::verify::vectors::widest;

/// Heads of kind keyed.
pub struct TableHeads {
    head: usize,
    rows: [usize; 2],
    keys: KeyTable,
    columns: Vec<TableColumn>,
    pub queries: Queries,
}

/// A component of values that differs from others.
struct TableColumn {
    /// Of the projection.
    row: usize,
    /// By entry.
    live: Vec<f64>,
    /// By position, as long as no key is live.
    dead: Vec<f64>,
}

impl TableColumn {
    /// Writes the number of a position under an entry, which may be the next.
    #[inline]
    fn write(&mut self, entry: u32, place: usize, projected: &[Row]) {
        let number = projected[self.row][place];
        match self.live.get_mut(entry as usize) {
            Some(live) => *live = number,
            None => {
                self.live.push(number);
                self.dead = Vec::new();
            }
        }
    }
}

impl TableHeads {
    pub fn new(head: usize, rows: [usize; 2], keys: KeyTable) -> TableHeads {
        TableHeads { head, rows, keys, columns: Vec::new(), queries: Queries::default() }
    }

    /// Rows of their keys.
    pub fn keys(&self) -> [usize; 2] {
        self.rows
    }

    /// The column of a row of the projection.
    pub fn column(&mut self, row: usize) -> usize {
        let new = || TableColumn { row, live: Vec::new(), dead: Vec::new() };
        place(&mut self.columns, |column| column.row == row, new)
    }

    pub fn advance(
        &mut self,
        at: &At<'_>,
        projected: &[Row],
        outputs: &mut [Row],
        scratch: &mut Scratch,
    ) -> Option<Fault> {
        let Scratch { keys, numbers, .. } = scratch;
        if self.are_plain(at, projected, keys, numbers) {
            return self.advance_plain(at, projected, outputs, scratch);
        }
        for place in 0..at.len {
            if let Err(fault) = self.step(at, place, projected, outputs) {
                return Some(fault);
            }
        }
        None
    }

    /// Whether all keys and queries stand plainly for whole numbers, as long as some key is live.
    fn are_plain(
        &self,
        at: &At<'_>,
        projected: &[Row],
        keys: &mut PlainKeys,
        numbers: &mut Vec<Row>,
    ) -> bool {
        numbers.resize(self.queries.all().len(), [0.0; CHUNK]);
        self.keys.is_live()
            && widest(
                at.arch,
                #[inline(always)]
                || {
                    let mut plain = keys.set(pair(projected, self.rows, at.len));
                    for (query, numbers) in self.queries.all().iter().zip(&mut *numbers) {
                        plain &= plain_queries(pair(projected, query.rows, at.len), numbers);
                    }
                    plain
                },
            )
    }

    /// What [`TableHeads::step`] does, place after place.
    fn advance_plain(
        &mut self,
        at: &At<'_>,
        projected: &[Row],
        outputs: &mut [Row],
        scratch: &Scratch,
    ) -> Option<Fault> {
        let Scratch { keys: plain, numbers, .. } = scratch;
        let TableHeads { head, rows: [x, y], keys, columns, queries } = self;
        for place in 0..at.len {
            match keys.insert_plain(plain, place, [projected[*x][place], projected[*y][place]]) {
                Ok(None) => {}
                Ok(Some(entry)) => {
                    columns.iter_mut().for_each(|column| column.write(entry, place, projected));
                }
                Err(violation) => {
                    return Some(at.fault(*head, ViolationAt { before: place, violation }));
                }
            }
            for (query, numbers) in queries.all().iter().zip(numbers) {
                let entry = keys.find_plain(numbers[place]);
                for &(output, column) in &query.outputs {
                    outputs[output][place] = columns[column].live[entry as usize];
                }
            }
        }
        None
    }

    #[inline]
    fn step(
        &mut self,
        at: &At<'_>,
        place: usize,
        projected: &[Row],
        outputs: &mut [Row],
    ) -> Result<(), Fault> {
        let number = |[x, y]: [usize; 2]| [projected[x][place], projected[y][place]];
        let fault = |head, violation| at.fault(head, ViolationAt { before: place, violation });
        let TableHeads { head, rows, keys, columns, queries } = self;
        match keys.insert(number(*rows)).map_err(|violation| fault(*head, violation))? {
            None => {}
            Some(Place::Dead(_)) => {
                columns
                    .iter_mut()
                    .for_each(|column| column.dead.push(projected[column.row][place]));
            }
            Some(Place::Live(entry)) => {
                columns.iter_mut().for_each(|column| column.write(entry, place, projected));
            }
        }
        for query in queries.all() {
            let found = keys.find(number(query.rows));
            let found = found.map_err(|violation| fault(query.head, violation))?;
            for &(output, column) in &query.outputs {
                outputs[output][place] = match found {
                    Place::Live(entry) => columns[column].live[entry as usize],
                    Place::Dead(position) => columns[column].dead[position as usize],
                };
            }
        }
        Ok(())
    }

    pub fn heap_bytes(&self) -> usize {
        let values = |column: &TableColumn| column.live.capacity() + column.dead.capacity();
        let values: usize = self.columns.iter().map(values).sum();
        self.keys.heap_bytes() + values * size_of::<f64>()
    }
}
