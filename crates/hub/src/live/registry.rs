//! All sessions: finding them, loading them once, letting idle ones go.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OnceCell, watch};
use tokio_util::sync::CancellationToken;

use super::{Board, Live, SessionSummary, Streams, Timing, now};
use crate::ingest::Secrets;
use crate::keys::{Keys, LinkHash, hash_link};
use crate::store::{SessionRow, Store};

/// Sessions in memory beyond which idle ones go at once, not after a while. Those in use stay.
const MANY: usize = 256;

type Slot = Arc<OnceCell<Arc<Live>>>;

/// All sessions of a hub.
pub(crate) struct Sessions {
    pub(crate) store: Store,
    pub(crate) keys: Keys,
    pub(crate) timing: Timing,
    /// Cancelled when the hub stops: every stream and every held poll ends.
    pub(crate) shutdown: CancellationToken,
    links: RwLock<HashMap<LinkHash, String>>,
    pub(super) streams: Streams,
    live: Mutex<HashMap<String, Slot>>,
    /// All sessions at a glance.
    pub(crate) board: Board,
    summaries: Mutex<HashMap<String, watch::Sender<SessionSummary>>>,
}

impl Sessions {
    /// Opens the registry over a store.
    pub(crate) async fn open(
        store: Store,
        keys: Keys,
        timing: Timing,
        shutdown: CancellationToken,
    ) -> sqlx::Result<Arc<Self>> {
        let links = store.links().await?.into_iter().collect();
        let sessions = Arc::new(Self {
            store,
            keys,
            timing,
            shutdown,
            links: RwLock::new(links),
            streams: Streams::default(),
            live: Mutex::default(),
            board: Board::new(),
            summaries: Mutex::default(),
        });
        sessions.fill_board().await?;
        Ok(sessions)
    }

    /// The session behind a link.
    pub(crate) async fn by_link(self: &Arc<Self>, secret: &str) -> sqlx::Result<Option<Arc<Live>>> {
        let id = {
            let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
            links.get(&hash_link(secret)).cloned()
        };
        match id {
            Some(id) => self.by_id(&id).await,
            None => Ok(None),
        }
    }

    /// The session with this id.
    pub(crate) async fn by_id(self: &Arc<Self>, id: &str) -> sqlx::Result<Option<Arc<Live>>> {
        if let Some(live) = self.loaded(id) {
            return Ok(Some(live));
        }
        match self.store.session(id).await? {
            Some(row) => self.load(row).await.map(Some),
            None => Ok(None),
        }
    }

    /// The session with this id, made if it is new.
    pub(crate) async fn by_id_or_new(self: &Arc<Self>, id: &str) -> sqlx::Result<Arc<Live>> {
        if let Some(live) = self.loaded(id) {
            return Ok(live);
        }
        let hash = self.keys.link_hash_of(id);
        let row = self.store.create_session(id, hash, now()).await?;
        self.links.write().unwrap_or_else(PoisonError::into_inner).insert(hash, id.to_owned());
        self.load(row).await
    }

    /// The secret part of a session's link.
    pub(crate) fn link(&self, id: &str) -> SecretString {
        self.keys.link_secret(id)
    }

    /// The session with this id, if it is in memory.
    pub(crate) fn loaded(&self, id: &str) -> Option<Arc<Live>> {
        self.slots().get(id).and_then(|slot| slot.get().cloned())
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<String, Slot>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loads a session once, however many ask at the same time.
    async fn load(self: &Arc<Self>, row: SessionRow) -> sqlx::Result<Arc<Live>> {
        let slot = self.slots().entry(row.id.clone()).or_default().clone();
        let live = slot
            .get_or_try_init(|| async {
                let live = Live::load(self.store.clone(), self.timing, self.link(&row.id), &row).await?;
                self.publish(&live);
                self.follow(&live);
                Ok::<_, sqlx::Error>(live)
            })
            .await?;
        Ok(live.clone())
    }

    /// Keeps the summary current for as long as the session is in memory.
    fn follow(self: &Arc<Self>, live: &Arc<Live>) {
        let mut news = live.watch_state();
        let (sessions, live) = (Arc::downgrade(self), Arc::downgrade(live));
        tokio::spawn(async move {
            while news.changed().await.is_ok() {
                let (Some(sessions), Some(live)) = (sessions.upgrade(), live.upgrade()) else { break };
                sessions.publish(&live);
            }
        });
    }

    fn publish(&self, live: &Live) {
        self.show(live);
        let summary = live.summary();
        let mut summaries = self.summaries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = summaries.get(&live.id) {
            if sender.is_closed() {
                summaries.remove(&live.id);
            } else {
                sender.send_if_modified(|old| {
                    let new = *old != summary;
                    *old = summary;
                    new
                });
            }
        }
    }

    /// Follows a session, also one that does not exist yet.
    pub(crate) fn watch(self: &Arc<Self>, id: &str) -> watch::Receiver<SessionSummary> {
        let receiver = {
            let mut summaries = self.summaries.lock().unwrap_or_else(PoisonError::into_inner);
            summaries.retain(|_, sender| !sender.is_closed());
            summaries.entry(id.to_owned()).or_default().subscribe()
        };
        let (sessions, id) = (self.clone(), id.to_owned());
        tokio::spawn(async move {
            match sessions.by_id(&id).await {
                Ok(Some(live)) => sessions.publish(&live),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "reading a session to watch it"),
            }
        });
        receiver
    }

    /// Lets time pass for all sessions, until the hub stops.
    pub(crate) async fn run_clock(self: Arc<Self>) {
        let step =
            (self.timing.lease.min(self.timing.presence) / 8).clamp(Duration::from_millis(20), Duration::from_secs(1));
        let mut clock = tokio::time::interval(step);
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                _ = clock.tick() => {}
            }
            let all = self.all_loaded();
            let many = all.len() > MANY;
            let at = now();
            for live in all {
                // Far in the future everything unused is idle.
                let idle = live.tick(at).await || (many && live.is_unused());
                let kept = self.keep_card(&live, idle).await;
                if idle && kept {
                    let id = live.id.clone();
                    drop(live);
                    self.let_go(&id);
                }
            }
        }
    }

    /// All sessions in memory.
    pub(super) fn all_loaded(&self) -> Vec<Arc<Live>> {
        self.slots().values().filter_map(|slot| slot.get().cloned()).collect()
    }

    /// Forgets a session that was deleted.
    pub(super) fn forget(&self, id: &str) {
        self.links.write().unwrap_or_else(PoisonError::into_inner).remove(&self.keys.link_hash_of(id));
        self.slots().remove(id);
    }

    /// Forgets a session that nobody holds.
    fn let_go(&self, id: &str) {
        let mut slots = self.slots();
        let unused = slots.get(id).is_some_and(|slot| {
            Arc::strong_count(slot) == 1 && slot.get().is_some_and(|live| Arc::strong_count(live) == 1)
        });
        if unused {
            slots.remove(id);
        }
    }
}

/// The secrets to keep out of one session's events.
pub(crate) struct SessionSecrets<'a> {
    sessions: &'a Sessions,
    known: [&'a str; 3],
}

impl Sessions {
    /// What must not be stored with this session.
    pub(crate) fn secrets<'a>(&'a self, live: &'a Live) -> SessionSecrets<'a> {
        let known = [&live.link, self.keys.export_token(), self.keys.hub_secret()].map(ExposeSecret::expose_secret);
        SessionSecrets { sessions: self, known }
    }
}

impl Secrets for SessionSecrets<'_> {
    fn known(&self) -> &[&str] {
        &self.known
    }

    fn is_link(&self, hash: &LinkHash) -> bool {
        self.sessions.links.read().unwrap_or_else(PoisonError::into_inner).contains_key(hash)
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sessions(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::Upload;
    use secrecy::zeroize::Zeroizing;

    async fn registry(dir: &std::path::Path) -> Arc<Sessions> {
        let store = Store::open(dir).await.unwrap();
        let keys = Keys::from_key(Zeroizing::new([1; 32]));
        let timing = Timing { idle: Duration::ZERO, presence: Duration::ZERO, ..Timing::default() };
        Sessions::open(store, keys, timing, CancellationToken::new()).await.unwrap()
    }

    async fn upload(sessions: &Sessions, live: &Arc<Live>, body: &str) {
        let upload = Upload::parse(body.as_bytes(), &sessions.secrets(live)).unwrap();
        live.clone().upload(upload, now()).await.unwrap();
    }

    #[tokio::test]
    async fn an_idle_session_leaves_and_comes_back_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let sessions = registry(dir.path()).await;
        let live = sessions.by_id_or_new("s").await.unwrap();
        upload(&sessions, &live, r#"{"events":[{"id":"1","type":"session.title_changed","data":{"title":"Kept"}}]}"#)
            .await;
        let epoch = live.lock().epoch.clone();
        assert!(live.tick(now() + 1).await, "nobody needs it");
        sessions.let_go("s");
        assert!(sessions.loaded("s").is_some(), "we hold it");
        drop(live);
        sessions.let_go("s");
        assert!(sessions.loaded("s").is_none());
        let live = sessions.by_id("s").await.unwrap().unwrap();
        assert_eq!(live.summary().title.as_deref(), Some("Kept"));
        assert_ne!(live.lock().epoch, epoch, "pages are drawn anew");
    }

    #[tokio::test]
    async fn a_watched_session_stays() {
        let dir = tempfile::tempdir().unwrap();
        let sessions = registry(dir.path()).await;
        let live = sessions.by_id_or_new("s").await.unwrap();
        let viewer = sessions.open_stream(&live).unwrap();
        assert!(!live.tick(now() + 1).await);
        drop(viewer);
        assert!(live.tick(now() + 1).await);
    }

    #[tokio::test]
    async fn many_that_ask_at_once_get_the_same_session() {
        let dir = tempfile::tempdir().unwrap();
        let sessions = registry(dir.path()).await;
        let all = futures::future::join_all((0..20).map(|_| sessions.by_id_or_new("s"))).await;
        let first = all[0].as_ref().unwrap();
        assert!(all.iter().all(|live| Arc::ptr_eq(live.as_ref().unwrap(), first)));
        assert!(sessions.by_id("other").await.unwrap().is_none());
        let secret = sessions.link("s");
        let found = sessions.by_link(secret.expose_secret()).await.unwrap().unwrap();
        assert!(Arc::ptr_eq(&found, first));
    }

    #[tokio::test]
    async fn the_list_is_there_without_reading_events_and_right_after_a_crash() {
        let dir = tempfile::tempdir().unwrap();
        let sessions = registry(dir.path()).await;
        let live = sessions.by_id_or_new("s").await.unwrap();
        let titled = |id: &str, title: &str| {
            format!(r#"{{"events":[{{"id":"{id}","type":"session.title_changed","data":{{"title":"{title}"}}}}]}}"#)
        };
        upload(&sessions, &live, &titled("1", "One")).await;
        sessions.show(&live);
        sessions.keep_cards().await;
        let shown = sessions.board.get("s").unwrap();
        let again = registry(dir.path()).await;
        let entry = again.board.get("s").unwrap();
        assert_eq!((entry.title.as_deref(), entry.created_at_ms), (Some("One"), shown.created_at_ms));
        assert!(again.loaded("s").is_none(), "it was not read");
        // A crash: the log is longer than what the card knows.
        upload(&sessions, &live, &titled("2", "Two")).await;
        let after = registry(dir.path()).await;
        let mut news = after.board.watch();
        while after.board.get("s").is_none_or(|entry| entry.title.as_deref() != Some("Two")) {
            news.changed().await.unwrap();
        }
    }
}
