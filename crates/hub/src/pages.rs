//! What a browser loads: the session's page, its files, and the page that says that there is nothing.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::get;
use groundlink_protocol::api::{LinkInfo, SessionEntry};

use crate::problem::Failure;
use crate::server::App;
use crate::web::{self, ListContext, PageContext};

/// The routes. The first two are the forms that the CLI makes of a link, the third is ours, and short; the fourth leads
/// to all sessions.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/{owner}/{repo}/tasks/{key}", get(by_repository))
        .route("/copilot/tasks/{key}", get(by_key))
        .route("/t/{key}", get(by_key))
        .route("/t/{key}/app.webmanifest", get(manifest))
        .route("/h/{key}", get(all_sessions))
        .route("/h/{key}/app.webmanifest", get(list_manifest))
        .route("/assets/{*path}", get(file))
}

async fn by_repository(
    app: State<Arc<App>>,
    Path((_, _, key)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    link(&app, &key, &headers).await
}

async fn by_key(app: State<Arc<App>>, Path(key): Path<String>, headers: HeaderMap) -> Response {
    link(&app, &key, &headers).await
}

async fn link(app: &App, key: &str, headers: &HeaderMap) -> Response {
    let live = match app.sessions.by_link(key).await {
        Ok(Some(live)) => live,
        Ok(None) => return nothing(headers),
        Err(error) => return Failure::store(&error).into_response(),
    };
    let api_base = app.api_base(key);
    if !wants_html(headers) {
        return Json(LinkInfo { api: api_base, session_id: live.id.clone() }).into_response();
    }
    let link_url = app.link(key);
    let qr = app.qr.map(|draw| draw(&link_url));
    drawn(move || {
        let inner = live.lock();
        web::page(&inner.view, &PageContext { api_base, epoch: inner.epoch.clone(), link_url, qr })
    })
    .await
}

/// All sessions, for who holds the hub's own link.
async fn all_sessions(State(app): State<Arc<App>>, Path(key): Path<String>, headers: HeaderMap) -> Response {
    if !app.sessions.keys.is_hub_secret(&key) {
        return nothing(&headers);
    }
    let (entries, cursor) = app.sessions.board.all();
    let link_url = app.hub_link();
    let qr = app.qr.map(|draw| draw(&link_url));
    let context = ListContext { api_base: app.hub_api_base(), cursor, link_url, qr };
    let entries: Vec<SessionEntry> = entries.iter().map(|entry| app.listed(entry)).collect();
    drawn(move || web::list(&entries, &context)).await
}

/// Draws a page off the async threads: a long one takes its time.
async fn drawn(draw: impl FnOnce() -> String + Send + 'static) -> Response {
    match tokio::task::spawn_blocking(draw).await {
        Ok(page) => html(StatusCode::OK, page),
        Err(_) => Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be drawn").into_response(),
    }
}

/// By this the page can be installed as an app.
async fn manifest(app: State<Arc<App>>, Path(key): Path<String>, headers: HeaderMap) -> Response {
    match app.sessions.by_link(&key).await {
        Ok(Some(live)) => {
            let manifest = web::manifest(&live.lock().view, &key);
            ([(header::CONTENT_TYPE, "application/manifest+json")], manifest).into_response()
        }
        Ok(None) => nothing(&headers),
        Err(error) => Failure::store(&error).into_response(),
    }
}

/// The same for the page of all sessions.
async fn list_manifest(app: State<Arc<App>>, Path(key): Path<String>, headers: HeaderMap) -> Response {
    if !app.sessions.keys.is_hub_secret(&key) {
        return nothing(&headers);
    }
    ([(header::CONTENT_TYPE, "application/manifest+json")], web::list_manifest(&key)).into_response()
}

/// Whether the client is to get a page: it asks for one, or for nothing in particular and not for JSON.
fn wants_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("text/html") || !accept.contains("json")
}

fn html(status: StatusCode, page: String) -> Response {
    let mut response = (status, Html(page)).into_response();
    let policy = HeaderValue::from_static(web::CONTENT_SECURITY_POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// The answer for everything that is not there: the same for a link that does not exist (any more) and for any
/// other path.
fn nothing(headers: &HeaderMap) -> Response {
    if wants_html(headers) {
        html(StatusCode::NOT_FOUND, web::not_found())
    } else {
        Failure::not_found().into_response()
    }
}

/// For paths without a route.
pub(crate) async fn fallback(request: Request) -> Response {
    if request.uri().path().starts_with("/api/") || request.uri().path().starts_with("/mc/") {
        return Failure::not_found().into_response();
    }
    nothing(request.headers())
}

async fn file(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = web::asset(&path) else { return nothing(&headers) };
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|tags| tags.as_bytes() == asset.etag.as_bytes());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, asset.content_type)], asset.bytes).into_response()
    };
    // Their address changes with their content.
    let cache = HeaderValue::from_static("public, max-age=31536000, immutable");
    response.headers_mut().insert(header::CACHE_CONTROL, cache);
    if let Ok(tag) = HeaderValue::from_str(&asset.etag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
