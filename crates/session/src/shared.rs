//! What the connection, the handles and the streams of one session share. It keeps nothing alive.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use groundlink_protocol::Event;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::capabilities::Capabilities;
use crate::config::SessionConfig;
use crate::events::Feed;
use crate::extras::Extras;
use crate::handlers::HandlerKind;
use crate::handlers::Handlers;
use crate::line::Line;
use crate::questions::Questions;
use crate::reopen::{Missed, Reopen};

/// Events that may wait for a replay to end. Far more than come in the moment that takes; the log has the durable ones.
const MOST_HELD: usize = 4096;

/// One session, as this client knows it.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) id: String,
    pub(crate) feed: Arc<Feed>,
    pub(crate) handlers: Arc<Handlers>,
    pub(crate) questions: Questions,
    pub(crate) line: Arc<Line>,
    /// How to open it again after the connection was lost; only where that comes back.
    pub(crate) reopen: Option<Reopen>,
    /// Whether the CLI has opened it.
    opened: AtomicBool,
    /// Whether events are held back, because older ones are still to come.
    holding: AtomicBool,
    held: Mutex<Held>,
    /// Whether this client made it (rather than resumed it).
    pub(crate) created: bool,
    /// What this session was told and nobody else is to see.
    pub(crate) secrets: Vec<SecretString>,
    /// What its handlers gave the CLI since.
    given: Mutex<Vec<SecretString>>,
    /// Serialises enabling and disabling: two at once could attach the session twice.
    pub(crate) remote: Arc<tokio::sync::Mutex<()>>,
    /// Keeps the CLI's exporter awake.
    vigil: Mutex<Option<AbortHandle>>,
    /// True once `session.shutdown` was seen.
    pub(crate) shut_down: watch::Sender<bool>,
    /// What crates above keep with it.
    pub(crate) extras: Extras,
    facts: watch::Sender<Facts>,
}

/// Events that wait for a replay to end.
#[derive(Debug, Default)]
struct Held {
    events: VecDeque<Event>,
    /// Durable ones that found no room. Readers fetch them from the CLI's log.
    dropped: u64,
}

impl Held {
    fn push(&mut self, event: Event) {
        if self.events.len() >= MOST_HELD {
            let ephemeral = self.events.iter().position(Event::ephemeral);
            self.dropped += u64::from(ephemeral.is_none());
            self.events.remove(ephemeral.unwrap_or_default());
        }
        self.events.push_back(event);
    }
}

/// What the events have told so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) cwd: Option<String>,
    pub(crate) remote_url: Option<String>,
    pub(crate) remote_steerable: bool,
    /// Why it is not shared, although it always should be.
    pub(crate) remote_problem: Option<String>,
    /// Somebody in this program exports it, not the CLI.
    pub(crate) bridged: bool,
    pub(crate) capabilities: Capabilities,
    /// The folder of the session's own files.
    pub(crate) workspace: Option<String>,
}

impl Shared {
    pub(crate) fn new(
        id: String,
        config: SessionConfig,
        line: Arc<Line>,
        created: bool,
        reopen: Option<Reopen>,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            feed: Feed::new(config.limits),
            questions: Questions::default(),
            line,
            reopen,
            opened: AtomicBool::new(false),
            holding: AtomicBool::new(false),
            held: Mutex::default(),
            created,
            secrets: config.secrets(),
            handlers: Arc::new(config.handlers),
            given: Mutex::default(),
            remote: Arc::default(),
            vigil: Mutex::default(),
            shut_down: watch::Sender::new(false),
            extras: Extras::default(),
            facts: watch::Sender::new(Facts { cwd: config.params.working_directory, ..Facts::default() }),
        })
    }

    /// There is one at a time.
    pub(crate) fn keep_vigil(&self, task: AbortHandle) {
        let mut vigil = self.vigil.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = vigil.replace(task) {
            before.abort();
        }
    }

    /// A handler has given the CLI a token.
    pub(crate) fn gave(&self, secret: &SecretString) {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if given.iter().all(|known| known.expose_secret() != secret.expose_secret()) {
            given.push(secret.clone());
        }
    }

    /// The tokens given so far, but the first `known`.
    pub(crate) fn given_since(&self, known: usize) -> Vec<SecretString> {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.iter().skip(known).cloned().collect()
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
            facts.remote_problem = None;
        });
    }

    /// The CLI has opened the session.
    pub(crate) fn opened(&self) {
        self.opened.store(true, Ordering::Release);
    }

    /// Whether it is to be taken up again after the connection was lost.
    pub(crate) fn reopens(&self) -> bool {
        self.reopen.is_some() && self.opened.load(Ordering::Acquire) && !self.feed.is_closed()
    }

    /// The connection was lost: what comes over the next one waits for [`replay`](Self::replay). Questions that were put
    /// by direct request have ended with the connection: the CLI has told the agent that nobody answers.
    pub(crate) fn interrupt(&self) {
        *self.lock_held() = Held::default();
        self.holding.store(true, Ordering::Release);
        for kind in [HandlerKind::UserInput, HandlerKind::Plan, HandlerKind::AutoModeSwitch] {
            self.questions.settle_all(kind, crate::asks::fallback(kind));
        }
    }

    /// Takes in what was missed, then what has come meanwhile, then lets events through again. Of what was asked in
    /// between, forms are put to the handler; for the rest see [`pending::reconcile`](crate::pending::reconcile).
    pub(crate) fn replay(self: &Arc<Self>, missed: Missed) {
        let replayed: HashSet<String> = missed.events.iter().map(|event| event.id().to_owned()).collect();
        let mut asked: Vec<Event> = Vec::new();
        self.feed.resume_after(missed.known.as_deref());
        self.feed.skip(missed.more);
        for event in missed.events {
            self.learn(&event);
            match event.kind() {
                "elicitation.requested" => asked.push(event.clone()),
                kind if kind == "abort" || kind.ends_with(".completed") => crate::asks::dispatch(self, &event),
                _ => {}
            }
            if event.kind() == "elicitation.completed" {
                asked.retain(|question| request_id(question) != request_id(&event));
            }
            self.feed.push(event);
        }
        for question in asked {
            crate::asks::dispatch(self, &question);
        }
        // Held throughout, so that nothing overtakes; the read loop waits for it at most this once.
        let mut held = self.lock_held();
        self.feed.skip(std::mem::take(&mut held.dropped));
        for event in std::mem::take(&mut held.events) {
            if !replayed.contains(event.id()) {
                self.take_in_now(event);
            }
        }
        self.holding.store(false, Ordering::Release);
        // A server may have shut the session down when its last client was lost; it is open again.
        self.shut_down.send_replace(false);
    }

    fn lock_held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in one event. Called in wire order from the read loop; must not block.
    pub(crate) fn take_in(self: &Arc<Self>, event: Event) {
        if self.holding.load(Ordering::Acquire) {
            let mut held = self.lock_held();
            if self.holding.load(Ordering::Acquire) {
                held.push(event);
                return;
            }
        }
        self.take_in_now(event);
    }

    fn take_in_now(self: &Arc<Self>, event: Event) {
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
                    self.update(|facts| {
                        facts.remote_url = Some(url);
                        facts.remote_problem = None;
                    });
                }
            }
            "session.remote_steerable_changed" => {
                if let Ok(data) = event.data::<e::SessionRemoteSteerableChanged>() {
                    self.update(|facts| {
                        facts.remote_steerable = data.remote_steerable;
                        // No export ends but with this event, one to watch only included, and none begins with it
                        // (observed with CLI 1.0.102). A bridge's end is its own to tell.
                        if !data.remote_steerable && !facts.bridged {
                            facts.remote_url = None;
                        }
                    });
                }
            }
            "capabilities.changed" => self.update(|facts| facts.capabilities.change(event.data_raw())),
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

/// Which question an event is about.
fn request_id(event: &Event) -> Option<String> {
    let data: serde_json::Value = serde_json::from_str(event.data_raw().get()).ok()?;
    Some(data.get("requestId")?.as_str()?.to_owned())
}
