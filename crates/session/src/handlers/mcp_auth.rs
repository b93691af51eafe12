//! Signing in to MCP servers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

use super::bound::{Asked, Bound, bind};
use super::closure::by_closure;

/// An MCP server wants somebody to be signed in.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct McpAuthAsk {
    /// The session.
    #[serde(skip)]
    pub session_id: String,
    /// The request's id.
    pub request_id: String,
    /// The server, as the session's configuration calls it.
    pub server_name: String,
    /// Its address.
    pub server_url: String,
    /// Why now: `initial`, `refresh`, `reauth`, `upscope`.
    #[serde(default)]
    pub reason: String,
    /// What the server says of whom it trusts: the JSON text of its OAuth 2.0 Protected Resource Metadata (RFC 9728).
    pub resource_metadata: Option<String>,
    /// What it said in `WWW-Authenticate`.
    #[serde(rename = "wwwAuthenticateParams")]
    pub challenge: Option<McpChallenge>,
    /// The OAuth client that the session's configuration names for it.
    #[serde(rename = "staticClientConfig")]
    pub client: Option<McpOauthClient>,
    /// Whether [`McpAuthAnswer::RuntimeRefresh`] is an answer.
    #[serde(default)]
    pub runtime_refresh_supported: bool,
}

/// What a server said in `WWW-Authenticate`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct McpChallenge {
    /// What was wrong with the token.
    pub error: Option<String>,
    /// Where its metadata is.
    pub resource_metadata_url: Option<String>,
    /// What the token must be good for.
    pub scope: Option<String>,
}

/// An OAuth client.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct McpOauthClient {
    /// Its id.
    pub client_id: String,
    /// Its secret.
    #[serde(default, deserialize_with = "secret")]
    pub client_secret: Option<SecretString>,
    /// How it gets tokens, where that is not by a browser.
    pub grant_type: Option<String>,
    /// What tokens are to be good for.
    pub scope: Option<String>,
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(SecretString::from))
}

/// What becomes of it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum McpAuthAnswer {
    /// Somebody is signed in.
    Token(McpToken),
    /// Nobody signs in; the server's tools stay away.
    Cancelled,
    /// The CLI is to renew the token that it has. Only where the request says that it can.
    RuntimeRefresh,
}

/// An access token for an MCP server.
#[derive(Debug, Clone)]
pub struct McpToken {
    pub(crate) token: SecretString,
    pub(crate) token_type: Option<String>,
    pub(crate) expires_in: Option<Duration>,
}

impl McpToken {
    /// A bearer token of which nobody knows how long it is good.
    pub fn new(token: SecretString) -> Self {
        Self { token, token_type: None, expires_in: None }
    }

    /// How long it is good.
    #[must_use]
    pub fn expires_in(mut self, time: Duration) -> Self {
        self.expires_in = Some(time);
        self
    }

    /// Another type than `Bearer`.
    #[must_use]
    pub fn token_type(mut self, kind: impl Into<String>) -> Self {
        self.token_type = Some(kind.into());
        self
    }
}

impl From<McpToken> for McpAuthAnswer {
    fn from(token: McpToken) -> Self {
        Self::Token(token)
    }
}

impl From<Option<McpToken>> for McpAuthAnswer {
    fn from(token: Option<McpToken>) -> Self {
        token.map_or(Self::Cancelled, Self::Token)
    }
}

/// Signs in to MCP servers. One that panics or is past its [deadline](crate::Deadlines) has not signed in.
#[async_trait]
pub trait McpAuthHandler: Send + Sync + 'static {
    /// Gets a token, perhaps by sending somebody to a page.
    async fn sign_in(&self, ask: McpAuthAsk) -> McpAuthAnswer;
}

impl dyn McpAuthHandler {
    pub(crate) fn bound(self: Arc<Self>) -> Bound<McpAuthAnswer> {
        bind(self, McpAuthAsk::read, |handler, ask| handler.sign_in(ask))
    }
}

impl McpAuthAsk {
    fn read(asked: Asked) -> Option<Self> {
        let ask: Self = serde_json::from_str(asked.event.data_raw().get()).ok()?;
        Some(Self { session_id: asked.session_id, ..ask })
    }
}

by_closure!(McpAuthHandler.sign_in: McpAuthAsk => A where A: Into<McpAuthAnswer>);
