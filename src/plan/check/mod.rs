//! A checker for plans: two things that are proved for a given model, by other means than those
//! that made its plan.
//!
//! - [`bounds`]: every bound that the plan relies on follows from the bounds of its parts. What is
//!   stored with an atom is taken as a claim; each claim is derived again from the claims below it
//!   by enumeration (tokens, knots, corners), and every expression is seen to fit registers. By
//!   induction over atoms all bounds then hold along any history without a guard failure.
//! - [`Direct`]: an evaluator of expressions as they stand, in 128-bit integers, without
//!   specialisation, lowering or groups of logits. The engine compares it with the code of every
//!   specialised variant (`engine/variants.rs`).
//!
//! What neither can see is whether expressions say what the weights do: that is the argument of
//! `fuse`, and is compared with the reference along histories (`engine/agreement.rs`).

pub mod bounds;
mod direct;

pub use direct::{Direct, Memory};
