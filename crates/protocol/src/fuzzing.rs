//! The body of the fuzz target, as a plain function that an ordinary test runs over a small corpus too.
//!
//! It panics where an invariant does not hold. Not part of the API.

use serde_json::Value;

use crate::Event;
use crate::events::Payload;

/// An event is taken exactly when it is an object with an id and a type; the very text is kept, what its envelope says is
/// what a general reader of JSON finds in it, and its data can be read as whatever it is.
pub fn event(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // Numbers that no type can hold, or lone surrogates: the envelope may be readable without them.
    let value = serde_json::from_str::<Value>(text).ok();
    let field = |name: &str| value.as_ref().and_then(|value| value[name].as_str());
    let Ok(event) = Event::parse(text) else {
        let complete = |name| field(name).is_some_and(|text| !text.is_empty());
        assert!(!(complete("id") && complete("type")), "it is an event");
        return;
    };
    let json_space = [' ', '\n', '\r', '\t'];
    assert_eq!(event.raw().get(), text.trim_matches(json_space), "the very text");
    assert_eq!(serde_json::to_string(&event).expect("it can be written"), event.raw().get());
    assert!(!event.id().is_empty() && !event.kind().is_empty());
    let payload = event.payload();
    if let Some(value) = &value {
        assert_eq!((Some(event.id()), Some(event.kind())), (field("id"), field("type")));
        assert_eq!(event.timestamp(), field("timestamp").unwrap_or_default());
        assert_eq!((event.parent_id(), event.agent_id()), (field("parentId"), field("agentId")));
        assert_eq!(event.ephemeral(), value["ephemeral"] == true);
        let read: Value = serde_json::from_str(event.data_raw().get()).expect("it is JSON");
        assert_eq!(read, value["data"]);
    }
    assert!(matches!(payload, Payload::Unknown) || value.as_ref().is_none_or(|value| value["data"].is_object()));
}
