//! What a stream of events gets: everything stored, in order and without gaps, and what passes meanwhile.

use std::collections::VecDeque;
use std::sync::Arc;

use groundlink_protocol::Event;
use groundlink_protocol::api::EpochChange;
use tokio::sync::watch;

use super::Live;

/// Events read from the store, or from memory, at a time: what a reader holds.
const PAGE: u32 = 200;

/// One step of a stream.
#[derive(Debug, Clone)]
pub(crate) enum FeedItem {
    /// A stored event.
    Stored { seq: u64, event: Event },
    /// One that is not stored.
    Passing(Event),
    /// The log is another one now: its events follow from the first on.
    Epoch(EpochChange),
}

impl FeedItem {
    /// The bytes of its text.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Stored { event, .. } | Self::Passing(event) => event.raw().get().len(),
            Self::Epoch(_) => 0,
        }
    }
}

/// A reader's place in a session's events.
///
/// It reads from the store up to the moment at which its news begin, and then follows them in memory. News only wake
/// it; what is new it takes from its own place on. One that falls too far behind begins again from the store; only
/// passing events are lost to it. So a passing event never comes after a stored one that followed it.
pub(crate) struct Feed {
    live: Arc<Live>,
    epoch: String,
    after: u64,
    news: watch::Receiver<u64>,
    page: VecDeque<FeedItem>,
    /// The number of the next item in memory.
    next: u64,
    /// The last event from before that; those after `after` are still to be read from the store.
    until: u64,
}

impl Live {
    /// A feed of what comes after `after` in the log that `epoch` names; without a name, in the present one.
    pub(crate) fn feed(self: &Arc<Self>, after: u64, epoch: Option<&str>) -> Feed {
        let news = self.news.subscribe();
        let inner = self.lock();
        let mut page = VecDeque::new();
        let known = epoch.is_none_or(|epoch| epoch == inner.log_epoch);
        // A number that does not exist yet is of a log that is gone, too.
        let after = if known && after <= inner.last_seq {
            after
        } else {
            page.push_back(FeedItem::Epoch(inner.epoch_change()));
            0
        };
        let (epoch, next, until) = (inner.log_epoch.clone(), inner.ring.end(), inner.last_seq);
        Feed { live: self.clone(), epoch, after, news, page, next, until }
    }
}

impl Feed {
    /// The name of the log that it reads.
    pub(crate) fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The next item, as soon as there is one. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> sqlx::Result<FeedItem> {
        loop {
            // Before looking: what comes while we look wakes us again.
            self.news.borrow_and_update();
            if let Some(change) = self.look() {
                return Ok(change);
            }
            if let Some(item) = self.page.pop_front() {
                if let FeedItem::Stored { seq, .. } = item {
                    // From the store and from memory: the same event comes once.
                    if seq <= self.after {
                        continue;
                    }
                    self.after = seq;
                }
                return Ok(item);
            }
            if self.after < self.until {
                let page = self.live.store.events(self.live.n, self.after, PAGE).await?;
                // What is stored meanwhile comes with the news, in its place among what passes.
                let page = page.into_iter().take_while(|e| e.seq <= self.until);
                self.page.extend(page.map(|e| FeedItem::Stored { seq: e.seq, event: e.event }));
                if self.page.is_empty() {
                    self.after = self.until;
                }
                continue;
            }
            // The owner of the sender is `live`, which we hold.
            self.news.changed().await.map_err(|_| sqlx::Error::PoolClosed)?;
        }
    }

    /// Looks for news in memory: fills the page, or begins again. Says when the log is another one.
    fn look(&mut self) -> Option<FeedItem> {
        let inner = self.live.lock();
        if inner.log_epoch != self.epoch {
            self.page.clear();
            self.epoch.clone_from(&inner.log_epoch);
            (self.after, self.next, self.until) = (0, inner.ring.end(), inner.last_seq);
            return Some(FeedItem::Epoch(inner.epoch_change()));
        }
        if !self.page.is_empty() || self.after < self.until {
            return None;
        }
        if let Some(items) = inner.ring.from(self.next, PAGE as usize) {
            self.next += items.len() as u64;
            self.page.extend(items);
        } else {
            (self.next, self.until) = (inner.ring.end(), inner.last_seq);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::ingest::{Sorted, Upload};
    use crate::keys::hash_link;
    use crate::live::Timing;
    use crate::store::{NewEvent, Store};

    fn event(id: &str) -> Event {
        let text = format!(r#"{{"id":"{id}","timestamp":"1","parentId":null,"type":"x","data":{{}}}}"#);
        Event::parse(&text).unwrap()
    }

    async fn live(dir: &std::path::Path) -> Arc<Live> {
        let store = Store::open(dir).await.unwrap();
        let row = store.create_session("s", hash_link("k"), 1).await.unwrap();
        Live::load(store, Timing::default(), SecretString::from("k"), &row).await.unwrap()
    }

    #[tokio::test]
    async fn a_slow_reader_misses_what_passes_and_nothing_that_is_stored() {
        let dir = tempfile::tempdir().unwrap();
        let live = live(dir.path()).await;
        let (mut slow, mut quick) = (live.feed(0, None), live.feed(0, None));
        let rounds = 60;
        let mut passed = 0;
        for round in 0..rounds {
            let mut events = Vec::new();
            for n in 0..10 {
                events.push(Sorted::Passing(event(&format!("delta-{round}-{n}"))));
                events.push(Sorted::Stored(NewEvent::new(event(&format!("{round}-{n}")))));
            }
            live.clone().upload(Upload { events, ..Upload::default() }, 1).await.unwrap();
            for _ in 0..20 {
                passed += usize::from(matches!(quick.next().await.unwrap(), FeedItem::Passing(_)));
            }
        }
        assert_eq!(passed, 10 * rounds, "who keeps up gets everything");
        let (mut seqs, mut late) = (Vec::new(), 0);
        while seqs.len() < 10 * rounds {
            match slow.next().await.unwrap() {
                FeedItem::Stored { seq, .. } => seqs.push(seq),
                FeedItem::Passing(_) => late += 1,
                FeedItem::Epoch(_) => panic!("the log is the same"),
            }
        }
        assert_eq!(seqs, (1..=10 * rounds as u64).collect::<Vec<_>>());
        assert!(late < 10 * rounds, "nothing is kept for the slow");
    }

    #[tokio::test]
    async fn what_passes_keeps_its_place_among_what_is_stored() {
        let dir = tempfile::tempdir().unwrap();
        let live = live(dir.path()).await;
        let upload = |events| live.clone().upload(Upload { events, ..Upload::default() }, 1);
        upload(vec![Sorted::Stored(NewEvent::new(event("a")))]).await.unwrap();
        let mut feed = live.feed(0, None);
        // All before the feed has read anything.
        let delta = Sorted::Passing(event("delta"));
        upload(vec![delta, Sorted::Stored(NewEvent::new(event("b")))]).await.unwrap();
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(match feed.next().await.unwrap() {
                FeedItem::Stored { seq, event } => format!("{seq} {}", event.id()),
                FeedItem::Passing(event) => event.id().to_owned(),
                FeedItem::Epoch(change) => change.epoch,
            });
        }
        assert_eq!(ids, ["1 a", "delta", "2 b"]);
    }
}
