//! What the connection, the handles and the streams of one session share. It keeps nothing alive.

use std::sync::{Arc, OnceLock};

use groundlink_protocol::Event;
use groundlink_transport::WeakPeer;
use secrecy::SecretString;
use tokio::sync::watch;

use crate::config::SessionConfig;
use crate::events::Feed;
use crate::extras::Extras;
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
    /// What this session was told and nobody else is to see.
    pub(crate) secrets: Vec<SecretString>,
    /// Serialises enabling and disabling: two at once could attach the session twice.
    pub(crate) remote: Arc<tokio::sync::Mutex<()>>,
    /// True once `session.shutdown` was seen.
    pub(crate) shut_down: watch::Sender<bool>,
    /// What crates above keep with it.
    pub(crate) extras: Extras,
    facts: watch::Sender<Facts>,
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
            secrets: config.secrets(),
            remote: Arc::default(),
            shut_down: watch::Sender::new(false),
            extras: Extras::default(),
            facts: watch::Sender::new(Facts { cwd: config.params.working_directory.clone(), ..Facts::default() }),
        })
    }

    pub(crate) fn facts(&self) -> Facts {
        self.facts.borrow().clone()
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut Facts)) {
        self.facts.send_modify(change);
    }

    pub(crate) fn watch_facts(&self) -> watch::Receiver<Facts> {
        self.facts.subscribe()
    }

    /// The end: streams end once they have read what is there, open questions go.
    pub(crate) fn close(&self) {
        self.feed.close();
        self.questions.clear();
        self.update(|facts| {
            facts.remote_url = None;
            facts.remote_steerable = false;
        });
    }

    /// Takes in one event. Called in wire order from the read loop; must not block.
    pub(crate) fn take_in(self: &Arc<Self>, event: Event) {
        self.learn(&event);
        crate::asks::dispatch(self, &event);
        self.feed.push(event);
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
