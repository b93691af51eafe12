//! All sessions at a glance, kept current, and what has changed since.
//!
//! Like everywhere here no viewer has a queue: a change counts up a number and wakes, and each viewer asks what is newer
//! than the number that it knows.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use groundlink_protocol::api::SessionEntry;
use tokio::sync::watch;

/// Deleted sessions that are remembered for viewers who have not heard of it. One who comes later begins anew.
const GONE: usize = 256;

/// The sessions. See the module's description.
pub(crate) struct Board {
    /// Names this board among all that there were.
    epoch: String,
    cards: Mutex<Cards>,
    news: watch::Sender<u64>,
}

#[derive(Default)]
struct Cards {
    rev: u64,
    there: HashMap<String, (u64, Arc<SessionEntry>)>,
    gone: VecDeque<(u64, String)>,
    /// The number of the newest deletion that is not remembered any more.
    forgotten: u64,
}

/// What happened to a session.
#[derive(Debug, Clone)]
pub(crate) enum BoardChange {
    /// It is new, or different.
    Changed(Arc<SessionEntry>),
    /// It was deleted.
    Gone(String),
}

impl BoardChange {
    /// The session, if it is there.
    pub(crate) fn present(&self) -> Option<&str> {
        match self {
            Self::Changed(entry) => Some(&entry.session_id),
            Self::Gone(_) => None,
        }
    }
}

/// What is new for a viewer.
#[derive(Debug, Clone)]
pub(crate) struct Changes {
    /// Forget what was there before.
    pub(crate) all: bool,
    /// In order, each with the cursor after it.
    pub(crate) new: Vec<(String, BoardChange)>,
    /// The cursor after all of them.
    pub(crate) cursor: String,
}

impl Board {
    pub(super) fn new() -> Self {
        Self { epoch: uuid::Uuid::new_v4().simple().to_string(), cards: Mutex::default(), news: watch::Sender::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, Cards> {
        self.cards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes at every change.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// Takes in how a session is now.
    pub(super) fn put(&self, entry: SessionEntry) {
        let rev = {
            let mut cards = self.lock();
            if cards.there.get(&entry.session_id).is_some_and(|(_, old)| **old == entry) {
                return;
            }
            cards.rev += 1;
            let rev = cards.rev;
            cards.there.insert(entry.session_id.clone(), (rev, Arc::new(entry)));
            rev
        };
        self.news.send_replace(rev);
    }

    /// Takes a session away.
    pub(super) fn remove(&self, id: &str) {
        let rev = {
            let mut cards = self.lock();
            if cards.there.remove(id).is_none() {
                return;
            }
            cards.rev += 1;
            let rev = cards.rev;
            cards.gone.push_back((rev, id.to_owned()));
            if cards.gone.len() > GONE
                && let Some((rev, _)) = cards.gone.pop_front()
            {
                cards.forgotten = rev;
            }
            rev
        };
        self.news.send_replace(rev);
    }

    /// A session.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<SessionEntry>> {
        self.lock().there.get(id).map(|(_, entry)| entry.clone())
    }

    /// All sessions, and the cursor of now.
    pub(crate) fn all(&self) -> (Vec<Arc<SessionEntry>>, String) {
        let cards = self.lock();
        (cards.there.values().map(|(_, entry)| entry.clone()).collect(), self.cursor(cards.rev))
    }

    fn cursor(&self, rev: u64) -> String {
        format!("{}:{rev}", self.epoch)
    }

    /// What is new since a cursor.
    pub(crate) fn since(&self, cursor: &str) -> Changes {
        let known = cursor.split_once(':').filter(|(epoch, _)| *epoch == self.epoch);
        let known: Option<u64> = known.and_then(|(_, rev)| rev.parse().ok());
        let cards = self.lock();
        let known = known.filter(|rev| (cards.forgotten..=cards.rev).contains(rev));
        let after = known.unwrap_or(0);
        let there = cards.there.values().map(|(rev, entry)| (*rev, BoardChange::Changed(entry.clone())));
        let gone = cards.gone.iter().filter(|_| known.is_some()).map(|(rev, id)| (*rev, BoardChange::Gone(id.clone())));
        let mut new: Vec<(u64, BoardChange)> = there.chain(gone).filter(|(rev, _)| *rev > after).collect();
        new.sort_by_key(|(rev, _)| *rev);
        let new = new.into_iter().map(|(rev, change)| (self.cursor(rev), change)).collect();
        Changes { all: known.is_none(), new, cursor: self.cursor(cards.rev) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use groundlink_protocol::api::{Presence, SessionStatus};

    pub(crate) fn entry(id: &str, title: &str) -> SessionEntry {
        SessionEntry {
            session_id: id.to_owned(),
            link: String::new(),
            name: None,
            title: Some(title.to_owned()),
            status: SessionStatus::Idle,
            since: None,
            error: None,
            presence: Presence::default(),
            repository: None,
            branch: None,
            cwd: None,
            machine: None,
            model: None,
            waiting: Vec::new(),
            archived: false,
            created_at_ms: 1,
        }
    }

    fn words(changes: &Changes) -> Vec<String> {
        let word = |change: &BoardChange| match change {
            BoardChange::Changed(entry) => format!("{}={}", entry.session_id, entry.title.as_deref().unwrap_or("")),
            BoardChange::Gone(id) => format!("-{id}"),
        };
        changes.new.iter().map(|(_, change)| word(change)).collect()
    }

    #[test]
    fn each_viewer_hears_what_is_new_since_its_own_place() {
        let board = Board::new();
        board.put(entry("a", "1"));
        board.put(entry("b", "1"));
        let first = board.since("");
        assert!(first.all);
        assert_eq!(words(&first), ["a=1", "b=1"]);
        board.put(entry("b", "1"));
        assert!(board.since(&first.cursor).new.is_empty(), "the same again is no news");
        board.put(entry("a", "2"));
        board.remove("b");
        board.remove("b");
        let second = board.since(&first.cursor);
        assert!(!second.all);
        assert_eq!(words(&second), ["a=2", "-b"]);
        let (between, _) = &second.new[0];
        assert_eq!(words(&board.since(between)), ["-b"], "an interrupted stream goes on in the middle");
        let other = Board::new();
        other.put(entry("a", "3"));
        assert!(other.since(&second.cursor).all, "a cursor of another hub's run");
    }

    #[test]
    fn who_has_missed_too_many_deletions_begins_anew() {
        let board = Board::new();
        board.put(entry("stays", "1"));
        let before = board.since("").cursor;
        for n in 0..=GONE {
            board.put(entry(&n.to_string(), "1"));
            board.remove(&n.to_string());
        }
        let late = board.since(&before);
        assert!(late.all);
        assert_eq!(words(&late), ["stays=1"]);
        assert!(!board.since(&late.cursor).all);
    }
}
