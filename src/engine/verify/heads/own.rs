//! Heads of kind gather, with the same keys and tie-break.

use super::query::Queries;
use super::{At, Fault, Known, Scratch, pair};
use crate::attention::{Column, OwnKeys};
use crate::engine::verify::chunk::Row;
use crate::engine::verify::vectors::widest;
use crate::model::TieBreak;

/// Heads of kind gather.
pub struct OwnHeads {
    head: usize,
    rows: [usize; 2],
    tie: TieBreak,
    keys: OwnKeys,
    columns: Vec<ValueColumn>,
    pub queries: Queries,
}

/// A component of values that differs from others.
struct ValueColumn {
    source: Source,
    column: Column,
}

/// Where the numbers of a column come from.
#[derive(PartialEq)]
enum Source {
    /// A row of the projection.
    Projected(usize),
    /// A row of the weights, which gives a number for each token: the column is whole.
    Tokens(usize),
}

impl OwnHeads {
    pub fn new(head: usize, rows: [usize; 2], tie: TieBreak) -> OwnHeads {
        OwnHeads {
            head,
            rows,
            tie,
            keys: OwnKeys::new(tie),
            columns: Vec::new(),
            queries: Queries::default(),
        }
    }

    /// Rows of their keys, and how they break ties.
    pub fn keys(&self) -> ([usize; 2], TieBreak) {
        (self.rows, self.tie)
    }

    /// The column of a row of the projection.
    pub fn column(&mut self, row: usize, vocabulary: usize, known: &Known<'_>) -> usize {
        self.column_of(Source::Projected(row), || {
            let greatest = vocabulary.checked_sub(1).and_then(|token| token.try_into().ok());
            Column::new(greatest.filter(|_| known.takes_room(vocabulary)))
        })
    }

    /// The column of a row of the weights over slots that depend on the token alone.
    pub fn known(&mut self, row: usize, weights: &[f64], known: &Known<'_>) -> usize {
        self.column_of(Source::Tokens(row), || Column::ByToken((known.values)(weights)))
    }

    fn column_of(&mut self, source: Source, column: impl FnOnce() -> Column) -> usize {
        let found = self.columns.iter().position(|column| column.source == source);
        found.unwrap_or_else(|| {
            self.columns.push(ValueColumn { source, column: column() });
            self.columns.len() - 1
        })
    }

    pub fn advance(
        &mut self,
        at: &At<'_>,
        projected: &[Row],
        outputs: &mut [Row],
        scratch: &mut Scratch,
    ) -> Option<Fault> {
        let refused = self.keys.insert_all(pair(projected, self.rows, at.len)).err();
        // Up to here everything has its outputs.
        let len = refused.as_ref().map_or(at.len, |refused| refused.before);
        let mut fault = refused.map(|violation| at.fault(self.head, violation));
        for ValueColumn { source, column } in &mut self.columns {
            if let Source::Projected(row) = source {
                let before = (0..at.position as u32).map(|position| at.history.at(position));
                column.push_all(&at.tokens[..len], &projected[*row][..len], before);
            }
        }
        let Scratch { winners, tokens, .. } = scratch;
        for query in self.queries.all() {
            let found = widest(
                at.arch,
                #[inline(always)]
                || self.keys.all_winners(pair(projected, query.rows, len), winners),
            );
            fault = Fault::first(fault, found.err().map(|v| at.fault(query.head, v)));
            tokens.clear();
            tokens.extend(winners.latest.iter().map(|&winner| at.history.at(winner)));
            for &(output, column) in &query.outputs {
                let column = &mut self.columns[column].column;
                let output = &mut outputs[output][..len];
                column.at_all(&winners.latest, tokens, output);
                for &(place, low) in &winners.halves {
                    let both = column.at(low, at.history.at(low)) + output[place];
                    output[place] = both / 2.0;
                }
            }
        }
        fault
    }

    pub fn heap_bytes(&self) -> usize {
        self.columns.iter().map(|column| column.column.heap_bytes()).sum()
    }
}
