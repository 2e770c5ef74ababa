//! A step as it would be: on a changed history, and taken back.

use super::{Execution, GuardFailure, REGISTERS};
use crate::model::Token;
use crate::plan::POSITION;

/// What is changed before a step.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change {
    /// The token at a place before the latest.
    pub token: Option<(usize, Token)>,
    /// How many positions ago the latch was set by whose age code is specialised.
    pub age: Option<usize>,
    /// What is added to every running sum.
    pub sum: i64,
    /// What is added to the running sum of which classes of values are made, if it is one.
    pub selected: i64,
}

/// What a step did.
pub struct Probed {
    /// The selected place, or the value of which classes are made.
    pub selected: i64,
    /// The selected-token class.
    pub selected_class: u16,
    /// The registers of sums and latches, and those before them.
    pub registers: Vec<i64>,
    /// By table, the key under which this position was written.
    pub keys: Vec<Option<i64>>,
    /// What columns hold for this position.
    pub columns: Vec<Option<i64>>,
    /// The prediction, if there was to be one.
    pub prediction: Option<Token>,
}

impl Execution<'_> {
    /// The register of the latch by whose age code is specialised, if there is one.
    pub fn aged(&self) -> Option<usize> {
        self.aged.map(usize::from)
    }

    /// Takes a token on a changed history, tells what it did, and takes it back.
    pub fn probe(
        &mut self,
        token: Token,
        change: Change,
        predicts: bool,
    ) -> Result<Probed, GuardFailure> {
        let last = self.state.last;
        let kept = self.plan.first_free();
        let registers: Vec<i64> = self.state.regs[..kept].to_vec();
        let (tables, history) = (self.state.tables.clone(), self.state.history.to_mut().clone());
        if let Some((place, token)) = change.token {
            self.state.history.to_mut()[place] = token.0 as u16;
        }
        if let (Some(age), Some(latch)) = (change.age, self.aged) {
            self.state.regs[usize::from(latch)] = (last + 1).saturating_sub(age) as i64;
        }
        for sum in self.plan.sums() {
            self.state.regs[usize::from(sum)] += change.sum;
        }
        if self.plan.summed_rows().is_some() {
            self.state.regs[usize::from(self.selected)] += change.selected;
        }
        let step = self.step(token, predicts);
        let selected = self.state.regs[usize::from(self.selected)];
        let probed = step.map(|()| Probed {
            selected: if self.plan.rows().is_some() {
                selected
            } else {
                selected.clamp(0, last as i64 + 1)
            },
            selected_class: self.selected_class(selected),
            registers: self.state.regs[..kept].to_vec(),
            keys: self.state.tables.iter().map(|table| table.key_of(last as u32 + 1)).collect(),
            columns: self.state.columns.iter().map(|held| held.get(last + 1).copied()).collect(),
            prediction: predicts.then(|| self.prediction()),
        });
        self.state.tables = tables;
        *self.state.history.to_mut() = history;
        self.state.regs[..kept].copy_from_slice(&registers);
        self.state.regs[usize::from(POSITION)] = last as i64;
        for column in &mut self.state.columns {
            column.truncate(last + 1);
        }
        self.state.last = last;
        probed
    }
}

const _: () = assert!((POSITION as usize) < REGISTERS);
