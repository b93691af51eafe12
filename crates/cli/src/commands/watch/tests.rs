use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;
use url::Url;

use super::*;
use crate::protocol::Event;

fn state(status: &str) -> Value {
    json!({"session_id": "s", "title": "Tests", "status": status, "presence": {"online": true}, "cwd": "/p",
           "model": "m", "steerable": true, "pending": [], "last_seq": 2, "viewers": 1})
}

fn event(id: &str) -> Value {
    json!({"id": id, "type": "user.message", "data": {"content": id}})
}

fn message(kind: &str, data: &Value) -> String {
    format!("event: {kind}\ndata: {data}\n\n")
}

/// A hub whose stream breaks off twice, and which then is gone together with its session. Notes what is asked for.
async fn breaking_hub(asked: Arc<Mutex<Vec<String>>>) -> Url {
    async fn stream(
        State(asked): State<Arc<Mutex<Vec<String>>>>,
        Query(query): Query<HashMap<String, String>>,
    ) -> impl IntoResponse {
        let nth = {
            let mut asked = asked.lock().unwrap();
            asked.push(query["after"].clone());
            asked.len()
        };
        let numbered = |seq: u64| message("event", &json!({"seq": seq, "event": event(&format!("e{seq}"))}));
        let text = match nth {
            1 => message("state", &state("idle")) + &numbered(1) + &numbered(2),
            2 => return axum::http::StatusCode::SERVICE_UNAVAILABLE.into_response(),
            // It repeats one, which must not be shown twice.
            _ => numbered(2) + &numbered(3) + &message("state", &state("ended")),
        };
        ([("content-type", "text/event-stream")], text).into_response()
    }
    let app = Router::new()
        .route("/t/k", get(|| async { Json(json!({"api": "/api", "session_id": "s"})) }))
        .route("/api/events/stream", get(stream))
        .with_state(asked);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/t/k", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    Url::parse(&url).unwrap()
}

/// Notes in a word what it is told to show.
#[derive(Default)]
struct Notes(Vec<String>);

impl Screen for Notes {
    fn show(&mut self, update: &Update) -> Result<(), Error> {
        self.0.push(match update {
            Update::Event(seq, event) => format!("{seq} {}", event.id()),
            Update::Passing(event) => event.id().to_owned(),
            Update::Epoch(change) => change.epoch.clone(),
            Update::State(state) => state.status.to_string(),
        });
        Ok(())
    }

    fn lost(&mut self, _error: Option<&Error>) -> Result<(), Error> {
        self.0.push("lost".into());
        Ok(())
    }

    fn back(&mut self) -> Result<(), Error> {
        self.0.push("back".into());
        Ok(())
    }
}

#[tokio::test]
async fn a_broken_connection_is_taken_up_again_where_it_broke() {
    let asked = Arc::default();
    let viewer = Viewer::open(&breaking_hub(Arc::clone(&asked)).await).await.unwrap();
    let mut notes = Notes::default();
    tokio::time::timeout(Duration::from_secs(20), follow(&viewer, &mut notes, 0)).await.expect("it ends").unwrap();
    assert_eq!(notes.0, ["idle", "1 e1", "2 e2", "lost", "back", "3 e3", "ended"]);
    assert_eq!(*asked.lock().unwrap(), ["0", "2", "2"]);
}

#[test]
fn json_lines_keep_the_events_bytes() {
    let text = r#"{"id":"e","type":"t",  "data":{"n":1.0}}"#;
    let sequenced = SequencedEvent { seq: 7, event: Event::parse(text).unwrap().raw().to_owned() };
    let line = serde_json::to_string(&tagged("event", &sequenced)).unwrap();
    assert_eq!(line, format!(r#"{{"type":"event","seq":7,"event":{text}}}"#));
    let snapshot: SessionSnapshot = serde_json::from_value(state("idle")).unwrap();
    let line: Value = serde_json::from_str(&serde_json::to_string(&tagged("state", &snapshot)).unwrap()).unwrap();
    assert_eq!((&line["type"], &line["status"]), (&json!("state"), &json!("idle")));
}

#[test]
fn the_header_and_changes_of_the_state() {
    let snapshot = |value: Value| serde_json::from_value::<SessionSnapshot>(value).unwrap();
    let mut out = Vec::new();
    let mut page = Page::new(&mut out, Manner::default(), &snapshot(state("idle"))).unwrap();
    let mut later = state("working");
    later["title"] = json!("Other \u{1b}[2Jtitle");
    later["presence"] = json!({"online": false});
    page.state(&snapshot(later.clone())).unwrap();
    page.state(&snapshot(later)).unwrap();
    page.state(&snapshot(state("working"))).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}
