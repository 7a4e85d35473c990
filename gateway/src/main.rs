//! The role as a process.
fn main() {}
