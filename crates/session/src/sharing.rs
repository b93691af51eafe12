//! What this crate leaves to those who share sessions in other ways than the CLI's own exporter (a bridge), and what
//! both have in common: where the CLI would export to, who announces a link, and what has been announced.

use std::any::Any;
use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Weak};

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, SelectAll, Stream, StreamExt as _};
use groundlink_protocol::types::SessionLogParams;
use groundlink_protocol::{Method, methods};
use groundlink_transport::task;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::SessionError;
use crate::builder::ClientBuilder;
use crate::client::{Client, ClientInner};
use crate::launch;
use crate::remote::{self, RemoteMode, RemoteState};
use crate::router::Router;
use crate::session::Session;
use crate::shared::{Facts, Shared};
use crate::weak::WeakSession;

/// Shares the sessions of a client: takes the place of the CLI's own exporter where
/// [`ClientBuilder::remote`](crate::ClientBuilder::remote) asks for every session to be shared.
pub trait Sharer: Any + fmt::Debug + Send + Sync {
    /// A session was created or resumed by a client with `remote(true)`. Runs in a task of its own.
    fn share(self: Arc<Self>, session: WeakSession) -> BoxFuture<'static, ()>;

    /// The client's sessions have ended, and soon the client will have, too: the last moment to tell the other end.
    /// Must be bounded; the client waits for it.
    fn finish(self: Arc<Self>) -> BoxFuture<'static, ()>;
}

/// Where the CLI exports a session to, if it is asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportsTo {
    /// GitHub.
    GitHub,
    /// The server at this address, as `COPILOT_MC_BASE_URL` tells the CLI; without a slash at its end.
    Server(String),
    /// Somebody else started the CLI: its environment decides.
    Unknown,
}

/// Where the repository of a directory is, in the CLI's eyes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repository {
    /// `owner/name`, or whatever else its host calls it; `None` outside of repositories, and without a remote.
    pub name: Option<String>,
    /// Whether it is a clone of a repository on GitHub.
    pub on_github: bool,
}

/// A session whose link has changed, from [`Client::shared_sessions`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SharedSession {
    /// The session.
    pub session_id: String,
    /// Its state now.
    pub state: RemoteState,
}

/// `git.workingDirectoryContext`: what the CLI knows of a directory. What it says is also in `session.start`.
struct WorkingDirectoryContext;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DirectoryContext {
    repository: Option<String>,
    host_type: Option<String>,
}

impl Method for WorkingDirectoryContext {
    const NAME: &'static str = "git.workingDirectoryContext";
    type Params = Value;
    type Output = DirectoryContext;
}

/// `session.remote.notifySteerableChanged`: makes the CLI tell all clients that a session can, or cannot, be steered.
struct NotifySteerableChanged;

impl Method for NotifySteerableChanged {
    const NAME: &'static str = "session.remote.notifySteerableChanged";
    type Params = Value;
    type Output = Value;
}

impl Client {
    /// What the CLI takes a directory (an absolute path on its machine) for.
    pub async fn repository(&self, directory: &str) -> Result<Repository, SessionError> {
        self.call::<WorkingDirectoryContext>(&json!({"cwd": directory})).await.map(repository)
    }

    /// The sessions of this client that are shared, and how, whoever shares them: those that are at this moment, then
    /// every change. Keeps nothing alive; ends with the client.
    pub fn shared_sessions(&self) -> impl Stream<Item = SharedSession> + Send + Unpin + use<> {
        let follow = Follow {
            changed: self.inner.router.changes(),
            router: Arc::downgrade(&self.inner.router),
            known: HashSet::new(),
            states: SelectAll::new(),
            fresh: true,
        };
        Box::pin(stream::unfold(follow, async |mut follow| Some((follow.next().await?, follow))))
    }
}

/// The state of [`Client::shared_sessions`].
struct Follow {
    changed: watch::Receiver<u64>,
    router: Weak<Router>,
    known: HashSet<String>,
    states: SelectAll<BoxStream<'static, (String, Option<RemoteState>)>>,
    /// The list of sessions has not been looked at since it changed.
    fresh: bool,
}

impl Follow {
    async fn next(&mut self) -> Option<SharedSession> {
        loop {
            if self.fresh {
                self.fresh = false;
                for shared in self.router.upgrade()?.all() {
                    if self.known.insert(shared.id.clone()) {
                        self.states.push(named(&shared));
                    }
                }
            }
            tokio::select! {
                biased;
                Some((session_id, state)) = self.states.next(), if !self.states.is_empty() => {
                    if let Some(state) = state {
                        return Some(SharedSession { session_id, state });
                    }
                    // It is over; one of the same name is another one.
                    self.known.remove(&session_id);
                    self.fresh = true;
                }
                changed = self.changed.changed() => {
                    changed.ok()?;
                    self.fresh = true;
                }
            }
        }
    }
}

/// A session's states but for the one in which it begins, and `None` at its end.
fn named(shared: &Arc<Shared>) -> BoxStream<'static, (String, Option<RemoteState>)> {
    let id = shared.id.clone();
    let unshared = RemoteState { url: None, steerable: false, problem: None };
    let mut first = true;
    let states = states(shared).filter(move |state| {
        let skip = std::mem::take(&mut first) && *state == unshared;
        async move { !skip }
    });
    let end = stream::once(async { None });
    states.map(Some).chain(end).map(move |state| (id.clone(), state)).boxed()
}

/// The state now and whenever it changes. Holds nothing of the session but its news.
fn states(shared: &Arc<Shared>) -> impl Stream<Item = RemoteState> + Send + use<> {
    let next = async |(mut facts, last): (watch::Receiver<Facts>, Option<RemoteState>)| {
        loop {
            let state = RemoteState::of(&facts.borrow_and_update());
            if last.as_ref() != Some(&state) {
                return Some((state.clone(), (facts, Some(state))));
            }
            facts.changed().await.ok()?;
        }
    };
    stream::unfold((shared.watch_facts(), None), next)
}

impl Session {
    /// The url, and whether the other end may steer: now, and whenever it changes. Ends some time after the session.
    pub fn remote_states(&self) -> impl Stream<Item = RemoteState> + Send + Unpin + use<> {
        Box::pin(states(&self.shared))
    }

    /// Where the CLI would export this session to.
    pub fn exports_to(&self) -> &ExportsTo {
        &self.client.exports_to
    }

    /// Who shares the sessions of this client instead of the CLI, if it was given somebody.
    pub fn sharer(&self) -> Option<Arc<dyn Sharer>> {
        self.client.sharer.clone()
    }

    /// What the CLI takes this session's directory for; `None` where it does not say.
    pub async fn repository(&self) -> Option<Repository> {
        let directory = self.working_directory()?;
        let context = self.call::<WorkingDirectoryContext>(&json!({"cwd": directory})).await;
        context.map(repository).ok()
    }

    /// Fails where the session would be exported to GitHub and is not in a clone of a repository there. What cannot be
    /// found out is left to the CLI to decide.
    pub(crate) async fn check_repository(&self) -> Result<(), SessionError> {
        if *self.exports_to() != ExportsTo::GitHub {
            return Ok(());
        }
        match self.repository().await {
            Some(repository) if !repository.on_github => {
                Err(SessionError::NotOnGitHub { directory: self.working_directory().unwrap_or_default() })
            }
            _ => Ok(()),
        }
    }

    /// For exporters other than the CLI: announces where the session can be opened. All clients of the session get
    /// the same events as from the CLI's own exporter: `session.info` of type `remote` (ephemeral: the link is not kept
    /// with the session) and `session.remote_steerable_changed`.
    pub async fn announce_remote(&self, url: &str, steerable: bool) -> Result<(), SessionError> {
        let message = if steerable { "Remote control connected" } else { "Read-only remote session" };
        let params = SessionLogParams {
            kind: Some("remote".to_owned()),
            ephemeral: Some(true),
            url: Some(url.to_owned()),
            ..SessionLogParams::new(self.id(), message)
        };
        self.shared.update(|facts| {
            facts.remote_url = Some(url.to_owned());
            facts.remote_steerable = steerable;
            facts.remote_problem = None;
            facts.bridged = true;
        });
        self.call::<methods::SessionLog>(&params).await?;
        if steerable { self.notify_steerable(true).await } else { Ok(()) }
    }

    /// For exporters other than the CLI: takes back [`announce_remote`](Self::announce_remote).
    pub async fn withdraw_remote(&self) -> Result<(), SessionError> {
        let was = self.remote_state();
        self.shared.update(|facts| {
            facts.remote_url = None;
            facts.remote_steerable = false;
            facts.bridged = false;
        });
        // As with the CLI's own exporter, the same event ends what was shared to watch only.
        if was.url.is_some() && !self.is_over() { self.notify_steerable(false).await } else { Ok(()) }
    }

    /// For those who share sessions: why this one is not shared, although it always should be. Until it is, it is in the
    /// session's [state](Self::remote_state).
    pub fn tell_remote_problem(&self, problem: Option<String>) {
        self.shared.update(|facts| facts.remote_problem = problem);
    }

    async fn notify_steerable(&self, steerable: bool) -> Result<(), SessionError> {
        let params = json!({"sessionId": self.id(), "remoteSteerable": steerable});
        self.call::<NotifySteerableChanged>(&params).await.map(drop)
    }
}

/// Always on: shares a session in the background, by whoever is there to do it.
pub(crate) fn share_always(client: &Arc<ClientInner>, shared: &Arc<Shared>) {
    if let Some(somebody) = &client.sharer {
        task::spawn(Arc::clone(somebody).share(WeakSession::new(shared, client)));
    } else {
        task::spawn(Box::pin(share_natively(Arc::clone(shared), client.exports_to == ExportsTo::GitHub)));
    }
}

/// After the connection to the CLI was restored: what the CLI exported, a new one has to be asked to export again, and no
/// more than it was. A bridge goes on by itself.
pub(crate) fn share_again(client: &ClientInner, shared: &Arc<Shared>) {
    let facts = shared.facts();
    let (linked, unknown) = (facts.remote_url.is_some(), client.exports_to == ExportsTo::Unknown);
    if linked && !facts.bridged && !unknown {
        let mode = if facts.remote_steerable { RemoteMode::On } else { RemoteMode::Export };
        task::spawn(Box::pin(remote::share_in_background(Arc::clone(shared), mode)));
    } else if !linked && client.always_remote && client.sharer.is_none() {
        task::spawn(Box::pin(share_natively(Arc::clone(shared), client.exports_to == ExportsTo::GitHub)));
    }
}

/// Where there is nothing to share with GitHub, nothing is said: whoever shares always means wherever it works. Holds no
/// client: it must not keep a CLI alive that hangs.
async fn share_natively(shared: Arc<Shared>, to_github: bool) {
    if let Some(directory) = shared.facts().cwd
        && to_github
    {
        let params = json!({"cwd": directory});
        let context = shared.line.call::<DirectoryContext>(WorkingDirectoryContext::NAME, &params).await;
        if context.is_ok_and(|context| !repository(context).on_github) {
            return tracing::debug!(session = %shared.id, directory, "not shared: not in a clone of a GitHub repository");
        }
    }
    remote::share_in_background(shared, RemoteMode::On).await;
}

impl ClientBuilder {
    /// Leaves it to somebody else than the CLI to share sessions; see [`Sharer`]. With one, `remote(true)` holds for
    /// servers that somebody else started, too.
    #[must_use]
    pub fn sharer(mut self, sharer: Arc<dyn Sharer>) -> Self {
        self.sharer = Some(sharer);
        self
    }

    /// Where the CLI exports to, by the environment that we give it.
    pub(crate) fn exports_to(&self, ours: bool) -> ExportsTo {
        let base = launch::export_base(self, |name| std::env::var_os(name));
        match base.as_deref().map(|base| base.trim_end_matches('/')) {
            _ if !ours => ExportsTo::Unknown,
            Some(base) if !base.is_empty() => ExportsTo::Server(base.to_owned()),
            _ => ExportsTo::GitHub,
        }
    }
}

fn repository(context: DirectoryContext) -> Repository {
    let on_github = context.host_type.as_deref() == Some("github") && context.repository.is_some();
    Repository { name: context.repository, on_github }
}
