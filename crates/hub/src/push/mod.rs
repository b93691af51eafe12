//! Notifications by Web Push: somebody who is not at any page hears that a session needs them.
//!
//! One task follows the board of all sessions, as the page of the list does, and so stands in nobody's way: what it
//! learns goes through [`attention`], a plain state machine, and what is to be told becomes messages in the [`outbox`].
//! While nobody has subscribed it sleeps.

mod attention;
mod encrypt;
mod endpoint;
mod message;
mod outbox;
mod receiver;
mod subscription;
mod subscriptions;
mod transport;
mod vapid;

pub use receiver::PushReceiver;
pub(crate) use subscription::Scope;
pub(crate) use subscriptions::PushError;
pub use transport::{PushPost, PushReply, PushSettings, PushTransport, PushTransportError};

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use groundlink_protocol::api::{FocusReport, PendingRequest, PushMessage, PushReason, PushState, PushSubscription};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::{PublicKey, SecretKey};
use secrecy::zeroize::Zeroizing;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::live::{BoardChange, Inner, Live, Sessions, millis};
use attention::{Attention, Facts, Notice, Timing};
use endpoint::Services;
use outbox::{Message, Outbox};
use subscription::Subscription;
use subscriptions::Subscriptions;
use vapid::Vapid;

/// Changes of the board are looked at this far apart at least, so that a burst becomes one.
const STEP: Duration = Duration::from_millis(100);
/// How long a page counts as looked at after it said so: two of its reports may get lost.
const FOCUS: Duration = Duration::from_secs(25);
/// How soon an answer on its way is looked at again: whether it gets there is told by no change of the board.
const RECHECK_MS: u64 = 1_000;
/// Nobody's address, for push services that want one.
const NOBODY: &str = "mailto:hub@example.com";

/// See the module's description.
pub(crate) struct Push {
    sessions: Arc<Sessions>,
    subscriptions: Subscriptions,
    services: Services,
    attention: Mutex<Attention>,
    outbox: Arc<Outbox>,
    /// Something else than the board has changed.
    wake: Notify,
    began: Instant,
}

impl Push {
    /// Reads who has subscribed.
    pub(crate) async fn open(sessions: Arc<Sessions>, settings: &PushSettings, url: &str) -> sqlx::Result<Arc<Self>> {
        let services = settings.allowed();
        let subscriptions = Subscriptions::open(&sessions, &services).await?;
        let contact = settings.contact.clone();
        let contact = contact.or_else(|| url.starts_with("https:").then(|| url.to_owned()));
        let vapid = Vapid::new(&hub_secret(&sessions), contact.unwrap_or_else(|| NOBODY.to_owned()));
        let timing = Timing { grace: millis(settings.grace), gap: millis(settings.gap), focus: millis(FOCUS) };
        let outbox = Outbox::new(vapid, settings.transport.clone(), settings.retry, sessions.shutdown.clone());
        Ok(Arc::new(Self {
            sessions,
            subscriptions,
            services,
            attention: Mutex::new(Attention::new(timing)),
            outbox: Arc::new(outbox),
            wake: Notify::new(),
            began: Instant::now(),
        }))
    }

    /// The hub's public key, as browsers want it.
    pub(crate) fn public_key(&self) -> &str {
        self.outbox.vapid.public_key()
    }

    /// Takes a subscription in; one of the same endpoint in the same place gives way.
    pub(crate) async fn subscribe(
        &self,
        scope: Scope,
        name: &str,
        said: PushSubscription,
    ) -> Result<PushState, PushError> {
        let state = self.subscriptions.put(&self.sessions, &self.services, scope, name, said).await?;
        self.wake.notify_one();
        Ok(state)
    }

    /// What is known of a subscription.
    pub(crate) fn subscribed(&self, scope: &Scope, name: &str) -> Option<PushState> {
        self.subscriptions.get(scope, name).map(|subscription| subscription.state())
    }

    /// Takes a subscription away. Says whether it was there.
    pub(crate) async fn unsubscribe(&self, scope: &Scope, name: &str) -> sqlx::Result<bool> {
        self.subscriptions.remove(&self.sessions, scope, name).await
    }

    /// A page is looked at, or was left.
    pub(crate) fn focus(&self, scope: &Scope, report: FocusReport) {
        // Nobody is to be told anything; who subscribes now, hears from the pages within ten seconds.
        if self.subscriptions.is_empty() {
            return;
        }
        let page = (report.device.id, report.page);
        self.attention().focus(scope.session(), page, report.focused, self.now());
        // A page that was left may be what a notification waited for.
        if !report.focused {
            self.wake.notify_one();
        }
    }

    fn attention(&self) -> MutexGuard<'_, Attention> {
        self.attention.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since the start. No clock that somebody sets counts here.
    fn now(&self) -> u64 {
        millis(self.began.elapsed())
    }

    /// Follows the sessions until the hub stops.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut news = self.sessions.board.watch();
        let mut following = Following::default();
        loop {
            let next = if self.subscriptions.is_empty() {
                following = Following::default();
                None
            } else {
                news.borrow_and_update();
                self.step(&mut following).await
            };
            let idle = following.cursor.is_none();
            let next = next.map(|at| self.began + Duration::from_millis(at));
            tokio::select! {
                () = self.sessions.shutdown.cancelled() => return,
                () = self.wake.notified() => {}
                () = sleep_until(next) => {}
                changed = news.changed(), if !idle => {
                    if changed.is_err() { return }
                    tokio::time::sleep(STEP).await;
                }
            }
        }
    }

    /// Looks at what is new, and tells what is to be told. When to look again, if nothing happens before.
    async fn step(self: &Arc<Self>, following: &mut Following) -> Option<u64> {
        let first = following.cursor.is_none();
        let changes = self.sessions.board.since(following.cursor.as_deref().unwrap_or_default());
        if changes.all {
            let there: HashSet<&str> = changes.new.iter().filter_map(|(_, change)| change.present()).collect();
            self.subscriptions.keep(|session| there.contains(session));
        }
        for (_, change) in &changes.new {
            match change {
                BoardChange::Changed(entry) => {
                    // What waits from before the start is known by its name, for which its events are read.
                    let waits = first && !entry.waiting.is_empty();
                    let live = if waits {
                        self.find(&entry.session_id).await
                    } else {
                        self.sessions.loaded(&entry.session_id)
                    };
                    if let Some(live) = live {
                        self.look(&live, first, following);
                    } else {
                        let facts = Facts { status: entry.status, online: entry.presence.online, open: Vec::new() };
                        self.attention().observe(&entry.session_id, facts, first, self.now());
                    }
                }
                BoardChange::Gone(id) => {
                    self.attention().forget(id);
                    self.subscriptions.keep(|session| session != id);
                    following.recheck.remove(id);
                }
            }
        }
        following.cursor = Some(changes.cursor);
        let now = self.now();
        let due: Vec<String> = {
            let due = self.attention().due(now);
            let checked = following.recheck.iter().filter(|(_, at)| **at <= now).map(|(id, _)| id.clone());
            due.into_iter().chain(checked).collect()
        };
        for id in due {
            following.recheck.remove(&id);
            if let Some(live) = self.sessions.loaded(&id) {
                self.look(&live, false, following);
            }
        }
        let (notices, next) = {
            let mut attention = self.attention();
            (attention.tick(now), attention.next(now))
        };
        for notice in notices {
            self.tell(notice).await;
        }
        next.into_iter().chain(following.recheck.values().copied()).min()
    }

    async fn find(&self, id: &str) -> Option<Arc<Live>> {
        match self.sessions.by_id(id).await {
            Ok(live) => live,
            Err(error) => {
                tracing::warn!(%error, "reading a session for its notifications");
                None
            }
        }
    }

    fn look(&self, live: &Live, old: bool, following: &mut Following) {
        let (facts, answering) = facts(&live.lock());
        let now = self.now();
        if answering {
            following.recheck.insert(live.id.clone(), now + RECHECK_MS);
        }
        self.attention().observe(&live.id, facts, old, now);
    }

    /// Sends a notice to all that want it.
    async fn tell(self: &Arc<Self>, notice: Notice) {
        let Some(live) = self.find(&notice.session).await else { return };
        let (archived, messages) = {
            let inner = live.lock();
            (inner.archived(), message::compose(&notice, &inner, crate::live::now()))
        };
        let Some((full, bare)) = messages else { return };
        let topic = BASE64URL_NOPAD.encode(&self.sessions.keys.push_topic(&notice.session)[..18]);
        // What is put away is not in the list's way, either.
        let all = if archived { Vec::new() } else { self.subscriptions.of(&Scope::Hub) };
        let own = self.subscriptions.of(&Scope::Session(live.n, live.id.clone()));
        for to in once_a_device(all, own) {
            if notice.reason == PushReason::Done && !to.done {
                continue;
            }
            self.send(to.clone(), &notice, if to.content { &full } else { &bare }, topic.clone());
        }
    }

    fn send(self: &Arc<Self>, to: Arc<Subscription>, notice: &Notice, message: &PushMessage, topic: String) {
        let Ok(plain) = serde_json::to_string(message) else { return };
        let message = Message { to, session: notice.session.clone(), reason: notice.reason, topic, plain };
        let (push, notice) = (self.clone(), notice.clone());
        let holds = {
            let push = self.clone();
            move || push.attention().holds(&notice)
        };
        self.outbox.send(message, holds, async move |over: Arc<Subscription>| {
            if let Err(error) = push.subscriptions.drop(&push.sessions, &over).await {
                tracing::warn!(%error, "forgetting a subscription that is over");
            }
        });
    }
}

/// What the task remembers from step to step.
#[derive(Default)]
struct Following {
    /// The place in the board's changes; nothing while nobody has subscribed.
    cursor: Option<String>,
    /// Sessions with an answer on its way, and when to look at them again.
    recheck: HashMap<String, u64>,
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// By what a request is known: the call that it is about, since the same question may come by another name first.
fn ask_key(ask: &PendingRequest) -> String {
    ask.tool_call_id.clone().unwrap_or_else(|| ask.request_id.clone())
}

/// How a session is, and whether an answer is on its way.
fn facts(inner: &Inner) -> (Facts, bool) {
    let asks = inner.state.pending();
    let (answering, open): (Vec<_>, Vec<_>) = asks.iter().partition(|ask| inner.ledger.is_answering(&ask.request_id));
    let facts = Facts {
        status: inner.status(),
        online: inner.presence().online,
        open: open.into_iter().map(ask_key).collect(),
    };
    (facts, !answering.is_empty())
}

/// A device that has subscribed twice is told once. The hub's own link counts more: whoever has only a session's cannot
/// take its notifications away by calling itself like another device.
fn once_a_device(mut all: Vec<Arc<Subscription>>, own: Vec<Arc<Subscription>>) -> Vec<Arc<Subscription>> {
    let devices: HashSet<String> = all.iter().map(|one| one.device.id.clone()).collect();
    all.extend(own.into_iter().filter(|one| !devices.contains(&one.device.id)));
    all
}

/// The hub's key pair for push services. Hardly ever is a number too big for the curve; then the next one is taken.
fn hub_secret(sessions: &Sessions) -> SecretKey {
    (0..=u8::MAX)
        .find_map(|n| SecretKey::from_slice(&*sessions.keys.vapid_secret(n)).ok())
        .unwrap_or_else(random_secret)
}

/// A public key as it is sent: an uncompressed point, 65 bytes.
fn point(key: &PublicKey) -> Vec<u8> {
    key.to_sec1_point(false).as_bytes().to_vec()
}

/// A key pair of the moment.
fn random_secret() -> SecretKey {
    loop {
        let mut bytes = Zeroizing::new([0; 32]);
        rand::fill(&mut bytes[..]);
        if let Ok(secret) = SecretKey::from_slice(&*bytes) {
            return secret;
        }
    }
}
