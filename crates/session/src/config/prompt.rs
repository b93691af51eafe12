//! What the model is told.

use super::{SessionConfig, raw};
use crate::SessionError;
use crate::serve;

mod system_message;

use super::fields;
pub use system_message::{SectionAction, SystemMessage};

fields! {
    /// Instructions of the organisation's for the model.
    text organization_custom_instructions;

    /// Directories with more instructions for the model.
    paths instruction_directories;

    /// Whether instructions are read again rather than taken from the cache.
    flag refresh_custom_instructions;

    /// Whether instructions beside files are found as the agent comes to those files.
    flag enable_on_demand_instruction_discovery;
}

impl SessionConfig {
    /// Whether the instructions of files (`AGENTS.md` and the like) are left out.
    ///
    /// The CLI's schema has this for a session that runs only; CLI 1.0.102 takes it from the start.
    #[must_use]
    pub fn skip_custom_instructions(self, skip: bool) -> Self {
        self.extra("skipCustomInstructions", skip)
    }

    /// Whether the agent is told to name Copilot as a co-author of its commits.
    ///
    /// The CLI's schema has this for a session that runs only; CLI 1.0.102 takes it from the start.
    #[must_use]
    pub fn coauthor(self, on: bool) -> Self {
        self.extra("coauthorEnabled", on)
    }

    /// Changes the system message.
    pub fn system_message(mut self, message: &SystemMessage) -> Result<Self, SessionError> {
        message.check()?;
        self.handlers.transforms = message.transforms.clone();
        self.handlers.serves.insert(serve::TRANSFORM, serve::transform);
        self.params.system_message = Some(raw("system_message", message)?);
        Ok(self)
    }
}
