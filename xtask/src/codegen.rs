//! `cargo xtask codegen`: everything that is made of the protocol's facts.
//!
//! Facts (`crates/protocol/schema/*.toml` by hand, `schema/cli/*.toml` imported) are names, types and words; docs
//! (`schema/docs/*.toml`) are our own words about them. The output is committed: Rust under `src/generated` as calls
//! of the macros in `src/runtime`, the crate's features, and under `reference` the same in other languages. The typed
//! stubs go into the session crate, whose features are the protocol's.

mod corrections;
mod docs;
pub(crate) mod emit;
mod export;
mod files;
mod merge;
pub(crate) mod surface;
#[cfg(test)]
mod tests;

use std::path::Path;

use crate::error::Result;
use crate::workspace;
use docs::Docs;
use files::Output;
use surface::Surface;

pub(crate) use export::json_schema;

/// Options of `cargo xtask codegen`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail when the committed files differ from what the facts give.
    #[arg(long)]
    check: bool,
    /// Write nothing; list the public items that have no words of our own in schema/docs.
    #[arg(long)]
    undocumented: bool,
}

impl Args {
    /// `--check`.
    pub(crate) const fn check() -> Self {
        Self { check: true, undocumented: false }
    }
}

/// Runs the task.
pub(crate) fn run(args: &Args) -> Result<()> {
    let crates = workspace::root().join("crates");
    let (protocol, session) = (crates.join("protocol"), crates.join("session"));
    let output = generate(&protocol)?;
    if args.undocumented {
        output.undocumented.iter().for_each(|item| println!("{item}"));
        println!("{} without words of our own", output.undocumented.len());
        return Ok(());
    }
    for (output, folder) in [(output, &protocol), (generate_stubs(&protocol)?, &session)] {
        if args.check { output.check(folder) } else { output.write(folder) }?;
    }
    Ok(())
}

/// What the facts of the protocol crate give.
pub(crate) fn generate(protocol: &Path) -> Result<Output> {
    let (surface, docs) = read(protocol)?;
    let mut output = Output::default();
    for (path, text) in emit::emit(&surface, &docs) {
        output.files.insert(format!("src/generated/{path}"), text);
    }
    for (path, text) in export::files(&surface, &docs) {
        output.files.insert(path, text);
    }
    docs.check()?;
    output.features = emit::features(&surface);
    output.undocumented = docs.without_own_words();
    Ok(output)
}

/// What they give to the session crate.
pub(crate) fn generate_stubs(protocol: &Path) -> Result<Output> {
    let (surface, docs) = read(protocol)?;
    let files = emit::stubs(&surface, &docs)?.into_iter();
    Ok(Output {
        files: files.map(|(path, text)| (format!("src/generated/{path}"), text)).collect(),
        features: emit::stub_features(&surface),
        undocumented: Vec::new(),
    })
}

fn read(protocol: &Path) -> Result<(Surface, Docs)> {
    let schema = protocol.join("schema");
    Ok((Surface::read(&schema)?, Docs::read(&schema.join("docs"))?))
}
