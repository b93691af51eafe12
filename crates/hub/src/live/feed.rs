//! What a stream of events gets: everything stored, in order and without gaps, and what passes meanwhile.

use std::collections::VecDeque;
use std::sync::Arc;

use groundlink_protocol::Event;
use tokio::sync::broadcast::{self, error::RecvError};

use super::Live;

/// Events read from the store at a time.
const PAGE: u32 = 200;

/// One step of a stream.
#[derive(Debug, Clone)]
pub(crate) enum FeedItem {
    /// A stored event.
    Stored { seq: u64, event: Event },
    /// One that is not stored.
    Passing(Event),
}

/// A reader's place in a session's events.
///
/// It reads from the store up to the moment at which its news begin, and then follows them. One that falls too far
/// behind begins again like that; only passing events are lost to it. So a passing event never comes after a stored
/// one that followed it.
pub(crate) struct Feed {
    live: Arc<Live>,
    after: u64,
    news: broadcast::Receiver<FeedItem>,
    page: VecDeque<FeedItem>,
    /// The last event from before `news`; those after `after` are still to be read from the store.
    until: u64,
}

impl Live {
    /// A feed of what comes after `after`.
    pub(crate) fn feed(self: &Arc<Self>, after: u64) -> Feed {
        let (news, until) = self.news();
        Feed { live: self.clone(), after, news, page: VecDeque::new(), until }
    }

    /// The news from now on, and the last event from before them: what is told is told under the same lock.
    fn news(&self) -> (broadcast::Receiver<FeedItem>, u64) {
        let inner = self.lock();
        (self.feed.subscribe(), inner.last_seq)
    }
}

impl Feed {
    /// The next item, as soon as there is one. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> sqlx::Result<FeedItem> {
        loop {
            if let Some(item) = self.page.pop_front() {
                if let FeedItem::Stored { seq, .. } = item {
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
            match self.news.recv().await {
                Ok(FeedItem::Stored { seq, .. }) if seq <= self.after => {}
                // A number was left out: better ask the store.
                Ok(FeedItem::Stored { seq, .. }) if seq > self.after + 1 => self.begin_again(),
                Ok(item) => self.page.push_back(item),
                Err(RecvError::Lagged(_)) => self.begin_again(),
                // The session's owner of the sender is `live`, which we hold.
                Err(RecvError::Closed) => return Err(sqlx::Error::PoolClosed),
            }
        }
    }

    fn begin_again(&mut self) {
        (self.news, self.until) = self.live.news();
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

    #[tokio::test]
    async fn what_passes_keeps_its_place_among_what_is_stored() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let row = store.create_session("s", hash_link("k"), 1).await.unwrap();
        let live = Live::load(store, Timing::default(), SecretString::from("k"), &row).await.unwrap();
        let upload = |events| live.clone().upload(Upload { events, ..Upload::default() }, 1);
        upload(vec![Sorted::Stored(NewEvent::new(event("a")))]).await.unwrap();
        let mut feed = live.feed(0);
        // All before the feed has read anything.
        let delta = Sorted::Passing(event("delta"));
        upload(vec![delta, Sorted::Stored(NewEvent::new(event("b")))]).await.unwrap();
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(match feed.next().await.unwrap() {
                FeedItem::Stored { seq, event } => format!("{seq} {}", event.id()),
                FeedItem::Passing(event) => event.id().to_owned(),
            });
        }
        assert_eq!(ids, ["1 a", "delta", "2 b"]);
    }
}
