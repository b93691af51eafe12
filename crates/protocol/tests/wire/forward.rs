//! Forward compatibility: messages of releases to come, made by changing those of today.

use groundlink_protocol::events::{self, Payload};
use groundlink_protocol::{Event, Method, mc, methods};
use proptest::prelude::*;
use proptest::sample::Index;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::{Example, examples, read, same, written};

/// What a later release may do to a message.
#[derive(Clone, Debug)]
enum Change {
    /// A field nobody knows yet.
    Add(Value),
    /// A word nobody knows yet, in place of a text.
    Word(String),
    /// A value of another shape.
    Shape(Value),
    /// A field less.
    Remove,
}

/// Applies a change at one of the places where it can be; the places are counted from the top.
fn apply(json: &mut Value, change: &Change, place: Index) {
    let places = count(json, change);
    if places > 0 {
        let mut left = place.index(places);
        visit(json, change, &mut left);
    }
}

fn fits(json: &Value, change: &Change) -> bool {
    match change {
        Change::Add(_) => json.is_object(),
        Change::Remove => json.as_object().is_some_and(|object| !object.is_empty()),
        Change::Word(_) => json.is_string(),
        Change::Shape(_) => true,
    }
}

fn count(json: &Value, change: &Change) -> usize {
    let inside: usize = match json {
        Value::Array(items) => items.iter().map(|item| count(item, change)).sum(),
        Value::Object(fields) => fields.values().map(|field| count(field, change)).sum(),
        _ => 0,
    };
    inside + usize::from(fits(json, change))
}

/// Whether it was done.
fn visit(json: &mut Value, change: &Change, left: &mut usize) -> bool {
    if fits(json, change) {
        if *left == 0 {
            match (change, &mut *json) {
                (Change::Add(value), Value::Object(fields)) => {
                    fields.insert("fromTheFuture".into(), value.clone());
                }
                (Change::Remove, Value::Object(fields)) => {
                    let name = fields.keys().next().cloned().unwrap_or_default();
                    fields.remove(&name);
                }
                (Change::Word(word), text) => *text = Value::String(word.clone()),
                (Change::Shape(value), any) => *any = value.clone(),
                _ => {}
            }
            return true;
        }
        *left -= 1;
    }
    match json {
        Value::Array(items) => items.iter_mut().any(|item| visit(item, change, left)),
        Value::Object(fields) => fields.values_mut().any(|field| visit(field, change, left)),
        _ => false,
    }
}

fn some_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        // Halves are exact, whatever the parser of the comparison rounds.
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 2.0)),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..4).prop_map(Value::from_iter),
        ]
    })
}

fn addition() -> impl Strategy<Value = Change> {
    some_json().prop_map(Change::Add)
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        addition(),
        "[a-z_.-]{0,12}".prop_map(Change::Word),
        some_json().prop_map(Change::Shape),
        Just(Change::Remove),
    ]
}

/// What is read of it, if anything, is written back without loss.
fn lossless<T: DeserializeOwned + Serialize>(json: &Value) -> Result<bool, TestCaseError> {
    let Ok(message) = read::<T>(json) else { return Ok(false) };
    let again = written(&message);
    prop_assert!(same(&again, json), "{json}\nwas written back as\n{again}");
    Ok(true)
}

/// The same for an event's data. Says whether its type is known and could be read.
fn lossless_event(json: &Value) -> Result<bool, TestCaseError> {
    let Ok(event) = Event::parse(&json.to_string()) else { return Ok(false) };
    prop_assert_eq!(event.raw().get(), json.to_string());
    let none = json!(null);
    let data = json.get("data").unwrap_or(&none);
    let payload = event.payload();
    if matches!(payload, Payload::Unknown) {
        return Ok(false);
    }
    let again = written(&payload);
    prop_assert!(same(&again, data), "{data}\nwas written back as\n{again}");
    Ok(true)
}

/// The examples of events that have a type with the features of this build.
fn events_with_a_type() -> impl Iterator<Item = Example> {
    examples("events").into_iter().filter(|example| events::TYPES.contains(&example.of()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn new_fields_in_an_event_break_nothing(change in addition(), place in any::<Index>()) {
        for example in events_with_a_type() {
            let mut json = example.json;
            apply(&mut json, &change, place);
            prop_assert!(lossless_event(&json)?, "{json} cannot be read");
        }
    }

    #[test]
    fn a_changed_event_loses_nothing(changes in prop::collection::vec((any_change(), any::<Index>()), 1..4)) {
        for example in events_with_a_type() {
            let mut json = example.json;
            for (change, place) in &changes {
                apply(&mut json, change, *place);
            }
            lossless_event(&json)?;
        }
    }

    #[test]
    fn a_changed_call_loses_nothing(change in any_change(), place in any::<Index>()) {
        fn both<M: Method>(name: &str, json: &Value) -> Result<(), TestCaseError> {
            if name == M::NAME {
                // `Empty` takes anything for "nothing".
                if json["params"].is_object() {
                    lossless::<M::Params>(&json["params"])?;
                }
                if json["result"].is_object() {
                    lossless::<M::Output>(&json["result"])?;
                }
            }
            Ok(())
        }
        for example in examples("methods") {
            let name = example.of().to_owned();
            let mut json = example.json;
            apply(&mut json["params"], &change, place);
            apply(&mut json["result"], &change, place);
            both::<methods::Connect>(&name, &json)?;
            both::<methods::SessionCreate>(&name, &json)?;
            both::<methods::SessionResume>(&name, &json)?;
            both::<methods::SessionSend>(&name, &json)?;
            both::<methods::SessionList>(&name, &json)?;
            both::<methods::SessionRemoteEnable>(&name, &json)?;
            both::<methods::SessionEventLogRead>(&name, &json)?;
            both::<methods::SessionsGetRemoteControlStatus>(&name, &json)?;
            both::<methods::SessionPermissionsHandlePendingPermissionRequest>(&name, &json)?;
        }
    }

    #[test]
    fn a_changed_exporter_loses_nothing(change in any_change(), place in any::<Index>()) {
        for example in examples("mc") {
            let name = example.of().to_owned();
            let mut json = example.json;
            apply(&mut json, &change, place);
            match name.as_str() {
                "AttachRequest" => lossless::<mc::AttachRequest>(&json)?,
                "AttachResponse" => lossless::<mc::AttachResponse>(&json)?,
                "UploadRequest" => lossless::<mc::UploadRequest>(&json)?,
                "CommandsResponse" => lossless::<mc::CommandsResponse>(&json)?,
                "Command" => lossless::<mc::Command>(&json)?,
                "PermissionResponse" => lossless::<mc::PermissionResponse>(&json)?,
                "PlanApprovalResponse" => lossless::<mc::PlanApprovalResponse>(&json)?,
                _ => true,
            };
        }
    }
}
