//! What a model says to it.

use std::fmt::{self, Display};

use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;

use crate::SessionError;

/// The answer to a [`ModelRequest`](super::ModelRequest), whole or in pieces as they come.
pub struct ModelResponse {
    /// The status, such as 200.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    pub(super) body: BoxStream<'static, Result<Vec<u8>, String>>,
}

impl ModelResponse {
    /// An answer that is there already.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let body = Ok(body.into());
        Self { status, headers: HeaderMap::new(), body: stream::once(async { body }).boxed() }
    }

    /// The same, in JSON.
    pub fn json(status: u16, body: &impl Serialize) -> Result<Self, SessionError> {
        let body = serde_json::to_vec(body).map_err(|error| SessionError::invalid("body", error.to_string()))?;
        Ok(Self::new(status, body).content_type(HeaderValue::from_static("application/json")))
    }

    /// An answer that comes in pieces. An error among them is the end, and fails the request.
    pub fn stream<B, E>(status: u16, body: impl Stream<Item = Result<B, E>> + Send + 'static) -> Self
    where
        B: Into<Vec<u8>> + 'static,
        E: Display + 'static,
    {
        let body = body.map_ok(Into::into).map_err(|error| error.to_string()).boxed();
        Self { status, headers: HeaderMap::new(), body }
    }

    /// Server-sent events, as models stream their answers: each item is the data of one.
    pub fn events<B: AsRef<str>>(events: impl Stream<Item = B> + Send + 'static) -> Self {
        let body = events.map(|data| {
            let mut text = String::new();
            for line in data.as_ref().lines() {
                text.extend(["data: ", line, "\n"]);
            }
            text.push('\n');
            Ok::<_, String>(text)
        });
        Self::stream(200, body).content_type(HeaderValue::from_static("text/event-stream"))
    }

    /// Says what kind of body it is.
    #[must_use]
    pub fn content_type(mut self, kind: HeaderValue) -> Self {
        self.headers.insert(header::CONTENT_TYPE, kind);
        self
    }
}

impl fmt::Debug for ModelResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelResponse").field("status", &self.status).finish_non_exhaustive()
    }
}
