//! Taking up a session again over a new connection: resuming it, and replaying what was missed.
//!
//! The session's log is read backward, from its newest event to one that this client has had; so the cost is that of
//! what was missed, and no cursor is needed that the server could have forgotten. Events that come live meanwhile wait
//! until the replay is done, and those that were in it are dropped by their ids.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use groundlink_protocol::types::{
    EventsReadDirection, SessionEventLogReadParams, SessionEventLogReadResult, SessionResumeResult,
};
use groundlink_protocol::{Event, Method as _, methods};
use groundlink_transport::Peer;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::SessionError;
use crate::asks;
use crate::config::SessionConfig;
use crate::history::parse;
use crate::shared::Shared;

/// Events a page.
const PAGE: u64 = 200;

/// The params with which a session is taken up again: those it was opened with.
#[derive(Debug)]
pub(crate) struct Reopen {
    /// Of `session.resume`, for a session that the server still has, or has stored. They hold credentials.
    resume: Mutex<SecretString>,
    /// Of `session.create`, for a session that the CLI did not store.
    create: Mutex<SecretString>,
}

impl Reopen {
    /// For a session of this id and configuration.
    pub(crate) fn new(config: &mut SessionConfig, id: &str) -> Result<Self, SessionError> {
        Ok(Self {
            resume: Mutex::new(config.params_to_return(id)?.to_string().into()),
            create: Mutex::new(config.params_for(Some(id), true)?.to_string().into()),
        })
    }

    /// The session has other tools than it was opened with.
    pub(crate) fn set_tools(&self, tools: &Value) {
        for params in [&self.resume, &self.create] {
            let mut params = params.lock().unwrap_or_else(PoisonError::into_inner);
            // Written by `serde_json`.
            let Ok(mut changed) = serde_json::from_str::<Value>(params.expose_secret()) else { continue };
            changed["tools"] = tools.clone();
            *params = changed.to_string().into();
        }
    }
}

fn raw(params: &Mutex<SecretString>) -> Box<RawValue> {
    let params = params.lock().unwrap_or_else(PoisonError::into_inner);
    // Written by `serde_json`.
    RawValue::from_string(params.expose_secret().to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Takes up a session over `peer`, with all that was missed.
pub(crate) async fn reopen(peer: &Peer, shared: &Arc<Shared>) -> Result<(), SessionError> {
    let Some(reopen) = &shared.reopen else { return Ok(()) };
    let missed = match open(peer, shared, methods::SessionResume::NAME, &raw(&reopen.resume)).await {
        // The CLI was killed before it had stored anything of the session.
        Err(SessionError::SessionNotFound { .. }) if shared.created => {
            tracing::warn!(session = %shared.id, "the CLI has lost the session, and makes it anew under the same id");
            open(peer, shared, methods::SessionCreate::NAME, &raw(&reopen.create)).await?;
            Missed::default()
        }
        outcome => {
            outcome?;
            missed(peer, shared).await?
        }
    };
    for event_type in asks::interests(&shared.handlers) {
        let called = peer.call::<Value>(asks::REGISTER_INTEREST, &asks::interest(&shared.id, event_type)).await;
        if let Err(error) = called {
            tracing::warn!(session = %shared.id, event_type, ?error, "the CLI will not ask this client");
        }
    }
    tracing::debug!(session = %shared.id, events = missed.events.len(), "taken up again");
    shared.replay(missed);
    Ok(())
}

async fn open(peer: &Peer, shared: &Shared, method: &str, params: &impl Serialize) -> Result<(), SessionError> {
    let called = peer.call::<SessionResumeResult>(method, params).await;
    called.map(drop).map_err(|error| SessionError::from_call(method, Some(&shared.id), error))
}

/// What a client has missed of a session.
#[derive(Debug, Default)]
pub(crate) struct Missed {
    /// The stored events since, oldest first.
    pub(crate) events: VecDeque<Event>,
    /// How many older ones of them there are besides: more than a session keeps in memory.
    pub(crate) more: u64,
    /// The newest event that this client and the log both have. It need not be the last that this client has had: a CLI
    /// that was killed forgets what it had not stored yet. `None`: they have none in common.
    pub(crate) known: Option<String>,
}

/// What the log has since the newest event that this client has had.
pub(crate) async fn missed(peer: &Peer, shared: &Shared) -> Result<Missed, SessionError> {
    let known = shared.feed.known();
    let most = shared.feed.most_durable();
    let mut missed = Missed::default();
    let mut cursor = None;
    loop {
        let mut params = SessionEventLogReadParams::new(shared.id.as_str());
        params.cursor = cursor.take();
        params.max = Some(PAGE);
        params.direction = Some(EventsReadDirection::Backward);
        params.include_ephemeral = Some(false);
        let method = methods::SessionEventLogRead::NAME;
        let called = peer.call::<SessionEventLogReadResult>(method, &params).await;
        let page = called.map_err(|error| SessionError::from_call(method, Some(&shared.id), error))?;
        let previous = params.cursor;
        for event in parse(page.events).into_iter().rev() {
            if known.contains(event.id()) {
                missed.known = Some(event.id().to_owned());
                return Ok(missed);
            }
            if missed.events.len() < most {
                missed.events.push_front(event);
            } else {
                missed.more += 1;
            }
        }
        if !page.has_more || previous.as_ref() == Some(&page.cursor) {
            break;
        }
        cursor = Some(page.cursor);
    }
    if known.is_empty() {
        // Nothing came before the loss, so nothing older than this client's session is in the log: unless it was resumed.
        if !shared.created {
            missed = Missed::default();
        }
        return Ok(missed);
    }
    // The log and this client have nothing in common. What is in it may be all old or all new; nobody can tell.
    tracing::warn!(session = %shared.id, "the session's log has no event that came before the loss; nothing is replayed");
    Ok(Missed::default())
}
