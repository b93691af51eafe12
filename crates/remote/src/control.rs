//! Remote control of one session: on, off, and how it stands.

use futures::stream::{self, BoxStream, StreamExt as _};
use groundlink_session::{ExportsTo, RemoteMode, RemoteState, Session, SessionError};
use tokio::sync::watch;

use crate::always::ClientTarget;
use crate::bridge::BridgeState;
use crate::error::RemoteError;
use crate::link::Link;
use crate::sharing::{Made, Sharing, Wanted};
use crate::target::{RemoteTarget, RemoteWay, WayReason};

/// Gives a [`Session`] its [`remote`](RemoteExt::remote) control.
///
/// ```no_run
/// use groundlink_remote::{RemoteExt as _, TerminalTheme};
///
/// # async fn run(session: groundlink_session::Session) -> Result<(), Box<dyn std::error::Error>> {
/// let status = session.remote().enable().await?;
/// if let Some(link) = status.link {
///     println!("{link}\n{}", link.qr().terminal(TerminalTheme::Auto));
/// }
/// session.remote().disable().await?;
/// # Ok(())
/// # }
/// ```
pub trait RemoteExt {
    /// The session's remote control.
    fn remote(&self) -> RemoteControl<'_>;
}

impl RemoteExt for Session {
    fn remote(&self) -> RemoteControl<'_> {
        RemoteControl { session: self, target: None, way: None }
    }
}

/// Switches sharing on and off, from [`RemoteExt::remote`].
///
/// The other end is the client's ([`RemoteBuilderExt::remote_to`](crate::RemoteBuilderExt::remote_to)), else wherever the
/// CLI exports to; [`to`](Self::to) names another one. Which way leads there is chosen by what is possible, and is told with
/// its reason in the [`RemoteStatus`]; [`by`](Self::by) insists on one.
#[derive(Clone, Debug)]
pub struct RemoteControl<'a> {
    session: &'a Session,
    target: Option<RemoteTarget>,
    way: Option<RemoteWay>,
}

/// Whether a session is shared, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteStatus {
    /// Where people open the session; `None` when it is not shared.
    pub link: Option<Link>,
    /// Whether they may steer it, or only watch.
    pub steerable: bool,
    /// Who exports it; `None` when it is not shared, or when that is somebody else's doing.
    pub way: Option<RemoteWay>,
    /// Why it is done this way.
    pub reason: Option<WayReason>,
    /// With a bridge: what it is doing, or why it has ended.
    pub bridge: Option<BridgeState>,
    /// Of a client that shares always: why this session is not shared (yet), where that can be mended. A refused token, a
    /// hub that cannot be reached or a policy is such a reason; that nobody is signed in, or that the directory is no clone
    /// of a GitHub repository, is not: sharing always means wherever it works.
    pub problem: Option<String>,
}

impl RemoteControl<'_> {
    /// Names the other end.
    #[must_use]
    pub fn to(mut self, target: impl Into<RemoteTarget>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// Insists on one of the two ways. One that does not lead to the other end is an error of `enable`.
    #[must_use]
    pub fn by(mut self, way: RemoteWay) -> Self {
        self.way = Some(way);
        self
    }

    /// Shares the session, to watch and to steer.
    ///
    /// Doing it again gives the same link. Calls for one session run one after the other, so that it is
    /// never attached twice.
    pub async fn enable(&self) -> Result<RemoteStatus, RemoteError> {
        self.enable_with(RemoteMode::On).await
    }

    /// Shares the session in a given way. From watching ([`RemoteMode::Export`]) one can go on to
    /// steering ([`RemoteMode::On`]); the way back is [`disable`](Self::disable).
    ///
    /// Towards GitHub it is an error where the session's directory is no clone of a repository there; a hub takes any.
    pub async fn enable_with(&self, mode: RemoteMode) -> Result<RemoteStatus, RemoteError> {
        let of_client = || ClientTarget::of(self.session).map(|client| client.target.clone());
        let target = self.target.clone().or_else(of_client).unwrap_or_default();
        let wanted = Wanted { target, way: self.way, mode };
        Sharing::of(self.session).enable(self.session, &wanted).await?;
        self.status()
    }

    /// Ends sharing. Harmless when the session is not shared. A bridge uploads what was said so far first.
    pub async fn disable(&self) -> Result<(), RemoteError> {
        Ok(Sharing::of(self.session).disable(self.session).await?)
    }

    /// Whether the session is shared, as its events have told: also of a session that is shared from its beginning because
    /// the client was built with `remote(true)`, or whose CLI was told by others to share it or to stop
    /// (`session.rpc().remote()`, another client of the session).
    pub fn status(&self) -> Result<RemoteStatus, RemoteError> {
        let made = Sharing::of(self.session).made().borrow().clone();
        status(&self.session.remote_state(), made, self.session.exports_to())
    }

    /// The status now, and whenever it changes: sharing begins or ends, by whomever; a bridge loses its hub or finds it
    /// again. Keeps nothing alive; ends some time after the session.
    pub fn watch(&self) -> BoxStream<'static, RemoteStatus> {
        let exports_to = self.session.exports_to().clone();
        let watch =
            Watch { states: self.session.remote_states().boxed(), made: Sharing::of(self.session).made(), state: None };
        let statuses = stream::unfold((watch, None), move |(mut watch, last)| {
            let exports_to = exports_to.clone();
            async move {
                loop {
                    let (state, made) = watch.next().await?;
                    // A link that no browser can open is none.
                    let status = status(&state, made, &exports_to).unwrap_or_default();
                    if last.as_ref() != Some(&status) {
                        return Some((status.clone(), (watch, Some(status))));
                    }
                }
            }
        });
        statuses.boxed()
    }
}

/// The two sources of a status.
struct Watch {
    states: BoxStream<'static, RemoteState>,
    made: watch::Receiver<Made>,
    state: Option<RemoteState>,
}

impl Watch {
    /// Both, once one of them has changed.
    async fn next(&mut self) -> Option<(RemoteState, Made)> {
        loop {
            let first = self.state.is_none();
            tokio::select! {
                biased;
                state = self.states.next() => self.state = Some(state?),
                changed = self.made.changed(), if !first => changed.ok()?,
            }
            if let Some(state) = self.state.clone() {
                return Some((state, self.made.borrow_and_update().clone()));
            }
        }
    }
}

fn status(state: &RemoteState, made: Made, exports_to: &ExportsTo) -> Result<RemoteStatus, RemoteError> {
    let link = state.url.as_deref().map(Link::parse).transpose()?;
    let (way, reason) = match made.way {
        Some((way, reason)) if link.is_some() => (Some(way), Some(reason)),
        // Our CLI has but one way of its own.
        None if link.is_some() && *exports_to != ExportsTo::Unknown => {
            (Some(RemoteWay::Native), Some(WayReason::AlreadyShared))
        }
        _ => (None, None),
    };
    let problem = state.problem.clone();
    Ok(RemoteStatus { link, steerable: state.steerable, way, reason, bridge: made.bridge, problem })
}

impl RemoteError {
    /// What a refusal to share means.
    pub(crate) fn from_enable(error: SessionError) -> Self {
        match &error {
            SessionError::NotOnGitHub { directory } => Self::NotOnGitHub { directory: directory.clone() },
            SessionError::RemoteUnavailable { message, .. } => {
                // The codes are all the same; only the words tell.
                if message.contains("no current authentication") {
                    Self::NotSignedIn
                } else {
                    Self::NotSharable { message: message.clone() }
                }
            }
            _ => Self::Session(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unavailable(message: &str) -> RemoteError {
        RemoteError::from_enable(SessionError::RemoteUnavailable { message: message.to_owned(), next: "-" })
    }

    #[test]
    fn refusals_say_what_to_do() {
        let error = unavailable(
            "Request session.remote.enable failed with message: Remote session has no current authentication",
        );
        assert!(matches!(error, RemoteError::NotSignedIn));
        assert!(error.to_string().contains("copilot login"));

        let error = unavailable(
            "Request session.remote.enable failed with message: Failed to set up remote session. \
             Ensure the working directory is a GitHub repository and you are authenticated.",
        );
        assert!(matches!(error, RemoteError::NotSharable { .. }));
        let text = error.to_string();
        assert!(text.contains("GitHub repository") && text.contains("Failed to set up"), "{text}");

        let error = RemoteError::from_enable(SessionError::SessionNotFound { id: "x".to_owned() });
        assert!(matches!(error, RemoteError::Session(_)));
    }
}
