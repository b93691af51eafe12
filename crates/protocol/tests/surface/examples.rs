//! Examples recorded from the real CLI, of messages whatever feature they need.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use groundlink_protocol::events;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{Call, canonical, generated};

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
    format!("params: {}\n\nresult: {}", check::<P>(name, params), check::<O>(name, &json["result"]))
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
