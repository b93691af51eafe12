//! Sessions that are stored: listing and deleting them, and hearing of changes.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::stream::BoxStream;
use groundlink_protocol::types::{SessionLifecycleParams, SessionListEntry, SessionRef};
use groundlink_protocol::{Empty, Method, methods};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::{Client, SessionError};

/// Changes that are kept for a reader that is slow.
pub(crate) const MOST_CHANGES: usize = 256;

/// `session.getForeground`
struct GetForeground;

impl Method for GetForeground {
    const NAME: &'static str = "session.getForeground";
    type Params = Empty;
    type Output = Foreground;
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Foreground {
    session_id: Option<String>,
}

/// `session.setForeground`
struct SetForeground;

impl Method for SetForeground {
    const NAME: &'static str = "session.setForeground";
    type Params = SessionRef;
    type Output = Shown;
}

#[derive(Debug, Serialize, Deserialize)]
struct Shown {
    success: bool,
    error: Option<String>,
}

impl Client {
    /// The sessions that this CLI has stored, those of other clients and of the terminal among them.
    pub async fn list_sessions(&self) -> Result<Vec<SessionListEntry>, SessionError> {
        Ok(self.call::<methods::SessionList>(&Empty::default()).await?.sessions)
    }

    /// What is known of one of them; `None` when there is no such session.
    pub async fn stored_session(&self, id: &str) -> Result<Option<SessionListEntry>, SessionError> {
        Ok(self.list_sessions().await?.into_iter().find(|session| session.session_id == id))
    }

    /// Deletes a session with its files, for everybody. If it is open at this client, it is over here.
    pub async fn delete_session(&self, id: &str) -> Result<(), SessionError> {
        let result = self.call::<methods::SessionDelete>(&SessionRef::new(id)).await?;
        if !result.success {
            return Err(refused::<methods::SessionDelete>(id, result.error));
        }
        if let Some(shared) = self.inner.router.get(id) {
            self.inner.router.remove(id);
            shared.close();
        }
        Ok(())
    }

    /// The session that the terminal app shows, where the server is one (`copilot --ui-server`); `None` where it is not.
    pub async fn foreground_session(&self) -> Result<Option<String>, SessionError> {
        Ok(self.call::<GetForeground>(&Empty::default()).await?.session_id)
    }

    /// Has the terminal app show another session. An error where the server is no terminal app.
    pub async fn set_foreground_session(&self, id: &str) -> Result<(), SessionError> {
        let result = self.call::<SetForeground>(&SessionRef::new(id)).await?;
        if !result.success {
            return Err(refused::<SetForeground>(id, result.error));
        }
        Ok(())
    }

    /// Sessions that come, change and go at this CLI, from now on, whoever's they are.
    pub fn lifecycle(&self) -> Lifecycle {
        let changes = self.inner.router.lifecycle.subscribe();
        let changes = futures_util::stream::unfold(changes, |mut changes| async move {
            match changes.recv().await {
                Ok(change) => Some((Change::Session(change), changes)),
                Err(RecvError::Lagged(missed)) => Some((Change::Missed(missed), changes)),
                Err(RecvError::Closed) => None,
            }
        });
        Lifecycle { changes: Box::pin(changes) }
    }
}

/// What it means that the CLI did not do as asked with a session.
fn refused<M: Method>(id: &str, reason: Option<String>) -> SessionError {
    let message = reason.unwrap_or_else(|| "no reason given".to_owned());
    if message.contains("not found") || message.contains("no such") {
        return SessionError::SessionNotFound { id: id.to_owned() };
    }
    SessionError::Refused { method: M::NAME.to_owned(), code: 0, message }
}

/// What a [`Lifecycle`] yields.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Change {
    /// A session was created, changed or deleted, or came to or from the foreground. The CLI (1.0.102) may tell a creation
    /// and a deletion twice, and tells changes very often.
    Session(SessionLifecycleParams),
    /// So many changes were missed, since this reader was slow: look at [`Client::list_sessions`].
    Missed(u64),
}

/// Sessions as they come, change and go. It ends with the client.
pub struct Lifecycle {
    changes: BoxStream<'static, Change>,
}

impl Lifecycle {
    /// The next change. Cancel-safe.
    pub async fn next(&mut self) -> Option<Change> {
        futures_util::StreamExt::next(self).await
    }
}

impl Stream for Lifecycle {
    type Item = Change;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Change>> {
        self.changes.as_mut().poll_next(context)
    }
}

impl std::fmt::Debug for Lifecycle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lifecycle").finish_non_exhaustive()
    }
}

/// A channel for changes.
pub(crate) fn changes() -> broadcast::Sender<SessionLifecycleParams> {
    broadcast::Sender::new(MOST_CHANGES)
}
