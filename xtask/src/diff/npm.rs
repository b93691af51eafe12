//! The schemas of a published CLI version.
//!
//! Up to 1.0.8x they lie in the package; later the program unpacks them into the user's cache when it first starts,
//! so it is started once with a home of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::import::{API, EVENTS};
use crate::workspace;

const PACKAGE: &str = "@github/copilot";
/// Folders deeper than this hold no schemas.
const DEPTH: usize = 7;

/// A version as npm knows it; never an option or a path.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Version(String);

impl Version {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let clean = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'));
        let starts = text.starts_with(|c: char| c.is_ascii_digit());
        (clean && starts && text.split('.').count() >= 3).then(|| Self(text.to_owned()))
    }
}

/// The folder with a version's schemas, fetched if they are not in the cache.
pub(super) fn schemas(version: &Version) -> Result<PathBuf> {
    let cache = workspace::target().join("protocol-diff");
    let target = cache.join(&version.0).join("schemas");
    if target.join(API).is_file() && target.join(EVENTS).is_file() {
        return Ok(target);
    }
    let fresh = cache.join(format!(".{}.{}", version.0, std::process::id()));
    let found = fetch(version, &fresh).and_then(|found| keep(&found, &target));
    // Some hundred megabytes that nobody needs again.
    let _ = fs::remove_dir_all(&fresh);
    found.map(|()| target)
}

fn fetch(version: &Version, fresh: &Path) -> Result<PathBuf> {
    fs::create_dir_all(fresh).map_err(Error::file(fresh))?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts", "--include=optional"])
        .args(["--loglevel=error", "--prefix"])
        .arg(fresh)
        .arg(format!("{PACKAGE}@{}", version.0));
    run(npm)?;
    let packages = fresh.join("node_modules/@github");
    if let Some(found) = find(&packages, DEPTH) {
        return Ok(found);
    }
    let program = programs(&packages).ok_or_else(|| {
        Error::facts(&version.0, "has neither schemas nor a program for this platform that could unpack them")
    })?;
    let home = fresh.join("home");
    fs::create_dir_all(&home).map_err(Error::file(&home))?;
    let mut unpack = Command::new(program);
    unpack.arg("--version").env("HOME", &home).env("XDG_CACHE_HOME", home.join("cache"));
    // These would have it unpack, or look for what is unpacked, elsewhere.
    unpack.env_remove("COPILOT_PKG_CACHE_HOME").env_remove("COPILOT_CLI_DIST_DIR");
    unpack.env("COPILOT_HOME", home.join("state")).env("COPILOT_AUTO_UPDATE", "false").env("COPILOT_OFFLINE", "true");
    run(unpack)?;
    find(&home, DEPTH).ok_or_else(|| Error::facts(&version.0, "unpacked no schemas when it was started"))
}

fn run(mut command: Command) -> Result<()> {
    let shown = format!("{command:?}");
    let failed = |problem: String| Error::Command { command: shown.clone(), problem };
    let output = command.stdin(Stdio::null()).output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(failed(said.lines().take(4).collect::<Vec<_>>().join("; ")))
}

/// The folder with both files, at most so deep.
fn find(folder: &Path, depth: usize) -> Option<PathBuf> {
    if folder.join(API).is_file() && folder.join(EVENTS).is_file() {
        return Some(folder.to_owned());
    }
    let mut inside: Vec<PathBuf> = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    inside.sort();
    let depth = depth.checked_sub(1)?;
    inside.into_iter().filter(|path| path.is_dir()).find_map(|folder| find(&folder, depth))
}

/// The platform's own program, in whichever platform package npm has chosen.
fn programs(packages: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(packages).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut folders: Vec<PathBuf> =
        entries.filter(|path| path.file_name().is_some_and(|name| name != "copilot")).collect();
    folders.sort();
    folders
        .iter()
        .flat_map(|folder| ["copilot", "copilot.exe"].map(|name| folder.join(name)))
        .find(|path| path.is_file())
}

/// Copies the two files; the folder appears whole or not at all.
fn keep(found: &Path, target: &Path) -> Result<()> {
    let new = target.with_file_name(format!("schemas.{}", std::process::id()));
    fs::create_dir_all(&new).map_err(Error::file(&new))?;
    for name in [API, EVENTS] {
        fs::copy(found.join(name), new.join(name)).map_err(Error::file(&new))?;
    }
    let _ = fs::remove_dir_all(target);
    fs::rename(&new, target).map_err(Error::file(target))
}
