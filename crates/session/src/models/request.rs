//! What the CLI wants of a model.

use std::collections::BTreeMap;
use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::SessionError;

/// A request to a model, as the CLI would have made it over HTTP.
///
/// Its address and its headers hold what the endpoint is to know its caller by: `Debug` shows neither a header's value
/// nor the address's query.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ModelRequest {
    /// The request's id.
    pub request_id: String,
    /// The session that it is made for; `None` where it is for none, such as the first list of models.
    pub session_id: Option<String>,
    /// The agent that makes it.
    pub agent_id: Option<String>,
    /// The agent that this one works for.
    pub parent_agent_id: Option<String>,
    /// The same for all attempts of one request.
    pub agent_invocation_id: Option<String>,
    /// What it is about, in the CLI's words.
    pub interaction_type: Option<String>,
    /// `GET`, `POST`.
    pub method: String,
    /// The whole address.
    pub url: String,
    /// The headers.
    #[serde(deserialize_with = "headers")]
    pub headers: HeaderMap,
    /// The body.
    #[serde(skip)]
    pub body: Vec<u8>,
    #[serde(default, rename = "transport")]
    pub(super) way: Way,
}

/// How it would have travelled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Way {
    Websocket,
    #[default]
    #[serde(other)]
    Http,
}

impl ModelRequest {
    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, SessionError> {
        serde_json::from_slice(&self.body).map_err(|error| SessionError::invalid("body", error.to_string()))
    }

    /// The address's path, such as `/v1/chat/completions`.
    pub fn path(&self) -> &str {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        let path = rest.find('/').map_or("/", |at| &rest[at..]);
        path.split(['?', '#']).next().unwrap_or(path)
    }
}

impl fmt::Debug for ModelRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelRequest")
            .field("request_id", &self.request_id)
            .field("session_id", &self.session_id)
            .field("method", &self.method)
            .field("path", &self.path())
            .field("headers", &self.headers.keys().map(HeaderName::as_str).collect::<Vec<_>>())
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Leaves out what is no header.
fn headers<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<HeaderMap, D::Error> {
    let given = BTreeMap::<String, Vec<String>>::deserialize(deserializer)?;
    let mut headers = HeaderMap::new();
    for (name, values) in given {
        let Ok(name) = name.parse::<HeaderName>() else { continue };
        for value in values {
            if let Ok(mut value) = HeaderValue::try_from(value) {
                value.set_sensitive(true);
                headers.append(&name, value);
            }
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_secret_is_shown() {
        let request: ModelRequest = serde_json::from_value(json!({
            "requestId": "r1", "method": "POST", "url": "https://models.example/v1/x?key=canary-1",
            "headers": {"Authorization": ["Bearer canary-2"], "not a header": ["x"], "Accept": ["a", "b"]},
        }))
        .unwrap();
        assert_eq!(request.path(), "/v1/x");
        assert_eq!(request.way, Way::Http);
        assert_eq!(request.headers.get_all("accept").iter().count(), 2);
        assert_eq!(request.headers["authorization"], "Bearer canary-2");
        let shown = format!("{request:?} {:?}", request.headers);
        assert!(!shown.contains("canary") && shown.contains("authorization"), "{shown}");
        for (url, path) in [("http://a", "/"), ("http://a/b#c", "/b"), ("/x", "/x"), ("", "/")] {
            assert_eq!(ModelRequest { url: url.to_owned(), ..request.clone() }.path(), path, "{url}");
        }
    }
}
