//! **hardmax** runs *transformer VMs*: decoder-only transformers whose weights
//! are computed, not trained, so that greedy decoding executes WebAssembly, one
//! token per byte of machine state.
//!
//! Work flows from left to right through the rooms of this crate:
//!
//! ```text
//! graph/ -> machine/ -> weights/ -> model/ -> plan/ -> engine/
//!           C, wasm -> wasm/ -> program/ -> tokenizer.rs -^
//! attention/ and linalg/ serve engine/; oracle/ checks it; cli/ is what users call
//! ```
//!
//! `docs/architecture.md` in the repository describes them, with the formats and semantics that
//! they keep.

pub mod attention;
pub mod cli;
pub mod engine;
mod files;
pub mod graph;
pub mod linalg;
pub mod machine;
pub mod model;
pub mod oracle;
pub mod plan;
pub mod profile;
pub mod program;
mod shown;
pub mod specialise;
pub mod tokenizer;
pub mod wasm;
pub mod wast;
pub mod weights;
