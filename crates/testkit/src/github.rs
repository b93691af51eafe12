//! A stand-in for the GitHub endpoints the Copilot CLI needs in order to be signed in.
//!
//! Of Mission Control it has only the door, which answers as it is told ([`StandInGithub::answer_sharing`]): the rest is
//! the hub's work. It has no model of its own: chat requests go on to the scripted model.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The model the account offers, and the one tests ask for.
pub const MODEL: &str = "claude-sonnet-4.5";
/// Who is signed in.
pub const LOGIN: &str = "octo";
/// Chat requests carry whole conversations; this is far above what a test sends.
const MAX_CHAT_BODY: usize = 32 * 1024 * 1024;

/// The running stand-in; it stops when dropped.
#[derive(Debug)]
pub struct StandInGithub {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    model: String,
    http: reqwest::Client,
    requests: Mutex<Vec<Seen>>,
    sharing: AtomicU16,
    account: AtomicU16,
    remote_control_off: AtomicBool,
    repository: AtomicU16,
}

/// One request the stand-in answered.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Path without query.
    pub path: String,
    /// The authorization header, as it came.
    pub authorization: Option<String>,
}

impl StandInGithub {
    /// Starts on a free loopback port; chat requests go to `model_base_url` (an OpenAI-style completions endpoint).
    ///
    /// # Errors
    ///
    /// When no loopback port can be opened.
    pub async fn start(model_base_url: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            address,
            model: model_base_url.trim_end_matches('/').to_owned(),
            // Whatever proxy the environment names is not for loopback.
            http: reqwest::Client::builder().no_proxy().build().map_err(std::io::Error::other)?,
            requests: Mutex::default(),
            sharing: AtomicU16::new(404),
            account: AtomicU16::new(200),
            remote_control_off: AtomicBool::new(false),
            repository: AtomicU16::new(200),
        });
        let router = Router::new()
            .route("/copilot_internal/user", get(account))
            .route("/models", get(models))
            .route("/user", get(user))
            .route("/repos/{owner}/{name}", get(repository))
            .route("/page", get(|| async { axum::response::Html("<h1>A page</h1>") }))
            .route("/agents/sessions", post(share))
            .route("/agents/sessions/{id}", get(shared_session).delete(shared_session))
            .route("/agents/sessions/{id}/events", post(shared_session))
            .route("/agents/sessions/{id}/commands", get(|| async { Json(json!({"commands": []})) }))
            .route("/chat/completions", post(chat))
            .fallback(|| async { (StatusCode::NOT_FOUND, Json(json!({"message": "Not Found"}))) })
            .layer(axum::middleware::from_fn_with_state(Arc::clone(&shared), note))
            .with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "the stand-in for GitHub stopped");
            }
        });
        Ok(Self { address, shared, task })
    }

    /// Its base address, for `COPILOT_API_URL` and `COPILOT_DEBUG_GITHUB_API_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The status with which it answers who wants to share a session from now on; 404 at first.
    pub fn answer_sharing(&self, status: u16) {
        self.shared.sharing.store(status, Ordering::Relaxed);
    }

    /// The status with which it answers who asks for the account; 200 at first.
    pub fn answer_account(&self, status: u16) {
        self.shared.account.store(status, Ordering::Relaxed);
    }

    /// The account is one for which a policy has switched remote control off.
    pub fn switch_remote_control_off(&self) {
        self.shared.remote_control_off.store(true, Ordering::Relaxed);
    }

    /// The status with which it answers who asks for a repository; 200 at first.
    pub fn answer_repository(&self, status: u16) {
        self.shared.repository.store(status, Ordering::Relaxed);
    }

    /// What it has been asked so far.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether anybody has shown it this token: proof that a canary was really in use.
    pub fn has_seen_token(&self, token: &str) -> bool {
        self.requests().iter().any(|seen| seen.authorization.as_deref().is_some_and(|value| value.contains(token)))
    }
}

impl Drop for StandInGithub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn note(State(shared): State<Arc<Shared>>, request: Request, next: axum::middleware::Next) -> Response {
    let authorization = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let seen = Seen { path: request.uri().path().to_owned(), authorization };
    shared.requests.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
    next.run(request).await
}

fn signed_in(headers: &HeaderMap) -> bool {
    headers.get(header::AUTHORIZATION).is_some_and(|value| !value.is_empty())
}

/// An answer other than success, if that is wanted.
fn refusal(status: &AtomicU16) -> Option<Response> {
    let status = StatusCode::from_u16(status.load(Ordering::Relaxed)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (!status.is_success()).then(|| (status, Json(json!({"message": "No, says the stand-in"}))).into_response())
}

async fn share(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> Response {
    let id = body["id"].as_str().or(body["agent_task_id"].as_str()).unwrap_or("minted").to_owned();
    refusal(&shared.sharing)
        .unwrap_or_else(|| (StatusCode::CREATED, Json(json!({"id": id, "task_id": "t-1"}))).into_response())
}

async fn shared_session(State(shared): State<Arc<Shared>>) -> Response {
    refusal(&shared.sharing).unwrap_or_else(|| Json(json!({})).into_response())
}

async fn account(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if let Some(refusal) = refusal(&shared.account) {
        return refusal;
    }
    if !signed_in(&headers) {
        return (StatusCode::UNAUTHORIZED, Json(json!({"message": "Bad credentials"}))).into_response();
    }
    let here = format!("http://{}", shared.address);
    let mut account = json!({
        "login": LOGIN,
        "copilot_plan": "individual_pro",
        "chat_enabled": true,
        "is_mcp_enabled": true,
        "analytics_tracking_id": "stand-in",
        "endpoints": {"api": here, "telemetry": here},
    });
    if shared.remote_control_off.load(Ordering::Relaxed) {
        account["cli_remote_control_enabled"] = false.into();
    }
    Json(account).into_response()
}

async fn models() -> Json<Value> {
    Json(groundlink_cli::scripted::model_list(MODEL, "stand-in"))
}

async fn user() -> Json<Value> {
    Json(json!({"login": LOGIN, "id": 7}))
}

async fn repository(State(shared): State<Arc<Shared>>, Path((owner, name)): Path<(String, String)>) -> Response {
    let found = Json(json!({
        "id": 42, "name": name, "full_name": format!("{owner}/{name}"), "private": false,
        "owner": {"id": 7, "login": owner},
    }));
    refusal(&shared.repository).unwrap_or_else(|| found.into_response())
}

/// Hands the request on and streams the answer back; when the CLI hangs up, the model's side is hung up too.
async fn chat(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    match forward(&shared, request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, Json(json!({"error": {"message": error}}))).into_response(),
    }
}

async fn forward(shared: &Shared, request: Request) -> Result<Response, String> {
    let body = axum::body::to_bytes(request.into_body(), MAX_CHAT_BODY).await.map_err(|error| error.to_string())?;
    let answer = shared
        .http
        .post(format!("{}/chat/completions", shared.model))
        .header(header::CONTENT_TYPE, "application/json")
        .body(body)
        .send()
        .await
        .map_err(|error| error.to_string())?;
    let mut response = Response::builder().status(answer.status());
    for name in [header::CONTENT_TYPE, header::RETRY_AFTER] {
        if let Some(value) = answer.headers().get(&name) {
            response = response.header(name, value);
        }
    }
    response.body(Body::from_stream(answer.bytes_stream())).map_err(|error| error.to_string())
}
