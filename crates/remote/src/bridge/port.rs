//! What the bridge needs of a session, and nothing more.
//!
//! A trait rather than `Session` itself, so that the bridge's engine can be tested with a session that
//! stalls, ends and refuses on command.

use std::future::Future;

use futures::stream::BoxStream;
use groundlink_protocol::Event;
use groundlink_protocol::mc::ModelChoice;
use groundlink_session::SecretString;

use super::command::Action;

/// An item of the live stream.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The next event.
    Event(Event),
    /// Something is missing here: this many durable events could not be had any more.
    Lost(u64),
}

/// A page of the session's own log.
#[derive(Debug, Default)]
pub(crate) struct LogPage {
    pub(crate) events: Vec<Event>,
    /// Where the next page begins.
    pub(crate) cursor: Option<String>,
    /// Whether there was more when the page was read.
    pub(crate) more: bool,
}

/// Why the log could not be read.
#[derive(Debug)]
pub(crate) enum LogError {
    /// The session or its connection is gone; trying again is of no use.
    Gone(String),
    /// It may work later.
    Passing(String),
}

/// A session as the bridge sees it. Clones are the same session.
pub(crate) trait Port: Clone + Send + Sync + 'static {
    /// The session's id.
    fn session_id(&self) -> String;

    /// Credentials that the session was given while it ran, but the first `known`.
    fn secrets_given(&self, known: usize) -> Vec<SecretString>;

    /// The events from now on. Ends with the session; holds up nobody when it is not read.
    fn events(&self) -> BoxStream<'static, Heard>;

    /// The page of the log at `cursor`, from the first event on without one.
    fn log(&self, cursor: Option<String>) -> impl Future<Output = Result<LogPage, LogError>> + Send;

    /// The models that the session may be switched to; none where that cannot be said.
    fn models(&self) -> impl Future<Output = Vec<ModelChoice>> + Send;

    /// Does what a command asks for. The error is the reason for the person who sent it.
    fn apply(&self, action: Action) -> impl Future<Output = Result<(), String>> + Send;
}
