//! What the connection, the handles and the streams of one session share. It keeps nothing alive.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures::future::BoxFuture;
use groundlink_protocol::types::{SessionEventLogReadParams, SessionEventLogReadResult};
use groundlink_protocol::{Event, Method as _, RawJson, methods};
use groundlink_transport::WeakPeer;
use tokio::sync::watch;

use crate::config::SessionConfig;
use crate::events::{Feed, LogPage, LogSource};
use crate::handlers::Handlers;
use crate::questions::Questions;

/// The peer, known once it is built; the router that feeds on it is built before.
pub(crate) type PeerCell = Arc<OnceLock<WeakPeer>>;

/// One session, as this client knows it.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) id: String,
    pub(crate) feed: Arc<Feed>,
    pub(crate) handlers: Handlers,
    pub(crate) questions: Questions,
    pub(crate) peer: PeerCell,
    /// Whether this client made it (rather than resumed it).
    pub(crate) created: bool,
    /// Serialises enabling and disabling: two at once could attach the session twice.
    pub(crate) remote: tokio::sync::Mutex<()>,
    /// True once `session.shutdown` was seen.
    pub(crate) shut_down: watch::Sender<bool>,
    facts: Mutex<Facts>,
}

/// What the events have told so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) cwd: Option<String>,
    pub(crate) remote_url: Option<String>,
    pub(crate) remote_steerable: bool,
}

impl Shared {
    pub(crate) fn new(id: String, config: &SessionConfig, peer: PeerCell, created: bool) -> Arc<Self> {
        Arc::new(Self {
            id,
            feed: Feed::new(config.limits),
            handlers: config.handlers.clone(),
            questions: Questions::default(),
            peer,
            created,
            remote: tokio::sync::Mutex::new(()),
            shut_down: watch::Sender::new(false),
            facts: Mutex::new(Facts {
                cwd: config.params.working_directory.clone(),
                ..Facts::default()
            }),
        })
    }

    pub(crate) fn facts(&self) -> Facts {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.facts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The end: streams end once they have read what is there, open questions go.
    pub(crate) fn close(&self) {
        self.feed.close();
        self.questions.clear();
    }

    /// Takes in one event. Called in wire order from the read loop; must not block.
    pub(crate) fn take_in(self: &Arc<Self>, event: Event) {
        self.learn(&event);
        self.feed.push(event.clone());
        crate::asks::dispatch(self, &event);
    }

    fn learn(&self, event: &Event) {
        use groundlink_protocol::events as e;
        match event.kind() {
            "session.start" => {
                if let Ok(data) = event.data::<e::SessionStart>() {
                    self.learn_cwd(data.context.map(|context| context.cwd));
                }
            }
            "session.resume" => {
                if let Ok(data) = event.data::<e::SessionResume>() {
                    self.learn_cwd(data.context.map(|context| context.cwd));
                }
            }
            "session.context_changed" => {
                if let Ok(data) = event.data::<e::SessionContextChanged>() {
                    self.learn_cwd(Some(data.cwd));
                }
            }
            "session.info" => {
                if let Ok(data) = event.data::<e::SessionInfo>()
                    && data.info_type == "remote"
                    && let Some(url) = data.url
                {
                    self.update(|facts| facts.remote_url = Some(url));
                }
            }
            "session.remote_steerable_changed" => {
                if let Ok(data) = event.data::<e::SessionRemoteSteerableChanged>() {
                    self.update(|facts| facts.remote_steerable = data.remote_steerable);
                }
            }
            "session.shutdown" => {
                self.shut_down.send_replace(true);
            }
            _ => {}
        }
    }

    fn learn_cwd(&self, cwd: Option<String>) {
        if let Some(cwd) = cwd {
            self.update(|facts| facts.cwd = Some(cwd));
        }
    }
}

/// Pages through the CLI's log over the connection, as long as that is there.
#[derive(Debug)]
pub(crate) struct WireLog {
    pub(crate) id: String,
    pub(crate) peer: PeerCell,
}

impl LogSource for WireLog {
    fn page(&self, cursor: Option<String>) -> BoxFuture<'static, Option<LogPage>> {
        let (id, peer) = (self.id.clone(), self.peer.get().and_then(WeakPeer::upgrade));
        Box::pin(async move {
            let peer = peer?;
            let mut params = SessionEventLogReadParams::new(id);
            params.cursor = cursor;
            params.max = Some(PAGE);
            params.include_ephemeral = Some(false);
            let read = peer.call::<SessionEventLogReadResult>(methods::SessionEventLogRead::NAME, &params);
            match read.await {
                Ok(result) => Some(LogPage {
                    events: parse_events(result.events),
                    cursor: Some(result.cursor),
                    has_more: result.has_more,
                }),
                Err(error) => {
                    tracing::debug!(%error, "the session's log cannot be read");
                    None
                }
            }
        })
    }
}

/// Events a page. Tool outputs are large: few enough to stay within some megabytes.
pub(crate) const PAGE: u64 = 200;

/// Reads stored events; one that has no envelope is left out, since nobody could name it.
pub(crate) fn parse_events(raw: Vec<RawJson>) -> Vec<Event> {
    raw.into_iter()
        .filter_map(|raw| match Event::from_raw(raw) {
            Ok(event) => Some(event),
            Err(error) => {
                tracing::warn!(%error, "an event in the session's log is unreadable");
                None
            }
        })
        .collect()
}
