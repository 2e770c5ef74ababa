//! Where a plan ends.

/// Why a plan cannot go on. What was generated before is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Violation {
    /// The opening token came again.
    #[error("the opening token came again")]
    SecondBos,
    /// More positions than the plan is proved for.
    #[error("the history is longer than the plan is proved for")]
    Length,
    /// A running sum left its bounds.
    #[error("a running sum left the bounds within which the plan is proved")]
    Sum,
    /// A register was not renewed for too long.
    #[error("a register is older than the plan is proved for")]
    Age,
    /// A product left its bounds.
    #[error("a product left the bounds within which the plan is proved")]
    Product,
    /// What the output head reads is no whole number.
    #[error("the output head reads a fraction, which the plan excludes")]
    Fraction,
    /// A token counts as less than dead, or a hull was asked what it cannot answer.
    #[error("a head met what its plan excludes")]
    Head,
    /// Code for a step could not be made.
    #[error("a step needs more registers than there are")]
    Code,
}
