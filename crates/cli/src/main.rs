//! The groundlink command.

use std::process::ExitCode;

fn main() -> ExitCode {
    groundlink_cli::main()
}
