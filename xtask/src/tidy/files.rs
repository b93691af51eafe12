//! Rules for single files.

use std::fs;
use std::path::Path;

use crate::codegen::emit::MARK;
use crate::error::{Error, Result};

/// Past this many lines a Rust file has a second subject.
const MOST_LINES: usize = 700;

/// How crates.io is called in lock files.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Folders that hold no files of ours.
const NOT_OURS: &[&str] = &[".git", "target", "node_modules", ".data"];

/// What is wrong with the files.
pub(super) fn check(root: &Path, tracked: &[String]) -> Result<Vec<String>> {
    let machine = machine(root);
    let mut problems = Vec::new();
    for name in tracked {
        let path = root.join(name);
        if !path.is_file() {
            continue;
        }
        let bytes = fs::read(&path).map_err(Error::file(&path))?;
        // Pictures and the like.
        let Ok(text) = String::from_utf8(bytes) else { continue };
        problems.extend(rules(name, &text, &machine).into_iter().map(|problem| format!("{name}: {problem}")));
    }
    Ok(problems)
}

/// Paths of this machine that must not be written down.
fn machine(root: &Path) -> Vec<String> {
    let home = std::env::var_os("HOME").map(std::path::PathBuf::from);
    // The folder beside is the machine's too, unless it is where anything temporary goes.
    let beside = root.parent().filter(|beside| *beside != std::env::temp_dir()).map(Path::to_owned);
    let paths = [Some(root.to_owned()), beside, home];
    // A folder right below `/` named in prose is no path of a machine: hence the slash behind it.
    let paths = paths.into_iter().flatten().filter(|path| path.parent().is_some());
    paths.map(|path| format!("{}/", path.display())).collect()
}

fn rules(name: &str, text: &str, machine: &[String]) -> Vec<String> {
    let mut problems = Vec::new();
    for path in machine {
        if let Some(line) = text.lines().position(|line| mentions(line, path)) {
            problems.push(format!("line {} has a path of this machine ({path})", line + 1));
        }
    }
    if name.ends_with("Cargo.lock") {
        let other = text.lines().find(|line| line.contains("registry+") && !line.contains(REGISTRY));
        problems.extend(other.map(|line| format!("names another registry than crates.io: {}", line.trim())));
    }
    let generated = text.starts_with(MARK);
    let rust = Path::new(name).extension().is_some_and(|extension| extension == "rs");
    if rust && !generated && name.split('/').any(|part| part == "generated") {
        problems.push("stands in generated/ but lacks the mark; write it by `cargo xtask codegen`".to_owned());
    }
    if !rust || generated {
        return problems;
    }
    let lines = text.lines().count();
    if lines > MOST_LINES {
        problems.push(format!("has {lines} lines; past {MOST_LINES}, move the second subject to a file of its own"));
    }
    // Put together, so that this file does not break its own rule.
    let ignore = ["#[", "ignore"].concat();
    if let Some(line) = text.lines().position(|line| line.trim_start().starts_with(&ignore)) {
        problems.push(format!("line {} leaves a test out; a test runs or goes", line + 1));
    }
    problems
}

/// Whether a path begins in a line: `/a/home/x/` does not mention `/home/x/`.
fn mentions(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | ')')))
    })
}

/// Snapshots that nobody has looked at.
pub(super) fn pending_snapshots(root: &Path) -> Result<Vec<String>> {
    let mut pending = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(Error::file(&folder))? {
            let entry = entry.map_err(Error::file(&folder))?;
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let is_folder = entry.file_type().map_err(Error::file(&path))?.is_dir();
            if is_folder && !NOT_OURS.contains(&name.as_str()) {
                folders.push(path);
            } else if name.ends_with(".snap.new") || name.ends_with(".pending-snap") {
                let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
                pending.push(format!("{shown}: a snapshot waits for review; accept it or repair what it shows"));
            }
        }
    }
    pending.sort();
    Ok(pending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_single_files() {
        let machine = ["/build/groundlink/".to_owned(), "/build/".to_owned()];
        let long = "x\n".repeat(MOST_LINES + 1);
        let ignored = ["    #[", "ignore = \"slow\"]\nfn a() {}\n"].concat();
        let marked = format!("{MARK}\n{long}");
        for (name, text, problem) in [
            ("crates/a/src/lib.rs", "fn a() {}\n", None),
            ("crates/a/src/lib.rs", long.as_str(), Some("has 701 lines")),
            ("crates/a/src/lib.rs", ignored.as_str(), Some("line 1 leaves a test out")),
            ("crates/a/src/generated/mod.rs", marked.as_str(), None),
            ("crates/a/src/generated/mod.rs", "fn a() {}\n", Some("lacks the mark")),
            ("README.md", long.as_str(), None),
            ("Cargo.lock", "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n", None),
            ("Cargo.lock", "source = \"registry+https://mirror.example/\"\n", Some("another registry")),
            ("README.md", "a\nsee /build/x\n", Some("line 2 has a path of this machine (/build/)")),
            ("README.md", "https://example.com/build/x and target/build/x and ./build/ and /build", None),
        ] {
            let problems = rules(name, text, &machine);
            match problem {
                None => assert_eq!(problems, Vec::<String>::new(), "{name}"),
                Some(problem) => {
                    assert!(problems.len() == 1 && problems[0].contains(problem), "{problem}: {problems:?}");
                }
            }
        }
    }

    #[test]
    fn pending_snapshots_are_found() {
        let root = tempfile::tempdir().unwrap();
        for (folder, file) in
            [("a/snapshots", "x.snap.new"), ("a", ".tests.rs.pending-snap"), ("target", "y.snap.new"), ("a", "z.snap")]
        {
            fs::create_dir_all(root.path().join(folder)).unwrap();
            fs::write(root.path().join(folder).join(file), "").unwrap();
        }
        let pending = pending_snapshots(root.path()).unwrap();
        assert_eq!(pending.len(), 2);
        assert!(
            pending[0].starts_with("a/.tests.rs.pending-snap:") && pending[1].starts_with("a/snapshots/x.snap.new:")
        );
    }
}
