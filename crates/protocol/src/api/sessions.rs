//! All sessions of a hub, for who holds the hub's own link.

use serde::{Deserialize, Serialize};

use super::{AuditEntry, Device, Presence, RequestKind, SessionStatus};

/// Names of the server-sent events on `{hub}/sessions/stream`.
///
/// The `id` of each is a cursor; a client that reconnects sends it as `Last-Event-ID` and misses nothing.
pub mod sessions_sse {
    /// All sessions, at the beginning and where a client's cursor is too old; the data is
    /// [`SessionList`](super::SessionList).
    pub const SESSIONS: &str = "sessions";
    /// A session that is new or has changed; the data is [`SessionEntry`](super::SessionEntry).
    pub const SESSION: &str = "session";
    /// A session that was deleted; the data is [`SessionGone`](super::SessionGone).
    pub const GONE: &str = "gone";
}

/// A session in the list of a hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEntry {
    /// The session.
    pub session_id: String,
    /// Its link: whoever has it can watch and steer the session.
    pub link: String,
    /// What a person has called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The title that it gave itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is doing, or was when its exporter was heard last.
    pub status: SessionStatus,
    /// When the status began (RFC 3339); absent when nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// What went wrong last, while the status says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether its exporter is in touch. The time is left out while it is.
    pub presence: Presence,
    /// The repository, as `owner/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The working directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// The machine it runs on, where the exporter says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// The model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The questions that it waits on, oldest first.
    #[serde(default)]
    pub waiting: Vec<WaitingFor>,
    /// Somebody has put it away.
    #[serde(default)]
    pub archived: bool,
    /// When the hub heard of it first.
    pub created_at_ms: u64,
}

/// What a session waits for, in a line. To answer, open the session: it shows everything that is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingFor {
    /// The kind of question.
    pub kind: RequestKind,
    /// One line for people; of a shell command, its first.
    pub summary: String,
    /// When it was asked (RFC 3339).
    #[serde(default)]
    pub requested_at: String,
}

/// The sessions of a hub, or a page of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionList {
    /// The sessions, the newest first.
    pub sessions: Vec<SessionEntry>,
    /// The place in the hub's changes, for the stream.
    pub cursor: String,
    /// Where the next page begins, to be sent as `after`; absent when there are no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A session that was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionGone {
    /// Which.
    pub session_id: String,
}

/// A line of the audit of a session that was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAuditEntry {
    /// Counts up from 1 over the audits of all deleted sessions, in the order of their deletion.
    pub place: u64,
    /// The session.
    pub session_id: String,
    /// When it was deleted, by the hub's clock.
    pub deleted_at_ms: u64,
    /// The line, as it was in the session's own audit.
    pub entry: AuditEntry,
}

/// A stretch of the audits of deleted sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAuditPage {
    /// The entries after the asked-for place, in order; empty only when there are no more.
    pub entries: Vec<KeptAuditEntry>,
    /// The place of the last entry; 0 when there is none.
    pub last: u64,
}

/// What is to be different about a session in the list. What is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SessionEdit {
    /// What to call it, up to 120 characters; an empty one takes the name away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it is put away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    /// Who does it; for the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
}
