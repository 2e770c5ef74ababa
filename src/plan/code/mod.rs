//! From expressions to straight-line operations.

pub mod compiler;
pub mod deferred;
#[cfg(test)]
mod interpret;
pub mod liveness;
mod lower;
pub mod op;
mod predict;
mod registers;
pub mod specialise;
