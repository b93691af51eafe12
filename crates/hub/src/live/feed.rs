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
/// It reads from the store up to the present and then follows. One that falls too far behind goes back to the
/// store; only passing events are lost to it.
pub(crate) struct Feed {
    live: Arc<Live>,
    after: u64,
    news: broadcast::Receiver<FeedItem>,
    page: VecDeque<FeedItem>,
    /// The store may have more than `news` will tell.
    behind: bool,
}

impl Live {
    /// A feed of what comes after `after`.
    pub(crate) fn feed(self: &Arc<Self>, after: u64) -> Feed {
        // First the news, then the store: what is written in between is in both, and told apart by its number.
        let news = self.feed.subscribe();
        Feed { live: self.clone(), after, news, page: VecDeque::new(), behind: true }
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
            if self.behind {
                let page = self.live.store.events(self.live.n, self.after, PAGE).await?;
                self.behind = !page.is_empty();
                self.page.extend(page.into_iter().map(|e| FeedItem::Stored { seq: e.seq, event: e.event }));
                continue;
            }
            match self.news.recv().await {
                Ok(FeedItem::Stored { seq, .. }) if seq <= self.after => {}
                // A number was left out: better ask the store.
                Ok(FeedItem::Stored { seq, .. }) if seq > self.after + 1 => self.behind = true,
                Ok(item) => self.page.push_back(item),
                Err(RecvError::Lagged(_)) => self.behind = true,
                // The session's owner of the sender is `live`, which we hold.
                Err(RecvError::Closed) => return Err(sqlx::Error::PoolClosed),
            }
        }
    }
}
