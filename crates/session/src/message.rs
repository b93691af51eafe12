//! What is sent to the agent.

use groundlink_protocol::types::{AgentMode, SendMode, SessionSendParams};
use serde::Serialize;

use crate::SessionError;

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

    /// Whether it waits for the running turn to end (`Enqueue`, the default) or steers it
    /// (`Immediate`).
    #[must_use]
    pub fn mode(mut self, mode: SendMode) -> Self {
        self.params.mode = Some(mode);
        self
    }

    /// The mode the agent should be in for this message.
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

    /// Attaches something: an object with a `type` such as `file`, `directory` or `blob`. The CLI
    /// does not refuse a path that does not exist.
    pub fn attachment(mut self, attachment: &impl Serialize) -> Result<Self, SessionError> {
        let raw = serde_json::value::to_raw_value(attachment)
            .map_err(|error| SessionError::invalid("attachment", error.to_string()))?;
        self.params.attachments.push(raw);
        Ok(self)
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
