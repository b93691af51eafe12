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
    /// Changes the system message.
    pub fn system_message(mut self, message: &SystemMessage) -> Result<Self, SessionError> {
        message.check()?;
        self.handlers.transforms = message.transforms.clone();
        self.handlers.serves.insert(serve::TRANSFORM, serve::transform);
        self.params.system_message = Some(raw("system_message", message)?);
        Ok(self)
    }
}
