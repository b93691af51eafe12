//! The groundlink command, as a library: the parts that other programs and tests use too.

pub mod scripted;
