//! The ledger of one session's commands: a plain state machine. Time comes in as an argument, changes go out
//! through [`Ledger::take_changes`]; storing them and telling people is the caller's work.
//!
//! ```text
//! accept -> Accepted -- take --> Delivered -- acknowledged, or proved by an event --> Applied
//!              |  ^                 |  |---- refused by the exporter -------------> Rejected
//!              |  +--- release -----+  |---- the request was answered otherwise --> Superseded
//!              |                       +---- never confirmed ---------------------> Expired
//!              +---- the request is closed ---> Superseded
//!              +---- nobody fetched it -------> Expired
//! ```
//!
//! What holds at every moment:
//!
//! - A command is in one hand at a time. It is handed out again only when its lease is over *and* the
//!   exporter has been heard since by an upload that did not mention it: acknowledgements and proof ride on
//!   uploads, so before that nobody can know.
//! - Messages and mode switches are one queue, and one of them is out at a time: the CLI runs what one poll
//!   brings in no particular order. Answers and aborts overtake the queue.
//! - A request has at most one answer on its way.
//! - An end is an end: final states never change.

mod types;

pub(crate) use types::{Answer, Closing, CommandKind, Entry, Evidence, Limits, NewCommand, Refusal};

use std::collections::BTreeSet;

use groundlink_protocol::api::CommandState;

/// How many finished commands are remembered for idempotent answers; older ones are in the store.
const FINISHED_KEPT: usize = 128;

/// The commands of one session. See the module's description.
#[derive(Debug)]
pub(crate) struct Ledger {
    limits: Limits,
    /// In order of acceptance.
    entries: Vec<Entry>,
    /// Orders whose entries differ from what the caller was told last.
    changed: BTreeSet<u64>,
    next_order: u64,
    /// When the last upload that has been applied came in.
    heard_at: u64,
}

impl Ledger {
    /// An empty ledger.
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, entries: Vec::new(), changed: BTreeSet::new(), next_order: 1, heard_at: 0 }
    }

    /// Puts a stored command back, in stored order, before anything else happens.
    pub(crate) fn restore(&mut self, entry: Entry) {
        self.next_order = self.next_order.max(entry.order + 1);
        self.entries.push(entry);
    }

    /// Looks a command up by the hub's id.
    pub(crate) fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|e| e.id == id)
    }

    /// Looks a command up by its client's id.
    pub(crate) fn get_by_client(&self, client_id: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|e| e.client_id == client_id)
    }

    /// All remembered commands, oldest first.
    #[cfg(test)]
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether some command is not at its end yet.
    pub(crate) fn has_open(&self) -> bool {
        self.entries.iter().any(Entry::is_open)
    }

    /// Whether an answer to the request is on its way.
    pub(crate) fn is_answering(&self, request_id: &str) -> bool {
        self.entries.iter().any(|e| e.is_open() && e.request_id.as_deref() == Some(request_id))
    }

    /// Says what [`accept`](Self::accept) would refuse, without changing anything.
    pub(crate) fn check(&self, kind: CommandKind, request_id: Option<&str>) -> Result<(), Refusal> {
        if let Some(request) = request_id
            && self.is_answering(request)
        {
            return Err(Refusal::AlreadyAnswering);
        }
        let open = self.entries.iter().filter(|e| e.is_open()).count();
        // An abort is what helps when too much is queued.
        if open >= self.limits.open && kind != CommandKind::Abort {
            return Err(Refusal::TooMany);
        }
        Ok(())
    }

    /// Takes a command in. The caller has seen that its request is still open.
    pub(crate) fn accept(&mut self, new: NewCommand, now: u64) -> Result<&Entry, Refusal> {
        self.check(new.kind, new.request_id.as_deref())?;
        let order = self.next_order;
        self.next_order += 1;
        let ttl = match new.kind {
            CommandKind::Abort => self.limits.abort_ttl_ms,
            _ => self.limits.ttl_ms,
        };
        self.entries.push(Entry {
            order,
            id: new.id,
            client_id: new.client_id,
            kind: new.kind,
            content: new.content,
            request_id: new.request_id,
            tool_call_id: new.tool_call_id,
            answer: new.answer,
            state: CommandState::Accepted,
            reason: None,
            at_seq: new.at_seq,
            accepted_at: now,
            expires_at: now.saturating_add(ttl),
            delivered_at: None,
            acknowledged_at: None,
            attempts: 0,
        });
        self.changed.insert(order);
        Ok(self.entries.last().expect("just pushed"))
    }

    /// Hands out what the next poll answer carries, and starts the leases. Empty: nothing to do now.
    pub(crate) fn take(&mut self, now: u64) -> Vec<Entry> {
        self.tick(now);
        let mut chosen: Vec<usize> = Vec::new();
        let ready = |e: &Entry| self.is_ready(e, now);
        if let Some(abort) = self.entries.iter().position(|e| e.kind == CommandKind::Abort && ready(e)) {
            chosen.push(abort);
        } else {
            // Answers to different requests do not disturb each other, so they may travel together.
            chosen.extend(
                self.entries
                    .iter()
                    .enumerate()
                    .filter(|(_, e)| e.kind.is_answer() && ready(e))
                    .map(|(index, _)| index)
                    .take(self.limits.batch),
            );
        }
        if chosen.is_empty() {
            // The head of the queue decides: while it is out, nothing behind it may go.
            let head =
                self.entries.iter().position(|e| e.kind.is_queued() && e.is_open() && e.acknowledged_at.is_none());
            chosen.extend(head.filter(|&index| ready(&self.entries[index])));
        }
        let mut out = Vec::with_capacity(chosen.len());
        for index in chosen {
            let entry = &mut self.entries[index];
            entry.state = CommandState::Delivered;
            entry.delivered_at = Some(now);
            entry.attempts += 1;
            self.changed.insert(entry.order);
            out.push(entry.clone());
        }
        out
    }

    /// Takes a hand-out back whose answer was certainly not sent.
    pub(crate) fn release(&mut self, id: &str) {
        let Some(entry) = self.open_mut(id) else { return };
        if entry.state == CommandState::Delivered && entry.acknowledged_at.is_none() {
            entry.state = CommandState::Accepted;
            entry.delivered_at = None;
            entry.attempts -= 1;
            let order = entry.order;
            self.changed.insert(order);
        }
    }

    /// The exporter says that it has dispatched the command. For an answer that is no proof yet: the CLI
    /// acknowledges bad prompt ids, too.
    pub(crate) fn acknowledge(&mut self, id: &str, now: u64) {
        let Some(entry) = self.open_mut(id) else { return };
        // An acknowledgement may overtake a restart that forgot the hand-out.
        entry.delivered_at.get_or_insert(now);
        if entry.kind.is_answer() {
            if entry.acknowledged_at.is_none() {
                entry.acknowledged_at = Some(now);
                entry.state = CommandState::Delivered;
                let order = entry.order;
                self.changed.insert(order);
            }
        } else {
            self.finish(id, CommandState::Applied, None);
        }
    }

    /// The exporter says that the command could not be done. `still_open`: its request is still waiting.
    pub(crate) fn reject(&mut self, id: &str, reason: &str, still_open: bool) {
        let Some(entry) = self.open_mut(id) else { return };
        if entry.kind.is_answer() && !still_open {
            self.finish(id, CommandState::Superseded, Some("answered elsewhere first".to_owned()));
        } else {
            self.finish(id, CommandState::Rejected, Some(reason.to_owned()));
        }
    }

    /// Something in the session's events bears on commands.
    pub(crate) fn observe(&mut self, evidence: &Evidence) {
        match evidence {
            Evidence::Message { command_id } => {
                if self.open_mut(command_id).is_some_and(|e| e.kind == CommandKind::UserMessage) {
                    self.finish(command_id, CommandState::Applied, None);
                }
            }
            Evidence::Aborted => self.apply_delivered(|e| e.kind == CommandKind::Abort),
            Evidence::Mode { mode } => self.apply_delivered(|e| {
                e.kind == CommandKind::ModeSwitch && e.answer.as_ref() == Some(&Answer::Word(mode.clone()))
            }),
            Evidence::Closed { request_id, tool_call_id, how } => {
                self.close_request(request_id, tool_call_id.as_deref(), how);
            }
        }
    }

    /// An upload that was received at `received_at` has been applied in full.
    pub(crate) fn heard(&mut self, received_at: u64) {
        self.heard_at = self.heard_at.max(received_at);
    }

    /// Lets time pass: ends what nobody fetched, confirmed or proved in time.
    pub(crate) fn tick(&mut self, now: u64) {
        let mut ends = Vec::new();
        for entry in self.entries.iter().filter(|e| e.is_open()) {
            if let Some(at) = entry.acknowledged_at {
                if now >= at.saturating_add(self.limits.lease_ms) {
                    ends.push((
                        entry.id.clone(),
                        CommandState::Rejected,
                        "the agent received the answer, but the request is still open",
                    ));
                }
            } else if self.lease_holds(entry, now) {
                // In somebody's hand: not ours to end.
            } else if now >= entry.expires_at {
                let reason = match entry.state {
                    CommandState::Accepted => "the session did not fetch it in time",
                    _ => "the session fetched it and never confirmed it",
                };
                ends.push((entry.id.clone(), CommandState::Expired, reason));
            } else if entry.attempts >= self.limits.attempts {
                ends.push((
                    entry.id.clone(),
                    CommandState::Expired,
                    "the session fetched it several times and never confirmed it",
                ));
            }
        }
        for (id, state, reason) in ends {
            self.finish(&id, state, Some(reason.to_owned()));
        }
    }

    /// The entries that have changed since the last call, in order of acceptance.
    pub(crate) fn take_changes(&mut self) -> Vec<Entry> {
        let changed = std::mem::take(&mut self.changed);
        let out = self.entries.iter().filter(|e| changed.contains(&e.order)).cloned().collect();
        self.forget_old();
        out
    }

    /// Whether there are changes that the caller was not told yet.
    pub(crate) fn has_unsaved(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Takes a command out again that could not be stored; nobody has seen it.
    pub(crate) fn forget(&mut self, id: &str) {
        if let Some(place) = self.entries.iter().position(|e| e.id == id) {
            let entry = self.entries.remove(place);
            self.changed.remove(&entry.order);
        }
    }

    /// Marks entries as changed again, after the caller failed to store them.
    pub(crate) fn untake_changes(&mut self, entries: &[Entry]) {
        for entry in entries {
            if self.entries.iter().any(|e| e.order == entry.order) {
                self.changed.insert(entry.order);
            } else {
                // Finished and forgotten meanwhile; it must be stored nevertheless.
                self.changed.insert(entry.order);
                let place = self.entries.partition_point(|e| e.order < entry.order);
                self.entries.insert(place, entry.clone());
            }
        }
    }

    fn open_mut(&mut self, id: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|e| e.id == id && e.is_open())
    }

    fn finish(&mut self, id: &str, state: CommandState, reason: Option<String>) {
        if let Some(entry) = self.open_mut(id) {
            entry.state = state;
            entry.reason = reason;
            entry.shorten();
            let order = entry.order;
            self.changed.insert(order);
        }
    }

    fn apply_delivered(&mut self, matches: impl Fn(&Entry) -> bool) {
        let ids: Vec<String> = self
            .entries
            .iter()
            .filter(|e| e.state == CommandState::Delivered && matches(e))
            .map(|e| e.id.clone())
            .collect();
        for id in ids {
            self.finish(&id, CommandState::Applied, None);
        }
    }

    fn close_request(&mut self, request_id: &str, tool_call_id: Option<&str>, how: &Closing) {
        let concerned = |e: &Entry| {
            e.kind.is_answer()
                && e.is_open()
                && (e.request_id.as_deref() == Some(request_id)
                    || (tool_call_id.is_some() && e.tool_call_id.as_deref() == tool_call_id))
        };
        let ends: Vec<_> = self
            .entries
            .iter()
            .filter(|e| concerned(e))
            .map(|e| {
                let out = e.state == CommandState::Delivered;
                let (state, reason) = match how {
                    Closing::Answered(None) if out => (CommandState::Applied, None),
                    Closing::Answered(Some(answer)) if out && e.answer.as_ref() == Some(answer) => {
                        (CommandState::Applied, None)
                    }
                    Closing::Answered(_) => (CommandState::Superseded, Some("answered elsewhere first")),
                    Closing::Dropped => (CommandState::Superseded, Some("the request was closed without an answer")),
                };
                (e.id.clone(), state, reason.map(str::to_owned))
            })
            .collect();
        for (id, state, reason) in ends {
            self.finish(&id, state, reason);
        }
    }

    fn lease_holds(&self, entry: &Entry, now: u64) -> bool {
        let (CommandState::Delivered, Some(at)) = (entry.state, entry.delivered_at) else {
            return false;
        };
        let over = now >= at.saturating_add(self.limits.lease_ms);
        // The second way out is for exporters that never upload anything.
        let heard_since = self.heard_at > at || now >= at.saturating_add(4 * self.limits.lease_ms);
        !(over && heard_since)
    }

    fn is_ready(&self, entry: &Entry, now: u64) -> bool {
        entry.is_open() && entry.acknowledged_at.is_none() && !self.lease_holds(entry, now)
    }

    fn forget_old(&mut self) {
        let finished = self.entries.iter().filter(|e| !e.is_open()).count();
        let mut surplus = finished.saturating_sub(FINISHED_KEPT);
        let changed = &self.changed;
        self.entries.retain(|e| {
            let forget = surplus > 0 && !e.is_open() && !changed.contains(&e.order);
            surplus -= usize::from(forget);
            !forget
        });
    }
}

#[cfg(test)]
mod tests;
