//! The heads of a layer on their way through a trace, with what they share.
//!
//! What a head attends to depends on its keys and queries alone, and many heads of a layer have the
//! same ones. So heads computed by their kinds stand in groups, by kind, tie-break and keys: each
//! group keeps its keys once, each distinct query finds its winners once, and of values each
//! distinct component is kept once. Rows of the projection that are equal are computed once, and
//! those that nothing reads not at all. Whatever a kind presumes is checked for all of its heads,
//! and what is found wrong is told of the one with the lowest number, as the reference would.
//!
//! A group takes positions in order, a chunk at a time; groups do not depend on each other. Heads of
//! kind lookup, and all heads where attention is not by kinds, have a memory each (`single.rs`).

mod ascending;
mod mean;
mod own;
mod query;
mod single;
mod table;

use std::cell::Cell;

use pulp::Arch;

use crate::attention::{
    History, KeyTable, Memory, PlainKeys, VerticalKeys, Violation, ViolationAt, Winners,
};
use crate::engine::guard::Guard;
use crate::engine::reference::head_memory;
use crate::engine::verify::chunk::Row;
use crate::engine::verify::products::DistinctRows;
use crate::engine::{Attention, EngineError};
use crate::model::{HeadKind, Layer, Model};
use ascending::AscendingHeads;
use mean::MeanHeads;
use own::OwnHeads;
use query::place;
use single::SingleHead;
use table::TableHeads;

/// The heads of a layer that have an effect.
pub struct Heads {
    /// Rows of `attention_in` that they read, in the order of the projection.
    pub projected: Vec<usize>,
    /// By column of `attention_out`, the row that it reads: of the projection, or behind these of
    /// the outputs. `None` is a column of zeros.
    pub outputs: Vec<Option<usize>>,
    /// Rows of the outputs.
    pub computed: usize,
    /// They do not depend on each other.
    pub groups: Vec<Group>,
}

/// Heads that share something, or one that does not.
pub enum Group {
    Own(OwnHeads),
    Table(TableHeads),
    Mean(MeanHeads),
    Ascending(AscendingHeads),
    Single(SingleHead),
}

/// Positions that heads take next.
pub struct At<'a> {
    pub layer: usize,
    /// Of this machine.
    pub arch: Arch,
    /// The first of them.
    pub position: u64,
    /// How many there are.
    pub len: usize,
    /// Their tokens, of small vocabularies.
    pub tokens: &'a [u16],
    /// The tokens of all positions up to these, of small vocabularies.
    pub history: &'a History,
}

/// What the heads of one thread need room for.
#[derive(Default)]
pub struct Scratch {
    winners: Winners,
    /// The tokens of the winners.
    tokens: Vec<u16>,
    keys: PlainKeys,
    /// Of tables, the whole numbers that are asked for, query after query.
    numbers: Vec<Row>,
}

/// A position of a chunk that cannot be computed, and the head that says so.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub place: usize,
    pub head: usize,
    pub error: EngineError,
}

impl Fault {
    /// Of two faults the one that the reference would meet first.
    pub fn first(a: Option<Fault>, b: Option<Fault>) -> Option<Fault> {
        a.into_iter().chain(b).min_by_key(|fault| (fault.place, fault.head))
    }
}

impl At<'_> {
    fn fault(&self, head: usize, ViolationAt { before, violation }: ViolationAt) -> Fault {
        let error = EngineError::Head { layer: self.layer, head, violation };
        Fault { place: before, head, error }
    }
}

/// Two rows, as far as they have positions.
fn pair(rows: &[Row], [first, second]: [usize; 2], len: usize) -> [&[f64]; 2] {
    [&rows[first][..len], &rows[second][..len]]
}

/// What values of a token alone are known before the trace is: a row of `attention_in` over slots
/// that hold at its layer what the embedding put there.
pub struct Known<'k> {
    /// By slot, whether it does.
    pub slots: &'k [bool],
    /// The values of a row, by token.
    pub values: &'k dyn Fn(&[f64]) -> Vec<f64>,
    /// How many numbers tables by token may still have, of all layers.
    pub room: &'k Cell<usize>,
}

impl Known<'_> {
    /// Takes the room of a table for a vocabulary, if there is so much.
    fn takes_room(&self, vocabulary: usize) -> bool {
        let left = self.room.get().checked_sub(vocabulary);
        self.room.set(left.unwrap_or(self.room.get()));
        left.is_some()
    }
}

impl Heads {
    /// Heads that remember nothing yet, each as `attention` says.
    pub fn new(
        model: &Model,
        layer: usize,
        attention: Attention,
        known: &Known<'_>,
    ) -> Result<Heads, EngineError> {
        let mut draft = Draft::new(model, layer);
        // By kinds the reference, too, leaves out heads without effect; else they may refuse a key.
        let heads = match attention {
            Attention::Kinds => draft.live(),
            Attention::Hull | Attention::Brute => (0..model.shape().heads).collect(),
        };
        for head in heads {
            let kind = model.kind(layer, head);
            if attention == Attention::Kinds && kind != HeadKind::Lookup {
                draft.share(head, known)?;
            } else {
                let memory = head_memory(attention, kind, model.tie(layer, head));
                let memory = memory.map_err(|v| draft.refused(head, v))?;
                draft.single(head, memory, Guard::new(kind, attention));
            }
        }
        Ok(draft.finish())
    }

    /// Heads that are given a memory each.
    pub fn with_memories(
        model: &Model,
        layer: usize,
        memory: impl Fn(usize) -> Result<Box<dyn Memory>, EngineError>,
    ) -> Result<Heads, EngineError> {
        let mut draft = Draft::new(model, layer);
        for head in draft.live() {
            draft.single(head, memory(head)?, None);
        }
        Ok(draft.finish())
    }
}

impl Group {
    /// Takes the positions of a chunk, from the projection to the outputs.
    pub fn advance(
        &mut self,
        at: &At<'_>,
        projected: &[Row],
        outputs: &mut [Row],
        scratch: &mut Scratch,
    ) -> Option<Fault> {
        match self {
            Group::Own(heads) => heads.advance(at, projected, outputs, scratch),
            Group::Table(heads) => heads.advance(at, projected, outputs, scratch),
            Group::Mean(heads) => heads.advance(at, projected, outputs),
            Group::Ascending(heads) => heads.advance(at, projected),
            Group::Single(head) => head.advance(at, projected, outputs),
        }
    }

    /// Bytes of heap that its memories hold.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Group::Own(heads) => heads.heap_bytes(),
            Group::Table(heads) => heads.heap_bytes(),
            Group::Mean(_) | Group::Ascending(_) => 0,
            Group::Single(head) => head.heap_bytes(),
        }
    }
}

/// Heads that are being put into groups.
struct Draft<'m> {
    model: &'m Model,
    layer: usize,
    weights: Layer<'m>,
    rows: DistinctRows<'m>,
    /// By column of `attention_out`.
    outputs: Vec<Option<Output>>,
    /// Rows of the outputs so far.
    computed: usize,
    own: Vec<OwnHeads>,
    tables: Vec<TableHeads>,
    means: Vec<MeanHeads>,
    ascending: Vec<AscendingHeads>,
    single: Vec<SingleHead>,
}

/// Where the output of a head's component is.
#[derive(Clone, Copy)]
enum Output {
    Projected(usize),
    Computed(usize),
}

impl<'m> Draft<'m> {
    fn new(model: &'m Model, layer: usize) -> Draft<'m> {
        let weights = model.layer(layer);
        Draft {
            model,
            layer,
            weights,
            rows: DistinctRows::new(weights.attention_in),
            outputs: vec![None; weights.attention_out.cols],
            computed: 0,
            own: Vec::new(),
            tables: Vec::new(),
            means: Vec::new(),
            ascending: Vec::new(),
            single: Vec::new(),
        }
    }

    /// Heads with an effect.
    fn live(&self) -> Vec<usize> {
        (0..self.model.shape().heads).filter(|&head| !self.weights.is_dead_head(head)).collect()
    }

    fn refused(&self, head: usize, violation: Violation) -> EngineError {
        EngineError::Head { layer: self.layer, head, violation }
    }

    /// Rows of the projection: a head's queries (part 0), keys or values.
    fn part(&mut self, head: usize, part: usize) -> [usize; 2] {
        let first = part * self.weights.attention_out.rows + 2 * head;
        [first, first + 1].map(|row| self.rows.place(row))
    }

    /// A new row of the outputs.
    fn compute(&mut self, column: usize) -> usize {
        self.outputs[column] = Some(Output::Computed(self.computed));
        self.computed += 1;
        self.computed - 1
    }

    /// Components of a head's value that are neither zero nor unread: their columns of
    /// `attention_out` and rows of `attention_in`.
    fn components(&self, head: usize) -> Vec<(usize, usize)> {
        let Layer { attention_in, attention_out, .. } = self.weights;
        let is_read = |column: usize| {
            (0..attention_out.rows).any(|row| attention_out.row(row)[column] != 0.0)
        };
        let is_zero = |row: usize| attention_in.row(row).iter().all(|&weight| weight == 0.0);
        [2 * head, 2 * head + 1]
            .map(|column| (column, 2 * attention_out.rows + column))
            .into_iter()
            .filter(|&(column, row)| is_read(column) && !is_zero(row))
            .collect()
    }

    fn single(&mut self, head: usize, memory: Box<dyn Memory>, guard: Option<Guard>) {
        let parts = [0, 1, 2].map(|part| self.part(head, part));
        let output = self.compute(2 * head);
        self.compute(2 * head + 1);
        self.single.push(SingleHead::new(head, parts, output, memory, guard));
    }

    /// Puts a head into the group of its kind, tie-break and keys.
    fn share(&mut self, head: usize, known: &Known<'_>) -> Result<(), EngineError> {
        let (kind, tie) = (self.model.kind(self.layer, head), self.model.tie(self.layer, head));
        let [queries, keys] = [0, 1].map(|part| self.part(head, part));
        let components = self.components(head);
        match kind {
            HeadKind::Lookup => unreachable!("heads that share nothing"),
            HeadKind::Passthrough => {
                for (column, row) in components {
                    self.outputs[column] = Some(Output::Projected(self.rows.place(row)));
                }
                let same = |heads: &AscendingHeads| heads.keys() == (keys, queries);
                place(&mut self.ascending, same, || AscendingHeads::new(head, keys, queries));
            }
            HeadKind::Gather => {
                let same = |heads: &OwnHeads| heads.keys() == (keys, tie);
                let group = place(&mut self.own, same, || OwnHeads::new(head, keys, tie));
                self.own[group].queries.ask(head, queries);
                for (column, row) in components {
                    let output = self.compute(column);
                    let weights = self.weights.attention_in.row(row);
                    let is_known = (weights.iter().zip(known.slots))
                        .all(|(&weight, &is_known)| weight == 0.0 || is_known);
                    let vocabulary = self.model.shape().vocabulary;
                    let is_known = is_known && known.takes_room(vocabulary);
                    let group = &mut self.own[group];
                    let column = if is_known {
                        group.known(row, weights, known)
                    } else {
                        group.column(self.rows.place(row), vocabulary, known)
                    };
                    group.queries.ask(head, queries).outputs.push((output, column));
                }
            }
            HeadKind::Keyed => {
                let table = KeyTable::new(tie).map_err(|v| self.refused(head, v))?;
                let same = |heads: &TableHeads| heads.keys() == keys;
                let group = place(&mut self.tables, same, || TableHeads::new(head, keys, table));
                self.tables[group].queries.ask(head, queries);
                for (column, row) in components {
                    let output = self.compute(column);
                    let group = &mut self.tables[group];
                    let column = group.column(self.rows.place(row));
                    group.queries.ask(head, queries).outputs.push((output, column));
                }
            }
            HeadKind::Mean => {
                let checked = VerticalKeys::new(tie).map_err(|v| self.refused(head, v))?;
                let same = |heads: &MeanHeads| heads.keys() == (keys, queries);
                let new = || MeanHeads::new(head, keys, queries, checked);
                let group = place(&mut self.means, same, new);
                for (column, row) in components {
                    let output = self.compute(column);
                    let row = self.rows.place(row);
                    self.means[group].average(row, output);
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> Heads {
        let projected = self.rows.rows();
        let row = |output: Output| match output {
            Output::Projected(row) => row,
            Output::Computed(row) => projected.len() + row,
        };
        let outputs = self.outputs.iter().map(|output| output.map(row)).collect();
        let groups = (self.own.into_iter().map(Group::Own))
            .chain(self.tables.into_iter().map(Group::Table))
            .chain(self.means.into_iter().map(Group::Mean))
            .chain(self.ascending.into_iter().map(Group::Ascending))
            .chain(self.single.into_iter().map(Group::Single));
        Heads { groups: groups.collect(), outputs, computed: self.computed, projected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_faults_the_earlier_counts_and_of_one_place_that_of_the_lower_head() {
        let error = EngineError::EmptyPrompt;
        let fault = |place, head| Some(Fault { place, head, error: error.clone() });
        for (a, b, first) in [
            (fault(3, 1), fault(2, 9), fault(2, 9)),
            (fault(2, 4), fault(2, 3), fault(2, 3)),
            (None, fault(5, 5), fault(5, 5)),
            (None, None, None),
        ] {
            assert_eq!(
                [Fault::first(a.clone(), b.clone()), Fault::first(b, a)],
                [first.clone(), first]
            );
        }
    }

    #[test]
    fn tables_by_token_have_room_for_so_many_numbers() {
        let room = Cell::new(10);
        let known = Known { slots: &[], values: &|_| Vec::new(), room: &room };
        assert_eq!([6, 5, 4, 1].map(|count| known.takes_room(count)), [true, false, true, false]);
    }
}
