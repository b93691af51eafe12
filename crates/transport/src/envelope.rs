//! The JSON-RPC envelope: one scan that copies nothing, and what kind of message it makes.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::ErrorObject;

/// Longest id echoed back, in bytes. Real ones are numbers or short strings.
const MAX_ID: usize = 1024;

/// How far into a damaged frame an id is looked for, in bytes.
const GUESS_WITHIN: usize = 256;

/// The members of a message that matter, each exactly as it stands in the frame.
///
/// `jsonrpc` is not looked at, other members are skipped, and of a repeated member the last one counts. A member that is
/// there but `null` is `Some`.
#[derive(Debug, Default)]
pub(crate) struct Envelope<'a> {
    pub(crate) id: Option<&'a RawValue>,
    pub(crate) method: Option<&'a RawValue>,
    pub(crate) params: Option<&'a RawValue>,
    pub(crate) result: Option<&'a RawValue>,
    pub(crate) error: Option<&'a RawValue>,
}

/// What a message is.
#[derive(Debug)]
pub(crate) enum Kind<'a> {
    Request {
        id: &'a RawValue,
        method: Cow<'a, str>,
        params: Option<&'a RawValue>,
    },
    Notification {
        method: Cow<'a, str>,
        params: Option<&'a RawValue>,
    },
    /// `id` is `None` where it is `null` or missing, which says that the other side could not read a message of ours.
    Response {
        id: Option<&'a RawValue>,
        outcome: Result<&'a RawValue, ErrorObject>,
    },
    /// JSON, but none of these; the id to answer with.
    Invalid {
        id: Option<&'a RawValue>,
        why: &'static str,
    },
}

/// Reads the envelope of one frame.
pub(crate) fn scan(frame: &[u8]) -> Result<Envelope<'_>, serde_json::Error> {
    serde_json::from_slice(frame)
}

/// Whether a frame that [`scan`] refused is at least JSON.
pub(crate) fn is_json(frame: &[u8]) -> bool {
    std::str::from_utf8(frame).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

impl<'a> Envelope<'a> {
    /// Sorts the message.
    pub(crate) fn kind(self) -> Kind<'a> {
        let long_id = self.id.is_some_and(|id| id.get().len() > MAX_ID);
        match (self.method, self.id) {
            (_, Some(_)) if long_id => Kind::Invalid { id: None, why: "the id is too long" },
            (Some(method), id) => match (as_str(method), id) {
                (Some(method), Some(id)) => Kind::Request { id, method, params: self.params },
                (Some(method), None) => Kind::Notification { method, params: self.params },
                (None, id) => Kind::Invalid { id, why: "the method is not a string" },
            },
            (None, id) => {
                let id = id.filter(|id| !is_null(id));
                match (self.error.filter(|error| !is_null(error)), self.result) {
                    (Some(error), _) => Kind::Response { id, outcome: Err(error_object(error)) },
                    (None, Some(result)) => Kind::Response { id, outcome: Ok(result) },
                    // Some writers leave out a result that is nothing.
                    (None, None) if id.is_some() => Kind::Response { id, outcome: Ok(RawValue::NULL) },
                    (None, None) => Kind::Invalid { id: None, why: "neither a request nor an answer" },
                }
            }
        }
    }
}

fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}

/// A JSON string, borrowed where it has no escapes.
fn as_str(value: &RawValue) -> Option<Cow<'_, str>> {
    let text = value.get();
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(text).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

/// The id as a number of ours, also where the other side echoed it as a string or a float.
pub(crate) fn own_id(id: &RawValue) -> Option<u64> {
    let text = id.get().trim_matches('"');
    text.parse().ok().or_else(|| text.strip_suffix(".0")?.parse().ok())
}

/// The id of the answer that a damaged frame seems to be.
///
/// Only a plain number near the beginning counts, as a member of the message itself, and only where no method stands
/// there: a wrong guess would fail somebody else's call.
pub(crate) fn guess_id(frame: &[u8]) -> Option<u64> {
    let head = &frame[..frame.len().min(GUESS_WITHIN)];
    let (before, after) = head.split_at(memchr::memmem::find(head, b"\"id\"")?);
    let nested = memchr::memchr2_iter(b'{', b'[', before).count() != 1;
    if nested || !before.starts_with(b"{") || memchr::memmem::find(head, b"\"method\"").is_some() {
        return None;
    }
    let value = after[4..].trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    // Cut off by the window or glued to something else: not a number one can trust.
    if !matches!(value.get(digits), Some(b',' | b'}' | b' ')) {
        return None;
    }
    std::str::from_utf8(&value[..digits]).ok()?.parse().ok()
}

/// Reads an error object of any shape.
fn error_object(raw: &RawValue) -> ErrorObject {
    #[derive(Deserialize, Default)]
    struct Lenient<'a> {
        #[serde(borrow)]
        code: Option<&'a RawValue>,
        #[serde(borrow)]
        message: Option<&'a RawValue>,
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    let Ok(error) = serde_json::from_str::<Lenient<'_>>(raw.get()) else {
        // Not an object: its text is all there is to tell.
        let message = as_str(raw).map_or_else(|| "an error without a message".to_owned(), Cow::into_owned);
        return ErrorObject { code: 0, message, data: Some(raw.to_owned()) };
    };
    ErrorObject {
        code: error.code.and_then(|code| integer(code.get())).unwrap_or(0),
        message: error
            .message
            .and_then(as_str)
            .map_or_else(|| "an error without a message".to_owned(), Cow::into_owned),
        data: error.data.map(ToOwned::to_owned),
    }
}

/// An integer written as a number, a float without fraction, or a string.
fn integer(text: &str) -> Option<i64> {
    let text = text.trim_matches('"');
    text.parse().ok().or_else(|| text.strip_suffix(".0")?.parse().ok())
}

impl<'de> Deserialize<'de> for Envelope<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    type Value = Envelope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON-RPC message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(key) = map.next_key()? {
            let member = match key {
                Key::Id => &mut envelope.id,
                Key::Method => &mut envelope.method,
                Key::Params => &mut envelope.params,
                Key::Result => &mut envelope.result,
                Key::Error => &mut envelope.error,
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *member = Some(map.next_value()?);
        }
        Ok(envelope)
    }
}

enum Key {
    Id,
    Method,
    Params,
    Result,
    Error,
    Other,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Key, E> {
                Ok(match name {
                    "id" => Key::Id,
                    "method" => Key::Method,
                    "params" => Key::Params,
                    "result" => Key::Result,
                    "error" => Key::Error,
                    _ => Key::Other,
                })
            }
        }
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

/// Whether a JSON text nests deeper than `max` arrays and objects. The text must be valid JSON.
pub(crate) fn nests_deeper(json: &str, max: usize) -> bool {
    // Every level needs its two brackets.
    if json.len() <= 2 * max {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in json.bytes() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > max {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message in one line: what it is and its parts.
    fn describe(frame: &str) -> String {
        let text = |value: Option<&RawValue>| value.map_or("-", RawValue::get).to_owned();
        match scan(frame.as_bytes()).map(Envelope::kind) {
            Ok(Kind::Request { id, method, params }) => format!("request {id} {method} {}", text(params)),
            Ok(Kind::Notification { method, params }) => format!("notification {method} {}", text(params)),
            Ok(Kind::Response { id, outcome: Ok(result) }) => format!("result {} {result}", text(id)),
            Ok(Kind::Response { id, outcome: Err(error) }) => {
                format!("error {} {} {:?} {}", text(id), error.code, error.message, text(error.data.as_deref()))
            }
            Ok(Kind::Invalid { id, why }) => format!("invalid {} {why}", text(id)),
            Err(_) => "unreadable".to_owned(),
        }
    }

    #[test]
    fn messages_are_sorted_leniently() {
        let long_id = format!(r#"{{"id":"{}","method":"m"}}"#, "x".repeat(MAX_ID));
        let table = [
            (r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":1}}"#, r#"request 1 m {"a":1}"#),
            (r#"{"params": [ ] ,"method":"m","id":"x"}"#, r#"request "x" m [ ]"#),
            (r#"{"id":null,"method":"m"}"#, "request null m -"),
            (r#"{"id":-1.5e3,"method":"a\"\u0062"}"#, r#"request -1.5e3 a"b -"#),
            (r#"{"id":{"o":1},"method":"m"}"#, r#"request {"o":1} m -"#),
            (r#"{"method":"m","extra":[[{}]]}"#, "notification m -"),
            (r#"{"method":"m","params":null}"#, "notification m null"),
            (r#"{"id":1,"result":null}"#, "result 1 null"),
            (r#"{"id":1}"#, "result 1 null"),
            (r#"{"id":1,"result":{"a":[]},"error":null}"#, r#"result 1 {"a":[]}"#),
            (r#"{"id":1,"result":5,"error":{"code":1,"message":"m"}}"#, r#"error 1 1 "m" -"#),
            (
                r#"{"id":1,"error":{"code":-9223372036854775808,"message":"m","data":{},"more":1}}"#,
                r#"error 1 -9223372036854775808 "m" {}"#,
            ),
            (r#"{"id":1,"error":{"code":-3.0}}"#, r#"error 1 -3 "an error without a message" -"#),
            (r#"{"id":1,"error":{"code":"7","message":["m"]}}"#, r#"error 1 7 "an error without a message" -"#),
            (r#"{"id":1,"error":"text"}"#, r#"error 1 0 "text" "text""#),
            (r#"{"id":null,"error":{"code":-32700,"message":"m"}}"#, r#"error - -32700 "m" -"#),
            (r#"{"id":1,"id":2,"result":3}"#, "result 2 3"),
            (r#"{"id":1,"method":7}"#, "invalid 1 the method is not a string"),
            (r#"{"id":null}"#, "invalid - neither a request nor an answer"),
            ("{}", "invalid - neither a request nor an answer"),
            (&long_id, "invalid - the id is too long"),
            (r#"[{"id":1,"result":1}]"#, "unreadable"),
            (r#"{"id":1,"result":1"#, "unreadable"),
            (r#"{"id":1} {"id":2}"#, "unreadable"),
            ("null", "unreadable"),
            ("", "unreadable"),
        ];
        for (frame, expected) in table {
            assert_eq!(describe(frame), expected, "{frame}");
        }
    }

    #[test]
    fn a_deep_message_is_sorted_all_the_same() {
        let deep = format!(r#"{{"id":1,"result":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert!(describe(&deep).starts_with("result 1 [[["));
    }

    #[test]
    fn an_id_of_ours_is_known_in_any_spelling() {
        for (text, id) in
            [("7", Some(7)), ("\"7\"", Some(7)), ("7.0", Some(7)), ("-7", None), ("7.5", None), ("{}", None)]
        {
            assert_eq!(own_id(&RawValue::from_string(text.to_owned()).unwrap()), id, "{text}");
        }
    }

    #[test]
    fn the_id_of_a_damaged_answer_is_guessed_with_care() {
        let table = [
            (r#"{"jsonrpc":"2.0","id":12,"result":{"text":"cut of"#, Some(12)),
            (r#"{"id" : 12 , "result":"#, Some(12)),
            (r#"{"jsonrpc":"2.0","id":12"#, None),
            (r#"{"jsonrpc":"2.0","id":"12","result":"#, None),
            (r#"{"jsonrpc":"2.0","id":12x,"result":"#, None),
            (r#"{"result":{"id":12,"#, None),
            (r#"{"id":12,"method":"m","params":"#, None),
            (r#"[{"id":12,"result":"#, None),
            ("\u{1}\"id\":12,", None),
            ("", None),
        ];
        for (frame, id) in table {
            assert_eq!(guess_id(frame.as_bytes()), id, "{frame}");
        }
    }

    #[test]
    fn nesting_is_counted_outside_strings() {
        let table = [
            (r#"{"a":[1]}"#, 1, true),
            (r#"{"a":[1]}"#, 2, false),
            (r#"["[[[[[[","\"[[[[[["]"#, 1, false),
            ("[[],[],[],[],[]]", 2, false),
            ("[[],[],[],[],[]]", 1, true),
            ("1", 0, false),
        ];
        for (json, max, deeper) in table {
            assert_eq!(nests_deeper(json, max), deeper, "{json} {max}");
        }
    }
}
