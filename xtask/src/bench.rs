//! `cargo xtask bench`: figures, as JSON on stdout. What is built and run on the way speaks on stderr.

mod transport;

use crate::error::Result;

/// What to measure.
#[derive(clap::Subcommand)]
pub(crate) enum Bench {
    /// Instructions a message of groundlink-transport and of others, and groundlink under load.
    Transport(transport::Args),
}

/// Runs the task.
pub(crate) fn run(bench: &Bench) -> Result<()> {
    match bench {
        Bench::Transport(args) => transport::run(args),
    }
}
