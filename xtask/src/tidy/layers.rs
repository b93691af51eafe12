//! The floors of the house: who may import whom.

use super::graph::{Graph, Member};

/// A floor.
struct Floor {
    name: &'static str,
    /// Crates of the workspace it may import.
    may: &'static [&'static str],
    /// Those of them it may import as an option only.
    optional: &'static [&'static str],
    /// Crates from outside it must never be built of, however far down.
    never: &'static [&'static str],
    /// Where it is so small, the only crates from outside it may import.
    only: Option<&'static [&'static str]>,
}

const PROTOCOL: &str = "groundlink-protocol";
const TRANSPORT: &str = "groundlink-transport";
const SESSION: &str = "groundlink-session";
const REMOTE: &str = "groundlink-remote";
const HUB: &str = "groundlink-hub";
const SDK: &str = "groundlink";
const CLI: &str = "groundlink-cli";
const TESTKIT: &str = "groundlink-testkit";

const PLAIN: Floor = Floor { name: "", may: &[], optional: &[], never: &[], only: None };

/// The floors, from the ground up.
const FLOORS: &[Floor] = &[
    Floor {
        name: PROTOCOL,
        only: Some(&["serde", "serde_json", "thiserror"]),
        never: &["tokio", "mio", "http"],
        ..PLAIN
    },
    Floor { name: TRANSPORT, never: &["axum", "reqwest", "sqlx", "qrcode"], ..PLAIN },
    Floor { name: SESSION, may: &[PROTOCOL, TRANSPORT], never: &["axum", "reqwest", "sqlx", "qrcode"], ..PLAIN },
    Floor { name: REMOTE, may: &[PROTOCOL, SESSION], never: &["axum", "sqlx", "maud"], ..PLAIN },
    Floor { name: HUB, may: &[PROTOCOL], never: &["jsonrpsee", "reqwest", "qrcode"], ..PLAIN },
    Floor { name: SDK, may: &[PROTOCOL, TRANSPORT, SESSION, REMOTE, HUB], optional: &[HUB], ..PLAIN },
    Floor { name: CLI, may: &[SDK, HUB], ..PLAIN },
    Floor { name: TESTKIT, may: ANY, ..PLAIN },
    Floor { name: "groundlink-examples", may: ANY, ..PLAIN },
    Floor { name: "groundlink-tests", may: ANY, ..PLAIN },
    Floor { name: "xtask", ..PLAIN },
];

/// All but the tools themselves.
const ANY: &[&str] = &[PROTOCOL, TRANSPORT, SESSION, REMOTE, HUB, SDK, CLI, TESTKIT];

/// Crates from outside that only some floors may import themselves.
const KEPT: &[(&str, &[&str])] = &[
    // 0.x, and breaking now and then: kept behind one module.
    ("jsonrpsee", &[TRANSPORT, SESSION]),
    // The command's scripted model and the testkit's stand-ins are servers too.
    ("axum", &[HUB, CLI, TESTKIT]),
    ("sqlx", &[HUB]),
    ("maud", &[HUB]),
    ("qrcode", &[REMOTE]),
];

/// What breaks the table.
pub(super) fn check(graph: &Graph) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, member) in &graph.members {
        match FLOORS.iter().find(|floor| floor.name == name) {
            Some(floor) => problems.extend(floor.problems(member, graph)),
            None => {
                problems
                    .push(format!("{name}: no floor of this name; add it to the table in xtask/src/tidy/layers.rs"));
            }
        }
        for (kept, by) in KEPT {
            if member.direct.contains_key(*kept) && !by.contains(&name.as_str()) {
                problems.push(format!("{name} must not import {kept}; only {} may", by.join(" and ")));
            }
        }
    }
    problems
}

impl Floor {
    fn problems(&self, member: &Member, graph: &Graph) -> Vec<String> {
        let name = self.name;
        let mut problems = Vec::new();
        for (dependency, optional) in &member.direct {
            let ours = graph.members.contains_key(dependency);
            if ours && !self.may.contains(&dependency.as_str()) {
                let may = if self.may.is_empty() { "no other floor".to_owned() } else { self.may.join(", ") };
                problems.push(format!("{name} must not import {dependency}; it may import {may}"));
            }
            if self.optional.contains(&dependency.as_str()) && !optional {
                problems.push(format!("{name} must import {dependency} by a feature, not always"));
            }
            if !ours && self.only.is_some_and(|only| !only.contains(&dependency.as_str())) {
                problems.push(format!(
                    "{name} must not import {dependency}; it makes do with {}",
                    self.only.unwrap_or_default().join(", ")
                ));
            }
        }
        for never in self.never {
            // jsonrpsee and sqlx are families of crates.
            let family = format!("{never}-");
            if let Some(found) = member.all.iter().find(|found| found == never || found.starts_with(&family)) {
                problems.push(format!("{name} must never know {never}, but is built of {found}; `cargo tree -p {name} -i {found}` says why"));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A house as the table wants it, as far as names go.
    fn house(members: &[(&str, &[&str], &[&str])]) -> Graph {
        let members = members.iter().map(|(name, direct, all)| {
            let direct = direct.iter().map(|name| {
                let (name, optional) = name.strip_suffix('?').map_or((*name, false), |name| (name, true));
                (name.to_owned(), optional)
            });
            let all = all.iter().map(|name| (*name).to_owned()).collect();
            ((*name).to_owned(), Member { direct: direct.collect(), all, ..Member::default() })
        });
        Graph { members: members.collect() }
    }

    #[test]
    fn a_house_in_order_has_no_problems() {
        let graph = house(&[
            (PROTOCOL, &["serde", "serde_json", "thiserror"], &["serde", "itoa"]),
            (TRANSPORT, &["tokio", "jsonrpsee"], &["tokio", "jsonrpsee-core"]),
            (SESSION, &[PROTOCOL, TRANSPORT, "jsonrpsee"], &[PROTOCOL, TRANSPORT, "jsonrpsee-core"]),
            (REMOTE, &[PROTOCOL, SESSION, "reqwest"], &["hyper", "tower-http"]),
            (HUB, &[PROTOCOL, "axum", "sqlx"], &["axum-core", "sqlx-core"]),
            (SDK, &[SESSION, REMOTE, "groundlink-hub?"], &[HUB, "axum"]),
            (CLI, &[SDK, HUB, "axum"], &[]),
            (TESTKIT, &[CLI], &[]),
        ]);
        assert_eq!(check(&graph), Vec::<String>::new());
    }

    #[test]
    fn every_breach_is_told() {
        let graph = house(&[
            (PROTOCOL, &["serde", "tokio"], &["mio"]),
            (TRANSPORT, &[PROTOCOL], &[]),
            (SESSION, &[HUB], &["axum-core"]),
            (REMOTE, &["jsonrpsee"], &[]),
            (HUB, &[SESSION], &["jsonrpsee-core"]),
            (SDK, &[HUB, TESTKIT], &[]),
            (CLI, &[REMOTE], &[]),
            ("groundlink-attic", &[], &[]),
            (TESTKIT, &[], &[]),
        ]);
        insta::assert_snapshot!(check(&graph).join("\n"));
    }
}
