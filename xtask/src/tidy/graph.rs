//! The real dependency graph, from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::output;
use crate::error::{Error, Result};

/// The workspace's crates by name.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) members: BTreeMap<String, Member>,
}

/// A crate of the workspace.
#[derive(Debug, Default)]
pub(super) struct Member {
    pub(super) manifest: PathBuf,
    /// What it depends on to be used, not only to be tested; the value says whether it is optional.
    pub(super) direct: BTreeMap<String, bool>,
    /// The same with all that these depend on.
    pub(super) all: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    optional: bool,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<EdgeKind>,
}

#[derive(Deserialize)]
struct EdgeKind {
    kind: Option<String>,
}

impl Graph {
    /// Asks cargo.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let version = output(root, Command::new("rustc").arg("-vV"))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
        // Without the filter, cargo would fetch the crates of every other platform as well.
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["metadata", "--format-version", "1", "--filter-platform", host]);
        let text = output(root, &mut command)?;
        Self::parse(&text)
            .map_err(|error| Error::Command { command: format!("{command:?}"), problem: error.to_string() })
    }

    fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let metadata: Metadata = serde_json::from_str(text)?;
        let names: BTreeMap<&str, &str> = metadata.packages.iter().map(|p| (p.id.as_str(), p.name.as_str())).collect();
        let edges: BTreeMap<&str, &[Edge]> = metadata.resolve.nodes.iter().map(|n| (n.id.as_str(), &*n.deps)).collect();

        let members = metadata.packages.iter().filter(|package| metadata.workspace_members.contains(&package.id));
        let members = members.map(|package| {
            let used = package.dependencies.iter().filter(|dependency| dependency.kind.is_none());
            let direct = used.map(|dependency| (dependency.name.clone(), dependency.optional)).collect();
            let all =
                reach(&package.id, &edges).into_iter().filter_map(|id| names.get(id)).map(|&name| name.to_owned());
            (package.name.clone(), Member { manifest: package.manifest_path.clone(), direct, all: all.collect() })
        });
        Ok(Self { members: members.collect() })
    }
}

/// The ids of all that a crate is built of, itself excepted.
fn reach<'a>(from: &'a str, edges: &BTreeMap<&'a str, &'a [Edge]>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut queue = vec![from];
    while let Some(id) = queue.pop() {
        let edges = edges.get(id).copied().unwrap_or_default();
        let used = edges.iter().filter(|edge| edge.dep_kinds.iter().any(|kind| kind.kind.is_none()));
        for edge in used {
            if reached.insert(edge.pkg.as_str()) {
                queue.push(&edge.pkg);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dev_dependencies_do_not_count() {
        let package = |name: &str, dependencies: &str| {
            format!(
                r#"{{"id":"{name}#1","name":"{name}","manifest_path":"/{name}/Cargo.toml","dependencies":[{dependencies}]}}"#
            )
        };
        let dependency =
            |name: &str, kind: &str| format!(r#"{{"name":"{name}","kind":{kind},"optional":{}}}"#, name == "c");
        let packages = [
            package("a", &[dependency("b", "null"), dependency("t", r#""dev""#)].join(",")),
            package("b", &dependency("c", "null")),
            package("c", ""),
            package("t", ""),
        ];
        let edge = |to: &str, kind: &str| {
            format!(r#"{{"name":"x","pkg":"{to}#1","dep_kinds":[{{"kind":{kind},"target":null}}]}}"#)
        };
        let node = |id: &str, deps: &str| format!(r#"{{"id":"{id}#1","deps":[{deps}]}}"#);
        let nodes = [
            node("a", &[edge("b", "null"), edge("t", r#""dev""#)].join(",")),
            node("b", &edge("c", "null")),
            node("c", ""),
            node("t", &edge("a", "null")),
        ];
        let text = format!(
            r#"{{"packages":[{}],"workspace_members":["a#1","b#1"],"resolve":{{"nodes":[{}]}}}}"#,
            packages.join(","),
            nodes.join(",")
        );
        let graph = Graph::parse(&text).unwrap();
        assert_eq!(graph.members.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(graph.members["a"].direct, [("b".to_owned(), false)].into());
        assert_eq!(graph.members["a"].all, ["b".to_owned(), "c".to_owned()].into());
        assert_eq!(graph.members["b"].direct, [("c".to_owned(), true)].into());
    }
}
