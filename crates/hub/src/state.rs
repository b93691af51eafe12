//! What a session is doing, told from its events: a plain reducer without I/O.
//!
//! It knows which questions are open, for the precondition of an answer, and which events prove that a
//! command has been carried out. What people get to see is drawn by [`view`](crate::view) from the same events.

mod request;
mod turn;

use groundlink_protocol::Event;
use groundlink_protocol::api::{PendingRequest, SessionStatus};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::ledger::{Answer, Closing, Evidence};
use crate::view::SessionView;
pub(crate) use turn::Turn;

/// Open questions that are remembered. The oldest gives way; nobody asks that many.
const MAX_PENDING: usize = 256;
/// The mark that the CLI and the bridge put on a message that came from a command.
const COMMAND_SOURCE: &str = "command-";

/// The state of one session. See the module's description.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SessionState {
    title: Option<String>,
    cwd: Option<String>,
    repository: Option<String>,
    branch: Option<String>,
    model: Option<String>,
    mode: Option<String>,
    steerable: Option<bool>,
    #[serde(flatten)]
    turn: Turn,
    /// When the status became what it is, by the clock of the session's machine.
    since: Option<String>,
    pending: Vec<PendingRequest>,
    /// The newest durable event; the next one names it as its parent.
    head: Option<Head>,
}

/// An event's name and time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) id: String,
    pub(crate) timestamp: String,
}

impl Head {
    /// The head that an event is.
    pub(crate) fn of(event: &Event) -> Self {
        Self { id: event.id().to_owned(), timestamp: event.timestamp().to_owned() }
    }
}

/// The command that an event proves to have arrived as a message.
pub(crate) fn message_of(event: &Event) -> Option<Evidence> {
    if event.kind() != "user.message" {
        return None;
    }
    let source = read::<Data>(event).source?;
    Some(Evidence::Message { command_id: source.strip_prefix(COMMAND_SOURCE)?.to_owned() })
}

/// The fields that matter, from events of all types. Everything else is skipped unread.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Data {
    title: Option<String>,
    context: Option<Context>,
    cwd: Option<String>,
    repository: Option<String>,
    branch: Option<String>,
    selected_model: Option<String>,
    new_model: Option<String>,
    new_mode: Option<String>,
    mode: Option<String>,
    remote_steerable: Option<bool>,
    source: Option<String>,
    reason: Option<String>,
    info_type: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
    tool_call_id: Option<String>,
    result: Option<Outcome>,
    answer: Option<String>,
    action: Option<String>,
    approved: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Context {
    cwd: Option<String>,
    repository: Option<String>,
    branch: Option<String>,
}

/// Of a permission; a tool's result has no `kind`, or a text of its own.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Outcome {
    kind: Option<String>,
}

fn read<T: DeserializeOwned + Default>(event: &Event) -> T {
    serde_json::from_str(event.data_raw().get()).unwrap_or_default()
}

impl SessionState {
    /// Tells a new view what it would know from the events that this state has seen.
    pub(crate) fn seed(&self, view: &mut SessionView) {
        view.seed(self.turn.clone(), |header| {
            header.title.clone_from(&self.title);
            header.cwd.clone_from(&self.cwd);
            header.repository.clone_from(&self.repository);
            header.branch.clone_from(&self.branch);
            header.model.clone_from(&self.model);
            header.mode.clone_from(&self.mode);
            header.steerable = self.steerable.unwrap_or(true);
        });
    }

    /// The title, once there is one.
    pub(crate) fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// The working directory.
    pub(crate) fn cwd(&self) -> Option<&str> {
        self.cwd.as_deref()
    }

    /// The repository, as `owner/name`.
    pub(crate) fn repository(&self) -> Option<&str> {
        self.repository.as_deref()
    }

    /// The branch.
    pub(crate) fn branch(&self) -> Option<&str> {
        self.branch.as_deref()
    }

    /// What went wrong, while the status says so.
    pub(crate) fn error(&self) -> Option<&str> {
        self.turn.error().filter(|_| self.status() == SessionStatus::Error)
    }

    /// When the status became what it is (RFC 3339).
    pub(crate) fn since(&self) -> Option<&str> {
        self.since.as_deref().filter(|since| !since.is_empty())
    }

    /// The model.
    pub(crate) fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// The agent mode.
    pub(crate) fn mode(&self) -> Option<&str> {
        self.mode.as_deref()
    }

    /// What the events say about taking commands; `None` when nothing.
    pub(crate) fn steerable(&self) -> Option<bool> {
        self.steerable
    }

    /// The open questions, oldest first.
    pub(crate) fn pending(&self) -> &[PendingRequest] {
        &self.pending
    }

    /// The open question with this name. The wire allows a tool call's id for it, too.
    pub(crate) fn request(&self, id: &str) -> Option<&PendingRequest> {
        self.pending
            .iter()
            .find(|r| r.request_id == id)
            .or_else(|| self.pending.iter().find(|r| r.tool_call_id.as_deref() == Some(id)))
    }

    /// The newest durable event.
    pub(crate) fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// What the session is doing.
    pub(crate) fn status(&self) -> SessionStatus {
        self.turn.status(!self.pending.is_empty())
    }

    /// Whether the agent would take up a message now: nobody is asked anything, and it has nothing to do itself.
    pub(crate) fn is_free(&self) -> bool {
        self.pending.is_empty() && self.turn.is_free()
    }

    /// Takes in a stored event, and says what it proves about commands.
    pub(crate) fn apply(&mut self, event: &Event, seq: u64) -> Vec<Evidence> {
        let before = self.status();
        let evidence = self.reduce(event, seq);
        if self.status() != before {
            self.since = Some(event.timestamp().to_owned());
        }
        evidence
    }

    fn reduce(&mut self, event: &Event, seq: u64) -> Vec<Evidence> {
        if !event.ephemeral() {
            self.head = Some(Head::of(event));
        }
        let mut evidence = if self.turn.apply(event) { self.drop_all() } else { Vec::new() };
        evidence.extend(self.reduce_request(event, seq));
        // A sub-agent has a model, a mode and a folder of its own.
        if event.agent_id().is_none() {
            evidence.extend(self.reduce_header(event));
        }
        evidence
    }

    fn reduce_header(&mut self, event: &Event) -> Option<Evidence> {
        match event.kind() {
            "session.start" => self.begin(&read(event), true),
            "session.resume" => self.begin(&read(event), false),
            "session.context_changed" => {
                let data: Data = read(event);
                let there = data.context.unwrap_or_default();
                self.cwd = data.cwd.or(there.cwd).or(self.cwd.take());
                self.repository = data.repository.or(there.repository).or(self.repository.take());
                self.branch = data.branch.or(there.branch).or(self.branch.take());
            }
            "session.title_changed" => self.title = read::<Data>(event).title.or(self.title.take()),
            "session.model_change" => {
                let model = read::<Data>(event).new_model?;
                self.model = Some(model.clone());
                return Some(Evidence::Model { model });
            }
            "session.mode_changed" => {
                let mode = read::<Data>(event).new_mode?;
                self.mode = Some(mode.clone());
                return Some(Evidence::Mode { mode });
            }
            "session.info" => {
                let data: Data = read(event);
                // Its words are the only sign of an export that takes no commands.
                if data.info_type.as_deref() == Some("remote") {
                    self.steerable = data.message.map(|message| !message.starts_with("Read-only")).or(self.steerable);
                }
            }
            "session.remote_steerable_changed" => {
                self.steerable = read::<Data>(event).remote_steerable.or(self.steerable);
            }
            "session.idle" => self.mode = read::<Data>(event).mode.or(self.mode.take()),
            "abort" => {
                let remote = read::<Data>(event).reason.as_deref() == Some("remote_command");
                return Some(Evidence::Aborted { remote });
            }
            "user.message" => return message_of(event),
            _ => {}
        }
        None
    }

    fn reduce_request(&mut self, event: &Event, seq: u64) -> Vec<Evidence> {
        match event.kind() {
            "tool.execution_start" => self.ask(request::inferred(event, seq)),
            "tool.execution_complete" => {
                if let Some(call) = read::<Data>(event).tool_call_id {
                    return self.close_call(&call);
                }
            }
            "permission.requested" => self.ask(request::permission(event, seq)),
            "user_input.requested" => self.ask(request::user_input(event, seq)),
            "elicitation.requested" => self.ask(request::elicitation(event, seq)),
            "exit_plan_mode.requested" => self.ask(request::plan(event, seq)),
            kind => return self.completed(kind, event),
        }
        Vec::new()
    }

    fn begin(&mut self, data: &Data, fresh: bool) {
        if let Some(there) = &data.context {
            self.cwd = there.cwd.clone().or(self.cwd.take());
            self.repository.clone_from(&there.repository);
            self.branch.clone_from(&there.branch);
        }
        if data.selected_model.is_some() {
            self.model.clone_from(&data.selected_model);
        }
        // A resume repeats what was true when the session was stored, not what is.
        if fresh && data.remote_steerable == Some(true) {
            self.steerable = Some(true);
        }
    }

    fn ask(&mut self, request: Option<PendingRequest>) {
        let Some(request) = request else { return };
        // The real question replaces what was inferred from its tool call, and an exporter's repetition.
        self.pending.retain(|other| {
            let inferred = Some(&other.request_id) == request.tool_call_id.as_ref();
            !(other.request_id == request.request_id || inferred)
        });
        if self.pending.len() == MAX_PENDING {
            self.pending.remove(0);
        }
        self.pending.push(request);
    }

    fn completed(&mut self, kind: &str, event: &Event) -> Vec<Evidence> {
        let how = |data: &Data| match kind {
            "permission.completed" => {
                let kind = data.result.as_ref().and_then(|r| r.kind.as_deref()).unwrap_or_default();
                if kind == "cancelled" {
                    Closing::Dropped
                } else {
                    Closing::Answered(Some(Answer::Approved(kind.starts_with("approved"))))
                }
            }
            "user_input.completed" => Closing::Answered(data.answer.clone().map(Answer::Word)),
            "elicitation.completed" => Closing::Answered(data.action.clone().map(Answer::Word)),
            _ => Closing::Answered(data.approved.map(Answer::Approved)),
        };
        if !matches!(
            kind,
            "permission.completed" | "user_input.completed" | "elicitation.completed" | "exit_plan_mode.completed"
        ) {
            return Vec::new();
        }
        let data: Data = read(event);
        let Some(request_id) = data.request_id.clone() else { return Vec::new() };
        let tool_call_id = self.request(&request_id).and_then(|r| r.tool_call_id.clone());
        self.pending.retain(|r| r.request_id != request_id);
        vec![Evidence::Closed { request_id, tool_call_id, how: how(&data) }]
    }

    /// A tool call is over, and with it what it asked.
    fn close_call(&mut self, call: &str) -> Vec<Evidence> {
        let of_call = |r: &PendingRequest| r.tool_call_id.as_deref() == Some(call);
        self.take_pending(of_call, &Closing::Answered(None))
    }

    fn drop_all(&mut self) -> Vec<Evidence> {
        self.take_pending(|_| true, &Closing::Dropped)
    }

    fn take_pending(&mut self, which: impl Fn(&PendingRequest) -> bool, how: &Closing) -> Vec<Evidence> {
        self.pending
            .extract_if(.., |r| which(r))
            .map(|r| Evidence::Closed { request_id: r.request_id, tool_call_id: r.tool_call_id, how: how.clone() })
            .collect()
    }
}

#[cfg(test)]
mod agree;
#[cfg(test)]
mod tests;
