//! Reading again, from the CLI's own log, what a slow reader has missed.

use std::sync::Arc;

use futures_util::future::BoxFuture;
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
    /// The cursor asked for was unknown: this is the first page of all.
    pub(crate) restarted: bool,
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

/// A place in the CLI's log where a reader has been: the next refill begins there instead of at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where the next page begins.
    cursor: String,
    /// The event before that page.
    last: String,
}

/// A refill under way: pages through the log from a known place, or the start, skips what the reader has had, and stops
/// where the buffer takes over.
pub(crate) struct Refill {
    source: Arc<dyn LogSource>,
    from: RefillFrom,
    until: Option<String>,
    cursor: Option<String>,
    /// What `from` was before a known place made it needless.
    asked: RefillFrom,
    /// The last page that was read to its end.
    place: Option<Place>,
    finished: bool,
    found: u64,
    missing: u64,
}

impl Refill {
    /// `place` is one where the same reader has been.
    pub(crate) fn new(
        source: Arc<dyn LogSource>,
        from: RefillFrom,
        until: Option<String>,
        missing: u64,
        place: Option<Place>,
    ) -> Self {
        let asked = from.clone();
        // A reader only goes forward: what it wants is behind where it has been.
        let from = match (from, &place) {
            (RefillFrom::After(id), Some(place)) if id == place.last => RefillFrom::Start,
            (from, _) => from,
        };
        let cursor = place.as_ref().map(|place| place.cursor.clone());
        Self { source, from, until, cursor, asked, place, finished: false, found: 0, missing }
    }

    /// The next events, oldest first; nothing when done. Memory: one page.
    pub(crate) async fn next(mut self) -> (Self, Vec<Event>) {
        let mut wanted = Vec::new();
        while wanted.is_empty() && !self.finished {
            let Some(page) = self.source.page(self.cursor.take()).await else {
                self.finished = true;
                break;
            };
            if page.restarted && self.found == 0 {
                self.from = self.asked.clone();
            }
            let last = page.events.last().map(|event| event.id().to_owned());
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
            // A page that the buffer took over from was not read to its end.
            if let (Some(cursor), Some(last), false) = (&page.cursor, last, self.finished) {
                self.place = Some(Place { cursor: cursor.clone(), last });
            }
            self.cursor = page.cursor;
        }
        self.found += wanted.len() as u64;
        (self, wanted)
    }

    /// Where the next refill of the same reader may begin.
    pub(crate) fn place(self) -> Option<Place> {
        self.place
    }

    /// How many of the missing events the log did not give back.
    pub(crate) fn lost(&self) -> u64 {
        self.missing.saturating_sub(self.found)
    }
}
