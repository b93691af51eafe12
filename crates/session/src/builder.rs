//! Setting a client up.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use groundlink_transport::{ChildPeer, CliUrl, CloseReason, Peer, PeerBuilder, StopPolicy, child, tcp};
use secrecy::SecretString;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::SessionError;
use crate::cli::CliCommand;
use crate::client::{Client, ClientInner};
use crate::fs::{KeptFiles, SessionFs, SessionFsConfig};
use crate::handshake::{ServerInfo, shake_hands};
use crate::launch::{self, LogLevel, MissionControl};
use crate::router::Router;
use crate::sharing::Sharer;

/// How long the CLI may take to its first answer. The first start ever unpacks some hundred megabytes.
const START: Duration = Duration::from_mins(1);
/// Variables in which a caller may hand the CLI a GitHub token.
const GITHUB_TOKENS: [&str; 3] = ["GH_TOKEN", "GITHUB_TOKEN", "COPILOT_GITHUB_TOKEN"];

/// What a client is made of. By default: the installed CLI as a child process, signed in as its user is.
#[derive(Debug, Clone)]
pub struct ClientBuilder {
    pub(crate) cli: Option<CliCommand>,
    pub(crate) cli_url: Option<String>,
    pub(crate) connection_token: Option<SecretString>,
    pub(crate) github_token: Option<SecretString>,
    pub(crate) auto_login: Option<bool>,
    /// `None` takes a variable away.
    pub(crate) env: BTreeMap<OsString, Option<OsString>>,
    pub(crate) home: Option<PathBuf>,
    pub(crate) log_level: Option<LogLevel>,
    pub(crate) working_directory: Option<PathBuf>,
    pub(crate) offline: bool,
    pub(crate) remote: bool,
    pub(crate) mission_control: Option<MissionControl>,
    pub(crate) start_timeout: Duration,
    pub(crate) session_fs: Option<KeptFiles>,
    pub(crate) sharer: Option<Arc<dyn Sharer>>,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            cli: None,
            cli_url: None,
            connection_token: None,
            github_token: None,
            auto_login: None,
            env: BTreeMap::new(),
            home: None,
            log_level: None,
            working_directory: None,
            offline: false,
            remote: false,
            mission_control: None,
            start_timeout: START,
            session_fs: None,
            sharer: None,
        }
    }
}

impl ClientBuilder {
    /// The CLI to start. By default [`CliCommand::find`].
    #[must_use]
    pub fn cli(mut self, cli: CliCommand) -> Self {
        self.cli = Some(cli);
        self
    }

    /// A server that runs already (`copilot --headless --port N`), as `PORT`, `HOST:PORT` or
    /// `http://HOST:PORT`. What concerns starting a CLI is then ignored, and so is
    /// [`remote`](Self::remote), with a warning: others may use that server.
    #[must_use]
    pub fn cli_url(mut self, url: impl Into<String>) -> Self {
        self.cli_url = Some(url.into());
        self
    }

    /// The secret of the server at [`cli_url`](Self::cli_url), if it has one.
    #[must_use]
    pub fn connection_token(mut self, token: SecretString) -> Self {
        self.connection_token = Some(token);
        self
    }

    /// A GitHub token for the CLI. It travels in the child's environment, never in its arguments.
    #[must_use]
    pub fn github_token(mut self, token: SecretString) -> Self {
        self.github_token = Some(token);
        self
    }

    /// Whether the CLI may use the account that is signed in on this machine. By default yes, unless
    /// a token is given.
    #[must_use]
    pub fn auto_login(mut self, on: bool) -> Self {
        self.auto_login = Some(on);
        self
    }

    /// Sets a variable for the CLI.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.insert(name.as_ref().to_owned(), Some(value.as_ref().to_owned()));
        self
    }

    /// Takes a variable of this process away from the CLI.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.env.insert(name.as_ref().to_owned(), None);
        self
    }

    /// The CLI's state directory (`COPILOT_HOME`): sessions, settings, logs.
    #[must_use]
    pub fn home(mut self, path: impl Into<PathBuf>) -> Self {
        self.home = Some(path.into());
        self
    }

    /// How much the CLI writes to its own log files.
    #[must_use]
    pub fn log_level(mut self, level: LogLevel) -> Self {
        self.log_level = Some(level);
        self
    }

    /// The directory the CLI is started in, and that of sessions which name none.
    #[must_use]
    pub fn working_directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.working_directory = Some(path.into());
        self
    }

    /// Keeps the CLI from GitHub: no account and no model of GitHub's. Each session has to bring its
    /// own [`Provider`](crate::Provider) and model.
    #[must_use]
    pub fn offline(mut self, on: bool) -> Self {
        self.offline = on;
        self
    }

    /// Shares every session of this client, always: each is enabled in the background right after
    /// it was created or resumed, and its link comes in a `session.info` event. A session that cannot be
    /// shared (nobody signed in) goes on unshared.
    #[must_use]
    pub fn remote(mut self, on: bool) -> Self {
        self.remote = on;
        self
    }

    /// Where sessions are shared to instead of GitHub.
    #[must_use]
    pub fn mission_control(mut self, to: MissionControl) -> Self {
        self.mission_control = Some(to);
        self
    }

    /// Keeps the files of all sessions in this program instead of in the CLI's home.
    #[must_use]
    pub fn session_fs(mut self, config: SessionFsConfig, fs: impl SessionFs) -> Self {
        self.session_fs = Some(KeptFiles { config, fs: Arc::new(fs) });
        self
    }

    /// How long the CLI may take to its first answer. Default one minute.
    #[must_use]
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.start_timeout = timeout;
        self
    }

    /// Starts the CLI, or connects to it, and checks that it speaks our protocol. Needs a tokio runtime.
    pub async fn start(mut self) -> Result<Client, SessionError> {
        let router = Arc::new(Router::default());
        let builder = router.wire(PeerBuilder::new());
        let Some(url) = self.cli_url.take() else {
            let cli = self.cli.take().map_or_else(CliCommand::find, Ok)?;
            let command = launch::command(&self, &cli)?;
            self.cli = Some(cli);
            let started = child::spawn(command, StopPolicy::default(), builder);
            return self.started(router, started.map_err(launch::not_spawned)?).await;
        };
        let url = CliUrl::parse(&url)?;
        if self.remote && self.sharer.is_none() {
            tracing::warn!(
                "remote(true) is ignored with cli_url: others may use that server. Enable remote control on \
                 each session instead"
            );
        }
        if self.mission_control.is_some() && self.sharer.is_none() {
            tracing::warn!("mission_control is ignored with cli_url: the server's own environment decides");
        }
        let peer = tcp::connect(&url, self.start_timeout, builder).await?;
        // Others may use that server: what is shared is decided there.
        self.remote &= self.sharer.is_some();
        self.connected(router, peer).await
    }

    /// Does the same over a connection of the caller's own making, with the CLI at its other end.
    pub async fn start_on(
        self,
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Client, SessionError> {
        let router = Arc::new(Router::default());
        let peer = router.wire(PeerBuilder::new()).build(reader, writer);
        self.connected(router, peer).await
    }

    async fn started(self, router: Arc<Router>, child: ChildPeer) -> Result<Client, SessionError> {
        let error = match self.introduce(&router, child.peer()).await {
            Ok(server) => {
                let peer = child.peer().clone();
                return Ok(assemble(router, peer, Some(child), server, &self));
            }
            Err(error) => error,
        };
        let (reason, stderr) = match error {
            SessionError::Closed { reason: CloseReason::Exited(exit) } => match exit.status {
                Some(status) => (format!("it ended at once ({status})"), exit.output),
                None => ("it closed its output".to_owned(), exit.output),
            },
            SessionError::Timeout { after, .. } => (format!("it gave no answer within {after:?}"), child.output_tail()),
            other => return Err(other),
        };
        let program = self.cli.as_ref().map_or_else(|| "copilot".into(), |cli| cli.program().to_owned());
        Err(SessionError::StartFailed { program, reason, stderr })
    }

    async fn connected(self, router: Arc<Router>, peer: Peer) -> Result<Client, SessionError> {
        let server = self.introduce(&router, &peer).await?;
        Ok(assemble(router, peer, None, server, &self))
    }

    /// What the CLI is told and nobody else is to see.
    fn secrets(&self) -> Vec<SecretString> {
        let control = self.mission_control.as_ref().map(|to| &to.access_token);
        let mut secrets: Vec<_> = [self.github_token.as_ref(), self.connection_token.as_ref(), control]
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        let tokens = self.env.iter().filter(|(name, _)| GITHUB_TOKENS.iter().any(|known| name == known));
        secrets.extend(tokens.filter_map(|(_, value)| value.as_ref()?.to_str().map(SecretString::from)));
        secrets
    }

    async fn introduce(&self, router: &Router, peer: &Peer) -> Result<ServerInfo, SessionError> {
        // Only the first peer of a router is ever set.
        let _ = router.peer.set(peer.downgrade());
        let server = shake_hands(peer, self.connection_token.as_ref(), self.start_timeout).await;
        let server = match (server, &self.session_fs) {
            (Ok(server), Some(kept)) => kept.offer(router, peer).await.map(|()| server),
            (server, _) => server,
        };
        match &server {
            Ok(server) => tracing::debug!(version = ?server.version, "connected to the CLI"),
            Err(_) => peer.close(),
        }
        server
    }
}

fn assemble(
    router: Arc<Router>,
    peer: Peer,
    child: Option<ChildPeer>,
    server: ServerInfo,
    builder: &ClientBuilder,
) -> Client {
    let child_is_ours = child.is_some();
    let (watched, sessions) = (peer.clone(), Arc::downgrade(&router));
    tokio::spawn(async move {
        let reason = watched.closed().await;
        tracing::debug!(%reason, "the connection to the CLI has ended");
        if let Some(router) = sessions.upgrade() {
            router.close();
        }
    });
    Client {
        inner: Arc::new(ClientInner {
            peer,
            child,
            router,
            server,
            always_remote: builder.remote,
            exports_to: builder.exports_to(child_is_ours),
            sharer: builder.sharer.clone(),
            secrets: builder.secrets(),
            stopped: tokio::sync::Mutex::new(false),
        }),
    }
}
