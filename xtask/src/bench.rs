//! `cargo xtask bench`: figures, as JSON on stdout. What is built and run on the way speaks on stderr.

mod build;
mod hub;
mod protocol_build;
mod session;
mod transport;

use crate::error::Result;

/// What to measure.
#[derive(clap::Subcommand)]
pub(crate) enum Bench {
    /// A hub over HTTP: a command's and an event's way, load, memory, opening long sessions.
    Hub(hub::Args),
    /// The CPU time of a clean build of groundlink-protocol, beside the official SDK's.
    ProtocolBuild(protocol_build::Args),
    /// What sessions, events and calls cost a program, beside the official SDK.
    Session(session::Args),
    /// Instructions a message of groundlink-transport and of others, and groundlink under load.
    Transport(transport::Args),
}

/// Runs the task.
pub(crate) fn run(bench: &Bench) -> Result<()> {
    match bench {
        Bench::Hub(args) => hub::run(args),
        Bench::ProtocolBuild(args) => protocol_build::run(args),
        Bench::Session(args) => session::run(args),
        Bench::Transport(args) => transport::run(args),
    }
}
