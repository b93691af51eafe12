//! What is sent to the agent.

mod attachment;

pub use attachment::{Attachment, FileSpan};
use groundlink_protocol::types::{AgentMode, SendMode, SessionSendParams};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::json;
use serde_json::value::to_raw_value;

use crate::SessionError;
use crate::provider::wire_secret;
use crate::telemetry::{TraceContext, Tracing};

/// A message to the agent.
#[derive(Debug, Clone)]
pub struct Message {
    params: SessionSendParams,
}

impl Message {
    /// A message of plain text.
    pub fn text(prompt: impl Into<String>) -> Self {
        Self { params: SessionSendParams::new(String::new(), prompt) }
    }

    /// Whether it waits for the running turn to end (`Enqueue`, the default) or steers it (`Immediate`).
    ///
    /// What is enqueued waits for work in the background, too: for a shell or a sub-agent that the agent has started and
    /// that runs on. What is immediate begins a turn of its own while the agent itself has nothing to do; a command that the
    /// agent waits for goes on in the background then (observed with CLI 1.0.102).
    #[must_use]
    pub fn mode(mut self, mode: SendMode) -> Self {
        self.params.mode = Some(mode);
        self
    }

    /// The mode the agent should be in for this message. The model is told; the session stays in its own mode, and goes on
    /// by itself only where [`Session::set_mode`](crate::Session::set_mode) has set autopilot. `Shell` runs nothing: the
    /// model reads the text as any other (observed with CLI 1.0.102).
    #[must_use]
    pub fn agent_mode(mut self, mode: AgentMode) -> Self {
        self.params.agent_mode = Some(mode);
        self
    }

    /// Where it comes from; it is in the `user.message` event, so that the sender can tell its own
    /// message again (such as `command-ID`).
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.params.source = Some(source.into());
        self
    }

    /// What to show instead of the prompt.
    #[must_use]
    pub fn display(mut self, text: impl Into<String>) -> Self {
        self.params.display_prompt = Some(text.into());
        self
    }

    /// Headers for the requests to the model that follow from it.
    #[must_use]
    pub fn request_header(mut self, name: impl Into<String>, value: &SecretString) -> Self {
        let headers = self.params.request_headers.get_or_insert_default();
        headers.insert(name.into(), wire_secret(value));
        self
    }

    /// The answer is to be JSON that fits a JSON Schema, where the model can do that. The name is for the model.
    pub fn response_schema(mut self, name: &str, schema: &impl Serialize) -> Result<Self, SessionError> {
        let invalid = |error: serde_json::Error| SessionError::invalid("response_schema", error.to_string());
        let schema = serde_json::to_value(schema).map_err(invalid)?;
        if !schema.is_object() {
            return Err(SessionError::invalid("response_schema", "a JSON Schema is an object"));
        }
        let format = json!({"type": "json_schema", "jsonSchema": {"name": name, "schema": schema, "strict": true}});
        self.params.response_format = Some(to_raw_value(&format).map_err(invalid)?);
        Ok(self)
    }

    /// Attaches a file, a directory, a part of a file or bytes.
    #[must_use]
    pub fn attach(mut self, attachment: &Attachment) -> Self {
        // It is text and numbers: there is nothing that cannot be written.
        self.params.attachments.extend(to_raw_value(attachment));
        self
    }

    /// Attaches anything else: an object with a `type` of the CLI's. The CLI does not refuse a path that does not exist.
    pub fn attachment(mut self, attachment: &impl Serialize) -> Result<Self, SessionError> {
        let raw = serde_json::value::to_raw_value(attachment)
            .map_err(|error| SessionError::invalid("attachment", error.to_string()))?;
        self.params.attachments.push(raw);
        Ok(self)
    }

    /// The trace that the work on it belongs to.
    #[must_use]
    pub fn trace(mut self, context: TraceContext) -> Self {
        self.params.traceparent = Some(context.traceparent);
        self.params.tracestate = context.tracestate;
        self
    }

    /// The trace that the caller is in, unless the message says so itself.
    pub(crate) fn traced(self, source: Option<&Tracing>) -> Self {
        match source.filter(|_| self.params.traceparent.is_none()).and_then(|source| (source.0)()) {
            Some(context) => self.trace(context),
            None => self,
        }
    }

    pub(crate) fn into_params(mut self, session_id: &str) -> SessionSendParams {
        session_id.clone_into(&mut self.params.session_id);
        self.params
    }
}

impl From<&str> for Message {
    fn from(prompt: &str) -> Self {
        Self::text(prompt)
    }
}

impl From<String> for Message {
    fn from(prompt: String) -> Self {
        Self::text(prompt)
    }
}
