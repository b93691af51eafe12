//! What can go wrong, and what to do about it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use groundlink_protocol::RawJson;
use groundlink_transport::{CallError, CloseReason};

use crate::cli::CLI_PATH_VARIABLE;
use crate::line::CallFailure;

/// Why something did not work. The message names the cause and the next step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The Copilot CLI is not installed where we look.
    #[error(
        "the Copilot CLI was not found: {CLI_PATH_VARIABLE} is not set and there is no `copilot` on PATH; \
         install it (npm install -g @github/copilot) or set {CLI_PATH_VARIABLE} to its executable"
    )]
    CliNotFound,
    /// The CLI's path cannot be used.
    #[error(
        "cannot use `{}` as the Copilot CLI: {reason}; correct the path (or {CLI_PATH_VARIABLE})",
        path.display()
    )]
    CliUnusable {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The CLI ended, or never answered, while it was being started.
    #[error("the Copilot CLI `{}` did not start: {reason}{}", program.display(), Tail(stderr))]
    StartFailed {
        /// The program.
        program: PathBuf,
        /// What happened.
        reason: String,
        /// The last lines it wrote to stderr.
        stderr: String,
    },
    /// The connection could not be opened.
    #[error(transparent)]
    Transport(#[from] groundlink_transport::Error),
    /// The server wants a connection token, or another one.
    #[error(
        "the CLI server refused the connection token: {message}; give the value of the server's \
         COPILOT_CONNECTION_TOKEN to `connection_token`, or none if the server has none"
    )]
    ConnectionToken {
        /// The server's words.
        message: String,
    },
    /// The server speaks another version of the protocol.
    #[error(
        "the CLI server {} speaks protocol version {}, this library speaks {supported}; {}",
        server.as_deref().unwrap_or("(unknown version)"),
        Version(*found),
        if found.unwrap_or(0) > *supported { "update groundlink" } else { "update the Copilot CLI" }
    )]
    ProtocolVersion {
        /// The server's protocol version, if it told one.
        found: Option<u64>,
        /// Ours.
        supported: u64,
        /// The server's own version.
        server: Option<String>,
    },
    /// Nobody answered in time.
    #[error("no answer to `{what}` within {after:?}; the CLI may hang or be overloaded: try again or restart it")]
    Timeout {
        /// The method, or the step.
        what: String,
        /// How long was waited.
        after: Duration,
    },
    /// The connection was lost before the answer came, and is being restored. Whether the call had its effect is not
    /// known: see it from the session's events, then call again.
    #[error(
        "the connection to the Copilot CLI was lost in the middle of `{method}` ({reason}) and is being restored; whether \
         it was carried out is not known: look at the session's events, then try again"
    )]
    Interrupted {
        /// The method called.
        method: String,
        /// Why the connection was lost. With a child process: its exit status and last words.
        reason: CloseReason,
    },
    /// A connection of the caller's own making could not be made.
    #[error("the connection to the CLI could not be made: {0}; check what was given to `connector`")]
    Connector(#[source] std::io::Error),
    /// The connection to the CLI has ended.
    #[error("the connection to the Copilot CLI has ended: {reason}; start a new client and resume the session")]
    Closed {
        /// Why. With a child process: its exit status and last words.
        reason: CloseReason,
    },
    /// The server has no such session.
    #[error(
        "there is no session `{id}`; it was deleted, or belongs to another COPILOT_HOME: list the sessions or create one"
    )]
    SessionNotFound {
        /// The id asked for.
        id: String,
    },
    /// Sharing with GitHub needs a repository there.
    #[error(
        "`{directory}` is not in a clone of a GitHub repository, which sharing with GitHub needs; work in such a clone, \
         or share through a hub, which needs none"
    )]
    NotOnGitHub {
        /// The session's directory.
        directory: String,
    },
    /// Sharing does not work for this session.
    #[error("remote control cannot be enabled: {message}; {next}")]
    RemoteUnavailable {
        /// The CLI's words.
        message: String,
        /// What to do.
        next: &'static str,
    },
    /// A value given to this library cannot work.
    #[error("`{field}` cannot be used: {reason}")]
    Invalid {
        /// Which one.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The CLI refused a call.
    #[error("the CLI refused `{method}`: {message} (code {code})")]
    Refused {
        /// The method called.
        method: String,
        /// The error code.
        code: i64,
        /// The CLI's words.
        message: String,
        /// What else it said, such as a reason for programs.
        data: Option<RawJson>,
    },
    /// The call could not be written, or its answer not read.
    #[error("`{method}`: {source}")]
    Call {
        /// The method called.
        method: String,
        /// What is wrong.
        source: CallError,
    },
}

impl SessionError {
    pub(crate) fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { field, reason: reason.into() }
    }

    /// Says what a failed call of `method` means; `session` is the session it was about.
    pub(crate) fn from_call(method: &str, session: Option<&str>, error: impl Into<CallFailure>) -> Self {
        let (code, message, data) = match error.into() {
            CallFailure::Interrupted(reason) => return Self::Interrupted { method: method.to_owned(), reason },
            CallFailure::Timeout(after) => return Self::Timeout { what: method.to_owned(), after },
            CallFailure::Call(CallError::Closed(reason)) => return Self::Closed { reason },
            CallFailure::Call(CallError::Rpc { code, message, data }) => (code, plain(message), data),
            CallFailure::Call(source) => return Self::Call { method: method.to_owned(), source },
        };
        match session {
            // "Not found" is only in the text, in two wordings.
            Some(id) if message.contains("Session not found") => {
                return Self::SessionNotFound { id: id.to_owned() };
            }
            _ => {}
        }
        match code {
            -32003..=-32001 => Self::ConnectionToken { message },
            _ => Self::Refused { method: method.to_owned(), code, message, data },
        }
    }

    /// Whether the connection is gone, so that only a new client helps.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed { .. } | Self::StartFailed { .. })
    }
}

/// The CLI's words without the frame that it puts around them.
fn plain(message: String) -> String {
    match message.split_once(" failed with message: ") {
        Some((frame, inner)) if frame.starts_with("Request ") => inner.to_owned(),
        _ => message,
    }
}

/// The stderr tail as the end of a sentence.
struct Tail<'a>(&'a str);

impl fmt::Display for Tail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.trim();
        if text.is_empty() {
            f.write_str("; run it by hand with --headless --stdio to see more")
        } else {
            write!(f, "; it said:\n{text}")
        }
    }
}

struct Version(Option<u64>);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(version) => write!(f, "{version}"),
            None => f.write_str("(none told)"),
        }
    }
}
