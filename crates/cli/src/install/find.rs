//! Looks for a Copilot CLI that is already on the machine.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// The CLI at the path a person named.
pub(super) fn named(path: &Path) -> Result<PathBuf, Error> {
    let wrong = |reason: String| Error::WrongCliPath { path: path.to_owned(), reason };
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(wrong("there is no such file".to_owned())),
        Err(error) => Err(wrong(error.to_string())),
        Ok(found) if found.is_dir() => Err(wrong("that is a directory".to_owned())),
        Ok(_) if !is_executable(path) => Err(wrong("that file is not executable".to_owned())),
        Ok(_) => Ok(unwrapped(path)),
    }
}

/// The candidates called `copilot` on a search path, in its order.
pub(super) fn on_path(search_path: &OsStr) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for directory in std::env::split_paths(search_path).filter(|directory| directory.is_absolute()) {
        for name in NAMES {
            let candidate = directory.join(name);
            if is_executable(&candidate) {
                let candidate = unwrapped(&candidate);
                if !found.contains(&candidate) {
                    found.push(candidate);
                }
            }
        }
    }
    found
}

/// The platform's binary under an npm prefix.
pub(super) fn in_prefix(prefix: &Path) -> Option<PathBuf> {
    in_modules(&prefix.join("node_modules"))
}

const NAMES: &[&str] = if cfg!(windows) { &["copilot.exe", "copilot.cmd"] } else { &["copilot"] };
const BINARY: &str = if cfg!(windows) { "copilot.exe" } else { "copilot" };

/// The packages that may hold the binary for this machine. npm installs the one that fits, so both C
/// libraries of Linux are tried.
fn packages() -> Vec<String> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let systems: &[&str] = match std::env::consts::OS {
        "linux" => &["linux", "linuxmusl"],
        "macos" => &["darwin"],
        "windows" => &["win32"],
        other => return vec![format!("copilot-{other}-{arch}")],
    };
    systems.iter().map(|system| format!("copilot-{system}-{arch}")).collect()
}

fn in_modules(modules: &Path) -> Option<PathBuf> {
    let binary = |package: String| modules.join("@github").join(package).join(BINARY);
    packages().into_iter().map(binary).find(|path| is_executable(path))
}

/// The binary behind npm's wrapper, or the path itself when it is no wrapper.
fn unwrapped(path: &Path) -> PathBuf {
    let behind = || {
        let real = path.canonicalize().ok()?;
        if real.extension()? != "js" {
            return None;
        }
        // .../node_modules/@github/copilot/npm-loader.js: npm puts the binary's package inside of this one
        // (global installs) or beside it.
        let package = real.parent()?;
        in_modules(&package.join("node_modules")).or_else(|| in_modules(package.parent()?.parent()?))
    };
    behind().unwrap_or_else(|| path.to_owned())
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}
