//! The groundlink command, as a library: the parts that other programs and tests use too.

pub mod args;
pub mod commands;
mod device;
mod dirs;
mod display;
pub mod error;
pub mod install;
mod net;
mod output;
mod run;
mod scratch;
pub mod scripted;
mod signals;
mod status;
mod transcript;
mod viewer;

pub(crate) use groundlink::protocol;

pub use error::Error;
pub use run::main;
