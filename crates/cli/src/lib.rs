//! The groundlink command, as a library: the parts that other programs and tests use too.

mod dirs;
pub mod error;
pub mod install;
pub mod scripted;

pub use error::Error;
