//! `cargo xtask schema`: the protocol as JSON Schema.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use crate::codegen::json_schema;
use crate::codegen::surface::Surface;
use crate::error::{Error, Result};
use crate::workspace;

/// Options of `cargo xtask schema`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The file to write; without it, standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the task.
pub(crate) fn run(args: &Args) -> Result<()> {
    let surface = Surface::read(&workspace::root().join("crates/protocol/schema"))?;
    let text = json_schema::text(&surface.facts);
    match &args.out {
        Some(path) => fs::write(path, text).map_err(Error::file(path)),
        // A reader that has seen enough closes the pipe; that is its affair.
        None => std::io::stdout().write_all(text.as_bytes()).or(Ok(())),
    }
}
