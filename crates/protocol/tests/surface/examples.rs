//! Examples recorded from the real CLI, of messages whatever feature they need.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use groundlink_protocol::events;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::samples::Samples;
use crate::{Call, canonical, generated};

/// Every method of these namespaces has a recorded example, or stands among those that cannot have one.
const FAMILIES: &[&str] = &[
    "hooks.",
    "session.eventLog.",
    "session.metadata.",
    "session.permissions.",
    "session.remote.",
    "session.tools.",
    "session.ui.",
    "sessions.",
];

/// Examples by name (`of@which`); the folder is the kind of message.
fn examples(family: &str) -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples").join(family);
    let read = |path: &Path| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(path).expect("an example");
        (name, serde_json::from_str(&text).expect("JSON"))
    };
    fs::read_dir(folder)
        .expect("the folder of examples")
        .map(|entry| read(&entry.expect("an example").path()))
        .collect()
}

fn of(name: &str) -> &str {
    name.split('@').next().unwrap_or_default()
}

/// Reads, writes, compares, and shows what was read.
fn check<T: DeserializeOwned + Serialize + Debug>(name: &str, json: &Value) -> String {
    let text = json.to_string();
    let message: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let again = canonical(&serde_json::to_string(&message).expect("what was read can be written"));
    // A result without content may be `null` on the wire.
    assert!(
        again == canonical(&text) || (json.is_null() && again == "{}"),
        "{name}: {json}\nwas written back as {again}"
    );
    format!("{message:#?}")
}

pub(crate) fn call<P, O>(name: &str, json: &Value) -> String
where
    P: DeserializeOwned + Serialize + Debug,
    O: DeserializeOwned + Serialize + Debug,
{
    // Not every recording has parameters: they may be absent where there are none.
    let none = json!({});
    let params = json.get("params").filter(|params| !params.is_null()).unwrap_or(&none);
    let params = check::<P>(name, params);
    // What cannot succeed without an account is recorded with the refusal it gets.
    match json.get("error") {
        Some(error) => format!("params: {params}\n\nerror: {error:#}"),
        None => format!("params: {params}\n\nresult: {}", check::<O>(name, &json["result"])),
    }
}

pub(crate) fn notice<P>(name: &str, json: &Value) -> String
where
    P: DeserializeOwned + Serialize + Debug,
{
    check::<P>(name, json)
}

fn all(family: &str, calls: &[Call]) {
    for (name, json) in examples(family) {
        let Some(call) = calls.iter().find(|call| call.wire == of(&name)) else {
            panic!("tests/examples/{family} has an example of `{name}`, which there is not");
        };
        let path = format!("../snapshots/{family}");
        insta::with_settings!({ snapshot_path => path, prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name.as_str(), (call.check)(&name, &json));
        });
    }
}

#[test]
fn recorded_calls_are_read_and_come_back_byte_for_byte() {
    all("methods", &generated::calls());
    all("requests", &generated::calls());
    all("notifications", &generated::notices());
}

#[test]
fn every_recorded_event_has_a_type() {
    for name in examples("events").keys() {
        assert!(events::TYPES.contains(&of(name)), "{name}");
    }
}

/// The first column of the table under that heading in the README of the facts.
fn listed(heading: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/README.md");
    let text = fs::read_to_string(path).expect("the README of the facts");
    let (_, section) = text.split_once(&format!("\n### {heading}\n")).expect("the heading");
    let section = section.split("\n#").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" | "));
    rows.flat_map(|(names, why)| {
        assert!(why.trim_matches(['|', ' ']).len() > 10, "{names}: why not?");
        names.split(',').map(|name| name.trim_matches([' ', '`']).to_owned()).collect::<Vec<_>>()
    })
    .collect()
}

fn recorded_or_listed(heading: &str, family: &str, there_is: &BTreeSet<&str>) {
    let recorded = examples(family);
    let recorded: BTreeSet<&str> = recorded.keys().map(|name| of(name)).collect();
    let listed = listed(heading);
    let listed: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
    let neither: Vec<_> = there_is.iter().filter(|name| !recorded.contains(*name) && !listed.contains(*name)).collect();
    assert!(neither.is_empty(), "record these, or say in schema/README.md why not: {neither:?}");
    let both: Vec<_> = listed.intersection(&recorded).collect();
    assert!(both.is_empty(), "these are recorded, and so not for the list in schema/README.md: {both:?}");
    let unknown: Vec<_> = listed.difference(there_is).collect();
    assert!(unknown.is_empty(), "schema/README.md lists what there is not: {unknown:?}");
}

#[test]
fn what_is_not_recorded_is_listed_with_the_reason() {
    recorded_or_listed("Events", "events", &events::TYPES.iter().copied().collect());
    let schema = Samples::read();
    let methods = schema.section("methods").into_iter();
    // Internal ones are for the CLI's own parts and are answered to nobody else.
    let methods = methods.filter(|name| FAMILIES.iter().any(|family| name.starts_with(family)));
    recorded_or_listed("Methods", "methods", &methods.filter(|name| !schema.is_internal(name)).collect());
}
