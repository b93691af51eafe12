//! The connection in use, which a reconnect replaces. Sessions, handlers and streams hold this and never a peer, so that
//! they go on over the next one. It keeps nothing alive.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use groundlink_transport::{CallError, CloseReason, Peer, RawJson, Reply, WeakPeer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::watch;

/// The way to the CLI.
#[derive(Debug)]
pub(crate) struct Line {
    state: watch::Sender<State>,
    /// How long a call may take. `None`: as long as it likes.
    call_timeout: Option<Duration>,
    /// Whether a connection that is lost comes back.
    returns: bool,
}

#[derive(Debug, Clone)]
enum State {
    Up { peer: WeakPeer, reconnects: u64 },
    Down { reason: CloseReason, attempt: u32, reconnects: u64 },
    Over { reason: CloseReason },
}

/// Why a call gave no result.
#[derive(Debug, Clone)]
pub(crate) enum CallFailure {
    /// The other side refused, or what was said could not be written or read; or the connection is gone for good.
    Call(CallError),
    /// The connection was lost before the answer came, and comes back.
    Interrupted(CloseReason),
    /// No answer in time.
    Timeout(Duration),
}

impl From<CallError> for CallFailure {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl Line {
    pub(crate) fn new(call_timeout: Option<Duration>, returns: bool) -> Self {
        let start = State::Down { reason: CloseReason::Local, attempt: 0, reconnects: 0 };
        Self { state: watch::Sender::new(start), call_timeout, returns }
    }

    /// Calls a method. While a lost connection is being restored, waits for it.
    pub(crate) async fn call<R: DeserializeOwned>(
        &self,
        method: &str,
        params: &impl Serialize,
    ) -> Result<R, CallFailure> {
        let params = serde_json::value::to_raw_value(params)
            .map_err(|source| CallError::Encode { method: method.to_owned(), source: Arc::new(source) })?;
        let reply = self.reply(method, &params).await?;
        reply.parse(method).map_err(|error| self.failure(error))
    }

    /// Calls a method and gives its result as it came.
    pub(crate) async fn call_raw(&self, method: &str, params: &RawValue) -> Result<RawJson, CallFailure> {
        let reply = self.reply(method, params).await?;
        reply.into_raw().map_err(|error| self.failure(error))
    }

    /// In a box: there are hundreds of methods, and this is compiled once for all of them.
    fn reply<'a>(&'a self, method: &'a str, params: &'a RawValue) -> BoxFuture<'a, Result<Reply, CallFailure>> {
        Box::pin(async move {
            let calling = async {
                let peer = self.peer().await.map_err(CallError::Closed)?;
                peer.call_unread(method, Some(params)).await.map_err(|error| self.failure(error))
            };
            let Some(after) = self.call_timeout else { return calling.await };
            // Dropping a call tells the CLI that nobody waits any more.
            tokio::time::timeout(after, calling).await.unwrap_or(Err(CallFailure::Timeout(after)))
        })
    }

    fn failure(&self, error: CallError) -> CallFailure {
        match error {
            CallError::Closed(reason) if self.returns && !matches!(*self.state.borrow(), State::Over { .. }) => {
                CallFailure::Interrupted(reason)
            }
            error => CallFailure::Call(error),
        }
    }

    /// The peer to speak through; why there is none any more.
    pub(crate) async fn peer(&self) -> Result<Peer, CloseReason> {
        if let Some(found) = self.peer_now() {
            return found;
        }
        let mut state = self.state.subscribe();
        loop {
            state.borrow_and_update();
            if let Some(found) = self.peer_now() {
                return found;
            }
            // The sender is `self`.
            let _ = state.changed().await;
        }
    }

    /// `None`: not at this moment.
    fn peer_now(&self) -> Option<Result<Peer, CloseReason>> {
        match &*self.state.borrow() {
            State::Up { peer, .. } => match peer.upgrade() {
                // Lost, and nobody has noticed yet.
                Some(peer) if self.returns && peer.is_closed() => None,
                Some(peer) => Some(Ok(peer)),
                None => Some(Err(CloseReason::Local)),
            },
            State::Down { .. } => None,
            State::Over { reason } => Some(Err(reason.clone())),
        }
    }

    /// A connection is ready for calls.
    pub(crate) fn up(&self, peer: &Peer) {
        self.state.send_modify(|state| {
            let reconnects = match state {
                State::Down { attempt: 0, .. } => 0,
                State::Down { reconnects, .. } | State::Up { reconnects, .. } => *reconnects + 1,
                State::Over { .. } => return,
            };
            *state = State::Up { peer: peer.downgrade(), reconnects };
        });
    }

    /// The connection is lost and being restored.
    pub(crate) fn down(&self, reason: CloseReason, attempt: u32) {
        self.state.send_modify(|state| {
            let reconnects = match state {
                State::Up { reconnects, .. } | State::Down { reconnects, .. } => *reconnects,
                State::Over { .. } => return,
            };
            *state = State::Down { reason, attempt, reconnects };
        });
    }

    /// There will be no connection any more; only the first reason counts.
    pub(crate) fn over(&self, reason: CloseReason) {
        self.state.send_if_modified(|state| {
            let first = !matches!(state, State::Over { .. });
            if first {
                *state = State::Over { reason };
            }
            first
        });
    }

    /// Waits for the end, and gives its reason.
    pub(crate) async fn ended(&self) -> CloseReason {
        let mut state = self.state.subscribe();
        let over = state.wait_for(|state| matches!(state, State::Over { .. })).await;
        match over.as_deref() {
            Ok(State::Over { reason }) => reason.clone(),
            _ => CloseReason::Local,
        }
    }

    /// Why it has ended; `None` when it has not.
    pub(crate) fn over_because(&self) -> Option<CloseReason> {
        match &*self.state.borrow() {
            State::Over { reason } => Some(reason.clone()),
            _ => None,
        }
    }

    /// Whether it has ended.
    pub(crate) fn is_over(&self) -> bool {
        match self.peer_now() {
            Some(Ok(peer)) => peer.is_closed(),
            Some(Err(_)) => true,
            None => false,
        }
    }

    /// What is reported to users.
    pub(crate) fn watch(&self) -> Connections {
        let mut state = self.state.subscribe();
        state.mark_changed();
        let states = futures_util::stream::unfold(state, |mut state| async move {
            state.changed().await.ok()?;
            let now = state.borrow_and_update().public();
            Some((now, state))
        });
        Connections { states: Box::pin(states) }
    }

    /// What is reported to users, at this moment.
    pub(crate) fn now(&self) -> ConnectionState {
        self.state.borrow().public()
    }
}

impl State {
    fn public(&self) -> ConnectionState {
        match self {
            Self::Up { reconnects, .. } => ConnectionState::Connected { reconnects: *reconnects },
            Self::Down { reason, attempt, .. } => {
                ConnectionState::Reconnecting { reason: reason.clone(), attempt: *attempt }
            }
            Self::Over { reason } => ConnectionState::Closed { reason: reason.clone() },
        }
    }
}

/// How the connection of a client stands.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Calls reach the CLI.
    Connected {
        /// How often the connection was restored. A number that has grown tells a reader that was slow of a loss it has not
        /// seen.
        reconnects: u64,
    },
    /// The connection was lost and is being restored. New calls wait for it.
    Reconnecting {
        /// Why it was lost. With a child process: its exit status and last words.
        reason: CloseReason,
        /// The attempt under way, from 1.
        attempt: u32,
    },
    /// It has ended for good.
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

/// The states of a client's connection: the present one first, then each change. A slow reader sees the newest only.
/// It ends after [`ConnectionState::Closed`], or with the client.
pub struct Connections {
    states: BoxStream<'static, ConnectionState>,
}

impl Connections {
    /// The next state. Cancel-safe.
    pub async fn next(&mut self) -> Option<ConnectionState> {
        futures_util::StreamExt::next(&mut self.states).await
    }
}

impl Stream for Connections {
    type Item = ConnectionState;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<ConnectionState>> {
        self.states.as_mut().poll_next(context)
    }
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}
