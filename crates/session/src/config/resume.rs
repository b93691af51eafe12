//! What only a resumed session has, and what only a new one has.

use serde::Serialize;
use serde_json::{Value, json};

use super::SessionConfig;
use crate::SessionError;

/// What only `session.resume` takes.
#[derive(Debug, Clone, Default)]
pub(super) struct ResumeOptions {
    quietly: Option<bool>,
    continue_pending_work: Option<bool>,
    allow_transcript_recovery: Option<bool>,
    open_canvases: Option<Value>,
}

/// What only `session.create` takes.
const ONLY_NEW: [&str; 4] = ["name", "cloud", "refreshCustomInstructions", "trustWorkingDirectory"];

impl SessionConfig {
    /// Writes no `session.resume` event. Only for [`resume_session`](crate::Client::resume_session).
    #[must_use]
    pub fn resume_quietly(mut self, quietly: bool) -> Self {
        self.resume.quietly = Some(quietly);
        self
    }

    /// Whether work that was under way goes on: tool calls and permissions that were open stay open, for the handlers
    /// of this client. Only for [`resume_session`](crate::Client::resume_session).
    #[must_use]
    pub fn continue_pending_work(mut self, go_on: bool) -> Self {
        self.resume.continue_pending_work = Some(go_on);
        self
    }

    /// Whether a damaged file of events may be mended. Only for [`resume_session`](crate::Client::resume_session).
    #[must_use]
    pub fn allow_transcript_recovery(mut self, allow: bool) -> Self {
        self.resume.allow_transcript_recovery = Some(allow);
        self
    }

    /// Canvases that are open at this client. Only for [`resume_session`](crate::Client::resume_session).
    pub fn open_canvases<T: Serialize>(mut self, canvases: &[T]) -> Result<Self, SessionError> {
        let value = serde_json::to_value(canvases);
        let invalid = |error: serde_json::Error| SessionError::invalid("open_canvases", error.to_string());
        self.resume.open_canvases = Some(value.map_err(invalid)?);
        Ok(self)
    }

    /// The params of `session.create`, or those of `session.resume`, which lacks a few and has others. Without an id the
    /// server chooses one.
    pub(crate) fn params_for(&mut self, id: Option<&str>, create: bool) -> Result<Value, SessionError> {
        self.params.session_id = id.map(str::to_owned);
        if let (Some(provider), true) = (&mut self.params.provider, self.handlers.provider_tokens.contains_key("")) {
            provider.has_bearer_token_provider = Some(true);
        }
        for provider in &mut self.params.providers {
            if self.handlers.provider_tokens.contains_key(&provider.name) {
                provider.has_bearer_token_provider = Some(true);
            }
        }
        let invalid = |error: serde_json::Error| SessionError::invalid("config", error.to_string());
        let mut params = serde_json::to_value(&self.params).map_err(invalid)?;
        let Some(fields) = params.as_object_mut() else { return Ok(params) };
        if self.given.contains("available_tools") && self.params.available_tools.is_empty() {
            // Left out, it would mean all.
            fields.insert("availableTools".to_owned(), json!([]));
        }
        if create {
            return Ok(params);
        }
        for name in ONLY_NEW {
            fields.remove(name);
        }
        let options = [
            ("disableResume", self.resume.quietly),
            ("continuePendingWork", self.resume.continue_pending_work),
            ("allowTranscriptRecovery", self.resume.allow_transcript_recovery),
        ];
        for (name, value) in options {
            if let Some(value) = value {
                fields.insert(name.to_owned(), json!(value));
            }
        }
        if let Some(canvases) = &self.resume.open_canvases {
            fields.insert("openCanvases".to_owned(), canvases.clone());
        }
        Ok(params)
    }

    /// The params of `session.resume` with which a client that has come back goes on: the log need not say that it had
    /// to.
    pub(crate) fn params_to_return(&mut self, id: &str) -> Result<Value, SessionError> {
        let mut params = self.params_for(Some(id), false)?;
        for option in ["disableResume", "continuePendingWork"] {
            params[option] = true.into();
        }
        Ok(params)
    }
}
