//! From expressions to straight-line operations.

pub mod compiler;
pub mod deferred;
pub mod liveness;
mod lower;
pub mod op;
mod predict;
pub mod specialise;
