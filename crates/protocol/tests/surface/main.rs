//! What is promised of every public type, held against samples made of the JSON Schema of the protocol: the fullest,
//! the emptiest, and messages of releases to come.
#![allow(missing_docs)]

mod examples;
mod generated;
mod samples;

use std::collections::BTreeSet;

use groundlink_protocol::events::{self, Payload};
use groundlink_protocol::{Event, methods, notifications, requests};
use serde_json::{Value, json};

use samples::Samples;

/// A type of the protocol: its name in the JSON Schema, and reading and writing it again.
struct Type {
    name: &'static str,
    round: fn(&str) -> Result<String, serde_json::Error>,
}

macro_rules! every {
    ( $( $name:literal $ty:ty, )* ) => {
        pub(crate) fn types() -> Vec<crate::Type> {
            vec![ $( crate::Type { name: $name, round: crate::round::<$ty> }, )* ]
        }
    };
}
pub(crate) use every;

/// A method, request or notification: its wire name, and what reads an example of it, writes it again and shows it.
struct Call {
    wire: &'static str,
    check: fn(&str, &Value) -> String,
}

macro_rules! calls {
    ( $( $call:ty, )* ) => {
        pub(crate) fn calls() -> Vec<crate::Call> {
            vec![ $( crate::Call {
                wire: <$call as groundlink_protocol::Method>::NAME,
                check: crate::examples::call::<
                    <$call as groundlink_protocol::Method>::Params,
                    <$call as groundlink_protocol::Method>::Output,
                >,
            }, )* ]
        }
    };
}
pub(crate) use calls;

macro_rules! notices {
    ( $( $call:ty, )* ) => {
        pub(crate) fn notices() -> Vec<crate::Call> {
            vec![ $( crate::Call {
                wire: <$call as groundlink_protocol::Notification>::NAME,
                check: crate::examples::notice::<<$call as groundlink_protocol::Notification>::Params>,
            }, )* ]
        }
    };
}
pub(crate) use notices;

fn round<T: serde::de::DeserializeOwned + serde::Serialize>(text: &str) -> Result<String, serde_json::Error> {
    serde_json::to_string(&serde_json::from_str::<T>(text)?)
}

/// With the keys of every object in order, as this program's `Value` keeps them.
fn canonical(text: &str) -> String {
    serde_json::from_str::<Value>(text).expect("JSON").to_string()
}

fn check(samples: impl Fn(&str) -> Vec<Value>) -> usize {
    let mut problems = Vec::new();
    let mut count = 0;
    for Type { name, round } in generated::types() {
        for sample in samples(name) {
            count += 1;
            let text = sample.to_string();
            match round(&text) {
                Ok(again) if canonical(&again) == canonical(&text) => {}
                Ok(again) => problems.push(format!("{name}: {text}\n  was written back as {again}")),
                Err(error) => problems.push(format!("{name}: {error}: {text}")),
            }
        }
    }
    assert!(problems.is_empty(), "{} of {count}:\n{}", problems.len(), problems[..problems.len().min(20)].join("\n"));
    count
}

#[test]
fn the_list_of_types_is_the_schema() {
    let schema = Samples::read();
    let listed: BTreeSet<&str> = generated::types().iter().map(|t| t.name).collect();
    assert_eq!(listed, schema.names().collect());
}

#[test]
fn the_fullest_sample_of_every_type_comes_back_byte_for_byte() {
    let schema = Samples::read();
    assert!(check(|name| schema.fullest(name)) > 2000);
}

#[test]
fn the_emptiest_sample_of_every_type_comes_back_byte_for_byte() {
    let schema = Samples::read();
    check(|name| schema.emptiest(name));
}

#[test]
fn new_fields_and_words_and_kinds_are_kept_by_every_type() {
    let schema = Samples::read();
    check(|name| schema.future(name));
}

#[test]
fn optional_fields_of_another_shape_are_kept_by_every_type() {
    let schema = Samples::read();
    check(|name| schema.reshaped(name));
}

#[test]
fn every_event_is_read_by_its_type() {
    let schema = Samples::read();
    for kind in events::TYPES {
        for data in schema.event(kind) {
            let text = json!({ "id": "1", "type": kind, "data": data }).to_string();
            let event = Event::parse(&text).expect("an envelope");
            let payload = event.payload();
            assert!(!matches!(payload, Payload::Unknown), "{text}");
            let again = serde_json::to_string(&payload).expect("what was read can be written");
            assert_eq!(canonical(&again), canonical(event.data_raw().get()));
            assert_eq!(event.raw().get(), text);
        }
    }
}

#[test]
fn the_tables_are_the_schema() {
    let schema = Samples::read();
    for (section, names) in [
        ("methods", methods::NAMES),
        ("requests", requests::NAMES),
        ("notifications", notifications::NAMES),
        ("events", events::TYPES),
    ] {
        let names: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names, schema.section(section), "{section}");
    }
}

#[test]
fn shapes_are_told_apart_by_their_words() {
    use groundlink_protocol::types::UIElicitationSchemaProperty as Property;
    let read = |text: &str| serde_json::from_str::<Property>(text).expect("a shape");
    assert!(matches!(read(r#"{"type":"boolean"}"#), Property::UIElicitationSchemaPropertyBoolean(_)));
    assert!(matches!(read(r#"{"type":"string","title":"A"}"#), Property::UIElicitationSchemaPropertyString(_)));
    assert!(matches!(read(r#"{"type":"string","enum":["a"]}"#), Property::UIElicitationStringEnumField(_)));
    assert!(matches!(
        read(r#"{"type":"later"}"#),
        Property::Unknown(_) | Property::UIElicitationSchemaPropertyNumber(_)
    ));
}
