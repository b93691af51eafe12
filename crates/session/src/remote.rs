//! Switching remote control on and off, natively: the CLI exports the session itself.

use std::sync::Arc;
use std::time::Duration;

use groundlink_protocol::types::{
    RemoteSessionMode, SessionLogParams, SessionRef, SessionRemoteEnableParams, SessionRemoteEnableResult,
};
use groundlink_protocol::{Empty, Method as _, methods};
use groundlink_transport::task;
use tokio::time::timeout;

use crate::SessionError;
use crate::line::CallFailure;
use crate::session::Session;
use crate::shared::{Facts, Shared};

/// How long an exported session may be without an event before one is made: the CLI's longest wait between two tries to
/// upload. Observed with CLI 1.0.102: after five failed uploads in a row it neither uploads nor asks for commands, until
/// the session itself has an event and that wait is over. A session that is idle stays deaf for ever, also when the
/// network has long been back. Calls that only read wake nothing.
const QUIET: Duration = Duration::from_secs(30);
/// What kind of event wakes it. There are no words in it, and nothing is stored.
const WAKE: &str = "keep_alive";
/// What the CLI says where nobody is signed in: the codes are all the same.
const NOBODY: &str = "no current authentication";

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
    /// Why a session that is always to be shared is not, if there is a reason that can be mended.
    pub problem: Option<String>,
}

impl RemoteState {
    pub(crate) fn of(facts: &Facts) -> Self {
        Self { url: facts.remote_url.clone(), steerable: facts.remote_steerable, problem: facts.remote_problem.clone() }
    }
}

impl Shared {
    fn remote_state(&self) -> RemoteState {
        RemoteState::of(&self.facts())
    }
}

impl Session {
    /// Shares the session through the CLI's own exporter. Idempotent: an attached session keeps its
    /// url. From `Export` to `On` works; back does not, it stays steerable until
    /// [`disable_remote`](Self::disable_remote).
    ///
    /// Needs a session that is signed in to GitHub, wherever it is exported to, and to be exported to GitHub a clone of
    /// a repository there. Dropping the future does not undo it.
    ///
    /// The CLI gives up on a server that was away for some seconds, until something happens in the session. So that a
    /// session which is idle is not lost to the other end, an ephemeral `session.info` event without words is made after
    /// every half minute without an event, for as long as it is shared this way.
    pub async fn enable_remote(&self, mode: RemoteMode) -> Result<RemoteState, SessionError> {
        self.check_repository().await?;
        self.one_at_a_time(|shared| enable(shared, mode)).await
    }

    /// Stops sharing. Harmless when the session is not shared. The other end is not told; it sees
    /// the session go quiet.
    pub async fn disable_remote(&self) -> Result<(), SessionError> {
        self.one_at_a_time(disable).await
    }

    /// Where the session can be opened, if it is shared: as its `session.info` event of type `remote`, or the last
    /// `enable_remote`, said. What others do (another client, a call under [`rpc`](Self::rpc)) is known by the session's
    /// events.
    pub fn remote_url(&self) -> Option<String> {
        self.shared.facts().remote_url
    }

    /// The url, and whether the other end may steer, as last heard.
    pub fn remote_state(&self) -> RemoteState {
        self.shared.remote_state()
    }

    /// Runs one change after the other, each to its end: two at once could attach the session twice,
    /// and then every command would run twice. That must hold for a caller that gives up half-way, too.
    async fn one_at_a_time<T, F>(&self, change: impl FnOnce(Arc<Shared>) -> F) -> Result<T, SessionError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, SessionError>> + Send + 'static,
    {
        let turn = Arc::clone(&self.shared.remote).lock_owned().await;
        // Not the client itself: a task must not keep a CLI alive that hangs.
        let change = change(Arc::clone(&self.shared));
        let task = tokio::spawn(async move {
            let _turn = turn;
            change.await
        });
        match task.await {
            Ok(outcome) => outcome,
            // Nothing aborts the task; it ends early only with the runtime.
            Err(error) => Err(SessionError::invalid("runtime", error.to_string())),
        }
    }
}

async fn enable(shared: Arc<Shared>, mode: RemoteMode) -> Result<RemoteState, SessionError> {
    let mut params = SessionRemoteEnableParams::new(shared.id.as_str());
    params.mode = Some(match mode {
        RemoteMode::On => RemoteSessionMode::On,
        RemoteMode::Export => RemoteSessionMode::Export,
    });
    let called = shared.line.call(methods::SessionRemoteEnable::NAME, &params).await;
    let result: SessionRemoteEnableResult = called.map_err(|error| unavailable(&shared.id, error))?;
    if result.url.is_none() && result.started == Some(false) {
        // Observed with CLI 1.0.102: that, without a request or an event, where the account says
        // `cli_remote_control_enabled: false`.
        return Err(SessionError::RemoteUnavailable {
            message: "the Copilot CLI did not begin to share the session, and gave no reason; it does so where remote \
                      control is switched off for the account"
                .to_owned(),
            next: "ask whoever pays for the account's Copilot for its policy, or share through a hub's bridge, which needs \
                   no account",
        });
    }
    shared.update(|facts| {
        facts.remote_steerable = result.remote_steerable;
        facts.remote_problem = None;
        if result.url.is_some() {
            facts.remote_url.clone_from(&result.url);
        }
    });
    shared.keep_vigil(task::spawn(Box::pin(keep_awake(Arc::clone(&shared)))).abort_handle());
    Ok(shared.remote_state())
}

async fn disable(shared: Arc<Shared>) -> Result<(), SessionError> {
    let method = methods::SessionRemoteDisable::NAME;
    let called = shared.line.call::<Empty>(method, &SessionRef::new(shared.id.as_str())).await;
    called.map_err(|error| SessionError::from_call(method, Some(&shared.id), error))?;
    shared.update(|facts| {
        facts.remote_url = None;
        facts.remote_steerable = false;
        facts.remote_problem = None;
    });
    Ok(())
}

/// Makes an event whenever there has been none for a while, for as long as the CLI exports the session.
async fn keep_awake(shared: Arc<Shared>) {
    let mut facts = shared.watch_facts();
    loop {
        let seen = shared.feed.end();
        let gone = facts.wait_for(|facts| facts.remote_url.is_none() || facts.bridged);
        if timeout(QUIET, gone).await.is_ok() {
            return;
        }
        if shared.feed.end() != seen {
            continue;
        }
        let params = SessionLogParams {
            kind: Some(WAKE.to_owned()),
            ephemeral: Some(true),
            ..SessionLogParams::new(shared.id.as_str(), "")
        };
        if let Err(error) = shared.line.call::<serde_json::Value>(methods::SessionLog::NAME, &params).await {
            tracing::debug!(session = %shared.id, ?error, "the session could not be kept awake");
        }
    }
}

/// In the background, natively. Why it did not work is told in the session's state; that nobody is signed in is no news.
pub(crate) async fn share_in_background(shared: Arc<Shared>, mode: RemoteMode) {
    let _turn = shared.remote.lock().await;
    match enable(Arc::clone(&shared), mode).await {
        Ok(_) => tracing::debug!(session = %shared.id, "shared"),
        // Nobody is signed in: there is nothing to share with.
        Err(error) if error.to_string().contains(NOBODY) => {
            tracing::debug!(session = %shared.id, %error, "not shared");
        }
        Err(error) => {
            tracing::debug!(session = %shared.id, %error, "not shared");
            shared.update(|facts| facts.remote_problem = Some(error.to_string()));
        }
    }
}

fn unavailable(session: &str, error: CallFailure) -> SessionError {
    let method = methods::SessionRemoteEnable::NAME;
    let error = SessionError::from_call(method, Some(session), error);
    let SessionError::Refused { message, .. } = error else { return error };
    let next = if message.contains(NOBODY) {
        "sign in (`copilot login`, or give a GitHub token to the client), or share through a hub's bridge, \
         which needs no account"
    } else {
        "check that the server it exports to is reachable and that you may use it, or share through a hub's bridge"
    };
    // More is said behind it.
    SessionError::RemoteUnavailable { message: message.trim_end_matches('.').to_owned(), next }
}
