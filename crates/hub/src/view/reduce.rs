//! Events become visible things.

use std::borrow::Cow;

use groundlink_protocol::Event;
use groundlink_protocol::api::SessionStatus;
use serde_json::Value;

use super::fields::Fields;
use super::item::{Attached, Body, Item, Level, Notice, Prose, ProseText, Source, UserText, Verdict};
use super::request::{Ask, Elicitation, Permission, Plan, Question};
use super::stream::StreamText;
use super::text::Capped;
use super::{MAX_RECENT, SessionView, images};
use crate::digest::{Asked, digest};
use crate::order;

const MAX_USER: usize = 64 * 1024;
const MAX_PROSE: usize = 256 * 1024;
const MAX_NOTICE: usize = 8 * 1024;
/// How far back a thought is looked for that comes again.
const THOUGHTS: usize = 8;

impl SessionView {
    /// Takes in an event. `seq` is its place in the stored log, `None` for one that is not stored.
    ///
    /// Events that were seen already change nothing; events of an unknown type or shape neither.
    pub fn apply_event(&mut self, event: &Event, seq: Option<u64>) {
        match seq {
            Some(seq) if seq <= self.last_seq => return,
            Some(seq) => self.last_seq = seq,
            None => {
                if !self.is_new(event.id()) {
                    return;
                }
            }
        }
        self.at_seq = seq;
        let at = event.timestamp();
        let (before, was_working) = (self.status(), self.turn.is_working());
        if self.turn.apply(event) {
            self.close_all_requests(at);
            self.interrupt_tools();
            self.interrupt_prose();
            self.interrupt_agents();
        }
        if was_working && !self.turn.is_working() {
            self.set(|header| &mut header.activity, None);
            self.header.stopping = false;
        }
        // Copies for the model's eyes are many and large, and never shown.
        let shown = !event.kind().starts_with("model.") && event.kind() != "system.message";
        if shown && let Ok(data) = serde_json::from_str::<Value>(event.data_raw().get()) {
            let data = Fields(&data);
            let has_form = [data, data.get("arguments")].iter().any(|asks| !asks.get("requestedSchema").is_null());
            self.field_order = if has_form { order::of_form(event.data_raw()) } else { Vec::new() };
            if self.note_agent(event, data) {
                self.apply_nested(event.kind(), data, at);
            } else {
                self.apply(event.kind(), data, at);
            }
        }
        let now = self.status();
        if now != before || self.turn.is_working() != was_working {
            self.status_changed(at);
        }
        if (now == SessionStatus::Ended) != (before == SessionStatus::Ended) {
            let rev = self.bump();
            self.redraw_queue(rev);
        }
    }

    fn is_new(&mut self, id: &str) -> bool {
        if !self.recent_set.insert(id.to_owned()) {
            return false;
        }
        self.recent.push_back(id.to_owned());
        if self.recent.len() > MAX_RECENT
            && let Some(oldest) = self.recent.pop_front()
        {
            self.recent_set.remove(&oldest);
        }
        true
    }

    fn apply(&mut self, kind: &str, data: Fields<'_>, at: &str) {
        match kind {
            "user.message" => self.user_message(data, at),
            "assistant.turn_start" => self.reasoned = false,
            "assistant.intent" => self.set(|header| &mut header.activity, data.owned("intent")),
            "abort" => self.stopped(data.str("reason"), at),
            "system.notification" => self.notified(data, at),
            _ if kind.starts_with("session.") => self.session_event(kind, data, at),
            _ => self.apply_shared(kind, data, at, false),
        }
    }

    /// An event of a sub-agent, whose model, mode and context are not the session's.
    fn apply_nested(&mut self, kind: &str, data: Fields<'_>, at: &str) {
        match kind {
            "user.message" => {
                let text = user_text(data.str("content"));
                let attached = Attached::default();
                self.push(at, true, Body::User(UserText { text, source: Source::Agent, attached, failed: None }));
            }
            "session.warning" => self.trouble(Level::Warning, data.str("warningType"), data, at, true),
            "session.error" => self.trouble(Level::Error, data.str("errorType"), data, at, true),
            _ if kind.starts_with("session.") => {}
            _ => self.apply_shared(kind, data, at, true),
        }
    }

    fn apply_shared(&mut self, kind: &str, data: Fields<'_>, at: &str, nested: bool) {
        match kind {
            "assistant.message_delta" => self.prose_delta("messageId", data, at, nested, Body::Assistant),
            "assistant.message" => self.assistant_message(data, at, nested),
            "assistant.reasoning_delta" => {
                self.reasoned = true;
                self.prose_delta("reasoningId", data, at, nested, Body::Reasoning);
            }
            "assistant.reasoning" => {
                self.reasoned = true;
                let content = data.str("content");
                self.prose_whole(data.str("reasoningId"), content, at, nested, Body::Reasoning);
            }
            "tool.execution_start" => {
                self.tool_started(data, at, nested);
                self.infer_request(data, at);
            }
            "tool.execution_partial_result" => self.tool_printed(data),
            "tool.execution_progress" => self.tool_progressed(data),
            "tool.execution_complete" => self.tool_ended(data, at, nested),
            "subagent.started" | "subagent.completed" | "subagent.failed" => self.subagent(kind, data, at),
            "assistant.usage" => self.used(data),
            _ => self.request_event(kind, data, at),
        }
    }

    fn session_event(&mut self, kind: &str, data: Fields<'_>, at: &str) {
        match kind {
            "session.start" | "session.resume" => self.session_started(kind, data, at),
            "session.shutdown" => self.shells_gone(),
            "session.title_changed" => self.set(|header| &mut header.title, data.owned("title")),
            "session.model_change" => {
                self.set(|header| &mut header.model_wanted, None);
                self.set(|header| &mut header.model, data.owned("newModel"));
            }
            "session.usage_info" => self.context_filled(data),
            "session.plan_changed" => self.notice(Level::Info, "The plan was changed.", at),
            "session.mode_changed" => {
                self.set(|header| &mut header.mode_wanted, None);
                self.set(|header| &mut header.mode, data.owned("newMode"));
            }
            "session.context_changed" => self.working_directory(data),
            "session.remote_steerable_changed" => {
                self.heard_steerable(data.bool("remoteSteerable").unwrap_or(true));
            }
            "session.idle" => {
                if let Some(mode) = data.owned("mode") {
                    self.set(|header| &mut header.mode, Some(mode));
                }
            }
            "session.info" => self.session_info(data, at),
            "session.warning" => self.trouble(Level::Warning, data.str("warningType"), data, at, false),
            "session.error" => self.trouble(Level::Error, data.str("errorType"), data, at, false),
            "session.compaction_complete" if data.bool("success") == Some(true) => {
                self.compacted(data);
                self.notice(Level::Info, "The conversation was summed up to make room.", at);
            }
            _ => {}
        }
    }

    fn request_event(&mut self, kind: &str, data: Fields<'_>, at: &str) {
        let id = data.str("requestId");
        let call = data.opt("toolCallId").or_else(|| data.get("permissionRequest").opt("toolCallId"));
        let (asked, ask) = match kind {
            "permission.requested" if data.bool("resolvedByHook") != Some(true) => {
                let mut permission = Permission::read(data);
                if permission.kind == "shell" && permission.folder.is_none() {
                    permission.folder.clone_from(&self.header.cwd);
                }
                (Asked::Permission, Ask::Permission(permission))
            }
            "user_input.requested" => (Asked::Question, Ask::Question(Question::read(data))),
            "elicitation.requested" => (Asked::Form, Ask::Elicitation(Elicitation::read(data, &self.field_order))),
            "exit_plan_mode.requested" => (Asked::Plan, Ask::Plan(Plan::read(data))),
            "permission.completed" => {
                return self.close_request(id, at, permission_verdict(data.get("result").str("kind")));
            }
            "user_input.completed" => {
                let verdict = data.owned("answer").map_or(Verdict::Declined, Verdict::Answered);
                return self.close_request(id, at, verdict);
            }
            "elicitation.completed" => {
                let verdict = match data.str("action") {
                    "accept" => Verdict::Answered(in_words(data.get("content"))),
                    _ => Verdict::Declined,
                };
                return self.close_request(id, at, verdict);
            }
            "exit_plan_mode.completed" => {
                let verdict = match data.bool("approved") {
                    Some(true) => Verdict::Approved,
                    _ => Verdict::Denied,
                };
                return self.close_request(id, at, verdict);
            }
            _ => return,
        };
        self.note_plan(&ask);
        let digest = digest(asked, data.0);
        if id.is_empty() {
            return;
        }
        // The request itself replaces the one that was inferred from its tool call, and a repetition what it repeats.
        let inferred = self.requests.iter().position(|request| Some(request.id.as_str()) == call);
        let known = self.requests.iter().position(|request| request.id == id);
        if let (Some(inferred), Some(_)) = (inferred.filter(|_| call != Some(id)), known) {
            self.requests.remove(inferred);
        }
        let place = self.requests.iter().position(|request| request.id == id).or(inferred.filter(|_| known.is_none()));
        if let Some(place) = place {
            let request = &mut self.requests[place];
            let call = call.map(str::to_owned);
            if request.id != id || request.digest != digest || request.tool_call != call || inferred.is_some() {
                let rev = self.rev + 1;
                (request.id, request.tool_call, request.ask, request.digest) = (id.to_owned(), call, ask, digest);
                request.last_rev = rev;
                self.rev = rev;
                self.requests_rev = rev;
            }
            return;
        }
        self.open_request(id, call, at, ask, digest);
    }

    fn session_started(&mut self, kind: &str, data: Fields<'_>, at: &str) {
        self.working_directory(data.get("context"));
        if let Some(model) = data.owned("selectedModel") {
            self.header.model = Some(model);
        }
        self.touch_header();
        if data.bool("sessionWasActive") != Some(true) {
            self.shells_gone();
        }
        if kind == "session.resume" && self.next_item > 0 {
            self.notice(Level::Info, "The session was resumed.", at);
        }
    }

    fn working_directory(&mut self, context: Fields<'_>) {
        if context.is_null() {
            return;
        }
        self.header.cwd = context.owned("cwd").or(self.header.cwd.take());
        self.header.repository = context.owned("repository");
        self.header.branch = context.owned("branch");
        self.touch_header();
    }

    fn session_info(&mut self, data: Fields<'_>, at: &str) {
        let message = data.str("message");
        match data.str("infoType") {
            // The link itself. Its words are the only sign of an export that takes no commands.
            "remote" => {
                if message.starts_with("Read-only") {
                    self.heard_steerable(false);
                }
            }
            // Told by the tool call and by the abort already.
            "file_created" | "cancellation" => {}
            // Made to keep the CLI's exporter awake.
            _ if message.is_empty() => {}
            _ => self.notice(Level::Info, message, at),
        }
    }

    /// What the events say, where nobody knows better.
    fn heard_steerable(&mut self, steerable: bool) {
        if !self.told_steerable {
            self.set_steerable(steerable);
        }
    }

    pub(super) fn set(&mut self, field: impl Fn(&mut super::Header) -> &mut Option<String>, value: Option<String>) {
        let field = field(&mut self.header);
        if *field != value {
            *field = value;
            self.touch_header();
        }
    }

    pub(super) fn notice(&mut self, level: Level, text: &str, at: &str) {
        if !text.trim().is_empty() {
            let text = Capped::new(text.trim(), MAX_NOTICE, 0);
            self.push(at, false, Body::Notice(Notice { level, text, by: None, advice: None, url: None }));
        }
    }

    fn stopped(&mut self, reason: &str, at: &str) {
        // A refusal ends the turn with an abort of its own; its row says so already.
        let after_denial = self
            .items
            .back()
            .is_some_and(|item| matches!(&item.body, Body::Tool(tool) if tool.state == super::ToolState::Denied));
        if !after_denial {
            let (text, by) = match reason {
                "remote_command" => ("Stopped", self.stopper.take()),
                "user_initiated" | "user_abort" => ("Stopped", None),
                _ => ("The turn was stopped", None),
            };
            let text = Capped::new(text, MAX_NOTICE, 0);
            self.push(at, false, Body::Notice(Notice { level: Level::Stopped, text, by, advice: None, url: None }));
        }
    }

    fn user_message(&mut self, data: Fields<'_>, at: &str) {
        let source = match data.str("source") {
            source if source.starts_with("command-") => {
                let command = source.trim_start_matches("command-").to_owned();
                self.applied.insert(command.clone());
                self.dequeue(&command);
                Source::Link(self.sender(&command))
            }
            "autopilot" => Source::Autopilot,
            _ => Source::Local,
        };
        let text = user_text(data.str("content"));
        let attached = images::of_message(data, images::MAX_BYTES.saturating_sub(self.image_bytes));
        self.push(at, false, Body::User(UserText { text, source, attached, failed: None }));
    }

    fn assistant_message(&mut self, data: Fields<'_>, at: &str, nested: bool) {
        self.note_tool_requests(data);
        if let Some(reasoning) = data.opt("reasoningText")
            && !std::mem::replace(&mut self.reasoned, true)
        {
            self.prose_whole("", reasoning, at, nested, Body::Reasoning);
        }
        let id = data.str("messageId");
        let content = data.str("content");
        if data.int("chunkIndex").is_some_and(|index| index > 0) {
            // A long message comes in pieces; each is shown as it comes.
            self.prose_whole(
                &format!("{id}#{}", data.int("chunkIndex").unwrap_or(0)),
                content,
                at,
                nested,
                Body::Assistant,
            );
        } else {
            self.prose_whole(id, content, at, nested, Body::Assistant);
        }
    }

    fn prose_delta(&mut self, key: &str, data: Fields<'_>, at: &str, nested: bool, body: impl FnOnce(Prose) -> Body) {
        let (id, delta) = (data.str(key), data.str("deltaContent"));
        if id.is_empty() || delta.is_empty() {
            return;
        }
        if let Some(n) = self.by_message.get(id).copied() {
            // After the whole text a late delta has nothing to add.
            if self.item(n).is_some_and(|item| item.body.streaming().is_some()) {
                self.update(n, |body| {
                    if let Body::Assistant(prose) | Body::Reasoning(prose) = body
                        && let ProseText::Streaming(stream) = &mut prose.text
                    {
                        stream.push(delta);
                    }
                });
            }
            return;
        }
        let mut stream = StreamText::default();
        stream.push(delta);
        let prose = Prose { text: ProseText::Streaming(stream), interrupted: false };
        let n = self.push(at, nested, body(prose));
        self.by_message.insert(id.to_owned(), n);
    }

    fn prose_whole(&mut self, id: &str, content: &str, at: &str, nested: bool, body: impl FnOnce(Prose) -> Body) {
        let text = Capped::new(content, MAX_PROSE, 0);
        if let Some(n) = self.by_message.get(id).copied() {
            self.update(n, |body| {
                if let Body::Assistant(prose) | Body::Reasoning(prose) = body {
                    *prose = Prose { text: ProseText::Whole(text), interrupted: false };
                }
            });
            return self.tell(n);
        }
        if content.trim().is_empty() {
            return;
        }
        let body = body(Prose { text: ProseText::Whole(text), interrupted: false });
        if let Some(n) = self.same_thought(&body) {
            self.by_message.insert(id.to_owned(), n);
            return;
        }
        let n = self.push(at, nested, body);
        if !id.is_empty() {
            self.by_message.insert(id.to_owned(), n);
        }
    }

    /// The CLI gives a thought twice: with the message that it led to, and by itself under a name of its own.
    fn same_thought(&self, body: &Body) -> Option<u64> {
        let Body::Reasoning(Prose { text: ProseText::Whole(text), .. }) = body else { return None };
        let same = |item: &&Item| matches!(&item.body, Body::Reasoning(Prose { text: ProseText::Whole(known), .. }) if known == text);
        self.items.iter().rev().take(THOUGHTS).find(same).map(|item| item.n)
    }

    pub(super) fn status_changed(&mut self, at: &str) {
        at.clone_into(&mut self.header.since);
        self.touch_header();
    }

    fn interrupt_prose(&mut self) {
        let growing: Vec<u64> =
            self.last_turn().filter(|item| item.body.streaming().is_some()).map(|item| item.n).collect();
        for n in growing {
            self.update(n, |body| {
                if let Body::Assistant(prose) | Body::Reasoning(prose) = body
                    && let ProseText::Streaming(stream) = &prose.text
                {
                    let text = Capped::new(stream.text(), MAX_PROSE, 0);
                    *prose = Prose { text: ProseText::Whole(text), interrupted: true };
                }
            });
        }
    }
}

pub(super) fn user_text(text: &str) -> Capped {
    Capped::new(text.trim(), MAX_USER, 0)
}

fn permission_verdict(kind: &str) -> Verdict {
    match kind {
        "approved-for-session" | "approved-read-only-for-session" | "approved-for-location" => {
            Verdict::ApprovedForSession
        }
        kind if kind.starts_with("approved") => Verdict::Approved,
        "cancelled" => Verdict::Cancelled,
        _ => Verdict::Denied,
    }
}

/// A filled form, as a person would say it.
fn in_words(content: Fields<'_>) -> String {
    let Value::Object(fields) = content.0 else {
        return content.pretty();
    };
    if fields.len() == 1 {
        return fields.values().map(word).collect();
    }
    let pairs = fields.iter().map(|(name, value)| format!("{name}: {}", word(value)));
    pairs.collect::<Vec<_>>().join(", ")
}

fn word(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::String(text) => text.into(),
        other => other.to_string().into(),
    }
}
