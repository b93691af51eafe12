//! Changes of the system message.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::SessionError;
use crate::handlers::{SectionTransform, Transforms};

/// Changes of the system message.
///
/// ```
/// use groundlink_session::{SectionAction, SessionConfig, SystemMessage};
///
/// let message = SystemMessage::customize()
///     .section("tone", SectionAction::Replace, "Speak like a pirate.")
///     .section("guidelines", SectionAction::Append, "Never delete files.");
/// let config = SessionConfig::new().system_message(&message)?;
/// # Ok::<(), groundlink_session::SessionError>(())
/// ```
#[derive(Debug, Clone, Serialize)]
pub struct SystemMessage {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    sections: BTreeMap<String, Section>,
    #[serde(skip)]
    pub(super) transforms: Transforms,
}

#[derive(Debug, Clone, Serialize)]
struct Section {
    action: SectionAction,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
}

/// What is done with a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SectionAction {
    /// The text takes its place.
    Replace,
    /// The text comes behind it.
    Append,
    /// The text comes before it.
    Prepend,
    /// It is left out; the text is not used.
    Remove,
    /// It stays as it is, whatever else changes; the text is not used.
    Preserve,
    /// A [handler](SystemMessage::transform) makes it; the text is not used.
    Transform,
}

impl SystemMessage {
    fn new(mode: &'static str, content: Option<String>) -> Self {
        Self { mode, content, sections: BTreeMap::new(), transforms: Transforms::default() }
    }

    /// The text comes behind the CLI's own.
    pub fn append(text: impl Into<String>) -> Self {
        Self::new("append", Some(text.into()))
    }

    /// The text takes the place of the CLI's own, its rules for safety with it.
    pub fn replace(text: impl Into<String>) -> Self {
        Self::new("replace", Some(text.into()))
    }

    /// The CLI's own, changed by [sections](Self::section).
    pub fn customize() -> Self {
        Self::new("customize", None)
    }

    /// Changes a section: `preamble`, `identity`, `tone`, `tool_efficiency`, `environment_context`,
    /// `code_change_rules`, `guidelines`, `safety`, `tool_instructions`, `custom_instructions`, `runtime_instructions` or
    /// `last_instructions`.
    #[must_use]
    pub fn section(mut self, id: impl Into<String>, action: SectionAction, text: impl Into<String>) -> Self {
        let content = (!matches!(action, SectionAction::Remove | SectionAction::Preserve | SectionAction::Transform))
            .then(|| text.into());
        self.sections.insert(id.into(), Section { action, content });
        self
    }

    /// Lets a handler make a section out of what the CLI has made of it.
    #[must_use]
    pub fn transform(mut self, id: impl Into<String>, handler: impl SectionTransform) -> Self {
        let id = id.into();
        self.transforms.0.insert(id.clone(), Arc::new(handler));
        self.section(id, SectionAction::Transform, "")
    }

    /// With sections: a text that comes behind everything.
    #[must_use]
    pub fn content(mut self, text: impl Into<String>) -> Self {
        self.content = Some(text.into());
        self
    }

    pub(super) fn check(&self) -> Result<(), SessionError> {
        if self.mode != "customize" && !self.sections.is_empty() {
            let reason = "sections are changed by `SystemMessage::customize`, not with `append` or `replace`";
            return Err(SessionError::invalid("system_message", reason));
        }
        Ok(())
    }
}
