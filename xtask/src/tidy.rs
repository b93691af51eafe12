//! `cargo xtask tidy`: what holds for the repository as a whole.
//!
//! - the floors of the house import downwards only ([`layers`], [`graph`]);
//! - every crate inherits the workspace's lints ([`manifests`]);
//! - files keep to a few rules ([`files`]), generated ones are marked and current;
//! - the top folder holds only what belongs there.

mod files;
mod graph;
mod layers;
mod manifests;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::error::{Error, Result};
use crate::{codegen, workspace};

/// What may stand in the top folder, beside dot files.
const TOP: &[&str] =
    &["Cargo.lock", "Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "crates", "examples", "tests", "xtask"];

/// Runs the task.
pub(crate) fn run() -> Result<()> {
    let problems = problems(&workspace::root())?;
    if problems.is_empty() { Ok(()) } else { Err(Error::Untidy(problems)) }
}

/// All that is wrong.
fn problems(root: &Path) -> Result<Vec<String>> {
    let graph = graph::Graph::read(root)?;
    let tracked = tracked(root)?;
    let mut problems = layers::check(&graph);
    problems.extend(manifests::check(&graph)?);
    problems.extend(top(&tracked));
    problems.extend(files::check(root, &tracked)?);
    problems.extend(files::pending_snapshots(root)?);
    match codegen::run(&codegen::Args::check()) {
        Err(Error::NotCurrent(files)) => problems.push(Error::NotCurrent(files).to_string()),
        other => other?,
    }
    Ok(problems)
}

/// The files git knows or would take, relative to the top folder.
fn tracked(root: &Path) -> Result<Vec<String>> {
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let text = output(root, Command::new("git").args(list))?;
    // What is deleted but not yet committed is still listed.
    let exists = |name: &&str| !name.is_empty() && root.join(name).exists();
    Ok(text.split('\0').filter(exists).map(ToOwned::to_owned).collect())
}

fn top(tracked: &[String]) -> Vec<String> {
    let entries: BTreeSet<&str> = tracked.iter().filter_map(|name| name.split('/').next()).collect();
    let odd = entries.into_iter().filter(|entry| !entry.starts_with('.') && !TOP.contains(entry));
    odd.map(|entry| format!("{entry}: does not belong into the top folder; put it into a crate")).collect()
}

/// What a command writes to its standard output.
fn output(root: &Path, command: &mut Command) -> Result<String> {
    let output = command.current_dir(root).output();
    let failed = |problem: String| Error::Command { command: format!("{command:?}"), problem };
    let output = output.map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let problems = problems(&workspace::root()).unwrap();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }

    #[test]
    fn only_what_belongs_stands_at_the_top() {
        let tracked =
            ["README.md", ".ci/run", "crates/hub/src/lib.rs", "notes/a.md", "todo.txt"].map(ToOwned::to_owned);
        let problems = top(&tracked);
        assert_eq!(problems.len(), 2);
        assert!(problems[0].starts_with("notes:") && problems[1].starts_with("todo.txt:"));
    }

    #[test]
    fn a_command_that_fails_says_why() {
        let error = output(&workspace::root(), Command::new("git").arg("no-such-command")).unwrap_err();
        assert!(error.to_string().contains("no-such-command"), "{error}");
    }
}
