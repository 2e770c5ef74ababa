//! What a plan numbers, each with a type of its own, so that none can be taken for another.

use cranelift_entity::entity_impl;
use serde::Serialize;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(u32);
        entity_impl!($name, $prefix);
    )*};
}

ids! {
    /// A layer of the model, counted from 0.
    LayerId, "layer";
    /// A slot of the residual stream, counted from 0.
    SlotId, "slot";
    /// An atom of an arena.
    AtomId, "atom";
    /// A feature: a column of the embedding, or the mark of the BOS token behind them.
    FeatureId, "feature";
    /// A running sum over positions 1..=t.
    SumId, "sum";
    /// A latch: the latest position at which an expression was 0.
    LatchId, "latch";
    /// A table from whole keys to the latest position written under them.
    TableId, "table";
    /// A number of the reference that is rounded, where it is computed.
    SourceId, "source";
    /// A column: a derived value of every position.
    ColumnId, "column";
    /// A product that is guarded at run time.
    GuardId, "guard";
}

impl AtomId {
    /// The position, the first atom of every arena.
    pub const POSITION: AtomId = AtomId(0);
}
