//! What becomes of a model: its plan is refused, breaks, agrees with the reference or differs.
//!
//! All that hostile models ask of the engine is asked here. A plan may refuse a model, or break
//! on the way and say so; as long as it does neither, every prediction of it must be that of the
//! reference. Where the reference refuses a key, a query or a kind that the file gives, there is
//! nothing to compare: the plan believes no kinds. But it must not predict where the reference
//! has no logits.

use hardmax::engine::{Attention, Decoder, EngineError, Planned, Reason, Reference};
use hardmax::linalg::Kernel;
use hardmax::model::{Model, Token};
use hardmax::plan::{Plan, Refusal};

/// How a history ends. Positions are those of the latest token.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// There is no plan.
    Refused,
    /// The plan broke and said so.
    Broken { at: usize },
    /// The reference refused.
    Unanswered { at: usize },
    /// Every prediction was the same.
    Agrees { predictions: usize },
    /// A wrong token, or a token where the reference has none.
    Differs { at: usize, planned: Token, reference: Result<Token, String> },
}

/// The plan of a model for histories that begin with token 0.
pub fn planned(model: &Model) -> Result<Plan, Refusal> {
    Plan::new(model, Token(0))
}

/// Compares a plan with the reference along a history behind a prompt of so many tokens. In the
/// prompt nothing is predicted, and so not all guards are asked.
pub fn behind(
    model: &Model,
    plan: &Result<Plan, Refusal>,
    (history, prompt): (&[Token], usize),
    attention: Attention,
) -> Verdict {
    // Of position 0 a plan may have no exact prediction, and then it is not asked for it.
    let first = plan.as_ref().map_or(0, |plan| usize::from(plan.first_prediction().is_none()));
    let Ok(mut reference) = Reference::new(model, attention, Kernel::Portable) else {
        return Verdict::Unanswered { at: 0 };
    };
    let mut engine = Planned::new(model, plan, attention, Kernel::Portable);
    let mut predictions = 0;
    for (at, &token) in history.iter().enumerate() {
        let asked = at + 1 >= prompt;
        let taken = engine.take(token, asked);
        let step = reference.step(token);
        let expected = step.and_then(|()| asked.then(|| reference.next_token()).transpose());
        let got = match (taken, asked && at >= first) {
            (Ok(()), false) => match expected {
                Ok(_) | Err(EngineError::NoLogit { .. }) => None,
                Err(_) => return Verdict::Unanswered { at },
            },
            (Ok(()), true) => Some(engine.next_token()),
            (Err(error), _) => Some(Err(error)),
        };
        match engine.fallback().map(|fallback| fallback.reason) {
            None => {}
            Some(Reason::Refused(_)) => return Verdict::Refused,
            Some(_) => return Verdict::Broken { at },
        }
        let Some(got) = got else { continue };
        let reference = match expected {
            Ok(Some(reference)) if got == Ok(reference) => {
                predictions += 1;
                continue;
            }
            Ok(Some(reference)) => Ok(reference),
            Ok(None) => return Verdict::Broken { at },
            Err(error @ EngineError::NoLogit { .. }) => Err(error.to_string()),
            Err(_) => return Verdict::Unanswered { at },
        };
        return match got {
            Ok(planned) => Verdict::Differs { at, planned, reference },
            Err(_) => Verdict::Broken { at },
        };
    }
    Verdict::Agrees { predictions }
}

/// Fails where the plan differs from the reference by kinds or from that by hulls. Tells what
/// becomes of it by kinds.
#[track_caller]
pub fn never_differs(model: &Model, history: &[u32]) -> Verdict {
    differs_nowhere(model, history, Attention::Hull, 0);
    by_kinds(model, history)
}

/// The same by kinds alone, behind prompts, too.
#[track_caller]
fn by_kinds(model: &Model, history: &[u32]) -> Verdict {
    for prompt in [history.len() / 2, history.len()] {
        differs_nowhere(model, history, Attention::Kinds, prompt);
    }
    differs_nowhere(model, history, Attention::Kinds, 0)
}

#[track_caller]
fn differs_nowhere(model: &Model, history: &[u32], attention: Attention, prompt: usize) -> Verdict {
    let history: Vec<Token> = history.iter().map(|&id| Token(id)).collect();
    let verdict = behind(model, &planned(model), (&history, prompt), attention);
    let wrong = matches!(verdict, Verdict::Differs { .. });
    assert!(!wrong, "{attention:?}, {verdict:?}, {prompt} of {history:?}");
    verdict
}

/// The same of a model with kinds, and of one that is equal but has none. Where a table misses
/// between two equally near keys rounding chooses in a hull: there the model without kinds has
/// broken, and nothing is claimed of the other by hulls.
#[track_caller]
pub fn never_differ(kinds: &Model, none: &Model, history: &[u32]) -> Verdict {
    if matches!(never_differs(none, history), Verdict::Agrees { .. }) {
        return never_differs(kinds, history);
    }
    by_kinds(kinds, history)
}
