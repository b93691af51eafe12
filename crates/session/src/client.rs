//! The client: one connection to one CLI.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use groundlink_protocol::types::{AuthGetStatusResult, SessionCreateResult};
use groundlink_protocol::{Empty, Method, methods};
use groundlink_transport::{ChildPeer, CloseReason, Peer};
use secrecy::SecretString;
use uuid::Uuid;

use crate::SessionError;
use crate::builder::ClientBuilder;
use crate::config::SessionConfig;
use crate::handshake::ServerInfo;
use crate::router::Router;
use crate::session::{self, Session};
use crate::shared::Shared;
use crate::sharing::{ExportsTo, Sharer};
use crate::{answers, pending, sharing};

/// How long each session may take to end in [`Client::stop`].
const DESTROY: Duration = Duration::from_secs(3);
/// How long the CLI may take to accept its shutdown in [`Client::stop`].
const SHUTDOWN: Duration = Duration::from_secs(3);

/// A connection to a Copilot CLI, which it started or found running. Cheap to clone.
///
/// The CLI that it started ends with [`stop`](Self::stop), and at the latest when the client and all
/// of its sessions are dropped.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<ClientInner>,
}

pub(crate) struct ClientInner {
    pub(crate) peer: Peer,
    /// The CLI that we started.
    pub(crate) child: Option<ChildPeer>,
    pub(crate) router: Arc<Router>,
    pub(crate) server: ServerInfo,
    /// Share every session, always.
    pub(crate) always_remote: bool,
    /// Where the CLI exports to.
    pub(crate) exports_to: ExportsTo,
    /// Who shares sessions, if not the CLI alone.
    pub(crate) sharer: Option<Arc<dyn Sharer>>,
    /// What the CLI was told and nobody else is to see.
    pub(crate) secrets: Vec<SecretString>,
    /// Held while stopping; true once stopped.
    pub(crate) stopped: tokio::sync::Mutex<bool>,
}

impl Client {
    /// A client of the installed CLI; everything else has a default.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// The server's own version, such as `1.0.102`; `None` where it does not tell.
    pub fn version(&self) -> Option<&str> {
        self.inner.server.version.as_deref()
    }

    /// The version of the protocol that the server speaks.
    pub fn protocol_version(&self) -> u64 {
        self.inner.server.protocol_version
    }

    /// The process id of the CLI, if this client started it.
    pub fn pid(&self) -> Option<u32> {
        self.inner.child.as_ref().and_then(ChildPeer::pid)
    }

    /// The last lines the CLI wrote to stderr, if this client started it.
    pub fn output_tail(&self) -> String {
        self.inner.child.as_ref().map(ChildPeer::output_tail).unwrap_or_default()
    }

    /// Whether somebody is signed in, and who.
    pub async fn auth_status(&self) -> Result<AuthGetStatusResult, SessionError> {
        self.call::<methods::AuthGetStatus>(&Empty::default()).await
    }

    /// Calls any method.
    pub async fn call<M: Method>(&self, params: &M::Params) -> Result<M::Output, SessionError> {
        let failed = |error| SessionError::from_call(M::NAME, None, error);
        answers::check_call(M::NAME, params)?;
        self.inner.peer.call(M::NAME, params).await.map_err(failed)
    }

    /// Makes a new session.
    pub async fn create_session(&self, config: SessionConfig) -> Result<Session, SessionError> {
        // The id is ours: events come before the answer, and have to find the session.
        let id = config.params.session_id.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
        self.open::<methods::SessionCreate>(id, config, true).await
    }

    /// Takes up a session again: a stored one, or one that is live at a server it shares with others.
    /// Handlers, provider and directories are not stored: give them again.
    pub async fn resume_session(&self, id: impl Into<String>, config: SessionConfig) -> Result<Session, SessionError> {
        self.open::<methods::SessionResume>(id.into(), config, false).await
    }

    /// A handle to a session that this client has open.
    pub fn session(&self, id: &str) -> Option<Session> {
        let shared = self.inner.router.get(id)?;
        Some(Session { shared, client: Arc::clone(&self.inner) })
    }

    /// Handles to all sessions that this client has open.
    pub fn sessions(&self) -> Vec<Session> {
        let all = self.inner.router.all().into_iter();
        all.map(|shared| Session { shared, client: Arc::clone(&self.inner) }).collect()
    }

    async fn open<M: Method>(&self, id: String, config: SessionConfig, create: bool) -> Result<Session, SessionError> {
        config.check()?;
        let inner = &self.inner;
        let shared = Shared::new(id, &config, Arc::clone(&inner.router.peer), create);
        let params = config.into_params(&shared.id, create)?;
        if !inner.router.add(&shared) {
            let reason = format!("session {} is open at this client already; use its handle", shared.id);
            return Err(SessionError::invalid("session_id", reason));
        }
        // Forgotten again when the call fails, or is dropped half-way.
        let unregister = Unregister { router: &inner.router, id: &shared.id, keep: false };
        let result: SessionCreateResult = inner
            .peer
            .call(M::NAME, &params)
            .await
            .map_err(|error| SessionError::from_call(M::NAME, Some(&shared.id), error))?;
        unregister.keep();
        if result.session_id != shared.id {
            tracing::warn!(asked = %shared.id, got = %result.session_id, "the server chose another session id");
        }
        if let Some(url) = result.remote_url {
            shared.update(|facts| facts.remote_url = Some(url));
        }
        // These tasks hold no client: they must not keep a CLI alive that hangs.
        if !create {
            tokio::spawn(pending::take_up(inner.peer.clone(), Arc::clone(&shared)));
        }
        if inner.always_remote {
            sharing::share_always(inner, &shared);
        }
        Ok(Session { shared, client: Arc::clone(inner) })
    }

    /// Ends everything in good order, within bounds: the sessions, then the CLI if this client
    /// started it, by force if it must be. Sessions that were resumed at a server which others may use
    /// are left running there. Doing it again is harmless.
    pub async fn stop(&self) {
        self.inner.stop().await;
    }

    /// Waits for the end of the connection and says why it ended.
    pub async fn closed(&self) -> CloseReason {
        self.inner.peer.closed().await
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.inner.peer.is_closed()
    }
}

impl ClientInner {
    async fn stop(&self) {
        let mut stopped = self.stopped.lock().await;
        if *stopped {
            return;
        }
        let ours = |shared: &Arc<Shared>| self.child.is_some() || shared.created;
        let ending = self.router.all().into_iter().filter(ours).map(|shared| async move {
            match tokio::time::timeout(DESTROY, session::destroy(self, &shared)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(session = %shared.id, %error, "not ended in good order"),
                Err(_) => tracing::warn!(session = %shared.id, "did not end in time"),
            }
        });
        join_all(ending).await;
        if let Some(sharer) = &self.sharer {
            Arc::clone(sharer).finish().await;
        }
        if let Some(child) = &self.child {
            let nothing = Empty::default();
            let asked = self.peer.call::<Empty>(methods::RuntimeShutdown::NAME, &nothing);
            if let Ok(Err(error)) = tokio::time::timeout(SHUTDOWN, asked).await {
                tracing::debug!(%error, "the CLI did not accept its shutdown");
            }
            let exit = child.stop().await;
            tracing::debug!(status = ?exit.status, "the CLI has ended");
        }
        self.peer.close();
        self.router.close();
        *stopped = true;
    }
}

impl Drop for ClientInner {
    fn drop(&mut self) {
        // The task that waits for the end holds a peer of its own.
        self.peer.close();
        self.router.close();
    }
}

/// Takes a session out of the router again, unless told to keep it.
struct Unregister<'a> {
    router: &'a Router,
    id: &'a str,
    keep: bool,
}

impl Unregister<'_> {
    fn keep(mut self) {
        self.keep = true;
    }
}

impl Drop for Unregister<'_> {
    fn drop(&mut self) {
        if !self.keep {
            if let Some(shared) = self.router.get(self.id) {
                shared.close();
            }
            self.router.remove(self.id);
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.inner.server)
            .field("pid", &self.pid())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientInner").field("server", &self.server).finish_non_exhaustive()
    }
}
