//! Whole-number expressions over what a history holds.

pub mod affine;
pub mod arena;
pub mod feature_bounds;
mod merge;
pub mod quotient;
