//! From expressions to straight-line operations.
//!
//! - [`liveness`], the last pass over a model: what its logits depend on, and by what code is worth
//!   specialising ([`rows`]);
//! - [`compiler`] makes a piece of code when a step needs it: [`specialise`] rebuilds expressions
//!   under what is known of the step, `lower` writes their operations ([`op`]) to registers
//!   (`registers.rs`), `predict.rs` those that find the greatest logit;
//! - [`deferred`] splits off what only the prediction needs.

pub mod compiler;
pub mod deferred;
#[cfg(test)]
mod interpret;
pub mod liveness;
mod lower;
pub mod op;
mod predict;
mod registers;
pub mod rows;
pub mod specialise;
