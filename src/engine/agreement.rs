//! A plan against its model, on random histories.
//!
//! Useful prompts visit few of the histories that a model can be given, and most histories that
//! are random from the start soon end at a guard failure. A *walk* therefore begins with
//! a history that is known to be good, cut and changed here and there, and goes on with what the
//! reference predicts, but strays now and then, rarely, often or always, to a token of a small
//! pool or of the whole vocabulary. How far it came, it is known to be good, and a later walk
//! may begin with it. At every position the two predictions are compared. Plan and
//! reference share the model file, and how a table finds the nearest key, but no arithmetic.

use super::execute::Execution;
use super::{Attention, EngineError, Reference};
use crate::linalg::Kernel;
use crate::model::{Model, Token};
use crate::plan::Plan;

/// Which walks to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walks {
    /// How many walks.
    pub count: u64,
    /// Tokens of each, at most, behind the history that it begins with.
    pub length: usize,
    /// The same seed takes the same walks.
    pub seed: u64,
    /// Histories to begin with, such as prompts, without BOS; there need be none.
    pub known: Vec<Vec<Token>>,
}

/// What was compared, up to the first difference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Histories that were begun.
    pub histories: u64,
    /// Positions whose predictions were compared; what histories begin with alike counts for each.
    pub predictions: u64,
    /// Tokens of the longest history, as far as it was compared.
    pub longest: usize,
    /// Histories cut short by a guard failure of the plan.
    pub guard_failures: u64,
    /// Histories cut short because the reference refused them.
    pub refused: u64,
    /// The first difference, if there is one: no history is begun after it.
    pub difference: Option<Difference>,
}

/// A history after which plan and model do not predict the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its tokens, BOS included.
    pub history: Vec<Token>,
    /// What the plan predicts.
    pub planned: Token,
    /// What the reference predicts.
    pub reference: Token,
}

/// How many histories that walks made are kept, at most.
const MAX_KEPT: usize = 256;

/// Compares a plan with its model, whose reference computes heads by `attention`.
///
/// # Errors
/// If there is no reference of this kind, or a history to begin with has tokens that are none.
pub fn compare(
    model: &Model,
    plan: &Plan,
    mut walks: Walks,
    attention: Attention,
    kernel: Kernel,
) -> Result<Agreement, EngineError> {
    let vocabulary = model.shape().vocabulary.min(plan.classes().len());
    let beyond = |token: &&Token| token.index() >= vocabulary;
    if let Some(&Token(token)) = walks.known.iter().flatten().find(beyond) {
        return Err(EngineError::NoToken { token, vocabulary });
    }
    let mut random = fastrand::Rng::with_seed(walks.seed);
    let mut agreement = Agreement::default();
    let given = walks.known.len();
    for _ in 0..walks.count {
        agreement.histories += 1;
        let Ok(execution) = Execution::new(plan) else {
            agreement.guard_failures += 1;
            continue;
        };
        let mut walk = Walk {
            plan,
            reference: Reference::new(model, attention, kernel)?,
            execution,
            history: Vec::new(),
            compared: 0,
        };
        let strays = Strays::draw(&mut random, model, plan);
        let end = walk.go(&strays.begin(&mut random, &walks.known), walks.length, |predicted| {
            strays.next(&mut random, predicted)
        })?;
        let Walk { history, compared, .. } = walk;
        agreement.predictions += compared;
        agreement.longest = agreement.longest.max(history.len());
        match end {
            End::Length => {}
            End::GuardFailed => agreement.guard_failures += 1,
            End::Refused => agreement.refused += 1,
            End::Different { planned, reference } => {
                agreement.difference = Some(Difference { history, planned, reference });
                break;
            }
        }
        let kept = history.get(1..).unwrap_or_default().to_vec();
        if walks.known.len() < given + MAX_KEPT {
            walks.known.push(kept);
        } else {
            walks.known[given + random.usize(..MAX_KEPT)] = kept;
        }
    }
    Ok(agreement)
}

/// Where a walk goes when it does not follow what is known or predicted.
struct Strays {
    /// How often it does, of 64 times.
    often: u32,
    pool: Vec<Token>,
}

impl Strays {
    fn draw(random: &mut fastrand::Rng, model: &Model, plan: &Plan) -> Strays {
        let vocabulary = model.shape().vocabulary.min(plan.classes().len()) as u32;
        let often = [1, 8, 32, 64][random.usize(..4)];
        let count = if random.bool() { 8 } else { vocabulary };
        let mut pool: Vec<Token> = (0..count).map(|_| Token(random.u32(..vocabulary))).collect();
        // A token at which a guard fails ends the walk: few walks should meet it.
        if random.u32(..8) > 0 {
            pool.retain(|&token| Some(token) != plan.single_bos());
        }
        Strays { often, pool }
    }

    /// A known history, whole or cut, with at most a few tokens changed.
    fn begin(&self, random: &mut fastrand::Rng, known: &[Vec<Token>]) -> Vec<Token> {
        let mut tokens = random.choice(known).cloned().unwrap_or_default();
        if random.bool() {
            tokens.truncate(random.usize(..=tokens.len()));
        }
        for _ in 0..random.u32(..4) {
            if let (Some(token), Some(&stray)) =
                (random.choice(&mut tokens), random.choice(&self.pool))
            {
                *token = stray;
            }
        }
        tokens
    }

    fn next(&self, random: &mut fastrand::Rng, predicted: Token) -> Token {
        match random.choice(&self.pool) {
            Some(&stray) if random.u32(..64) < self.often => stray,
            _ => predicted,
        }
    }
}

struct Walk<'m> {
    plan: &'m Plan,
    reference: Reference<'m>,
    execution: Execution<'m>,
    /// Tokens at which no guard failed and which the reference did not refuse.
    history: Vec<Token>,
    /// Predictions that were compared.
    compared: u64,
}

/// How a walk ended.
enum End {
    Length,
    GuardFailed,
    Refused,
    Different { planned: Token, reference: Token },
}

impl Walk<'_> {
    /// Takes BOS, those to begin with, and `length` more: each is the `next` after
    /// what the reference predicts.
    fn go(
        &mut self,
        begin: &[Token],
        length: usize,
        mut next: impl FnMut(Token) -> Token,
    ) -> Result<End, EngineError> {
        let mut token = self.plan.bos();
        for at in 0..=begin.len() + length {
            let planned = if at == 0 {
                self.plan.first_prediction()
            } else if self.execution.step(token, true).is_ok() {
                Some(self.execution.prediction())
            } else {
                return Ok(End::GuardFailed);
            };
            let reference = self.reference.step(token).and_then(|()| self.reference.next_token());
            let reference = match reference {
                Ok(reference) => reference,
                Err(_) => return Ok(End::Refused),
            };
            self.history.push(token);
            // Of position 0 a plan may have no exact prediction, and then claims none.
            if let Some(planned) = planned {
                self.compared += 1;
                if planned != reference {
                    return Ok(End::Different { planned, reference });
                }
            }
            token = begin.get(at).copied().unwrap_or_else(|| next(reference));
        }
        Ok(End::Length)
    }
}
