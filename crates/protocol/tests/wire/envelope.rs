//! The event envelope: what it reads, and that nothing hostile makes it panic.

use groundlink_protocol::events::{Payload, SessionIdle, UserMessage};
use groundlink_protocol::{DecodeError, Event};
use proptest::prelude::*;

use crate::support::examples;

#[test]
fn reads_the_envelope_and_leaves_the_data_alone() {
    let text = r#"{"data": {"content" : "hi"},"type":"user.message","id":"e1","timestamp":"t","parentId":"e0","agentId":"a","ephemeral":true,"new":[1]}"#;
    let event = Event::parse(text).expect("an event");
    assert_eq!((event.id(), event.kind(), event.timestamp()), ("e1", "user.message", "t"));
    assert_eq!((event.parent_id(), event.agent_id(), event.ephemeral()), (Some("e0"), Some("a"), true));
    assert_eq!(event.raw().get(), text, "the very bytes");
    assert_eq!(event.data_raw().get(), r#"{"content" : "hi"}"#, "the very bytes");
    assert_eq!(event.data::<UserMessage>().expect("data").content, "hi");
    assert!(event.is::<UserMessage>() && !event.is::<SessionIdle>());
    assert_eq!(serde_json::to_string(&event).expect("JSON"), text);
    let again: Event = serde_json::from_str(text).expect("an event");
    assert_eq!(again.raw().get(), text);
}

#[test]
fn asking_for_other_data_is_an_error_that_says_so() {
    let event = Event::parse(r#"{"id":"e1","type":"user.message","data":{"content":"hi"}}"#).expect("an event");
    let error = event.data::<SessionIdle>().expect_err("another type");
    assert!(matches!(error, DecodeError::OtherEvent { expected: "session.idle", .. }));
    let broken = Event::parse(r#"{"id":"e1","type":"user.message","data":{"content":7}}"#).expect("an event");
    let error = broken.data::<UserMessage>().expect_err("content is no text");
    insta::assert_snapshot!(error, @"the data of user.message event `e1` cannot be read: UserMessage cannot read its field `content`: invalid type: integer `7`, expected a string at line 1 column 1; its raw data is still there");
    assert!(matches!(broken.payload(), Payload::Unknown));
    assert_eq!(broken.data_raw().get(), r#"{"content":7}"#);
}

#[test]
fn debug_shows_no_data() {
    let event = Event::parse(r#"{"id":"e1","type":"user.message","data":{"content":"private"}}"#).expect("an event");
    assert!(!format!("{event:?}").contains("private"));
}

#[test]
fn what_is_no_event_is_an_error() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let cases = [
        "",
        " ",
        "null",
        "true",
        "1",
        "\"x\"",
        "[]",
        "{}",
        "{",
        "}",
        "{\"id\":",
        "\u{feff}{}",
        "\0",
        "nul",
        r#"{"id":"e1"}"#,
        r#"{"type":"x"}"#,
        r#"{"id":"","type":"x"}"#,
        r#"{"id":"e1","type":""}"#,
        r#"{"id":1,"type":"x"}"#,
        r#"{"id":"e1","type":["x"]}"#,
        r#"{"id":null,"type":null}"#,
        r#"{"id":"e1","type":"x"}{}"#,
        r#"{"id":"e1","type":"x",}"#,
        r"{'id':'e1','type':'x'}",
        r#"{"id":"\ud800","type":"x"}"#,
        r#"{"id":"e1","type":"x","data":}"#,
        r#"{"id":"e1","type":"x","data":NaN}"#,
        &deep,
    ];
    for case in cases {
        let shown: String = case.chars().take(60).collect();
        assert!(Event::parse(case).is_err(), "{shown}");
    }
}

#[test]
fn odd_but_well_formed_events_survive() {
    let deep = format!(r#"{{"id":"e1","type":"x","data":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let wide = format!(r#"{{"id":"e1","type":"x"{}}}"#, r#","k":1"#.repeat(50_000));
    let cases = [
        r#"{"id":"e1","type":"x"}"#,
        r#"{"id":"e1","type":"x","data":null}"#,
        r#"{"id":"e1","type":"user.message","data":[]}"#,
        r#"{"id":"e1","type":"user.message","data":"text"}"#,
        r#"{"id":"e1","type":"user.message","data":{"content":"\ud800"}}"#,
        r#"{"id":"e1","type":"x","data":1e999,"timestamp":7,"parentId":{},"ephemeral":"yes","agentId":0}"#,
        r#"  {"id":"e1","type":"x"}  "#,
        r#"{"id":"e0","id":"e1","type":"y","type":"x","data":1,"data":2}"#,
        r#"{"\u0069d":"e1","type":"\u0078"}"#,
        &deep,
        &wide,
    ];
    for case in cases {
        let event = Event::parse(case).unwrap_or_else(|error| panic!("{}: {error}", &case[..case.len().min(60)]));
        assert_eq!(event.id(), "e1");
        assert_eq!(event.raw().get(), case.trim());
        assert!(!event.ephemeral());
        assert!(matches!(event.payload(), Payload::Unknown));
        assert!(event.data::<UserMessage>().is_err());
        assert!(!event.data_raw().get().is_empty());
    }
}

/// Everything one can ask of an event.
fn exercise(text: &str) {
    let Ok(event) = Event::parse(text) else { return };
    assert!(!event.id().is_empty() && !event.kind().is_empty());
    assert!(event.data_raw().get() == "null" || text.contains(event.data_raw().get()));
    let _ = (event.timestamp(), event.parent_id(), event.agent_id(), event.ephemeral(), event.payload());
    let _ = (event.data::<UserMessage>(), format!("{event:?}"));
    let again = serde_json::to_string(&event).expect("an event can be written");
    assert_eq!(Event::parse(&again).expect("and read again").id(), event.id());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".*") {
        exercise(&text);
    }

    #[test]
    fn a_damaged_event_is_read_or_refused(
        which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        cut in 0_usize..8,
        put in "[\\x00-\\x7f\u{e9}\u{1f600}]{0,6}",
    ) {
        let examples = examples("events");
        let text: Vec<char> = which.get(&examples).json.to_string().chars().collect();
        let at = place.index(text.len());
        let damaged: String =
            text[..at].iter().copied().chain(put.chars()).chain(text[(at + cut).min(text.len())..].iter().copied()).collect();
        exercise(&damaged);
    }
}

/// The corpus the fuzzer starts from, run as an ordinary test.
#[test]
fn the_fuzz_corpus_holds() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/event");
    let files: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 8, "{files:?}");
    for file in files {
        groundlink_protocol::fuzzing::event(&std::fs::read(file).unwrap());
    }
}
