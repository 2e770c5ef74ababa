//! The machine that the model embodies: its instructions, its tokens, and the
//! graph that predicts every next token from the history.

mod embedded;
pub mod graph;
mod isa;
mod symbol;

pub use embedded::Embedded;
pub use isa::{End, Instruction, MOST_CALLS, Op};
pub use symbol::{DIGITS, HALT, PAYLOAD_END, Symbol};
