//! Skills that this program gives the agent.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::Serialize;

/// A skill, as the agent sees it in its list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Skill {
    /// Its name, such as `release-notes`.
    pub name: String,
    /// What it is for: by this the model chooses it.
    pub description: String,
    /// What people may write behind its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argument_hint: Option<String>,
    /// A directory with more files of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Whether people can call it, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_invocable: Option<bool>,
    /// Whether only people can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_model_invocation: Option<bool>,
}

impl Skill {
    /// A skill by its name and what it is for.
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            argument_hint: None,
            directory: None,
            user_invocable: None,
            disable_model_invocation: None,
        }
    }

    /// Tells people what they may write behind its name.
    #[must_use]
    pub fn argument_hint(mut self, hint: impl Into<String>) -> Self {
        self.argument_hint = Some(hint.into());
        self
    }

    /// Names a directory with more files of it.
    #[must_use]
    pub fn directory(mut self, path: impl Into<String>) -> Self {
        self.directory = Some(path.into());
        self
    }

    /// Whether people can call it, too.
    #[must_use]
    pub fn user_invocable(mut self, on: bool) -> Self {
        self.user_invocable = Some(on);
        self
    }

    /// Whether only people can.
    #[must_use]
    pub fn disable_model_invocation(mut self, on: bool) -> Self {
        self.disable_model_invocation = Some(on);
        self
    }
}

/// Gives skills. [`SessionConfig::skill`](crate::SessionConfig::skill) is the short form, for skills that stand in the
/// program.
///
/// One that fails, panics or is past its [deadline](crate::Deadlines) has no skills, and no text for one.
#[async_trait]
pub trait SkillProvider: Send + Sync + 'static {
    /// What there is. Asked when the first message is sent.
    async fn list(&self, session_id: &str) -> Result<Vec<Skill>, String>;
    /// A skill's text, in Markdown with a header as in a `SKILL.md`; `None` where there is none of that name.
    async fn read(&self, session_id: &str, name: &str) -> Result<Option<String>, String>;
}

/// Skills that stand in the program.
#[derive(Debug, Clone, Default)]
pub(crate) struct FixedSkills(BTreeMap<String, (Skill, String)>);

impl FixedSkills {
    pub(crate) fn add(&mut self, skill: Skill, instructions: &str) {
        let quoted = serde_json::Value::from(skill.description.as_str());
        // A JSON string is one of YAML's.
        let text = format!("---\nname: {}\ndescription: {quoted}\n---\n{instructions}", skill.name);
        self.0.insert(skill.name.clone(), (skill, text));
    }
}

#[async_trait]
impl SkillProvider for FixedSkills {
    async fn list(&self, _session_id: &str) -> Result<Vec<Skill>, String> {
        Ok(self.0.values().map(|(skill, _)| skill.clone()).collect())
    }

    async fn read(&self, _session_id: &str, name: &str) -> Result<Option<String>, String> {
        Ok(self.0.get(name).map(|(_, text)| text.clone()))
    }
}
