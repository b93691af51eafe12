//! The one error type of this crate.

use groundlink_session::SessionError;

/// What can go wrong with remote control, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// The link is not something a browser can open.
    #[error("`{link}` is not a link that a browser can open: {reason}")]
    BadLink {
        /// The text as it was given, without anything after the host: links carry secrets.
        link: String,
        /// Why it was refused.
        reason: String,
    },

    /// The Copilot CLI shares only sessions of a signed-in user.
    #[error(
        "the session has no GitHub account; sign in with `copilot login` (or give a token to the client), \
         or share it through a hub with `Bridge`, which needs no account"
    )]
    NotSignedIn,

    /// Sharing with GitHub needs a repository there.
    #[error(
        "`{directory}` is not in a clone of a GitHub repository, which sharing with GitHub needs; work in such a clone, \
         or share through a hub, which needs none"
    )]
    NotOnGitHub {
        /// The session's directory.
        directory: String,
    },

    /// A bridge was asked for, and no hub.
    #[error("a bridge leads to a hub, not to GitHub: name the hub with `to`, or leave the way to be chosen")]
    NoBridgeToGitHub,

    /// Native sharing was asked for where the CLI does not export to the hub.
    #[error(
        "the session cannot be shared with {base} natively: {reason}; give the hub to the client with `remote_to` before \
         it starts the CLI, or leave the way to be chosen"
    )]
    NotNative {
        /// Why not.
        reason: crate::WayReason,
        /// The hub's address.
        base: String,
    },

    /// The hub of this process could not be started.
    #[error("the hub of this program could not be started: {0}")]
    EmbeddedHub(#[source] Box<dyn std::error::Error + Send + Sync>),

    /// The Copilot CLI could not set the session up for sharing.
    #[error(
        "the session could not be shared: {message}; check that its directory is a clone of a GitHub repository whose \
         owner allows remote sessions, and that the server can be reached; or share it through a hub with \
         `Bridge`, which needs neither"
    )]
    NotSharable {
        /// What the CLI answered.
        message: String,
    },

    /// The session refused a call or its connection is gone.
    #[error(transparent)]
    Session(#[from] SessionError),

    /// No HTTP answer from the hub.
    #[error("the hub at {base} cannot be reached ({reason}); check that it runs and that the address is right")]
    Unreachable {
        /// The address that was tried.
        base: String,
        /// The reason in the words of the operating system or the TLS library.
        reason: String,
    },

    /// The hub does not accept our token.
    #[error(
        "the hub at {base} refused the token (HTTP {status}); use the export token that this hub printed at its start"
    )]
    TokenRefused {
        /// The hub's address.
        base: String,
        /// 401 or 403.
        status: u16,
    },

    /// The hub answered, but not as a hub does.
    #[error(
        "{base} is no hub: it answered HTTP {status} with {detail}, and a hub answers in JSON; check the address, which \
         usually ends in `/mc`"
    )]
    NotAHub {
        /// The address that was tried.
        base: String,
        /// The HTTP status.
        status: u16,
        /// What kind of answer it was, or what was missing in it.
        detail: String,
    },

    /// The HTTP client could not be built.
    #[error("the HTTP client could not be set up: {0}")]
    Http(String),
}
