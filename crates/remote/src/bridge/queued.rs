//! How a message that was to wait for the end of the turn is given to the CLI.
//!
//! The CLI (1.0.102) keeps what is enqueued until nothing goes on, in the background either: behind a development server
//! that the agent has started, a message would wait for ever. What is sent `immediate` while the agent itself has nothing to
//! do begins a turn at once.

use std::time::Duration;

use groundlink_session::{SendMode, Session};

/// How often it is asked whether the agent is done. The CLI takes some 50 ms from the end of a turn to being done.
const ASKED: usize = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// How to send a message that waited for the agent. The CLI is asked, since it knows best; one that cannot say gets the
/// message as it was meant.
pub(super) async fn mode(session: &Session) -> SendMode {
    for _ in 0..ASKED {
        match session.activity().await {
            Ok(activity) if !activity.agent => break,
            // Perhaps a turn that is just ending.
            Ok(activity) if activity.background => tokio::time::sleep(PAUSE).await,
            Ok(_) => return SendMode::Enqueue,
            Err(error) => {
                tracing::debug!(%error, "the CLI does not say whether its agent works");
                return SendMode::Enqueue;
            }
        }
    }
    SendMode::Immediate
}
