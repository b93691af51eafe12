//! The event log of one session: a bounded buffer with a cursor a reader.
//!
//! A plain state machine: no clock, no lock, no task. [`super::feed`] puts a lock and wakers
//! around it.
//!
//! Two queues, one for each kind of event, because they overflow differently:
//!
//! - **Ephemeral** events (text deltas, progress) are the first to go. The oldest are shed; a reader that had not
//!   read them yet is told how many.
//! - **Durable** events leave the buffer too when it is full, so that memory stays bounded, but a
//!   reader that had not read them gets a [`Step::Gap`] and reads them again from the CLI, which
//!   stores them for ever. No durable event is ever lost silently.

use std::collections::VecDeque;

/// What the log has to know of an event.
pub(crate) trait Entry: Clone {
    /// Ephemeral events are not stored by the CLI and may be shed.
    fn ephemeral(&self) -> bool;
    /// Approximate size in memory.
    fn bytes(&self) -> usize;
}

/// How much one session may keep in memory.
///
/// The newest event of each kind is kept whatever its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventLimits {
    /// Stored (durable) events kept at most. Default 8192.
    pub durable_events: usize,
    /// Bytes of durable events kept at most. Default 32 MiB.
    pub durable_bytes: usize,
    /// Ephemeral events kept at most. Default 16384.
    pub ephemeral_events: usize,
    /// Bytes of ephemeral events kept at most. Default 8 MiB.
    pub ephemeral_bytes: usize,
}

impl Default for EventLimits {
    fn default() -> Self {
        Self { durable_events: 8192, durable_bytes: 32 << 20, ephemeral_events: 16_384, ephemeral_bytes: 8 << 20 }
    }
}

/// Where one reader stands: the rank of the next event of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    durable: u64,
    ephemeral: u64,
}

impl Cursor {
    /// Whether nothing before `other` is left to read.
    pub(crate) fn has_reached(self, other: Self) -> bool {
        self.durable >= other.durable && self.ephemeral >= other.ephemeral
    }
}

/// One step of a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step<T> {
    /// The next event.
    Event(T),
    /// So many ephemeral events were shed before this reader came to them.
    Shed(u64),
    /// So many durable events left the buffer before this reader came to them. They are to be read
    /// from the CLI's own log, up to but without `until`, before reading on. Ephemeral events older
    /// than `until` are skipped and counted in `shed`: a delta that comes after the finished message
    /// it belongs to would only confuse.
    Gap {
        /// How many durable events.
        missing: u64,
        /// How many ephemeral events.
        shed: u64,
        /// The first durable event that is still here (the newest one always is).
        until: Option<T>,
    },
    /// Nothing more for now.
    Empty,
}

/// One of the two queues.
#[derive(Debug)]
struct Lane<T> {
    /// Position in the session's order, and the event.
    entries: VecDeque<(u64, T)>,
    /// How many have left at the front; also the rank of the front entry.
    gone: u64,
    /// How many never came and count as gone once the next entry shows where the gap ends.
    unseen: u64,
    bytes: usize,
    max_events: usize,
    max_bytes: usize,
}

impl<T: Entry> Lane<T> {
    fn new(max_events: usize, max_bytes: usize) -> Self {
        Self { entries: VecDeque::new(), gone: 0, unseen: 0, bytes: 0, max_events: max_events.max(1), max_bytes }
    }

    fn push(&mut self, position: u64, entry: T) {
        if self.unseen > 0 {
            self.gone = self.end() + std::mem::take(&mut self.unseen);
            self.entries.clear();
            self.bytes = 0;
        }
        self.bytes += entry.bytes();
        self.entries.push_back((position, entry));
        while self.entries.len() > 1 && (self.entries.len() > self.max_events || self.bytes > self.max_bytes) {
            if let Some((_, old)) = self.entries.pop_front() {
                self.bytes -= old.bytes();
                self.gone += 1;
            }
        }
    }

    fn end(&self) -> u64 {
        self.gone + self.entries.len() as u64
    }

    fn get(&self, rank: u64) -> Option<&(u64, T)> {
        let index = usize::try_from(rank.checked_sub(self.gone)?).ok()?;
        self.entries.get(index)
    }
}

/// The buffer of one session.
#[derive(Debug)]
pub(crate) struct EventLog<T> {
    durable: Lane<T>,
    ephemeral: Lane<T>,
    next_position: u64,
}

impl<T: Entry> EventLog<T> {
    pub(crate) fn new(limits: EventLimits) -> Self {
        Self {
            durable: Lane::new(limits.durable_events, limits.durable_bytes),
            ephemeral: Lane::new(limits.ephemeral_events, limits.ephemeral_bytes),
            next_position: 0,
        }
    }

    /// Appends an event. Never fails and never waits.
    pub(crate) fn push(&mut self, entry: T) {
        let position = self.next_position;
        self.next_position += 1;
        if entry.ephemeral() {
            self.ephemeral.push(position, entry);
        } else {
            self.durable.push(position, entry);
        }
    }

    /// So many durable events do not come, and are to be read from the CLI's log. With the next one that comes, what is
    /// older goes too, so that the gap is one.
    pub(crate) fn skip(&mut self, durable: u64) {
        self.durable.unseen += durable;
    }

    /// The durable events that are here, oldest first.
    pub(crate) fn durable(&self) -> impl Iterator<Item = &T> {
        self.durable.entries.iter().map(|(_, entry)| entry)
    }

    /// How many durable events are kept at most.
    pub(crate) fn most_durable(&self) -> usize {
        self.durable.max_events
    }

    /// The cursor of a reader that wants everything from the first event on.
    pub(crate) fn start() -> Cursor {
        Cursor::default()
    }

    /// The cursor of a reader that wants only what comes from now on.
    pub(crate) fn end(&self) -> Cursor {
        Cursor { durable: self.durable.end(), ephemeral: self.ephemeral.end() }
    }

    /// The last durable event before `cursor`, if it is still here: where a later refill begins.
    pub(crate) fn durable_before(&self, cursor: Cursor) -> Option<T> {
        let rank = cursor.durable.checked_sub(1)?;
        self.durable.get(rank).map(|(_, entry)| entry.clone())
    }

    /// The next thing for the reader at `cursor`, which moves past it.
    pub(crate) fn read(&self, cursor: &mut Cursor) -> Step<T> {
        if cursor.durable < self.durable.gone {
            let missing = self.durable.gone - cursor.durable;
            cursor.durable = self.durable.gone;
            let front = self.durable.entries.front();
            let position = front.map_or(self.next_position, |(at, _)| *at);
            let older = self.ephemeral.entries.partition_point(|(at, _)| *at < position);
            let resume = cursor.ephemeral.max(self.ephemeral.gone + older as u64);
            let shed = resume - cursor.ephemeral;
            cursor.ephemeral = resume;
            return Step::Gap { missing, shed, until: front.map(|(_, e)| e.clone()) };
        }
        if cursor.ephemeral < self.ephemeral.gone {
            let shed = self.ephemeral.gone - cursor.ephemeral;
            cursor.ephemeral = self.ephemeral.gone;
            return Step::Shed(shed);
        }
        let durable = self.durable.get(cursor.durable);
        let ephemeral = self.ephemeral.get(cursor.ephemeral);
        match (durable, ephemeral) {
            (Some((at, entry)), Some((other, _))) if at < other => {
                cursor.durable += 1;
                Step::Event(entry.clone())
            }
            (_, Some((_, entry))) => {
                cursor.ephemeral += 1;
                Step::Event(entry.clone())
            }
            (Some((_, entry)), None) => {
                cursor.durable += 1;
                Step::Event(entry.clone())
            }
            (None, None) => Step::Empty,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Note {
        number: u64,
        ephemeral: bool,
        bytes: usize,
    }

    impl Entry for Note {
        fn ephemeral(&self) -> bool {
            self.ephemeral
        }
        fn bytes(&self) -> usize {
            self.bytes
        }
    }

    fn limits() -> impl Strategy<Value = EventLimits> {
        (1usize..6, 1usize..60, 1usize..6, 1usize..60).prop_map(|(de, db, ee, eb)| EventLimits {
            durable_events: de,
            durable_bytes: db,
            ephemeral_events: ee,
            ephemeral_bytes: eb,
        })
    }

    #[derive(Debug, Clone)]
    enum Act {
        Push { ephemeral: bool, bytes: usize },
        Read { times: usize },
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            (any::<bool>(), 0usize..30).prop_map(|(ephemeral, bytes)| Act::Push { ephemeral, bytes }),
            (1usize..5).prop_map(|times| Act::Read { times }),
        ]
    }

    proptest! {
        // What a reader is handed, plus what it is told it missed, is exactly what was pushed:
        // nothing twice, nothing out of order within what it got, nothing silently lost.
        #[test]
        fn a_reader_accounts_for_every_event(limits in limits(), acts in prop::collection::vec(act(), 0..200)) {
            let mut log = EventLog::new(limits);
            let mut cursor = EventLog::<Note>::start();
            let mut pushed: Vec<Note> = Vec::new();
            let mut got: Vec<Note> = Vec::new();
            let (mut shed, mut missing) = (0u64, 0u64);
            let mut step = |log: &EventLog<Note>, got: &mut Vec<Note>| -> bool {
                match log.read(&mut cursor) {
                    Step::Event(note) => got.push(note),
                    Step::Shed(n) => shed += n,
                    Step::Gap { missing: n, shed: e, until } => {
                        assert!(until.is_some_and(|u| !u.ephemeral));
                        missing += n;
                        shed += e;
                    }
                    Step::Empty => return false,
                }
                true
            };
            for act in acts {
                match act {
                    Act::Push { ephemeral, bytes } => {
                        let note = Note { number: pushed.len() as u64, ephemeral, bytes };
                        pushed.push(note.clone());
                        log.push(note);
                    }
                    Act::Read { times } => for _ in 0..times {
                        step(&log, &mut got);
                    },
                }
                prop_assert!(log.durable.entries.len() <= limits.durable_events);
                prop_assert!(log.ephemeral.entries.len() <= limits.ephemeral_events);
                prop_assert!(log.durable.bytes <= limits.durable_bytes || log.durable.entries.len() == 1);
                prop_assert!(log.ephemeral.bytes <= limits.ephemeral_bytes || log.ephemeral.entries.len() == 1);
            }
            while step(&log, &mut got) {}
            prop_assert!(got.windows(2).all(|w| w[0].number < w[1].number), "order");
            let count = |notes: &[Note], e: bool| notes.iter().filter(|n| n.ephemeral == e).count() as u64;
            prop_assert_eq!(count(&pushed, true), count(&got, true) + shed);
            prop_assert_eq!(count(&pushed, false), count(&got, false) + missing);
        }

        // A reader that keeps up sees everything, in order, and no note.
        #[test]
        fn a_quick_reader_misses_nothing(limits in limits(), kinds in prop::collection::vec(any::<bool>(), 0..60)) {
            let mut log = EventLog::new(limits);
            let mut cursor = log.end();
            for (number, ephemeral) in kinds.into_iter().enumerate() {
                let note = Note { number: number as u64, ephemeral, bytes: 1 };
                log.push(note.clone());
                prop_assert_eq!(log.read(&mut cursor), Step::Event(note));
                prop_assert_eq!(log.read(&mut cursor), Step::Empty);
            }
        }
    }

    #[test]
    fn ephemeral_events_never_push_durable_ones_out() {
        let mut log = EventLog::new(EventLimits { durable_events: 4, ephemeral_events: 2, ..EventLimits::default() });
        let note = |number, ephemeral| Note { number, ephemeral, bytes: 1 };
        log.push(note(0, false));
        for number in 1..100 {
            log.push(note(number, true));
        }
        log.push(note(100, false));
        let mut cursor = EventLog::<Note>::start();
        let mut steps = Vec::new();
        loop {
            match log.read(&mut cursor) {
                Step::Empty => break,
                step => steps.push(step),
            }
        }
        assert_eq!(
            steps,
            vec![
                Step::Shed(97),
                Step::Event(note(0, false)),
                Step::Event(note(98, true)),
                Step::Event(note(99, true)),
                Step::Event(note(100, false)),
            ]
        );
    }
}
