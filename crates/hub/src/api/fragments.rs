//! Parts of a page that it asks for when somebody looks at them.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde::Deserialize;

use super::{find, number};
use crate::problem::Failure;
use crate::server::App;
use crate::web;

#[derive(Debug, Deserialize)]
pub(super) struct Before {
    before: Option<String>,
    until: Option<String>,
}

/// `GET page/older?before=N&until=S`: the part of the transcript before an item, from the view or from the log.
pub(super) async fn older(
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    Query(place): Query<Before>,
) -> Result<Response, Failure> {
    let live = find(&app, &key).await?;
    let before = number("before", place.before.as_deref(), u64::MAX)?;
    let until = number("until", place.until.as_deref(), u64::MAX)?;
    let viewed = live.clone();
    if let Some(older) = drawn(move || web::older(&viewed.lock().view, before)).await? {
        return Ok(Json(older).into_response());
    }
    let (trimmed, last) = {
        let inner = live.lock();
        // Who does not say so means what is before the view.
        let last = if place.until.is_some() { until } else { inner.view.gone() };
        (inner.trimmed_before, last)
    };
    let past = live.past(last).await?;
    let older = drawn(move || web::older_past(&past, before, last, trimmed)).await?;
    Ok(Json(older).into_response())
}

/// Draws off the async threads.
async fn drawn<T: Send + 'static>(draw: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    let failed = |_| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be drawn");
    tokio::task::spawn_blocking(draw).await.map_err(failed)
}

#[derive(Debug, Deserialize)]
pub(super) struct Told {
    event: Option<String>,
}

/// `GET page/picture/{item}/{index}?event=S`: a picture of a tool's answer or of a message, by its item's number or by
/// the event that told of it.
pub(super) async fn picture(
    State(app): State<Arc<App>>,
    Path((key, item, index)): Path<(String, String, String)>,
    Query(told): Query<Told>,
) -> Result<Response, Failure> {
    let live = find(&app, &key).await?;
    let (Ok(item), Ok(index)) = (item.parse::<u64>(), index.parse::<usize>()) else { return Err(Failure::not_found()) };
    let event = told.event.as_deref().map(|event| number("event", Some(event), 0)).transpose()?;
    let (kept, beyond) = {
        let view = &live.lock().view;
        let kept = match event {
            Some(event) => view.image_of(event, index),
            None => view.image(item, index),
        };
        (kept.cloned(), event.filter(|event| *event <= view.gone()))
    };
    let image = match (kept, beyond) {
        (None, Some(event)) => live.past(event).await?.image_of(event, index).cloned(),
        (kept, _) => kept,
    };
    let image = image.ok_or_else(Failure::not_found)?;
    let headers = [
        (header::CONTENT_TYPE, image.media_type),
        // Opened by itself it is a picture and nothing else, either.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, image.bytes.to_vec()).into_response())
}
