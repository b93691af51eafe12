//! `cargo xtask bench transport`: what a message costs, here and elsewhere.
//!
//! Every peer is a small program of its own ([`programs`]), built from the registry in the same run, that talks over an
//! in-memory stream to the same hand-written other end. Each row of the table is run twice with different counts of
//! messages; the difference in instructions, by the difference in count, is the cost of one message, and what starting
//! costs falls out ([`measure`]). The floor, two hand-written ends, is included in every figure.

mod measure;
mod programs;
mod report;

use crate::error::{Error, Result};
use crate::workspace;

/// Options of `cargo xtask bench transport`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Fail when a figure misses its limit.
    #[arg(long)]
    check: bool,

    /// Calls in flight at once in the load test.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    calls: u64,

    /// Notifications in the load test.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    notifications: u64,
}

/// Runs the bench.
pub(crate) fn run(args: &Args) -> Result<()> {
    let programs = programs::build(&workspace::root())?;
    let meter = measure::Meter::find();
    let mut table = Vec::new();
    for row in report::ROWS {
        eprintln!("==> {}", row.title);
        table.push(report::Measured::take(row, &programs, meter)?);
    }
    eprintln!("==> load");
    let calls = measure::load(&programs, "calls", args.calls)?;
    let notifications = measure::load(&programs, "events", args.notifications)?;
    let crates = programs::crates(&workspace::root(), "groundlink-transport")?;

    let limits = report::limits(&table, meter, &calls, &notifications, crates);
    println!("{:#}", report::json(&table, meter, &calls, &notifications, crates, &limits));
    let missed: Vec<String> = limits.iter().filter(|limit| !limit.holds()).map(ToString::to_string).collect();
    if args.check && !missed.is_empty() {
        return Err(Error::Missed(missed));
    }
    Ok(())
}
