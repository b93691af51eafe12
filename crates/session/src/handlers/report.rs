//! What became of answers: for the log, for statistics, for a screen that says who was first.

use super::{Failure, HandlerKind};

/// What became of a question that a handler of this client was given.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AnswerReport {
    /// The session that asked.
    pub session_id: String,
    /// The request's id.
    pub request_id: String,
    /// What was asked for.
    pub kind: HandlerKind,
    /// What the handler did.
    pub handler: HandlerEnd,
    /// What became of the answer.
    pub outcome: AnswerOutcome,
}

/// How a handler came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandlerEnd {
    /// It gave its answer.
    Answered,
    /// It left the question to others.
    Left,
    /// It panicked; the question was refused in its place.
    Panicked,
    /// It did not answer within its deadline; the question was refused in its place.
    TooLate,
    /// It was not asked: the question could not be read, and was refused.
    Unreadable,
    /// It gave an answer that the CLI could not have read; the question was refused in its place.
    Unspeakable,
    /// It was dropped, because somebody else had answered, or the turn was aborted.
    Dropped,
}

impl From<Failure> for HandlerEnd {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Panicked => Self::Panicked,
            Failure::TooLate(_) => Self::TooLate,
        }
    }
}

/// What became of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerOutcome {
    /// It was the first, and counts.
    First,
    /// Somebody else (another client, a browser, the terminal) was first, or the question is gone. Not an error.
    Late,
    /// There was none: the question is open still, or was settled by others.
    None,
    /// It did not arrive; what went wrong.
    Failed(String),
}
