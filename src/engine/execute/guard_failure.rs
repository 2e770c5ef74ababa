//! Guard failures: where a plan ends, because a guard failed or code could not be made.

use crate::plan::Refusal;

/// Why a plan cannot go on. What was generated before is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum GuardFailure {
    /// The BOS token came again.
    #[error("the token that prompts begin with came again")]
    SecondBos,
    /// More positions than the plan is proved for.
    #[error("the history is longer than the plan is proved for")]
    Length,
    /// A running sum left its bounds.
    #[error("a running sum left the bounds within which the plan is proved")]
    Sum,
    /// A latch was not set for too long.
    #[error("a latch is older than the plan is proved for")]
    Age,
    /// A product left its bounds.
    #[error("a product left the bounds within which the plan is proved")]
    Product,
    /// A number is so far off that what is computed of it is not followed any further.
    #[error("a number is farther off than the plan is proved for")]
    Count,
    /// Rounding could decide between the greatest logits.
    #[error("logits are so inexact, and so near, that rounding could decide the prediction")]
    InexactLogit,
    /// What the output head reads is no whole number.
    #[error("the output head reads a fraction, which the plan excludes")]
    Fraction,
    /// A token counts as less than dead.
    #[error("a token is cleared a negative number of times, which the plan excludes")]
    Dead,
    /// A key or query beyond 2^26 where the reference computes the head by a hull.
    #[error("a key or query lies beyond 2^26, where the hull of a lookup head is not exact")]
    HullKey,
    /// Two keys equally near a query where the reference computes the head by a hull.
    #[error("two keys are equally near a query, and rounding decides between them in a hull")]
    HullTie,
    /// Rounding could order equal keys otherwise than the recency where the reference computes the
    /// head by a hull.
    #[error(
        "keys of a lookup head are so inexact that rounding could outweigh the recency in a hull"
    )]
    InexactKey,
    /// Code for a step needs too many registers.
    #[error("a step needs more registers than there are")]
    Registers,
    /// Code for a step needs too many tables of token features.
    #[error("a step needs more tables of token features than there are")]
    TokenTables,
    /// There is too much to do to make code for a step, or too much code.
    #[error("code for a step takes more than 2^27 steps to make, or there is too much code")]
    Code,
    /// Code for a step needs too great coefficients.
    #[error("a coefficient of a step's code grows beyond 2^60")]
    Coefficient,
}

impl From<Refusal> for GuardFailure {
    /// Why code for a step cannot be made.
    fn from(refusal: Refusal) -> GuardFailure {
        match refusal {
            Refusal::TokenTables => GuardFailure::TokenTables,
            Refusal::Registers => GuardFailure::Registers,
            Refusal::Work => GuardFailure::Code,
            Refusal::Coefficient | Refusal::Vocabulary | Refusal::Unproved(_) => {
                GuardFailure::Coefficient
            }
        }
    }
}
