//! All sessions of the hub, for who holds the hub's own link.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive};
use axum::response::{IntoResponse, Json, Response};
use futures::stream;
use groundlink_protocol::api::{
    Device, SessionEdit, SessionEntry, SessionGone, SessionList, problem, sessions_sse, sse,
};
use serde::Deserialize;
use tokio::sync::watch;

use super::stream::{last_event_id, named, ping, respond, too_many};
use super::{MAX_PAGE, PAGE, Range, Who, arrived, intent, number};
use crate::live::{BoardChange, DeleteError, StreamGuard};
use crate::problem::Failure;
use crate::server::App;
use crate::web;

/// Changes of the list are at least this far apart, so that a burst becomes one.
const STEP: Duration = Duration::from_millis(150);
/// The longest name.
const MAX_NAME: usize = 120;

/// Whether this is the hub's link. A wrong one is answered like a wrong path.
pub(super) fn check(app: &App, key: &str) -> Result<(), Failure> {
    app.sessions.keys.is_hub_secret(key).then_some(()).ok_or_else(Failure::not_found)
}

/// `GET sessions?after=&limit=`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    Query(range): Query<Range>,
) -> Result<Response, Failure> {
    check(&app, &key)?;
    let limit: usize = number("limit", range.limit.as_deref(), PAGE as usize)?;
    let limit = limit.clamp(1, MAX_PAGE as usize);
    let mut list = everything(&app);
    if let Some(after) = range.after.as_deref().filter(|after| !after.is_empty()) {
        let after = Rank::parse(after)
            .ok_or_else(|| Failure::new(StatusCode::BAD_REQUEST, "`after` must be what `next` said".to_owned()))?;
        list.sessions.retain(|entry| Rank::of(entry) > after);
    }
    if list.sessions.len() > limit {
        list.sessions.truncate(limit);
        list.next = list.sessions.last().map(|entry| Rank::of(entry).to_string());
    }
    Ok(Json(list).into_response())
}

/// A session's place in the list, which stays the same whatever happens to it and to the others.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(std::cmp::Reverse<u64>, String);

impl Rank {
    fn of(entry: &SessionEntry) -> Self {
        Self(std::cmp::Reverse(entry.created_at_ms), entry.session_id.clone())
    }

    fn parse(text: &str) -> Option<Self> {
        let (at, id) = text.split_once('.')?;
        Some(Self(std::cmp::Reverse(at.parse().ok()?), id.to_owned()))
    }
}

impl std::fmt::Display for Rank {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0.0, self.1)
    }
}

fn everything(app: &App) -> SessionList {
    let (sessions, cursor) = app.sessions.board.all();
    let mut sessions: Vec<SessionEntry> = sessions.iter().map(|entry| app.listed(entry)).collect();
    sessions.sort_by_cached_key(Rank::of);
    SessionList { sessions, cursor, next: None }
}

/// `GET audit?after=&limit=`: what was done in sessions that were deleted.
pub(super) async fn kept_audit(
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    Query(range): Query<Range>,
) -> Result<Response, Failure> {
    check(&app, &key)?;
    let (after, limit) = range.read()?;
    Ok(Json(app.sessions.store.kept_audit(after, limit).await?).into_response())
}

#[derive(Debug, Deserialize)]
pub(super) struct Place {
    cursor: Option<String>,
}

/// A viewer's place in the changes.
struct Following {
    app: Arc<App>,
    cursor: String,
    news: watch::Receiver<u64>,
    ready: VecDeque<Event>,
    /// The page's stream: its rows, not their data.
    drawn: bool,
    first: bool,
    _stream: StreamGuard,
}

/// `GET sessions/stream`
pub(super) async fn follow(
    app: State<Arc<App>>,
    key: Path<String>,
    place: Query<Place>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    open(app, &key, place, &headers, false)
}

/// `GET page/stream`
pub(super) async fn page(
    app: State<Arc<App>>,
    key: Path<String>,
    place: Query<Place>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    open(app, &key, place, &headers, true)
}

fn open(
    State(app): State<Arc<App>>,
    key: &str,
    Query(place): Query<Place>,
    headers: &HeaderMap,
    drawn: bool,
) -> Result<Response, Failure> {
    check(&app, key)?;
    let guard = app.sessions.open_hub_stream().ok_or_else(too_many)?;
    let cursor = last_event_id(headers).map(str::to_owned).or(place.cursor).unwrap_or_default();
    let news = app.sessions.board.watch();
    let following =
        Following { app: app.clone(), cursor, news, ready: VecDeque::new(), drawn, first: true, _stream: guard };
    let events = stream::unfold(following, |mut following| async {
        let event = following.next().await?;
        Some((event, following))
    });
    Ok(respond(&app, events, if drawn { ping() } else { KeepAlive::new() }))
}

impl Following {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if !std::mem::take(&mut self.first) {
                self.news.changed().await.ok()?;
                tokio::time::sleep(STEP).await;
            }
            self.news.borrow_and_update();
            let since = self.app.sessions.board.since(&self.cursor);
            if self.drawn && (since.all || !since.new.is_empty()) {
                let (app, all) = (self.app.clone(), since.all);
                // Off the async threads: after a restart these are all sessions, for each page.
                let drawn = tokio::task::spawn_blocking(move || named(sse::PATCH, &drawn(&app, all, since.new))).await;
                self.ready.push_back(drawn.ok()?.id(since.cursor.clone()));
            } else if since.all {
                let all = everything(&self.app);
                self.ready.push_back(named(sessions_sse::SESSIONS, &all).id(all.cursor.clone()));
                self.cursor = all.cursor;
                continue;
            } else {
                for (cursor, what) in since.new {
                    let event = match what {
                        BoardChange::Changed(entry) => named(sessions_sse::SESSION, &self.app.listed(&entry)),
                        BoardChange::Gone(session_id) => named(sessions_sse::GONE, &SessionGone { session_id }),
                    };
                    self.ready.push_back(event.id(cursor));
                }
            }
            self.cursor = since.cursor;
        }
    }
}

/// The rows of what has changed.
fn drawn(app: &App, all: bool, new: Vec<(String, BoardChange)>) -> web::ListChange {
    let mut change = web::ListChange { all, rows: Vec::new(), gone: Vec::new() };
    for (_, what) in new {
        match what {
            BoardChange::Changed(entry) => change.rows.push(web::list_row(&app.listed(&entry))),
            BoardChange::Gone(id) => change.gone.push(id),
        }
    }
    change
}

/// `PATCH sessions/{id}`
pub(super) async fn edit(
    State(app): State<Arc<App>>,
    Path((key, id)): Path<(String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Failure> {
    check(&app, &key)?;
    let edit: SessionEdit = serde_json::from_slice(&arrived(body)?).map_err(|e| {
        Failure::new(StatusCode::UNPROCESSABLE_ENTITY, format!("the body is not a change of a session: {e}"))
    })?;
    intent::check_device(edit.device.as_ref())?;
    if edit.name.as_deref().is_some_and(|name| name.chars().count() > MAX_NAME) {
        let detail = format!("a name has at most {MAX_NAME} characters");
        return Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    let entry = app.sessions.edit(&id, edit).await?.ok_or_else(Failure::not_found)?;
    Ok(Json(app.listed(&entry)).into_response())
}

/// `DELETE sessions/{id}`
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Path((key, id)): Path<(String, String)>,
    Query(who): Query<Who>,
) -> Result<StatusCode, Failure> {
    check(&app, &key)?;
    let device = who.device.map(|id| Device { id, name: who.device_name });
    intent::check_device(device.as_ref())?;
    match app.sessions.delete(&id, device).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(DeleteError::NotThere) => Err(Failure::not_found()),
        Err(DeleteError::Store(error)) => Err(Failure::store(&error)),
        Err(error @ DeleteError::Connected) => {
            Err(Failure::new(StatusCode::CONFLICT, error.to_string()).with_kind(problem::STILL_CONNECTED))
        }
    }
}
