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

/// Compares a plan with the reference at every position of a history.
pub fn along(
    model: &Model,
    plan: &Result<Plan, Refusal>,
    history: &[Token],
    attention: Attention,
) -> Verdict {
    // Of position 0 a plan may have no exact prediction, and then it is not asked for it.
    let first = plan.as_ref().map_or(0, |plan| usize::from(plan.first_prediction().is_none()));
    let Ok(mut reference) = Reference::new(model, attention, Kernel::Portable) else {
        return Verdict::Unanswered { at: 0 };
    };
    let mut engine = Planned::new(model, plan, attention, Kernel::Portable);
    for (at, &token) in history.iter().enumerate() {
        let taken = engine.take(token, true);
        let expected = reference.step(token).and_then(|()| reference.next_token());
        let got = match (taken, at < first) {
            (Ok(()), true) => match expected {
                Ok(_) | Err(EngineError::NoLogit { .. }) => continue,
                Err(_) => return Verdict::Unanswered { at },
            },
            (Ok(()), false) => engine.next_token(),
            (Err(error), _) => Err(error),
        };
        match engine.fallback().map(|fallback| fallback.reason) {
            None => {}
            Some(Reason::Refused(_)) => return Verdict::Refused,
            Some(_) => return Verdict::Broken { at },
        }
        let reference = match expected {
            Ok(reference) if got == Ok(reference) => continue,
            Ok(reference) => Ok(reference),
            Err(error @ EngineError::NoLogit { .. }) => Err(error.to_string()),
            Err(_) => return Verdict::Unanswered { at },
        };
        return match got {
            Ok(planned) => Verdict::Differs { at, planned, reference },
            Err(_) => Verdict::Broken { at },
        };
    }
    Verdict::Agrees { predictions: history.len() - first }
}

/// Fails where the plan differs from the reference by kinds or from that by hulls. Tells what
/// becomes of it by kinds.
#[track_caller]
pub fn never_differs(model: &Model, history: &[u32]) -> Verdict {
    let history: Vec<Token> = history.iter().map(|&id| Token(id)).collect();
    let plan = planned(model);
    let of = |attention| {
        let verdict = along(model, &plan, &history, attention);
        let wrong = matches!(verdict, Verdict::Differs { .. });
        assert!(!wrong, "{attention:?}, {verdict:?}, {history:?}");
        verdict
    };
    of(Attention::Hull);
    of(Attention::Kinds)
}

/// The same of a model with kinds, and of one that is equal but has none. Where a table misses
/// between two equally near keys rounding chooses in a hull: there the model without kinds has
/// broken, and nothing is claimed of the other by hulls.
#[track_caller]
pub fn never_differ(kinds: &Model, none: &Model, history: &[u32]) -> Verdict {
    if matches!(never_differs(none, history), Verdict::Agrees { .. }) {
        return never_differs(kinds, history);
    }
    let history: Vec<Token> = history.iter().map(|&id| Token(id)).collect();
    let verdict = along(kinds, &planned(kinds), &history, Attention::Kinds);
    assert!(!matches!(verdict, Verdict::Differs { .. }), "{verdict:?}, {history:?}");
    verdict
}
