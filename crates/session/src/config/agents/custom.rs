//! Custom agents.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::Serialize;

use crate::config::McpServer;

/// An agent of one's own, which the main agent can give work to.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomAgent {
    name: String,
    prompt: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Vec<String>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    mcp_servers: BTreeMap<String, McpServer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    infer: Option<bool>,
    /// The same the other way round: what CLI 1.0.102 reads. `infer` alone changes nothing there.
    #[serde(skip_serializing_if = "Option::is_none")]
    disable_model_invocation: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skills: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<String>,
}

impl CustomAgent {
    /// An agent by name and by what it is told.
    pub fn new(name: impl Into<String>, prompt: impl Into<String>) -> Self {
        Self { name: name.into(), prompt: prompt.into(), ..Self::default() }
    }

    /// Its name for people.
    #[must_use]
    pub fn display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = Some(name.into());
        self
    }

    /// What it is for: by this the main agent chooses it.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// The tools it has; by default all.
    #[must_use]
    pub fn tools<T: Into<String>>(mut self, tools: impl IntoIterator<Item = T>) -> Self {
        self.tools = Some(tools.into_iter().map(Into::into).collect());
        self
    }

    /// A server of the Model Context Protocol that only it has.
    #[must_use]
    pub fn mcp_server(mut self, name: impl Into<String>, server: McpServer) -> Self {
        self.mcp_servers.insert(name.into(), server);
        self
    }

    /// Whether the main agent may give it work by itself. It may by default.
    #[must_use]
    pub fn infer(mut self, infer: bool) -> Self {
        self.infer = Some(infer);
        self.disable_model_invocation = Some(!infer);
        self
    }

    /// Skills that it has read from the start.
    #[must_use]
    pub fn skills<T: Into<String>>(mut self, skills: impl IntoIterator<Item = T>) -> Self {
        self.skills = skills.into_iter().map(Into::into).collect();
        self
    }

    /// The model it uses.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// How hard its model thinks.
    #[must_use]
    pub fn reasoning_effort(mut self, effort: impl Into<String>) -> Self {
        self.reasoning_effort = Some(effort.into());
        self
    }

    pub(super) fn secrets(&self) -> impl Iterator<Item = SecretString> {
        self.mcp_servers.values().flat_map(McpServer::secrets)
    }
}
