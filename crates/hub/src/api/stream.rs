//! Streams of server-sent events.
//!
//! No stream has a queue of its own: the JSON stream follows the session's feed and goes back to the store when
//! it is too slow, the page's stream asks what is new since its own cursor. Every stream ends when the hub stops.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use groundlink_protocol::api::{PassingEvent, SequencedEvent, problem, sse};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{find, number};
use crate::live::{Feed, FeedItem, Live, StreamGuard};
use crate::problem::Failure;
use crate::server::App;
use crate::web::{ViewerCursor, patch_since};

/// How often an idle stream shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The first event of a page's stream: how many stored events the page is `behind`. The patch that brings them follows.
const HELLO: &str = "hello";
/// Patches of a page are at least this far apart, so that a burst becomes one.
const PATCH_STEP: Duration = Duration::from_millis(25);

#[derive(Debug, Deserialize)]
pub(super) struct Place {
    after: Option<String>,
    epoch: Option<String>,
    cursor: Option<String>,
}

/// Where an interrupted stream was; a browser says so by itself.
pub(super) fn last_event_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("last-event-id").and_then(|value| value.to_str().ok()).filter(|id| !id.is_empty())
}

fn open(app: &App, live: &Arc<Live>) -> Result<StreamGuard, Failure> {
    app.sessions.open_stream(live).ok_or_else(too_many)
}

/// The answer where too many streams are open.
pub(super) fn too_many() -> Failure {
    let detail = "too many streams are open at this hub; close some, or try again later";
    Failure::new(StatusCode::TOO_MANY_REQUESTS, detail)
        .with_kind(problem::TOO_MANY_STREAMS)
        .with_header(header::RETRY_AFTER, "10")
}

/// Signs of life for pages: a script cannot see comments; by these the page notices that its connection is dead.
pub(super) fn ping() -> KeepAlive {
    KeepAlive::new().event(Event::default().event("ping").data("{}"))
}

pub(super) fn respond(
    app: &App,
    events: impl Stream<Item = Event> + Send + 'static,
    keep_alive: KeepAlive,
) -> Response {
    let events = events.take_until(app.sessions.shutdown.clone().cancelled_owned()).map(Ok::<_, Infallible>);
    let sse = Sse::new(events).keep_alive(keep_alive.interval(KEEP_ALIVE));
    // Some proxies would else gather the stream until it ends.
    ([(HeaderName::from_static("x-accel-buffering"), "no")], sse).into_response()
}

pub(super) fn named(name: &str, data: &impl Serialize) -> Event {
    // Ours always serialise; were that ever wrong, an empty event does the least harm.
    Event::default().event(name).data(serde_json::to_string(data).unwrap_or_default())
}

/// What a JSON stream knows.
struct Following {
    live: Arc<Live>,
    feed: Feed,
    news: watch::Receiver<u64>,
    /// The state as sent last.
    told: String,
    _viewer: StreamGuard,
}

/// `GET events/stream`
pub(super) async fn events(
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    Query(place): Query<Place>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let live = find(&app, &key).await?;
    let (epoch, after) = match last_event_id(&headers).and_then(|id| id.rsplit_once(':')) {
        Some((epoch, after)) => (Some(epoch), Some(after)),
        None => (place.epoch.as_deref(), last_event_id(&headers).or(place.after.as_deref())),
    };
    let after = number("after", after, 0)?;
    let viewer = open(&app, &live)?;
    let mut news = live.watch_state();
    news.mark_changed();
    let following = Following { feed: live.feed(after, epoch), news, told: String::new(), _viewer: viewer, live };
    Ok(respond(
        &app,
        stream::unfold(following, |mut following| async {
            let event = following.next().await?;
            Some((event, following))
        }),
        KeepAlive::new(),
    ))
}

impl Following {
    async fn next(&mut self) -> Option<Event> {
        if self.told.is_empty() {
            self.news.mark_unchanged();
            return self.state();
        }
        loop {
            tokio::select! {
                // Events first: of many changes in a row only the last state matters.
                biased;
                item = self.feed.next() => return self.item(item),
                changed = self.news.changed() => {
                    changed.ok()?;
                    if self.live.lock().deleted {
                        return None;
                    }
                    if let Some(event) = self.state() {
                        return Some(event);
                    }
                }
            }
        }
    }

    fn item(&self, item: sqlx::Result<FeedItem>) -> Option<Event> {
        match item {
            Ok(FeedItem::Stored { seq, event }) => {
                let data = SequencedEvent { seq, event: event.raw().to_owned() };
                Some(named(sse::EVENT, &data).id(format!("{}:{seq}", self.feed.epoch())))
            }
            Ok(FeedItem::Epoch(change)) => Some(named(sse::EPOCH, &change).id(format!("{}:0", change.epoch))),
            Ok(FeedItem::Passing(event)) => Some(named(sse::DELTA, &PassingEvent { event: event.raw().to_owned() })),
            Err(error) => {
                // The client comes back with the number of its last event.
                tracing::warn!(%error, "a stream of events ends");
                None
            }
        }
    }

    fn state(&mut self) -> Option<Event> {
        let now = serde_json::to_string(&self.live.snapshot()).ok()?;
        if now == self.told {
            return None;
        }
        self.told.clone_from(&now);
        Some(Event::default().event(sse::STATE).data(now))
    }
}

/// What a page's stream knows.
struct Drawing {
    live: Arc<Live>,
    cursor: ViewerCursor,
    news: watch::Receiver<u64>,
    greeted: bool,
    first: bool,
    _viewer: StreamGuard,
}

/// `GET page/stream`
pub(super) async fn page(
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    Query(place): Query<Place>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let live = find(&app, &key).await?;
    let sent = last_event_id(&headers).or(place.cursor.as_deref());
    let cursor = ViewerCursor::resume(&live.lock().epoch, sent);
    let viewer = open(&app, &live)?;
    let drawing = Drawing { news: live.watch_view(), cursor, greeted: false, first: true, _viewer: viewer, live };
    Ok(respond(
        &app,
        stream::unfold(drawing, |mut drawing| async {
            let event = drawing.next().await?;
            Some((event, drawing))
        }),
        ping(),
    ))
}

impl Drawing {
    async fn next(&mut self) -> Option<Event> {
        if !std::mem::replace(&mut self.greeted, true) {
            let behind = self.cursor.behind(&self.live.lock().view);
            return Some(named(HELLO, &serde_json::json!({ "behind": behind })));
        }
        loop {
            if !std::mem::take(&mut self.first) {
                self.news.changed().await.ok()?;
                tokio::time::sleep(PATCH_STEP).await;
            }
            self.news.borrow_and_update();
            let patch = {
                let inner = self.live.lock();
                if inner.deleted {
                    return None;
                }
                if self.cursor.epoch() != inner.epoch {
                    self.cursor = ViewerCursor::new(&inner.epoch);
                }
                patch_since(&inner.view, &mut self.cursor)
            };
            if let Some(patch) = patch {
                return Some(named(sse::PATCH, &patch).id(self.cursor.to_string()));
            }
        }
    }
}
