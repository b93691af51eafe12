//! What can go wrong, said in a way that helps.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::RawJson;
use crate::child::ChildExit;
use crate::frame::FrameError;

/// Error codes that JSON-RPC itself gives a meaning to.
pub mod codes {
    /// The frame was not JSON.
    pub const PARSE_ERROR: i64 = -32700;
    /// The JSON was not a request.
    pub const INVALID_REQUEST: i64 = -32600;
    /// Nobody serves the method.
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// The params do not fit the method.
    pub const INVALID_PARAMS: i64 = -32602;
    /// The handler failed.
    pub const INTERNAL_ERROR: i64 = -32603;
    /// Too many requests are being served already; ask again later.
    pub const BUSY: i64 = -32009;
    /// The request was cancelled by the side that made it.
    pub const CANCELLED: i64 = -32800;
}

/// Why a connection could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is not one of the accepted spellings.
    #[error("`{given}` is not an address of a CLI server: {reason}; write PORT, HOST:PORT or http://HOST:PORT")]
    Url {
        /// What was given.
        given: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No TCP connection came about.
    #[error("cannot connect to {address}: {source}; check that the server runs there")]
    Connect {
        /// Host and port.
        address: String,
        /// The system's reason.
        source: io::Error,
    },
    /// Nobody answered in time.
    #[error("no connection to {address} within {after:?}; check the address and that nothing blocks it")]
    ConnectTimeout {
        /// Host and port.
        address: String,
        /// How long was waited.
        after: Duration,
    },
    /// The program could not be started.
    #[error("cannot start `{}`: {source}; check that it is installed and executable", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The program ended before it said where it listens.
    #[error("the server ended before it announced a port: {0}")]
    EndedEarly(ChildExit),
    /// The program did not say in time where it listens.
    #[error("the server announced no port within {after:?}; its last output: {output}")]
    NoAnnouncement {
        /// How long was waited.
        after: Duration,
        /// The last lines of its output.
        output: String,
    },
}

/// Why a call gave no result.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The other side answered with an error.
    #[error("{message} (code {code})")]
    Rpc {
        /// The error code, as wide as it came.
        code: i64,
        /// The other side's words.
        message: String,
        /// More, where it said more.
        data: Option<RawJson>,
    },
    /// The connection is closed, or closed before the answer came.
    #[error("the connection is closed: {0}")]
    Closed(CloseReason),
    /// The other side answered that the request was cancelled.
    #[error("the other side cancelled the request")]
    Cancelled,
    /// The params could not be written as JSON.
    #[error("cannot write the params of `{method}` as JSON: {source}")]
    Encode {
        /// The method called.
        method: String,
        /// The serializer's reason.
        source: Arc<serde_json::Error>,
    },
    /// The result is JSON, but not what the caller asked for.
    #[error("cannot read the result of `{method}`: {source}")]
    Decode {
        /// The method called.
        method: String,
        /// The deserializer's reason: a position and a type, not the text.
        source: Arc<serde_json::Error>,
    },
    /// The answer's frame was damaged.
    #[error("the answer could not be read: {0}")]
    BadAnswer(String),
    /// The message nests too deep for the other side to read.
    #[error("the params of `{method}` nest deeper than {max} levels; flatten them or send them as a string")]
    TooDeep {
        /// The method called.
        method: String,
        /// The limit, envelope included.
        max: usize,
    },
    /// The message is longer than a frame may be.
    #[error("the message for `{method}` has {size} bytes, more than the limit of {max}; split it or raise the limit")]
    TooLarge {
        /// The method called.
        method: String,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// The params are not an object. The other side would ignore them silently.
    #[error("the params of `{method}` must be one object; wrap a struct in `Named`")]
    NotNamed {
        /// The method called.
        method: String,
    },
}

impl CallError {
    /// The error code the other side answered with.
    pub fn code(&self) -> Option<i64> {
        match self {
            Self::Rpc { code, .. } => Some(*code),
            Self::Cancelled => Some(codes::CANCELLED),
            _ => None,
        }
    }

    /// Whether the other side does not know the method.
    pub fn is_method_not_found(&self) -> bool {
        self.code() == Some(codes::METHOD_NOT_FOUND)
    }
}

impl From<ErrorObject> for CallError {
    fn from(error: ErrorObject) -> Self {
        if error.code == codes::CANCELLED {
            return Self::Cancelled;
        }
        Self::Rpc { code: error.code, message: error.message, data: error.data }
    }
}

/// Why a connection ended. Every pending call fails with the same reason.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum CloseReason {
    /// This side closed it, or dropped the last [`Peer`](crate::Peer).
    Local,
    /// The other side closed it in good order.
    EndOfStream,
    /// Reading or writing failed.
    Io(Arc<io::Error>),
    /// What came was no longer a sequence of frames.
    Frame(FrameError),
    /// The child process ended.
    Exited(ChildExit),
    /// This side stopped the child process, and it ended.
    Stopped(ChildExit),
    /// The other side sent requests without reading the answers.
    Stalled {
        /// Bytes that waited to be written.
        unwritten: usize,
    },
}

impl CloseReason {
    /// One word for logs, which must not hold what a program printed.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::EndOfStream => "end-of-stream",
            Self::Io(_) => "io",
            Self::Frame(_) => "frame",
            Self::Exited(_) => "exited",
            Self::Stopped(_) => "stopped",
            Self::Stalled { .. } => "stalled",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("closed by this side"),
            Self::EndOfStream => f.write_str("the other side closed it"),
            Self::Io(error) => write!(f, "{error}"),
            Self::Frame(error) => write!(f, "{error}"),
            Self::Exited(exit) => write!(f, "{exit}"),
            Self::Stopped(exit) => write!(f, "stopped by this side: {exit}"),
            Self::Stalled { unwritten } => {
                write!(f, "the other side does not read: {unwritten} bytes of answers were waiting for it")
            }
        }
    }
}

/// The error half of an answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message} (code {code})")]
pub struct ErrorObject {
    /// The error code. Any integer; see [`codes`].
    pub code: i64,
    /// One sentence for a person.
    pub message: String,
    /// More, for a program.
    pub data: Option<RawJson>,
}

impl ErrorObject {
    /// An error without data.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// Nobody serves this method.
    pub fn method_not_found(method: &str) -> Self {
        Self::new(codes::METHOD_NOT_FOUND, format!("Unhandled method {method}"))
    }

    /// The params do not fit.
    pub fn invalid_params(reason: impl fmt::Display) -> Self {
        Self::new(codes::INVALID_PARAMS, format!("Invalid params: {reason}"))
    }

    /// The handler failed.
    pub fn internal(reason: impl Into<String>) -> Self {
        Self::new(codes::INTERNAL_ERROR, reason)
    }
}
