//! The exporter's door: the Mission Control wire, as the Copilot CLI speaks it, with the bridge's extensions.
//!
//! What is peculiar here is so because of how the CLI takes the answers: 400 or 404 to an upload ends its link for
//! good, 409 or 422 to an attachment makes it come back without its id, 404 to the question for a session makes
//! it send everything again, and 429 to a poll makes it ask again after one second instead of three.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use groundlink_protocol::mc;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ingest::{Skipped, Upload};
use crate::live::now;
use crate::problem::Failure;
use crate::server::App;

/// The CLI uploads whole conversations and system prompts, and file contents several times over.
const MAX_BODY: usize = 32 << 20;
/// Uploads above this size are read off the async threads.
const BIG_BODY: usize = 64 << 10;
/// The longest hold that an exporter may ask for.
const MAX_WAIT: u64 = 60;
/// How the CLI names itself.
const CLI_INTEGRATION: &str = "copilot-developer-cli";
/// How groundlink's bridge names itself.
const BRIDGE_INTEGRATION: &str = "groundlink-bridge";

/// The routes, to be put under a prefix.
pub(crate) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route("/sessions", post(attach))
        .route("/sessions/{id}", get(look_up).delete(remove))
        .route("/sessions/{id}/events", post(upload))
        .route("/sessions/{id}/commands", get(commands))
        .route("/tasks/{task}", get(sharing).patch(share))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(app.clone(), authenticate))
}

/// Lets exporters with the hub's own token in. Any other token is forgotten at once: it may be somebody's GitHub
/// token.
async fn authenticate(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    match token {
        Some(token) if app.sessions.keys.is_export_token(token) => next.run(request).await,
        _ => Failure::new(
            StatusCode::UNAUTHORIZED,
            "this is not the hub's export token: set COPILOT_MC_ACCESS_TOKEN to the token that the hub shows at its \
             start (your GitHub token does not belong here)",
        )
        .with_header(header::WWW_AUTHENTICATE, "Bearer")
        .into_response(),
    }
}

/// A name for the session that is safe in a path. A safe one stays as it is; the same unsafe one always gives the
/// same.
fn safe_id(id: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
    if (1..=128).contains(&id.len()) && id.chars().all(safe) && !id.chars().all(|c| c == '.') {
        return id.to_owned();
    }
    let hash = Sha256::digest(id.as_bytes());
    format!("s-{}", data_encoding::HEXLOWER.encode(&hash[..16]))
}

async fn attach(State(app): State<Arc<App>>, body: Result<Bytes, BytesRejection>) -> Result<Response, Failure> {
    let request: mc::AttachRequest = serde_json::from_slice(&read(body)?)
        .map_err(|e| Failure::new(StatusCode::BAD_REQUEST, format!("the body is not an attachment: {e}")))?;
    let id = match request.id.as_deref() {
        Some(id) if !id.is_empty() => safe_id(id),
        _ => uuid::Uuid::new_v4().to_string(),
    };
    let live = app.sessions.by_id_or_new(&id).await?;
    live.attached(request.exporter).await?;
    let key = live.link.expose_secret();
    let response = mc::AttachResponse {
        url: Some(app.link(key)),
        last_event_id: live.last_event_id(),
        ..mc::AttachResponse::new(id, key)
    };
    Ok(Json(response).into_response())
}

async fn look_up(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = safe_id(&id);
    let Some(live) = app.sessions.by_id(&id).await? else { return Err(Failure::not_found()) };
    if live.wants_replay().await? {
        return Err(Failure::not_found());
    }
    live.touch().await?;
    let key = live.link.expose_secret();
    let response = mc::AttachResponse { last_event_id: live.last_event_id(), ..mc::AttachResponse::new(id, key) };
    Ok(Json(response).into_response())
}

async fn remove(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    if let Some(live) = app.sessions.by_id(&safe_id(&id)).await? {
        live.close().await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// What an upload did.
#[derive(Debug, Serialize)]
struct Stored {
    stored: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<Skipped>,
}

async fn upload(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Failure> {
    let received_at = now();
    let body = read(body)?;
    let id = safe_id(&id);
    let live = if is_bridge(&headers) {
        // It attaches again and sends everything. Taken in, it would go on with the end of a session that is lost.
        app.sessions.by_id(&id).await?.ok_or_else(Failure::not_found)?
    } else {
        // A session that the hub does not know (any more) is made from its upload.
        app.sessions.by_id_or_new(&id).await?
    };
    let big = body.len() > BIG_BODY;
    let parse = {
        let (app, live) = (app.clone(), live.clone());
        move || Upload::parse(&body, &app.sessions.secrets(&live))
    };
    let parsed = if big {
        let task = tokio::task::spawn_blocking(parse);
        task.await.map_err(|_| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the upload could not be read"))?
    } else {
        parse()
    };
    // Not 400, which would end the CLI's link for good.
    let upload = parsed.map_err(|detail| Failure::new(StatusCode::UNPROCESSABLE_ENTITY, detail))?;
    let skipped = upload.skipped.clone();
    if !skipped.is_empty() {
        tracing::warn!(count = skipped.len(), "an upload holds events that are none");
    }
    let stored = live.upload(upload, received_at).await?;
    Ok(Json(Stored { stored, skipped }).into_response())
}

#[derive(Debug, Deserialize)]
struct Wait {
    /// Seconds that the exporter is ready to wait.
    wait: Option<String>,
}

async fn commands(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Query(Wait { wait }): Query<Wait>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let Some(live) = app.sessions.by_id(&safe_id(&id)).await? else { return Err(Failure::not_found()) };
    let asked: Option<u64> = wait.and_then(|seconds| seconds.parse().ok());
    let hold = asked.map_or(app.sessions.timing.hold, |seconds| Duration::from_secs(seconds.min(MAX_WAIT)));
    match live.poll(hold, &app.sessions.shutdown).await? {
        // From here to the socket nothing waits, so that a client that is known to be gone gets nothing.
        Some(hand_out) => Ok(Json(mc::CommandsResponse::new(hand_out.sent())).into_response()),
        None if asked.is_none() && is_cli(&headers) => {
            // The CLI asks again after one second, instead of three after an empty answer.
            Ok((StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "0")]).into_response())
        }
        None => Ok(Json(mc::CommandsResponse::new(Vec::new())).into_response()),
    }
}

/// Whether this is the CLI, or somebody who does not say.
fn is_cli(headers: &HeaderMap) -> bool {
    headers.get("copilot-integration-id").is_none_or(|id| id == CLI_INTEGRATION)
}

/// Whether this is groundlink's bridge, which knows what to do about a session that is lost.
fn is_bridge(headers: &HeaderMap) -> bool {
    headers.get("copilot-integration-id").is_some_and(|id| id == BRIDGE_INTEGRATION)
}

async fn sharing(State(app): State<Arc<App>>, Path(task): Path<String>) -> Result<Response, Failure> {
    let Some(live) = app.sessions.by_link(&task).await? else { return Err(Failure::not_found()) };
    Ok(Json(status(live.lock().shared)).into_response())
}

async fn share(
    State(app): State<Arc<App>>,
    Path(task): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Failure> {
    let wanted: mc::SharingStatus = serde_json::from_slice(&read(body)?)
        .map_err(|e| Failure::new(StatusCode::BAD_REQUEST, format!("the body is not a sharing status: {e}")))?;
    let Some(live) = app.sessions.by_link(&task).await? else { return Err(Failure::not_found()) };
    let shared = match wanted.sharing_status {
        mc::SharingState::Shared => true,
        mc::SharingState::Unshared => false,
        mc::SharingState::Unknown(word) => {
            let detail = format!("`{word}` is no sharing status: say `shared` or `unshared`");
            return Err(Failure::new(StatusCode::BAD_REQUEST, detail));
        }
    };
    live.set_shared(shared).await?;
    Ok(Json(status(shared)).into_response())
}

fn status(shared: bool) -> mc::SharingStatus {
    mc::SharingStatus::new(if shared { mc::SharingState::Shared } else { mc::SharingState::Unshared })
}

fn read(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Failure> {
    body.map_err(|rejection| match rejection.status() {
        // The CLI halves its batch and tries again.
        StatusCode::PAYLOAD_TOO_LARGE => Failure::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is bigger than {} MiB; send fewer events at a time", MAX_BODY >> 20),
        ),
        // The body broke off; nobody is there to read this.
        _ => Failure::new(StatusCode::SERVICE_UNAVAILABLE, "the body did not arrive in full; send it again"),
    })
}
