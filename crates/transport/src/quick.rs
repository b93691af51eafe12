//! The usual spelling of a message, read without a look at every byte.
//!
//! Writers of this protocol put the members of a message in one order, without blanks. Such a frame shows by its first
//! bytes what it is, and everything behind them, up to the closing brace, is then the one value that matters. Whether
//! that really is one value is for the reader of it to prove; where it is not, [`envelope`](crate::envelope) reads the
//! frame again from the start and has the last word.

use serde_json::value::RawValue;

const HEAD: &[u8] = br#"{"jsonrpc":"2.0",""#;

/// More digits than any id of ours has; longer ones are read the long way.
const MAX_DIGITS: usize = 18;

/// A frame that begins in the usual way. `value` is the rest of it without the closing brace.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Quick<'a> {
    /// `"id":ID,"result":VALUE}`
    Result { id: u64, value: &'a [u8] },
    /// `"id":ID,"method":METHOD,"params":VALUE}`
    Request { id: &'a str, method: &'a str, value: &'a [u8] },
    /// `"method":METHOD,"params":VALUE}`
    Notification { method: &'a str, value: &'a [u8] },
}

/// Recognises the usual spelling.
pub(crate) fn recognise(frame: &[u8]) -> Option<Quick<'_>> {
    let rest = frame.strip_prefix(HEAD)?.strip_suffix(b"}")?;
    let Some(rest) = rest.strip_prefix(br#"id":"#) else {
        let (method, value) = method_and_params(rest)?;
        return Some(Quick::Notification { method, value });
    };
    let (id, digits, rest) = number(rest)?;
    let rest = rest.strip_prefix(br#",""#)?;
    if let Some(value) = rest.strip_prefix(br#"result":"#) {
        return Some(Quick::Result { id, value });
    }
    let (method, value) = method_and_params(rest)?;
    Some(Quick::Request { id: digits, method, value })
}

/// The value, if it is one JSON value and nothing else.
pub(crate) fn prove(value: &[u8]) -> Option<&RawValue> {
    serde_json::from_slice(value).ok()
}

/// A number as JSON writes it, and what follows.
fn number(text: &[u8]) -> Option<(u64, &str, &[u8])> {
    let digits = text.iter().take(MAX_DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > MAX_DIGITS || (text[0] == b'0' && digits > 1) {
        return None;
    }
    let (digits, rest) = text.split_at(digits);
    let number = digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    Some((number, std::str::from_utf8(digits).ok()?, rest))
}

fn method_and_params(text: &[u8]) -> Option<(&str, &[u8])> {
    let text = text.strip_prefix(br#"method":""#)?;
    let plain = text.iter().position(|byte| !byte.is_ascii_graphic() || matches!(byte, b'"' | b'\\'))?;
    let (method, rest) = text.split_at(plain);
    let value = rest.strip_prefix(br#"","params":"#)?;
    Some((std::str::from_utf8(method).ok()?, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_usual_spelling_is_recognised() {
        let table = [
            (r#"{"jsonrpc":"2.0","id":12,"result":{"a":1}}"#, Some(r#"Result { id: 12, value: {"a":1} }"#)),
            (r#"{"jsonrpc":"2.0","id":0,"result":null}"#, Some("Result { id: 0, value: null }")),
            (r#"{"jsonrpc":"2.0","id":1,"result":1,"error":null}"#, Some(r#"Result { id: 1, value: 1,"error":null }"#)),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"a.b","params":[]}"#,
                Some("Request { id: 1, method: a.b, value: [] }"),
            ),
            (r#"{"jsonrpc":"2.0","method":"a.b","params":{}}"#, Some("Notification { method: a.b, value: {} }")),
            (r#"{"jsonrpc":"2.0","id":01,"result":1}"#, None),
            (r#"{"jsonrpc":"2.0","id":-1,"result":1}"#, None),
            (r#"{"jsonrpc":"2.0","id":1.0,"result":1}"#, None),
            (r#"{"jsonrpc":"2.0","id":"1","result":1}"#, None),
            (r#"{"jsonrpc":"2.0","id":1234567890123456789,"result":1}"#, None),
            (r#"{"jsonrpc":"2.0","id":1 ,"result":1}"#, None),
            (r#"{"jsonrpc":"2.0","id":1,"error":{}}"#, None),
            (r#"{"jsonrpc":"2.0","id":1}"#, None),
            (r#"{"jsonrpc":"2.0","id":1,"result":1"#, None),
            (r#"{"jsonrpc":"2.0","method":"a\"b","params":{}}"#, None),
            (r#"{"jsonrpc":"2.0","method":"ä","params":{}}"#, None),
            (r#"{"jsonrpc":"2.0","method":"a"}"#, None),
            (r#"{"id":1,"jsonrpc":"2.0","result":1}"#, None),
            (r#" {"jsonrpc":"2.0","id":1,"result":1}"#, None),
            ("", None),
        ];
        for (frame, expected) in table {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let found = recognise(frame.as_bytes()).map(|quick| match quick {
                Quick::Result { id, value } => format!("Result {{ id: {id}, value: {} }}", text(value)),
                Quick::Request { id, method, value } => {
                    format!("Request {{ id: {id}, method: {method}, value: {} }}", text(value))
                }
                Quick::Notification { method, value } => {
                    format!("Notification {{ method: {method}, value: {} }}", text(value))
                }
            });
            assert_eq!(found.as_deref(), expected, "{frame}");
        }
    }

    #[test]
    fn a_value_is_proved_as_one() {
        assert_eq!(prove(br#" {"a":[1]} "#).unwrap().get(), r#"{"a":[1]}"#);
        for text in [r#"1,"error":null"#, "{}}", "", "{", "1 2", "\"\u{1}\""] {
            assert!(prove(text.as_bytes()).is_none(), "{text}");
        }
    }
}
