//! What the lock of a [`Live`](super::Live) protects: the reducers and what they do not know.

use std::collections::{HashSet, VecDeque};

use groundlink_protocol::api::{EpochChange, Presence, SessionEntry, SessionSnapshot, SessionStatus, WaitingFor};
use groundlink_protocol::mc::CommandType;
use groundlink_protocol::mc::ExporterInfo;

use super::ring::Ring;
use super::{SessionSummary, now};
use crate::ledger::{Entry, FINISHED_KEPT, Facts, Ledger, Limits};
use crate::state::SessionState;
use crate::store::{SessionRow, StoredEvent};
use crate::view::{CommandNote, SessionView, first_line};

/// Ids of passing events that are remembered to tell repetitions: two exporters of one session send each twice.
const RECENT: usize = 4_096;
/// Characters of what a session waits for, in the list.
const MAX_SUMMARY: usize = 240;
/// How much older the stored time of the last contact may get.
const LAST_SEEN_STEP_MS: u64 = 10_000;

/// What the lock protects.
#[allow(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub(crate) struct Inner {
    /// Names this view among all that there were; a page that knows another one starts anew.
    pub(crate) epoch: String,
    pub(crate) view: SessionView,
    pub(crate) state: SessionState,
    pub(crate) ledger: Ledger,
    pub(crate) last_seq: u64,
    /// Names the log.
    pub(crate) log_epoch: String,
    pub(crate) trimmed_before: u64,
    pub(crate) exporter: Option<ExporterInfo>,
    /// The exporter has asked for commands.
    pub(super) polled: bool,
    pub(crate) shared: bool,
    pub(super) closed: bool,
    /// It is not in the store any more.
    pub(crate) deleted: bool,
    pub(super) name: Option<String>,
    pub(super) archived: bool,
    created_at: u64,
    pub(super) last_seen: Option<u64>,
    pub(super) last_seen_stored: u64,
    pub(super) online: bool,
    /// Online, and not heard for longer than is usual.
    silent: bool,
    pub(super) gap: Option<String>,
    /// The newest event that filled a gap.
    pub(super) heal_tip: Option<String>,
    pub(super) recent: Recent,
    /// The newest events, for those who follow.
    pub(super) ring: Ring,
    pub(super) viewers: u32,
    pub(super) pollers: u32,
    /// Since when nobody has used it.
    pub(super) used_at: u64,
    /// The first finished command that the ledger is to remember.
    remembered_from: u64,
}

/// The last so many ids.
#[derive(Default)]
pub(super) struct Recent {
    order: VecDeque<String>,
    set: HashSet<String>,
}

impl Recent {
    /// Whether the id is new; it is known from now on.
    pub(super) fn insert(&mut self, id: &str) -> bool {
        if !self.set.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > RECENT
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
        true
    }
}

impl Inner {
    pub(super) fn new(row: &SessionRow, limits: Limits) -> Self {
        let exporter: Option<ExporterInfo> = row.exporter.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let state = base_state(row);
        let mut view = SessionView::new(row.id.clone());
        state.seed(&mut view);
        view.set_trimmed(row.trimmed_before);
        view.set_name(row.name.clone());
        view.set_exporter(exporter.clone());
        view.set_presence(Presence { online: false, silent: false, last_seen_ms: row.last_seen });
        Self {
            epoch: uuid::Uuid::new_v4().simple().to_string(),
            view,
            state,
            ledger: Ledger::new(limits),
            last_seq: row.last_seq,
            log_epoch: row.epoch.clone(),
            trimmed_before: row.trimmed_before,
            exporter,
            polled: row.steerable,
            shared: row.shared,
            closed: row.ended,
            deleted: false,
            name: row.name.clone(),
            archived: row.archived,
            created_at: row.created_at,
            last_seen: row.last_seen,
            last_seen_stored: row.last_seen.unwrap_or_default(),
            online: false,
            silent: false,
            gap: row.gap.clone(),
            heal_tip: None,
            recent: Recent::default(),
            ring: Ring::default(),
            viewers: 0,
            pollers: 0,
            used_at: now(),
            remembered_from: 0,
        }
    }

    /// What readers of another log are told.
    pub(super) fn epoch_change(&self) -> EpochChange {
        EpochChange { epoch: self.log_epoch.clone(), trimmed_before: self.trimmed_before }
    }

    /// Whether somebody has put it away.
    pub(crate) fn archived(&self) -> bool {
        self.archived
    }

    pub(crate) fn presence(&self) -> Presence {
        Presence { online: self.online, silent: self.silent, last_seen_ms: self.last_seen }
    }

    /// Whether the exporter takes commands.
    pub(crate) fn steerable(&self) -> bool {
        match &self.exporter {
            // The bridge says so.
            Some(info) => info.view_only != Some(true),
            // The CLI says whether, in its first upload; until then a person who is quick is not turned away. And whoever
            // asks for commands wants them.
            None => self.state.steerable().unwrap_or(true) || self.polled,
        }
    }

    pub(crate) fn status(&self) -> SessionStatus {
        if self.closed { SessionStatus::Ended } else { self.state.status() }
    }

    /// When the status became what it is.
    fn since(&self) -> Option<String> {
        if self.closed && self.state.status() != SessionStatus::Ended {
            // The exporter said goodbye without an event: then it was heard last.
            return moment(self.last_seen);
        }
        self.state.since().map(str::to_owned)
    }

    /// Tells the others what the state is now, after a change of it.
    pub(super) fn tell_state(&mut self, at: u64) {
        let (status, since) = (self.status(), self.since());
        self.view.set_status(status, since.as_deref());
        self.view.tell_steerable(self.steerable());
        let facts = Facts {
            idle: status != SessionStatus::Ended && self.state.is_free(),
            mode: self.state.mode().map(str::to_owned),
            model: self.state.model().map(str::to_owned),
            switches_models: self.takes(&CommandType::ModelSwitch),
        };
        self.ledger.set_facts(facts, at);
    }

    /// Whether the exporter has said that it takes a type of command which the CLI does not know.
    pub(super) fn takes(&self, kind: &CommandType) -> bool {
        self.exporter.as_ref().is_some_and(|exporter| exporter.commands.iter().any(|word| word == kind.as_str()))
    }

    pub(super) fn summary(&self) -> SessionSummary {
        SessionSummary {
            status: self.status(),
            viewers: self.viewers,
            presence: self.presence(),
            title: self.state.title().map(str::to_owned),
        }
    }

    /// What the list shows, but for the link. The status is that of the events, whether the exporter said goodbye or
    /// not.
    pub(super) fn card(&self, session_id: &str) -> SessionEntry {
        let waiting = self.state.pending().iter().map(|request| {
            // The command itself, not what the agent says of it.
            let command = request.detail.as_deref().filter(|_| request.permission.as_deref() == Some("shell"));
            WaitingFor {
                kind: request.kind,
                summary: first_line(command.unwrap_or(&request.summary), MAX_SUMMARY),
                requested_at: request.requested_at.clone(),
            }
        });
        SessionEntry {
            session_id: session_id.to_owned(),
            link: String::new(),
            name: self.name.clone(),
            title: self.state.title().map(str::to_owned),
            status: self.state.status(),
            since: self.state.since().map(str::to_owned),
            error: self.state.error().map(str::to_owned),
            presence: Presence { last_seen_ms: self.last_seen.filter(|_| !self.is_steady()), ..self.presence() },
            repository: self.state.repository().map(str::to_owned),
            branch: self.state.branch().map(str::to_owned),
            cwd: self.state.cwd().map(str::to_owned),
            machine: self.exporter.as_ref().and_then(|exporter| exporter.machine.clone()),
            model: self.state.model().map(str::to_owned),
            waiting: waiting.collect(),
            archived: self.archived,
            created_at_ms: self.created_at,
        }
    }

    /// The same, as it is to be shown.
    pub(crate) fn entry(&self, session_id: &str) -> SessionEntry {
        SessionEntry { status: self.status(), since: self.since(), ..self.card(session_id) }
    }

    pub(super) fn snapshot(&self, session_id: &str) -> SessionSnapshot {
        let pending = self.state.pending().iter().cloned().map(|mut request| {
            request.answering = self.ledger.is_answering(&request.request_id);
            request
        });
        SessionSnapshot {
            session_id: session_id.to_owned(),
            title: self.state.title().map(str::to_owned),
            status: self.status(),
            since: self.since(),
            error: self.state.error().map(str::to_owned),
            presence: self.presence(),
            repository: self.state.repository().map(str::to_owned),
            branch: self.state.branch().map(str::to_owned),
            cwd: self.state.cwd().map(str::to_owned),
            model: self.state.model().map(str::to_owned),
            mode: self.state.mode().map(str::to_owned),
            steerable: self.steerable(),
            exporter: self.exporter.clone(),
            pending: pending.collect(),
            queue: self.ledger.waiting().into_iter().map(Entry::queued).collect(),
            epoch: self.log_epoch.clone(),
            trimmed_before: self.trimmed_before,
            last_seq: self.last_seq,
            viewers: self.viewers,
        }
    }

    /// Notes that the exporter was heard; says what of it is worth storing.
    pub(super) fn heard(&mut self, at: u64) -> Option<u64> {
        self.last_seen = self.last_seen.max(Some(at));
        self.used_at = now();
        if !self.online {
            self.set_online(true);
        }
        self.set_silent(false);
        (at >= self.last_seen_stored + LAST_SEEN_STEP_MS).then(|| {
            self.last_seen_stored = at;
            at
        })
    }

    /// Notes whether the exporter is silent; says whether that is new.
    pub(super) fn set_silent(&mut self, silent: bool) -> bool {
        if self.silent == silent {
            return false;
        }
        self.silent = silent;
        let presence = self.presence();
        self.view.set_presence(presence);
        true
    }

    /// Online and not silent.
    pub(super) fn is_steady(&self) -> bool {
        self.online && !self.silent
    }

    pub(super) fn set_online(&mut self, online: bool) {
        self.online = online;
        self.silent &= online;
        let presence = self.presence();
        self.view.set_presence(presence);
    }

    /// Takes over what was rebuilt from the store, and keeps what is not in there.
    pub(super) fn replace(&mut self, fresh: Self) {
        let old = std::mem::replace(self, fresh);
        self.recent = old.recent;
        self.ring = old.ring;
        self.viewers = old.viewers;
        self.pollers = old.pollers;
        self.last_seen = old.last_seen;
        self.last_seen_stored = old.last_seen_stored;
        self.polled |= old.polled;
        self.ledger.inherit(&old.ledger);
        self.deleted = old.deleted;
        self.set_online(old.online);
    }

    /// Takes in one event of the store, at its place among the commands that were given meanwhile.
    pub(super) fn replay(&mut self, stored: &StoredEvent, commands: &mut VecDeque<Entry>) {
        while commands.front().is_some_and(|entry| entry.at_seq < stored.seq) {
            self.replay_command(commands.pop_front());
        }
        self.view.apply_event(&stored.event, Some(stored.seq));
        if stored.seq <= self.trimmed_before {
            // Kept for its text; the state has it from before.
            return;
        }
        for evidence in self.state.apply(&stored.event, stored.seq) {
            self.ledger.observe(&evidence, now());
        }
    }

    /// All commands are shown; the ledger is to remember those that are open and the latest of the others.
    pub(super) fn remember_commands(&mut self, commands: &VecDeque<Entry>) {
        self.remembered_from = commands.back().map_or(0, |last| last.order.saturating_sub(FINISHED_KEPT as u64 - 1));
    }

    pub(super) fn replay_command(&mut self, entry: Option<Entry>) {
        if let Some(entry) = entry {
            self.view.replay_command(&note(&entry), entry.at_seq);
            if entry.is_open() || entry.order >= self.remembered_from {
                self.ledger.restore(entry);
            }
        }
    }
}

/// A time of ours as events write it.
pub(super) fn moment(ms: Option<u64>) -> Option<String> {
    let at = i64::try_from(ms?).ok()?;
    jiff::Timestamp::from_millisecond(at).ok().map(|at| format!("{at:.3}"))
}

/// The state after the events that were trimmed, with which everything begins.
pub(super) fn base_state(row: &SessionRow) -> SessionState {
    row.base.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// A command's news for the view.
pub(super) fn note(entry: &Entry) -> CommandNote {
    CommandNote {
        id: entry.id.clone(),
        kind: entry.kind.as_str().to_owned(),
        state: entry.state,
        request_id: entry.request_id.clone(),
        text: entry.text().map(str::to_owned),
        reason: entry.reason.clone(),
        delivery: entry.delivery,
        device: entry.device.clone(),
        taken: entry.acknowledged_at.is_some(),
    }
}
