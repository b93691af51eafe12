//! The groundlink command.
fn main() {}
