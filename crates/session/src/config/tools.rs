//! The tools.

use groundlink_protocol::types::{ImageGeneration, LargeOutput, ToolSearchOptions};

use super::SessionConfig;
use super::fields;
use crate::Tool;

fields! {
    /// Takes these agents of the CLI's from the agent.
    list excluded_builtin_agents;

    /// Whether tools may be left out of the model's list until it searches for them.
    typed tool_search: ToolSearchOptions;

    /// What happens to a tool's output that is too large for the model.
    typed large_output: LargeOutput;

    /// Whether the agent can make pictures.
    typed image_generation: ImageGeneration;
}

impl SessionConfig {
    /// Offers a tool of this program's to the agent.
    #[must_use]
    pub fn tool(mut self, tool: Tool) -> Self {
        self.handlers.tools.add(&tool);
        self.params.tools.push(tool.wire);
        self
    }

    /// Offers tools of this program's to the agent.
    #[must_use]
    pub fn tools(self, tools: impl IntoIterator<Item = Tool>) -> Self {
        tools.into_iter().fold(self, Self::tool)
    }

    /// Restricts the agent to these tools; an empty list leaves it none.
    ///
    /// By name, or as `builtin:NAME`, `custom:NAME` (tools of programs) and `mcp:NAME`, with `*` for all of a kind. A
    /// `*` by itself is refused: the CLI takes it for a tool of that name.
    #[must_use]
    pub fn available_tools<T: Into<String>>(mut self, tools: impl IntoIterator<Item = T>) -> Self {
        self.params.available_tools = tools.into_iter().map(Into::into).collect();
        self.given.insert("available_tools");
        self
    }

    /// Takes these tools from the agent. They are named as in [`available_tools`](Self::available_tools).
    #[must_use]
    pub fn excluded_tools<T: Into<String>>(mut self, tools: impl IntoIterator<Item = T>) -> Self {
        self.params.excluded_tools = tools.into_iter().map(Into::into).collect();
        self
    }
}
