//! How a message that was to wait for the end of the turn is given to the CLI.
//!
//! The CLI (1.0.102) keeps what is enqueued until the session is idle, and a session is not idle while a shell or a
//! sub-agent of it runs on in the background: behind a development server that the agent has started, a message would wait
//! for ever. What is sent `immediate` while the agent itself has nothing to do begins a turn at once.

use std::time::Duration;

use groundlink_protocol::Method;
use groundlink_session::{SendMode, Session};
use serde::{Deserialize, Serialize};

/// How often it is asked whether the agent is done. The CLI takes some 50 ms from the end of a turn to being done.
const ASKED: usize = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// How to send a message that waited for the agent. The CLI is asked, since it knows best; one that cannot say gets the
/// message as it was meant.
pub(super) async fn mode(session: &Session) -> SendMode {
    match works(session).await {
        Ok(mode) => mode,
        Err(error) => {
            tracing::debug!(%error, "the CLI does not say whether its agent works");
            SendMode::Enqueue
        }
    }
}

async fn works(session: &Session) -> Result<SendMode, groundlink_session::SessionError> {
    let params = OfSession { session_id: session.id().to_owned() };
    for _ in 0..ASKED {
        if !session.call::<Activity>(&params).await?.has_active_work {
            break;
        }
        let tasks = session.call::<Tasks>(&params).await?.tasks;
        if !tasks.iter().any(|task| task.status.as_deref() == Some("running")) {
            return Ok(SendMode::Enqueue);
        }
        // Perhaps a turn that is just ending.
        tokio::time::sleep(PAUSE).await;
    }
    Ok(SendMode::Immediate)
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfSession {
    session_id: String,
}

/// What the agent itself does.
struct Activity;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActivityAnswer {
    has_active_work: bool,
}

impl Method for Activity {
    const NAME: &'static str = "session.metadata.activity";
    type Params = OfSession;
    type Output = ActivityAnswer;
}

/// What runs in the background.
struct Tasks;

#[derive(Serialize, Deserialize)]
struct TasksAnswer {
    tasks: Vec<Task>,
}

#[derive(Serialize, Deserialize)]
struct Task {
    status: Option<String>,
}

impl Method for Tasks {
    const NAME: &'static str = "session.tasks.list";
    type Params = OfSession;
    type Output = TasksAnswer;
}
