//! Setting a client up.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use groundlink_protocol::types::ClientInfo;
use groundlink_transport::CliUrl;
use secrecy::SecretString;
use tokio::io::{AsyncRead, AsyncWrite};
use uuid::Uuid;

use crate::SessionError;
use crate::cli::CliCommand;
use crate::client::{Client, ClientInner};
use crate::connect::{Connector, Duplex, Plan, Way};
use crate::fs::{KeptFiles, SessionFs, SessionFsConfig};
use crate::handlers::{
    ClientHandlers, Confirming, Deadlines, ExtensionLauncher, HandlerKind, InstallationHandler, Launching,
    RequestHandler,
};
use crate::launch::{LogLevel, MissionControl, Variables};
use crate::line::Line;
use crate::models::{self, ModelRequestHandler, ModelRequests};
use crate::reconnect::Reconnect;
use crate::router::Router;
use crate::secrets::secrets_among;
use crate::sharing::Sharer;
use crate::telemetry::{Telemetry, TraceContext, Tracing};

/// How long the CLI may take to its first answer. The first start ever unpacks some hundred megabytes.
const START: Duration = Duration::from_mins(1);
const CONNECT: Duration = Duration::from_secs(10);
const STOP: Duration = Duration::from_secs(15);

/// What a client is made of. By default: the installed CLI as a child process, signed in as its user is.
#[derive(Debug, Clone)]
pub struct ClientBuilder {
    pub(crate) cli: Option<CliCommand>,
    pub(crate) cli_url: Option<String>,
    pub(crate) connection_token: Option<SecretString>,
    pub(crate) github_token: Option<SecretString>,
    pub(crate) auto_login: Option<bool>,
    pub(crate) env: Variables,
    pub(crate) home: Option<PathBuf>,
    pub(crate) log_level: Option<LogLevel>,
    pub(crate) working_directory: Option<PathBuf>,
    pub(crate) offline: bool,
    pub(crate) remote: bool,
    pub(crate) mission_control: Option<MissionControl>,
    pub(crate) server_port: Option<u16>,
    pub(crate) session_idle_timeout: Option<Duration>,
    pub(crate) start_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) call_timeout: Option<Duration>,
    pub(crate) stop_timeout: Duration,
    pub(crate) reconnect: Option<Reconnect>,
    pub(crate) session_fs: Option<KeptFiles>,
    pub(crate) sharer: Option<Arc<dyn Sharer>>,
    pub(crate) telemetry: Option<Telemetry>,
    pub(crate) trace_source: Option<Tracing>,
    pub(crate) client_info: Option<ClientInfo>,
    pub(crate) handlers: ClientHandlers,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            cli: None,
            cli_url: None,
            connection_token: None,
            github_token: None,
            auto_login: None,
            env: Variables::default(),
            home: None,
            log_level: None,
            working_directory: None,
            offline: false,
            remote: false,
            mission_control: None,
            server_port: None,
            session_idle_timeout: None,
            start_timeout: START,
            connect_timeout: CONNECT,
            call_timeout: None,
            stop_timeout: STOP,
            reconnect: None,
            session_fs: None,
            sharer: None,
            telemetry: None,
            trace_source: None,
            client_info: None,
            handlers: ClientHandlers::default(),
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

    /// A user's GitHub token for the CLI. It travels in the child's environment, never in its arguments. The installation
    /// token of an app (`ghs_...`) is given as `env("COPILOT_GITHUB_TOKEN", token)`.
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
        self.env.0.insert(name.as_ref().to_owned(), Some(value.as_ref().to_owned()));
        self
    }

    /// Takes a variable of this process away from the CLI.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.env.0.insert(name.as_ref().to_owned(), None);
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
        self.session_fs = Some(KeptFiles::new(config, Arc::new(fs)));
        self
    }

    /// Has the CLI export OpenTelemetry spans and metrics. Only for a CLI that this client starts: a server that runs
    /// already was told at its own start.
    #[must_use]
    pub fn telemetry(mut self, telemetry: Telemetry) -> Self {
        self.telemetry = Some(telemetry);
        self
    }

    /// Says which trace the work belongs to: asked, where the caller is, whenever a session is created or resumed and a
    /// message is sent, unless the [configuration](crate::SessionConfig::traceparent) or the
    /// [message](crate::Message::trace) says so itself. With it the CLI's spans are part of this program's own traces;
    /// the way back is [`ToolCall::trace`](crate::ToolCall). Must not block.
    ///
    /// ```
    /// use groundlink_session::{Client, TraceContext};
    ///
    /// // With the `opentelemetry` crate, a propagator writes this from the current context.
    /// let builder = Client::builder().trace_context(|| {
    ///     Some(TraceContext::new("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
    /// });
    /// ```
    #[must_use]
    pub fn trace_context(mut self, source: impl Fn() -> Option<TraceContext> + Send + Sync + 'static) -> Self {
        self.trace_source = Some(Tracing(Arc::new(source)));
        self
    }

    /// Says which program this is, and its version: the CLI counts what is done under that name. Without it, under its own.
    #[must_use]
    pub fn application(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        let info = self.client_info.get_or_insert_default();
        (info.editor_name, info.editor_version) = (Some(name.into()), Some(version.into()));
        self
    }

    /// Says which part of the program it is (an extension, a plug-in), and its version.
    #[must_use]
    pub fn integration(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        let info = self.client_info.get_or_insert_default();
        (info.extension_name, info.extension_version) = (Some(name.into()), Some(version.into()));
        self
    }

    /// Answers the CLI's requests to models in its place: for a model that lives in this program, for requests that are
    /// to be changed, counted or logged, or for a way out of the machine that only this program knows. The CLI then makes
    /// none of them itself, neither those of sessions with a [`Provider`](crate::Provider) nor those to GitHub. Among
    /// the clients of one server it is the last one that said so who is asked.
    ///
    /// ```
    /// use groundlink_session::{Client, ModelRequest, ModelResponse, SessionError};
    /// use serde_json::json;
    ///
    /// let builder = Client::builder().on_model_request(|request: ModelRequest| async move {
    ///     if request.path() != "/v1/chat/completions" {
    ///         return Ok(ModelResponse::new(404, ""));
    ///     }
    ///     let delta = json!({"choices": [{"index": 0, "delta": {"content": "Hello."}, "finish_reason": "stop"}]});
    ///     Ok::<_, SessionError>(ModelResponse::events(futures_util::stream::iter([delta.to_string(), "[DONE]".to_owned()])))
    /// });
    /// ```
    #[must_use]
    pub fn on_model_request(mut self, handler: impl ModelRequestHandler) -> Self {
        let handler: Arc<dyn ModelRequestHandler> = Arc::new(handler);
        self.handlers.models =
            Some(Arc::new(move |deadline, line| Arc::new(ModelRequests::new(Arc::clone(&handler), deadline, line))));
        self.offering(models::OFFER)
    }

    /// Lets people confirm what is to be installed or removed on behalf of this client. What the CLI can install, and
    /// whether, is its own business: the calls under [`rpc`](Client::rpc) say so.
    #[must_use]
    pub fn on_installation(self, handler: impl InstallationHandler) -> Self {
        self.answering("installations.confirm", HandlerKind::Installation, Confirming(handler))
    }

    /// Says how extensions are started, in place of the CLI.
    #[must_use]
    pub fn on_extension_launch(self, handler: impl ExtensionLauncher) -> Self {
        self.answering("extensionLaunchProvider.resolve", HandlerKind::ExtensionLaunch, Launching(handler))
            .offering("registerExtensionLaunchProvider")
    }

    /// Answers a method that the CLI calls and that has no handler of its own here, such as `tasks.cancel` or
    /// `workflow.execute`. Most of these the CLI calls only once it was told to, by a call under [`rpc`](Client::rpc).
    /// One that panics, or is past its [deadline](Self::deadlines), is answered with an error. What has a handler of its
    /// own is never given to this one.
    #[must_use]
    pub fn on_request(self, method: impl Into<String>, handler: impl RequestHandler) -> Self {
        self.answering(method, HandlerKind::Request, handler)
    }

    fn answering(mut self, method: impl Into<String>, kind: HandlerKind, handler: impl RequestHandler) -> Self {
        self.handlers.requests.insert(method.into(), (kind, Arc::new(handler)));
        self
    }

    fn offering(mut self, method: &'static str) -> Self {
        if !self.handlers.offers.contains(&method) {
            self.handlers.offers.push(method);
        }
        self
    }

    /// How long the handlers of the client itself may take, and the files of [`session_fs`](Self::session_fs).
    #[must_use]
    pub fn deadlines(mut self, deadlines: Deadlines) -> Self {
        self.handlers.deadlines = deadlines;
        self
    }

    /// How long the CLI may take to its first answer. Default one minute.
    #[must_use]
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.start_timeout = timeout;
        self
    }

    /// Starts the CLI as a server on a TCP port of this machine (0: any that is free) instead of on pipes. It asks for a
    /// secret that only this client knows, so that no other program of the machine can use it.
    #[must_use]
    pub fn tcp_server(mut self, port: u16) -> Self {
        self.server_port = Some(port);
        self
    }

    /// Sessions that nobody has used for so long are ended by the CLI (their files stay). By default it ends none.
    #[must_use]
    pub fn session_idle_timeout(mut self, idle: Duration) -> Self {
        self.session_idle_timeout = Some(idle);
        self
    }

    /// How long a connection over TCP, or one of [`start_with`](Self::start_with), may take to be made. Default 10 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long any call may take, the wait for a connection that is being restored included; it then fails with
    /// [`SessionError::Timeout`], and the CLI is told that nobody waits any more. By default a call may take as long as it
    /// likes: compacting a long history takes minutes.
    #[must_use]
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = Some(timeout);
        self
    }

    /// How long [`Client::stop`] may take in all, the end by force included. Default 15 s.
    #[must_use]
    pub fn stop_timeout(mut self, timeout: Duration) -> Self {
        self.stop_timeout = timeout;
        self
    }

    /// Comes back after the connection was lost, or the CLI died: starts it or connects again, resumes the sessions,
    /// hands their streams the events that were missed, and puts what is still open to the handlers. Calls that were
    /// pending fail with [`SessionError::Interrupted`]; new ones wait. Without this, a lost connection is the end.
    /// [`Client::connections`] tells of it.
    ///
    /// A turn that was running goes on only where the session was not alone: a CLI that dies takes it along, and a
    /// server (observed with 1.0.102) ends the turn of a session that no client has open any more. The session itself,
    /// and every event that was stored, is there again.
    #[must_use]
    pub fn reconnect(mut self, policy: Reconnect) -> Self {
        self.reconnect = Some(policy);
        self
    }

    /// Starts the CLI, or connects to it, and checks that it speaks our protocol. Needs a tokio runtime.
    pub async fn start(mut self) -> Result<Client, SessionError> {
        let way = self.way()?;
        self.start_over(way).await
    }

    fn way(&mut self) -> Result<Way, SessionError> {
        Ok(if let Some(url) = self.cli_url.take() {
            let url = CliUrl::parse(&url)?;
            if self.remote && self.sharer.is_none() {
                tracing::warn!(
                    "remote(true) is ignored with cli_url: others may use that server. Enable remote control on each \
                     session instead"
                );
            }
            if self.telemetry.is_some() {
                tracing::warn!("telemetry is ignored with cli_url: the server's own environment decides");
            }
            if self.mission_control.is_some() && self.sharer.is_none() {
                tracing::warn!("mission_control is ignored with cli_url: the server's own environment decides");
            }
            // Others may use that server: what is shared is decided there.
            self.remote &= self.sharer.is_some();
            Way::External(url)
        } else {
            let cli = self.cli.take().map_or_else(CliCommand::find, Ok)?;
            match self.server_port {
                Some(port) => {
                    let token = self.connection_token.get_or_insert_with(|| Uuid::new_v4().to_string().into());
                    Way::Server(cli, port, token.clone())
                }
                None => Way::Pipes(cli),
            }
        })
    }

    /// Does the same over a connection of the caller's own making, with the CLI at its other end. It cannot be made
    /// again: see [`start_with`](Self::start_with).
    pub async fn start_on(
        self,
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Client, SessionError> {
        let stream: Box<dyn Duplex> = Box::new(tokio::io::join(reader, writer));
        self.start_over(Way::Once(Mutex::new(Some(stream)))).await
    }

    /// Does the same over connections that `connector` makes: one now, and with [`reconnect`](Self::reconnect) another
    /// one whenever that is lost.
    pub async fn start_with<F, C, S>(self, connector: F) -> Result<Client, SessionError>
    where
        F: Fn() -> C + Send + Sync + 'static,
        C: Future<Output = std::io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let connector: Connector = Arc::new(move || {
            let connecting = connector();
            Box::pin(async move { connecting.await.map(|stream| Box::new(stream) as Box<dyn Duplex>) })
        });
        self.start_over(Way::Connector(connector)).await
    }

    /// In a box, so that it is compiled here and not again in every program.
    fn start_over(self, way: Way) -> BoxFuture<'static, Result<Client, SessionError>> {
        let secrets = self.secrets();
        let always_remote = self.remote;
        let handlers = self.handlers.clone();
        let plan = Arc::new(Plan { settings: self, way });
        let line = Line::new(plan.settings.call_timeout, plan.can_return());
        let router = Arc::new(Router::new(line, handlers));
        Box::pin(async move {
            let connection = plan.connect(&router).await?;
            router.line.up(&connection.peer);
            Ok(Client { inner: ClientInner::new(router, plan, connection, always_remote, secrets) })
        })
    }

    /// What the CLI is told and nobody else is to see.
    fn secrets(&self) -> Vec<SecretString> {
        let control = self.mission_control.as_ref().map(|to| &to.access_token);
        let mut secrets: Vec<_> = [self.github_token.as_ref(), self.connection_token.as_ref(), control]
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        let variables = self.env.0.iter();
        let variables = variables.filter_map(|(name, value)| Some((name.to_str()?, value.as_ref()?.to_str()?)));
        secrets.extend(secrets_among(variables));
        secrets
    }
}
