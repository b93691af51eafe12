//! The event log behind a lock, with the wakers of its readers.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use groundlink_protocol::Event;

use super::log::{Cursor, Entry, EventLimits, EventLog, Step};
use super::refill::RefillFrom;

impl Entry for Event {
    fn ephemeral(&self) -> bool {
        Event::ephemeral(self)
    }

    fn bytes(&self) -> usize {
        // The raw text and a flat sum for the envelope around it.
        self.raw().get().len() + 200
    }
}

/// One session's events: written by the connection, read by any number of streams.
#[derive(Debug)]
pub(crate) struct Feed {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    log: EventLog<Event>,
    wakers: HashMap<u64, Waker>,
    next_reader: u64,
    /// Id of the first durable event ever pushed: where reading again begins for a reader that has
    /// had none. A resumed session's log has older ones, which were never this feed's.
    first_durable: Option<String>,
    /// Events that came here and that a CLI which was killed had not stored, and where reading again begins for a
    /// reader that has had one of them last: after the value, if there is one.
    forgotten: HashMap<String, Option<String>>,
    closed: bool,
}

impl Feed {
    pub(crate) fn new(limits: EventLimits) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::new(Inner {
                log: EventLog::new(limits),
                wakers: HashMap::new(),
                next_reader: 0,
                first_durable: None,
                forgotten: HashMap::new(),
                closed: false,
            }),
        })
    }

    // A poisoned lock is taken all the same: every change under it is complete at each step.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends an event and wakes the readers. Never waits: the connection's read loop calls it.
    pub(crate) fn push(&self, event: Event) {
        let wakers = {
            let mut inner = self.lock();
            if inner.first_durable.is_none() && !event.ephemeral() {
                inner.first_durable = Some(event.id().to_owned());
            }
            inner.log.push(event);
            Awake::take(&mut inner.wakers)
        };
        wakers.wake();
    }

    /// Where the log ends now.
    pub(crate) fn end(&self) -> Cursor {
        self.lock().log.end()
    }

    /// Ids of the stored events that are still here.
    pub(crate) fn known(&self) -> HashSet<String> {
        self.lock().log.durable().map(|event| event.id().to_owned()).collect()
    }

    /// How many stored events are kept at most.
    pub(crate) fn most_durable(&self) -> usize {
        self.lock().log.most_durable()
    }

    /// The events after `known` are not in the CLI's log (any more): it was killed before it had stored them. `None`: it
    /// has none of those that are here.
    pub(crate) fn resume_after(&self, known: Option<&str>) {
        let mut inner = self.lock();
        let ids = inner.log.durable().map(|event| event.id().to_owned());
        let forgotten: Vec<String> = match known {
            Some(known) => ids.skip_while(|id| id != known).skip(1).collect(),
            None => ids.collect(),
        };
        inner.forgotten.extend(forgotten.into_iter().map(|id| (id, known.map(str::to_owned))));
        if inner.first_durable.as_ref().is_some_and(|first| inner.forgotten.contains_key(first)) {
            inner.first_durable = None;
        }
    }

    /// So many stored events are in the CLI's log and do not come here: readers read them there.
    pub(crate) fn skip(&self, events: u64) {
        if events > 0 {
            self.lock().log.skip(events);
        }
    }

    /// No more events will come: readers end once they have read what is there.
    pub(crate) fn close(&self) {
        let wakers = {
            let mut inner = self.lock();
            inner.closed = true;
            std::mem::take(&mut inner.wakers)
        };
        wakers.into_values().for_each(Waker::wake);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// A reader from the first event on.
    pub(crate) fn reader_from_start(&self) -> Reader {
        let mut inner = self.lock();
        Reader { id: inner.new_reader(), cursor: EventLog::<Event>::start(), last_durable: None }
    }

    /// A reader of what comes from now on.
    pub(crate) fn reader(&self) -> Reader {
        let mut inner = self.lock();
        let cursor = inner.log.end();
        Reader {
            id: inner.new_reader(),
            cursor,
            last_durable: inner.log.durable_before(cursor).map(|e| e.id().to_owned()),
        }
    }

    /// The next step; registers `waker` when there is nothing yet. `None` when the feed has ended.
    pub(crate) fn poll(&self, reader: &mut Reader, waker: &Waker) -> Option<Step<Event>> {
        let mut inner = self.lock();
        let step = inner.log.read(&mut reader.cursor);
        match &step {
            Step::Empty if inner.closed => return None,
            Step::Empty => {
                inner.wakers.insert(reader.id, waker.clone());
            }
            Step::Event(event) if !event.ephemeral() => {
                reader.last_durable = Some(event.id().to_owned());
            }
            _ => {}
        }
        Some(step)
    }

    /// Where `reader` has to begin when it reads again from the CLI's log.
    pub(crate) fn refill_from(&self, reader: &Reader) -> RefillFrom {
        let inner = self.lock();
        let mut last = reader.last_durable.clone();
        // Each step leads to an older event.
        while let Some(older) = last.as_ref().and_then(|id| inner.forgotten.get(id)) {
            last.clone_from(older);
        }
        match (last, &inner.first_durable) {
            (Some(id), _) => RefillFrom::After(id),
            (None, Some(first)) => RefillFrom::At(first.clone()),
            (None, None) => RefillFrom::Start,
        }
    }

    /// Forgets a reader.
    pub(crate) fn leave(&self, reader: &Reader) {
        self.lock().wakers.remove(&reader.id);
    }
}

/// Readers that are to be woken, outside the lock. A few take no memory of their own: this is done for every event.
#[derive(Default)]
struct Awake {
    few: [Option<Waker>; 4],
    more: Vec<Waker>,
}

impl Awake {
    /// The map keeps its memory.
    fn take(wakers: &mut HashMap<u64, Waker>) -> Self {
        let mut awake = Self::default();
        let mut slots = awake.few.iter_mut();
        for (_, waker) in wakers.drain() {
            match slots.next() {
                Some(slot) => *slot = Some(waker),
                None => awake.more.push(waker),
            }
        }
        awake
    }

    fn wake(self) {
        self.few.into_iter().flatten().chain(self.more).for_each(Waker::wake);
    }
}

impl Inner {
    fn new_reader(&mut self) -> u64 {
        self.next_reader += 1;
        self.next_reader
    }
}

impl Reader {
    pub(crate) fn has_reached(&self, other: &Self) -> bool {
        self.cursor.has_reached(other.cursor)
    }
}

/// One reader's place in a feed.
#[derive(Debug)]
pub(crate) struct Reader {
    id: u64,
    cursor: Cursor,
    /// Id of the last durable event handed out. `None`: none yet.
    pub(crate) last_durable: Option<String>,
}
