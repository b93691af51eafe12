//! `cargo xtask import-schema`: the facts of an installed CLI's schemas.

mod namespaces;
mod schema;
mod source;
mod swap;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::facts::{Facts, write_files};
use crate::workspace;

pub(crate) use source::{API, EVENTS, Source};

/// The folder of imported facts, inside the folder of facts.
pub(crate) const FOLDER: &str = "cli";

/// Options of `cargo xtask import-schema`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder with the CLI's schemas, or one of the files in it.
    path: PathBuf,
    /// The CLI's version, where the folder does not say.
    #[arg(long, value_name = "VERSION")]
    cli_version: Option<String>,
}

/// Runs the task.
pub(crate) fn run(args: &Args) -> Result<()> {
    let target = workspace::root().join("crates/protocol/schema").join(FOLDER);
    let facts = import(&args.path, args.cli_version.as_deref(), &target)?;
    println!(
        "{}: {} methods, {} requests, {} notifications, {} events, {} types; run `cargo xtask codegen` next",
        facts.origin,
        facts.methods.len(),
        facts.requests.len(),
        facts.notifications.len(),
        facts.events.len(),
        facts.types.len(),
    );
    Ok(())
}

/// The facts of a folder of schemas.
pub(crate) fn read(path: &Path, version: Option<&str>) -> Result<Facts> {
    schema::facts(&Source::read(path, version)?)
}

/// Replaces the folder of imported facts, or leaves it as it is.
fn import(path: &Path, version: Option<&str>, target: &Path) -> Result<Facts> {
    let facts = read(path, version)?;
    swap::replace(target, &write_files(&facts), |written| {
        let mut again = Facts::read(written)?;
        again.sort();
        let mut facts = facts.clone();
        facts.sort();
        if again == facts { Ok(()) } else { Err(Error::facts(FOLDER, "what was written is not what was read")) }
    })?;
    Ok(facts)
}
