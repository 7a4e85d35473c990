//! The `vesta` command.
fn main() {}
