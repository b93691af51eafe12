//! Development tasks; `cargo xtask help` lists them.

mod bench;
mod codegen;
mod diff;
mod error;
mod facts;
mod import;
mod names;
mod schema_task;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

/// Development tasks of groundlink.
#[derive(Parser)]
enum Task {
    /// Measure, and write the figures to stdout as JSON.
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Write the protocol's types from the facts in crates/protocol/schema.
    Codegen(codegen::Args),
    /// Read the schemas of an installed Copilot CLI into crates/protocol/schema/cli.
    ImportSchema(import::Args),
    /// Say what changed between two versions of the Copilot CLI; exit code 1 when it could break a client.
    ProtocolDiff(diff::Args),
    /// Print the protocol as JSON Schema.
    Schema(schema_task::Args),
    /// Check what holds for the repository as a whole: floors, lints, files.
    Tidy,
    /// Check and test everything, with the real Copilot CLI and a real browser.
    Test(test::TestArgs),
}

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Bench(bench) => bench::run(&bench),
        Task::Codegen(args) => codegen::run(&args),
        Task::ImportSchema(args) => import::run(&args),
        Task::Schema(args) => schema_task::run(&args),
        Task::ProtocolDiff(args) => diff::run(&args),
        Task::Tidy => tidy::run(),
        Task::Test(args) => test::run(&args).map_err(Into::into),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            error.exit_code()
        }
    }
}
