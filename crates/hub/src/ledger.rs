//! The ledger of one session's commands: a plain state machine. Time comes in as an argument, changes go out
//! through [`Ledger::take_changes`]; storing them and telling people is the caller's work.
//!
//! ```text
//! accept -> Accepted -- take --> Delivered -- proved by what the session says --------> Applied
//!            |  ^ |                |  |------ refused by the exporter, or no effect --> Rejected
//!            |  | |                |  |------ the request was answered otherwise -----> Superseded
//!            |  +---- release -----+  +------ no sign of it ---> Unknown -- late proof --> Applied, Superseded
//!            |    +---- taken back by a person -> Cancelled
//!            +---- the request is closed -------> Superseded
//!            +---- nobody fetched it -----------> Expired
//! ```
//!
//! What holds at every moment:
//!
//! - A command is in one hand at a time. It is handed out again only when its lease is over *and* the exporter has
//!   been heard well after the hand-out by an upload that did not mention it: acknowledgements and proof ride on
//!   uploads, so before that nobody can know. An exporter that attaches again has to be heard anew.
//! - Messages and switches go one after the other: the CLI runs what one poll brings in no particular order. A
//!   message that is not to steer waits until the session is idle and the one before it has arrived; until then it
//!   can be changed and taken back. Steering messages, switches, answers and aborts overtake it.
//! - A request has at most one answer on its way.
//! - An acknowledgement proves nothing: the CLI acknowledges what it could not do, too. What the session says does.
//! - An end is an end: final states never change. Only what was concluded from the session's silence (`Unknown`, and
//!   `Rejected` for want of an effect) is overruled by what the session says later.

mod limits;
mod settle;
mod types;

pub(crate) use limits::Limits;
pub(crate) use types::start_of;
pub(crate) use types::{Answer, Closing, CommandKind, Entry, Evidence, Facts, Fixed, NewCommand, Refusal};

use std::collections::BTreeSet;

use groundlink_protocol::api::{CommandState, Delivery, Device};

/// How many finished commands are remembered for idempotent answers and late proof; older ones are in the store.
pub(crate) const FINISHED_KEPT: usize = 128;

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
    /// When an exporter attached last: it may have forgotten what it was given before.
    attached_at: u64,
    /// When this ledger saw the time first; silence before that was not its exporter's.
    woken_at: Option<u64>,
    facts: Facts,
    /// Since when the facts say that the session is idle.
    idle_since: u64,
    /// When a turn was aborted last.
    aborted_at: Option<u64>,
}

impl Ledger {
    /// An empty ledger.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            entries: Vec::new(),
            changed: BTreeSet::new(),
            next_order: 1,
            heard_at: 0,
            attached_at: 0,
            woken_at: None,
            facts: Facts { idle: true, ..Facts::default() },
            idle_since: 0,
            aborted_at: None,
        }
    }

    /// Puts a stored command back, in stored order, before anything else happens.
    pub(crate) fn restore(&mut self, entry: Entry) {
        self.next_order = self.next_order.max(entry.order + 1);
        self.entries.push(entry);
    }

    /// Takes over what is not stored, from the ledger that this one replaces.
    pub(crate) fn inherit(&mut self, old: &Self) {
        self.heard_at = old.heard_at;
        self.attached_at = old.attached_at;
        self.woken_at = old.woken_at;
        self.aborted_at = self.aborted_at.max(old.aborted_at);
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

    /// The messages that the session has not got yet, in the order in which it will get them.
    pub(crate) fn waiting(&self) -> Vec<&Entry> {
        let mut waiting: Vec<&Entry> =
            self.entries.iter().filter(|e| e.is_open() && e.kind == CommandKind::UserMessage).collect();
        waiting.sort_by_key(|e| rank(e));
        waiting
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
        let order = self.add(new, None, now);
        Ok(self.entries.iter().rev().find(|e| e.order == order).expect("just added"))
    }

    fn add(&mut self, new: NewCommand, part_of: Option<String>, now: u64) -> u64 {
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
            ended_at: None,
            attempts: 0,
            delivery: new.delivery,
            device: new.device,
            subject: new.subject,
            follow: new.follow,
            part_of,
            actor: None,
        });
        self.changed.insert(order);
        order
    }

    /// Gives a message that still waits other words.
    pub(crate) fn edit(&mut self, id: &str, content: String, actor: Option<Device>) -> Result<&Entry, Fixed> {
        let entry = self.changeable(id)?;
        if entry.kind != CommandKind::UserMessage {
            return Err(Fixed::NoMessage);
        }
        entry.subject = Some(start_of(&content));
        entry.content = content;
        entry.actor = actor;
        let order = entry.order;
        self.changed.insert(order);
        Ok(self.entries.iter().find(|e| e.order == order).expect("it was there"))
    }

    /// Takes a command back that nobody has fetched yet.
    pub(crate) fn cancel(&mut self, id: &str, actor: Option<Device>, now: u64) -> Result<&Entry, Fixed> {
        let entry = self.changeable(id)?;
        entry.actor = actor;
        let order = entry.order;
        self.finish(id, CommandState::Cancelled, None, now);
        Ok(self.entries.iter().find(|e| e.order == order).expect("it was there"))
    }

    fn changeable(&mut self, id: &str) -> Result<&mut Entry, Fixed> {
        let entry = self.entries.iter_mut().find(|e| e.id == id).ok_or(Fixed::NotThere)?;
        match entry.state {
            CommandState::Accepted => Ok(entry),
            CommandState::Delivered => Err(Fixed::Delivered),
            state => Err(Fixed::Ended(state)),
        }
    }

    /// Hands out what the next poll answer carries, and starts the leases. Empty: nothing to do now.
    pub(crate) fn take(&mut self, now: u64) -> Vec<Entry> {
        self.tick(now);
        self.refuse_unknown(now);
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
            chosen.extend(self.next_in_line(now));
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

    /// Ends what the present exporter does not know: the CLI would give it to the model as a message.
    fn refuse_unknown(&mut self, now: u64) {
        if self.facts.switches_models {
            return;
        }
        let unknown = |e: &&Entry| e.is_open() && !e.kind.is_of_the_cli();
        let ids: Vec<String> = self.entries.iter().filter(unknown).map(|e| e.id.clone()).collect();
        for id in ids {
            self.finish(&id, CommandState::Rejected, Some("this session's exporter cannot switch models"), now);
        }
    }

    /// The message or switch that may go now.
    fn next_in_line(&self, now: u64) -> Option<usize> {
        let line = || self.entries.iter().enumerate().filter(|(_, e)| e.kind.is_lined_up() && e.is_open());
        // While one is out, nothing behind it may go.
        if line().any(|(_, e)| e.is_out() && self.lease_holds(e, now)) {
            return None;
        }
        // For what waits, the session must be idle, and no message may be on its way between an acknowledgement and
        // its proof.
        let arriving = line().any(|(_, e)| e.kind == CommandKind::UserMessage && e.acknowledged_at.is_some());
        let free = |e: &Entry| self.is_ready(e, now) && (!e.waits_for_idle() || (self.facts.idle && !arriving));
        line().filter(|(_, e)| free(e)).min_by_key(|(_, e)| rank(e)).map(|(index, _)| index)
    }

    /// Takes a hand-out back whose answer was certainly not sent.
    pub(crate) fn release(&mut self, id: &str) {
        let Some(entry) = self.open_mut(id) else { return };
        if entry.is_out() {
            entry.state = CommandState::Accepted;
            entry.delivered_at = None;
            entry.attempts -= 1;
            let order = entry.order;
            self.changed.insert(order);
        }
    }

    /// The entries that have changed since the last call, in order of acceptance.
    pub(crate) fn take_changes(&mut self) -> Vec<Entry> {
        let changed = std::mem::take(&mut self.changed);
        let mut out = Vec::with_capacity(changed.len());
        for entry in self.entries.iter_mut().filter(|e| changed.contains(&e.order)) {
            out.push(entry.clone());
            entry.actor = None;
        }
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

    /// Puts a command back as it was, after a change that could not be stored.
    pub(crate) fn undo(&mut self, before: Entry) {
        if let Some(entry) = self.entries.iter_mut().find(|e| e.order == before.order) {
            self.changed.remove(&before.order);
            *entry = before;
        }
    }

    /// Marks entries as changed again, after the caller failed to store them.
    pub(crate) fn untake_changes(&mut self, entries: &[Entry]) {
        for entry in entries {
            if !self.entries.iter().any(|e| e.order == entry.order) {
                // Finished and forgotten meanwhile; it must be stored nevertheless.
                let place = self.entries.partition_point(|e| e.order < entry.order);
                self.entries.insert(place, entry.clone());
            }
            self.changed.insert(entry.order);
        }
    }

    fn open_mut(&mut self, id: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|e| e.id == id && e.is_open())
    }

    fn lease_holds(&self, entry: &Entry, now: u64) -> bool {
        let (CommandState::Delivered, Some(at)) = (entry.state, entry.delivered_at) else {
            return false;
        };
        // An upload right after the hand-out may have been on its way before it.
        let from = at.max(self.attached_at);
        let heard_since = self.heard_at >= from.saturating_add(self.limits.lease_ms / 2);
        now < at.saturating_add(self.limits.lease_ms) || !heard_since
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

/// The place in the line: what is with the session already, what does not wait for it, what belongs to an answer that
/// was given, then the queue; each in order of acceptance.
fn rank(entry: &Entry) -> (u8, u64) {
    let class = match entry.state {
        CommandState::Delivered => 0,
        _ if !entry.waits_for_idle() => 1,
        _ if entry.part_of.is_some() => 2,
        _ => 3,
    };
    (class, entry.order)
}

/// What follows a refusal: its words, as a message of the same person.
fn words_after(entry: &Entry, words: &str) -> NewCommand {
    NewCommand {
        id: format!("{}-words", entry.id),
        client_id: format!("{}-words", entry.client_id),
        kind: CommandKind::UserMessage,
        content: words.to_owned(),
        request_id: None,
        tool_call_id: None,
        answer: None,
        at_seq: entry.at_seq,
        // The refusal ends the turn, and the message is for the next.
        delivery: Delivery::Queue,
        device: entry.device.clone(),
        subject: Some(types::start_of(words)),
        follow: None,
    }
}

#[cfg(test)]
mod tests;
