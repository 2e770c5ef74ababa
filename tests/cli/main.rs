//! The command line as its users meet it: what every subcommand prints, writes, refuses and ends with.

#[path = "../common/mod.rs"]
mod common;

mod bench;
mod commands;
mod exchange;
mod methods;
mod names;
mod outputs;
mod places;
mod raw;
mod sources;
mod specialised;
mod traces;
mod wast;
