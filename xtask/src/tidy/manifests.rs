//! What every crate's manifest must say.

use std::fs;

use toml::{Table, Value};

use super::graph::Graph;
use crate::error::{Error, Result};

/// What the members' manifests lack.
pub(super) fn check(graph: &Graph) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for (name, member) in &graph.members {
        let text = fs::read_to_string(&member.manifest).map_err(Error::file(&member.manifest))?;
        problems.extend(missing(&text).into_iter().map(|problem| format!("{name}: {problem}")));
    }
    Ok(problems)
}

fn missing(text: &str) -> Vec<String> {
    let Ok(manifest) = text.parse::<Table>() else { return vec!["its Cargo.toml is not TOML".to_owned()] };
    let at = |path: &[&str]| {
        let mut value = manifest.get(*path.first()?)?;
        for key in &path[1..] {
            value = value.get(*key)?;
        }
        Some(value)
    };
    let mut problems = Vec::new();
    if at(&["lints", "workspace"]).and_then(Value::as_bool) != Some(true) {
        problems.push("its Cargo.toml must inherit the lints: [lints] workspace = true".to_owned());
    }
    for field in ["version", "edition", "rust-version", "license", "publish"] {
        if at(&["package", field, "workspace"]).and_then(Value::as_bool) != Some(true) {
            problems.push(format!("its Cargo.toml must say {field}.workspace = true"));
        }
    }
    if at(&["package", "description"]).and_then(Value::as_str).is_none_or(str::is_empty) {
        problems.push("its Cargo.toml must have a description".to_owned());
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_inherit() {
        let good = "[package]\ndescription = 'A.'\nversion.workspace = true\nedition.workspace = true\n\
            rust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n[lints]\nworkspace = true\n";
        assert_eq!(missing(good), Vec::<String>::new());
        for (broken, problem) in [
            (good.replace("[lints]\nworkspace = true", ""), "must inherit the lints"),
            (good.replace("edition.workspace = true", "edition = '2021'"), "edition.workspace"),
            (good.replace("'A.'", "''"), "a description"),
            ("[".to_owned(), "not TOML"),
        ] {
            let problems = missing(&broken);
            assert!(problems.len() == 1 && problems[0].contains(problem), "{problem}: {problems:?}");
        }
    }
}
