//! The `OpenAPI` document, made of the table of operations and the schemas.

use std::sync::OnceLock;

use axum::http::header;
use axum::response::IntoResponse;
use groundlink_protocol::api::problem;
use serde_json::{Map, Value, json};

use super::schemas;
use super::table::{Answer, OPERATIONS, Operation};

/// The `type`s that a problem of the API may have; others are `about:blank`.
const PROBLEMS: [&str; 13] = [
    problem::NOT_PENDING,
    problem::WRONG_KIND,
    problem::DIGEST_MISMATCH,
    problem::ALREADY_ANSWERING,
    problem::NOT_STEERABLE,
    problem::NOT_SUPPORTED,
    problem::ENDED,
    problem::NOT_QUEUED,
    problem::TOO_MANY_COMMANDS,
    problem::TOO_FAST,
    problem::TOO_MANY_STREAMS,
    problem::STILL_CONNECTED,
    problem::TOO_MANY_SUBSCRIPTIONS,
];

/// `GET /openapi.json`
pub(super) async fn serve() -> impl IntoResponse {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| document().to_string());
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], text.as_str())
}

/// The document.
pub(super) fn document() -> Value {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = describe(operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "groundlink hub",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Watch and steer a session by its link, or see all sessions by the hub's link. The link's secret, in the path, is the right to do so. \
                Reading is lenient: ignore fields and words that you do not know.",
        },
        "servers": [{"url": "/api/v1"}],
        "paths": paths,
        "components": {"schemas": schemas::all()},
        "x-problem-types": PROBLEMS,
    })
}

fn describe(operation: &Operation) -> Value {
    let mut parameters: Vec<Value> = operation
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    parameters.extend(operation.query.iter().map(|parameter| {
        json!({"name": parameter.name, "in": "query", "description": parameter.about, "schema": {"type": parameter.kind}})
    }));
    let mut responses = Map::new();
    for (status, answer) in operation.answers {
        responses.insert(status.to_string(), success(answer));
    }
    // Whatever is asked: the link may be wrong, and the hub in trouble.
    let everywhere: &[u16] = if parameters.is_empty() { &[] } else { &[404, 503] };
    for status in operation.problems.iter().chain(everywhere) {
        responses.insert(status.to_string(), failure(*status));
    }
    let mut out = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "responses": responses,
    });
    if !parameters.is_empty() {
        out["parameters"] = parameters.into();
    }
    if let Some(body) = operation.body {
        out["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": reference(body)}}});
    }
    out
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn success(answer: &Answer) -> Value {
    let (about, kind, schema) = match answer {
        Answer::Json(name) => ("Done.", "application/json", reference(name)),
        Answer::Object => ("Done.", "application/json", json!({"type": "object"})),
        Answer::Picture => ("The picture.", "image/*", json!({"type": "string", "format": "binary"})),
        Answer::Nothing => return json!({"description": "Done."}),
        Answer::Events(about) => (*about, "text/event-stream", json!({"type": "string"})),
    };
    json!({"description": about, "content": {kind: {"schema": schema}}})
}

fn failure(status: u16) -> Value {
    let about = match status {
        400 => "The request cannot be read.",
        404 => "There is nothing: the link, the session or the command is not one.",
        409 => "The session is not as this needs it; `type` says how.",
        413 => "The body is too big.",
        422 => "A field does not fit.",
        429 => "Too much at once; `Retry-After` says when to go on.",
        _ => "The hub cannot read or write its database now; try again.",
    };
    json!({"description": about, "content": {"application/problem+json": {"schema": reference("Problem")}}})
}

#[cfg(test)]
mod tests;
