//! The JSON API of a link: what a viewer (the page, the `groundlink` command, any other program that
//! holds a link) says to the hub and hears from it.
//!
//! | request | answer |
//! |---|---|
//! | `GET` the link itself, `Accept: application/json` | [`LinkInfo`] |
//! | `GET {api}` | [`SessionSnapshot`] |
//! | `GET {api}/events?after=SEQ&limit=N` | [`EventPage`] |
//! | `GET {api}/events/stream?after=SEQ&epoch=EPOCH` | server-sent events, see [`sse`] |
//! | `POST {api}/commands` with [`CommandIntent`] | [`CommandReceipt`] |
//! | `GET {api}/commands/{id}` | [`CommandReceipt`] |
//! | `PATCH {api}/commands/{id}` with [`CommandEdit`] | [`CommandReceipt`], of a message that still waits |
//! | `DELETE {api}/commands/{id}` | [`CommandReceipt`], of a message that waited |
//! | `GET {api}/audit?after=N&limit=N` | [`AuditPage`] |
//! | `GET {api}/push` | [`PushSetup`] |
//! | `GET {api}/push/{id}` | [`PushState`]; the id is the SHA-256 of the endpoint, in Base64url |
//! | `PUT {api}/push/{id}` with [`PushSubscription`] | [`PushState`] |
//! | `DELETE {api}/push/{id}` | nothing |
//! | `PUT {api}/focus` with [`FocusReport`] | nothing |
//!
//! And with the link of a hub itself, whose API is at `/api/v1/hubs/KEY`:
//!
//! | request | answer |
//! |---|---|
//! | `GET {hub}/sessions?after=&limit=` | [`SessionList`] |
//! | `GET {hub}/sessions/stream` | server-sent events, see [`sessions_sse`] |
//! | `GET {hub}/audit?after=&limit=` | [`KeptAuditPage`]: what was done in sessions that were deleted |
//! | `PATCH {hub}/sessions/{id}` with [`SessionEdit`] | [`SessionEntry`] |
//! | `DELETE {hub}/sessions/{id}` | nothing, of a session that is not connected |
//! | `{hub}/push`, `{hub}/push/{id}`, `{hub}/focus` | as with a session's link, for all sessions |
//!
//! Every error is a [`Problem`] (`application/problem+json`), with a `type` of [`problem`] where a program may want
//! to tell it from others. Reading is lenient: unknown fields are ignored, and enums have an `Unknown` variant (or
//! `Other`) for words of a newer hub. Times whose names end in `_ms` are milliseconds since 1970.

mod commands;
pub mod problem;
mod push;
mod sessions;

pub use commands::{AuditEntry, AuditPage, CommandAction, CommandEdit, CommandIntent, CommandReceipt, CommandState};
pub use push::{FocusReport, PushContent, PushMessage, PushReason, PushSetup, PushState, PushSubscription};
pub use sessions::{
    KeptAuditEntry, KeptAuditPage, SessionEdit, SessionEntry, SessionGone, SessionList, WaitingFor, sessions_sse,
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::mc::ExporterInfo;

/// Names of the server-sent events on `{api}/events/stream`.
///
/// The `id` of an [`EVENT`](sse::EVENT) is the log's epoch and the event's `seq` with a colon between; a client that
/// reconnects sends it as `Last-Event-ID` (or says `after=` and `epoch=`) and misses nothing. Where that epoch is
/// over, the stream begins with [`EPOCH`](sse::EPOCH) and the first event.
pub mod sse {
    /// A stored event; the data is [`SequencedEvent`](super::SequencedEvent).
    pub const EVENT: &str = "event";
    /// A passing event such as a text delta; the data is [`PassingEvent`](super::PassingEvent). Never
    /// replayed, and left out for a client that reads too slowly.
    pub const DELTA: &str = "delta";
    /// The session's state after a change; the data is [`SessionSnapshot`](super::SessionSnapshot). Sent
    /// once at the start of the stream, too.
    pub const STATE: &str = "state";
    /// The log was rebuilt, because events were found that belong between others: forget what was read, the events
    /// come again from the first on. The data is [`EpochChange`](super::EpochChange).
    pub const EPOCH: &str = "epoch";
    /// A change of the rendered page, on `{api}/page/stream` only.
    pub const PATCH: &str = "patch";
}

/// Where a link's API is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkInfo {
    /// The base of the link's API; resolve it against the link's own URL.
    pub api: String,
    /// The session that the link leads to.
    pub session_id: String,
}

/// What the session is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SessionStatus {
    /// Attached, but no event has arrived yet.
    #[default]
    Starting,
    /// Waiting for the next message.
    Idle,
    /// A turn is running.
    Working,
    /// A turn is running and waits for a person: see [`SessionSnapshot::pending`].
    Waiting,
    /// The last turn failed, and nothing has happened since: see [`SessionSnapshot::error`].
    Error,
    /// The session was shut down. It may come back by a resume.
    Ended,
    /// A word of a newer hub.
    #[serde(other)]
    Unknown,
}

impl SessionStatus {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Idle => "idle",
            Self::Working => "working",
            Self::Waiting => "waiting",
            Self::Error => "error",
            Self::Ended => "ended",
            Self::Unknown => "unknown",
        }
    }
}

impl std::fmt::Display for SessionStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether the exporter (the CLI or the bridge) is in touch with the hub.
///
/// Being offline is never final: a laptop may wake up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Presence {
    /// Something was heard from the exporter during the last 30 seconds.
    pub online: bool,
    /// Online, but silent for longer than an exporter in good health ever is: what it does may not be true any more.
    #[serde(default)]
    pub silent: bool,
    /// When the exporter was last heard, in milliseconds since 1970; absent when never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_ms: Option<u64>,
}

/// Which kind of answer a [`PendingRequest`] waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RequestKind {
    /// Answer with [`CommandAction::PermissionResponse`].
    Permission,
    /// Answer with [`CommandAction::AskUserResponse`].
    UserInput,
    /// Answer with [`CommandAction::ElicitationResponse`].
    Elicitation,
    /// Answer with [`CommandAction::PlanApprovalResponse`].
    PlanApproval,
    /// A word of a newer hub.
    #[serde(other)]
    Unknown,
}

/// A question the session is waiting on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PendingRequest {
    /// Names the request in an answer.
    pub request_id: String,
    /// The kind of answer.
    pub kind: RequestKind,
    /// The tool call the request belongs to, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// One line for people: the intention or the question. Cut to a few hundred characters.
    pub summary: String,
    /// What exactly would be done: the whole command, the diff, the plan. Cut to 64 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Offered answers, or a plan's offered actions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// For [`RequestKind::UserInput`]: an answer outside of `choices` is welcome.
    #[serde(default)]
    pub allow_freeform: bool,
    /// For [`RequestKind::Elicitation`]: the JSON schema of the form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<serde_json::Value>,
    /// For [`RequestKind::Elicitation`]: the names of the form's fields in the order in which it lists them, which
    /// `schema` does not keep.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub field_order: Vec<String>,
    /// For [`RequestKind::Permission`]: what is asked for, in the CLI's words (`shell`, `write`, `url`, ...).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// For [`RequestKind::Permission`]: an approval may cover whatever is like it, until the session ends (the scope
    /// `session`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub session_scope: bool,
    /// An answer has been accepted and is on its way.
    #[serde(default)]
    pub answering: bool,
    /// The event that asked.
    pub seq: u64,
    /// When it was asked (RFC 3339).
    pub requested_at: String,
    /// Stands for everything that the request shows and asks for. An answer that carries it
    /// ([`CommandIntent::digest`]) can approve nothing else than what the person saw.
    #[serde(default)]
    pub digest: String,
}

/// The state of a session at one moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SessionSnapshot {
    /// The session.
    pub session_id: String,
    /// Its title, once it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is doing.
    pub status: SessionStatus,
    /// Whether its exporter is in touch.
    pub presence: Presence,
    /// The working directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// The model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The agent mode: `interactive`, `plan`, `autopilot`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Whether the exporter takes commands.
    pub steerable: bool,
    /// What the bridge said about itself; absent when the CLI exports by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exporter: Option<ExporterInfo>,
    /// When the status began (RFC 3339, the clock of the session's machine); absent when nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// What went wrong last, while nothing has happened since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The repository, as `owner/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The questions that are open, oldest first.
    #[serde(default)]
    pub pending: Vec<PendingRequest>,
    /// The messages that wait, in the order in which the session will get them.
    #[serde(default)]
    pub queue: Vec<QueuedMessage>,
    /// Names the session's log; another name means that the log was rebuilt and its numbers mean other events.
    #[serde(default)]
    pub epoch: String,
    /// Events up to this number are gone, but for those that are still needed; 0 when all are there.
    #[serde(default)]
    pub trimmed_before: u64,
    /// The last stored event; 0 when there is none.
    pub last_seq: u64,
    /// How many streams of this session are open.
    pub viewers: u32,
}

/// A message that the session has not got yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedMessage {
    /// The hub's name for the command that carries it.
    pub id: String,
    /// The client's name for it.
    pub client_id: String,
    /// The words.
    pub content: String,
    /// How it joins a running turn.
    #[serde(default)]
    pub delivery: Delivery,
    /// How far it has come.
    pub state: CommandState,
    /// Whether it can still be changed and taken back.
    #[serde(default)]
    pub editable: bool,
    /// Who gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
    /// The command that it is a part of: the words that go with a refusal follow it as a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<String>,
    /// When it was given.
    pub accepted_at_ms: u64,
}

/// Who uses a link: a browser, a phone, a terminal. The words are the device's own; the link is what counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Device {
    /// Made by the device once, and kept. 1 to 64 characters.
    pub id: String,
    /// What people call it. Up to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How a message joins a running turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Delivery {
    /// It waits at the hub until the session is idle; until then it can be changed and taken back.
    #[default]
    Queue,
    /// It goes to the session at once.
    Steer,
    /// A word of a newer program.
    #[serde(other)]
    Unknown,
}

impl Delivery {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Steer => "steer",
            Self::Unknown => "unknown",
        }
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_queue(&self) -> bool {
        *self == Self::Queue
    }
}

/// An event with its place in the session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SequencedEvent {
    /// Counts up from 1 within the session. Numbers are missing only where events were trimmed
    /// ([`EventPage::trimmed_before`]).
    pub seq: u64,
    /// The event as the exporter sent it, with secrets replaced by `******`.
    pub event: Box<RawValue>,
}

/// An event that is not stored, such as a text delta.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PassingEvent {
    /// The event as the exporter sent it.
    pub event: Box<RawValue>,
}

/// A stretch of a session's events.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventPage {
    /// The events after the asked-for position, in order. Shorter than asked for when they are big; empty
    /// only when there are no more.
    pub events: Vec<SequencedEvent>,
    /// The last stored event of the session; ask again while the last of `events` is before it.
    pub last_seq: u64,
    /// Names the log, see [`SessionSnapshot::epoch`].
    #[serde(default)]
    pub epoch: String,
    /// See [`SessionSnapshot::trimmed_before`].
    #[serde(default)]
    pub trimmed_before: u64,
}

/// The log is another one now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochChange {
    /// Its name.
    pub epoch: String,
    /// See [`SessionSnapshot::trimmed_before`].
    #[serde(default)]
    pub trimmed_before: u64,
}

/// An error answer (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A URI reference that names the kind of problem; `about:blank` where the status says it all.
    #[serde(rename = "type", default = "about_blank")]
    pub kind: String,
    /// A short summary that is the same for every problem of this kind.
    #[serde(default)]
    pub title: String,
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// What happened this time, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

fn about_blank() -> String {
    "about:blank".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intent_is_one_flat_object() {
        let cases = [
            r#"{"client_id":"c","type":"abort"}"#,
            r#"{"client_id":"c","type":"mode_switch","mode":"plan"}"#,
            r#"{"client_id":"c","type":"model_switch","model":"m"}"#,
            r#"{"client_id":"c","type":"user_message","content":"hi"}"#,
            r#"{"client_id":"c","type":"user_message","content":"hi","delivery":"steer","device":{"id":"d","name":"phone"}}"#,
            r#"{"client_id":"c","type":"permission_response","request_id":"R","approved":false,"digest":"d"}"#,
            r#"{"client_id":"c","type":"permission_response","request_id":"R","approved":true,"scope":"session"}"#,
            r#"{"client_id":"c","type":"ask_user_response","request_id":"R","answer":"red","freeform":false}"#,
            r#"{"client_id":"c","type":"elicitation_response","request_id":"R","action":"accept","content":{"answer":"red"}}"#,
            r#"{"client_id":"c","type":"plan_approval_response","request_id":"R","approved":false,"feedback":"add tests"}"#,
        ];
        for text in cases {
            let intent: CommandIntent = serde_json::from_str(text).expect(text);
            assert_eq!(serde_json::to_string(&intent).expect(text), text);
        }
    }

    #[test]
    fn newer_words_are_read_as_unknown() {
        assert_eq!(serde_json::from_str::<SessionStatus>(r#""dreaming""#).unwrap(), SessionStatus::Unknown);
        assert_eq!(serde_json::from_str::<CommandState>(r#""dreaming""#).unwrap(), CommandState::Other);
        assert_eq!(serde_json::from_str::<CommandState>(r#""unknown""#).unwrap(), CommandState::Unknown);
        assert_eq!(serde_json::from_str::<Delivery>(r#""dreaming""#).unwrap(), Delivery::Unknown);
        assert_eq!(serde_json::from_str::<RequestKind>(r#""dreaming""#).unwrap(), RequestKind::Unknown);
    }

    #[test]
    fn a_foreign_problem_is_readable() {
        let problem: Problem = serde_json::from_str(r#"{"status":502}"#).unwrap();
        assert_eq!(problem.kind, "about:blank");
    }
}
