//! Where a session is shared to, and which of the two ways leads there.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::bridge::HubEndpoint;
use crate::error::RemoteError;

/// The other end of a shared session.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum RemoteTarget {
    /// Wherever the Copilot CLI exports to: GitHub, unless the client was given a
    /// [`mission_control`](groundlink_session::ClientBuilder::mission_control).
    #[default]
    GitHub,
    /// A hub that runs somewhere.
    Hub(HubEndpoint),
    /// A hub in this process, started when the first session is shared. The `groundlink` crate has it, behind its
    /// feature `hub`.
    EmbeddedHub(Arc<dyn HubSource>),
}

/// Somebody who has a hub, or can start one.
pub trait HubSource: fmt::Debug + Send + Sync {
    /// The hub, started if it does not run yet.
    fn endpoint(&self) -> BoxFuture<'_, Result<HubEndpoint, RemoteError>>;
}

impl From<HubEndpoint> for RemoteTarget {
    fn from(endpoint: HubEndpoint) -> Self {
        Self::Hub(endpoint)
    }
}

/// How a session is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteWay {
    /// The Copilot CLI exports it itself. Needs a GitHub account.
    Native,
    /// groundlink exports it, from the events that this program receives: see [`Bridge`](crate::Bridge).
    Bridge,
}

/// Why a session is shared the way it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WayReason {
    /// It was asked for.
    Asked,
    /// Only the CLI itself can export to GitHub.
    GitHub,
    /// The CLI was started to export to this hub, and takes it.
    Possible,
    /// The CLI was started by somebody else: where it exports to is not ours to say.
    ExternalServer,
    /// The CLI was not started to export to this hub.
    ExportsElsewhere,
    /// Nobody is signed in, and the CLI exports for GitHub accounts only.
    NotSignedIn,
    /// The CLI refused, in these words.
    Refused(String),
    /// The CLI exported it before this program asked.
    AlreadyShared,
}

impl fmt::Display for WayReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked => "it was asked for",
            Self::GitHub => "only the Copilot CLI itself can export to GitHub",
            Self::Possible => "the Copilot CLI can export to this hub",
            Self::ExternalServer => "the Copilot CLI was started by somebody else",
            Self::ExportsElsewhere => "the Copilot CLI was not started to export to this hub",
            Self::NotSignedIn => "nobody is signed in, and the Copilot CLI exports for GitHub accounts only",
            Self::Refused(words) => return write!(f, "the Copilot CLI refused: {words}"),
            Self::AlreadyShared => "the Copilot CLI exported it already",
        })
    }
}

impl fmt::Display for RemoteWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Bridge => "bridge",
        })
    }
}
