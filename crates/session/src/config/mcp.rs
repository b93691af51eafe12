//! Servers of the Model Context Protocol.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{SessionConfig, raw};
use crate::SessionError;

mod server;

use super::fields;
pub use server::McpServer;

fields! {
    /// Does without these servers, wherever they are configured.
    list disabled_mcp_servers;

    /// Where the tokens of MCP servers are kept: `persistent` or `in-memory`.
    text mcp_o_auth_token_storage;

    /// The address of this program's client metadata, for logins at MCP servers.
    text auth_client_id_metadata_url;

    /// Which tools of GitHub's own MCP server there are; the shape is the CLI's own.
    json github_mcp_tool_config;
}

impl SessionConfig {
    /// Connects servers of the Model Context Protocol, by name. The agent knows their tools as `NAME-TOOL`.
    pub fn mcp_servers<N: Into<String> + Serialize>(
        mut self,
        servers: impl IntoIterator<Item = (N, McpServer)>,
    ) -> Result<Self, SessionError> {
        let servers: BTreeMap<String, McpServer> =
            servers.into_iter().map(|(name, server)| (name.into(), server)).collect();
        for (name, server) in &servers {
            server.check(name)?;
        }
        self.mcp_secrets.extend(servers.values().flat_map(McpServer::secrets));
        self.params.mcp_servers = Some(raw("mcp_servers", &servers)?);
        Ok(self)
    }
}
