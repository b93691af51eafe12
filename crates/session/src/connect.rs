//! Getting a connection to a CLI: starting one, or connecting to one that runs.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use groundlink_protocol::Empty;
use groundlink_transport::{
    ChildExit, ChildPeer, CliUrl, CloseReason, Error, Peer, PeerBuilder, Server, StopPolicy, child, tcp,
};
use secrecy::SecretString;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::SessionError;
use crate::builder::ClientBuilder;
use crate::cli::CliCommand;
use crate::handshake::{ServerInfo, shake_hands};
use crate::launch;
use crate::router::Router;

/// How the time of a stop is shared out, in fifteenths: for the sessions, for the CLI's own shutdown, for the end of its
/// input, for a request to terminate (its descendants get the same again), for the kill.
const STOP_SHARES: [u32; 5] = [3, 3, 4, 2, 1];
const STOP_WHOLE: u32 = 15;

/// How long a start took, each from the call of `start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StartTimings {
    /// Until the program was started (over TCP: and had announced its port); zero where none was.
    pub spawned: Duration,
    /// Until the transport was connected.
    pub connected: Duration,
    /// Until the CLI had answered the first call and its protocol version was accepted.
    pub ready: Duration,
}

/// Both halves of a connection.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Makes a connection of the caller's own, and another one when that is lost.
pub(crate) type Connector = Arc<dyn Fn() -> BoxFuture<'static, io::Result<Box<dyn Duplex>>> + Send + Sync>;

/// Where the CLI is.
pub(crate) enum Way {
    /// A child on pipes.
    Pipes(CliCommand),
    /// A child that serves over TCP, on this port (0: any), with this secret.
    Server(CliCommand, u16, SecretString),
    /// A server that runs already.
    External(CliUrl),
    /// Connections of the caller's own making.
    Connector(Connector),
    /// One connection of the caller's own making.
    Once(Mutex<Option<Box<dyn Duplex>>>),
}

/// How this client connects, now and again.
pub(crate) struct Plan {
    pub(crate) settings: ClientBuilder,
    pub(crate) way: Way,
}

/// The program that we started.
#[derive(Debug, Clone)]
pub(crate) enum Program {
    Pipes(Arc<ChildPeer>),
    Server(Arc<Server>),
}

/// A connection that has shaken hands. Its end is that of the program behind it, if that is ours.
pub(crate) struct Connection {
    pub(crate) peer: Peer,
    pub(crate) program: Option<Program>,
    pub(crate) server: ServerInfo,
    pub(crate) timings: StartTimings,
}

impl Program {
    pub(crate) fn pid(&self) -> Option<u32> {
        match self {
            Self::Pipes(child) => child.pid(),
            Self::Server(server) => server.pid(),
        }
    }

    pub(crate) fn output_tail(&self) -> String {
        match self {
            Self::Pipes(child) => child.output_tail(),
            Self::Server(server) => server.output_tail(),
        }
    }

    /// Ends it, with all that it started. Bounded by the stop policy.
    pub(crate) async fn stop(&self) -> ChildExit {
        match self {
            Self::Pipes(child) => child.stop().await,
            Self::Server(server) => server.stop().await,
        }
    }
}

impl Plan {
    /// Connects. What was started for a connection that then fails is ended in the background.
    pub(crate) async fn connect(&self, router: &Arc<Router>) -> Result<Connection, SessionError> {
        self.connect_to(router, None, &mut None).await
    }

    /// The same again. `left` is a server of ours that still runs: its connection was lost, and nothing else. What was
    /// started for a connection that then fails is gone when this returns: there are never two programs.
    pub(crate) async fn connect_again(
        &self,
        router: &Arc<Router>,
        left: Option<Program>,
    ) -> Result<Connection, SessionError> {
        let mut started = None;
        let result = self.connect_to(router, left, &mut started).await;
        if let (Err(_), Some(program)) = (&result, started) {
            program.stop().await;
        }
        result
    }

    fn connect_to<'a>(
        &'a self,
        router: &'a Arc<Router>,
        left: Option<Program>,
        started: &'a mut Option<Program>,
    ) -> BoxFuture<'a, Result<Connection, SessionError>> {
        Box::pin(self.connecting_to(router, left, started))
    }

    async fn connecting_to(
        &self,
        router: &Arc<Router>,
        left: Option<Program>,
        started: &mut Option<Program>,
    ) -> Result<Connection, SessionError> {
        let begin = Instant::now();
        let peer = router.wire(PeerBuilder::new());
        let settings = &self.settings;
        let wait = settings.connect_timeout;
        match &self.way {
            Way::Pipes(cli) => {
                let command = launch::command(settings, cli, None)?;
                let child = child::spawn(command, self.stop_policy(), peer).map_err(launch::not_spawned)?;
                let (child, spawned) = (Arc::new(child), begin.elapsed());
                let program = Some(Program::Pipes(Arc::clone(&child)));
                started.clone_from(&program);
                let connected = Connected { begin, spawned, program, within: settings.start_timeout };
                let result = self.introduce(router, child.peer().clone(), connected, None).await;
                result.map_err(|error| start_failed(cli, error, || child.output_tail()))
            }
            Way::Server(cli, port, token) => {
                let server = if let Some(Program::Server(server)) = left {
                    server
                } else {
                    let command = launch::command(settings, cli, Some((*port, token)))?;
                    let started = Server::spawn(command, self.stop_policy(), settings.start_timeout).await;
                    Arc::new(started.map_err(|error| not_announced(cli, error))?)
                };
                let spawned = begin.elapsed();
                let program = Some(Program::Server(Arc::clone(&server)));
                started.clone_from(&program);
                let peer = server.connect(wait, peer).await?;
                let within = settings.start_timeout.saturating_sub(spawned).max(wait);
                let result =
                    self.introduce(router, peer, Connected { begin, spawned, program, within }, Some(token)).await;
                result.map_err(|error| start_failed(cli, error, || server.output_tail()))
            }
            Way::External(url) => self.to(router, begin, tcp::connect(url, wait, peer).await?).await,
            Way::Connector(connector) => {
                let connecting = tokio::time::timeout(wait, connector()).await;
                let timeout = |_| SessionError::Timeout { what: "connect".to_owned(), after: wait };
                let stream = connecting.map_err(timeout)?.map_err(SessionError::Connector)?;
                self.to(router, begin, peer.build_duplex(stream)).await
            }
            Way::Once(stream) => {
                let stream = stream.lock().unwrap_or_else(PoisonError::into_inner).take();
                let Some(stream) = stream else {
                    return Err(SessionError::Closed { reason: CloseReason::EndOfStream });
                };
                self.to(router, begin, peer.build_duplex(stream)).await
            }
        }
    }

    /// Whether connecting again could work at all.
    pub(crate) fn can_return(&self) -> bool {
        self.settings.reconnect.is_some() && !matches!(self.way, Way::Once(_))
    }

    async fn to(&self, router: &Router, begin: Instant, peer: Peer) -> Result<Connection, SessionError> {
        let within = self.settings.start_timeout;
        let connected = Connected { begin, spawned: Duration::ZERO, program: None, within };
        self.introduce(router, peer, connected, self.settings.connection_token.as_ref()).await
    }

    fn introduce<'a>(
        &'a self,
        router: &'a Router,
        peer: Peer,
        to: Connected,
        token: Option<&'a SecretString>,
    ) -> BoxFuture<'a, Result<Connection, SessionError>> {
        Box::pin(self.introducing(router, peer, to, token))
    }

    async fn introducing(
        &self,
        router: &Router,
        peer: Peer,
        to: Connected,
        token: Option<&SecretString>,
    ) -> Result<Connection, SessionError> {
        let connected = to.begin.elapsed();
        let introduced = match shake_hands(&peer, token, self.settings.client_info.as_ref(), to.within).await {
            Ok(server) => self.offer(router, &peer).await.map(|()| server),
            Err(error) => Err(error),
        };
        let server = match introduced {
            Ok(server) => server,
            Err(error) => {
                peer.close();
                return Err(error);
            }
        };
        tracing::debug!(version = ?server.version, "connected to the CLI");
        let timings = StartTimings { spawned: to.spawned, connected, ready: to.begin.elapsed() };
        Ok(Connection { peer, program: to.program, server, timings })
    }

    /// Tells the CLI what this program does in its place; it must know before the first session.
    async fn offer(&self, router: &Router, peer: &Peer) -> Result<(), SessionError> {
        if let Some(kept) = &self.settings.session_fs {
            kept.offer(router, peer).await?;
        }
        if let Some(models) = &router.models {
            models.clear();
        }
        for method in &self.settings.handlers.offers {
            let answer: Result<Value, _> = peer.call(method, &Empty::default()).await;
            answer.map_err(|error| SessionError::from_call(method, None, error))?;
        }
        Ok(())
    }

    fn stop_policy(&self) -> StopPolicy {
        let [_, _, stdin, terminate, kill] = self.stop_times();
        StopPolicy::new(stdin, terminate, kill)
    }

    /// How long each step of a stop may take.
    pub(crate) fn stop_times(&self) -> [Duration; 5] {
        STOP_SHARES.map(|share| self.settings.stop_timeout * share / STOP_WHOLE)
    }
}

/// A transport without a handshake yet.
struct Connected {
    begin: Instant,
    spawned: Duration,
    program: Option<Program>,
    within: Duration,
}

/// Says why a CLI of ours gave no first answer.
fn start_failed(cli: &CliCommand, error: SessionError, tail: impl Fn() -> String) -> SessionError {
    let (reason, stderr) = match error {
        SessionError::Closed { reason: CloseReason::Exited(exit) } => match exit.status {
            Some(status) => (format!("it ended at once ({status})"), exit.output),
            None => ("it closed its output".to_owned(), exit.output),
        },
        SessionError::Timeout { after, .. } => (format!("it gave no answer within {after:?}"), tail()),
        other => return other,
    };
    SessionError::StartFailed { program: cli.program().to_owned(), reason, stderr }
}

/// Says why a server of ours announced no port.
fn not_announced(cli: &CliCommand, error: Error) -> SessionError {
    let (reason, stderr) = match error {
        Error::EndedEarly(exit) => match exit.status {
            Some(status) => (format!("it ended at once ({status})"), exit.output),
            None => ("it closed its output".to_owned(), exit.output),
        },
        Error::NoAnnouncement { after, output } => (format!("it announced no port within {after:?}"), output),
        other => return launch::not_spawned(other),
    };
    SessionError::StartFailed { program: cli.program().to_owned(), reason, stderr }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("settings", &self.settings).finish_non_exhaustive()
    }
}
