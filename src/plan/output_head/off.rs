//! By how much logits may be off.
//!
//! A logit that reads nothing inexact is exact (lemma 19 of docs/plan.md). Of the others the plan knows the
//! number that is meant, and how far the reference's may be from it: by the errors of what it reads, times
//! their weights, and by the roundings of its sum. One bound serves for all tokens (lemma 29). Logits that
//! are farther apart than twice that bound are in the order of those that are meant.

use super::reading::Read;
use crate::model::Matrix;
use crate::plan::expression::affine::Affine;
use crate::plan::fuse::error::MAX_INEXACT;
use crate::plan::fuse::rounding::MAX_EXPONENT;
use crate::plan::limits::WHOLE;
use crate::plan::refusal::{Cause, Place, Rule};

/// By how much logits may be off.
pub struct Off {
    /// By token, whether its logit may be off at all.
    pub tokens: Vec<bool>,
    /// Twice the greatest distance, in steps of 2^-53.
    pub twice: Affine,
}

/// How far the logits of all tokens may be off; or which of those that must be exact is not.
pub fn off(head: Matrix<'_>, values: &[Read]) -> Result<Off, Cause> {
    let mut tokens = vec![false; head.rows];
    // By value, the greatest factor of its error in any logit.
    let mut factors = vec![0i64; values.len()];
    let mut roundings = 0i64;
    for (id, is_off) in tokens.iter_mut().enumerate() {
        let cause = |rule, bound| Cause { place: Place::Logit { token: id }, rule, bound };
        let sum = Sum::new(head, values, id)?;
        if sum.inexact == 0 {
            if sum.finest > MAX_EXPONENT || sum.steps > WHOLE.unsigned_abs().into() {
                return Err(cause(Rule::LogitRange, Some(sum.magnitude())));
            }
            continue;
        }
        *is_off = true;
        let is_on_grid =
            sum.finest <= MAX_EXPONENT && sum.steps <= WHOLE.unsigned_abs() as u128 / 2;
        // Lemma 24, over the grid, or lemma 7.
        let times = if is_on_grid && sum.inexact <= MAX_INEXACT {
            (1u64 << sum.inexact) as f64
        } else {
            let steps = (2 * (sum.terms + 1)) as f64 * sum.magnitude() * (1.0 + f64::EPSILON);
            roundings = roundings.max(whole(steps + 1.0).ok_or(cause(Rule::ExactLogit, None))?);
            1.0
        };
        for (factor, value) in factors.iter_mut().zip(values).filter(|value| value.1.is_off()) {
            let here = whole(value.own_weight(head, id).abs() * times);
            *factor = (*factor).max(here.ok_or(cause(Rule::ExactLogit, None))?);
        }
    }
    let parts = values.iter().zip(factors).map(|(value, factor)| (&value.off, factor));
    let once = Affine::sum(roundings, parts).and_then(|once| Affine::default().plus(&once, 2));
    let cause = Cause { place: Place::Plan, rule: Rule::ExactLogit, bound: None };
    Ok(Off { tokens, twice: once.ok_or(cause)? })
}

/// The least whole number that is no less.
fn whole(x: f64) -> Option<i64> {
    (x < (1i64 << 60) as f64).then(|| x.ceil() as i64)
}

/// A logit as a sum of products, in steps of 2^-finest.
struct Sum {
    terms: usize,
    /// How many of them may be off.
    inexact: usize,
    finest: u32,
    /// The sum of the greatest magnitudes of all products.
    steps: u128,
}

impl Sum {
    fn new(head: Matrix<'_>, values: &[Read], id: usize) -> Result<Sum, Cause> {
        let place = Place::Logit { token: id };
        let mut parts = Vec::with_capacity(values.len());
        let mut inexact = 0;
        for value in values {
            if let Some((k, e)) = value.dyadic(head, id, place)? {
                parts.push((value.most_computed().saturating_mul(k.unsigned_abs().into()), e));
                inexact += usize::from(value.is_off());
            }
        }
        let finest = parts.iter().map(|part| part.1).max().unwrap_or(0);
        let steps = parts.iter().fold(0u128, |sum, &(most, e)| {
            sum.saturating_add(
                most.saturating_mul(1u128.checked_shl(finest - e).unwrap_or(u128::MAX)),
            )
        });
        Ok(Sum { terms: parts.len(), inexact, finest, steps })
    }

    fn magnitude(&self) -> f64 {
        self.steps as f64 * 0.5f64.powi(self.finest as i32)
    }
}
