//! What an upload holds, before anything of it is stored: its events, cleaned of secrets and sorted by what is
//! to become of them, and what it says about commands.

use groundlink_protocol::mc::{RejectedCommand, UploadRequest};
use groundlink_protocol::{Event, RawJson};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::keys::{LINK_CHARS, LinkHash, hash_link};
use crate::store::NewEvent;

/// Stands where a secret stood. The same mark as the CLI's own.
const REDACTED: &str = "******";
/// Skipped events that are reported one by one.
const MAX_SKIPPED: usize = 100;

/// An upload, ready to be applied.
#[derive(Debug, Default)]
pub(crate) struct Upload {
    /// In order of arrival.
    pub(crate) events: Vec<Sorted>,
    /// How many events there were, whatever became of them.
    pub(crate) count: usize,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) completed: Vec<String>,
    pub(crate) rejected: Vec<RejectedCommand>,
}

/// An event, and what is to become of it.
#[derive(Debug, Clone)]
pub(crate) enum Sorted {
    /// It is stored and gets a number.
    Stored(NewEvent),
    /// Whoever watches now gets it, nobody later.
    Passing(Event),
}

/// An event of an upload that is not one.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Skipped {
    /// Its place in the upload, from 0.
    pub(crate) index: usize,
    pub(crate) reason: String,
}

/// The secrets that must not be stored.
pub(crate) trait Secrets {
    /// Texts to look for.
    fn known(&self) -> &[&str];
    /// Whether some link's secret has this hash.
    fn is_link(&self, hash: &LinkHash) -> bool;
}

impl Upload {
    /// Reads an upload. An error is about the body as a whole; a bad event among good ones is skipped.
    pub(crate) fn parse(body: &[u8], secrets: &impl Secrets) -> Result<Self, String> {
        let text = std::str::from_utf8(body).map_err(|e| format!("the body is not UTF-8: {e}"))?;
        let upload: UploadRequest = serde_json::from_str(text)
            .map_err(|e| format!("the body is not an upload, an object with an array `events`: {e}"))?;
        let mut out = Self {
            count: upload.events.len(),
            completed: upload.completed_command_ids,
            rejected: upload.rejected_commands,
            ..Self::default()
        };
        for (index, raw) in upload.events.into_iter().enumerate() {
            match Event::from_raw(redact(one_line(raw), secrets)) {
                Ok(event) => out.events.extend(sort(event)),
                Err(error) if out.skipped.len() < MAX_SKIPPED => {
                    out.skipped.push(Skipped { index, reason: error.to_string() });
                }
                Err(_) => {}
            }
        }
        Ok(out)
    }
}

/// Decides what becomes of an event; `None`: nothing.
fn sort(event: Event) -> Option<Sorted> {
    let kind = event.kind();
    if kind.starts_with("model.") {
        // The same conversation again, in the model's words, many times the size.
        return None;
    }
    if !event.ephemeral() {
        return Some(Sorted::Stored(NewEvent::new(event)));
    }
    match kind {
        // The CLI talking to itself.
        "assistant.idle"
        | "assistant.streaming_delta"
        | "pending_messages.modified"
        | "sandbox.decision"
        | "session.background_tasks_changed"
        | "session.managed_settings_resolved"
        | "session.skills_loaded"
        | "session.tools_updated" => None,
        kind if kind.starts_with("session.mcp_") => None,
        // A later event has the whole.
        "assistant.message_start"
        | "tool.execution_partial_result"
        | "tool.execution_progress"
        | "tool.shell_output" => Some(Sorted::Passing(event)),
        kind if kind.ends_with("_delta") => Some(Sorted::Passing(event)),
        // Questions, titles, the end of a turn: a hub that restarts must still know them. So must it know
        // what it has never heard of.
        _ => Some(Sorted::Stored(NewEvent::new(event))),
    }
}

/// Puts the event on one line, for streams that go by lines: in JSON, a line break is never part of a text.
fn one_line(raw: RawJson) -> RawJson {
    if !raw.get().contains(['\n', '\r']) {
        return raw;
    }
    RawValue::from_string(raw.get().replace(['\n', '\r'], " ")).unwrap_or(raw)
}

/// Replaces secrets. The `session.info` event that announces the link holds one, and a shell may print the
/// export token.
fn redact(raw: RawJson, secrets: &impl Secrets) -> RawJson {
    let text = raw.get();
    let links = foreign_links(text, secrets);
    if links.is_empty() && !secrets.known().iter().any(|secret| text.contains(secret)) {
        return raw;
    }
    let mut clean = text.to_owned();
    for secret in secrets.known().iter().copied().chain(links.iter().map(String::as_str)) {
        clean = clean.replace(secret, REDACTED);
    }
    // Secrets hold no character that JSON minds; should that ever be wrong, the event is better lost.
    RawValue::from_string(clean).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// The links of other sessions in the text: every word of the right length is looked up.
fn foreign_links(text: &str, secrets: &impl Secrets) -> Vec<String> {
    let bytes = text.as_bytes();
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'\\' {
            // What follows is an escape, not the beginning of a word.
            at += 2;
        } else if is_word(bytes[at]) {
            let start = at;
            while at < bytes.len() && is_word(bytes[at]) {
                at += 1;
            }
            if at - start == LINK_CHARS && secrets.is_link(&hash_link(&text[start..at])) {
                found.push(text[start..at].to_owned());
            }
        } else {
            at += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Two;

    const OWN: &str = "0123456789abcdefghij-_";
    const OTHER: &str = "ABCDEFGHIJ0123456789-_";

    impl Secrets for Two {
        fn known(&self) -> &[&str] {
            &["glx_token", OWN]
        }
        fn is_link(&self, hash: &LinkHash) -> bool {
            *hash == hash_link(OTHER)
        }
    }

    fn parse(body: &str) -> Result<Upload, String> {
        Upload::parse(body.as_bytes(), &Two)
    }

    fn event(kind: &str, ephemeral: bool) -> String {
        format!(r#"{{"id":"1","type":"{kind}","ephemeral":{ephemeral},"data":{{}}}}"#)
    }

    #[test]
    fn events_are_sorted() {
        let cases = [
            ("user.message", false, "stored"),
            ("session.usage_record", false, "stored"),
            ("something.new", false, "stored"),
            ("something.new", true, "stored"),
            ("session.idle", true, "stored"),
            ("user_input.requested", true, "stored"),
            ("session.custom_notification", true, "stored"),
            ("assistant.message_delta", true, "passing"),
            ("assistant.newer_delta", true, "passing"),
            ("tool.shell_output", true, "passing"),
            ("assistant.streaming_delta", true, "dropped"),
            ("session.mcp_servers_loaded", true, "dropped"),
            ("pending_messages.modified", true, "dropped"),
            ("model.messages_snapshot", true, "dropped"),
            ("model.message", false, "dropped"),
        ];
        for (kind, ephemeral, expected) in cases {
            let upload = parse(&format!(r#"{{"events":[{}]}}"#, event(kind, ephemeral))).unwrap();
            let found = match upload.events.as_slice() {
                [] => "dropped",
                [Sorted::Stored(_)] => "stored",
                _ => "passing",
            };
            assert_eq!(found, expected, "{kind} {ephemeral}");
        }
    }

    #[test]
    fn secrets_are_replaced_wherever_they_stand() {
        let cases = [
            (format!("http://h/t/{OWN}"), "http://h/t/******".to_owned()),
            (format!("x{OWN}y {OWN}"), "x******y ******".to_owned()),
            ("TOKEN=glx_token".to_owned(), "TOKEN=******".to_owned()),
            (format!(r"\n{OTHER}\n"), r"\n******\n".to_owned()),
            (format!("http:\\/\\/h\\/t\\/{OTHER}?x"), "http:\\/\\/h\\/t\\/******?x".to_owned()),
            ("nothing here".to_owned(), "nothing here".to_owned()),
        ];
        for (before, after) in cases {
            let body = format!(r#"{{"events":[{{"id":"1","type":"x","data":"{before}"}}]}}"#);
            let upload = parse(&body).unwrap();
            let Sorted::Stored(new) = &upload.events[0] else { panic!("stored") };
            assert_eq!(new.event.raw().get(), format!(r#"{{"id":"1","type":"x","data":"{after}"}}"#));
        }
    }

    #[test]
    fn bad_bodies_are_errors_and_bad_events_are_skipped() {
        for body in ["", "[]", "null", "{}", r#"{"events":null}"#, r#"{"events":{}}"#, r#"{"events":[1"#] {
            let error = parse(body).expect_err(body);
            assert!(error.contains("`events`"), "{error}");
        }
        assert!(Upload::parse(b"\xff\xfe", &Two).unwrap_err().contains("UTF-8"));
        let upload = parse(r#"{"events":[1,{"id":"a","type":"x"},{"id":"b"},{"id":3,"type":"x"}],"new":1}"#).unwrap();
        assert_eq!(upload.events.len(), 1);
        insta::assert_json_snapshot!(upload.skipped);
    }

    #[test]
    fn an_event_is_one_line() {
        let upload = parse("{\"events\":[{\"id\":\"1\",\r\n \"type\":\"x\",\n\"data\":\"a\\nb\"}]}").unwrap();
        let Sorted::Stored(new) = &upload.events[0] else { panic!("stored") };
        assert_eq!(new.event.raw().get(), r#"{"id":"1",   "type":"x", "data":"a\nb"}"#);
    }

    #[test]
    fn a_keepalive_is_an_upload() {
        let upload = parse(r#"{"events":[]}"#).unwrap();
        assert!(upload.events.is_empty() && upload.completed.is_empty() && upload.rejected.is_empty());
        let upload =
            parse(r#"{"events":[],"completed_command_ids":["c1"],"rejected_commands":[{"id":"c2","reason":"no"}]}"#);
        let upload = upload.unwrap();
        assert_eq!(upload.completed, ["c1"]);
        assert_eq!(upload.rejected[0].reason, "no");
    }
}
