//! The public event stream.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;
use futures::future::BoxFuture;
use groundlink_protocol::Event;

use super::feed::{Feed, Reader};
use super::log::Step;
use super::refill::{LogSource, Refill};

/// What an [`EventStream`] yields.
#[derive(Debug, Clone)]
pub enum EventItem {
    /// An event, in the order the CLI sent it.
    Event(Event),
    /// This reader was too slow, and something is missing here.
    Lagged(Lagged),
}

impl EventItem {
    /// The event, if this is one.
    pub fn event(&self) -> Option<&Event> {
        match self {
            Self::Event(event) => Some(event),
            Self::Lagged(_) => None,
        }
    }

    /// The event, if this is one.
    pub fn into_event(self) -> Option<Event> {
        match self {
            Self::Event(event) => Some(event),
            Self::Lagged(_) => None,
        }
    }
}

/// How much a slow reader has missed since its previous item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Lagged {
    /// Ephemeral events that were shed. Their content comes again in the durable event that ends
    /// them (deltas in `assistant.message`, partial output in `tool.execution_complete`).
    pub shed: u64,
    /// Durable events that could not be read again from the CLI's log. Zero, unless the session or the
    /// connection has ended, or its log was truncated.
    pub lost: u64,
}

/// The events of one session, in order; every stream has a cursor of its own.
///
/// A stream that is read slowly holds up nobody: it falls behind in a bounded buffer. Ephemeral
/// events it misses are summed up in an [`EventItem::Lagged`]; durable ones are read again from the
/// CLI's log and come in their place. The stream ends after [`Session::destroy`](crate::Session::destroy),
/// or with the connection.
pub struct EventStream {
    feed: Arc<Feed>,
    reader: Reader,
    source: Arc<dyn LogSource>,
    refill: Option<BoxFuture<'static, (Refill, Vec<Event>)>>,
    ready: VecDeque<EventItem>,
}

impl EventStream {
    pub(crate) fn new(feed: Arc<Feed>, reader: Reader, source: Arc<dyn LogSource>) -> Self {
        Self {
            feed,
            reader,
            source,
            refill: None,
            ready: VecDeque::new(),
        }
    }

    /// The next item; `None` when the session or the connection has ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<EventItem> {
        futures::StreamExt::next(self).await
    }

    /// The next event of wire type `kind`, passing over everything else. Cancel-safe.
    pub async fn next_of_kind(&mut self, kind: &str) -> Option<Event> {
        while let Some(item) = self.next().await {
            if let EventItem::Event(event) = item
                && event.kind() == kind
            {
                return Some(event);
            }
        }
        None
    }

    fn lagged(&mut self, shed: u64, lost: u64) {
        if shed + lost > 0 {
            self.ready
                .push_back(EventItem::Lagged(Lagged { shed, lost }));
        }
    }
}

impl Stream for EventStream {
    type Item = EventItem;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<EventItem>> {
        let this = &mut *self;
        loop {
            if let Some(item) = this.ready.pop_front() {
                return Poll::Ready(Some(item));
            }
            if let Some(running) = &mut this.refill {
                let Poll::Ready((refill, events)) = running.as_mut().poll(context) else {
                    return Poll::Pending;
                };
                if let Some(last) = events.last() {
                    this.reader.last_durable = Some(last.id().to_owned());
                    this.ready.extend(events.into_iter().map(EventItem::Event));
                    this.refill = Some(Box::pin(refill.next()));
                } else {
                    this.refill = None;
                    this.lagged(0, refill.lost());
                }
                continue;
            }
            match this.feed.poll(&mut this.reader, context.waker()) {
                None => return Poll::Ready(None),
                Some(Step::Empty) => return Poll::Pending,
                Some(Step::Event(event)) => return Poll::Ready(Some(EventItem::Event(event))),
                Some(Step::Shed(shed)) => this.lagged(shed, 0),
                Some(Step::Gap {
                    missing,
                    shed,
                    until,
                }) => {
                    this.lagged(shed, 0);
                    let refill = Refill::new(
                        Arc::clone(&this.source),
                        this.feed.refill_from(&this.reader),
                        until.map(|event| event.id().to_owned()),
                        missing,
                    );
                    this.refill = Some(Box::pin(refill.next()));
                }
            }
        }
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.feed.leave(&self.reader);
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EventStream").finish_non_exhaustive()
    }
}
