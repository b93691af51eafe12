//! Development tasks: `cargo xtask codegen`, `cargo xtask tidy`, `cargo xtask test`.

mod codegen;
mod error;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

/// Development tasks of groundlink.
#[derive(Parser)]
enum Task {
    /// Write the protocol's types from the facts in crates/protocol/schema.
    Codegen(codegen::Args),
}

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Codegen(args) => codegen::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
