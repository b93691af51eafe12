//! A session in memory: what is stored about it, reduced to what people see ([`view`](crate::view)), what can be
//! answered ([`state`](crate::state)) and what is on its way ([`ledger`](crate::ledger)); and the waking of those who
//! wait for news of it.
//!
//! Everything here can be rebuilt from the store, and is, at first use and after a restart.
//!
//! Two locks. `order` is held over a whole change, its store write included: changes of one session happen one
//! after the other. `inner` is held for moments only, never over an await. A change first reaches the disk, then
//! memory, then the waiting; it runs in a task of its own, so that a client that hangs up cannot leave it half
//! done.

mod board;
mod command;
#[cfg(test)]
mod faults;
mod feed;
mod inner;
mod limits;
mod list;
mod past;
mod registry;
mod retention;
mod ring;
mod upload;

pub(crate) use board::{Board, BoardChange};
pub(crate) use command::SubmitError;
pub(crate) use feed::{Feed, FeedItem};
pub(crate) use inner::Inner;
use inner::note;
pub use limits::ApiLimits;
pub(crate) use limits::{StreamGuard, Streams};
pub(crate) use list::DeleteError;
pub(crate) use registry::Sessions;
pub use retention::Retention;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use groundlink_protocol::api::{Presence, SessionSnapshot, SessionStatus};
use groundlink_protocol::mc::ExporterInfo;
use secrecy::SecretString;
use tokio::sync::watch;

use crate::ledger::{Entry, Limits};
use crate::store::{Append, SessionRow, SessionUpdate, Store};

/// The hub's times and limits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// How long a handed-out command is nobody else's.
    pub(crate) lease: Duration,
    /// How long a poll is held that does not say how long it will wait. The CLI gives up after ten seconds.
    pub(crate) hold: Duration,
    /// After how much silence an exporter counts as offline.
    pub(crate) presence: Duration,
    /// After how much silence its exporter counts as silent, which one in good health never is.
    pub(crate) quiet: Duration,
    /// How much of the hub a link may use.
    pub(crate) limits: ApiLimits,
    /// How long a session stays in memory when nobody needs it.
    pub(crate) idle: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            hold: Duration::from_secs(8),
            presence: Duration::from_secs(30),
            quiet: Duration::from_secs(15),
            limits: ApiLimits::default(),
            idle: Duration::from_mins(10),
        }
    }
}

impl Timing {
    fn ledger_limits(&self) -> Limits {
        Limits { lease_ms: millis(self.lease), ..Limits::default() }
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    #[cfg(test)]
    if let Some(at) = faults::clock() {
        return at;
    }
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// What a program that runs a hub wants to know of a session at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SessionSummary {
    /// What the session is doing.
    pub status: SessionStatus,
    /// How many streams of it are open.
    pub viewers: u32,
    /// Whether its exporter is in touch.
    pub presence: Presence,
    /// Its title, once it has one.
    pub title: Option<String>,
}

/// A session in memory. See the module's description.
pub(crate) struct Live {
    pub(crate) id: String,
    /// The store's number of the session.
    pub(crate) n: i64,
    /// The secret part of its link.
    pub(crate) link: SecretString,
    store: Store,
    timing: Timing,
    order: tokio::sync::Mutex<()>,
    inner: Mutex<Inner>,
    /// Counts anything that a page may show.
    seen: watch::Sender<u64>,
    /// Counts anything that a snapshot or a summary may show.
    state: watch::Sender<u64>,
    /// Counts what may free a command.
    commands: watch::Sender<u64>,
    /// Counts items of the feed. It wakes those who follow; what is new each takes from its own place on.
    news: watch::Sender<u64>,
    bucket: limits::SharedBucket,
    /// What the store has for the list.
    card: list::StoredCard,
    /// What somebody has scrolled back to.
    window: past::Window,
}

impl Live {
    /// Reads a session from the store.
    pub(crate) async fn load(
        store: Store,
        timing: Timing,
        link: SecretString,
        row: &SessionRow,
    ) -> sqlx::Result<Arc<Self>> {
        let mut row = Cow::Borrowed(row);
        if row.healed {
            // Kept by a version that left events which fill a gap at the end of the log.
            let append = Append { rebuild_from: Some(String::new()), ..Append::default() };
            store.append(row.n, append).await?;
            row = Cow::Owned(store.session(&row.id).await?.ok_or(sqlx::Error::RowNotFound)?);
        }
        let row = row.as_ref();
        let inner = Self::rebuild(&store, timing, row).await?;
        let live = Arc::new(Self {
            id: row.id.clone(),
            n: row.n,
            link,
            store,
            timing,
            order: tokio::sync::Mutex::new(()),
            inner: Mutex::new(inner),
            seen: watch::Sender::new(0),
            state: watch::Sender::new(0),
            commands: watch::Sender::new(0),
            news: watch::Sender::new(0),
            bucket: limits::SharedBucket::default(),
            card: list::StoredCard::of(row),
            window: past::Window::default(),
        });
        Ok(live)
    }

    async fn rebuild(store: &Store, timing: Timing, row: &SessionRow) -> sqlx::Result<Inner> {
        let mut inner = Inner::new(row, timing.ledger_limits());
        let mut commands: VecDeque<Entry> = store.commands(row.n).await?.into();
        inner.remember_commands(&commands);
        store.replay(row.n, None, |stored| inner.replay(&stored, &mut commands)).await?;
        while !commands.is_empty() {
            inner.replay_command(commands.pop_front());
        }
        inner.tell_state(now());
        Ok(inner)
    }

    /// The moment's lock. Nothing in here panics while it is held; should it ever, the rest stays usable.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state of the session now.
    pub(crate) fn snapshot(&self) -> SessionSnapshot {
        self.lock().snapshot(&self.id)
    }

    pub(crate) fn summary(&self) -> SessionSummary {
        self.lock().summary()
    }

    /// Wakes at every change of what a page shows.
    pub(crate) fn watch_view(&self) -> watch::Receiver<u64> {
        self.seen.subscribe()
    }

    /// Wakes at every change of the snapshot.
    pub(crate) fn watch_state(&self) -> watch::Receiver<u64> {
        self.state.subscribe()
    }

    fn wake_all(&self) {
        bump(&self.seen);
        bump(&self.state);
    }

    /// The exporter was heard by something that stores nothing.
    pub(crate) async fn touch(&self) -> sqlx::Result<()> {
        let (was_steady, worth_storing) = {
            let mut inner = self.lock();
            let before = inner.is_steady();
            (before, inner.heard(now()))
        };
        if !was_steady {
            self.wake_all();
        }
        if let Some(at) = worth_storing {
            let update = SessionUpdate { last_seen: Some(at), ..SessionUpdate::default() };
            self.store.update_session(self.n, update).await?;
        }
        Ok(())
    }

    /// Lets time pass: presence, leases, expiries. Says whether the session may leave the memory.
    pub(crate) async fn tick(&self, at: u64) -> bool {
        self.forget_past(at);
        // Somebody is changing it: the next tick will do, and other sessions must not wait.
        let Ok(_order) = self.order.try_lock() else { return false };
        let (changes, turned, open, idle) = {
            let mut inner = self.lock();
            let silent = inner.last_seen.is_none_or(|seen| at >= seen.saturating_add(millis(self.timing.presence)));
            let mut turned = inner.online && silent && inner.pollers == 0;
            if turned {
                inner.set_online(false);
            } else {
                let quiet = inner.last_seen.is_some_and(|seen| at >= seen.saturating_add(millis(self.timing.quiet)));
                let silent = inner.online && quiet && inner.pollers == 0;
                turned = inner.set_silent(silent);
            }
            inner.ledger.tick(at);
            let changes = Self::note_changes(&mut inner);
            let used = inner.viewers > 0 || inner.pollers > 0 || inner.online;
            let idle = !used && at >= inner.used_at.saturating_add(millis(self.timing.idle));
            (changes, turned, inner.ledger.has_open(), idle)
        };
        let commands_moved = !changes.is_empty();
        let stored = self.store_changes(changes).await.is_ok();
        if turned || commands_moved {
            self.wake_all();
        }
        if open {
            bump(&self.commands);
        }
        idle && stored
    }

    /// Whether nobody needs it in memory now.
    pub(crate) fn is_unused(&self) -> bool {
        let inner = self.lock();
        inner.viewers == 0 && inner.pollers == 0 && !inner.online && !inner.ledger.has_unsaved()
    }

    /// Shows changes of the ledger in the view, and returns them to be stored.
    fn note_changes(inner: &mut Inner) -> Vec<Entry> {
        let changes = inner.ledger.take_changes();
        for entry in &changes {
            inner.view.apply_command(&note(entry));
        }
        changes
    }

    async fn store_changes(&self, changes: Vec<Entry>) -> sqlx::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let result = self.store.put_commands(self.n, changes.clone()).await;
        if result.is_err() {
            // They come again with the next change.
            self.lock().ledger.untake_changes(&changes);
        }
        result
    }

    /// What became of a command.
    pub(crate) async fn receipt(&self, id: &str) -> sqlx::Result<Option<groundlink_protocol::api::CommandReceipt>> {
        if let Some(entry) = self.lock().ledger.get(id) {
            return Ok(Some(entry.receipt()));
        }
        Ok(self.store.command(self.n, id).await?.map(|entry| entry.receipt()))
    }

    /// The exporter has taken the session away for good, as far as it knows.
    pub(crate) async fn close(&self) -> sqlx::Result<()> {
        let _order = self.order.lock().await;
        self.store.update_session(self.n, SessionUpdate { ended: Some(true), ..SessionUpdate::default() }).await?;
        {
            let mut inner = self.lock();
            inner.closed = true;
            inner.last_seen = Some(now());
            inner.set_online(false);
            inner.tell_state(now());
        }
        self.wake_all();
        Ok(())
    }

    /// Whether a re-attachment should be asked for everything again: once for each gap, and always when there is
    /// nothing.
    pub(crate) async fn wants_replay(&self) -> sqlx::Result<bool> {
        let _order = self.order.lock().await;
        let (empty, gap) = {
            let inner = self.lock();
            (inner.last_seq == 0, inner.gap.is_some())
        };
        if gap {
            self.store.update_session(self.n, SessionUpdate { gap: Some(None), ..SessionUpdate::default() }).await?;
            self.lock().gap = None;
        }
        Ok(empty || gap)
    }

    /// The newest durable event, if everything before it is here, too: an exporter need not send those again.
    pub(crate) fn last_event_id(&self) -> Option<String> {
        let inner = self.lock();
        inner.state.head().filter(|_| inner.gap.is_none()).map(|head| head.id.clone())
    }

    /// Takes note of who exports the session.
    pub(crate) async fn attached(&self, exporter: Option<ExporterInfo>) -> sqlx::Result<()> {
        let _order = self.order.lock().await;
        let text = exporter.as_ref().and_then(|info| serde_json::to_string(info).ok());
        let at = now();
        let update =
            SessionUpdate { exporter: Some(text), ended: Some(false), last_seen: Some(at), ..SessionUpdate::default() };
        self.store.update_session(self.n, update).await?;
        {
            let mut inner = self.lock();
            inner.heard(at);
            inner.closed = false;
            inner.view.set_exporter(exporter.clone());
            inner.exporter = exporter;
            inner.ledger.attached(at);
            inner.tell_state(at);
        }
        self.wake_all();
        Ok(())
    }

    /// Remembers whether the session is shared with those who may read its repository. The hub knows no
    /// repositories; it says what it was told.
    pub(crate) async fn set_shared(&self, shared: bool) -> sqlx::Result<()> {
        let _order = self.order.lock().await;
        let update = SessionUpdate { shared: Some(shared), ..SessionUpdate::default() };
        self.store.update_session(self.n, update).await?;
        self.lock().shared = shared;
        Ok(())
    }

    /// Counts a stream for as long as the guard lives, unless so many are open.
    fn viewer_up_to(self: &Arc<Self>, limit: u32) -> Option<ViewerGuard> {
        {
            let mut inner = self.lock();
            if inner.viewers >= limit {
                return None;
            }
            inner.viewers += 1;
        }
        bump(&self.state);
        Some(ViewerGuard(self.clone()))
    }
}

fn bump(sender: &watch::Sender<u64>) {
    sender.send_modify(|n| *n = n.wrapping_add(1));
}

/// An open stream.
pub(crate) struct ViewerGuard(Arc<Live>);

impl Drop for ViewerGuard {
    fn drop(&mut self) {
        {
            let mut inner = self.0.lock();
            inner.viewers = inner.viewers.saturating_sub(1);
            inner.used_at = now();
        }
        bump(&self.0.state);
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("id", &self.id).finish_non_exhaustive()
    }
}
