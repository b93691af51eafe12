//! What a bridge says about itself.

use std::time::SystemTime;

use crate::link::Link;

/// A snapshot of a bridge, from [`BridgeHandle::status`](super::BridgeHandle::status).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BridgeStatus {
    /// What it is doing.
    pub state: BridgeState,
    /// Where people open the session. Changes only when the hub has lost everything, its keys included.
    pub link: Link,
    /// Events the hub has stored.
    pub uploaded: u64,
    /// Events that wait or are under way.
    pub waiting: usize,
    /// Events left out because the hub does not take anything that large.
    pub left_out: u64,
    /// Commands that took effect in the session.
    pub applied: u64,
    /// Commands that were refused, with the reason told to the hub.
    pub rejected: u64,
}

/// What a bridge is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BridgeState {
    /// The session is being announced to the hub again, because the hub had lost it.
    Attaching,
    /// Connected: events go out as they happen, commands come in.
    Live,
    /// The hub cannot be reached; it is tried again and again, and nothing is lost meanwhile.
    Retrying {
        /// Since when.
        since: SystemTime,
        /// The last reason.
        error: String,
    },
    /// The end: the session has ended, the bridge was stopped, or the hub refuses us.
    Stopped {
        /// Why, when it was neither the session's end nor asked for.
        error: Option<String>,
    },
}

impl BridgeStatus {
    pub(crate) fn new(link: Link) -> Self {
        Self { state: BridgeState::Live, link, uploaded: 0, waiting: 0, left_out: 0, applied: 0, rejected: 0 }
    }

    /// Whether nothing more will happen.
    pub fn is_stopped(&self) -> bool {
        matches!(self.state, BridgeState::Stopped { .. })
    }
}
