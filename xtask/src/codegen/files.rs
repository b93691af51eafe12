//! The generated files of a crate on disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::error::{Error, Result};

/// Folders of a crate that hold generated files only.
const FOLDERS: &[&str] = &["src/generated", "reference", "tests/surface/generated"];
/// Where the crate's features are written.
const MANIFEST: &str = "Cargo.toml";
/// Between these lines of the manifest.
const MARKS: [&str; 2] = ["# Written by `cargo xtask codegen`.\n", "# Up to here.\n"];

/// What is generated.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// Path in the crate, and content.
    pub(crate) files: BTreeMap<String, String>,
    /// The lines of the manifest's `[features]`.
    pub(crate) features: String,
    /// Items with neutral words only.
    pub(crate) undocumented: Vec<String>,
}

impl Output {
    /// Fails unless the crate holds exactly these files and features.
    pub(crate) fn check(&self, root: &Path) -> Result<()> {
        let committed = committed(root)?;
        let files = &self.files;
        let mut differing: Vec<String> = files
            .iter()
            .filter(|(name, text)| committed.get(*name) != Some(text))
            .map(|(name, _)| name.clone())
            .collect();
        differing.extend(committed.keys().filter(|name| !files.contains_key(*name)).cloned());
        let manifest = read(&root.join(MANIFEST))?;
        if self.manifest(&manifest)? != manifest {
            differing.push(MANIFEST.to_owned());
        }
        if differing.is_empty() { Ok(()) } else { Err(Error::NotCurrent(differing)) }
    }

    /// Writes what differs and removes what is no longer made.
    pub(crate) fn write(&self, root: &Path) -> Result<()> {
        let committed = committed(root)?;
        for name in committed.keys().filter(|name| !self.files.contains_key(*name)) {
            let path = root.join(name);
            fs::remove_file(&path).map_err(Error::file(&path))?;
        }
        for (name, text) in self.files.iter().filter(|(name, text)| committed.get(*name) != Some(text)) {
            let path = root.join(name);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(Error::file(folder))?;
            }
            fs::write(&path, text).map_err(Error::file(&path))?;
        }
        let path = root.join(MANIFEST);
        let manifest = read(&path)?;
        let new = self.manifest(&manifest)?;
        if new != manifest {
            fs::write(&path, new).map_err(Error::file(&path))?;
        }
        Ok(())
    }

    fn manifest(&self, old: &str) -> Result<String> {
        let [start, end] = MARKS;
        let missing = || Error::facts(MANIFEST, format!("put these lines into [features]:\n{start}{end}"));
        let (before, rest) = old.split_once(start).ok_or_else(missing)?;
        let (_, after) = rest.split_once(end).ok_or_else(missing)?;
        Ok(format!("{before}{start}{}{end}{after}", self.features))
    }
}

fn committed(root: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for folder in FOLDERS.iter().filter(|folder| root.join(folder).is_dir()) {
        read_folder(root, folder, &mut files)?;
    }
    Ok(files)
}

fn read_folder(root: &Path, folder: &str, files: &mut BTreeMap<String, String>) -> Result<()> {
    let path = root.join(folder);
    for entry in fs::read_dir(&path).map_err(Error::file(&path))? {
        let path = entry.map_err(Error::file(&path))?.path();
        let name = format!("{folder}/{}", path.file_name().unwrap_or_default().to_string_lossy());
        if path.is_dir() {
            read_folder(root, &name, files)?;
        } else {
            files.insert(name, read(&path)?);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(Error::file(path))
}
