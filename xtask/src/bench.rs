//! `cargo xtask bench`: figures as JSON, measured in this run, peers included.

mod protocol_build;

use crate::error::Result;

/// Options of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(clap::Subcommand)]
enum Bench {
    /// The CPU time of a clean build of groundlink-protocol, beside the official SDK's.
    ProtocolBuild(protocol_build::Args),
}

/// Runs one of them.
pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.bench {
        Bench::ProtocolBuild(args) => protocol_build::run(args),
    }
}
