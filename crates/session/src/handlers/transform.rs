//! Sections of the system message that a program makes.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::closure::by_closure;

/// A section of the system message.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SectionText {
    /// The session.
    pub session_id: String,
    /// The section's id.
    pub id: String,
    /// What the CLI has made of it.
    pub content: String,
}

/// Makes a section of the system message. One that panics or is late leaves the section as it is.
#[async_trait]
pub trait SectionTransform: Send + Sync + 'static {
    /// What the section is to be.
    async fn transform(&self, section: SectionText) -> String;
}

by_closure!(SectionTransform.transform: SectionText => String);

/// A session's transforms by section.
#[derive(Clone, Default)]
pub(crate) struct Transforms(pub(crate) BTreeMap<String, Arc<dyn SectionTransform>>);

impl std::fmt::Debug for Transforms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
