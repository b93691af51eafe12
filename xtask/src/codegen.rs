//! `cargo xtask codegen`: the protocol's types from its facts.
//!
//! Facts (`crates/protocol/schema/*.toml`) are names, types and words; docs
//! (`crates/protocol/schema/docs/*.toml`) are our own words about them. The output is calls of the
//! macros in `crates/protocol/src/runtime`, committed under `crates/protocol/src/generated`.

mod docs;
pub(crate) mod emit;
mod facts;
mod names;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::error::{Error, Result};
use crate::workspace;

/// Options of `cargo xtask codegen`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail when the committed files differ from what the facts give.
    #[arg(long)]
    check: bool,
}

impl Args {
    /// `--check`.
    pub(crate) const fn check() -> Self {
        Self { check: true }
    }
}

/// Runs the task.
pub(crate) fn run(args: &Args) -> Result<()> {
    let protocol = workspace::root().join("crates/protocol");
    let files = generate(&protocol.join("schema"))?;
    let folder = protocol.join("src/generated");
    if args.check { check(&files, &folder) } else { write(&files, &folder) }
}

/// The generated files: name and content.
pub(crate) fn generate(schema: &Path) -> Result<BTreeMap<String, String>> {
    let facts = facts::Facts::read(schema)?;
    let docs = docs::Docs::read(&schema.join("docs"))?;
    emit::emit(&facts, &docs)
}

/// Fails unless the folder holds exactly these files.
pub(crate) fn check(files: &BTreeMap<String, String>, folder: &Path) -> Result<()> {
    let committed = read_folder(folder)?;
    let mut differing: Vec<String> =
        files.iter().filter(|(name, text)| committed.get(*name) != Some(text)).map(|(name, _)| name.clone()).collect();
    differing.extend(committed.keys().filter(|name| !files.contains_key(*name)).cloned());
    if differing.is_empty() { Ok(()) } else { Err(Error::NotCurrent(differing)) }
}

fn write(files: &BTreeMap<String, String>, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(Error::file(folder))?;
    let committed = read_folder(folder)?;
    for name in committed.keys().filter(|name| !files.contains_key(*name)) {
        let path = folder.join(name);
        fs::remove_file(&path).map_err(Error::file(&path))?;
    }
    for (name, text) in files.iter().filter(|(name, text)| committed.get(*name) != Some(text)) {
        let path = folder.join(name);
        fs::write(&path, text).map_err(Error::file(&path))?;
    }
    Ok(())
}

fn read_folder(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(Error::file(folder))? {
        let path = entry.map_err(Error::file(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.insert(name, fs::read_to_string(&path).map_err(Error::file(&path))?);
    }
    Ok(files)
}
