//! Generation by a plan, with the reference behind it.
//!
//! Where there is no plan for a model, or a guard of the plan fails on the
//! way, the reference takes over: it takes all tokens so far and goes on, so the
//! tokens are right in either case. [`Planned::fallback`] says that it happened,
//! where, and why.

use serde::Serialize;
use thiserror::Error;

use super::execute::{Execution, GuardFailure};
use super::generate::Decoder;
use super::{Attention, EngineError, Reference};
use crate::linalg::Kernel;
use crate::model::{Model, Token};
use crate::plan::{Plan, Refusal};

/// Why the reference took over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Error)]
#[serde(untagged)]
pub enum Reason {
    /// There is no plan.
    #[error("the model has no plan: {0}")]
    Refused(Refusal),
    /// A guard of the plan failed.
    #[error("{0}")]
    GuardFailed(GuardFailure),
    /// The first token is not the one that the plan was made for.
    #[error("the prompt begins with another token than the plan")]
    OtherBos,
    /// The prediction at position 0 is not exact.
    #[error("the prediction at position 0 is not exact")]
    FirstPrediction,
}

/// Where and why the reference took over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Fallback {
    /// Tokens before the one at which the plan ended.
    pub position: u64,
    /// Why the plan ended there, or never began.
    pub reason: Reason,
}

/// A plan on its way through a history, or the reference in its place.
pub struct Planned<'m> {
    model: &'m Model,
    plan: Result<&'m Plan, Refusal>,
    attention: Attention,
    kernel: Kernel,
    execution: Option<Execution<'m>>,
    reference: Option<(Box<Reference<'m>>, Fallback)>,
    /// Is told of a fallback before the reference takes what there is.
    tell: Box<dyn FnMut(Fallback) + 'm>,
}

impl<'m> Planned<'m> {
    /// Before the first token. `attention` and `kernel` are those of the reference, should it be
    /// needed.
    pub fn new(
        model: &'m Model,
        plan: &'m Result<Plan, Refusal>,
        attention: Attention,
        kernel: Kernel,
    ) -> Planned<'m> {
        let plan = plan.as_ref().map_err(|refusal| *refusal);
        let tell = Box::new(|_| ());
        Planned { model, plan, attention, kernel, execution: None, reference: None, tell }
    }

    /// The same, which tells of a fallback when it happens: a long history takes the
    /// reference long.
    pub fn telling(self, tell: impl FnMut(Fallback) + 'm) -> Planned<'m> {
        Planned { tell: Box::new(tell), ..self }
    }

    /// Where and why the reference took over, if it did.
    pub fn fallback(&self) -> Option<Fallback> {
        self.reference.as_ref().map(|reference| reference.1)
    }

    /// Tokens taken so far.
    pub fn position(&self) -> u64 {
        match (&self.reference, &self.execution) {
            (Some((reference, _)), _) => reference.position(),
            (None, Some(execution)) => execution.position(),
            (None, None) => 0,
        }
    }

    /// Bytes that history and memories hold.
    pub fn heap_bytes(&self) -> usize {
        match (&self.reference, &self.execution) {
            (Some((reference, _)), _) => reference.heap_bytes(),
            (None, Some(execution)) => execution.heap_bytes(),
            (None, None) => 0,
        }
    }

    #[cold]
    fn begin(&mut self, token: Token) -> Result<(), EngineError> {
        let reason = match self.plan {
            Err(refusal) => Reason::Refused(refusal),
            Ok(plan) if plan.bos() != token => Reason::OtherBos,
            Ok(plan) => match Execution::new(plan) {
                Ok(execution) => {
                    self.execution = Some(execution);
                    return Ok(());
                }
                Err(failure) => Reason::GuardFailed(failure),
            },
        };
        self.fall_back(reason, 0, Some(token))
    }

    /// Gives the first `taken` tokens of the history, and one more, to the reference.
    #[cold]
    fn fall_back(
        &mut self,
        reason: Reason,
        taken: u64,
        next: Option<Token>,
    ) -> Result<(), EngineError> {
        let fallback = Fallback { position: taken, reason };
        (self.tell)(fallback);
        let mut reference = Reference::new(self.model, self.attention, self.kernel)?;
        if let Some(execution) = &self.execution {
            for token in execution.history().take(taken as usize) {
                reference.step(token)?;
            }
        }
        if let Some(token) = next {
            reference.step(token)?;
        }
        self.execution = None;
        self.reference = Some((Box::new(reference), fallback));
        Ok(())
    }
}

impl Decoder for Planned<'_> {
    #[inline]
    fn take(&mut self, token: Token, predicts: bool) -> Result<(), EngineError> {
        if let Some(execution) = &mut self.execution {
            let vocabulary = self.model.shape().vocabulary;
            if token.index() >= vocabulary {
                return Err(EngineError::NoToken { token: token.0, vocabulary });
            }
            let taken = execution.position();
            return match execution.step(token, predicts) {
                Ok(()) => Ok(()),
                Err(failure) => self.fall_back(Reason::GuardFailed(failure), taken, Some(token)),
            };
        }
        match &mut self.reference {
            Some((reference, _)) => reference.step(token),
            None => self.begin(token),
        }
    }

    #[inline]
    fn next_token(&mut self) -> Result<Token, EngineError> {
        if let Some(execution) = &self.execution {
            if execution.position() > 1 {
                return Ok(execution.prediction());
            }
            if let Some(first) = self.plan.ok().and_then(Plan::first_prediction) {
                return Ok(first);
            }
            self.fall_back(Reason::FirstPrediction, 1, None)?;
        }
        match &mut self.reference {
            Some((reference, _)) => reference.next_token(),
            None => Err(EngineError::EmptyPrompt),
        }
    }
}
