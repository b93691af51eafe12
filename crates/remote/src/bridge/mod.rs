//! The bridge: exports a session to a hub and carries the hub's commands back.
//!
//! It needs nothing but a [`Session`] and the address of a hub: no GitHub account, no repository, and it works for
//! sessions of a CLI server that somebody else started. It speaks the same HTTP wire as the CLI's own exporter,
//! with two differences that make it quicker: text deltas are uploaded as they come, and commands are waited for by
//! one long poll instead of being asked for every few seconds.
//!
//! A hub that is slow or away never holds up the session, and no durable event is lost while the session lives:
//!
//! * What waits for the hub is bounded ([`BridgeBuilder::buffer_bytes`]). At the bound, deltas are shed first; then the
//!   bridge stops reading the session's events, which holds up nobody: the session's stream is bounded, too, and durable
//!   events that have left it are read again from the CLI's own log, on disk, when there is room. So an outage may last as
//!   long as it likes.
//! * The hub says which durable event it has last. A bridge that follows another one (a program that was restarted, say)
//!   uploads from there on, and so does one whose hub comes back with less than it had taken. A hub that has lost the
//!   session is given all of it again.
//! * After the session's end, what is left is tried for ten minutes; there is no log to read it again from.

mod applied;
mod backoff;
mod classify;
mod command;
mod endpoint;
mod export;
mod hub;
mod outbox;
mod port;
mod prompts;
mod queued;
mod redact;
mod seen;
mod session_port;
mod status;
mod steer;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use groundlink_protocol::mc::{CommandType, ExporterInfo};
use groundlink_session::{RemoteMode, Session, WeakSession};
use secrecy::SecretString;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

pub(crate) use backoff::{Backoff, jitter};
pub use endpoint::HubEndpoint;
pub(crate) use hub::innermost;
pub use status::{BridgeState, BridgeStatus};

use crate::error::RemoteError;
use crate::link::Link;
use export::{Exporter, Knowledge};
use hub::HubClient;
use outbox::{Limits, Outbox};
use port::Port;
use redact::Redactor;
use steer::Steerer;

/// Outcomes of commands on their way from one task to the other; a full queue makes the poll wait.
const REPORTS: usize = 64;
/// How long the session may take to list its models before it is exported without.
const MODELS_WITHIN: Duration = Duration::from_secs(3);

/// Looks now and then whether a hub is there.
#[derive(Debug)]
pub(crate) struct HubWatch(HubClient);

impl HubWatch {
    pub(crate) fn new(endpoint: &HubEndpoint) -> Result<Self, RemoteError> {
        HubClient::new(endpoint.clone()).map(Self)
    }

    /// Whether it answers, whatever it says.
    pub(crate) async fn is_alive(&self) -> bool {
        !matches!(self.0.check().await, Err(hub::Failure::Passing { .. }))
    }
}

/// Asks a hub whether it is one, and takes our token.
pub(crate) async fn check_hub(endpoint: &HubEndpoint) -> Result<(), RemoteError> {
    HubClient::new(endpoint.clone())?.check().await.map_err(|failure| failure.into_error(endpoint))
}

/// Exports a session to a hub and carries the hub's commands back.
///
/// It needs nothing but a [`Session`] and the address of a hub: no GitHub account and no repository. A hub that is
/// slow or away never holds up the session, and no durable event is lost while the session lives. A bridge keeps nothing
/// alive: the session ends with its client.
///
/// ```no_run
/// use groundlink_remote::{Bridge, HubEndpoint, TerminalTheme};
///
/// # async fn run(session: groundlink_session::Session) -> Result<(), Box<dyn std::error::Error>> {
/// let endpoint = HubEndpoint::new("http://127.0.0.1:8080/mc".parse()?, "glx_…".to_owned().into());
/// let bridge = Bridge::builder(&session, endpoint).start().await?;
/// println!("{}\n{}", bridge.link(), bridge.link().qr().terminal(TerminalTheme::Auto));
/// // …
/// session.destroy().await?;
/// bridge.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Bridge;

impl Bridge {
    /// A bridge from `session` to the hub at `endpoint`.
    pub fn builder(session: &Session, endpoint: HubEndpoint) -> BridgeBuilder {
        let mut options = Options::new(endpoint);
        for secret in session.secrets() {
            options.redactor.add(&secret);
        }
        BridgeBuilder { session: session.downgrade(), options }
    }
}

/// Options of a bridge, from [`Bridge::builder`].
#[derive(Debug)]
#[must_use = "a bridge does nothing before `start`"]
pub struct BridgeBuilder {
    session: WeakSession,
    options: Options,
}

#[derive(Debug)]
struct Options {
    endpoint: HubEndpoint,
    info: Option<ExporterInfo>,
    limits: Limits,
    flush_limit: Duration,
    redactor: Redactor,
    mode: RemoteMode,
}

impl Options {
    fn new(endpoint: HubEndpoint) -> Self {
        Self {
            endpoint,
            info: None,
            limits: Limits::default(),
            flush_limit: Duration::from_secs(5),
            redactor: Redactor::from_env(),
            mode: RemoteMode::On,
        }
    }
}

impl BridgeBuilder {
    /// What viewers are told about this end: the program, the machine, a notice, suggested prompts, and the models to
    /// choose from where the session itself lists none (a provider of one's own). By default the program is
    /// `groundlink`, and the models are the session's.
    pub fn info(mut self, info: ExporterInfo) -> Self {
        self.options.info = Some(info);
        self
    }

    /// Whether people at the other end may steer, or only watch. They may, by default.
    pub fn mode(mut self, mode: RemoteMode) -> Self {
        self.options.mode = mode;
        self
    }

    /// Bytes of events kept while the hub is slow or away; 32 MiB by default.
    pub fn buffer_bytes(mut self, bytes: usize) -> Self {
        self.options.limits.kept_bytes = bytes;
        self
    }

    /// How long [`BridgeHandle::stop`] waits for the last uploads; 5 seconds by default.
    pub fn flush_limit(mut self, limit: Duration) -> Self {
        self.options.flush_limit = limit;
        self
    }

    /// A secret to blank (`******`) wherever it occurs in an exported event, as an agent's tools may print it. The
    /// [session's own](Session::secrets) are known already, and so are the credentials
    /// [among](groundlink_session::secrets_among) this process's variables. Passing text deltas can carry a secret in
    /// pieces, which is not recognised; no hub stores those.
    pub fn redact(mut self, secret: &SecretString) -> Self {
        self.options.redactor.add(secret);
        self
    }

    /// Attaches the session to the hub and starts to export it.
    ///
    /// An error here is final: the hub is not there, is not a hub, or refuses the token. Once the bridge
    /// runs, outages of the hub are waited for instead.
    pub async fn start(self) -> Result<BridgeHandle, RemoteError> {
        start(self.session, self.options).await
    }
}

/// What viewers are told: what the program said, and what the session can be asked for.
async fn complete<P: Port>(info: Option<ExporterInfo>, port: &P, mode: RemoteMode) -> ExporterInfo {
    let mut info = info.unwrap_or_else(|| ExporterInfo::new("groundlink"));
    info.version.get_or_insert_with(|| env!("CARGO_PKG_VERSION").to_owned());
    if info.models.is_empty() {
        // They may have to be fetched from afar, which must not hold up the link.
        info.models = tokio::time::timeout(MODELS_WITHIN, port.models()).await.unwrap_or_default();
    }
    info.commands = vec![CommandType::ModelSwitch.as_str().to_owned()];
    info.view_only = (mode == RemoteMode::Export).then_some(true);
    info
}

async fn start<P: Port>(port: P, options: Options) -> Result<BridgeHandle, RemoteError> {
    let Options { endpoint, info, limits, flush_limit, redactor, mode } = options;
    let info = complete(info, &port, mode).await;
    let hub = HubClient::new(endpoint.clone())?;
    // Subscribed first: nothing that happens from here on is missed.
    let live = port.events();
    let attached = hub.attach(&port.session_id(), &info).await.map_err(|failure| failure.into_error(&endpoint))?;

    let stop = CancellationToken::new();
    let known = Arc::new(Knowledge::default());
    let (status, watched) = watch::channel(BridgeStatus::new(attached.link));
    let (attached_id, attached_watch) = watch::channel(None);
    let (report, reports) = mpsc::channel(REPORTS);
    let steerer = Steerer {
        port: port.clone(),
        hub: hub.clone(),
        known: Arc::clone(&known),
        models: info.models.clone(),
        attached: attached_watch,
        reports: report,
        stop: stop.clone(),
    };
    let exporter = Exporter {
        port,
        hub,
        info,
        redactor,
        outbox: Outbox::new(limits),
        known,
        status,
        attached: attached_id,
        reports,
        stop: stop.clone(),
        flush_limit,
        hub_id: attached.id,
        resume_after: attached.last_event_id,
    };
    Ok(BridgeHandle {
        status: watched,
        stop,
        flush_limit,
        exporter: AbortOnDropHandle::new(tokio::spawn(exporter.run(live))),
        // Who never asks for commands is one that can only be watched, in the hub's eyes.
        _steerer: (mode == RemoteMode::On).then(|| AbortOnDropHandle::new(tokio::spawn(steerer.run()))),
    })
}

/// A running bridge. Dropping it ends the export at once; [`BridgeHandle::stop`] uploads what is left first.
pub struct BridgeHandle {
    status: watch::Receiver<BridgeStatus>,
    stop: CancellationToken,
    flush_limit: Duration,
    exporter: AbortOnDropHandle<()>,
    _steerer: Option<AbortOnDropHandle<()>>,
}

impl BridgeHandle {
    /// Where people open the session.
    pub fn link(&self) -> Link {
        self.status.borrow().link.clone()
    }

    /// The bridge's state and counts, now and whenever they change.
    pub fn status(&self) -> watch::Receiver<BridgeStatus> {
        self.status.clone()
    }

    /// Ends the export: no more commands are taken, and what the session has said so far is uploaded, within
    /// the [flush limit](BridgeBuilder::flush_limit). The session goes on.
    ///
    /// Returns the last status; [`waiting`](BridgeStatus::waiting) says whether something was left.
    /// To have the hub told of a session's end, destroy the session first: its `session.shutdown` is then uploaded.
    pub async fn stop(self) -> BridgeStatus {
        self.stop.cancel();
        // The exporter keeps to the limit by itself; this is for a runtime that is overloaded.
        let _ = tokio::time::timeout(self.flush_limit + Duration::from_secs(1), self.exporter).await;
        self.status.borrow().clone()
    }
}

impl fmt::Debug for BridgeHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BridgeHandle").field("status", &*self.status.borrow()).finish_non_exhaustive()
    }
}
