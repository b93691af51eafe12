//! Finding and reading the schema files.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Error, Result};

/// The file that describes methods.
pub(crate) const API: &str = "api.schema.json";
/// The file that describes events.
pub(crate) const EVENTS: &str = "session-events.schema.json";
/// The JSON Schema versions that the CLI's schemas are written in.
const DRAFTS: &[&str] = &["draft-07", "draft/2019-09"];

/// The schemas of one CLI version.
#[derive(Debug)]
pub(crate) struct Source {
    pub(super) version: String,
    pub(super) api: Value,
    pub(super) events: Value,
    folder: PathBuf,
}

impl Source {
    /// Reads the schemas of a folder, of a `schemas` folder in it, or beside one of the two files.
    pub(crate) fn read(path: &Path, version: Option<&str>) -> Result<Self> {
        let folder = locate(path)?;
        let api = schema(&folder.join(API), &["server", "session", "clientSession", "clientGlobal", "definitions"])?;
        let events = schema(&folder.join(EVENTS), &["definitions"])?;
        let version = version
            .map(ToOwned::to_owned)
            .or_else(|| find_version(&folder))
            .ok_or_else(|| bad(&folder, "does not say which CLI version it is of; give it with --cli-version"))?;
        if !is_version(&version) {
            return Err(bad(&folder, format!("`{version}` is not a version of the CLI, such as 1.0.102")));
        }
        Ok(Self { version, api, events, folder })
    }

    pub(super) fn bad(&self, problem: String) -> Error {
        bad(&self.folder, problem)
    }
}

fn bad(path: &Path, problem: impl Into<String>) -> Error {
    Error::Schema { path: path.to_owned(), problem: problem.into() }
}

fn locate(path: &Path) -> Result<PathBuf> {
    fs::metadata(path).map_err(Error::file(path))?;
    let candidates = [path.to_owned(), path.join("schemas"), path.parent().unwrap_or(path).to_owned()];
    let found = candidates.into_iter().find(|folder| folder.join(API).is_file());
    found.ok_or_else(|| {
        bad(path, format!("has no {API}; name the `schemas` folder of an unpacked CLI (it unpacks when first started)"))
    })
}

fn schema(path: &Path, sections: &[&str]) -> Result<Value> {
    let text = fs::read_to_string(path).map_err(Error::file(path))?;
    let schema: Value = serde_json::from_str(&text).map_err(|error| {
        let cause = if error.is_eof() { "the file is cut off" } else { "it is not JSON" };
        bad(path, format!("{cause} ({error})"))
    })?;
    let draft = schema["$schema"].as_str().unwrap_or_default();
    if !DRAFTS.iter().any(|known| draft.contains(known)) {
        return Err(bad(
            path,
            format!("is not a JSON Schema of a known version ({}): it says `{draft}`", DRAFTS.join(", ")),
        ));
    }
    if let Some(section) = sections.iter().find(|section| !schema[**section].is_object()) {
        return Err(bad(path, format!("has no `{section}`; it is not a schema that the CLI ships")));
    }
    Ok(schema)
}

/// By the package the folder lies in, or by the name of a folder above.
fn find_version(folder: &Path) -> Option<String> {
    let package = fs::read_to_string(folder.parent()?.join("package.json")).ok();
    let package: Option<Value> = package.and_then(|text| serde_json::from_str(&text).ok());
    if let Some(version) = package.as_ref().and_then(|package| package["version"].as_str()) {
        return Some(version.to_owned());
    }
    let mut above = folder.ancestors().filter_map(|folder| folder.file_name()?.to_str());
    above.find(|name| is_version(name)).map(ToOwned::to_owned)
}

fn is_version(text: &str) -> bool {
    let (core, _) = text.split_once('-').unwrap_or((text, ""));
    let parts: Vec<&str> = core.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| part.parse::<u32>().is_ok())
}
