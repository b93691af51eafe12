//! What a tool is told.

use std::sync::Arc;

use groundlink_protocol::types::SessionLogParams;
use groundlink_protocol::{Method as _, RawJson, methods};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::SessionError;
use crate::line::Line;
use crate::telemetry::TraceContext;

/// One call of a tool.
#[derive(Clone)]
#[non_exhaustive]
pub struct ToolCall {
    /// The session it comes from.
    pub session_id: String,
    /// The request's id, for answering by call.
    pub request_id: String,
    /// The id that the call has in the conversation, as in `tool.execution_start`.
    pub tool_call_id: String,
    /// The tool's name.
    pub tool_name: String,
    /// The arguments, as the model wrote them: nobody has compared them with the schema.
    pub arguments: RawJson,
    /// The directory the agent works in, where the CLI says.
    pub working_directory: Option<String>,
    /// The sub-agent that calls; `None` for the main agent, and where it is not known.
    pub agent_id: Option<String>,
    /// The CLI's span that the call is part of, where [telemetry](crate::ClientBuilder::telemetry) is on: the parent of
    /// whatever span the tool begins.
    pub trace: Option<TraceContext>,
    pub(crate) line: Arc<Line>,
}

impl ToolCall {
    /// The arguments, read as `T`. The error is for the model: it says what did not fit.
    pub fn arguments<T: DeserializeOwned>(&self) -> Result<T, SessionError> {
        serde_json::from_str(self.arguments.get())
            .map_err(|error| SessionError::invalid("arguments", format!("{error}; call again with others")))
    }

    /// Says how far it has come: a line in the session's timeline, and a `session.info` event for everybody who watches.
    /// It is not stored and the model does not see it.
    ///
    /// The CLI (1.0.102) has no other progress for tools of a client: the partial results and progress events of its
    /// own tools cannot be sent by one.
    pub async fn progress(&self, text: impl Into<String>) -> Result<(), SessionError> {
        let method = methods::SessionLog::NAME;
        let failed = |error| SessionError::from_call(method, Some(&self.session_id), error);
        let mut params = SessionLogParams::new(self.session_id.as_str(), text);
        params.ephemeral = Some(true);
        self.line.call::<serde_json::Value>(method, &params).await.map(drop).map_err(failed)
    }
}

impl std::fmt::Debug for ToolCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ToolCall")
            .field("tool", &self.tool_name)
            .field("session", &self.session_id)
            .field("request", &self.request_id)
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}

/// A tool without parameters may come without arguments.
pub(crate) fn no_arguments() -> RawJson {
    RawValue::from_string("{}".to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
