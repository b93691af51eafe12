//! Native remote control: the Copilot CLI shares the session itself.

use groundlink_session::{RemoteMode, RemoteState, Session, SessionError};

use crate::error::RemoteError;
use crate::link::Link;

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
    /// The session's native remote control.
    fn remote(&self) -> RemoteControl<'_>;
}

impl RemoteExt for Session {
    fn remote(&self) -> RemoteControl<'_> {
        RemoteControl { session: self }
    }
}

/// Switches sharing by the Copilot CLI on and off, from [`RemoteExt::remote`].
///
/// The other end is GitHub, or the hub that was given to the client when it started the CLI. Needs a
/// session that is signed in to GitHub in both cases; the [`Bridge`](crate::Bridge) does not.
#[derive(Clone, Copy, Debug)]
pub struct RemoteControl<'a> {
    session: &'a Session,
}

/// Whether a session is shared natively, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteStatus {
    /// Where people open the session; `None` when it is not shared.
    pub link: Option<Link>,
    /// Whether they may steer it, or only watch.
    pub steerable: bool,
}

impl RemoteControl<'_> {
    /// Shares the session, to watch and to steer.
    ///
    /// Doing it again gives the same link. Calls for one session run one after the other, so that it is
    /// never attached twice.
    pub async fn enable(&self) -> Result<RemoteStatus, RemoteError> {
        self.enable_with(RemoteMode::On).await
    }

    /// Shares the session in a given way. From watching ([`RemoteMode::Export`]) one can go on to
    /// steering ([`RemoteMode::On`]); the way back is [`disable`](Self::disable).
    pub async fn enable_with(&self, mode: RemoteMode) -> Result<RemoteStatus, RemoteError> {
        status(&self.session.enable_remote(mode).await.map_err(RemoteError::from_enable)?)
    }

    /// Ends sharing. Harmless when the session is not shared.
    pub async fn disable(&self) -> Result<(), RemoteError> {
        Ok(self.session.disable_remote().await?)
    }

    /// Whether the session is shared, as its events have told. Also knows of a session that is shared
    /// from its beginning because the client was built with `remote(true)`.
    pub fn status(&self) -> Result<RemoteStatus, RemoteError> {
        status(&self.session.remote_state())
    }
}

fn status(state: &RemoteState) -> Result<RemoteStatus, RemoteError> {
    let link = state.url.as_deref().map(Link::parse).transpose()?;
    Ok(RemoteStatus { link, steerable: state.steerable })
}

impl RemoteError {
    /// What a refusal to share means.
    fn from_enable(error: SessionError) -> Self {
        match &error {
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
