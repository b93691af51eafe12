//! What an answer is bound to: a short name for everything that a request shows and asks for.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Bytes of the hash that are kept; nobody finds two requests with the same.
const BYTES: usize = 16;

/// What kind of request is named, and by which of its fields.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked {
    Permission,
    Question,
    Form,
    Plan,
}

impl Asked {
    /// The fields that a person decides about. Names of the request, of its tool call and times are not among them:
    /// a question that is repeated, or known from its tool call before it is asked, stays the same question.
    fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Permission => &["permissionRequest", "promptRequest"],
            Self::Question => &["question", "choices"],
            Self::Form => &["message", "mode", "url", "requestedSchema", "elicitationSource"],
            Self::Plan => &["summary", "planContent", "actions", "recommendedAction"],
        }
    }
}

/// The digest of a request, from the data of the event that asks it, or from the arguments of the tool that will.
///
/// It is of the whole request, whatever of it is cut for showing, and does not depend on the order of its fields.
pub(crate) fn digest(asked: Asked, data: &Value) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        // With its length, so that no text can be moved from one field to the next.
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(text.as_bytes());
    };
    add(&format!("{asked:?}"));
    for name in asked.fields() {
        // The map's keys are sorted, so that equal values have equal texts.
        add(&data.get(name).unwrap_or(&Value::Null).to_string());
    }
    data_encoding::HEXLOWER.encode(&hash.finalize()[..BYTES])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_names_what_is_asked_and_nothing_else() {
        let base = json!({"requestId": "R", "permissionRequest": {"kind": "shell", "fullCommandText": "ls"}});
        let of = |data: &Value| digest(Asked::Permission, data);
        let mut repeated = base.clone();
        repeated["requestId"] = "S".into();
        repeated["toolCallId"] = "c".into();
        assert_eq!(of(&base), of(&repeated));
        let turned: Value =
            serde_json::from_str(r#"{"permissionRequest": {"fullCommandText": "ls", "kind": "shell"}}"#).unwrap();
        assert_eq!(of(&base), of(&turned), "the order of fields says nothing");
        for (path, value) in
            [("fullCommandText", json!("ls ")), ("kind", json!("write")), ("warning", json!("careful"))]
        {
            let mut other = base.clone();
            other["permissionRequest"][path] = value;
            assert_ne!(of(&base), of(&other), "{path}");
        }
        let mut long = base.clone();
        long["permissionRequest"]["fullCommandText"] = "x".repeat(2 << 20).into();
        let mut longer = long.clone();
        longer["permissionRequest"]["fullCommandText"] = format!("{}y", "x".repeat(2 << 20)).into();
        assert_ne!(of(&long), of(&longer), "also beyond what is shown");
        assert_ne!(digest(Asked::Form, &base), digest(Asked::Question, &base));
    }
}
