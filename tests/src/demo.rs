//! The `groundlink` command as a person starts it, in a home of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use groundlink_testkit::{Program, ScratchRepo, Viewer};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::parts;

/// The CLI's start, on a machine that is busy with other tests.
const START: Duration = Duration::from_secs(90);
/// Ctrl+C to the end: the CLI may take three seconds when its server is gone already.
const END: Duration = Duration::from_secs(30);

/// A person's home: nothing in it yet, nothing of the real one reaches the command.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
}

impl Home {
    /// An empty home.
    pub fn new() -> Self {
        Self { folder: tempfile::Builder::new().prefix("groundlink-home-").tempdir().expect("a temporary directory") }
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The `groundlink` command with these arguments, without any Copilot CLI to be found.
    pub fn bare(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(parts::groundlink());
        command.args(arguments).env_clear().current_dir(self.path());
        let inside = |name: &str| self.path().join(name);
        command
            .env("HOME", self.path())
            .env("XDG_CACHE_HOME", inside("cache"))
            .env("XDG_CONFIG_HOME", inside("config"))
            .env("XDG_DATA_HOME", inside("data"))
            .env("XDG_STATE_HOME", inside("state"))
            .env("LANG", "C.UTF-8")
            .env("NO_PROXY", "127.0.0.1,localhost");
        // The second: where the CLI unpacks itself, or every test would wait for that.
        for name in ["PATH", "COPILOT_PKG_CACHE_HOME"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }

    /// The `groundlink` command with these arguments and the tests' Copilot CLI.
    pub fn groundlink(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare(arguments);
        command.env("COPILOT_CLI_PATH", parts::copilot());
        command
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

/// `groundlink demo --json`, running.
#[derive(Debug)]
pub struct Demo {
    /// The process.
    pub program: Program,
    /// Its first line.
    pub shared: Value,
    /// The directory the session works in.
    pub repo: ScratchRepo,
    /// Where its caches and data are.
    pub home: Home,
}

impl Demo {
    /// Starts it and waits for the link.
    pub async fn start() -> Self {
        Self::start_with(&[], &[]).await
    }

    /// Starts it with more arguments and variables, and waits for the link.
    pub async fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let (home, repo) = (Home::new(), ScratchRepo::new());
        let dir = repo.path().display().to_string();
        let mut all = vec!["demo", "--json", "--dir", &dir];
        all.extend(arguments);
        let mut command = home.groundlink(&all);
        command.envs(variables.iter().copied());
        let mut program = Program::start(command);
        let shared = program.json_event("shared", START).await;
        Self { program, shared, repo, home }
    }

    /// The link, as printed.
    pub fn link(&self) -> &str {
        self.shared["url"].as_str().expect("the first line has the link")
    }

    /// Somebody who has the link.
    pub async fn viewer(&self) -> Viewer {
        Viewer::open_steerable(self.link()).await
    }

    /// Presses Ctrl+C, and holds the end against what a person expects: exit code 0, nothing left running.
    pub async fn ctrl_c(mut self) -> groundlink_testkit::process::Ended {
        let family = self.program.family();
        assert!(family.len() > 1, "the CLI runs as a child that can be found: {family:?}");
        self.program.interrupt().await;
        let ended = self.program.ended(END).await;
        assert_eq!(ended.code, Some(0), "after Ctrl+C\n--- stdout\n{}\n--- stderr\n{}", ended.stdout, ended.stderr);
        self.program.nothing_left(Duration::from_secs(10)).await;
        ended
    }
}

/// All files below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .flatten()
        .flat_map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => files_below(&entry.path()),
            Ok(kind) if kind.is_file() => vec![entry.path()],
            _ => Vec::new(),
        })
        .collect()
}
