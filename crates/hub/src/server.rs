//! A running hub: its start, its handle, its end.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use groundlink_protocol::api::SessionEntry;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use url::Url;

use crate::error::HubError;
use crate::keys::{Keys, restrict};
use crate::live::{ApiLimits, Retention, SessionSummary, Sessions, Timing};
use crate::problem::Failure;
use crate::push::{Push, PushSettings};
use crate::store::Store;
use crate::{api, pages, wire};

/// Where the exporter's door is.
const EXPORT_PATH: &str = "mc";
/// The file whose lock says that a hub works with a data directory.
const LOCK_FILE: &str = "hub.lock";
/// How long connections may take to end at a shutdown.
const GRACE: Duration = Duration::from_secs(3);

/// What the routes share.
pub(crate) struct App {
    pub(crate) sessions: Arc<Sessions>,
    /// Where people and exporters find the hub; ends without a slash.
    url: String,
    /// The path of `url`, for addresses within the site.
    prefix: String,
    /// Draws a link.
    pub(crate) qr: Option<fn(&str) -> String>,
    /// Notifies those who are not at a page.
    pub(crate) push: Option<Arc<Push>>,
}

impl App {
    /// The short form of a link.
    pub(crate) fn link(&self, key: &str) -> String {
        format!("{}/t/{key}", self.url)
    }

    /// The page of all sessions.
    pub(crate) fn hub_link(&self) -> String {
        format!("{}/h/{}", self.url, self.sessions.keys.hub_secret().expose_secret())
    }

    /// The base of the API of all sessions.
    pub(crate) fn hub_api_base(&self) -> String {
        format!("{}/api/v1/hubs/{}", self.prefix, self.sessions.keys.hub_secret().expose_secret())
    }

    /// A session as the list tells it, with its link.
    pub(crate) fn listed(&self, entry: &SessionEntry) -> SessionEntry {
        SessionEntry { link: self.link(self.sessions.link(&entry.session_id).expose_secret()), ..entry.clone() }
    }

    /// The base of a link's API. Without a host, so that it works under whatever name the hub was reached.
    pub(crate) fn api_base(&self, key: &str) -> String {
        format!("{}/api/v1/links/{key}", self.prefix)
    }
}

/// The entry: [`Hub::builder`].
#[derive(Debug)]
pub struct Hub(());

impl Hub {
    /// Starts to describe a hub.
    pub fn builder() -> HubBuilder {
        HubBuilder {
            data_dir: None,
            listen: "127.0.0.1:0".to_owned(),
            public_url: None,
            timing: Timing::default(),
            retention: Retention::default(),
            qr: None,
            push: None,
        }
    }
}

/// Describes a hub that is to be started.
#[derive(Debug, Clone)]
#[must_use]
pub struct HubBuilder {
    data_dir: Option<PathBuf>,
    listen: String,
    public_url: Option<Url>,
    timing: Timing,
    retention: Retention,
    qr: Option<fn(&str) -> String>,
    push: Option<PushSettings>,
}

impl HubBuilder {
    /// Where everything is kept. Made if it does not exist, and closed to other users. Required.
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// The address to listen on, as `host:port`. Port 0 takes any free one. Default: `127.0.0.1:0`.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = address.into();
        self
    }

    /// The address under which people reach the hub, if it is not the one it listens on: that of a reverse proxy
    /// (a path prefix is kept; the proxy cuts it off), or the machine's in the local network.
    pub fn public_url(mut self, url: impl Into<Option<Url>>) -> Self {
        self.public_url = url.into();
        self
    }

    /// How long a command that was handed to an exporter is nobody else's. Default: 15 s. The CLI may take 10 s to
    /// acknowledge, so that less is for tests only.
    pub fn command_lease(mut self, lease: Duration) -> Self {
        self.timing.lease = lease;
        self
    }

    /// How long a poll for commands is held. Default: 8 s. The CLI gives up after 10 s, and a command that is
    /// answered later is delivered a lease later.
    pub fn poll_hold(mut self, hold: Duration) -> Self {
        self.timing.hold = hold;
        self
    }

    /// After how much silence an exporter counts as offline. Default: 30 s. The CLI is silent for 11 s at most.
    pub fn presence_timeout(mut self, timeout: Duration) -> Self {
        self.timing.presence = timeout;
        self
    }

    /// How much of the sessions is kept. Default: see [`Retention`].
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// How much of the hub the holders of links may use at a time. Default: see [`ApiLimits`].
    pub fn api_limits(mut self, limits: ApiLimits) -> Self {
        self.timing.limits = limits;
        self
    }

    /// How a link is drawn as a QR code, as an SVG element, for people who hand their page on to a phone. The hub draws
    /// none itself; without this its pages show the link in words only.
    pub fn qr(mut self, draw: fn(&str) -> String) -> Self {
        self.qr = Some(draw);
        self
    }

    /// Lets people be notified by Web Push. The hub makes no requests of its own, so the program that runs it hands over
    /// what makes them; without this its pages do not offer it.
    pub fn push(mut self, settings: impl Into<Option<PushSettings>>) -> Self {
        self.push = settings.into();
        self
    }

    /// Starts the hub. When this returns, it takes connections.
    pub async fn start(self) -> Result<HubHandle, HubError> {
        let dir = self.data_dir.ok_or(HubError::NoDataDir)?;
        if let Some(url) = &self.public_url {
            check_public_url(url)?;
        }
        let lock = prepare_dir(&dir)?;
        let listener = listen(&self.listen).await?;
        let local_addr =
            listener.local_addr().map_err(|source| HubError::Listen { address: self.listen.clone(), source })?;
        let keys = Keys::open(&dir)?;
        let export_token = keys.export_token().clone();
        let store = Store::open(&dir).await?;
        let shutdown = CancellationToken::new();
        let sessions = Sessions::open(store.clone(), keys, self.timing, shutdown.clone())
            .await
            .map_err(|source| HubError::Database { path: dir.clone(), source })?;
        let url = self.public_url.unwrap_or_else(|| local_url(local_addr));
        let push = match &self.push {
            Some(settings) => {
                let opened = Push::open(sessions.clone(), settings, url.as_str()).await;
                Some(opened.map_err(|source| HubError::Database { path: dir.clone(), source })?)
            }
            None => None,
        };
        let app = Arc::new(App {
            sessions: sessions.clone(),
            url: url.as_str().trim_end_matches('/').to_owned(),
            prefix: url.path().trim_end_matches('/').to_owned(),
            qr: self.qr,
            push: push.clone(),
        });
        let push = push.map(|push| tokio::spawn(push.run()));
        let clock = tokio::spawn(sessions.clone().run_clock());
        let server = tokio::spawn(serve(listener, router(&app), shutdown.clone()));
        let retention = tokio::spawn(sessions.clone().run_retention(self.retention));
        let running = Running { server, clock, retention, push, store, _lock: lock };
        Ok(HubHandle {
            inner: Arc::new(Inner {
                url,
                export_base: format!("{}/{EXPORT_PATH}", app.url),
                export_token,
                sessions_link: app.hub_link().into(),
                local_addr,
                sessions,
                shutdown,
                running: tokio::sync::Mutex::new(Some(running)),
            }),
        })
    }
}

/// What ends with the hub.
struct Running {
    server: JoinHandle<()>,
    clock: JoinHandle<()>,
    retention: JoinHandle<()>,
    push: Option<JoinHandle<()>>,
    store: Store,
    _lock: std::fs::File,
}

struct Inner {
    url: Url,
    export_base: String,
    export_token: SecretString,
    sessions_link: SecretString,
    local_addr: SocketAddr,
    sessions: Arc<Sessions>,
    shutdown: CancellationToken,
    running: tokio::sync::Mutex<Option<Running>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// A running hub. When the last clone is dropped, the hub stops; [`shutdown`](Self::shutdown) also waits for it.
#[derive(Clone)]
pub struct HubHandle {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for HubHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubHandle").field("url", &self.inner.url.as_str()).finish_non_exhaustive()
    }
}

impl HubHandle {
    /// Where people reach the hub.
    pub fn url(&self) -> &Url {
        &self.inner.url
    }

    /// The base of the Mission Control wire, for exporters: `COPILOT_MC_BASE_URL`.
    pub fn export_base(&self) -> Url {
        // The parts were a URL before.
        Url::parse(&self.inner.export_base).unwrap_or_else(|_| self.inner.url.clone())
    }

    /// What exporters must show: `COPILOT_MC_ACCESS_TOKEN`. It stays the same as long as the data directory.
    pub fn export_token(&self) -> &SecretString {
        &self.inner.export_token
    }

    /// The link to the page of all sessions. Whoever has it can watch, steer, rename and delete every one of them. It
    /// stays the same as long as the data directory and the address.
    pub fn sessions_link(&self) -> &SecretString {
        &self.inner.sessions_link
    }

    /// The address the hub listens on, with its real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.inner.local_addr
    }

    /// The environment that makes a Copilot CLI, whoever starts it, export its sessions to this hub. The values
    /// include the export token.
    pub fn environment(&self) -> Vec<(String, String)> {
        let frontend = self.inner.url.as_str().trim_end_matches('/').to_owned();
        [
            ("COPILOT_MC_BASE_URL", self.inner.export_base.clone()),
            ("COPILOT_MC_FRONTEND_URL", frontend),
            ("COPILOT_MC_ACCESS_TOKEN", self.inner.export_token.expose_secret().to_owned()),
            // Any numbers: without them the CLI asks GitHub for a repository's.
            ("COPILOT_MC_REPO_IDS", "1,1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Follows a session, also one that does not exist yet. Must be called in the hub's runtime.
    pub fn watch(&self, session_id: &str) -> watch::Receiver<SessionSummary> {
        self.inner.sessions.watch(session_id)
    }

    /// Stops the hub: takes no more connections, ends streams and held polls, writes what is to be written. Calling
    /// it again waits for the same end.
    pub async fn shutdown(&self) {
        self.inner.shutdown.cancel();
        let mut running = self.inner.running.lock().await;
        let Some(Running { server, clock, retention, push, store, _lock }) = running.take() else { return };
        let abort = server.abort_handle();
        if tokio::time::timeout(GRACE, server).await.is_err() {
            abort.abort();
        }
        // It ends by the same token.
        let _ = clock.await;
        let _ = retention.await;
        if let Some(push) = push {
            let _ = push.await;
        }
        self.inner.sessions.keep_cards().await;
        store.close().await;
    }
}

async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    // A router by itself would be copied for every connection, with all its routes.
    let serving = axum::serve(listener, router.into_make_service()).with_graceful_shutdown(shutdown.cancelled_owned());
    if let Err(error) = serving.await {
        tracing::error!(%error, "the hub's server ended");
    }
}

fn router(app: &Arc<App>) -> Router {
    Router::new()
        .nest(&format!("/{EXPORT_PATH}"), wire::routes(app))
        .nest("/api/v1", api::routes())
        .merge(pages::routes())
        .fallback(pages::fallback)
        .method_not_allowed_fallback(async || {
            Failure::new(StatusCode::METHOD_NOT_ALLOWED, "this path is not used with this method")
        })
        .layer(CatchPanicLayer::custom(|_| {
            Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the hub has a bug; its log may say more").into_response()
        }))
        .layer(middleware::from_fn(finish))
        .with_state(app.clone())
}

/// What every answer has, and what is logged of a request. Not its path: it may hold a link.
async fn finish(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = readable(next.run(request).await);
    let route = route.as_ref().map_or("(none)", MatchedPath::as_str);
    tracing::debug!(%method, route, status = response.status().as_u16(), "answered");
    let headers = response.headers_mut();
    for (name, value) in [
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Words for the refusals that come from below the routes, such as a path that is not UTF-8.
fn readable(response: Response) -> Response {
    let plain = response.headers().get(header::CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"text/plain"));
    if response.status().is_client_error() && plain {
        return Failure::new(response.status(), "the path or the query of this request cannot be read").into_response();
    }
    response
}

fn check_public_url(url: &Url) -> Result<(), HubError> {
    let fits = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    // Named without what may be a password.
    let shown = format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path());
    if fits { Ok(()) } else { Err(HubError::PublicUrl { url: shown }) }
}

/// Makes the directory this user's own, and claims it for this hub.
fn prepare_dir(dir: &Path) -> Result<std::fs::File, HubError> {
    let failed = |source| HubError::DataDir { path: dir.to_owned(), source };
    std::fs::create_dir_all(dir).map_err(failed)?;
    restrict(dir, 0o700).map_err(failed)?;
    let path = dir.join(LOCK_FILE);
    let lock = std::fs::File::options().create(true).append(true).open(&path).map_err(failed)?;
    restrict(&path, 0o600).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(HubError::InUse { path: dir.to_owned() }),
        Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}

async fn listen(address: &str) -> Result<TcpListener, HubError> {
    let resolved = tokio::net::lookup_host(address)
        .await
        .map_err(|source| HubError::ListenAddress { address: address.to_owned(), source })?;
    let addresses: Vec<SocketAddr> = resolved.collect();
    TcpListener::bind(addresses.as_slice()).await.map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => HubError::PortTaken { address: address.to_owned() },
        _ => HubError::Listen { address: address.to_owned(), source },
    })
}

/// The address to show for one that is listened on. All of a machine's addresses are shown as the loopback one.
fn local_url(address: SocketAddr) -> Url {
    let host = match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => "127.0.0.1".to_owned(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => "[::1]".to_owned(),
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    };
    let text = format!("http://{host}:{}/", address.port());
    Url::parse(&text).expect("a host and a port make a URL")
}
