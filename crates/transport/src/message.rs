//! What the other side sends of its own accord: requests and notifications.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::envelope::{self, Envelope};
use crate::peer::{Peer, WeakPeer};
use crate::{ErrorObject, RawJson};

/// A request to answer.
#[derive(Debug)]
pub struct Request {
    pub(crate) method: String,
    pub(crate) params: Option<RawJson>,
    pub(crate) peer: WeakPeer,
}

impl Request {
    /// The method asked for.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The params as they came.
    pub fn params(&self) -> Option<&RawValue> {
        self.params.as_deref()
    }

    /// The params, or `null` where there are none.
    pub fn params_or_null(&self) -> &RawValue {
        self.params.as_deref().unwrap_or(RawValue::NULL)
    }

    /// The params as a type. The error is ready to be the answer.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, ErrorObject> {
        serde_json::from_str(self.params.as_deref().map_or("{}", RawValue::get)).map_err(ErrorObject::invalid_params)
    }

    /// The peer the request came over, while somebody else still holds it.
    pub fn peer(&self) -> Option<Peer> {
        self.peer.upgrade()
    }
}

/// A notification, as slices of the frame it came in.
///
/// Keeping one keeps the whole read buffer it points into; copy out what is to be kept for long.
#[derive(Debug, Clone)]
pub struct Notification {
    pub(crate) method: Arc<str>,
    pub(crate) params: Option<Bytes>,
    /// The whole frame when only its beginning and end were looked at.
    pub(crate) unproven: Option<Bytes>,
}

impl Notification {
    /// The method notified.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The params as they came. Behind a fast path (see [`PeerBuilder::fast_path`]) nobody has proved yet that these
    /// bytes are JSON; [`parse`](Self::parse) does.
    ///
    /// [`PeerBuilder::fast_path`]: crate::PeerBuilder::fast_path
    pub fn params(&self) -> Option<&Bytes> {
        self.params.as_ref()
    }

    /// The params as a type, which may borrow from the frame.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        let bytes = self.params.as_deref().unwrap_or(b"{}");
        // Text is checked once, not string by string.
        let parsed = match std::str::from_utf8(bytes) {
            Ok(text) => serde_json::from_str(text),
            Err(_) => serde_json::from_slice(bytes),
        };
        let error = match parsed {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        // A frame that only looked like the usual one: its params end elsewhere.
        match self.unproven.as_deref().map(envelope::scan) {
            Some(Ok(Envelope { params: Some(params), id: None, .. })) if params.get().len() != bytes.len() => {
                serde_json::from_str(params.get())
            }
            _ => Err(error),
        }
    }
}
