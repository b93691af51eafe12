//! What a session does at this moment.

use groundlink_protocol::Method;
use serde::{Deserialize, Serialize};

use crate::{Session, SessionError};

/// What a session does at this moment; from [`Session::activity`].
///
/// The two are apart because the CLI (observed with 1.0.102) tells `session.idle` when both are over, and keeps a message
/// that is to wait ([`SendMode::Enqueue`](crate::SendMode)) until then: behind a development server that the agent has
/// started, that may be never. The agent alone is done with `assistant.idle`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Activity {
    /// The agent works: a turn of its own is running.
    pub agent: bool,
    /// A shell or a sub-agent that it has started runs on by itself.
    pub background: bool,
}

impl Activity {
    /// Whether nothing goes on at all.
    pub fn is_idle(&self) -> bool {
        *self == Self::default()
    }
}

impl Session {
    /// What the session does at this moment.
    pub async fn activity(&self) -> Result<Activity, SessionError> {
        let params = OfSession { session_id: self.id().to_owned() };
        let agent = self.call::<Agent>(&params).await?.has_active_work;
        let tasks = self.call::<Tasks>(&params).await?.tasks;
        let background = tasks.iter().any(|task| task.is_attached() && task.status.as_deref() == Some("running"));
        Ok(Activity { agent, background })
    }
}

// Of two large families of types, what is needed here: whoever needs the rest switches them on.

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfSession {
    session_id: String,
}

struct Agent;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AgentAnswer {
    has_active_work: bool,
}

impl Method for Agent {
    const NAME: &'static str = "session.metadata.activity";
    type Params = OfSession;
    type Output = AgentAnswer;
}

struct Tasks;

#[derive(Serialize, Deserialize)]
struct TasksAnswer {
    tasks: Vec<Task>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Task {
    status: Option<String>,
    attachment_mode: Option<String>,
}

impl Task {
    /// A shell that was let go is nobody's concern: the session is idle beside it.
    fn is_attached(&self) -> bool {
        self.attachment_mode.as_deref() != Some("detached")
    }
}

impl Method for Tasks {
    const NAME: &'static str = "session.tasks.list";
    type Params = OfSession;
    type Output = TasksAnswer;
}
