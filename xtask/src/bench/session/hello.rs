//! The smallest program that does something, built from nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::super::build::{self, cargo, file};
use super::{Program, cargo_in};
use crate::error::{Error, Result};

/// It starts a client and a session.
fn source(program: Program) -> &'static str {
    match program {
        Program::Ours => include_str!("peers/hello_ours.rs"),
        Program::Official => include_str!("peers/hello_official.rs"),
    }
}

/// Builds it: as a user who starts a CLI depends on the SDK, and where that takes a feature, without it, too.
pub(super) fn measure(root: &Path, folder: &Path, program: Program) -> Result<Value> {
    let mut rows = Map::new();
    let features = program.features();
    rows.insert("that_starts_a_cli".to_owned(), built(root, folder, program, features)?);
    if !features.is_empty() {
        rows.insert("that_can_start_none".to_owned(), built(root, folder, program, &[])?);
    }
    Ok(Value::Object(rows))
}

fn built(root: &Path, folder: &Path, program: Program, features: &[&str]) -> Result<Value> {
    eprintln!("==> {}: a program from nothing, with {features:?}", program.name());
    let folder = folder.join(format!("hello-{}", program.package()));
    let manifest = format!(
        "[package]\nname = \"hello\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n\n\
         [profile.release]\nstrip = true\n\n[dependencies]\n\
         tokio = {{ version = \"1\", features = [\"rt\", \"macros\"] }}\n{}",
        program.dependencies(root, features)
    );
    file(&folder.join("Cargo.toml"), &manifest)?;
    file(&folder.join("src/main.rs"), source(program))?;
    let target = folder.join("build");
    if target.exists() {
        fs::remove_dir_all(&target).map_err(Error::file(&target))?;
    }
    cargo_in(&folder, &["fetch", "--quiet"])?;
    let before = build::children()?;
    cargo_in(&folder, &["build", "--quiet", "--release"])?;
    let cpu = build::children()? - before;
    let size = |path: &Path| fs::metadata(path).map(|data| data.len()).map_err(Error::file(path));
    let tree = ["tree", "--quiet", "--edges", "normal", "--prefix", "none", "--no-dedupe", "--format", "{p}"];
    let output = cargo().args(tree).current_dir(&folder).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let crates: BTreeSet<&str> = text.lines().filter(|line| !line.starts_with("hello ")).collect();
    Ok(json!({
        "features": features,
        "build_cpu_s": (cpu * 10.0).round() / 10.0,
        "crates": crates.len(),
        "stripped_bytes": size(&target.join("release/hello"))?,
    }))
}
