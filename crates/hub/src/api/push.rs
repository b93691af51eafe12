//! Who is notified by Web Push, and which pages are looked at: at a session's link, and at the hub's own.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use groundlink_protocol::api::{FocusReport, PushSetup, PushSubscription, problem};
use serde::de::DeserializeOwned;

use super::{App, arrived, find, hubs, intent, pace};
use crate::problem::Failure;
use crate::push::{Push, PushError, Scope};

/// The longest name of a page.
const MAX_PAGE: usize = 64;

type Body = Result<Bytes, BytesRejection>;

/// The place that a link's key leads to. Changes of subscriptions count as commands do.
async fn link(app: &App, key: &str, changes: bool) -> Result<Scope, Failure> {
    let live = find(app, key).await?;
    if changes {
        pace(&live, false)?;
    }
    Ok(Scope::Session(live.n, live.id.clone()))
}

fn hub(app: &App, key: &str) -> Result<Scope, Failure> {
    hubs::check(app, key).map(|()| Scope::Hub)
}

fn push(app: &App) -> Result<&Arc<Push>, Failure> {
    app.push.as_ref().ok_or_else(|| Failure::new(StatusCode::NOT_FOUND, "this hub sends no notifications"))
}

/// `GET links/{key}/push`
pub(super) async fn setup_of_link(State(app): State<Arc<App>>, Path(key): Path<String>) -> Result<Response, Failure> {
    link(&app, &key, false).await?;
    setup(&app)
}

/// `GET hubs/{key}/push`
pub(super) async fn setup_of_hub(State(app): State<Arc<App>>, Path(key): Path<String>) -> Result<Response, Failure> {
    hub(&app, &key)?;
    setup(&app)
}

fn setup(app: &App) -> Result<Response, Failure> {
    Ok(Json(PushSetup { public_key: push(app)?.public_key().to_owned() }).into_response())
}

/// `GET links/{key}/push/{id}`
pub(super) async fn state_of_link(
    State(app): State<Arc<App>>,
    Path((key, id)): Path<(String, String)>,
) -> Result<Response, Failure> {
    state(&app, &link(&app, &key, false).await?, &id)
}

/// `GET hubs/{key}/push/{id}`
pub(super) async fn state_of_hub(
    State(app): State<Arc<App>>,
    Path((key, id)): Path<(String, String)>,
) -> Result<Response, Failure> {
    state(&app, &hub(&app, &key)?, &id)
}

fn state(app: &App, scope: &Scope, id: &str) -> Result<Response, Failure> {
    let state = push(app)?.subscribed(scope, id).ok_or_else(Failure::not_found)?;
    Ok(Json(state).into_response())
}

/// `PUT links/{key}/push/{id}`
pub(super) async fn subscribe_to_link(
    State(app): State<Arc<App>>,
    Path((key, id)): Path<(String, String)>,
    body: Body,
) -> Result<Response, Failure> {
    let scope = link(&app, &key, true).await?;
    subscribe(&app, scope, &id, body).await
}

/// `PUT hubs/{key}/push/{id}`
pub(super) async fn subscribe_to_hub(
    State(app): State<Arc<App>>,
    Path((key, id)): Path<(String, String)>,
    body: Body,
) -> Result<Response, Failure> {
    let scope = hub(&app, &key)?;
    subscribe(&app, scope, &id, body).await
}

async fn subscribe(app: &App, scope: Scope, id: &str, body: Body) -> Result<Response, Failure> {
    let push = push(app)?;
    let said: PushSubscription = read(body, "a subscription")?;
    intent::check_device(Some(&said.device))?;
    Ok(Json(push.subscribe(scope, id, said).await?).into_response())
}

/// `DELETE links/{key}/push/{id}`
pub(super) async fn unsubscribe_from_link(
    State(app): State<Arc<App>>,
    Path((key, id)): Path<(String, String)>,
) -> Result<StatusCode, Failure> {
    let scope = link(&app, &key, true).await?;
    unsubscribe(&app, &scope, &id).await
}

/// `DELETE hubs/{key}/push/{id}`
pub(super) async fn unsubscribe_from_hub(
    State(app): State<Arc<App>>,
    Path((key, id)): Path<(String, String)>,
) -> Result<StatusCode, Failure> {
    let scope = hub(&app, &key)?;
    unsubscribe(&app, &scope, &id).await
}

async fn unsubscribe(app: &App, scope: &Scope, id: &str) -> Result<StatusCode, Failure> {
    // One that is not there is what was wanted.
    push(app)?.unsubscribe(scope, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT links/{key}/focus`
pub(super) async fn focus_of_link(
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    body: Body,
) -> Result<StatusCode, Failure> {
    focus(&app, &link(&app, &key, false).await?, body)
}

/// `PUT hubs/{key}/focus`
pub(super) async fn focus_of_hub(
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    body: Body,
) -> Result<StatusCode, Failure> {
    focus(&app, &hub(&app, &key)?, body)
}

fn focus(app: &App, scope: &Scope, body: Body) -> Result<StatusCode, Failure> {
    let push = push(app)?;
    let report: FocusReport = read(body, "a report of focus")?;
    intent::check_device(Some(&report.device))?;
    if report.page.is_empty() || report.page.chars().count() > MAX_PAGE {
        let detail = format!("`page` must have 1 to {MAX_PAGE} characters");
        return Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    push.focus(scope, report);
    Ok(StatusCode::NO_CONTENT)
}

/// Reads a body. What serde says of one that does not fit may hold a part of it; a subscription is a secret.
fn read<T: DeserializeOwned>(body: Body, what: &str) -> Result<T, Failure> {
    serde_json::from_slice(&arrived(body)?).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        if error.is_data() {
            let detail = format!("the body is not {what}: a field is missing or does not fit at {place}");
            return Failure::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
        }
        Failure::new(StatusCode::BAD_REQUEST, format!("the body is not {what}: it is not JSON at {place}"))
    })
}

impl From<PushError> for Failure {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Store(source) => Self::store(&source),
            PushError::Unfit(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
            PushError::TooMany => {
                Self::new(StatusCode::CONFLICT, error.to_string()).with_kind(problem::TOO_MANY_SUBSCRIPTIONS)
            }
        }
    }
}
