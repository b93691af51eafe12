//! Tokens that the CLI asks for when it needs them.

use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

use super::closure::by_closure;
use crate::SessionError;

/// The CLI needs a bearer token for a model provider.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ProviderTokenAsk {
    /// The session.
    pub session_id: String,
    /// The provider, where the CLI says.
    pub provider_name: Option<String>,
}

/// Gives bearer tokens for a model provider. One that fails, or is late, makes the CLI's request to the model fail.
#[async_trait]
pub trait ProviderTokenHandler: Send + Sync + 'static {
    /// A token that can be used now.
    async fn token(&self, ask: ProviderTokenAsk) -> Result<SecretString, String>;
}

by_closure!(ProviderTokenHandler.token: ProviderTokenAsk => Result<SecretString, E> where E: Display);

/// The CLI needs a GitHub token; the first time while the session is being made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GitHubTokenAsk {
    /// The session.
    pub session_id: String,
    /// The GitHub server.
    pub host: Option<String>,
    /// Whether it had one before.
    pub refresh: bool,
}

/// A GitHub token, and how long it can be used.
#[derive(Debug, Clone)]
pub struct GitHubToken {
    pub(crate) token: SecretString,
    pub(crate) expires_in: Duration,
}

impl GitHubToken {
    /// The CLI takes none that can be used for an hour or less.
    pub fn new(token: SecretString, expires_in: Duration) -> Result<Self, SessionError> {
        if expires_in <= Duration::from_hours(1) {
            let reason = format!("{expires_in:?} is too short for the CLI: it must be more than an hour");
            return Err(SessionError::invalid("expires_in", reason));
        }
        Ok(Self { token, expires_in })
    }
}

/// Gives GitHub tokens.
#[async_trait]
pub trait GitHubTokenHandler: Send + Sync + 'static {
    /// A token; `None`, a panic and a late answer tell the CLI that there is none.
    async fn token(&self, ask: GitHubTokenAsk) -> Option<GitHubToken>;
}

by_closure!(GitHubTokenHandler.token: GitHubTokenAsk => Option<GitHubToken>);
