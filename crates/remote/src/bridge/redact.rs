//! Cuts secrets out of what leaves the machine.
//!
//! The CLI blanks its token in what it exports by itself, but not in the events its local client receives, and those
//! are what a bridge exports: a tool that prints the environment would hand the token to the hub.

use groundlink_protocol::Event;
use groundlink_session::secrets_among;
use secrecy::{ExposeSecret as _, SecretString};

/// Shorter texts would blank ordinary words.
const SHORTEST: usize = 8;
/// What the CLI's own exporter puts in the place of a secret.
const BLANK: &str = "******";

/// The secrets to cut out.
#[derive(Debug, Default)]
pub(crate) struct Redactor {
    /// As they stand inside a JSON string.
    secrets: Vec<SecretString>,
}

impl Redactor {
    /// Knows the credentials of this process's environment, which the CLI inherits.
    pub(crate) fn from_env() -> Self {
        let mut redactor = Self::default();
        // A variable that is no text can be no part of an event.
        let variables =
            std::env::vars_os().filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok()));
        for secret in secrets_among(variables) {
            redactor.add(&secret);
        }
        redactor
    }

    /// Learns one more secret. Texts of fewer than eight bytes are no secrets.
    pub(crate) fn add(&mut self, secret: &SecretString) {
        let secret = secret.expose_secret().trim();
        if secret.len() < SHORTEST {
            return;
        }
        let quoted = serde_json::Value::from(secret).to_string();
        self.secrets.push(SecretString::from(quoted[1..quoted.len() - 1].to_owned()));
    }

    /// The event without the secrets; the very same, byte for byte, where there are none in it. `None` when what is left
    /// is no event, which would take a secret that is a word of the envelope.
    pub(crate) fn clean(&self, event: Event) -> Option<Event> {
        let raw = event.raw().get();
        if !self.secrets.iter().any(|secret| raw.contains(secret.expose_secret())) {
            return Some(event);
        }
        let mut text = raw.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret.expose_secret(), BLANK);
        }
        let cleaned = Event::parse(&text);
        if cleaned.is_err() {
            tracing::warn!(kind = event.kind(), "an event is left out: it is unreadable without the secret in it");
        }
        cleaned.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(content: &str) -> Event {
        let data = serde_json::json!({"content": content});
        let text = format!(r#"{{"type":"user.message","id":"1","timestamp":"t","parentId":null,"data":{data}}}"#);
        Event::parse(&text).unwrap()
    }

    fn redactor(secrets: &[&str]) -> Redactor {
        let mut redactor = Redactor::default();
        for secret in secrets {
            redactor.add(&SecretString::from((*secret).to_owned()));
        }
        redactor
    }

    #[test]
    fn secrets_are_blanked_and_all_else_is_left_alone() {
        let table: &[(&[&str], &str, &str)] = &[
            (&["gho_canary"], "GH_TOKEN=gho_canary\nX=gho_canary", "GH_TOKEN=******\nX=******"),
            (&["gho_canary", "sk-another"], "gho_canary sk-another", "****** ******"),
            (&["with \"quotes\""], "it is with \"quotes\"!", "it is ******!"),
            (&["short"], "a short word", "a short word"),
            (&[], "gho_canary", "gho_canary"),
            (&["gho_canary"], "nothing to see", "nothing to see"),
        ];
        for (secrets, content, want) in table {
            let cleaned = redactor(secrets).clean(event(content)).unwrap();
            let data: serde_json::Value = serde_json::from_str(cleaned.data_raw().get()).unwrap();
            assert_eq!(data["content"], *want, "{secrets:?}");
        }
    }

    #[test]
    fn an_event_without_secrets_keeps_its_bytes() {
        let text =
            r#"{ "type" : "user.message","id":"1","timestamp":"t","parentId":null,"data":{"content":"\u0041"} }"#;
        let cleaned = redactor(&["gho_canary"]).clean(Event::parse(text).unwrap()).unwrap();
        assert_eq!(cleaned.raw().get(), text);
    }

    #[test]
    fn debugging_shows_no_secret() {
        assert!(!format!("{:?}", redactor(&["gho_canary"])).contains("canary"));
    }
}
