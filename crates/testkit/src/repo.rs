//! Scratch directories for sessions to work in.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A temporary git repository; gone when dropped.
#[derive(Debug)]
pub struct ScratchRepo {
    folder: TempDir,
    /// Without symbolic links: the CLI reports its working directory that way.
    path: PathBuf,
}

impl ScratchRepo {
    /// An empty repository with one commit.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("groundlink-repo-").tempdir().expect("a temporary directory");
        let path = folder.path().canonicalize().expect("the path of a directory that was just made");
        let repo = Self { folder, path };
        repo.git(&["init", "--quiet", "--initial-branch", "main"]);
        repo.git(&["config", "user.name", "Scratch"]);
        repo.git(&["config", "user.email", "scratch@example.invalid"]);
        repo.write("README.md", "# Scratch\n");
        repo.git(&["add", "."]);
        repo.git(&["commit", "--quiet", "--message", "Start"]);
        repo
    }

    /// The same, as if it were a clone of `owner/name` on GitHub.
    pub fn of_github(name: &str) -> Self {
        let repo = Self::new();
        repo.git(&["remote", "add", "origin", &format!("https://github.com/{name}.git")]);
        repo
    }

    /// The working directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What a file of the repository says, `None` while there is no such file.
    pub fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.path.join(name)).ok()
    }

    /// Writes a file of the repository.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path.join(name), content).expect("a writable repository");
    }

    /// Whether there is such a file.
    pub fn has(&self, name: &str) -> bool {
        self.path.join(name).exists()
    }

    /// Keeps the directory, for looking at what a failed test left.
    pub fn keep(self) -> PathBuf {
        self.folder.keep()
    }

    fn git(&self, arguments: &[&str]) {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(&self.path)
            // The person's own settings (signing, hooks, templates) are no part of the test.
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .expect("git is needed for scratch repositories");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Default for ScratchRepo {
    fn default() -> Self {
        Self::new()
    }
}
