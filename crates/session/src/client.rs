//! The client: one connection to one CLI.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, join_all};
use groundlink_protocol::types::{AuthGetStatusResult, SessionCreateResult};
use groundlink_protocol::{Empty, Method, methods};
use groundlink_transport::{CloseReason, task};
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::watch;
use uuid::Uuid;

use crate::SessionError;
use crate::builder::ClientBuilder;
use crate::config::SessionConfig;
use crate::connect::{Connection, Plan, Program, StartTimings, Way};
use crate::handshake::PROTOCOL_VERSION;
use crate::line::{ConnectionState, Connections};
use crate::reconnect::{self, Watch};
use crate::reopen::{self, Reopen};
use crate::router::Router;
use crate::session::{self, Session};
use crate::shared::Shared;
use crate::sharing::{ExportsTo, Sharer};
use crate::telemetry::Tracing;
use crate::{answers, asks, pending, sharing};

/// A connection to a Copilot CLI, which it started or found running. Cheap to clone.
///
/// The CLI that it started ends with [`stop`](Self::stop), and at the latest when the client and all
/// of its sessions are dropped.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<ClientInner>,
}

pub(crate) struct ClientInner {
    pub(crate) router: Arc<Router>,
    plan: Arc<Plan>,
    /// The connection in use; `None` while there is none. It is what keeps the connection, and the CLI that we started.
    connection: Mutex<Option<Connection>>,
    /// Share every session, always.
    pub(crate) always_remote: bool,
    /// Where the CLI exports to.
    pub(crate) exports_to: ExportsTo,
    /// Who shares sessions, if not the CLI alone.
    pub(crate) sharer: Option<Arc<dyn Sharer>>,
    /// Which trace the caller is in.
    pub(crate) trace_source: Option<Tracing>,
    /// What the CLI was told and nobody else is to see.
    pub(crate) secrets: Vec<SecretString>,
    /// True once the client is being stopped: no connection is to be restored any more.
    stopping: watch::Sender<bool>,
    /// Held while stopping; true once stopped.
    stopped: tokio::sync::Mutex<bool>,
}

impl Client {
    /// A client of the installed CLI; everything else has a default.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// The server's own version, such as `1.0.102`; `None` where it does not tell, or there is no connection now.
    pub fn version(&self) -> Option<String> {
        self.inner.lock().as_ref()?.server.version.clone()
    }

    /// The version of the protocol that the server speaks: there is one that is accepted.
    pub fn protocol_version(&self) -> u64 {
        self.inner.lock().as_ref().map_or(PROTOCOL_VERSION, |connection| connection.server.protocol_version)
    }

    /// The process id of the CLI, if this client started it and it runs.
    pub fn pid(&self) -> Option<u32> {
        self.inner.lock().as_ref()?.program.as_ref()?.pid()
    }

    /// The last lines the CLI wrote to stderr, if this client started it.
    pub fn output_tail(&self) -> String {
        let program = self.inner.lock().as_ref().and_then(|connection| connection.program.clone());
        program.map(|program| program.output_tail()).unwrap_or_default()
    }

    /// How long the start of the connection in use took; `None` while there is none.
    pub fn start_timings(&self) -> Option<StartTimings> {
        Some(self.inner.lock().as_ref()?.timings)
    }

    /// How the connection stands: now, and each change. Ends with the connection's final end.
    pub fn connections(&self) -> Connections {
        self.inner.router.line.watch()
    }

    /// How the connection stands at this moment.
    pub fn connection(&self) -> ConnectionState {
        self.inner.router.line.now()
    }

    /// Whether somebody is signed in, and who.
    pub async fn auth_status(&self) -> Result<AuthGetStatusResult, SessionError> {
        self.call::<methods::AuthGetStatus>(&Empty::default()).await
    }

    /// Calls any method.
    pub async fn call<M: Method>(&self, params: &M::Params) -> Result<M::Output, SessionError> {
        let failed = |error| SessionError::from_call(M::NAME, None, error);
        answers::check_call(M::NAME, params)?;
        self.inner.router.line.call(M::NAME, params).await.map_err(failed)
    }

    /// Makes a new session.
    pub async fn create_session(&self, config: SessionConfig) -> Result<Session, SessionError> {
        // The id is ours: events come before the answer, and have to find the session.
        let id = config.params.session_id.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
        self.open(methods::SessionCreate::NAME, id, config, true).await
    }

    /// Takes up a session again: a stored one, or one that is live at a server it shares with others.
    /// Handlers, provider and directories are not stored: give them again.
    pub async fn resume_session(&self, id: impl Into<String>, config: SessionConfig) -> Result<Session, SessionError> {
        self.open(methods::SessionResume::NAME, id.into(), config, false).await
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

    /// In a box, so that it is compiled here and not again in every program.
    fn open(
        &self,
        method: &'static str,
        id: String,
        config: SessionConfig,
        create: bool,
    ) -> BoxFuture<'_, Result<Session, SessionError>> {
        Box::pin(self.opening(method, id, config, create))
    }

    async fn opening(
        &self,
        method: &'static str,
        id: String,
        config: SessionConfig,
        create: bool,
    ) -> Result<Session, SessionError> {
        config.check()?;
        let inner = &self.inner;
        let mut config = config.traced(inner.trace_source.as_ref());
        if create && config.params.cloud.is_some() {
            return self.opening_at_github(config).await;
        }
        let line = Arc::clone(&inner.router.line);
        // Only where the connection may come back: params are large.
        let reopen = if inner.plan.can_return() { Some(Reopen::new(&mut config, &id)?) } else { None };
        let params = config.params_for(Some(&id), create)?;
        let shared = Shared::new(id, config, line, create, reopen);
        if !inner.router.add(&shared) {
            let reason = format!("session {} is open at this client already; use its handle", shared.id);
            return Err(SessionError::invalid("session_id", reason));
        }
        // Forgotten again when the call fails, or is dropped half-way.
        let unregister = Unregister { router: &inner.router, id: &shared.id, keep: false };
        let result: SessionCreateResult = inner
            .router
            .line
            .call(method, &params)
            .await
            .map_err(|error| SessionError::from_call(method, Some(&shared.id), error))?;
        unregister.keep();
        if result.session_id != shared.id {
            tracing::warn!(asked = %shared.id, got = %result.session_id, "the server chose another session id");
        }
        Ok(self.opened(shared, result, !create).await)
    }

    /// The id is known only with the answer: what has come for it until then is read from the session's log.
    async fn opening_at_github(&self, mut config: SessionConfig) -> Result<Session, SessionError> {
        let router = &self.inner.router;
        let method = methods::SessionCreate::NAME;
        let params = config.params_for(None, true)?;
        let answer = router.line.call(method, &params).await;
        let result: SessionCreateResult = answer.map_err(|error| SessionError::from_call(method, None, error))?;
        let id = result.session_id.clone();
        let reopen = if self.inner.plan.can_return() { Some(Reopen::new(&mut config, &id)?) } else { None };
        let shared = Shared::new(id, config, Arc::clone(&router.line), true, reopen);
        // What comes now waits for what came before.
        shared.interrupt();
        if !router.add(&shared) {
            let reason = format!("the server gave the id of a session that is open at this client: {}", shared.id);
            return Err(SessionError::invalid("session_id", reason));
        }
        let unregister = Unregister { router, id: &shared.id, keep: false };
        let peer = router.line.peer().await.map_err(|reason| SessionError::Closed { reason })?;
        shared.replay(reopen::missed(&peer, &shared).await?);
        unregister.keep();
        Ok(self.opened(shared, result, true).await)
    }

    /// The CLI has the session. `reconcile`: something may have been asked before this client was there to hear it.
    async fn opened(&self, shared: Arc<Shared>, result: SessionCreateResult, reconcile: bool) -> Session {
        let inner = &self.inner;
        shared.opened();
        if let Some(capabilities) = &result.capabilities {
            shared.update(|facts| facts.capabilities.change(capabilities));
        }
        for event_type in asks::interests(&shared.handlers) {
            let params = asks::interest(&shared.id, event_type);
            let called = inner.router.line.call::<Value>(asks::REGISTER_INTEREST, &params).await;
            if let Err(error) = called {
                tracing::warn!(session = %shared.id, event_type, ?error, "the CLI will not ask this client");
            }
        }
        shared.update(|facts| {
            facts.workspace = result.workspace_path;
            if let Some(url) = result.remote_url {
                facts.remote_url = Some(url);
            }
        });
        // These tasks hold no client: they must not keep a CLI alive that hangs.
        if reconcile {
            task::spawn(Box::pin(pending::reconcile(Arc::clone(&shared))));
        }
        if inner.always_remote {
            sharing::share_always(inner, &shared);
        }
        Session { shared, client: Arc::clone(inner) }
    }

    /// Ends everything in good order, within bounds: the sessions, then the CLI if this client
    /// started it, by force if it must be. Sessions that were resumed at a server which others may use
    /// are left running there. Doing it again is harmless.
    pub async fn stop(&self) {
        self.inner.stop().await;
    }

    /// Waits for the end of the connection and says why it ended. A loss that is [made good](ClientBuilder::reconnect)
    /// is no end.
    pub async fn closed(&self) -> CloseReason {
        self.inner.router.line.ended().await
    }

    /// Whether the connection has ended for good.
    pub fn is_closed(&self) -> bool {
        self.inner.router.line.is_over()
    }
}

impl ClientInner {
    /// Needs a tokio runtime: a task watches over the connection.
    pub(crate) fn new(
        router: Arc<Router>,
        plan: Arc<Plan>,
        connection: Connection,
        always_remote: bool,
        secrets: Vec<SecretString>,
    ) -> Arc<Self> {
        let peer = connection.peer.clone();
        let (stopping, stop) = watch::channel(false);
        let ours = matches!(plan.way, Way::Pipes(_) | Way::Server(..));
        let inner = Arc::new(Self {
            exports_to: plan.settings.exports_to(ours),
            sharer: plan.settings.sharer.clone(),
            trace_source: plan.settings.trace_source.clone(),
            router,
            plan,
            connection: Mutex::new(Some(connection)),
            always_remote,
            secrets,
            stopping,
            stopped: tokio::sync::Mutex::new(false),
        });
        let watch = Watch {
            client: Arc::downgrade(&inner),
            plan: Arc::clone(&inner.plan),
            router: Arc::clone(&inner.router),
            stopping: stop,
        };
        task::spawn(Box::pin(reconnect::watch_over(watch, peer)));
        inner
    }

    fn lock(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection is lost; what is left is the program behind it.
    pub(crate) fn lose_connection(&self) -> Option<Program> {
        self.lock().take()?.program
    }

    /// A new connection is to be used.
    pub(crate) fn install(&self, connection: Connection) {
        *self.lock() = Some(connection);
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.end())
    }

    async fn end(&self) {
        let mut stopped = self.stopped.lock().await;
        if *stopped {
            return;
        }
        let [destroy, shutdown, ..] = self.plan.stop_times();
        let program = self.lock().as_ref().and_then(|connection| connection.program.clone());
        let connected = self.lock().is_some();
        let ours = |shared: &Arc<Shared>| connected && (program.is_some() || shared.created);
        let ending = self.router.all().into_iter().filter(ours).map(|shared| async move {
            match tokio::time::timeout(destroy, session::destroy(self, &shared)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(session = %shared.id, %error, "not ended in good order"),
                Err(_) => tracing::warn!(session = %shared.id, "did not end in time"),
            }
        });
        join_all(ending).await;
        if let Some(sharer) = &self.sharer {
            Arc::clone(sharer).finish().await;
        }
        // From here on a lost connection stays lost.
        self.stopping.send_replace(true);
        // It may have been restored in the meantime, with another program.
        let (peer, program) = match &*self.lock() {
            Some(connection) => (Some(connection.peer.clone()), connection.program.clone()),
            None => (None, None),
        };
        if let Some(program) = program {
            if let Some(peer) = &peer {
                let asked = async { peer.call::<Empty>(methods::RuntimeShutdown::NAME, &Empty::default()).await };
                if let Ok(Err(error)) = tokio::time::timeout(shutdown, asked).await {
                    tracing::debug!(%error, "the CLI did not accept its shutdown");
                }
            }
            let exit = program.stop().await;
            tracing::debug!(status = ?exit.status, "the CLI has ended");
        }
        if let Some(peer) = peer {
            peer.close();
        }
        // The task that watches over the connection ends a program that it was about to start.
        self.router.line.ended().await;
        self.router.close();
        *stopped = true;
    }
}

impl Drop for ClientInner {
    fn drop(&mut self) {
        // The task that watches over the connection holds a peer of its own.
        if let Some(connection) = &*self.lock() {
            connection.peer.close();
        }
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
            .field("version", &self.version())
            .field("pid", &self.pid())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientInner").field("plan", &self.plan).finish_non_exhaustive()
    }
}
