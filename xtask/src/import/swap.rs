//! Replacing a folder of files as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Writes the files beside the folder, checks them there, and only then puts them in its place.
pub(super) fn replace(
    target: &Path,
    files: &BTreeMap<String, String>,
    check: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let (new, old) = (beside(target, "new"), beside(target, "old"));
    let done = write(&new, files).and_then(|()| check(&new)).and_then(|()| swap(&new, target, &old));
    // Left over after a failure; after a success there is nothing.
    let _ = fs::remove_dir_all(&new);
    done
}

fn beside(target: &Path, what: &str) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.{what}.{}", std::process::id()))
}

fn write(folder: &Path, files: &BTreeMap<String, String>) -> Result<()> {
    fs::create_dir_all(folder).map_err(Error::file(folder))?;
    for (name, text) in files {
        let path = folder.join(format!("{name}.toml"));
        fs::write(&path, text).map_err(Error::file(&path))?;
    }
    Ok(())
}

fn swap(new: &Path, target: &Path, old: &Path) -> Result<()> {
    let there = target.exists();
    if there {
        fs::rename(target, old).map_err(Error::file(target))?;
    }
    if let Err(error) = fs::rename(new, target) {
        if there {
            fs::rename(old, target).map_err(Error::file(target))?;
        }
        return Err(Error::file(target)(error));
    }
    if there { fs::remove_dir_all(old).map_err(Error::file(old)) } else { Ok(()) }
}
