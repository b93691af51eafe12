//! How commands come to their end: by what the session says, by what the exporter says, by time.

use groundlink_protocol::api::CommandState;

use super::{Answer, Closing, CommandKind, Entry, Evidence, Facts, Ledger, words_after};

impl Ledger {
    /// The exporter says that it has dispatched the command. That is no proof yet: the CLI acknowledges bad prompt
    /// ids, too, and messages that an abort drops before the agent reads them.
    pub(crate) fn acknowledge(&mut self, id: &str, now: u64) {
        let Some(entry) = self.open_mut(id) else { return };
        // An acknowledgement may overtake a restart that forgot the hand-out.
        entry.delivered_at.get_or_insert(now);
        if entry.acknowledged_at.is_none() {
            entry.acknowledged_at = Some(now);
            entry.state = CommandState::Delivered;
            let order = entry.order;
            self.changed.insert(order);
        }
        self.settle_acknowledged(now);
    }

    /// The exporter says that the command could not be done. `still_open`: its request is still waiting.
    pub(crate) fn reject(&mut self, id: &str, reason: &str, still_open: bool, now: u64) {
        let Some(entry) = self.open_mut(id) else { return };
        if entry.kind.is_answer() && !still_open {
            self.finish(id, CommandState::Superseded, Some("answered elsewhere first"), now);
        } else {
            self.finish(id, CommandState::Rejected, Some(reason), now);
        }
    }

    /// Something in the session's events bears on commands.
    pub(crate) fn observe(&mut self, evidence: &Evidence, now: u64) {
        match evidence {
            Evidence::Message { command_id } => {
                if self.get(command_id).is_some_and(|e| e.kind == CommandKind::UserMessage) {
                    self.finish(command_id, CommandState::Applied, None, now);
                }
            }
            Evidence::Aborted { remote } => {
                self.aborted_at = Some(now);
                if *remote {
                    self.apply_delivered(|e| e.kind == CommandKind::Abort, now);
                }
            }
            Evidence::Mode { mode } => self.apply_delivered(
                |e| e.kind == CommandKind::ModeSwitch && e.answer.as_ref() == Some(&Answer::Word(mode.clone())),
                now,
            ),
            Evidence::Model { model } => self.apply_delivered(
                |e| e.kind == CommandKind::ModelSwitch && e.answer.as_ref() == Some(&Answer::Word(model.clone())),
                now,
            ),
            Evidence::Closed { request_id, tool_call_id, how } => {
                self.close_request(request_id, tool_call_id.as_deref(), how, now);
            }
        }
    }

    /// What the session is like now, after what was observed.
    pub(crate) fn set_facts(&mut self, facts: Facts, now: u64) {
        if facts.idle && !self.facts.idle {
            self.idle_since = now;
        }
        self.facts = facts;
        self.settle_acknowledged(now);
    }

    /// An upload that was received at `received_at` has been applied in full.
    pub(crate) fn heard(&mut self, received_at: u64) {
        self.heard_at = self.heard_at.max(received_at);
    }

    /// An exporter has attached, perhaps another one than before.
    pub(crate) fn attached(&mut self, now: u64) {
        self.attached_at = self.attached_at.max(now);
    }

    /// Lets time pass: ends what nobody fetched, confirmed or proved in time.
    pub(crate) fn tick(&mut self, now: u64) {
        let woken_at = *self.woken_at.get_or_insert(now);
        let ends: Vec<_> = self
            .entries
            .iter()
            .filter(|e| e.is_open())
            .filter_map(|entry| {
                let (state, reason) = self.overdue(entry, woken_at, now)?;
                Some((entry.id.clone(), state, reason))
            })
            .collect();
        for (id, state, reason) in ends {
            self.finish(&id, state, Some(reason), now);
        }
    }

    /// Whether time has decided about an open command, and how.
    fn overdue(&self, entry: &Entry, woken_at: u64, now: u64) -> Option<(CommandState, &'static str)> {
        use CommandState::{Expired, Rejected, Unknown};
        let lease = self.limits.lease_ms;
        if let Some(at) = entry.acknowledged_at {
            let without_effect = now >= at.saturating_add(lease);
            return match entry.kind {
                CommandKind::UserMessage => self.unread(entry, at, now),
                CommandKind::Abort if without_effect => {
                    Some((Rejected, "the session received it, but the turn goes on"))
                }
                CommandKind::ModeSwitch | CommandKind::ModelSwitch if without_effect => {
                    Some((Rejected, "the session received it, but did not change"))
                }
                kind if kind.is_answer() && without_effect => {
                    Some((Rejected, "the agent received the answer, but the request is still open"))
                }
                _ => None,
            };
        }
        let Some(at) = entry.delivered_at.filter(|_| entry.state == CommandState::Delivered) else {
            return (now >= entry.expires_at).then_some((Expired, "the session did not fetch it in time"));
        };
        if now < at.saturating_add(lease) {
            // In somebody's hand: not ours to end.
            return None;
        }
        let silent_from = at.max(woken_at);
        let vanished = self.heard_at <= at && now >= silent_from.saturating_add(self.limits.vanished_ms);
        if vanished {
            return Some((Unknown, "the session fetched it and was not heard again"));
        }
        if now >= entry.expires_at || (entry.attempts >= self.limits.attempts && !self.lease_holds(entry, now)) {
            return Some((Unknown, "the session fetched it and never confirmed it"));
        }
        None
    }

    /// What to think of a message that was acknowledged and does not show up. While a turn runs it may join it at the
    /// next step; an idle session starts with it at once.
    fn unread(&self, entry: &Entry, acknowledged_at: u64, now: u64) -> Option<(CommandState, &'static str)> {
        let idle_for = self.facts.idle.then(|| now.saturating_sub(acknowledged_at.max(self.idle_since)));
        let idle_long = idle_for.is_some_and(|ms| ms >= self.limits.lease_ms);
        if !idle_long && now < entry.expires_at {
            return None;
        }
        let handed_out = entry.delivered_at.unwrap_or_default();
        if self.aborted_at.is_some_and(|at| at >= handed_out) {
            return Some((CommandState::Rejected, "the turn was stopped before the agent read it"));
        }
        Some((CommandState::Unknown, "the session received it, but nothing shows that the agent read it"))
    }

    /// Ends what has been acknowledged and is as it was to be.
    fn settle_acknowledged(&mut self, now: u64) {
        let facts = &self.facts;
        let is_so = |entry: &Entry| match (entry.kind, &entry.answer) {
            (CommandKind::Abort, _) => facts.idle,
            (CommandKind::ModeSwitch, Some(Answer::Word(mode))) => {
                // A session that never told its mode is in the first one.
                facts.mode.as_deref().unwrap_or("interactive") == mode
            }
            (CommandKind::ModelSwitch, Some(Answer::Word(model))) => facts.model.as_ref() == Some(model),
            _ => false,
        };
        let done: Vec<String> = self
            .entries
            .iter()
            .filter(|e| e.is_open() && e.acknowledged_at.is_some() && is_so(e))
            .map(|e| e.id.clone())
            .collect();
        for id in done {
            self.finish(&id, CommandState::Applied, None, now);
        }
    }

    /// Ends a command, unless it is at its end already. Proof overrules what was concluded from silence.
    pub(super) fn finish(&mut self, id: &str, state: CommandState, reason: Option<&str>, now: u64) {
        let proof = matches!(state, CommandState::Applied | CommandState::Superseded);
        let Some(entry) = self.entries.iter_mut().find(|e| e.id == id && (e.is_open() || (e.is_in_doubt() && proof)))
        else {
            return;
        };
        entry.state = state;
        entry.reason = reason.map(str::to_owned);
        entry.ended_at = Some(now);
        entry.shorten();
        let order = entry.order;
        self.changed.insert(order);
        // Where nobody knows, proof may still come, and then the words are wanted.
        let follow = if state == CommandState::Unknown { None } else { entry.follow.take() };
        if let Some(words) = follow.filter(|_| state == CommandState::Applied) {
            let (words, part_of) = (words_after(entry, &words), entry.id.clone());
            self.add(words, Some(part_of), now);
        }
    }

    fn apply_delivered(&mut self, matches: impl Fn(&Entry) -> bool, now: u64) {
        let delivered = |e: &&Entry| (e.state == CommandState::Delivered || e.is_in_doubt()) && matches(e);
        let ids: Vec<String> = self.entries.iter().filter(delivered).map(|e| e.id.clone()).collect();
        for id in ids {
            self.finish(&id, CommandState::Applied, None, now);
        }
    }

    fn close_request(&mut self, request_id: &str, tool_call_id: Option<&str>, how: &Closing, now: u64) {
        let of_request = |e: &&Entry| {
            e.kind.is_answer()
                && (e.request_id.as_deref() == Some(request_id)
                    || (tool_call_id.is_some() && e.tool_call_id.as_deref() == tool_call_id))
        };
        let fits = |e: &Entry| match how {
            Closing::Answered(None) => true,
            Closing::Answered(Some(answer)) => e.answer.as_ref() == Some(answer),
            Closing::Dropped => false,
        };
        // The answer that is on its way is the one that counted, if it fits; else one that seemed to have no effect.
        let concerned = || self.entries.iter().filter(of_request);
        let open = concerned().find(|e| e.state == CommandState::Delivered);
        let counted = open.filter(|e| fits(e)).or_else(|| concerned().rev().find(|e| e.is_in_doubt() && fits(e)));
        let counted = counted.map(|e| e.order);
        let ends: Vec<_> = concerned()
            .filter(|e| e.is_open() || e.state == CommandState::Unknown || Some(e.order) == counted)
            .map(|e| (e.id.clone(), Some(e.order) == counted))
            .collect();
        let reason = match how {
            Closing::Answered(_) => "answered elsewhere first",
            Closing::Dropped => "the request was closed without an answer",
        };
        for (id, counted) in ends {
            if counted {
                self.finish(&id, CommandState::Applied, None, now);
            } else {
                self.finish(&id, CommandState::Superseded, Some(reason), now);
            }
        }
    }
}
