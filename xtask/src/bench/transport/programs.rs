//! The programs: written, then built, below the target folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::bench::build::{cargo, file, target};
use crate::error::{Error, Result};

/// One peer program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// No peer: hand-written bytes on both ends.
    Floor,
    /// groundlink-transport.
    Ours,
    /// jsonrpsee's own async client.
    Stock,
    /// The JSON-RPC layer of the official Rust SDK.
    Official,
    /// groundlink under load.
    Load,
}

/// The official SDK as measured. One version, so that a figure that changes is ours; the lock file does the same for
/// the rest.
pub(super) const OFFICIAL: &str = "1.0.29-preview.4";

const ALL: [Program; 5] = [Program::Floor, Program::Ours, Program::Stock, Program::Official, Program::Load];

impl Program {
    /// Its name in the report.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Ours => "groundlink",
            Self::Stock => "jsonrpsee",
            Self::Official => "github-copilot-sdk",
            Self::Load => "load",
        }
    }

    fn package(self) -> &'static str {
        match self {
            Self::Floor => "bench-floor",
            Self::Ours => "bench-ours",
            Self::Stock => "bench-stock",
            Self::Official => "bench-official",
            Self::Load => "bench-load",
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::Floor => include_str!("peers/floor.rs"),
            Self::Ours => include_str!("peers/ours.rs"),
            Self::Stock => include_str!("peers/stock.rs"),
            Self::Official => include_str!("peers/official.rs"),
            Self::Load => include_str!("peers/load.rs"),
        }
    }

    /// What it is made of beyond the common parts.
    fn dependencies(self, root: &Path) -> String {
        let member = |name: &str, folder: &str| {
            // A TOML string is quoted as a Rust one.
            format!("{name} = {{ path = {:?} }}\n", root.join("crates").join(folder).display().to_string())
        };
        match self {
            Self::Floor => String::new(),
            Self::Ours => member("groundlink-transport", "transport") + "jsonrpsee-types = \"0.26\"\n",
            Self::Stock => {
                "jsonrpsee = { version = \"0.26\", default-features = false, features = [\"async-client\"] }\n"
                    .to_owned()
            }
            // Its JSON-RPC layer is public behind the feature for tests only.
            Self::Official => format!(
                "github-copilot-sdk = {{ version = \"={OFFICIAL}\", default-features = false, \
                 features = [\"test-support\"] }}\n"
            ),
            Self::Load => member("groundlink-transport", "transport") + &member("groundlink-session", "session"),
        }
    }
}

/// Where the built programs are.
pub(super) struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// The path of one.
    pub(super) fn path(&self, program: Program) -> PathBuf {
        self.folder.join(format!("{}{}", program.package(), std::env::consts::EXE_SUFFIX))
    }
}

/// Writes and builds all programs.
pub(super) fn build(root: &Path) -> Result<Programs> {
    let folder = target(root).join("bench").join("transport");
    write(root, &folder)?;
    let build = folder.join("build");
    for program in ALL {
        eprintln!("==> build {}", program.name());
        // One at a time: built together, they would share the features of what they have in common.
        let mut command = cargo();
        command.args(["build", "--quiet", "--release", "--package", program.package(), "--manifest-path"]);
        command.arg(folder.join("Cargo.toml")).arg("--target-dir").arg(&build);
        let status = command.status();
        let problem = match status {
            Ok(status) if status.success() => continue,
            Ok(status) => format!("{status}; its words are above. The bench builds its programs from the registry"),
            Err(error) => error.to_string(),
        };
        return Err(Error::Command { command: format!("cargo build --package {}", program.package()), problem });
    }
    Ok(Programs { folder: build.join("release") })
}

fn write(root: &Path, folder: &Path) -> Result<()> {
    let members: Vec<&str> = ALL.iter().map(|program| program.package()).collect();
    let workspace = format!(
        "[workspace]\nresolver = \"3\"\nmembers = {:?}\n\n[profile.release]\ndebug = \"line-tables-only\"\n",
        [&["common"], members.as_slice()].concat()
    );
    file(&folder.join("Cargo.toml"), &workspace)?;
    // The same versions as in the workspace, of all that both have.
    let lock = root.join("Cargo.lock");
    file(&folder.join("Cargo.lock"), &fs::read_to_string(&lock).map_err(Error::file(&lock))?)?;
    file(&folder.join("common/Cargo.toml"), &manifest("common", ""))?;
    file(&folder.join("common/src/lib.rs"), include_str!("peers/common.rs"))?;
    for program in ALL {
        let dependencies = format!("common = {{ path = \"../common\" }}\n{}", program.dependencies(root));
        let of_it = folder.join(program.package());
        file(&of_it.join("Cargo.toml"), &manifest(program.package(), &dependencies))?;
        file(&of_it.join("src/main.rs"), program.source())?;
    }
    Ok(())
}

fn manifest(name: &str, dependencies: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[dependencies]\n\
         tokio = {{ version = \"1\", features = [\"rt-multi-thread\", \"io-util\", \"sync\"] }}\n\
         futures-util = {{ version = \"0.3\", default-features = false, features = [\"std\"] }}\n\
         serde = {{ version = \"1\", features = [\"derive\"] }}\n\
         serde_json = {{ version = \"1\", features = [\"raw_value\"] }}\n{dependencies}"
    )
}

/// How many crates a member of the workspace is built of, itself included.
pub(super) fn crates(root: &Path, member: &str) -> Result<usize> {
    let mut command = cargo();
    command.args(["tree", "--quiet", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--package", member]);
    let failed = |problem: String| Error::Command { command: "cargo tree".to_owned(), problem };
    let output = command.current_dir(root).output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(count_crates(&String::from_utf8_lossy(&output.stdout)))
}

fn count_crates(tree: &str) -> usize {
    // `NAME vVERSION` and notes in brackets, such as the mark of a repetition.
    let name = |line: &str| line.split_whitespace().take(2).map(ToOwned::to_owned).collect::<Vec<_>>();
    tree.lines().map(name).filter(|name| !name.is_empty()).collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_counted_once() {
        let tree = "a v0.1.0 (/somewhere/a)\nb v1.0.0\nc v2.0.0 (proc-macro)\nb v1.0.0 (*)\n\nb v2.0.0\n";
        assert_eq!(count_crates(tree), 4);
    }

    #[test]
    fn programs_are_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let root = crate::workspace::root();
        write(&root, folder.path()).unwrap();
        let manifest = folder.path().join("bench-official/Cargo.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        assert!(text.contains(&format!("version = \"={OFFICIAL}\"")), "{text}");
        toml::from_str::<toml::Table>(&text).unwrap();
        toml::from_str::<toml::Table>(&fs::read_to_string(folder.path().join("bench-load/Cargo.toml")).unwrap())
            .unwrap();
        toml::from_str::<toml::Table>(&fs::read_to_string(folder.path().join("Cargo.toml")).unwrap()).unwrap();
        let before = fs::metadata(&manifest).unwrap().modified().unwrap();
        write(&root, folder.path()).unwrap();
        assert_eq!(fs::metadata(&manifest).unwrap().modified().unwrap(), before);
    }
}
