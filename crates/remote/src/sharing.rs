//! What this crate keeps with a session: its bridge, and how it came to be shared.

use std::sync::{Arc, PoisonError};

use groundlink_session::{ExportsTo, RemoteMode, Session, SessionError, WeakSession};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

use crate::always::ClientTarget;
use crate::bridge::{Bridge, BridgeHandle, BridgeState, BridgeStatus, HubEndpoint};
use crate::error::RemoteError;
use crate::heal;
use crate::target::{RemoteTarget, RemoteWay, WayReason};

/// See the [module](self). It holds no session.
#[derive(Debug, Default)]
pub(crate) struct Sharing {
    /// Held over a whole change, so that changes of one session happen one after the other.
    bridge: Mutex<Option<Bridged>>,
    /// Watches over a natively shared session.
    vigil: std::sync::Mutex<Option<AbortOnDropHandle<()>>>,
    made: watch::Sender<Made>,
}

/// A bridge that `enable` has started.
#[derive(Debug)]
struct Bridged {
    handle: BridgeHandle,
    endpoint: HubEndpoint,
    mode: RemoteMode,
    /// Keeps what is told about it up to date.
    _keeper: AbortOnDropHandle<()>,
}

/// How the session is shared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) way: Option<(RemoteWay, WayReason)>,
    pub(crate) bridge: Option<BridgeState>,
}

/// What is wanted of a session.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) target: RemoteTarget,
    pub(crate) way: Option<RemoteWay>,
    pub(crate) mode: RemoteMode,
}

impl Sharing {
    pub(crate) fn of(session: &Session) -> Arc<Self> {
        session.extra()
    }

    pub(crate) fn made(&self) -> watch::Receiver<Made> {
        self.made.subscribe()
    }

    /// Nothing is changed as long as this is held.
    pub(crate) async fn changing(&self) -> impl Drop + '_ {
        self.bridge.lock().await
    }

    pub(crate) fn keep_vigil(&self, task: JoinHandle<()>) {
        *self.vigil.lock().unwrap_or_else(PoisonError::into_inner) = Some(AbortOnDropHandle::new(task));
    }

    fn end_vigil(&self) {
        self.vigil.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Shares a session, or changes how it is shared.
    pub(crate) async fn enable(self: &Arc<Self>, session: &Session, wanted: &Wanted) -> Result<(), RemoteError> {
        let mut bridge = self.bridge.lock().await;
        let endpoint = match &wanted.target {
            RemoteTarget::GitHub => None,
            RemoteTarget::Hub(endpoint) => Some(endpoint.clone()),
            RemoteTarget::EmbeddedHub(source) => Some(source.endpoint().await?),
        };
        let Some(endpoint) = endpoint else {
            if wanted.way == Some(RemoteWay::Bridge) {
                return Err(RemoteError::NoBridgeToGitHub);
            }
            self.end(&mut bridge, session).await;
            let reason = if wanted.way.is_some() { WayReason::Asked } else { WayReason::GitHub };
            return self.native(session, wanted.mode, reason).await;
        };
        let made = self.made.borrow().way.clone();
        let (running, steerable) = bridge.as_ref().map_or((false, false), |bridged| {
            let alive = !bridged.handle.status().borrow().is_stopped();
            (alive && bridged.endpoint.base() == endpoint.base(), bridged.mode == RemoteMode::On)
        });
        let stays = running && wanted.way != Some(RemoteWay::Native);
        if stays && (steerable || wanted.mode == RemoteMode::Export) {
            // The way back from steering to watching is to end it, as with the CLI's own exporter.
            return Ok(());
        }
        self.end_vigil();
        // Shared twice, it would be at two places, of which only one is told.
        self.end(&mut bridge, session).await;
        let reason = match made.filter(|_| stays) {
            Some((_, reason)) => reason,
            None => match self.try_native(session, wanted, &endpoint).await? {
                None => {
                    heal::watch(session, self, &endpoint);
                    return Ok(());
                }
                Some(reason) => reason,
            },
        };
        if session.remote_state().url.is_some() && *session.exports_to() != ExportsTo::Unknown {
            session.disable_remote().await?;
        }
        let handle = Bridge::builder(session, endpoint.clone()).mode(wanted.mode).start().await?;
        if let Some(client) = ClientTarget::of(session) {
            client.remember(self);
        }
        let status = handle.status();
        let link = handle.link();
        self.made
            .send_replace(Made { way: Some((RemoteWay::Bridge, reason)), bridge: Some(status.borrow().state.clone()) });
        let steerable = wanted.mode == RemoteMode::On;
        let keeper = keep(Arc::clone(self), session.downgrade(), status, steerable);
        let keeper = AbortOnDropHandle::new(tokio::spawn(keeper));
        *bridge = Some(Bridged { handle, endpoint, mode: wanted.mode, _keeper: keeper });
        announce(session, link.as_str(), steerable).await;
        Ok(())
    }

    /// Shares natively where that is possible; else says why it is not.
    async fn try_native(
        &self,
        session: &Session,
        wanted: &Wanted,
        endpoint: &HubEndpoint,
    ) -> Result<Option<WayReason>, RemoteError> {
        let impossible = match session.exports_to() {
            ExportsTo::Server(base) if *base == endpoint.base().as_str().trim_end_matches('/') => None,
            ExportsTo::Unknown => Some(WayReason::ExternalServer),
            _ => Some(WayReason::ExportsElsewhere),
        };
        match (wanted.way, impossible) {
            (Some(RemoteWay::Bridge), _) => Ok(Some(WayReason::Asked)),
            (Some(RemoteWay::Native), None) => self.native(session, wanted.mode, WayReason::Asked).await.map(|()| None),
            (Some(RemoteWay::Native), Some(reason)) => Err(RemoteError::NotNative { reason, base: endpoint.shown() }),
            (None, Some(reason)) => Ok(Some(reason)),
            (None, None) => match self.native(session, wanted.mode, WayReason::Possible).await {
                Ok(()) => Ok(None),
                Err(RemoteError::NotSignedIn) => Ok(Some(WayReason::NotSignedIn)),
                Err(RemoteError::NotSharable { message }) => Ok(Some(WayReason::Refused(message))),
                Err(error) => Err(error),
            },
        }
    }

    async fn native(&self, session: &Session, mode: RemoteMode, reason: WayReason) -> Result<(), RemoteError> {
        session.enable_remote(mode).await.map_err(RemoteError::from_enable)?;
        self.made.send_replace(Made { way: Some((RemoteWay::Native, reason)), bridge: None });
        Ok(())
    }

    /// Ends sharing, whichever way it is done.
    pub(crate) async fn disable(&self, session: &Session) -> Result<(), SessionError> {
        let mut bridge = self.bridge.lock().await;
        if bridge.is_some() {
            self.end(&mut bridge, session).await;
            return Ok(());
        }
        self.end_vigil();
        session.disable_remote().await?;
        self.made.send_replace(Made::default());
        Ok(())
    }

    /// Ends the bridge, if there is one; what has been said so far is uploaded first, also for a caller that gives up.
    async fn end(&self, bridge: &mut Option<Bridged>, session: &Session) {
        let Some(Bridged { handle, .. }) = bridge.take() else { return };
        self.made.send_replace(Made::default());
        if let Err(error) = session.withdraw_remote().await {
            tracing::debug!(session = session.id(), %error, "the end of the bridge was not announced");
        }
        // Nothing aborts it; it ends early only with the runtime.
        let _ = tokio::spawn(handle.stop()).await;
    }

    /// The session's client is ending: uploads what is left, within the bridge's own limit.
    pub(crate) async fn finish(&self) {
        let bridged = self.bridge.lock().await.take();
        if let Some(Bridged { handle, .. }) = bridged {
            let status = handle.stop().await;
            self.made.send_replace(Made { way: None, bridge: Some(status.state) });
        }
    }
}

/// A session goes on without the announcement: `enable` has given the link already.
async fn announce(session: &Session, link: &str, steerable: bool) {
    if let Err(error) = session.announce_remote(link, steerable).await {
        tracing::debug!(session = session.id(), %error, "the bridge's link was not announced by the CLI");
    }
}

/// Passes on what becomes of a bridge, until it has stopped.
async fn keep(sharing: Arc<Sharing>, session: WeakSession, mut status: watch::Receiver<BridgeStatus>, steerable: bool) {
    let mut link = status.borrow().link.clone();
    while status.changed().await.is_ok() {
        let now = status.borrow_and_update().clone();
        let stopped = now.is_stopped();
        sharing.made.send_if_modified(|made| {
            let before = made.clone();
            made.bridge = Some(now.state.clone());
            if stopped {
                made.way = None;
            }
            *made != before
        });
        let Some(session) = session.upgrade() else { return };
        if stopped {
            // The end of a session withdraws everything by itself.
            if let Err(error) = session.withdraw_remote().await {
                tracing::debug!(session = session.id(), %error, "the end of the bridge was not announced");
            }
            return;
        }
        if now.link != link {
            link = now.link;
            announce(&session, link.as_str(), steerable).await;
        }
    }
}
