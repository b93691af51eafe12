//! Switching remote control on and off, natively: the CLI exports the session itself.

use groundlink_protocol::types::{
    RemoteSessionMode, SessionRef, SessionRemoteEnableParams, SessionRemoteEnableResult,
};
use groundlink_protocol::{Empty, Method as _, methods};
use groundlink_transport::CallError;

use crate::SessionError;
use crate::session::Session;

/// How a session is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RemoteMode {
    /// Watch and steer.
    #[default]
    On,
    /// Watch only.
    Export,
}

/// What sharing came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteState {
    /// Where to open the session; `None` when it is not shared.
    pub url: Option<String>,
    /// Whether the other end may steer.
    pub steerable: bool,
}

impl Session {
    /// Shares the session through the CLI's own exporter. Idempotent: an attached session keeps its url. From
    /// `Export` to `On` works; back does not, it stays steerable until [`disable_remote`](Self::disable_remote).
    ///
    /// Needs a session that is signed in to GitHub, wherever it is exported to.
    pub async fn enable_remote(&self, mode: RemoteMode) -> Result<RemoteState, SessionError> {
        // One at a time: two at once could attach the session twice, and then every command runs twice.
        let _one_at_a_time = self.shared.remote.lock().await;
        let mut params = SessionRemoteEnableParams::new(self.id());
        params.mode = Some(match mode {
            RemoteMode::On => RemoteSessionMode::On,
            RemoteMode::Export => RemoteSessionMode::Export,
        });
        let method = methods::SessionRemoteEnable::NAME;
        let result: SessionRemoteEnableResult =
            self.client.peer.call(method, &params).await.map_err(|error| unavailable(self.id(), error))?;
        self.shared.update(|facts| {
            facts.remote_steerable = result.remote_steerable;
            if result.url.is_some() {
                facts.remote_url.clone_from(&result.url);
            }
        });
        Ok(self.remote_state())
    }

    /// Stops sharing. Harmless when the session is not shared. The other end is not told; it sees
    /// the session go quiet.
    pub async fn disable_remote(&self) -> Result<(), SessionError> {
        let _one_at_a_time = self.shared.remote.lock().await;
        let method = methods::SessionRemoteDisable::NAME;
        let params = SessionRef::new(self.id());
        let failed = |error| SessionError::from_call(method, Some(self.id()), error);
        self.client.peer.call::<Empty>(method, &params).await.map_err(failed)?;
        self.shared.update(|facts| {
            facts.remote_url = None;
            facts.remote_steerable = false;
        });
        Ok(())
    }

    /// Where the session can be opened, if the CLI exports it: as its `session.info` event of type
    /// `remote`, or the last `enable_remote`, said.
    pub fn remote_url(&self) -> Option<String> {
        self.shared.facts().remote_url
    }

    /// The url, and whether the other end may steer.
    pub fn remote_state(&self) -> RemoteState {
        let facts = self.shared.facts();
        RemoteState { url: facts.remote_url, steerable: facts.remote_steerable }
    }
}

fn unavailable(session: &str, error: CallError) -> SessionError {
    let method = methods::SessionRemoteEnable::NAME;
    let error = SessionError::from_call(method, Some(session), error);
    let SessionError::Refused { message, .. } = error else { return error };
    let next = if message.contains("no current authentication") {
        "sign in (`copilot login`, or give a GitHub token to the client), or share through a hub's bridge, \
         which needs no account"
    } else {
        "check that the server it exports to is reachable and that you may use it, or share through a hub's bridge"
    };
    SessionError::RemoteUnavailable { message, next }
}
