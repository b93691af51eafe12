//! The viewer against a small stand-in for a hub, and against things that are no hub.

use axum::extract::{Path, Query};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::*;
use crate::protocol::api::{CommandState, Delivery, SessionStatus};

async fn serve(app: Router) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    Url::parse(&url).unwrap()
}

fn problem(status: u16, detail: &str) -> axum::response::Response {
    let status = axum::http::StatusCode::from_u16(status).unwrap();
    (status, Json(json!({"type": "about:blank", "title": "Oh", "status": status.as_u16(), "detail": detail})))
        .into_response()
}

fn snapshot() -> Value {
    json!({"session_id": "s", "status": "idle", "presence": {"online": true}, "steerable": true,
           "pending": [], "last_seq": 2, "viewers": 1})
}

/// A hub with one link, `/t/good`.
fn hub() -> Router {
    let event = |id: &str| json!({"id": id, "type": "user.message", "data": {"content": id}});
    let stream = move |Query(query): Query<std::collections::HashMap<String, String>>| async move {
        assert_eq!((query["after"].as_str(), query["epoch"].as_str()), ("1", "e"));
        let text = format!(
            "event: state\ndata: {}\n\n: keep-alive\n\nid: 2\nevent: event\ndata: {}\n\nevent: event\ndata: broken\n\n\
             event: news\ndata: {{}}\n\nevent: delta\ndata: {}\n\n",
            snapshot(),
            json!({"seq": 2, "event": event("e2")}),
            json!({"event": event("d")}),
        );
        ([("content-type", "text/event-stream")], text)
    };
    let link = |headers: HeaderMap| async move {
        assert_eq!(headers["accept"], "application/json");
        Json(json!({"api": "/api/v1/links/good", "session_id": "s"}))
    };
    let command = |Json(intent): Json<Value>| async move {
        if intent["type"] == "abort" {
            return problem(409, "nothing is running");
        }
        Json(json!({"id": "c1", "client_id": intent["client_id"], "type": intent["type"], "state": "accepted"}))
            .into_response()
    };
    let receipt = |Path(id): Path<String>| async move {
        Json(json!({"id": id, "client_id": "x", "type": "user_message", "state": "applied"}))
    };
    Router::new()
        .route("/t/good", get(link))
        .route("/api/v1/links/good", get(|| async { Json(snapshot()) }))
        .route("/api/v1/links/good/events/stream", get(stream))
        .route("/api/v1/links/good/commands", post(command))
        .route("/api/v1/links/good/commands/{id}", get(receipt))
        .route("/t/elsewhere", get(|| async { Json(json!({"api": "http://192.0.2.1/x", "session_id": "s"})) }))
        .route("/t/html", get(|| async { axum::response::Html("<html>") }))
        .fallback(|| async { problem(404, "there is nothing here") })
}

#[tokio::test]
async fn a_link_is_followed() {
    let base = serve(hub()).await;
    // With a slash too many, as links get when they are copied.
    let viewer = Viewer::open(&base.join("/t/good/").unwrap()).await.unwrap();
    assert_eq!(viewer.snapshot().await.unwrap().status, SessionStatus::Idle);

    let receipt = viewer
        .post(CommandAction::UserMessage { content: "hi".into(), delivery: Delivery::Queue }, None)
        .await
        .unwrap();
    assert_eq!(receipt.state, CommandState::Accepted);
    assert_eq!(viewer.settled(receipt).await.unwrap().state, CommandState::Applied);
    let error = viewer.post(CommandAction::Abort {}, None).await.unwrap_err();
    assert_eq!(error.to_string(), "nothing is running");

    let updates: Vec<_> = viewer.updates(1, "e").await.unwrap().map(Result::unwrap).collect().await;
    let [Update::State(_), Update::Event(2, event), Update::Passing(delta)] = &updates[..] else {
        panic!("{updates:?}")
    };
    assert_eq!((event.id(), delta.id()), ("e2", "d"));
}

#[tokio::test]
async fn what_is_no_link_is_said_plainly_and_without_the_secret() {
    let base = serve(hub()).await;
    let dead = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        Url::parse(&format!("http://{}/t/s3cret", listener.local_addr().unwrap())).unwrap()
    };
    let mut errors = Vec::new();
    let links = ["/t/s3cret", "/t/html", "/t/elsewhere", "/h/s3cret"].map(|path| base.join(path).unwrap());
    for link in links.into_iter().chain([dead]) {
        let text = Viewer::open(&link).await.unwrap_err().to_string();
        assert!(!text.contains("s3cret"), "{text}");
        errors.push(text.replace(&host_of(&link), "[HOST]"));
    }
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn hosts() {
    for (link, want) in [("http://h/t/k", "h"), ("https://h:8443/t/k", "h:8443"), ("http://[::1]:3/t/k", "[::1]:3")] {
        assert_eq!(host_of(&Url::parse(link).unwrap()), want);
    }
}
