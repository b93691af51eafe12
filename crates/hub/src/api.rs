//! The viewer's door: the JSON API behind a link. The link's secret is the right to use it.

mod fragments;
mod hubs;
mod intent;
mod openapi;
mod push;
mod schemas;
mod stream;
mod table;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use groundlink_protocol::api::{CommandAction, Device, EventPage, SequencedEvent, problem};
use serde::Deserialize;

use crate::live::Live;
use crate::problem::Failure;
use crate::server::App;

/// Room for a long message with its JSON around it.
const MAX_BODY: usize = 512 << 10;
/// Events in a page, if the client does not say.
const PAGE: u32 = 200;
/// Events in a page at most.
const MAX_PAGE: u32 = 1_000;

/// The routes, to be put under `/api/v1`.
pub(crate) fn routes() -> Router<Arc<App>> {
    table::OPERATIONS
        .iter()
        .fold(Router::new(), |router, operation| router.route(operation.path, (operation.handler)()))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

/// The session behind a link. A wrong link is answered like a wrong path.
async fn find(app: &App, key: &str) -> Result<Arc<Live>, Failure> {
    app.sessions.by_link(key).await?.ok_or_else(Failure::not_found)
}

async fn snapshot(State(app): State<Arc<App>>, Path(key): Path<String>) -> Result<Response, Failure> {
    Ok(Json(find(&app, &key).await?.snapshot()).into_response())
}

#[derive(Debug, Deserialize)]
struct Range {
    after: Option<String>,
    limit: Option<String>,
}

impl Range {
    /// After which number, and how many.
    fn read(&self) -> Result<(u64, u32), Failure> {
        let after = number("after", self.after.as_deref(), 0)?;
        let limit = number("limit", self.limit.as_deref(), PAGE)?;
        Ok((after, limit.clamp(1, MAX_PAGE)))
    }
}

/// Reads a number of the query.
fn number<T: std::str::FromStr>(name: &str, text: Option<&str>, default: T) -> Result<T, Failure> {
    match text {
        None | Some("") => Ok(default),
        Some(text) => text.parse().map_err(|_| {
            Failure::new(StatusCode::BAD_REQUEST, format!("`{name}` must be a whole number that is not negative"))
        }),
    }
}

async fn events(
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    Query(range): Query<Range>,
) -> Result<Response, Failure> {
    let live = find(&app, &key).await?;
    let (after, limit) = range.read()?;
    let stored = app.sessions.store.events(live.n, after, limit).await?;
    // What was stored after this moment is told by `last_seq` only from the next page on.
    let (last_seq, epoch, trimmed_before) = {
        let inner = live.lock();
        let last_seq = inner.last_seq.max(stored.last().map_or(0, |e| e.seq));
        (last_seq, inner.log_epoch.clone(), inner.trimmed_before)
    };
    let events = stored.into_iter().map(|e| SequencedEvent { seq: e.seq, event: e.event.raw().to_owned() });
    Ok(Json(EventPage { events: events.collect(), last_seq, epoch, trimmed_before }).into_response())
}

async fn submit(
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Failure> {
    let live = find(&app, &key).await?;
    let intent = intent::read(&arrived(body)?)?;
    pace(&live, matches!(intent.action, CommandAction::Abort {}))?;
    let (receipt, new) = live.submit(intent).await?;
    let status = if new { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(receipt)).into_response())
}

fn arrived(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Failure> {
    body.map_err(|rejection| {
        let detail = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => format!("a command is at most {} KiB big", MAX_BODY >> 10),
            _ => "the body did not arrive in full".to_owned(),
        };
        Failure::new(rejection.status(), detail)
    })
}

/// Refuses commands that come too fast.
fn pace(live: &Live, is_abort: bool) -> Result<(), Failure> {
    if live.may_command(is_abort) {
        return Ok(());
    }
    let detail = "commands come too fast; wait a moment";
    Err(Failure::new(StatusCode::TOO_MANY_REQUESTS, detail)
        .with_kind(problem::TOO_FAST)
        .with_header(header::RETRY_AFTER, "1"))
}

async fn edit(
    State(app): State<Arc<App>>,
    Path((key, id)): Path<(String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Failure> {
    let live = find(&app, &key).await?;
    let edit = intent::read_edit(&arrived(body)?)?;
    pace(&live, false)?;
    Ok(Json(live.edit(id, edit).await?).into_response())
}

/// Who takes a command back. In the query: a `DELETE` has no body to speak of.
#[derive(Debug, Deserialize)]
struct Who {
    device: Option<String>,
    device_name: Option<String>,
}

async fn cancel(
    State(app): State<Arc<App>>,
    Path((key, id)): Path<(String, String)>,
    Query(who): Query<Who>,
) -> Result<Response, Failure> {
    let live = find(&app, &key).await?;
    let device = who.device.map(|id| Device { id, name: who.device_name });
    intent::check_device(device.as_ref())?;
    pace(&live, false)?;
    Ok(Json(live.cancel(id, device).await?).into_response())
}

async fn audit(
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    Query(range): Query<Range>,
) -> Result<Response, Failure> {
    let live = find(&app, &key).await?;
    let (after, limit) = range.read()?;
    let page = app.sessions.store.audit_page(live.n, after, limit).await?;
    Ok(Json(page).into_response())
}

async fn receipt(State(app): State<Arc<App>>, Path((key, id)): Path<(String, String)>) -> Result<Response, Failure> {
    let receipt = find(&app, &key).await?.receipt(&id).await?.ok_or_else(Failure::not_found)?;
    Ok(Json(receipt).into_response())
}
