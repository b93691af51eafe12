//! Finds the GitHub Copilot CLI, or installs it with npm.
//!
//! The order is `COPILOT_CLI_PATH`, then `copilot` on `PATH`, then groundlink's own cache, then
//! `npm install` of the published package into that cache, unmodified and with its licence.

mod find;
mod npm;
mod progress;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use progress::{Progress, Silent, Terminal};

use crate::dirs;
use crate::error::Error;

/// The version that is installed when none is chosen: the one groundlink is tested with.
pub const DEFAULT_VERSION: &str = "1.0.102";

/// Where to look, and what to install.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InstallOptions {
    /// Exactly this version, from the cache or from npm. Unset: whichever copilot is there, else [`DEFAULT_VERSION`].
    pub version: Option<String>,
    /// The value of `COPILOT_CLI_PATH`.
    pub cli_path: Option<PathBuf>,
    /// The value of `PATH`, for `copilot` and `npm`.
    pub search_path: Option<OsString>,
    /// The directory that holds `copilot/VERSION`.
    pub cache_dir: PathBuf,
}

impl InstallOptions {
    /// The user's own settings.
    pub fn from_env() -> Result<Self, Error> {
        Ok(Self {
            version: None,
            cli_path: dirs::process_env("COPILOT_CLI_PATH"),
            search_path: std::env::var_os("PATH"),
            cache_dir: dirs::cache(&dirs::process_env)?,
        })
    }

    /// Nothing but the cache in `cache_dir` and the npm on the search path.
    pub fn new(cache_dir: impl Into<PathBuf>) -> Self {
        Self { version: None, cli_path: None, search_path: std::env::var_os("PATH"), cache_dir: cache_dir.into() }
    }

    /// Chooses a version.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    fn home_of(&self, version: &str) -> PathBuf {
        self.cache_dir.join("copilot").join(version)
    }
}

/// The path of a Copilot CLI: the platform's own binary, not the Node program that wraps it.
///
/// The wrapper would work, but it starts the binary as a child, and a signal to the wrapper then ends
/// the CLI without its farewell.
pub async fn ensure_cli(options: &InstallOptions, progress: &dyn Progress) -> Result<PathBuf, Error> {
    if let Some(found) = existing(options).await? {
        return Ok(found);
    }
    let version = options.version.as_deref().unwrap_or(DEFAULT_VERSION);
    npm::install(options, version, progress).await
}

/// The path of a Copilot CLI that is there already; nothing is installed.
pub async fn find_cli(options: &InstallOptions) -> Result<Option<PathBuf>, Error> {
    existing(options).await
}

/// The CLI that is already there, if any.
async fn existing(options: &InstallOptions) -> Result<Option<PathBuf>, Error> {
    // A version on the command line is a newer wish than an environment variable.
    if options.version.is_none() {
        if let Some(path) = &options.cli_path {
            let named = find::named(path)?;
            return match identify(&named).await {
                Identity::Other => Err(Error::WrongCliPath {
                    path: path.clone(),
                    reason: "that program is not the GitHub Copilot CLI".to_owned(),
                }),
                // One that is slow today may still be the right one.
                Identity::Copilot | Identity::Silent => Ok(Some(named)),
            };
        }
        if let Some(path) = &options.search_path {
            for candidate in find::on_path(path) {
                if identify(&candidate).await == Identity::Copilot {
                    return Ok(Some(candidate));
                }
                tracing::debug!(path = %candidate.display(), "this copilot is another program");
            }
        }
    }
    let version = options.version.as_deref().unwrap_or(DEFAULT_VERSION);
    Ok(find::in_prefix(&options.home_of(version)))
}

/// What a program says it is.
#[derive(Debug, PartialEq, Eq)]
enum Identity {
    Copilot,
    Other,
    Silent,
}

/// Other programs are called `copilot` as well (a deployment tool, an editor's installer that asks questions).
async fn identify(candidate: &Path) -> Identity {
    let mut command = tokio::process::Command::new(candidate);
    command.arg("--version").stdin(std::process::Stdio::null()).kill_on_drop(true);
    let Ok(ran) = tokio::time::timeout(Duration::from_secs(20), command.output()).await else {
        return Identity::Silent;
    };
    let genuine = ran.is_ok_and(|output| {
        output.status.success() && String::from_utf8_lossy(&output.stdout).contains("GitHub Copilot CLI")
    });
    if genuine { Identity::Copilot } else { Identity::Other }
}

/// Checks a version on the command line: it becomes part of a path and of an npm argument.
pub fn parse_version(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
    let numbered = text.split('.').count() >= 3 && text.starts_with(|c: char| c.is_ascii_digit());
    if numbered && text.len() <= 64 && text.chars().all(plain) {
        Ok(text.to_owned())
    } else {
        Err(format!("write it in full, as in {DEFAULT_VERSION}"))
    }
}

#[cfg(all(test, unix))]
mod tests;
