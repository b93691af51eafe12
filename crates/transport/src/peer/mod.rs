//! The peer: calls out, requests in, over one pair of byte streams.

mod builder;
mod core;
mod outbox;
mod pending;
mod read;
mod serve;
mod write;

use std::fmt;
use std::sync::{Arc, Weak};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::{CallError, CloseReason, RawJson};

pub(crate) use builder::EndHook;
pub use builder::{HandlerFuture, PeerBuilder};
pub(crate) use core::Core;

/// One end of a JSON-RPC connection. Cheap to clone; the connection closes when the last clone goes.
///
/// A handler or a callback that needs its own peer must hold a [`WeakPeer`], or neither ever goes.
#[derive(Clone)]
pub struct Peer {
    handle: Arc<Handle>,
}

/// A [`Peer`] that does not keep the connection open.
#[derive(Clone)]
pub struct WeakPeer {
    handle: Weak<Handle>,
}

/// What all clones of a peer share; its end is the end of the connection.
struct Handle {
    core: Arc<Core>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.core.close(CloseReason::Local);
    }
}

impl Peer {
    /// Calls a method and gives its result as it came.
    ///
    /// Dropping the future tells the other side to cancel and forgets the call.
    pub async fn call_raw(&self, method: &str, params: Option<&RawValue>) -> Result<RawJson, CallError> {
        self.call_unread(method, params).await?.into_raw()
    }

    /// Calls a method and gives its result without having looked at it.
    ///
    /// One future does for results of every type: what is built on top of it can put that in a box, and is then compiled
    /// once.
    pub async fn call_unread(&self, method: &str, params: Option<&RawValue>) -> Result<Reply, CallError> {
        let (id, answer) = self.handle.core.call(method, params.map(RawValue::get)).await?;
        Ok(Reply { id, answer })
    }

    /// Calls a method with params of any type that serializes to an object, and reads the result.
    pub async fn call<R: DeserializeOwned>(&self, method: &str, params: &impl Serialize) -> Result<R, CallError> {
        let params = encode(method, params)?;
        let (id, answer) = self.handle.core.call(method, Some(&params)).await?;
        Reply { id, answer }.parse(method)
    }

    /// Sends a notification. It is on its way when this returns, not necessarily read.
    pub async fn notify_raw(&self, method: &str, params: Option<&RawValue>) -> Result<(), CallError> {
        self.handle.core.notify(method, params.map(RawValue::get)).await
    }

    /// Sends a notification with params of any type that serializes to an object.
    pub async fn notify(&self, method: &str, params: &impl Serialize) -> Result<(), CallError> {
        let params = encode(method, params)?;
        self.handle.core.notify(method, Some(&params)).await
    }

    /// Waits for the end of the connection and says why it ended.
    pub async fn closed(&self) -> CloseReason {
        self.handle.core.closed().await
    }

    /// Why the connection ended, if it has.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.handle.core.close_reason()
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.handle.core.close_reason().is_some()
    }

    /// Closes the connection: pending calls fail, handlers are stopped, what is queued is written within
    /// [`Limits::close_flush`](crate::Limits::close_flush).
    pub fn close(&self) {
        self.handle.core.close(CloseReason::Local);
    }

    /// A handle that does not keep the connection open.
    pub fn downgrade(&self) -> WeakPeer {
        WeakPeer { handle: Arc::downgrade(&self.handle) }
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.handle.core
    }
}

/// The result of a call, not read yet.
pub struct Reply {
    id: u64,
    answer: pending::Answer,
}

impl Reply {
    /// The result as it came. Fails where it turns out not to be JSON, or to be an error after all.
    pub fn into_raw(self) -> Result<RawJson, CallError> {
        self.answer.into_raw(self.id)
    }

    /// The result as a type; `method` is for the error that says it is not of that type.
    pub fn parse<R: DeserializeOwned>(self, method: &str) -> Result<R, CallError> {
        let parsed = self.answer.parse(self.id)?;
        parsed.map_err(|source| CallError::Decode { method: method.to_owned(), source: Arc::new(source) })
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("id", &self.id).finish_non_exhaustive()
    }
}

impl WeakPeer {
    /// The peer, while somebody holds it.
    pub fn upgrade(&self) -> Option<Peer> {
        self.handle.upgrade().map(|handle| Peer { handle })
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("closed", &self.close_reason()).finish_non_exhaustive()
    }
}

impl fmt::Debug for WeakPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakPeer").finish_non_exhaustive()
    }
}

fn encode(method: &str, params: &impl Serialize) -> Result<String, CallError> {
    serde_json::to_string(params)
        .map_err(|source| CallError::Encode { method: method.to_owned(), source: Arc::new(source) })
}
