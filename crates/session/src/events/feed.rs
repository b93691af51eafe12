//! The event log behind a lock, with the wakers of its readers.

use std::collections::{HashMap, HashSet, VecDeque};
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
            std::mem::take(&mut inner.wakers)
        };
        wakers.into_values().for_each(Waker::wake);
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
        match &reader.last_durable {
            Some(id) => RefillFrom::After(id.clone()),
            None => match &self.lock().first_durable {
                Some(id) => RefillFrom::At(id.clone()),
                None => RefillFrom::Start,
            },
        }
    }

    /// Forgets a reader.
    pub(crate) fn leave(&self, reader: &Reader) {
        self.lock().wakers.remove(&reader.id);
    }
}

impl Inner {
    fn new_reader(&mut self) -> u64 {
        self.next_reader += 1;
        self.next_reader
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
