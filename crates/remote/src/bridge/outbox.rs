//! What waits to be uploaded: a state machine without input or output of its own.
//!
//! The driver gives it events, acknowledgements, the outcomes of uploads, the time and randomness; it says
//! what to upload next and when. Its memory is bounded, and what happens at the bound is decided here:
//!
//! * deltas go first: the event that ends their stream carries the whole text;
//! * then it is *full* ([`Outbox::is_full`]) and the driver stops reading the session's stream. That stream
//!   holds up nobody: it is bounded too, and reads durable events again from the CLI's own log when its
//!   reader has fallen behind.
//!
//! So a durable event leaves only by being uploaded, or when it alone is too large for the hub.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use groundlink_protocol::Event;
use groundlink_protocol::mc::RejectedCommand;

use super::backoff::Backoff;
use super::classify::{Class, StreamKey, classify};
use super::seen::Seen;

/// Sizes and times of an [`Outbox`].
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Events in one upload.
    pub(crate) batch_events: usize,
    /// Bytes of events in one upload; a single larger event goes alone.
    pub(crate) batch_bytes: usize,
    /// Bytes of events kept in memory, those of the running upload included.
    pub(crate) kept_bytes: usize,
    /// Acknowledgements kept in memory.
    pub(crate) kept_acks: usize,
    /// Ids remembered to recognise repeats.
    pub(crate) remembered_ids: usize,
    /// Least time between the beginnings of two uploads: on a fast link, deltas still share uploads.
    pub(crate) pace: Duration,
    /// An empty upload after this long without one tells the hub that we are there.
    pub(crate) keepalive: Duration,
    /// First and longest wait after failures.
    pub(crate) retry: (Duration, Duration),
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_events: 500,
            batch_bytes: 8 << 20,
            kept_bytes: 32 << 20,
            kept_acks: 1000,
            remembered_ids: 1 << 16,
            pace: Duration::from_millis(10),
            keepalive: Duration::from_secs(10),
            retry: (Duration::from_millis(500), Duration::from_secs(30)),
        }
    }
}

/// The content of one upload.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batch {
    pub(crate) events: Vec<Event>,
    pub(crate) completed: Vec<String>,
    pub(crate) rejected: Vec<RejectedCommand>,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.completed.is_empty() && self.rejected.is_empty()
    }

    fn has_acks(&self) -> bool {
        !self.completed.is_empty() || !self.rejected.is_empty()
    }
}

/// What the driver is to do next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Upload this now and report by [`Outbox::uploaded`], [`Outbox::failed`] or [`Outbox::too_large`].
    Upload(Batch),
    /// Nothing before this time, unless something is pushed.
    At(Duration),
    /// An upload is running.
    Busy,
}

/// One event that waits, and the stream it is a delta of.
#[derive(Debug)]
struct Waiting {
    event: Event,
    delta: Option<StreamKey>,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Outbox {
    limits: Limits,
    waiting: VecDeque<Waiting>,
    /// Bytes in `waiting` and in `in_flight`.
    bytes: usize,
    /// Deltas in `waiting`, by stream.
    deltas: HashMap<StreamKey, usize>,
    /// Streams of which deltas were shed: the rest would only garble the text until its end comes.
    muted: HashSet<StreamKey>,
    completed: VecDeque<String>,
    rejected: VecDeque<RejectedCommand>,
    in_flight: Option<Vec<Waiting>>,
    in_flight_acks: (Vec<String>, Vec<RejectedCommand>),
    seen: Seen,
    /// Present limit of events per upload; smaller than the configured one after an upload was too large.
    batch_events: usize,
    /// The next upload carries acknowledgements only.
    acks_alone: bool,
    backoff: Backoff,
    not_before: Duration,
    keepalive_at: Duration,
    refused: u64,
}

/// More muted streams than anybody has running; their order does not matter.
const MOST_MUTED: usize = 1024;

impl Outbox {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            waiting: VecDeque::new(),
            bytes: 0,
            deltas: HashMap::new(),
            muted: HashSet::new(),
            completed: VecDeque::new(),
            rejected: VecDeque::new(),
            in_flight: None,
            in_flight_acks: Default::default(),
            seen: Seen::new(limits.remembered_ids),
            batch_events: limits.batch_events,
            acks_alone: false,
            backoff: Backoff::new(limits.retry.0, limits.retry.1),
            not_before: Duration::ZERO,
            keepalive_at: limits.keepalive,
            refused: 0,
            limits,
        }
    }

    /// Takes the next event of the session; repeats are recognised by their ids.
    ///
    /// Never refuses one: whoever calls it stops when the outbox [is full](Self::is_full).
    pub(crate) fn push(&mut self, event: Event) {
        let class = classify(&event);
        if class == Class::Noise || !self.seen.insert(event.id()) {
            return;
        }
        match &class {
            Class::Delta(stream) if self.muted.contains(stream) => return,
            Class::Durable { ends: Some(stream) } => {
                self.muted.remove(stream);
                if self.deltas.contains_key(stream) {
                    self.shed(|delta| delta == stream);
                }
            }
            _ => {}
        }
        let delta = match class {
            Class::Delta(stream) => {
                *self.deltas.entry(stream.clone()).or_default() += 1;
                Some(stream)
            }
            _ => None,
        };
        let waiting = Waiting { event, delta };
        self.bytes += size_of(&waiting);
        self.waiting.push_back(waiting);
        if self.is_full() {
            self.shed_deltas();
        }
    }

    /// The hub has this one: its repeats are none of ours.
    pub(crate) fn knows(&mut self, id: &str) {
        self.seen.insert(id);
    }

    /// True when no more events should be given to it before some have been uploaded.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= self.limits.kept_bytes
    }

    /// The hub has lost the session: everything is to be given again, from the beginning of the log.
    pub(crate) fn start_over(&mut self) {
        self.waiting.clear();
        self.deltas.clear();
        self.muted.clear();
        self.in_flight = None;
        self.bytes = 0;
        self.seen.clear();
        self.return_acks();
        self.not_before = Duration::ZERO;
    }

    /// Acknowledges a command that was applied.
    pub(crate) fn complete(&mut self, id: String) {
        self.completed.push_back(id);
        // The hub hands an unacknowledged command out again, and is told again.
        if self.completed.len() > self.limits.kept_acks {
            self.completed.pop_front();
        }
    }

    /// Tells the hub that a command was not applied, and why.
    pub(crate) fn reject(&mut self, rejected: RejectedCommand) {
        self.rejected.push_back(rejected);
        if self.rejected.len() > self.limits.kept_acks {
            self.rejected.pop_front();
        }
    }

    /// What to do at `now`, a time since any fixed moment.
    pub(crate) fn next(&mut self, now: Duration) -> Next {
        if self.in_flight.is_some() {
            return Next::Busy;
        }
        if now < self.not_before {
            return Next::At(self.not_before);
        }
        let acks = !self.completed.is_empty() || !self.rejected.is_empty();
        if self.waiting.is_empty() && !acks && now < self.keepalive_at {
            return Next::At(self.keepalive_at);
        }
        Next::Upload(self.take_batch(now))
    }

    /// The running upload arrived. Returns how many events it had, and the last durable one's id.
    pub(crate) fn uploaded(&mut self) -> (usize, Option<String>) {
        let sent = self.in_flight.take().unwrap_or_default();
        self.in_flight_acks = Default::default();
        self.bytes -= sent.iter().map(size_of).sum::<usize>();
        self.backoff.succeeded();
        self.batch_events = self.batch_events.saturating_mul(2).min(self.limits.batch_events);
        let durable = sent.iter().rfind(|waiting| !waiting.event.ephemeral());
        (sent.len(), durable.map(|waiting| waiting.event.id().to_owned()))
    }

    /// The running upload failed for a reason that may pass. It is repeated, with what comes meanwhile.
    pub(crate) fn failed(&mut self, now: Duration, jitter: f64, asked: Option<Duration>) {
        self.take_back();
        self.not_before = now + self.backoff.failed(jitter, asked);
    }

    /// The running upload was too large for the hub: smaller ones follow. An event that is too large
    /// alone is left out and counted in [`Outbox::refused`]; returns it for the log.
    pub(crate) fn too_large(&mut self, now: Duration, jitter: f64) -> Option<Event> {
        let acks = !self.in_flight_acks.0.is_empty() || !self.in_flight_acks.1.is_empty();
        match self.in_flight.as_ref().map_or(0, Vec::len) {
            // Nothing smaller is possible, so it is not about size.
            0 => {
                self.failed(now, jitter, None);
                None
            }
            1 if !acks => {
                let left_out = self.in_flight.take()?.pop()?;
                self.bytes -= size_of(&left_out);
                self.refused += 1;
                Some(left_out.event)
            }
            events => {
                self.acks_alone = events == 1;
                self.take_back();
                self.batch_events = (events / 2).max(1);
                None
            }
        }
    }

    /// The hub has been seen alive: no need to wait for the next try.
    pub(crate) fn nudge(&mut self, now: Duration) {
        self.not_before = self.not_before.min(now);
    }

    /// The hub may be away: the next upload, empty if need be, is to find out at once.
    pub(crate) fn hurry(&mut self, now: Duration) {
        self.keepalive_at = self.keepalive_at.min(now);
    }

    /// Events that wait or are under way.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.in_flight.as_ref().map_or(0, Vec::len)
    }

    /// True when everything given to it has been uploaded.
    pub(crate) fn is_settled(&self) -> bool {
        self.len() == 0 && self.in_flight.is_none() && self.completed.is_empty() && self.rejected.is_empty()
    }

    /// Events the hub would not take because of their size.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Drops every waiting delta, and mutes their streams.
    fn shed_deltas(&mut self) {
        let streams: Vec<StreamKey> = self.deltas.keys().cloned().collect();
        for stream in streams {
            self.mute(stream);
        }
        self.shed(|_| true);
    }

    fn shed(&mut self, which: impl Fn(&StreamKey) -> bool) {
        let bytes = &mut self.bytes;
        self.waiting.retain(|waiting| {
            let drop = waiting.delta.as_ref().is_some_and(&which);
            if drop {
                *bytes -= size_of(waiting);
            }
            !drop
        });
        self.deltas.retain(|stream, _| !which(stream));
    }

    fn mute(&mut self, stream: StreamKey) {
        if self.muted.len() >= MOST_MUTED {
            self.muted.clear();
        }
        self.muted.insert(stream);
    }

    fn take_batch(&mut self, now: Duration) -> Batch {
        let mut taken = Vec::new();
        if !self.acks_alone {
            let mut bytes = 0;
            while let Some(first) = self.waiting.front() {
                let size = size_of(first);
                let full = taken.len() >= self.batch_events || bytes + size > self.limits.batch_bytes;
                if !taken.is_empty() && full {
                    break;
                }
                bytes += size;
                let Some(waiting) = self.waiting.pop_front() else { break };
                self.uncount(waiting.delta.as_ref());
                taken.push(waiting);
            }
        }
        self.acks_alone = false;
        let batch = Batch {
            events: taken.iter().map(|waiting| waiting.event.clone()).collect(),
            completed: self.completed.drain(..).collect(),
            rejected: self.rejected.drain(..).collect(),
        };
        debug_assert!(!batch.is_empty() || now >= self.keepalive_at);
        if batch.has_acks() {
            self.in_flight_acks = (batch.completed.clone(), batch.rejected.clone());
        }
        self.in_flight = Some(taken);
        self.not_before = now + self.limits.pace;
        self.keepalive_at = now + self.limits.keepalive;
        batch
    }

    /// Puts the running upload back in front of what waits.
    fn take_back(&mut self) {
        for waiting in self.in_flight.take().unwrap_or_default().into_iter().rev() {
            if let Some(stream) = &waiting.delta {
                *self.deltas.entry(stream.clone()).or_default() += 1;
            }
            self.waiting.push_front(waiting);
        }
        self.return_acks();
    }

    fn return_acks(&mut self) {
        let (completed, rejected) = std::mem::take(&mut self.in_flight_acks);
        for id in completed.into_iter().rev() {
            self.completed.push_front(id);
        }
        for command in rejected.into_iter().rev() {
            self.rejected.push_front(command);
        }
    }

    fn uncount(&mut self, stream: Option<&StreamKey>) {
        if let Some(stream) = stream
            && let Some(count) = self.deltas.get_mut(stream)
        {
            *count -= 1;
            if *count == 0 {
                self.deltas.remove(stream);
            }
        }
    }
}

fn size_of(waiting: &Waiting) -> usize {
    waiting.event.raw().get().len()
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
