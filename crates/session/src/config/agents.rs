//! Agents, skills and plugins.

use groundlink_protocol::types::DefaultAgent;

use super::{SessionConfig, raw};
use crate::SessionError;

mod custom;

use super::fields;
pub use custom::CustomAgent;

fields! {
    /// Whether only the agents of this configuration and of the directories are there, none of the organisation's.
    flag custom_agents_local_only;

    /// What is different for the main agent.
    typed default_agent: DefaultAgent;

    /// The custom agent that is active from the start.
    text agent;

    /// Directories with more custom agents.
    paths agent_directories;

    /// Directories with more skills.
    paths skill_directories;

    /// Does without these skills.
    list disabled_skills;

    /// Whether there are skills.
    flag enable_skills;

    /// Directories with plugins.
    paths plugin_directories;

    /// Directories with files of hooks.
    paths hook_directories;
}

impl SessionConfig {
    /// Does without the skills that the CLI brings itself.
    ///
    /// The CLI's schema has this for a session that runs only; CLI 1.0.102 takes it from the start.
    #[must_use]
    pub fn without_builtin_skills(self) -> Self {
        self.extra("includedBuiltinSkills", [(); 0])
    }

    /// Defines a custom agent, which the main agent can give work to.
    pub fn custom_agent(mut self, agent: &CustomAgent) -> Result<Self, SessionError> {
        self.params.custom_agents.push(raw("custom_agent", agent)?);
        self.mcp_secrets.extend(agent.secrets());
        Ok(self)
    }
}
