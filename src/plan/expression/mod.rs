//! Whole-number expressions over what a history holds.
//!
//! - [`affine`]: c + Σ kᵢ·atomᵢ with whole coefficients, never overflowing;
//! - [`atom`]: what is not linear, with the one traversal that all passes share;
//! - [`arena`]: atoms, each kept once, with their bounds;
//! - [`interval`]: bounds, in exact whole numbers;
//! - [`feature_bounds`]: bounds of sums of features of one token;
//! - [`function`]: what many units of one gate add up to;
//! - [`merge`] and [`quotient`]: the simplest form of gated units, roundings and guards.

pub mod affine;
pub mod arena;
pub mod atom;
#[cfg(test)]
pub mod evaluate;
pub mod feature_bounds;
pub mod function;
pub mod interval;
pub mod mean;
pub mod merge;
pub mod quotient;
