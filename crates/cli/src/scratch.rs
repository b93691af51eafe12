//! The places a demo works in: a slot of its own in the data directory, and a small git repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::error::Error;

const README: &str = "# A project to play with

groundlink made this directory for its demo. Nothing else uses it: let the agent change what it likes, and
delete it when you are done.
";

/// Makes an empty directory, removing what an earlier run left there.
pub(crate) fn empty_directory(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::io("cannot empty the directory", path)(error));
        }
        _ => {}
    }
    fs::create_dir_all(path).map_err(Error::io("cannot create the directory", path))
}

/// Makes a git repository with one commit in a new directory below `parent`. Without git it is a plain
/// directory, which the CLI takes as well.
pub(crate) async fn repository(parent: &Path) -> Result<PathBuf, Error> {
    fs::create_dir_all(parent).map_err(Error::io("cannot create the directory", parent))?;
    let made = tempfile::Builder::new().prefix("project-").tempdir_in(parent);
    // It stays after the demo: what the agent made is the person's.
    let path = made.map_err(Error::io("cannot create a directory in", parent))?.keep();
    let readme = path.join("README.md");
    fs::write(&readme, README).map_err(Error::io("cannot write", &readme))?;
    let identity = ["-c", "user.name=groundlink", "-c", "user.email=demo@groundlink.invalid"];
    let steps: [&[&str]; 3] = [
        &["init", "--quiet", "--template=", "--initial-branch=main"],
        &["add", "README.md"],
        &["commit", "--quiet", "--no-gpg-sign", "--no-verify", "--message=A project to play with"],
    ];
    for step in steps {
        if !git(&path, &identity, step).await {
            tracing::warn!(step = step[0], "git failed; the demo goes on without a repository");
            break;
        }
    }
    path.canonicalize().map_err(Error::io("cannot use the directory", &path))
}

async fn git(directory: &Path, options: &[&str], step: &[&str]) -> bool {
    let mut command = Command::new("git");
    command.args(options).args(step).current_dir(directory);
    // Set when we run inside of a git hook; they would lead git to that repository.
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(variable);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command.status().await.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_repository_with_one_commit() {
        let dir = tempfile::tempdir().unwrap();
        let first = repository(dir.path()).await.unwrap();
        let second = repository(dir.path()).await.unwrap();
        assert_ne!(first, second);
        assert!(first.join("README.md").exists());
        let log = Command::new("git").args(["log", "--format=%an %s"]).current_dir(&first).output().await.unwrap();
        assert_eq!(String::from_utf8_lossy(&log.stdout).trim(), "groundlink A project to play with");
    }

    #[test]
    fn an_empty_directory_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        empty_directory(&path).unwrap();
        fs::write(path.join("old"), "x").unwrap();
        empty_directory(&path).unwrap();
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
    }
}
