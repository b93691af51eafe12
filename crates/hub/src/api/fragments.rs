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
}

/// `GET page/older?before=N`: the part of the transcript before an item.
pub(super) async fn older(
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    Query(place): Query<Before>,
) -> Result<Response, Failure> {
    let live = find(&app, &key).await?;
    let before = number("before", place.before.as_deref(), u64::MAX)?;
    let drawn = tokio::task::spawn_blocking(move || web::older(&live.lock().view, before)).await;
    let drawn = drawn.map_err(|_| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be drawn"))?;
    Ok(Json(drawn).into_response())
}

/// `GET page/picture/{item}/{index}`: a picture of a tool's answer.
pub(super) async fn picture(
    State(app): State<Arc<App>>,
    Path((key, item, index)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let live = find(&app, &key).await?;
    let place = item.parse().ok().zip(index.parse().ok());
    let image = place.and_then(|(item, index)| live.lock().view.image(item, index).cloned());
    let image = image.ok_or_else(Failure::not_found)?;
    let headers = [
        (header::CONTENT_TYPE, image.media_type),
        // Opened by itself it is a picture and nothing else, either.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, image.bytes.to_vec()).into_response())
}
