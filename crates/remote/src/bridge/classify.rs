//! What each kind of event means for the upload: to keep, to shed or to leave out.

use std::borrow::Cow;

use groundlink_protocol::Event;
use serde::Deserialize;

/// How an event is treated on its way to the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Part of the session's history. Never dropped.
    Durable {
        /// The stream of deltas that this event makes superfluous by giving the whole.
        ends: Option<StreamKey>,
    },
    /// Ephemeral, but it tells something no later event repeats: questions, idle, titles.
    Notice,
    /// A piece of a text that a later durable event gives as a whole.
    Delta(StreamKey),
    /// Diagnostics that no viewer shows; not uploaded.
    Noise,
}

/// The message, reasoning or tool call that a delta belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StreamKey(Box<str>);

#[derive(Deserialize)]
struct Ids<'a> {
    #[serde(borrow, rename = "messageId")]
    message: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "reasoningId")]
    reasoning: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "toolCallId")]
    tool_call: Option<Cow<'a, str>>,
}

/// Sorts one event. Reads the data of the few kinds that carry or end a stream of deltas.
pub(crate) fn classify(event: &Event) -> Class {
    let kind = event.kind();
    if !event.ephemeral() {
        let ends = match kind {
            "assistant.message" | "assistant.reasoning" | "tool.execution_complete" => stream_of(event, kind),
            _ => None,
        };
        return Class::Durable { ends };
    }
    match kind {
        // Running totals and raw tool input: many, and shown by nobody.
        "assistant.streaming_delta" | "assistant.tool_call_delta" | "tool.shell_output" | "sandbox.decision" => {
            Class::Noise
        }
        // The model's side of the conversation, which repeats all of it on every turn.
        _ if kind.starts_with("model.") => Class::Noise,
        "assistant.message_delta" | "assistant.reasoning_delta" | "tool.execution_partial_result" => {
            // A delta that names no stream cannot be shed as superseded, so it is kept.
            stream_of(event, kind).map_or(Class::Notice, Class::Delta)
        }
        _ => Class::Notice,
    }
}

fn stream_of(event: &Event, kind: &str) -> Option<StreamKey> {
    let ids: Ids<'_> = serde_json::from_str(event.data_raw().get()).ok()?;
    let (family, id) = match kind {
        "assistant.message" | "assistant.message_delta" => ("m", ids.message?),
        "assistant.reasoning" | "assistant.reasoning_delta" => ("r", ids.reasoning?),
        _ => ("t", ids.tool_call?),
    };
    Some(StreamKey(format!("{family}:{id}").into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(kind: &str, ephemeral: bool, data: &str) -> Class {
        let text = format!(
            r#"{{"id":"e1","timestamp":"2026-01-01T00:00:00.000Z","parentId":null,"type":"{kind}","ephemeral":{ephemeral},"data":{data}}}"#
        );
        classify(&Event::parse(&text).expect("an event"))
    }

    #[test]
    fn kinds() {
        let key = |text: &str| StreamKey(text.into());
        for (kind, ephemeral, data, expected) in [
            ("user.message", false, "{}", Class::Durable { ends: None }),
            ("never.seen_before", false, "{}", Class::Durable { ends: None }),
            ("assistant.message", false, r#"{"messageId":"a"}"#, Class::Durable { ends: Some(key("m:a")) }),
            ("tool.execution_complete", false, r#"{"toolCallId":"a"}"#, Class::Durable { ends: Some(key("t:a")) }),
            ("assistant.message_delta", true, r#"{"messageId":"a","deltaContent":"x"}"#, Class::Delta(key("m:a"))),
            ("assistant.reasoning_delta", true, r#"{"reasoningId":"a"}"#, Class::Delta(key("r:a"))),
            ("tool.execution_partial_result", true, r#"{"toolCallId":"a"}"#, Class::Delta(key("t:a"))),
            ("assistant.message_delta", true, r#"{"messageId":7}"#, Class::Notice),
            ("assistant.streaming_delta", true, "{}", Class::Noise),
            ("model.call_start", true, "{}", Class::Noise),
            ("model.something", false, "{}", Class::Durable { ends: None }),
            ("session.idle", true, "{}", Class::Notice),
            ("user_input.requested", true, "{}", Class::Notice),
            ("never.seen_before", true, "{}", Class::Notice),
        ] {
            assert_eq!(class(kind, ephemeral, data), expected, "{kind} {ephemeral} {data}");
        }
    }
}
