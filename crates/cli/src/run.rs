//! From the command line to the exit code.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::args::Cli;
use crate::commands;
use crate::error::Error;
use crate::status::AboveStatus;

/// Runs the command that the process's arguments name. Wrong usage ends the process with 2 at once.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(commands::run(cli.command));
    // What is still running (a read of the terminal, say) must not hold up the end.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody reads any more; there is nobody to tell.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Logs go to stderr: warnings as plain lines, or whatever `RUST_LOG` asks for, with times.
fn log_to_stderr() {
    let asked = EnvFilter::try_from_default_env();
    let plain = asked.is_err();
    let log = tracing_subscriber::fmt()
        .with_env_filter(asked.unwrap_or_else(|_| EnvFilter::new("warn")))
        .with_writer(|| AboveStatus)
        .with_ansi(io::stderr().is_terminal())
        .with_target(!plain);
    if plain { log.without_time().init() } else { log.init() }
}
