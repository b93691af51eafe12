//! Reading again, from the CLI's own log, what a slow reader has missed.

use std::sync::Arc;

use futures::future::BoxFuture;
use groundlink_protocol::Event;

/// One page of the CLI's log.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogPage {
    /// Durable events, oldest first.
    pub(crate) events: Vec<Event>,
    /// Where the next page begins.
    pub(crate) cursor: Option<String>,
    /// Whether there is a next page at this moment.
    pub(crate) has_more: bool,
}

/// Something that can page through the stored events of one session.
pub(crate) trait LogSource: Send + Sync {
    /// The page at `cursor`; from the first event on without one. `None`: the log is out of reach.
    fn page(&self, cursor: Option<String>) -> BoxFuture<'static, Option<LogPage>>;
}

/// Where reading again begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RefillFrom {
    /// With the first stored event.
    Start,
    /// With this event.
    At(String),
    /// With the event after this one.
    After(String),
}

/// A refill under way: pages through the log from the start, skips what the reader has had, and stops
/// where the buffer takes over.
pub(crate) struct Refill {
    source: Arc<dyn LogSource>,
    from: RefillFrom,
    until: Option<String>,
    cursor: Option<String>,
    finished: bool,
    found: u64,
    missing: u64,
}

impl Refill {
    pub(crate) fn new(source: Arc<dyn LogSource>, from: RefillFrom, until: Option<String>, missing: u64) -> Self {
        Self { source, from, until, cursor: None, finished: false, found: 0, missing }
    }

    /// The next events, oldest first; nothing when done. Memory: one page.
    pub(crate) async fn next(mut self) -> (Self, Vec<Event>) {
        let mut wanted = Vec::new();
        while wanted.is_empty() && !self.finished {
            let Some(page) = self.source.page(self.cursor.take()).await else {
                self.finished = true;
                break;
            };
            for event in page.events {
                if self.until.as_deref() == Some(event.id()) {
                    self.finished = true;
                    break;
                }
                let wants = match &self.from {
                    RefillFrom::Start => true,
                    RefillFrom::At(id) => id == event.id(),
                    RefillFrom::After(id) => {
                        if id == event.id() {
                            self.from = RefillFrom::Start;
                        }
                        false
                    }
                };
                if wants {
                    self.from = RefillFrom::Start;
                    if !event.ephemeral() {
                        wanted.push(event);
                    }
                }
            }
            // A page that names no next place would start over for ever.
            self.finished |= !page.has_more || page.cursor.is_none();
            self.cursor = page.cursor;
        }
        self.found += wanted.len() as u64;
        (self, wanted)
    }

    /// How many of the missing events the log did not give back.
    pub(crate) fn lost(&self) -> u64 {
        self.missing.saturating_sub(self.found)
    }
}
