//! The public event stream.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::future::BoxFuture;
use groundlink_protocol::Event;

use super::feed::{Feed, Reader};
use super::log::Step;
use super::refill::{LogSource, Place, Refill};

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
    /// Where the last refill has been.
    place: Option<Place>,
    /// The only kinds that are wanted.
    kinds: Option<Vec<String>>,
    ready: VecDeque<EventItem>,
}

impl EventStream {
    pub(crate) fn new(feed: Arc<Feed>, reader: Reader, source: Arc<dyn LogSource>) -> Self {
        Self { feed, reader, source, refill: None, place: None, kinds: None, ready: VecDeque::new() }
    }

    /// The next item; `None` when the session or the connection has ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<EventItem> {
        futures_util::StreamExt::next(self).await
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

    /// Yields events of these wire types only, such as `["assistant.message", "session.idle"]`. What was missed is told
    /// all the same, since it may have been one of them.
    #[must_use]
    pub fn only<K: Into<String>>(mut self, kinds: impl IntoIterator<Item = K>) -> Self {
        self.kinds = Some(kinds.into_iter().map(Into::into).collect());
        self
    }

    fn wants(&self, item: &EventItem) -> bool {
        match (&self.kinds, item) {
            (Some(kinds), EventItem::Event(event)) => kinds.iter().any(|kind| kind == event.kind()),
            _ => true,
        }
    }

    /// Whether this stream has come to where `other` stands.
    pub(crate) fn has_reached(&self, other: &Self) -> bool {
        self.ready.is_empty() && self.refill.is_none() && self.reader.has_reached(&other.reader)
    }

    fn lagged(&mut self, shed: u64, lost: u64) {
        if shed + lost > 0 {
            self.ready.push_back(EventItem::Lagged(Lagged { shed, lost }));
        }
    }
}

impl Stream for EventStream {
    type Item = EventItem;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<EventItem>> {
        let this = &mut *self;
        loop {
            if let Some(item) = this.ready.pop_front() {
                if this.wants(&item) {
                    return Poll::Ready(Some(item));
                }
                continue;
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
                    this.place = refill.place();
                }
                continue;
            }
            match this.feed.poll(&mut this.reader, context.waker()) {
                None => return Poll::Ready(None),
                Some(Step::Empty) => return Poll::Pending,
                Some(Step::Event(event)) => {
                    let item = EventItem::Event(event);
                    if this.wants(&item) {
                        return Poll::Ready(Some(item));
                    }
                }
                Some(Step::Shed(shed)) => this.lagged(shed, 0),
                Some(Step::Gap { missing, shed, until }) => {
                    this.lagged(shed, 0);
                    let refill = Refill::new(
                        Arc::clone(&this.source),
                        this.feed.refill_from(&this.reader),
                        until.map(|event| event.id().to_owned()),
                        missing,
                        this.place.clone(),
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    use super::super::log::EventLimits;
    use super::super::refill::LogPage;
    use super::*;

    /// The CLI's log: every durable event, and some that were never sent live.
    #[derive(Default)]
    struct Stored(std::sync::Mutex<Vec<Event>>);

    impl LogSource for Stored {
        fn page(&self, cursor: Option<String>) -> BoxFuture<'static, Option<LogPage>> {
            let from: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
            let stored = self.0.lock().unwrap();
            let to = (from + 3).min(stored.len());
            let page = LogPage {
                events: stored[from..to].to_vec(),
                cursor: Some(to.to_string()),
                has_more: to < stored.len(),
                restarted: false,
            };
            Box::pin(async move { Some(page) })
        }
    }

    fn event(id: usize, ephemeral: bool) -> Event {
        Event::parse(&format!(r#"{{"id":"{id}","type":"t","data":{{}},"ephemeral":{ephemeral}}}"#)).unwrap()
    }

    #[derive(Debug, Clone)]
    enum Act {
        Durable,
        Ephemeral,
        StoredOnly,
        Read(usize),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => Just(Act::Durable),
            4 => Just(Act::Ephemeral),
            1 => Just(Act::StoredOnly),
            2 => (1usize..4).prop_map(Act::Read),
        ]
    }

    proptest! {
        // However slowly a stream is read: every durable event once and in order, nothing lost, and
        // every ephemeral event either seen or counted.
        #[test]
        fn durable_events_always_arrive(
            durable_events in 1usize..5,
            ephemeral_events in 1usize..5,
            before in 0usize..4,
            acts in prop::collection::vec(act(), 0..150),
        ) {
            let limits = EventLimits { durable_events, ephemeral_events, ..EventLimits::default() };
            let feed = Feed::new(limits);
            let stored = Arc::new(Stored::default());
            let store = |event: &Event| stored.0.lock().unwrap().push(event.clone());
            // What the session's log had before this client came.
            (0..before).for_each(|id| store(&event(id, false)));
            let mut stream = EventStream::new(Arc::clone(&feed), feed.reader_from_start(), stored.clone());
            let (mut live, mut ephemeral, mut next_id) = (Vec::new(), 0u64, before);
            let (mut got, mut seen, mut shed) = (Vec::new(), 0u64, 0u64);
            let mut read = |stream: &mut EventStream| match stream.next().now_or_never() {
                Some(Some(EventItem::Event(event))) => {
                    if event.ephemeral() { seen += 1 } else { got.push(event.id().parse::<usize>().unwrap()) }
                    true
                }
                Some(Some(EventItem::Lagged(lagged))) => {
                    assert_eq!(lagged.lost, 0);
                    shed += lagged.shed;
                    true
                }
                _ => false,
            };
            for act in acts {
                let id = next_id;
                next_id += 1;
                match act {
                    Act::Durable => {
                        store(&event(id, false));
                        feed.push(event(id, false));
                        live.push(id);
                    }
                    Act::Ephemeral => {
                        feed.push(event(id, true));
                        ephemeral += 1;
                    }
                    Act::StoredOnly => store(&event(id, false)),
                    Act::Read(times) => (0..times).for_each(|_| { read(&mut stream); }),
                }
            }
            feed.close();
            while read(&mut stream) {}
            prop_assert!(got.windows(2).all(|pair| pair[0] < pair[1]), "in order, once: {got:?}");
            prop_assert!(got.iter().all(|id| *id >= before), "nothing from before: {got:?}");
            prop_assert!(live.iter().all(|id| got.contains(id)), "all that was sent: {live:?} {got:?}");
            prop_assert_eq!(seen + shed, ephemeral);
        }
    }
}
