//! Installs the published package with npm: whole or not at all.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Command;

use super::{InstallOptions, Progress, find};
use crate::error::Error;

/// Lines of npm's output that an error shows. npm says the reason first and then some twenty lines more.
const TAIL_LINES: usize = 25;

/// Installs `version` below the cache directory and returns the platform's binary.
pub(super) async fn install(
    options: &InstallOptions,
    version: &str,
    progress: &dyn Progress,
) -> Result<PathBuf, Error> {
    let npm = options.search_path.as_deref().and_then(find_npm).ok_or(Error::NpmMissing)?;
    let shelf = options.cache_dir.join("copilot");
    std::fs::create_dir_all(&shelf).map_err(Error::io("cannot create the directory", &shelf))?;
    // On the same file system as its final place, so that a rename puts it there in one step. Removed on drop,
    // also when the person presses Ctrl+C.
    let fresh = tempfile::Builder::new().prefix(".installing-").tempdir_in(&shelf);
    let fresh = fresh.map_err(Error::io("cannot create a directory in", &shelf))?;

    progress.begin(version);
    let ran = run(&npm, options, version, fresh.path(), progress).await;
    progress.end(ran.is_ok());
    ran?;

    let no_binary =
        || Error::NoBinary { version: version.to_owned(), os: std::env::consts::OS, arch: std::env::consts::ARCH };
    find::in_prefix(fresh.path()).ok_or_else(no_binary)?;
    let home = options.home_of(version);
    if let Err(error) = std::fs::rename(fresh.path(), &home) {
        // Another groundlink may have been quicker; what is left of a broken installation is replaced.
        if find::in_prefix(&home).is_none() {
            let replace = std::fs::remove_dir_all(&home).and_then(|()| std::fs::rename(fresh.path(), &home));
            replace.map_err(|_| Error::io("cannot move the installed Copilot CLI to", &home)(error))?;
        }
    }
    find::in_prefix(&home).ok_or_else(no_binary)
}

fn find_npm(search_path: &OsStr) -> Option<PathBuf> {
    let name = if cfg!(windows) { "npm.cmd" } else { "npm" };
    std::env::split_paths(search_path).map(|directory| directory.join(name)).find(|path| path.is_file())
}

async fn run(
    npm: &Path,
    options: &InstallOptions,
    version: &str,
    prefix: &Path,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let mut command = Command::new(npm);
    command
        .args(["install", "--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts", "--include=optional"])
        // Two retries with npm's own pauses would keep somebody who is offline waiting for over a minute.
        .args(["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000", "--loglevel=error"])
        .arg("--prefix")
        .arg(prefix)
        .arg(format!("@github/copilot@{version}"))
        .current_dir(prefix)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    if let Some(path) = &options.search_path {
        command.env("PATH", path);
    }
    let mut child = command.spawn().map_err(Error::io("cannot start", npm))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let watch = async {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let prefix = prefix.to_owned();
            let size = tokio::task::spawn_blocking(move || size_of(&prefix)).await;
            progress.unpacked(size.unwrap_or_default());
        }
    };
    let all = async { tokio::join!(child.wait(), tail(stdout), tail(stderr)) };
    let (status, out, err) = tokio::select! {
        finished = all => finished,
        () = watch => unreachable!("the watch has no end"),
    };
    let status = status.map_err(Error::io("cannot wait for", npm))?;
    if status.success() {
        return Ok(());
    }
    let lines = if err.is_empty() { out } else { err };
    let tail = if lines.is_empty() { "(nothing)".to_owned() } else { Vec::from(lines).join("\n") };
    Err(Error::NpmFailed { version: version.to_owned(), status, tail })
}

/// The last lines of a stream, read to its end so that the writer never blocks.
async fn tail(stream: Option<impl AsyncRead + Unpin>) -> VecDeque<String> {
    let mut kept = VecDeque::with_capacity(TAIL_LINES);
    let Some(stream) = stream else { return kept };
    let mut lines = BufReader::new(stream).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if line.is_empty() {
            continue;
        }
        if kept.len() == TAIL_LINES {
            kept.pop_front();
        }
        kept.push_back(line);
    }
    kept
}

/// Bytes below a directory; what cannot be read counts as nothing, for a display needs no more.
fn size_of(directory: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => size_of(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}
