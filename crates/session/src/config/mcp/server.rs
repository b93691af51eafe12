//! One server of the Model Context Protocol.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::SessionError;
use crate::address;
use crate::secrets::secrets_among;

/// A server of the Model Context Protocol.
///
/// ```
/// use groundlink_session::{McpServer, SessionConfig};
///
/// let files = McpServer::stdio("mcp-files", ["--read-only"]).env("ROOT", "/srv");
/// let config = SessionConfig::new().mcp_servers([("files", files)])?;
/// # Ok::<(), groundlink_session::SessionError>(())
/// ```
#[derive(Debug, Clone)]
pub struct McpServer {
    kind: Kind,
    tools: Option<Vec<String>>,
    timeout: Option<Duration>,
    more: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Clone)]
enum Kind {
    Stdio { command: String, args: Vec<String>, env: BTreeMap<String, SecretString>, cwd: Option<String> },
    Remote { kind: &'static str, url: String, headers: BTreeMap<String, SecretString> },
}

impl McpServer {
    /// A program that speaks over its standard input and output.
    pub fn stdio<T: Into<String>>(command: impl Into<String>, args: impl IntoIterator<Item = T>) -> Self {
        let args = args.into_iter().map(Into::into).collect();
        Self::new(Kind::Stdio { command: command.into(), args, env: BTreeMap::new(), cwd: None })
    }

    /// A server that speaks over HTTP; its address begins with `http://` or `https://`, which
    /// [`mcp_servers`](crate::SessionConfig::mcp_servers) sees to.
    pub fn http(url: impl Into<String>) -> Self {
        Self::new(Kind::Remote { kind: "http", url: url.into(), headers: BTreeMap::new() })
    }

    /// A server that speaks over HTTP with server-sent events, as older ones do.
    pub fn sse(url: impl Into<String>) -> Self {
        Self::new(Kind::Remote { kind: "sse", url: url.into(), headers: BTreeMap::new() })
    }

    fn new(kind: Kind) -> Self {
        Self { kind, tools: None, timeout: None, more: BTreeMap::new() }
    }

    /// Sets an environment variable of the program. Of no use for a server with an address. A bridge blanks the value
    /// where the name says that it is a credential ([`secrets_among`](crate::secrets_among)).
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        if let Kind::Stdio { env, .. } = &mut self.kind {
            env.insert(name.into(), SecretString::from(value.into()));
        }
        self
    }

    /// The program's working directory. Of no use for a server with an address.
    #[must_use]
    pub fn working_directory(mut self, path: impl Into<String>) -> Self {
        if let Kind::Stdio { cwd, .. } = &mut self.kind {
            *cwd = Some(path.into());
        }
        self
    }

    /// A header for every request, such as a token. Of no use for a program.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: &SecretString) -> Self {
        if let Kind::Remote { headers, .. } = &mut self.kind {
            headers.insert(name.into(), value.clone());
        }
        self
    }

    /// Which of its tools there are; by default all.
    #[must_use]
    pub fn tools<T: Into<String>>(mut self, tools: impl IntoIterator<Item = T>) -> Self {
        self.tools = Some(tools.into_iter().map(Into::into).collect());
        self
    }

    /// How long a call of one of its tools may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets any field by its name on the wire, for what has no method here, such as `oauthScopes` or `excludeTools`.
    /// Nothing secret: it may be shown when the configuration is logged.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.more.insert(name.into(), value.into());
        self
    }

    pub(super) fn check(&self, name: &str) -> Result<(), SessionError> {
        if name.is_empty() {
            return Err(SessionError::invalid("mcp_servers", "a server's name is empty"));
        }
        match &self.kind {
            Kind::Stdio { command, .. } if command.trim().is_empty() => {
                Err(SessionError::invalid("mcp_servers", format!("`{name}` has no command")))
            }
            Kind::Remote { url, .. } => address::check(url)
                .map_err(|reason| SessionError::invalid("mcp_servers", format!("the address of `{name}` {reason}"))),
            Kind::Stdio { .. } => Ok(()),
        }
    }

    pub(in crate::config) fn secrets(&self) -> Vec<SecretString> {
        match &self.kind {
            Kind::Stdio { env, .. } => secrets_among(env.iter().map(|(name, value)| (name, value.expose_secret()))),
            Kind::Remote { headers, .. } => headers.values().cloned().collect(),
        }
    }
}

fn exposed(values: &BTreeMap<String, SecretString>) -> BTreeMap<&str, &str> {
    values.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect()
}

impl Serialize for McpServer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.kind {
            Kind::Stdio { command, args, env, cwd } => {
                map.serialize_entry("type", "stdio")?;
                map.serialize_entry("command", command)?;
                map.serialize_entry("args", args)?;
                if !env.is_empty() {
                    map.serialize_entry("env", &exposed(env))?;
                }
                if let Some(cwd) = cwd {
                    map.serialize_entry("cwd", cwd)?;
                }
            }
            Kind::Remote { kind, url, headers } => {
                map.serialize_entry("type", kind)?;
                map.serialize_entry("url", url)?;
                if !headers.is_empty() {
                    map.serialize_entry("headers", &exposed(headers))?;
                }
            }
        }
        // Without the field, older versions take none.
        map.serialize_entry("tools", self.tools.as_deref().unwrap_or(&["*".to_owned()]))?;
        if let Some(timeout) = self.timeout {
            map.serialize_entry("timeout", &u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX))?;
        }
        for (name, value) in &self.more {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
