//! The `hardmax` binary.
fn main() {}
