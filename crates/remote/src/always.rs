//! A client whose sessions are shared with a given other end, and the links of all its sessions.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _, join_all};
use futures::stream::{BoxStream, StreamExt as _};
use groundlink_session::{Client, ClientBuilder, ExportsTo, Session, Sharer, WeakSession};
use tokio::time::{sleep, timeout};

use crate::bridge::{Backoff, jitter};
use crate::control::RemoteExt as _;
use crate::error::RemoteError;
use crate::link::Link;
use crate::sharing::Sharing;
use crate::target::RemoteTarget;

/// Waits between tries to share a session with a hub that cannot be reached.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// How long one try may take: it holds the session, and with it the CLI.
const TRY: Duration = Duration::from_secs(30);

/// Says where the sessions of a client are shared to.
pub trait RemoteBuilderExt {
    /// The other end of [`session.remote()`](crate::RemoteExt::remote), and of
    /// [`remote(true)`](ClientBuilder::remote), which then works for every session: where the CLI cannot export to a
    /// hub itself (nobody is signed in, the server is somebody else's), a bridge does.
    ///
    /// ```no_run
    /// use groundlink_remote::{HubEndpoint, RemoteBuilderExt as _, RemoteClientExt as _};
    /// use groundlink_session::Client;
    /// use futures::StreamExt as _;
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let hub = HubEndpoint::new("http://127.0.0.1:8080/mc".parse()?, "glx_…".to_owned().into());
    /// let client = Client::builder().remote(true).remote_to(hub).start().await?;
    /// let mut links = client.remote_links();
    /// while let Some(shared) = links.next().await {
    ///     println!("{}: {:?}", shared.session_id, shared.link.map(|link| link.to_string()));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    fn remote_to(self, target: impl Into<RemoteTarget>) -> Self;
}

impl RemoteBuilderExt for ClientBuilder {
    fn remote_to(self, target: impl Into<RemoteTarget>) -> Self {
        let target = target.into();
        let builder = match &target {
            // So that the CLI can export to it by itself.
            RemoteTarget::Hub(endpoint) => self.mission_control(endpoint.mission_control()),
            _ => self,
        };
        builder.sharer(Arc::new(ClientTarget { target, sharings: Mutex::default() }))
    }
}

/// The links of a client's sessions.
pub trait RemoteClientExt {
    /// The sessions that are shared at this moment, then every change: a session's link has come, has changed, or is
    /// there no more, or there is a reason why it does not come. Whoever shares it, and whichever way. Keeps nothing alive;
    /// ends with the client.
    fn remote_links(&self) -> BoxStream<'static, RemoteLink>;
}

/// A session's link, from [`RemoteClientExt::remote_links`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteLink {
    /// The session.
    pub session_id: String,
    /// Where people open it; `None` when it is no longer shared.
    pub link: Option<Link>,
    /// Whether they may steer it, or only watch.
    pub steerable: bool,
    /// Why a session that is always to be shared is not, as in [`RemoteStatus`](crate::RemoteStatus).
    pub problem: Option<String>,
}

impl RemoteClientExt for Client {
    fn remote_links(&self) -> BoxStream<'static, RemoteLink> {
        let links = self.shared_sessions().filter_map(async |shared| {
            // What is no link that a browser can open is nothing to show to people.
            let link = shared.state.url.as_deref().map(Link::parse).transpose();
            let link = link.inspect_err(|error| tracing::warn!(%error, "a session announces a bad link")).ok()?;
            let (steerable, problem) = (shared.state.steerable, shared.state.problem);
            Some(RemoteLink { session_id: shared.session_id, link, steerable, problem })
        });
        links.boxed()
    }
}

/// Where the sessions of a client are shared to.
#[derive(Debug)]
pub(crate) struct ClientTarget {
    pub(crate) target: RemoteTarget,
    /// Those with a bridge, now or before.
    sharings: Mutex<Vec<Weak<Sharing>>>,
}

impl ClientTarget {
    pub(crate) fn of(session: &Session) -> Option<Arc<Self>> {
        let sharer: Arc<dyn Any + Send + Sync> = session.sharer()?;
        sharer.downcast().ok()
    }

    /// A bridge to be ended with the client.
    pub(crate) fn remember(&self, sharing: &Arc<Sharing>) {
        let mut sharings = self.sharings.lock().unwrap_or_else(PoisonError::into_inner);
        sharings.retain(|known| known.strong_count() > 0 && !std::ptr::eq(known.as_ptr(), Arc::as_ptr(sharing)));
        sharings.push(Arc::downgrade(sharing));
    }

    async fn share(self: Arc<Self>, weak: WeakSession) {
        let mut backoff = Backoff::new(RETRY.0, RETRY.1);
        let mut told = false;
        loop {
            let Some(session) = weak.upgrade() else { return };
            if matches!(self.target, RemoteTarget::GitHub) && *session.exports_to() == ExportsTo::Unknown {
                return tracing::warn!(
                    session = weak.id(),
                    "remote(true) is ignored: the CLI server is somebody else's, and a bridge leads to hubs only"
                );
            }
            let outcome = timeout(TRY, session.remote().enable()).await;
            drop(session);
            let problem = match outcome {
                Ok(Ok(_)) => return,
                Ok(Err(error @ (RemoteError::NotOnGitHub { .. } | RemoteError::NotSignedIn))) => {
                    // Whoever shares always means wherever it works.
                    return tracing::debug!(session = weak.id(), %error, "not shared");
                }
                Ok(Err(error @ RemoteError::Unreachable { .. })) => error.to_string(),
                Err(_) => format!("no end of it within {TRY:?}"),
                Ok(Err(_)) if weak.is_over() => return,
                Ok(Err(error)) => {
                    tell(&weak, error.to_string());
                    return tracing::warn!(session = weak.id(), %error, "not shared");
                }
            };
            tell(&weak, format!("{problem}; trying again as long as the session lasts"));
            let wait = backoff.failed(jitter(), None);
            if !std::mem::replace(&mut told, true) {
                tracing::warn!(session = weak.id(), problem, "not shared yet; trying again as long as it lasts");
            }
            sleep(wait).await;
            if weak.is_over() {
                return;
            }
        }
    }
}

/// A session without a link says why.
fn tell(session: &WeakSession, problem: String) {
    if let Some(session) = session.upgrade() {
        session.tell_remote_problem(Some(problem));
    }
}

impl Sharer for ClientTarget {
    fn share(self: Arc<Self>, session: WeakSession) -> BoxFuture<'static, ()> {
        Self::share(self, session).boxed()
    }

    fn finish(self: Arc<Self>) -> BoxFuture<'static, ()> {
        let sharings = std::mem::take(&mut *self.sharings.lock().unwrap_or_else(PoisonError::into_inner));
        let live: Vec<_> = sharings.iter().filter_map(Weak::upgrade).collect();
        async move { drop(join_all(live.iter().map(|sharing| sharing.finish())).await) }.boxed()
    }
}
