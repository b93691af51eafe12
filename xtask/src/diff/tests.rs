//! Tests of the comparison: each kind of change in each direction, and published versions of the CLI.

use super::compare::{Effect, compare};
use super::npm::Version;
use super::{count, read, report};
use crate::facts::Facts;

fn facts(text: &str) -> Facts {
    let mut facts = Facts::default();
    let table = format!("origin = 'schema 9'\n{text}").parse().unwrap();
    facts.add("test", &table).unwrap();
    facts.check().unwrap();
    facts
}

/// A type in both directions: sent by `ask`, received from `tell`.
const BOTH: &str = "
[methods]
ask = 'Asked -> null'
tell = 'null -> Told'
";

#[test]
fn directions_decide_what_breaks() {
    // What the record says before and after, and whether that breaks who sends it and who receives it.
    let cases = [
        ("a = 'string'", "a = 'string'\nb = 'bool'", true, false, "a required field more"),
        ("a = 'string'", "a = 'string'\nb = 'bool ?'", false, false, "an optional field more"),
        ("a = 'string'\nb = 'bool'", "a = 'string'", false, true, "a required field less"),
        ("a = 'string'\nb = 'bool ?'", "a = 'string'", false, false, "an optional field less"),
        ("a = 'string ?'", "a = 'string'", true, false, "optional to required"),
        ("a = 'string'", "a = 'string ?'", false, true, "required to optional"),
        ("a = 'string'", "a = 'bool'", true, true, "another type"),
        ("a = 'string'", "a = 'string|null'", false, true, "may be null"),
        ("a = 'string|null'", "a = 'string'", true, false, "not null any more"),
        ("a = 'uint'", "a = 'number'", false, true, "a wider number"),
        ("a = 'number'", "a = 'uint'", true, false, "a narrower number"),
        ("a = 'json'", "a = 'string'", true, false, "not anything any more"),
        ("a = '[string]'", "a = '[bool]'", true, true, "another list"),
        ("a = \"'x'\"", "a = 'string'", false, false, "any word"),
        ("a = 'string'", "a = \"'x'\"", true, false, "one word only"),
        ("a = 'string'", "a = 'secret'", false, false, "hidden from logs"),
        ("a = 'string'", "a = 'string:uuid'", true, false, "a text of one kind only"),
        ("a = 'string:uuid'", "a = 'string'", false, true, "any text"),
        ("a = 'string:uuid'", "a = 'string:uri'", true, true, "a text of another kind"),
        ("a = 'string:uuid'", "a = 'secret'", false, false, "hidden from logs"),
        ("a = 'string ?'", "a = 'string ? ! deprecated'", false, false, "not to be used any more"),
        ("a = 'string ? ! experimental'", "a = 'string ?'", false, false, "settled"),
        ("a = 'string ?'", "a = 'string ? ! internal'", true, true, "the CLI's own now"),
        ("enum = ['x']", "enum = ['x', 'y']", false, false, "a word more"),
        ("enum = ['x', 'y']", "enum = ['x']", true, false, "a word less"),
        ("union = 'k'\nx = 'N'", "union = 'k'\nx = 'N'\ny = 'N'", false, false, "a kind more"),
        ("union = 'k'\nx = 'N'\ny = 'N'", "union = 'k'\nx = 'N'", true, false, "a kind less"),
        ("union = 'k'\nx = 'N'", "union = 'l'\nx = 'N'", true, true, "told apart otherwise"),
        ("any = ['string', 'bool']", "any = ['string', 'bool', 'uint']", false, true, "a shape more"),
        ("any = ['string', 'bool', 'uint']", "any = ['string', 'bool']", true, false, "a shape less"),
        ("a = 'string'", "enum = ['x']", true, true, "another kind of type"),
    ];
    let mut told = Vec::new();
    for (before, after, sent, received, case) in cases {
        for (method, breaks) in [("Asked", sent), ("Told", received)] {
            let with = |form: &str| {
                let other = if method == "Asked" { "Told" } else { "Asked" };
                facts(&format!("{BOTH}[types.N]\n[types.{other}]\n[types.{method}]\n{form}\n"))
            };
            let changes = compare(&with(before), &with(after));
            assert!(!changes.is_empty() || case == "hidden from logs", "{case}");
            assert_eq!(count(&changes, Effect::Breaks) > 0, breaks, "{case} in {method}: {changes:?}");
            told.extend(changes.keys().map(|change| format!("{case}: {} ({:?})", change.text, change.effect)));
        }
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn messages_come_and_go() {
    let old = facts(
        "[methods]\na = 'null -> null'\nb = 'P -> R'\nc = 'null -> null ! internal'\nd = 'null -> P'\n[requests]\nr = 'P -> R'\n\
         [notifications]\nn = 'P'\n[events.gone]\n[events.stays]\nx = 'string'\n[types.P]\nx = 'string ?'\n[types.R]\nx = 'string'\n",
    );
    let new = facts(
        "[methods]\nb = 'Q -> S'\nd = 'null -> Q ! internal'\nnew = 'null -> null'\n[requests]\nr = 'Q -> S'\nask = 'null -> null'\n\
         [events.stays]\n[events.new]\n[types.Q]\nx = 'string'\n[types.S]\nx = 'string ?'\n",
    );
    insta::assert_snapshot!(report(&old, &new, &compare(&old, &new), true));
    assert_eq!(compare(&old, &old).len(), 0);
}

#[test]
fn a_renamed_type_is_no_change() {
    let old = facts("[methods]\na = 'P -> null'\n[types.P]\nx = 'Q ?'\n[types.Q]\nenum = ['a']\n");
    let new = facts("[methods]\na = 'P2 -> null'\n[types.P2]\nx = 'Q2 ?'\n[types.Q2]\nenum = ['a']\n");
    assert_eq!(compare(&old, &new).len(), 0);
}

#[test]
fn what_can_be_compared() {
    for good in ["1.0.81", "1.0.102-1", "2.0.0-beta.3"] {
        assert!(Version::parse(good).is_some(), "{good}");
    }
    for bad in ["latest", "-1.0.2", "1.0", "1.0.2;ls", "../1.0.2", "1.0.2 x"] {
        assert!(Version::parse(bad).is_none(), "{bad}");
    }
    insta::assert_snapshot!(read("nowhere/at/all").unwrap_err(), @"nowhere/at/all: is neither a folder nor a published version such as 1.0.81");
    let empty = tempfile::tempdir().unwrap();
    assert!(read(&empty.path().display().to_string()).is_err());
}

/// Published versions, as npm has them: real input, fetched once and kept.
#[test]
fn with_cli_three_published_versions_are_compared() {
    if std::env::var("GROUNDLINK_TEST_WITHOUT").is_ok_and(|without| without.split(',').any(|part| part == "cli")) {
        return;
    }
    let versions = ["1.0.78", "1.0.81", "1.0.102"];
    let facts: Vec<Facts> = versions.iter().map(|version| read(version).unwrap()).collect();
    for (facts, version) in facts.iter().zip(versions) {
        assert_eq!(facts.origin, format!("schema {version}"));
        assert!(facts.methods.len() > 200 && facts.events.len() > 90, "{version}");
        assert_eq!(compare(facts, facts).len(), 0);
    }
    for (name, old, new) in [("78_to_81", 0, 1), ("81_to_102", 1, 2)] {
        let changes = compare(&facts[old], &facts[new]);
        assert!(count(&changes, Effect::Breaks) > 0);
        insta::assert_snapshot!(name, report(&facts[old], &facts[new], &changes, false));
    }
    // The facts in the repository are those of the newest.
    let ours = read(&crate::workspace::root().join("crates/protocol/schema").display().to_string()).unwrap();
    assert_eq!(compare(&facts[2], &ours).len(), 0);
    let error = read("1.0.99999").unwrap_err().to_string();
    assert!(error.contains("npm") && error.contains("1.0.99999"), "{error}");
}
